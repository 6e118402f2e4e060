"""The controllers. Each call advances one object by one step."""

import base64
import hashlib
import json
import math

from .kinds import (
    AUTOSCALER,
    CNPG_CLUSTER,
    DEPLOYMENT,
    JOB,
    POD,
    REPLICA_SET,
    SECRET,
    SERVICE,
    STATEFUL_SET,
    VOLUME_CLAIM,
)
from .kubelet import is_ready


def step(cluster):
    """One step of every controller."""
    for kind, controller in (
        (CNPG_CLUSTER, operate_database),
        (STATEFUL_SET, keep_stateful_set),
        (AUTOSCALER, keep_scale),
        (DEPLOYMENT, roll_out),
        (REPLICA_SET, keep_replicas),
        (JOB, complete_job),
    ):
        for thing in cluster.objects.select(kind):
            # An earlier step may have removed it.
            if cluster.objects.find(kind, thing["metadata"]["namespace"], thing["metadata"]["name"]):
                controller(cluster, thing)


def keep_scale(cluster, autoscaler):
    """Keeps the replicas within the bounds. There is no load in the model."""
    spec = autoscaler["spec"]
    target = cluster.objects.find(DEPLOYMENT, autoscaler["metadata"]["namespace"], spec["scaleTargetRef"]["name"])
    if target:
        replicas = min(max(target["spec"]["replicas"], spec["minReplicas"]), spec["maxReplicas"])
        cluster.objects.replace(DEPLOYMENT, target | {"spec": target["spec"] | {"replicas": replicas}})


def roll_out(cluster, deployment):
    """Moves pods from the old ReplicaSets to the one of the Deployment's template, within the strategy's bounds."""
    spec = deployment["spec"]
    wanted = spec["replicas"]
    current, old = _replica_sets(cluster, deployment)
    surge, unavailable = _bounds(spec["strategy"], wanted)
    sets = [current, *old]

    planned = sum(one["spec"]["replicas"] for one in sets)
    if current["spec"]["replicas"] > wanted:
        _scale(cluster, current, wanted)
    elif current["spec"]["replicas"] < wanted:
        room = wanted + surge - planned
        _scale(cluster, current, min(wanted, current["spec"]["replicas"] + max(0, room)))

    # Remove old pods that are not ready first, then as many ready ones as the bounds allow.
    for one in old:
        broken = one["spec"]["replicas"] - one.get("status", {}).get("readyReplicas", 0)
        _scale(cluster, one, one["spec"]["replicas"] - max(0, broken))
    spare = sum(one.get("status", {}).get("readyReplicas", 0) for one in sets) - (wanted - unavailable)
    for one in old:
        leaving = max(0, min(spare, one["spec"]["replicas"]))
        spare -= leaving
        _scale(cluster, one, one["spec"]["replicas"] - leaving)

    ready = sum(one.get("status", {}).get("readyReplicas", 0) for one in sets)
    updated = current.get("status", {}).get("replicas", 0)
    status = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": sum(one.get("status", {}).get("replicas", 0) for one in sets),
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "conditions": [{"type": "Available", "status": str(ready >= wanted - unavailable)}],
    }
    _set_status(cluster, DEPLOYMENT, deployment, status)


def _replica_sets(cluster, deployment):
    """The ReplicaSet of the current template, which is created if needed, and the other ReplicaSets."""
    template = deployment["spec"]["template"]
    digest = _digest(template)
    owned = cluster.objects.owned(REPLICA_SET, deployment)
    name = f"{deployment['metadata']['name']}-{digest}"
    current = next((one for one in owned if one["metadata"]["name"] == name), None)
    if not current:
        own = {"pod-template-hash": digest}
        labels = template["metadata"]["labels"] | own
        current = cluster.objects.add(
            REPLICA_SET,
            {
                "metadata": {"name": name, "namespace": deployment["metadata"]["namespace"], "labels": labels},
                "spec": {
                    "replicas": 0,
                    "selector": {"matchLabels": deployment["spec"]["selector"]["matchLabels"] | own},
                    "template": template | {"metadata": template["metadata"] | {"labels": labels}},
                },
            },
            owner=deployment,
        )
    return current, [one for one in owned if one["metadata"]["name"] != name]


