"""The plain manifests, run by `podman kube play`.

Podman supports Pods and Deployments, but neither Jobs nor StatefulSets, and deviates from Kubernetes in some details.
`adapted` makes the necessary changes.
"""

import base64
import json
import subprocess
import urllib.error

import pytest
import yaml

from conftest import IMAGE, ROOT, Service, eventually, podman

NETWORK = "rollcall"
ADMIN = "the-token-of-the-admin-of-this-test"
SECRETS = {
    "rollcall-database": {"username": "rollcall", "password": "correct horse"},
    "rollcall-access": {"admin-token": ADMIN},
}


@pytest.fixture(scope="module")
def manifests():
    """The objects of k8s/, by kind."""
    files = yaml.safe_load((ROOT / "k8s/kustomization.yaml").read_text())["resources"]
    objects = [o for file in files for o in yaml.safe_load_all((ROOT / "k8s" / file).read_text())]
    return {o["kind"]: o for o in objects}


@pytest.fixture
def play(containers, tmp_path):
    """Starts `podman kube play` of an object; returns the process, which ends when its containers have started."""
    podman("network", "create", NETWORK)
    for name, values in SECRETS.items():
        # Encoded as `kubectl create secret` would.
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        podman("secret", "create", name, "-", stdin=json.dumps(encoded))
    players = []

    def start(manifest):
        text = yaml.safe_dump(adapted(manifest, tmp_path))
        player = subprocess.Popen(["podman", "kube", "play", f"--network={NETWORK}", "-"], stdin=subprocess.PIPE)
        player.stdin.write(text.encode())
        player.stdin.close()
        players.append(player)
        return player

    yield start
    for player in players:
        player.kill()
        player.wait()
    podman("pod", "rm", "--all", "--force")
    podman("network", "rm", NETWORK)


def adapted(manifest, directory):
    """The manifest, changed for podman 4."""
    spec = manifest["spec"]
    pod = spec["template"]["spec"]
    claims = [claim["metadata"]["name"] for claim in spec.pop("volumeClaimTemplates", [])]
    volumes = [volume["name"] for volume in pod.get("volumes", [])] + claims
    folders = {name: writable_volume(directory / f"{manifest['kind']}-{name}") for name in volumes}
    pod["volumes"] = [{"name": name, "hostPath": folder} for name, folder in folders.items()]
    if manifest["kind"] == "Deployment":
        # Podman would give both pods the same port, and would restart an init container that has succeeded.
        spec["replicas"] = 1
        pod["restartPolicy"] = "OnFailure"
        return manifest
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**spec["template"]["metadata"], "name": manifest["metadata"]["name"]},
        "spec": pod,
    }


def writable_volume(folder):
    """A volume that every user may write to, like an emptyDir in Kubernetes; podman's belongs to root."""
    folder.mkdir()
    folder.chmod(0o1777)
    return {"path": str(folder), "type": "Directory"}


def test_the_service_waits_for_the_job_and_then_answers(manifests, play):
    deployment, job, database = (manifests[kind] for kind in ("Deployment", "Job", "StatefulSet"))
    service = Service(token=ADMIN)
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        podman("tag", IMAGE, container["image"])
    waiting, serving = "rollcall-pod-0-wait-for-schema", "rollcall-pod-0-rollcall"

    rollout = play(deployment)
    eventually(lambda: exists(waiting) and "waiting up to" in podman("logs", waiting))

    assert play(database).wait() == 0
    # Now the database answers, but has no schema.
    eventually(lambda: "has not been migrated" in podman("logs", waiting))
    assert rollout.poll() is None
    assert state(serving) == "created"
    assert not service.answers()

    assert play(job).wait() == 0
    migrated = f"{job['metadata']['name']}-migrate"
    assert podman("wait", migrated) == "0"
    assert "the schema is current" in podman("logs", migrated)

    assert rollout.wait(timeout=60) == 0
    eventually(service.answers)
    service.records_and_shows_an_entry()
    made = podman("exec", serving, "/rollcall", "token", "create", "gate-a", "--role", "gate", "--gate", "A")
    gate = Service(token=made)
    assert gate.ask("/table/create", {"firstname": "Arvin", "lastname": "Cudanin"})[1]["gate"] == "A"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        Service().sheet()
    [inspected] = json.loads(podman("inspect", serving))
    assert inspected["Config"]["User"] == "65532:65532"
    assert inspected["HostConfig"]["ReadonlyRootfs"]
    assert inspected["EffectiveCaps"] in (None, [])


def exists(container):
    return subprocess.run(["podman", "container", "exists", container]).returncode == 0


def state(container):
    return podman("inspect", "--format={{.State.Status}}", container)
