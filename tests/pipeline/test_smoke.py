"""deploy/smoke-test against the real service, and against one with wrong responses."""

import http.client
import json
import os
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from conftest import ROOT, VERSION

import pytest

# The service already runs on this machine: nothing is forwarded, and a command in a pod runs here.
KUBECTL = """#!/usr/bin/env bash
echo "$*" >>"$CALLED"
case $* in
*" port-forward "*)
  echo "Forwarding from 127.0.0.1:$SERVICE_PORT -> 8000"
  exec sleep infinity
  ;;
"--namespace attendance exec deployment/rollcall --container rollcall -- /rollcall "*)
  while [[ $1 != /rollcall ]]; do shift; done
  shift
  cd "$PROJECT"
  exec $ROLLCALL "$@"
  ;;
esac
exit 1
"""
ADMIN = "the-token-of-the-admin-of-these-tests"


class Service:
    """A running service with an embedded store."""

    def __init__(self, directory, access):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        # `cargo run` builds the service and replaces itself with it.
        self.command = os.environ.get("ROLLCALL_TEST_BINARY", "cargo run --quiet --locked --")
        self.store = str(directory / "entries.sqlite3")
        env = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "ROLLCALL_"))}
        env |= {"ROCKET_PORT": str(self.port), "DATABASE_FILE": self.store}
        env |= {"ROLLCALL_ACCESS": access, "ROLLCALL_ADMIN_TOKEN": ADMIN}
        command = [*self.command.split(), "serve"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)

    def __enter__(self):
        deadline = time.monotonic() + 900
        while not accepts(self.port):
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ask(self, method, path, body=None):
        """The status and the JSON of an answer to the admin."""
        client = http.client.HTTPConnection("127.0.0.1", self.port)
        client.request(method, path, body, {"Authorization": f"Bearer {ADMIN}"})
        answer = client.getresponse()
        return answer.status, json.loads(answer.read())

    def entries(self):
        return self.ask("GET", "/table/view/date:today")[1]

    def tokens(self):
        return self.ask("GET", "/admin/tokens")[1]["tokens"]


@pytest.fixture(scope="module", params=["open", "token"])
def service(request, tmp_path_factory):
    with Service(tmp_path_factory.mktemp("store"), request.param) as service:
        service.access = request.param
        yield service


