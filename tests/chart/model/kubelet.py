"""Runs pods: resolves what their containers need, starts them in order, and runs their probes."""

import base64
import re

from .database import Failed, Waiting
from .kinds import CONFIG_MAP, POD, SECRET, SERVICE_ACCOUNT, VOLUME_CLAIM
from .refusal import NotModelled


# What a variable's value can be read from.
REFERENCES = {"secretKeyRef": SECRET, "configMapKeyRef": CONFIG_MAP}


def run(cluster, pod):
    """Advances one pod as far as possible."""
    phase = pod.get("status", {}).get("phase", "Pending")
    if phase in ("Succeeded", "Failed"):
        return
    ready, reason = False, ""
    try:
        if phase == "Pending":
            phase = _start(cluster, pod)
        if phase == "Running":
            _ask_probes(cluster, pod)
            ready = True
    except Waiting as why:
        reason = str(why)
    except Failed as why:
        reason = str(why)
        if pod["spec"].get("restartPolicy", "Always") == "Never":
            phase = "Failed"
    _report(cluster, pod, phase, ready, reason)


def _start(cluster, pod):
    """Starts the pod; returns its new phase. Raises Waiting while something is missing."""
    namespace, spec = pod["metadata"]["namespace"], pod["spec"]
    account = spec.get("serviceAccountName", "default")
    if account != "default" and not cluster.objects.find(SERVICE_ACCOUNT, namespace, account):
        raise Waiting(f'serviceaccount "{account}" not found')
    for volume in spec.get("volumes", []):
        _check_volume(cluster, namespace, volume)
    for container in spec.get("initContainers", []):
        if _run(cluster, pod, container):
            raise Failed(f"the init container {container['name']} does not end")
    processes = {container["name"]: _run(cluster, pod, container) for container in spec["containers"]}
    if any(processes.values()):
        cluster.processes[pod["metadata"]["uid"]] = processes
        return "Running"
    return "Succeeded"


def _run(cluster, pod, container):
    image = cluster.image(container["image"])
    return image.run(cluster, pod, container, _environment(cluster, pod, container))


def _check_volume(cluster, namespace, volume):
    if "secret" in volume:
        _items(cluster, SECRET, namespace, volume["secret"]["secretName"], volume["secret"])
    elif "configMap" in volume:
        _items(cluster, CONFIG_MAP, namespace, volume["configMap"]["name"], volume["configMap"])
    elif "persistentVolumeClaim" in volume:
        claim = volume["persistentVolumeClaim"]["claimName"]
        if not cluster.objects.find(VOLUME_CLAIM, namespace, claim):
            raise Waiting(f'persistentvolumeclaim "{claim}" not found')
    elif "emptyDir" not in volume:
        raise NotModelled(f"a volume of {sorted(volume)}")


def _items(cluster, kind, namespace, name, source):
    for item in source.get("items", []):
        _value(cluster, kind, namespace, {"name": name, "key": item["key"]})
    if not source.get("items"):
        _contents(cluster, kind, namespace, name)


def _environment(cluster, pod, container):
    namespace = pod["metadata"]["namespace"]
    env = {}
    for source in container.get("envFrom", []):
        for field, kind in (("secretRef", SECRET), ("configMapRef", CONFIG_MAP)):
            if field in source:
                env |= _contents(cluster, kind, namespace, source[field]["name"])
    for variable in container.get("env", []):
        given = variable.get("valueFrom")
        if not given:
            value = re.sub(r"\$\((\w+)\)", lambda match: env.get(match[1], match[0]), variable.get("value", ""))
        elif len(given) == 1 and given.keys() <= REFERENCES.keys():
            [(field, reference)] = given.items()
            try:
                value = _value(cluster, REFERENCES[field], namespace, reference)
            except Waiting:
                if reference.get("optional"):
                    continue
                raise
        else:
            raise NotModelled(f"a variable from {sorted(given)}")
        env[variable["name"]] = value
    return env


def _value(cluster, kind, namespace, reference):
    contents = _contents(cluster, kind, namespace, reference["name"])
    if reference["key"] not in contents:
        raise Waiting(f'couldn\'t find key {reference["key"]} in {kind.name} {namespace}/{reference["name"]}')
    return contents[reference["key"]]


def _contents(cluster, kind, namespace, name):
    found = cluster.objects.find(kind, namespace, name)
    if not found:
        raise Waiting(f'{kind.name.lower()} "{name}" not found')
    if kind == CONFIG_MAP:
        return found.get("data", {})
    return {key: base64.b64decode(value).decode() for key, value in found.get("data", {}).items()}


def _ask_probes(cluster, pod):
    processes = cluster.processes[pod["metadata"]["uid"]]
    for container in pod["spec"]["containers"]:
        # A failed liveness probe would restart the container. Here the pod does not become ready.
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = container.get(name, {})
            process = processes[container["name"]]
            if "httpGet" in probe:
                process.get(port_number(container, probe["httpGet"]["port"]), probe["httpGet"]["path"])
            elif "exec" in probe:
                process.execute(probe["exec"]["command"])
            elif probe:
                raise NotModelled(f"a probe by {sorted(probe)}")


def port_number(container, port):
    if isinstance(port, int):
        return port
    for named in container.get("ports", []):
        if named.get("name") == port:
            return named["containerPort"]
    raise Waiting(f"no port is called {port}")


def _report(cluster, pod, phase, ready, reason):
    name = pod["metadata"]["name"]
    before = pod.get("status", {})
    status = {"phase": phase, "message": reason, "conditions": [{"type": "Ready", "status": str(ready)}]}
    if status == before:
        return
    if phase in ("Succeeded", "Failed"):
        cluster.note(f"Pod/{name} {phase.lower()}" + (f": {reason}" if reason else ""))
    elif ready:
        cluster.note(f"Pod/{name} ready")
    elif reason != before.get("message"):
        cluster.note(f"Pod/{name} waits: {reason}")
    cluster.objects.replace(POD, pod | {"status": status})


def is_ready(pod):
    conditions = pod.get("status", {}).get("conditions", [])
    return {"type": "Ready", "status": "True"} in conditions
