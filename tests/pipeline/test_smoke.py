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

# Forwards nothing: the service already runs on this machine.
KUBECTL = """#!/usr/bin/env bash
echo "$*" >"$CALLED"
echo "Forwarding from 127.0.0.1:$SERVICE_PORT -> 8000"
exec sleep infinity
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The port of a running service with an embedded store."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    binary = os.environ.get("ROLLCALL_TEST_BINARY")
    # `cargo run` builds the service and replaces itself with it.
    command = [binary] if binary else ["cargo", "run", "--quiet", "--locked", "--"]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "ROLLCALL_"))}
    env |= {"ROCKET_PORT": str(port), "DATABASE_FILE": str(tmp_path_factory.mktemp("store") / "entries.sqlite3")}
    with subprocess.Popen([*command, "serve"], cwd=ROOT, env=env, stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 900
            while not accepts(port):
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()


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
        proxy.service, proxy.alter = service, alter
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


def entries(service):
    client = http.client.HTTPConnection("127.0.0.1", service)
    client.request("GET", "/table/view/date:today")
    return json.loads(client.getresponse().read())


def test_without_record_nothing_is_written(smoke_test, service, tmp_path):
    before = entries(service)
    done = smoke_test(VERSION)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"smoke-test: {VERSION} is ready and answers\n"
    assert entries(service) == before
    assert (tmp_path / "called").read_text() == "--namespace attendance port-forward service/rollcall :http\n"


def test_with_record_one_entry_is_written(smoke_test, service):
    before = entries(service)
    done = smoke_test(VERSION, "--record")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"smoke-test: {VERSION} is ready, answers and records\n"
    [new] = [entry for entry in entries(service) if entry not in before]
    assert (new["firstname"], new["lastname"], new["gate"]) == ("Smoke", "Test", "pipeline")


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
    client = http.client.HTTPConnection("127.0.0.1", service)
    client.request("POST", "/table/create", json.dumps({"firstname": "Arvin", "lastname": "Cudanin"}))
    assert client.getresponse().status == 201
    for alter in (on("/none", None), on("/table/view/date:today", lambda status, body: (503, body))):
        done = smoke_test(VERSION, "--record", alter=alter)
        assert "Arvin" not in done.stdout + done.stderr


def test_a_failed_port_forward_is_reported(smoke_test, tmp_path):
    (tmp_path / "kubectl").write_text('#!/bin/sh\necho "error: services \\"rollcall\\" not found" >&2; exit 1')
    done = smoke_test(VERSION)
    assert done.returncode == 1
    assert "not found" in done.stderr and "cannot forward a port to service/rollcall in attendance" in done.stderr