def _bounds(strategy, wanted):
    """The numbers of pods allowed above and below the wanted number."""
    if strategy.get("type") == "Recreate":
        return 0, wanted
    surge = _share(strategy["rollingUpdate"]["maxSurge"], wanted, math.ceil)
    unavailable = _share(strategy["rollingUpdate"]["maxUnavailable"], wanted, math.floor)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def _share(bound, wanted, rounded):
    return rounded(int(bound.rstrip("%")) * wanted / 100) if isinstance(bound, str) else bound


def _scale(cluster, replica_set, replicas):
    if replica_set["spec"]["replicas"] != replicas:
        replica_set["spec"]["replicas"] = replicas
        replica_set.update(cluster.objects.replace(REPLICA_SET, replica_set))


def keep_replicas(cluster, replica_set):
    pods = cluster.objects.owned(POD, replica_set)
    wanted = replica_set["spec"]["replicas"]
    # Pods that are not ready are removed first.
    for pod in sorted(pods, key=is_ready)[: max(0, len(pods) - wanted)]:
        cluster.end(pod)
    for _ in range(wanted - len(pods)):
        cluster.start(replica_set, replica_set["spec"]["template"])
    pods = cluster.objects.owned(POD, replica_set)
    ready = sum(map(is_ready, pods))
    status = {"replicas": len(pods), "readyReplicas": ready, "availableReplicas": ready}
    status["observedGeneration"] = replica_set["metadata"]["generation"]
    _set_status(cluster, REPLICA_SET, replica_set, status)


def keep_stateful_set(cluster, stateful_set):
    """Keeps its pods in order: a pod is created or replaced after the pods before it are ready."""
    name, namespace = stateful_set["metadata"]["name"], stateful_set["metadata"]["namespace"]
    spec = stateful_set["spec"]
    revision = _digest(spec["template"])
    pods = []
    for ordinal in range(spec["replicas"]):
        pod = cluster.objects.find(POD, namespace, f"{name}-{ordinal}")
        if pod and pod["metadata"]["labels"]["controller-revision-hash"] != revision:
            cluster.end(pod)
            pod = None
        if not pod:
            template = _with_claims(cluster, stateful_set, ordinal)
            template["metadata"]["labels"]["controller-revision-hash"] = revision
            pod = cluster.start(stateful_set, template, f"{name}-{ordinal}")
        pods.append(pod)
        if not is_ready(pod):
            break
    ready = sum(map(is_ready, pods))
    status = {
        "observedGeneration": stateful_set["metadata"]["generation"],
        "replicas": len(pods),
        "readyReplicas": ready,
        "availableReplicas": ready,
        "currentReplicas": len(pods),
        "updatedReplicas": len(pods),
        "currentRevision": revision,
        "updateRevision": revision,
    }
    _set_status(cluster, STATEFUL_SET, stateful_set, status)


def _with_claims(cluster, stateful_set, ordinal):
    """The template for one pod. Missing volume claims are created; they are never removed."""
    template = json.loads(json.dumps(stateful_set["spec"]["template"]))
    volumes = template["spec"].setdefault("volumes", [])
    for claim in stateful_set["spec"].get("volumeClaimTemplates", []):
        volume = claim["metadata"]["name"]
        name = f"{volume}-{stateful_set['metadata']['name']}-{ordinal}"
        namespace = stateful_set["metadata"]["namespace"]
        if not cluster.objects.find(VOLUME_CLAIM, namespace, name):
            metadata = {"name": name, "namespace": namespace}
            cluster.objects.add(VOLUME_CLAIM, {"metadata": metadata, "spec": claim["spec"]})
        volumes.append({"name": volume, "persistentVolumeClaim": {"claimName": name}})
    return template


