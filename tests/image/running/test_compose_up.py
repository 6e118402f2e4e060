"""Runs the unchanged compose.yaml with compose, on podman's Docker API."""

import datetime
import json
import os
import subprocess
import threading

import pytest

from conftest import IMAGE, ROOT, Service, eventually, podman

PORT = 9000


@pytest.fixture
def compose(containers, tmp_path):
    """Runs compose with the given arguments; returns its output."""
    socket = tmp_path / "podman.sock"
    server = subprocess.Popen(["podman", "system", "service", "--time=0", f"unix://{socket}"])
    eventually(socket.exists)
    environment = {
        **os.environ,
        "DOCKER_HOST": f"unix://{socket}",
        "ROLLCALL_IMAGE": IMAGE,
        "DATABASE_PASSWORD": "correct horse",
        "PORT": str(PORT),
    }

    def run(*arguments):
        command = ["docker-compose", "--file", ROOT / "compose.yaml", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    yield run
    run("down", "--volumes")
    server.terminate()
    server.wait()


@pytest.fixture
def health_checks():
    """Runs the containers' health checks. Podman would use systemd timers, which may not exist here."""
    done = threading.Event()

    def check():
        while not done.wait(0.5):
            for container in podman("ps", "--quiet").split():
                # A container that has ended in the meantime has no health check.
                subprocess.run(["podman", "healthcheck", "run", container], capture_output=True)

    thread = threading.Thread(target=check)
    thread.start()
    yield
    done.set()
    thread.join()


def test_one_command_starts_everything_in_order(compose, health_checks):
    compose("up", "--detach")
    service = Service(PORT)
    eventually(service.answers)
    service.records_and_shows_an_entry()

    def state(name):
        [container] = compose("ps", "--all", "--quiet", name).split()
        return json.loads(podman("inspect", container))[0]["State"]

    database, migrate, rollcall = (state(name) for name in ("database", "migrate", "rollcall"))
    assert migrate["ExitCode"] == 0
    moments = database["StartedAt"], migrate["StartedAt"], migrate["FinishedAt"], rollcall["StartedAt"]
    assert list(moments) == sorted(moments, key=datetime.datetime.fromisoformat)
    eventually(lambda: state("rollcall")["Health"]["Status"] == "healthy")

    # The volume is kept, and a migration of a current schema succeeds.
    before = service.sheet()
    compose("down")
    compose("up", "--detach")
    eventually(service.answers)
    assert service.sheet() == before
