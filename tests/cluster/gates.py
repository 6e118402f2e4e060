"""Load: gates inside the cluster that record entries."""

import collections
import pathlib

from namespace import PATIENCE

import yaml

SCRIPT = pathlib.Path(__file__).with_name("gate.sh")
COMPOSE = SCRIPT.parents[2] / "compose.yaml"
# It has a shell, and the cluster has it already.
IMAGE = next(
    service["image"]
    for service in yaml.safe_load(COMPOSE.read_text())["services"].values()
    if "/postgres:" in service["image"]
)
RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}


class Gates:
    """Gates in one pod: two with a connection for each entry, and two that keep theirs."""

    def __init__(self, namespace, retry=False, keep_alive=True, has_token=True):
        self.namespace = namespace
        token = create_token(namespace) if has_token else ""
        pods = " ".join(each["status"]["podIP"] for each in namespace.pods())
        connections = "close keep-alive" if keep_alive else "close"
        spec = pod(TOKEN=token, PODS=pods, CONNECTIONS=connections, RETRY="yes" if retry else "")
        metadata = {"name": "gates"}
        namespace.apply(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"gate.sh": SCRIPT.read_text()}},
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec},
        )
        namespace.kubectl("wait", "--for", "condition=Ready", "pod/gates", "--timeout", f"{PATIENCE}s")

    def stop(self):
        """Ends the load; returns what became of the requests."""
        self.namespace.kubectl("exec", "gates", "--", "touch", "/tmp/stop")
        self.namespace.kubectl(
            "wait", "--for", "jsonpath={.status.phase}=Succeeded", "pod/gates", "--timeout", f"{PATIENCE}s"
        )
        return Recorded(self.namespace.kubectl("logs", "gates").stdout.splitlines())


class Recorded:
    """The outcome of each request. 200 acknowledges a retry."""

    def __init__(self, lines):
        outcomes = [line.rpartition(" ")[::2] for line in lines]
        self.sent = {entry for _, entry in outcomes}
        self.acknowledged = {entry for outcome, entry in outcomes if outcome in ("200", "201")}
        self.failed = collections.Counter(outcome for outcome, _ in outcomes if outcome not in ("200", "201"))

    def __str__(self):
        return f"{len(self.acknowledged)} acknowledged, {self.failed.total()} failed requests {dict(self.failed) or ''}"

    def missing(self, stored):
        """The entries that were acknowledged, and are not among the stored ones exactly once."""
        times = collections.Counter(stored)
        return [entry for entry in self.acknowledged if times[entry] != 1]


def create_token(namespace):
    command = ("/rollcall", "token", "create", "gates", "--role", "gate", "--gate", "A")
    return namespace.kubectl("exec", "deployment/rollcall", "--container", "rollcall", "--", *command).stdout.strip()


def pod(**environment):
    return {
        "automountServiceAccountToken": False,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "gates",
                "image": IMAGE,
                "command": ["bash", "/gate/gate.sh"],
                "env": [{"name": name, "value": value} for name, value in {"HOST": "rollcall", **environment}.items()],
                # Ready when all pods of the service know the token.
                "readinessProbe": {"exec": {"command": ["test", "-e", "/tmp/started"]}, "periodSeconds": 1},
                "resources": {"requests": {"cpu": "50m", "memory": "32Mi"}},
                "securityContext": RESTRICTED,
                "volumeMounts": [{"name": "gate", "mountPath": "/gate"}, {"name": "tmp", "mountPath": "/tmp"}],
            }
        ],
        "volumes": [{"name": "gate", "configMap": {"name": "gates"}}, {"name": "tmp", "emptyDir": {}}],
    }
