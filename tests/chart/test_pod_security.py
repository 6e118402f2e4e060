"""Every rendered pod complies with the restricted Pod Security Standard, and the check itself finds violations."""

import copy

from pod_security import containers, pods, violations
from scenarios import BUNDLED, RETENTION, SCENARIOS

import pytest

GOOD = {
    "metadata": {},
    "spec": {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "tmp", "emptyDir": {}}],
        "containers": [
            {
                "name": "main",
                "ports": [{"containerPort": 8000}],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    },
}


@pytest.mark.parametrize("values", SCENARIOS.values(), ids=SCENARIOS)
def test_every_pod_is_restricted(render, values):
    objects = render(*values)
    found = [pod for each in objects for pod in pods(each)]
    kinds = [each["kind"] for each in objects]
    expected = sum(kinds.count(kind) for kind in ("Deployment", "StatefulSet", "Job", "CronJob", "Pod"))
    assert len(found) == expected >= 2
    assert [line for pod in found for line in violations(pod)] == []


def test_every_kind_of_container_is_checked(render):
    names = {each["name"] for pod in pods(render(BUNDLED, RETENTION)) for each in containers(pod["spec"])}
    assert names == {"rollcall", "wait-for-schema", "migrate", "postgres", "ready", "erase"}


def test_a_compliant_pod_has_no_violations():
    assert violations(GOOD) == []


BROKEN = {
    "host network": ("spec.hostNetwork", True),
    "host processes": ("spec.hostPID", True),
    "host IPC": ("spec.hostIPC", True),
    "host process": ("spec.securityContext.windowsOptions", {"hostProcess": True}),
    "host process of a container": ("spec.containers.0.securityContext.windowsOptions", {"hostProcess": True}),
    "privileged": ("spec.containers.0.securityContext.privileged", True),
    "another capability": ("spec.containers.0.securityContext.capabilities.add", ["SYS_ADMIN"]),
    "capabilities kept": ("spec.containers.0.securityContext.capabilities", {"drop": ["NET_RAW"]}),
    "host path": ("spec.volumes.0", {"name": "host", "hostPath": {"path": "/"}}),
    "another volume": ("spec.volumes.0", {"name": "share", "nfs": {"server": "host", "path": "/"}}),
    "host port": ("spec.containers.0.ports.0.hostPort", 80),
    "AppArmor by annotation": (
        "metadata.annotations",
        {"container.apparmor.security.beta.kubernetes.io/main": "unconfined"},
    ),
    "AppArmor": ("spec.securityContext.appArmorProfile", {"type": "Unconfined"}),
    "AppArmor of a container": ("spec.containers.0.securityContext.appArmorProfile", {"type": "Unconfined"}),
    "SELinux type": ("spec.securityContext.seLinuxOptions", {"type": "spc_t"}),
    "SELinux user": ("spec.containers.0.securityContext.seLinuxOptions", {"user": "root"}),
    "proc": ("spec.containers.0.securityContext.procMount", "Unmasked"),
    "no seccomp": ("spec.securityContext.seccompProfile", {}),
    "seccomp off in a container": ("spec.containers.0.securityContext.seccompProfile", {"type": "Unconfined"}),
    "sysctl": ("spec.securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}]),
    "escalation": ("spec.containers.0.securityContext.allowPrivilegeEscalation", True),
    "possibly root": ("spec.securityContext.runAsNonRoot", None),
    "possibly root in a container": ("spec.containers.0.securityContext.runAsNonRoot", False),
    "root": ("spec.securityContext.runAsUser", 0),
    "root in a container": ("spec.containers.0.securityContext.runAsUser", 0),
    "writable root": ("spec.containers.0.securityContext.readOnlyRootFilesystem", False),
    "no user": ("spec.securityContext.runAsUser", None),
    "token": ("spec.automountServiceAccountToken", True),
    "service links": ("spec.enableServiceLinks", True),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("place", ["containers", "initContainers"])
def test_a_violation_is_reported(change, place):
    path, value = change
    pod = copy.deepcopy(GOOD)
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    inner = pod
    for step in way:
        inner = inner[step]
    inner[last] = value
    if place == "initContainers":
        pod["spec"]["initContainers"] = pod["spec"]["containers"]
        pod["spec"]["containers"] = GOOD["spec"]["containers"]
    assert violations(pod) != []
