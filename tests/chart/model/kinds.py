"""The kinds of the API server: those that the chart can render, and those that controllers create."""

from typing import NamedTuple


class Kind(NamedTuple):
    group: str
    version: str
    name: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self):
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self):
        """The name in error messages, such as jobs.batch."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified(self):
        """The name in validation errors, such as Job.batch."""
        return f"{self.name}.{self.group}" if self.group else self.name

    @property
    def custom(self):
        """Whether a CustomResourceDefinition defines it. The built-in groups with a dot end in k8s.io."""
        return "." in self.group and self.group not in ("networking.k8s.io",)


NAMESPACE = Kind("", "v1", "Namespace", "namespaces", namespaced=False)
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
POD = Kind("", "v1", "Pod", "pods")
SECRET = Kind("", "v1", "Secret", "secrets")
SERVICE = Kind("", "v1", "Service", "services")
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")
VOLUME_CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
REPLICA_SET = Kind("apps", "v1", "ReplicaSet", "replicasets")
STATEFUL_SET = Kind("apps", "v1", "StatefulSet", "statefulsets")
JOB = Kind("batch", "v1", "Job", "jobs")
CRON_JOB = Kind("batch", "v1", "CronJob", "cronjobs")
AUTOSCALER = Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
CNPG_CLUSTER = Kind("postgresql.cnpg.io", "v1", "Cluster", "clusters")

KINDS = (
    NAMESPACE,
    CONFIG_MAP,
    POD,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    VOLUME_CLAIM,
    DEPLOYMENT,
    REPLICA_SET,
    STATEFUL_SET,
    JOB,
    AUTOSCALER,
    CNPG_CLUSTER,
    # Stored without a controller.
    CRON_JOB,
    Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Kind("networking.k8s.io", "v1", "Ingress", "ingresses"),
    Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
    Kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
    Kind("networking.istio.io", "v1", "VirtualService", "virtualservices"),
    Kind("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"),
    Kind("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"),
)
