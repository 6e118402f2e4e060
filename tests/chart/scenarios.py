"""The values for rendering the chart: each example file, and each switch on and off."""

import pathlib

# The bundled database with a fixed password, because a generated one needs a cluster.
BUNDLED = {"database": {"password": "correct horse"}}
EXTERNAL = {"database": {"mode": "external", "external": {"host": "db.example.org"}, "existingSecret": "rollcall-db"}}
CNPG = {"database": {"mode": "cnpg"}}

CHART = pathlib.Path(__file__).resolve().parents[2] / "helm" / "rollcall"
EXAMPLES = {path.stem: (path,) for path in sorted(CHART.glob("values-*.yaml"))}

ROUTE = {"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]}}
MESH = {"virtualService": {"enabled": True, "hosts": ["attendance.example.org"], "gateways": ["mesh"]}}
CANARY = {"canary": {"enabled": True, "image": {"tag": "next"}}}
POLICIES = {"networkPolicy": {"enabled": True}}
PEERS = {
    "networkPolicy": {
        "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}],
        "metricsFrom": [{"podSelector": {"matchExpressions": [{"key": "scrapes", "operator": "Exists"}]}}],
        "databaseTo": [{"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.7/32"]}}],
    }
}
MONITOR = {"serviceMonitor": {"enabled": True}}
RETENTION = {"retention": {"enabled": True, "days": 365}}
SERVICE_ROLE = {"database": {"cnpg": {"serviceRole": {"name": "gates", "existingSecret": "rollcall-service"}}}}
LONG = {"fullnameOverride": "a-name-much-longer-than-what-is-left-of-it-in-the-names"}

SCENARIOS = {
    "bundled": (BUNDLED,),
    "bundled, own Secret": ({"database": {"existingSecret": "rollcall-db"}},),
    "external": (EXTERNAL,),
    "external, password": (
        {"database": {"mode": "external", "external": {"host": "db.example.org"}, "password": "x"}},
    ),
    "external, replica": (EXTERNAL, {"database": {"external": {"readReplica": {"host": "replica", "port": 5433}}}}),
    "authority in a Secret": (EXTERNAL, {"database": {"external": {"sslRootCert": {"secret": "authority"}}}}),
    "authority in a ConfigMap": (EXTERNAL, {"database": {"external": {"sslRootCert": {"configMap": "authority"}}}}),
    **{
        f"sslmode {mode}": (EXTERNAL, {"database": {"external": {"sslmode": mode}}})
        for mode in ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
    },
    "cnpg": (CNPG,),
    "cnpg, reads from replicas": (CNPG, {"database": {"cnpg": {"readFromReplicas": True}}}),
    "cnpg, separate service role": (CNPG, SERVICE_ROLE, RETENTION),
    "cnpg, one instance": (CNPG, {"database": {"cnpg": {"instances": 1}}}),
    "manual migration": (EXTERNAL, {"migrations": {"mode": "none"}}),
    "separate owner role": (EXTERNAL, {"migrations": {"existingSecret": "owner"}}),
    "Job is kept": (EXTERNAL, {"migrations": {"ttlSecondsAfterFinished": None}}),
    "Job with a suffix": (EXTERNAL, {"migrations": {"nameSuffix": "1-1-0"}}),
    **{f"pull {when}": (EXTERNAL, {"image": {"pullPolicy": when}}) for when in ("Always", "IfNotPresent", "Never")},
    "access by tokens": (EXTERNAL, {"access": {"mode": "token", "existingSecret": "rollcall-access"}}),
    "open access": (EXTERNAL, {"access": {"mode": "open"}}),
    "open access, bundled": (BUNDLED, {"access": {"mode": "open"}}),
    "retention": (EXTERNAL, RETENTION),
    "retention, separate owner role": (EXTERNAL, RETENTION, {"migrations": {"existingSecret": "owner"}}),
    "retention, cnpg": (CNPG, RETENTION),
    "log as text": (EXTERNAL, {"log": {"format": "text"}}),
    "one pod": (EXTERNAL, {"replicaCount": 1}),
    "scaled by load": (EXTERNAL, {"autoscaling": {"enabled": True}}),
    "scaled by load from one": (EXTERNAL, {"autoscaling": {"enabled": True, "minReplicas": 1}}),
    "no disruption budget": (EXTERNAL, {"podDisruptionBudget": {"enabled": False}}),
    **{f"{kind} Service": (EXTERNAL, {"service": {"type": kind}}) for kind in ("NodePort", "LoadBalancer")},
    "Ingress": (EXTERNAL, {"ingress": {"enabled": True, "hosts": ["attendance.example.org"]}}),
    "HTTPRoute": (EXTERNAL, ROUTE),
    "VirtualService": (EXTERNAL, MESH),
    "canary by HTTPRoute": (EXTERNAL, ROUTE, CANARY),
    "canary by VirtualService": (EXTERNAL, MESH, CANARY),
    "bundled, network policies": (BUNDLED, POLICIES),
    "external, network policies": (EXTERNAL, POLICIES),
    "external, network policies with peers": (EXTERNAL, POLICIES, PEERS),
    "cnpg, network policies": (CNPG, POLICIES, PEERS),
    "ServiceMonitor": (EXTERNAL, MONITOR),
    "ServiceMonitor, other port": (EXTERNAL, MONITOR, {"metrics": {"port": 9464}}),
    "PrometheusRule": (EXTERNAL, {"prometheusRule": {"enabled": True}}),
    "dashboard": (EXTERNAL, {"dashboard": {"enabled": True}}),
    "long name": (BUNDLED, LONG),
    "as a subchart": (EXTERNAL, {"global": {"domain": "example.org"}, "enabled": True}),
    "everything": (
        BUNDLED,
        ROUTE,
        MESH,
        CANARY,
        POLICIES,
        PEERS,
        LONG,
        {
            "image": {"tag": 2, "digest": "sha256:" + 64 * "0"},
            "imagePullSecrets": [{"name": "registry"}],
            "podLabels": {"team": "gates"},
            "podAnnotations": {"note": "x"},
            "migrations": {"podLabels": {"team": "gates"}, "podAnnotations": {"sidecar.istio.io/inject": "false"}},
            "nodeSelector": {"disk": "fast"},
            "tolerations": [{"key": "gates", "operator": "Exists", "effect": "NoSchedule"}],
            "autoscaling": {
                "enabled": True,
                "metrics": [
                    {
                        "type": "Pods",
                        "pods": {
                            "metric": {"name": "rollcall_queue_depth"},
                            "target": {"type": "AverageValue", "averageValue": "100"},
                        },
                    }
                ],
            },
            "service": {"annotations": {"note": "x"}},
            "ingress": {
                "enabled": True,
                "className": "nginx",
                "annotations": {"note": "x"},
                "hosts": ["attendance.example.org"],
                "tls": [{"secretName": "tls", "hosts": ["attendance.example.org"]}],
            },
            **RETENTION,
            "serviceMonitor": {**MONITOR["serviceMonitor"], "labels": {"release": "prometheus"}},
            "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
            "dashboard": {"enabled": True, "annotations": {"folder": "Gates"}},
        },
    ),
    **EXAMPLES,
}
