"""deploy/smoke-test, against the real service, and against one that breaks its promises."""

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

# Forwards nothing: the service is here already.
KUBECTL = """#!/usr/bin/env bash
echo "$*" >"$CALLED"
echo "Forwarding from 127.0.0.1:$SERVICE_PORT -> 8000"
exec sleep infinity
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The port of a service with an embedded store."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    binary = os.environ.get("ROLLCALL_TEST_BINARY")
    # Cargo builds it and then is it.
    command = [binary] if binary else ["cargo", "run", "--quiet", "--locked", "--"]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "ROLLCALL_"))}
    env |= {"ROCKET_PORT": str(port), "DATABASE_FILE": str(tmp_path_factory.mktemp("store") / "entries.sqlite3")}
    with subprocess.Popen([*command, "serve"], cwd=ROOT, env=env, stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 900
            while not answers(port):
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()


def answers(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


class Spoiler(BaseHTTPRequestHandler):
    """Hands requests on to the service, and spoils its answers."""

    def do_GET(self):
        service = http.client.HTTPConnection("127.0.0.1", self.server.service)
        length = int(self.headers.get("Content-Length", 0))
        service.request(self.command, self.path, self.rfile.read(length), dict(self.headers))
        answer = service.getresponse()
        status, body = answer.status, answer.read()
        service.close()
        status, body = self.server.spoil(self.path, status, body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def smoke_test(service, tmp_path):
    """Runs the smoke test, with answers spoilt on their way; gives the finished process."""
    (tmp_path / "kubectl").write_text(KUBECTL)
    (tmp_path / "kubectl").chmod(0o755)

    def run(*arguments, spoil=lambda path, status, body: (status, body)):
        proxy = ThreadingHTTPServer(("127.0.0.1", 0), Spoiler)
        proxy.service, proxy.spoil = service, spoil
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
                    "PATIENCE": "1",
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


def test_without_record_it_only_reads(smoke_test, service, tmp_path):
    before = entries(service)
    done = smoke_test(VERSION)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"smoke-test: {VERSION} serves\n"
    assert entries(service) == before
    assert (tmp_path / "called").read_text() == "--namespace attendance port-forward service/rollcall :http\n"


def test_with_record_it_makes_one_entry(smoke_test, service):
    before = entries(service)
    done = smoke_test(VERSION, "--record")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"smoke-test: {VERSION} serves and records\n"
    [new] = [entry for entry in entries(service) if entry not in before]
    assert (new["firstname"], new["lastname"], new["gate"]) == ("Smoke", "Test", "pipeline")


def test_another_version_is_seen(smoke_test):
    done = smoke_test("9.9.9")
    assert done.returncode == 1 and "expected 9.9.9, ready" in done.stderr


def on(place, change):
    """Spoils the answers of one path."""
    return lambda path, status, body: change(status, body) if path == place else (status, body)


@pytest.mark.parametrize(
    "place, change, complaint",
    [
        ("/health", lambda status, body: (status, body.replace(b'"ready"', b'"not_ready"')), "expected"),
        ("/health", lambda status, body: (500, b""), "/health does not answer"),
        ("/table/view/date:today", lambda status, body: (503, b"[]"), "the sheet of today"),
        ("/table/view/date:today", lambda status, body: (status, b'{"not": "a sheet"}'), "the sheet of today"),
        ("/table/view/date:today", lambda status, body: (status, b"[]"), "0 times, not once"),
        ("/table/view/date:today", lambda status, body: (status, doubled(body)), "2 times, not once"),
        ("/table/create", lambda status, body: (503, b"busy"), "an entry is not recorded: busy"),
        ("/table/create", lambda status, body: (201, body), "is not answered with what is stored"),
        ("/table/create", lambda status, body: (status, os.urandom(8).hex().encode()), "is not answered with what"),
    ],
)
def test_a_broken_promise_is_seen(smoke_test, place, change, complaint):
    done = smoke_test(VERSION, "--record", spoil=on(place, change))
    assert done.returncode == 1
    assert complaint in done.stderr


def doubled(sheet):
    return json.dumps(json.loads(sheet) * 2).encode()


def test_names_on_the_sheet_are_not_printed(smoke_test, service):
    client = http.client.HTTPConnection("127.0.0.1", service)
    client.request("POST", "/table/create", json.dumps({"firstname": "Arvin", "lastname": "Cudanin"}))
    assert client.getresponse().status == 201
    for spoil in (on("/none", None), on("/table/view/date:today", lambda status, body: (503, body))):
        done = smoke_test(VERSION, "--record", spoil=spoil)
        assert "Arvin" not in done.stdout + done.stderr


def test_no_way_to_the_service_is_said(smoke_test, tmp_path):
    (tmp_path / "kubectl").write_text('#!/bin/sh\necho "error: services \\"rollcall\\" not found" >&2; exit 1')
    done = smoke_test(VERSION)
    assert done.returncode == 1
    assert "not found" in done.stderr and "no way to service/rollcall in attendance" in done.stderr
