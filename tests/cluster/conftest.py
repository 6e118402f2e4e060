"""Shared by the tests on a real cluster: the one that KUBECONFIG names. Each test has a namespace of its own, in which
the restricted Pod Security Standard is enforced."""

import json
import os
import pathlib
import shutil
import subprocess
import uuid

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "rollcall"
CHART_YAML = yaml.safe_load((CHART / "Chart.yaml").read_text())
THIS = CHART_YAML["appVersion"]
MIGRATION = CHART_YAML["annotations"]["rollcall/last-migration"]
NEXT_MIGRATION = "29991231000000"
# For a cluster that pulls the images from a registry.
REPOSITORY = os.environ.get("ROLLCALL_CLUSTER_REPOSITORY", "ghcr.io/rollcall/rollcall")
# A cluster on a busy machine starts pods slowly.
PATIENCE = 300


def run(*command, stdin=None, check=True, timeout=PATIENCE + 60):
    done = subprocess.run([*map(str, command)], input=stdin, capture_output=True, text=True, timeout=timeout)
    assert not check or done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}"
    return done


class Namespace:
    """A namespace of the cluster, and what the tests do in it."""

    def __init__(self, name):
        self.name = name
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})

    def kubectl(self, *arguments, **options):
        return run("kubectl", "--namespace", self.name, *arguments, **options)

    def helm(self, *arguments, **options):
        return run(ROOT / ".tools/helm/helm", "--namespace", self.name, *arguments, **options)

    def apply(self, *things):
        self.kubectl("apply", "--filename", "-", stdin=yaml.safe_dump_all(things))

    def get(self, *arguments):
        return json.loads(self.kubectl("get", "--output", "json", *arguments).stdout)

    def upgrade(self, tag="", chart=CHART, values=None, seconds=PATIENCE, arguments=(), check=True):
        """Installs or upgrades the release as a pipeline does."""
        return self.helm(
            *("upgrade", "--install", "rollcall", chart, "--values", "-"),
            *("--set-string", f"image.repository={REPOSITORY},image.tag={tag}"),
            *("--wait", "--wait-for-jobs", "--timeout", f"{seconds}s", *arguments),
            stdin=yaml.safe_dump(values or {}),
            check=check,
        )

    def pods(self, component="service"):
        """The pods that are not about to end."""
        found = self.get("pods", "--selector", f"app.kubernetes.io/component={component}")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def serving(self):
        """The tag of each ready pod of the service."""
        return [
            pod["spec"]["containers"][0]["image"].rpartition(":")[2]
            for pod in self.pods()
            if {"type": "Ready", "status": "True"}.items()
            <= next((each for each in pod["status"].get("conditions", []) if each["type"] == "Ready"), {}).items()
        ]

    def jobs(self):
        return {job["metadata"]["name"] for job in self.get("jobs")["items"]}

    def logs(self, component):
        return self.kubectl(
            "logs", "--selector", f"app.kubernetes.io/component={component}", "--tail=-1", "--prefix"
        ).stdout

    def wait_until_serving(self):
        self.kubectl("rollout", "status", "deployment/rollcall", "--timeout", f"{PATIENCE}s")

    def sql(self, statement):
        """The lines of a statement's result, from the bundled database."""
        command = ("psql", "--host=127.0.0.1", "--dbname=rollcall", "--no-align", "--tuples-only", "--command")
        return self.kubectl(
            "exec", "statefulset/rollcall-database", "--", *command, statement
        ).stdout.splitlines()


@pytest.fixture
def namespace(request):
    """A new namespace. After a failed test the state of its pods is printed."""
    namespace = Namespace(f"rollcall-{uuid.uuid4().hex[:8]}")
    yield namespace
    if request.node.stash.get(FAILED, False):
        for command in (["get", "all"], ["get", "events"], ["describe", "pods"]):
            print(namespace.kubectl(*command, check=False).stdout)
        print(namespace.kubectl("logs", "--selector", "app.kubernetes.io/name=rollcall", "--prefix", check=False).stdout)
    namespace.kubectl("delete", "namespace", namespace.name, "--wait=false")


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture
def next_chart(tmp_path):
    """The chart of a release with a new migration."""
    copy = tmp_path / "next" / "rollcall"
    shutil.copytree(CHART, copy)
    chart = (copy / "Chart.yaml").read_text()
    assert chart.count(MIGRATION) == 1
    (copy / "Chart.yaml").write_text(chart.replace(MIGRATION, NEXT_MIGRATION))
    return copy
