"""The manifests in k8s/ equal what the chart renders, and one `kubectl apply -k` installs them."""

import base64
import os
import shutil
import subprocess

from conftest import CHART, KUBERNETES, ROOT, TOOLS, only
from model.api_server import ApiServer
from model.images import Rollcall
from model.kinds import KINDS, NAMESPACE
from pod_security import pods, violations

import kubernetes_validate
import pytest
import yaml

PLAIN = ROOT / "k8s"
SECRET_FILES = ("password", "admin-token")
ADMIN_TOKEN = "a token of at least 32 characters".replace(" ", "-")
# Helm's own labels.
HELM_LABELS = ("app.kubernetes.io/managed-by", "helm.sh/chart")
CHART_YAML = yaml.safe_load((CHART / "Chart.yaml").read_text())
THIS = f"ghcr.io/rollcall/rollcall:{CHART_YAML['appVersion']}"
NEXT = "ghcr.io/rollcall/rollcall:next"
# The last migrations of this release and of the next.
MIGRATION = CHART_YAML["annotations"]["rollcall/last-migration"]
NEXT_MIGRATION = "29991231000000"


@pytest.fixture
def folder(tmp_path):
    """A copy of k8s/ and of the chart, with the files that an operator creates."""
    shutil.copytree(CHART, tmp_path / "helm" / "rollcall")
    plain = tmp_path / "k8s"
    shutil.copytree(PLAIN, plain, ignore=shutil.ignore_patterns(*SECRET_FILES))
    (plain / "password").write_text("correct horse")
    (plain / "admin-token").write_text(ADMIN_TOKEN)
    return plain


@pytest.fixture
def objects(folder):
    """All objects that kubectl would apply."""
    return list(yaml.safe_load_all(kubectl("kustomize", folder)))


@pytest.fixture
def server():
    with ApiServer() as server:
        server.cluster.create(NAMESPACE, {"metadata": {"name": "gates"}})
        server.cluster.publish(THIS, Rollcall(MIGRATION))
        server.cluster.publish(NEXT, Rollcall(NEXT_MIGRATION))
        yield server
        assert server.unmodelled == []


@pytest.fixture
def apply(server, tmp_path):
    """Applies a folder as an operator would, and waits for the rollout."""

    def apply(folder):
        kubectl(*model(server, tmp_path), "apply", "-k", folder)
        kubectl(*model(server, tmp_path), "rollout", "status", "deployment/rollcall", "--timeout", "10s")

    return apply


def model(server, tmp_path):
    """The options that point kubectl at the model."""
    files = ("--kubeconfig", server.kubeconfig(tmp_path / "kubeconfig"), "--cache-dir", tmp_path / "cache")
    return (*files, "--namespace", "gates")


def kubectl(*arguments):
    done = subprocess.run(["kubectl", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def render_again(folder):
    """Runs k8s/render in a copy."""
    path = f"{TOOLS / 'helm'}:{os.environ['PATH']}"
    subprocess.run([folder / "render"], check=True, env={**os.environ, "PATH": path})


def by_name(objects):
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


def test_the_manifests_equal_what_the_chart_renders(objects, render):
    values = {
        "access": {"mode": "token", "existingSecret": "rollcall-access"},
        "database": {"existingSecret": "rollcall-database"},
    }
    rendered = render(values)
    for each in rendered:
        for label in HELM_LABELS:
            del each["metadata"]["labels"][label]
    # The test pod is only for `helm test`. The Secrets are kustomize's and have a test of their own.
    wanted = {key: each for key, each in by_name(rendered).items() if key[0] != "Pod"}
    plain = {key: each for key, each in by_name(objects).items() if key[0] != "Secret"}
    assert sorted(plain) == sorted(wanted)
    for key in wanted:
        assert plain[key] == wanted[key]


def test_the_script_reproduces_the_files(folder):
    render_again(folder)
    for file in sorted(PLAIN.glob("*.yaml")):
        assert (folder / file.name).read_text() == file.read_text(), "run `make manifests` and commit what it makes"


def test_kustomization_lists_every_file():
    listed = yaml.safe_load((PLAIN / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == sorted(file.name for file in PLAIN.glob("*.yaml") if file.name != "kustomization.yaml")


def test_the_secrets_have_the_keys_that_the_pods_read(objects, render):
    """The database's has the same keys and type as the chart's Secret."""
    secret = only(objects, "Secret", "rollcall-database")
    [charts] = [each for each in render({"database": {"password": "correct horse"}}) if each["kind"] == "Secret"]
    for field in ("type", "data"):
        assert secret[field] == charts[field]
    assert secret["metadata"]["name"] == charts["metadata"]["name"]
    [serve] = only(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    [reference] = [each["valueFrom"] for each in serve["env"] if each["name"] == "ROLLCALL_ADMIN_TOKEN"]
    admins = only(objects, "Secret", reference["secretKeyRef"]["name"])
    assert base64.b64decode(admins["data"][reference["secretKeyRef"]["key"]]).decode() == ADMIN_TOKEN


@pytest.mark.parametrize("file", SECRET_FILES)
def test_without_a_secret_nothing_is_applied(folder, file):
    """Nor is an upgrade from 0.1.0, which had no tokens, before its operator has read README.md."""
    (folder / file).unlink()
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True)
    assert done.returncode != 0
    assert file in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("file", SECRET_FILES)
def test_no_secret_is_committed(file):
    tracked = subprocess.run(["git", "ls-files", "k8s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "k8s/kustomization.yaml" in tracked.split()
    assert f"k8s/{file}" not in tracked.split()
    assert subprocess.run(["git", "check-ignore", "--quiet", f"k8s/{file}"], cwd=ROOT).returncode == 0


def test_every_field_exists_in_kubernetes(objects):
    for each in objects:
        kubernetes_validate.validate(each, KUBERNETES, strict=True)


def test_every_pod_is_restricted(objects):
    found = [pod for each in objects for pod in pods(each)]
    assert len(found) == 3
    assert [line for pod in found for line in violations(pod)] == []


def test_no_manifest_sets_a_namespace(objects):
    assert [each for each in objects if "namespace" in each["metadata"]] == []


def test_one_command_installs_everything(apply, server, folder):
    apply(folder)
    events = server.cluster.events
    assert f"migrated rollcall to {MIGRATION}" in events
    assert server.cluster.serving() == [THIS] * 2
    before = len(events)
    apply(folder)
    assert events[before:] == []


def test_the_next_release_can_be_applied(apply, server, folder):
    apply(folder)
    about = folder.parent / "helm" / "rollcall" / "Chart.yaml"
    text = about.read_text().replace(MIGRATION, NEXT_MIGRATION)
    about.write_text(text.replace(f'appVersion: "{CHART_YAML["appVersion"]}"', "appVersion: next"))
    render_again(folder)
    apply(folder)
    assert server.cluster.serving() == [NEXT] * 2
    assert len(server.cluster.jobs()) == 2


def test_deletion_keeps_the_volume(apply, server, folder, tmp_path):
    apply(folder)
    kubectl(*model(server, tmp_path), "delete", "-k", folder)
    left = [kind.name for kind in KINDS for _ in server.cluster.objects.select(kind)]
    assert sorted(left) == ["Namespace", "Namespace", "PersistentVolumeClaim"]
