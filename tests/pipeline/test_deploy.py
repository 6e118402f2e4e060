"""The Jenkinsfile's deployment commands, run by the real helm and kubectl on a model of a cluster."""

import os
import re
import subprocess
import sys

from conftest import DIGEST, ROOT, TOOLS, VERSION, run_jenkinsfile

import pytest
import yaml

sys.path.append(str(ROOT / "tests" / "chart"))
from model import api_server
from model.database import Database
from model.images import Rollcall
from model.kinds import CONFIG_MAP, NAMESPACE, POD, SECRET

NAME = "ghcr.io/rollcall/rollcall"
MIGRATION = yaml.safe_load((ROOT / "helm/rollcall/Chart.yaml").read_text())["annotations"]["rollcall/last-migration"]
VALUES = yaml.safe_load((ROOT / "helm/rollcall/values-production.yaml").read_text())
NEXT_MIGRATION = "29991231000000"
LOG = 'relation "attendance" already exists'


class Handler(api_server.Handler):
    """Serves the logs of pods too: the message that ended the pod."""

    def _get(self, path):
        if path[-1] != "log":
            return super()._get(path)
        *_, namespace, _, name, _ = path
        message = self.objects.get(POD, namespace, name).get("status", {}).get("message")
        return f"{message}\n".encode() if message else b""


@pytest.fixture
def server(monkeypatch):
    """A cluster with the objects that values-production.yaml refers to."""
    monkeypatch.setattr(api_server, "Handler", Handler)
    with api_server.ApiServer() as server:
        cluster = server.cluster
        cluster.create(NAMESPACE, {"metadata": {"name": "attendance"}})
        for name, user in (("rollcall-database", "rollcall"), ("rollcall-database-owner", "owner")):
            contents = {"username": user, "password": f"{user} secret"}
            cluster.create(SECRET, {"metadata": {"name": name, "namespace": "attendance"}, "stringData": contents})
        authority = {"metadata": {"name": "database-authority", "namespace": "attendance"}, "data": {"ca.crt": "..."}}
        cluster.create(CONFIG_MAP, authority)
        roles = {"rollcall": "rollcall secret", "owner": "owner secret"}
        database = Database(VALUES["database"]["name"], roles=roles, owners={"owner"})
        cluster.add_database(VALUES["database"]["external"]["host"], database)
        yield server
        assert server.unmodelled == []


@pytest.fixture(scope="session")
def commands(tmp_path_factory):
    """The arguments of `helm upgrade` and `helm test` that the Jenkinsfile runs on the production cluster."""
    released = run_jenkinsfile(tmp_path_factory.mktemp("released"), f"v{VERSION}", VERSION)
    called = [call["command"] for call in released.calls if call["cluster"] == "production.kubeconfig"]
    return {kind: next(words for words in called if words[:2] == ["helm", kind]) for kind in ("upgrade", "test")}


@pytest.fixture
def run(server, tmp_path):
    """Runs a command in the project's folder against the cluster; returns the finished process."""
    kubeconfig = server.kubeconfig(tmp_path / "kubeconfig")
    homes = {f"HELM_{kind}_HOME": str(tmp_path / kind) for kind in ("CACHE", "CONFIG", "DATA")}
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("HELM_", "KUBE"))},
        **homes,
        "HOME": str(tmp_path),
        "KUBECONFIG": str(kubeconfig),
        "PATH": f"{TOOLS / 'helm'}:{os.environ['PATH']}",
    }

    def run(*words):
        return subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)

    return run


def publish(server, digest, *properties):
    # The chart names an image by tag and digest when both are set.
    server.cluster.publish(f"{NAME}:{VERSION}@{digest}", Rollcall(*properties))


def upgrade(run, words, digest=DIGEST):
    """Runs the pipeline's upgrade with a shorter timeout: in the model everything happens at once."""
    changed = [word.replace(DIGEST, digest) for word in words]
    changed[changed.index("--timeout") + 1] = "5s"
    return run("deploy/with-migrate-log", "attendance", "rollcall", *changed)


def test_the_pipelines_commands_deploy_and_test_a_release(server, run, commands):
    publish(server, DIGEST, MIGRATION)
    done = upgrade(run, commands["upgrade"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "STATUS: deployed" in done.stdout and "the log of" not in done.stdout
    images = server.cluster.serving()
    assert len(images) == VALUES["autoscaling"]["minReplicas"] and all(image.endswith(f"@{DIGEST}") for image in images)
    tested = run(*commands["test"])
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "Phase:          Succeeded" in tested.stdout


@pytest.mark.parametrize("before", [True, False], ids=["an upgrade", "the first installation"])
def test_the_log_of_a_failed_job_is_printed_after_helm_has_deleted_the_job(server, run, commands, before):
    broken = "sha256:" + "b" * 64
    publish(server, broken, NEXT_MIGRATION, LOG)
    if before:
        publish(server, DIGEST, MIGRATION)
        assert upgrade(run, commands["upgrade"]).returncode == 0
    done = upgrade(run, commands["upgrade"], digest=broken)
    assert done.returncode != 0
    assert ("has been rolled back" if before else "has been uninstalled") in done.stderr
    # One log per attempt. A pod's name is the Job's name and a number.
    logs = re.findall(rf"^== the log of (rollcall-migrate-{MIGRATION}-\w+)-\d+\n{LOG}$", done.stdout, re.MULTILINE)
    assert len(logs) > 1 and len(set(logs)) == 1
    assert logs[0] not in server.cluster.jobs()


def test_a_failure_without_a_job_is_reported(run):
    done = run("deploy/with-migrate-log", "attendance", "rollcall", "sh", "-c", "exit 3")
    assert done.returncode == 3
    assert done.stdout == "with-migrate-log: the migrate Job's pods have no logs\n"


def test_a_signal_reaches_the_command(tmp_path, run):
    # The command waits for the signal by reading from a pipe that nobody writes to.
    os.mkfifo(tmp_path / "pipe")
    wait = f"while :; do read -t 1 _ <>{tmp_path}/pipe; done"
    script = f"trap 'touch {tmp_path}/signalled; exit 5' TERM; kill -TERM $PPID; {wait}"
    done = run("deploy/with-migrate-log", "attendance", "rollcall", "bash", "-c", script)
    assert done.returncode == 5
    assert (tmp_path / "signalled").exists()
