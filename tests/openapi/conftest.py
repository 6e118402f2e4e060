"""Shared by the tests: the committed document, and the real service on each store."""

import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "openapi"
TOOLS = ROOT / ".tools" / "openapi" / "bin"
DOCUMENT = ROOT / "docs" / "openapi.json"
ADMIN = "the-admin-token-of-these-tests-32"


class Service:
    """The binary on a store and a port of its own. Every request needs a token."""

    def __init__(self, store, directory):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        env = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "ROLLCALL_"))}
        env |= {"ROCKET_PORT": str(self.port), "ROLLCALL_ACCESS": "token", "ROLLCALL_ADMIN_TOKEN": ADMIN}
        env |= {"ROLLCALL_MIGRATE_ON_START": "true"} | settings(store, directory)
        self.log = directory / "log"
        with self.log.open("w") as log:
            command = [os.environ["ROLLCALL_TEST_BINARY"], "serve"]
            self.process = subprocess.Popen(command, env=env, stdout=log, stderr=log)

    def __enter__(self):
        deadline = time.monotonic() + 60
        while self.ask("GET", "/readyz", expected=None) != 200:
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ask(self, method, path, body=None, expected=200):
        """The JSON of an answer to the admin; its status, or None, where no status is expected."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Authorization": f"Bearer {ADMIN}"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                if expected is None:
                    return answer.status
                assert answer.status == expected
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError):
            if expected is None:
                return None
            raise

    def token(self, role, gate=None):
        """A new token of a role."""
        name = f"{role}-{gate or 'any'}".lower()
        return self.ask("POST", "/admin/tokens", {"name": name, "role": role, "gate": gate}, expected=201)["token"]


def settings(store, directory):
    if store == "embedded":
        return {"DATABASE_FILE": str(directory / "entries.sqlite3")}
    host, port = os.environ["ROLLCALL_TEST_POSTGRES_HOST"], os.environ["ROLLCALL_TEST_POSTGRES_PORT"]
    name = f"openapi_{uuid.uuid4().hex}"
    bindir = subprocess.run([ROOT / "tests/support/postgres.sh", "bindir"], check=True, stdout=subprocess.PIPE, text=True)
    createdb = f"{bindir.stdout.strip()}/createdb"
    subprocess.run([createdb, "--host", host, "--port", port, "--username", "postgres", name], check=True)
    return {"DATABASE_HOSTNAME": host, "DATABASE_PORT": port, "DATABASE_NAME": name, "DATABASE_USER": "postgres"}


@pytest.fixture(params=["postgres", "embedded"])
def service(request, tmp_path):
    with Service(request.param, tmp_path) as service:
        yield service
