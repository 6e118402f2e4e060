"""compose.yaml as it is, by compose, which speaks to podman as it would to docker."""

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
    """Runs compose with the given arguments; gives what it prints."""
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
    """Runs the containers' health checks, which podman leaves to systemd's timers, where there is one."""
    done = threading.Event()

    def check():
        while not done.wait(0.5):
            for container in podman("ps", "--quiet").split():
                # One that has ended meanwhile has no health.
                subprocess.run(["podman", "healthcheck", "run", container], capture_output=True)

    thread = threading.Thread(target=check)
    thread.start()
    yield
    done.set()
    thread.join()


def test_one_command_brings_up_all_in_order(compose, health_checks):
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

    # The volume outlives the containers, and a migration that has nothing to do is complete.
    before = service.sheet()
    compose("down")
    compose("up", "--detach")
    eventually(service.answers)
    assert service.sheet() == before