def complete_job(cluster, job):
    """Runs the Job's pod until it succeeds or reaches a limit, and deletes the Job after its time to live."""
    name, uid, spec = job["metadata"]["name"], job["metadata"]["uid"], job["spec"]
    if job.get("status", {}).get("conditions"):
        if cluster.clock >= cluster.finished[uid] + spec.get("ttlSecondsAfterFinished", math.inf):
            cluster.objects.remove(JOB, job["metadata"]["namespace"], name)
            cluster.note(f"Job/{name} deleted after its time to live")
        return
    started = cluster.started.setdefault(uid, cluster.clock)
    pods = cluster.objects.owned(POD, job)
    phases = [pod.get("status", {}).get("phase", "Pending") for pod in pods]
    succeeded, failed = phases.count("Succeeded"), phases.count("Failed")
    active = len(pods) - succeeded - failed
    new = {"active": active, "succeeded": succeeded, "failed": failed}
    if succeeded >= spec["completions"]:
        new["conditions"] = [{"type": "Complete", "status": "True"}]
    elif failed > spec["backoffLimit"]:
        new["conditions"] = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]
    elif cluster.clock >= started + spec.get("activeDeadlineSeconds", math.inf):
        for pod in pods:
            if pod.get("status", {}).get("phase", "Pending") in ("Pending", "Running"):
                cluster.end(pod)
        new["conditions"] = [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]
    elif not active:
        cluster.start(job, spec["template"])
    if "conditions" in new:
        cluster.finished[uid] = cluster.clock
        cluster.note(f"Job/{name} {new['conditions'][0]['type'].lower()}")
    _set_status(cluster, JOB, job, {field: value for field, value in new.items() if value})


def operate_database(cluster, thing):
    """The visible part of CloudNativePG: the Services, the Secrets, a primary, and the managed roles."""
    name, namespace = thing["metadata"]["name"], thing["metadata"]["namespace"]
    if cluster.objects.find(SERVICE, namespace, f"{name}-rw"):
        _manage_roles(cluster, thing)
        return
    bootstrap = thing["spec"].get("bootstrap", {}).get("initdb", {})
    user = bootstrap.get("owner", "app")
    credentials = {"username": user, "password": f"made-by-the-operator-for-{name}"}
    for suffix, data in (("app", credentials), ("ca", {"ca.crt": "a certificate"})):
        secret = {"metadata": {"name": f"{name}-{suffix}", "namespace": namespace}, "stringData": data}
        cluster.objects.add(SECRET, secret, owner=thing)
    labels = {"cnpg.io/cluster": name, "cnpg.io/instanceRole": "primary"}
    for suffix in ("rw", "ro", "r"):
        cluster.objects.add(
            SERVICE,
            {
                "metadata": {"name": f"{name}-{suffix}", "namespace": namespace},
                "spec": {"selector": labels, "ports": [{"port": 5432}]},
            },
            owner=thing,
        )
    env = {
        "POSTGRES_USER": user,
        "POSTGRES_PASSWORD": credentials["password"],
        "POSTGRES_DB": bootstrap.get("database", "app"),
    }
    container = {
        "name": "postgres",
        "image": thing["spec"].get("imageName", "ghcr.io/cloudnative-pg/postgresql:17"),
        "env": [{"name": key, "value": value} for key, value in env.items()],
    }
    cluster.start(thing, {"metadata": {"labels": labels}, "spec": {"containers": [container]}}, f"{name}-1")


def _manage_roles(cluster, thing):
    name, namespace = thing["metadata"]["name"], thing["metadata"]["namespace"]
    primary = cluster.objects.get(POD, namespace, f"{name}-1")
    for role in thing["spec"].get("managed", {}).get("roles", []):
        secret = cluster.objects.find(SECRET, namespace, role["passwordSecret"]["name"])
        if not secret or not is_ready(primary):
            continue
        given = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
        # The operator refuses a Secret of another role.
        if given["username"] == role["name"]:
            cluster.postgres.databases[primary["metadata"]["uid"]].roles[role["name"]] = given["password"]


def _digest(template):
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]


def _set_status(cluster, kind, thing, status):
    current = cluster.objects.find(kind, thing["metadata"]["namespace"], thing["metadata"]["name"])
    if current:
        cluster.objects.replace(kind, current | {"status": status})
