"""The restricted Pod Security Standard of Kubernetes 1.32, rule by rule, and further rules of this project.

https://kubernetes.io/docs/concepts/security/pod-security-standards/ names the rules in this order.
"""

SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}
SAFE_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
SAFE_SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
SAFE_SECCOMP = {"RuntimeDefault", "Localhost"}


def pods(thing):
    """Each pod or pod template in an object, at any depth."""
    if isinstance(thing, list):
        for each in thing:
            yield from pods(each)
    elif isinstance(thing, dict):
        if "containers" in thing.get("spec", {}):
            yield thing
        for each in thing.values():
            yield from pods(each)


def containers(spec):
    return [each for kind in ("initContainers", "containers", "ephemeralContainers") for each in spec.get(kind, [])]


def violations(pod):
    """The pod's violations of the rules, as lines of text."""
    spec = pod["spec"]
    found = list(pod_violations(spec, pod.get("metadata", {})))
    for each in containers(spec):
        found += container_violations(each, spec)
    return found


def pod_violations(spec, metadata):
    context = spec.get("securityContext", {})
    # Baseline: HostProcess, host namespaces, hostPath volumes, AppArmor, SELinux, seccomp, sysctls.
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield "a host process"
    for namespace in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(namespace):
            yield f"{namespace} is set"
    for key, profile in metadata.get("annotations", {}).items():
        if key.startswith("container.apparmor.security.beta.kubernetes.io/") and profile == "unconfined":
            yield f"{key} is unconfined"
    yield from context_violations(context)
    for sysctl in context.get("sysctls", []):
        if sysctl["name"] not in SAFE_SYSCTLS:
            yield f"the sysctl {sysctl['name']}"
    # Restricted: volume types. This excludes hostPath too.
    for volume in spec.get("volumes", []):
        for kind in volume.keys() - {"name"} - SAFE_VOLUMES:
            yield f"the volume {volume['name']} is of type {kind}"
    # Rules of this project.
    if spec.get("automountServiceAccountToken") is not False:
        yield "a service account's token is mounted"
    if spec.get("enableServiceLinks") is not False:
        yield "Services of the namespace may set variables"


def container_violations(container, spec):
    name = container["name"]
    context = container.get("securityContext", {})
    inherited = {**spec.get("securityContext", {}), **context}
    # Baseline: privileged, capabilities, host ports, /proc.
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield f"{name}: a host process"
    if context.get("privileged"):
        yield f"{name}: privileged"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield f"{name}: a port of the host"
    if context.get("procMount", "Default") != "Default":
        yield f"{name}: another /proc"
    yield from (f"{name}: {line}" for line in context_violations(context))
    # Restricted: privilege escalation, non-root, seccomp, capabilities.
    if context.get("allowPrivilegeEscalation") is not False:
        yield f"{name}: privileges may be escalated"
    if inherited.get("runAsNonRoot") is not True:
        yield f"{name}: may be root"
    if inherited.get("runAsUser") == 0:
        yield f"{name}: is root"
    if inherited.get("seccompProfile", {}).get("type") not in SAFE_SECCOMP:
        yield f"{name}: no seccomp profile"
    capabilities = context.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []):
        yield f"{name}: keeps capabilities"
    if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield f"{name}: adds capabilities"
    # Rules of this project.
    if context.get("readOnlyRootFilesystem") is not True:
        yield f"{name}: may write to its root file system"
    if not isinstance(inherited.get("runAsUser"), int):
        yield f"{name}: no user's number"


def context_violations(context):
    """Rules that apply to the security contexts of pods and of containers."""
    if context.get("appArmorProfile", {}).get("type", "RuntimeDefault") not in SAFE_SECCOMP:
        yield "AppArmor is off"
    selinux = context.get("seLinuxOptions", {})
    if selinux.get("type", "") not in SAFE_SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield "other SELinux options"
    if context.get("seccompProfile", {}).get("type", "RuntimeDefault") not in SAFE_SECCOMP:
        yield "seccomp is off"