def accepts(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


class AlteringProxy(BaseHTTPRequestHandler):
    """Forwards requests to the service and alters its responses."""

    def do_GET(self):
        service = http.client.HTTPConnection("127.0.0.1", self.server.service)
        length = int(self.headers.get("Content-Length", 0))
        service.request(self.command, self.path, self.rfile.read(length), dict(self.headers))
        response = service.getresponse()
        status, body = response.status, response.read()
        service.close()
        status, body = self.server.alter(self.path, status, body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def smoke_test(service, tmp_path):
    """Runs the smoke test with altered responses; returns the finished process."""
    (tmp_path / "kubectl").write_text(KUBECTL)
    (tmp_path / "kubectl").chmod(0o755)

    def run(*arguments, alter=lambda path, status, body: (status, body)):
        proxy = ThreadingHTTPServer(("127.0.0.1", 0), AlteringProxy)
        proxy.service, proxy.alter = service.port, alter
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            return subprocess.run(
                [ROOT / "deploy" / "smoke-test", "attendance", "rollcall", *arguments],
                env={
                    **os.environ,
                    "PATH": f"{tmp_path}:{os.environ['PATH']}",
                    "CALLED": str(tmp_path / "called"),
                    "SERVICE_PORT": str(proxy.server_address[1]),
                    "PROJECT": str(ROOT),
                    "ROLLCALL": service.command,
                    "DATABASE_FILE": service.store,
                    "REPLICA_TIMEOUT": "1",
                },
                capture_output=True,
                text=True,
                timeout=60,
            )
        finally:
            proxy.shutdown()
            thread.join()
            proxy.server_close()

    return run


def test_without_record_nothing_is_written(smoke_test, service, tmp_path):
    before = service.entries()
    done = smoke_test(VERSION)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"smoke-test: {VERSION} is ready and answers\n"
    assert service.entries() == before
    called = (tmp_path / "called").read_text().splitlines()
    assert called[0] == "--namespace attendance port-forward service/rollcall :http"
    # One command makes the token, and one revokes it.
    assert len(called) == (1 if service.access == "open" else 3)


def test_with_record_one_entry_is_written(smoke_test, service):
    before = service.entries()
    done = smoke_test(VERSION, "--record")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"smoke-test: {VERSION} is ready, answers and records\n"
    [new] = [entry for entry in service.entries() if entry not in before]
    assert (new["firstname"], new["lastname"], new["gate"]) == ("Smoke", "Test", "pipeline")


@pytest.mark.parametrize("arguments, role", [([], "reader"), (["--record"], "clerk")])
def test_a_token_is_made_where_one_is_needed_and_is_revoked(smoke_test, service, arguments, role):
    before = {token["name"] for token in service.tokens()}
    done = smoke_test(VERSION, *arguments)
    assert done.returncode == 0, done.stderr
    made = [token for token in service.tokens() if token["name"] not in before]
    assert [token["role"] for token in made] == ([] if service.access == "open" else [role])
    for token in made:
        assert token["name"].startswith("smoke-test-")
        assert token["revoked_at"] and token["expires_at"]
    assert "rollcall_" not in done.stdout + done.stderr


def test_a_failed_smoke_test_revokes_its_token_too(smoke_test, service):
    assert smoke_test(VERSION, alter=on("/table/view/date:today", lambda *_: (503, b"[]"))).returncode == 1
    assert [token["name"] for token in service.tokens() if not token["revoked_at"]] == []


def test_another_version_is_reported(smoke_test):
    done = smoke_test("9.9.9")
    assert done.returncode == 1 and "expected version 9.9.9 and status ready" in done.stderr


def on(altered, change):
    """Alters the responses of one path."""
    return lambda path, status, body: change(status, body) if path == altered else (status, body)


@pytest.mark.parametrize(
    "path, change, message",
    [
        ("/health", lambda status, body: (status, body.replace(b'"ready"', b'"not_ready"')), "expected version"),
        ("/health", lambda status, body: (500, b""), "/health failed"),
        ("/table/view/date:today", lambda status, body: (503, b"[]"), "today's sheet is not a JSON array"),
        ("/table/view/date:today", lambda status, body: (status, b'{"not": "a sheet"}'), "today's sheet is not"),
        ("/table/view/date:today", lambda status, body: (status, b"[]"), "0 times instead of once"),
        ("/table/view/date:today", lambda status, body: (status, doubled(body)), "2 times instead of once"),
        ("/table/create", lambda status, body: (503, b"busy"), "the entry was not recorded: busy"),
        ("/table/create", lambda status, body: (201, body), "did not return the stored entry"),
        ("/table/create", lambda status, body: (status, os.urandom(8).hex().encode()), "did not return the stored"),
    ],
)
def test_a_wrong_response_is_reported(smoke_test, path, change, message):
    done = smoke_test(VERSION, "--record", alter=on(path, change))
    assert done.returncode == 1
    assert message in done.stderr


def doubled(sheet):
    return json.dumps(json.loads(sheet) * 2).encode()


def test_names_on_the_sheet_are_not_printed(smoke_test, service):
    status, _ = service.ask("POST", "/table/create", json.dumps({"firstname": "Arvin", "lastname": "Cudanin"}))
    assert status == 201
    for alter in (on("/none", None), on("/table/view/date:today", lambda status, body: (503, body))):
        done = smoke_test(VERSION, "--record", alter=alter)
        assert "Arvin" not in done.stdout + done.stderr


def test_a_failed_port_forward_is_reported(smoke_test, tmp_path):
    (tmp_path / "kubectl").write_text('#!/bin/sh\necho "error: services \\"rollcall\\" not found" >&2; exit 1')
    done = smoke_test(VERSION)
    assert done.returncode == 1
    assert "not found" in done.stderr and "cannot forward a port to service/rollcall in attendance" in done.stderr
