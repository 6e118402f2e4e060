"""Shared by the tests of the built image. build-and-run prepares them: the image is in podman's store, and all ports of
the network namespace are free."""

import json
import os
import pathlib
import subprocess
import tempfile
import time
import tomllib
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
IMAGE = "rollcall:" + tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
POSTGRES = ROOT / "tests/support/postgres.sh"


def pytest_configure():
    if "CONTAINERS_STORAGE_CONF" not in os.environ:
        pytest.exit("These tests remove every container that there is. Run tests/image/build-and-run instead.", 4)


def podman(*arguments, stdin=None):
    """Podman's standard output. Fails if podman fails."""
    done = subprocess.run(["podman", *arguments], input=stdin, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"podman {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def eventually(question, seconds=60):
    """Calls a function until its result is true; returns the result."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)
    return answer


class Service:
    """A client of the service, with a token if one is needed."""

    def __init__(self, port=8000, token=None):
        self.url = f"http://127.0.0.1:{port}"
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, path, body=None):
        """The status and the JSON of the response."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, self.headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)

    def sheet(self):
        return self.ask("/table/view/date:today")[1]

    def answers(self):
        try:
            self.sheet()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return True

    def records_and_shows_an_entry(self):
        before = self.sheet()
        status, entry = self.ask("/table/create", {"firstname": "Arvin", "lastname": "Cudanin", "gate": "A"})
        assert status == 201
        assert self.sheet() == [*before, entry]


class Cluster:
    """A PostgreSQL on this machine; `settings` are the service's variables for it."""

    def __init__(self, directory, *options):
        self.directory = directory
        address = subprocess.run([POSTGRES, "start", directory, *options], check=True, stdout=subprocess.PIPE, text=True)
        host, self.port = address.stdout.split()
        self.settings = {
            "DATABASE_HOSTNAME": host,
            "DATABASE_PORT": self.port,
            "DATABASE_NAME": "postgres",
            "DATABASE_USER": "postgres",
            "DATABASE_PASSWORD": "",
        }

    def run(self, sql):
        command = ["psql", "--host=127.0.0.1", "--port", self.port, "--username=postgres", "--command", sql]
        subprocess.run(command, check=True, capture_output=True)

    def destroy(self):
        subprocess.run([POSTGRES, "destroy", self.directory], check=True)


@pytest.fixture
def start_cluster():
    """Starts a new cluster with the given options of postgres.sh."""
    clusters = []

    def start(*options):
        # Not in pytest's folder, which PostgreSQL's user cannot access.
        clusters.append(Cluster(pathlib.Path(tempfile.mkdtemp()), *options))
        return clusters[-1]

    yield start
    for cluster in clusters:
        cluster.destroy()


@pytest.fixture
def containers():
    """Removes a test's containers, so that the next test has free ports."""
    yield
    podman("pod", "rm", "--all", "--force")
    podman("rm", "--all", "--force")
    podman("volume", "rm", "--all", "--force")
    podman("secret", "rm", "--all")
