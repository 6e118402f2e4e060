"""The real service, on an embedded store or on PostgreSQL."""

import contextlib
import http.client
import itertools
import json
import os
import pathlib
import socket
import sqlite3
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ["ROLLCALL_TEST_BINARY"]
ADMIN = "the-token-of-the-admin-of-these-tests"


class Cluster:
    """A PostgreSQL cluster of these tests."""

    def __init__(self, directory):
        directory.mkdir(mode=0o711)
        self.directory = directory
        self.databases = itertools.count(1)
        self.start()

    def start(self):
        self.host, self.port = self.control("start").split()

    def stop(self):
        self.control("stop", "fast")

    def destroy(self):
        self.control("destroy")

    def control(self, verb, *arguments):
        directory = [] if verb == "bindir" else [self.directory]
        command = [ROOT / "tests/support/postgres.sh", verb, *directory, *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    def create_database(self):
        name = f"pages_{next(self.databases)}"
        self.run("createdb", name)
        return Database(self, name)

    def run(self, program, *arguments):
        bindir = self.control("bindir").strip()
        where = ["--host", self.host, "--port", self.port, "--username", "postgres"]
        subprocess.run([f"{bindir}/{program}", *where, *arguments], check=True, stdout=subprocess.DEVNULL)


class Database:
    """A store on PostgreSQL, for any number of services."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self.settings = {
            "DATABASE_NAME": name,
            "DATABASE_HOSTNAME": cluster.host,
            "DATABASE_PORT": cluster.port,
            "ROLLCALL_MIGRATE_ON_START": "true",
        }

    def set_back(self, table, column, minutes):
        """Makes moments earlier than they were."""
        set_back = f"UPDATE {table} SET {column} = {column} - interval '{minutes} minutes'"
        self.cluster.run("psql", "--set", "ON_ERROR_STOP=1", "--command", set_back, self.name)


class Embedded:
    """A store in a file, for one service."""

    def __init__(self, directory):
        self.file = directory / "rollcall.sqlite3"
        self.settings = {"DATABASE_FILE": str(self.file)}

    def set_back(self, table, column, minutes):
        """Makes moments earlier than they were."""
        with contextlib.closing(sqlite3.connect(self.file)) as file, file:
            file.execute(f"UPDATE {table} SET {column} = {column} - {minutes} * 60 * 1000000")


class Service:
    """A running service."""

    def __init__(self, directory, store, access="token", **settings):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.directory = directory
        others = {name: value for name, value in os.environ.items() if not is_setting(name)}
        self.env = others | store.settings | settings
        self.env |= {"ROCKET_PORT": str(self.port), "ROLLCALL_ACCESS": access, "ROLLCALL_ADMIN_TOKEN": ADMIN}
        self.start()

    def start(self):
        with open(self.directory / f"{self.port}.log", "ab") as log:
            self.process = subprocess.Popen([BINARY, "serve"], cwd=self.directory, env=self.env, stderr=log, stdout=log)
        deadline = time.monotonic() + 60
        while not self.is_ready():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def stop(self):
        """Ends it as an update does."""
        self.process.terminate()
        assert self.process.wait(60) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()

    def run(self, *command):
        """Runs a command on the same store."""
        done = subprocess.run([BINARY, *command], cwd=self.directory, env=self.env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log(self):
        return (self.directory / f"{self.port}.log").read_text()

    def is_ready(self):
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def ask(self, method, path, body=None, token=ADMIN):
        """The status and the text of an answer."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            client.request(method, path, body and json.dumps(body), {"Authorization": f"Bearer {token}"})
            answer = client.getresponse()
            return answer.status, answer.read().decode()
        finally:
            client.close()

    def get(self, path, token=ADMIN):
        status, text = self.ask("GET", path, token=token)
        assert status == 200, text
        return json.loads(text)

    def token(self, name, role, **members):
        """Makes a token."""
        status, text = self.ask("POST", "/admin/tokens", {"name": name, "role": role, **members})
        assert status == 201, text
        return json.loads(text)["token"]

    def record(self, firstname, lastname, token=ADMIN, **members):
        """Records an entry as a gate does."""
        body = {"firstname": firstname, "lastname": lastname, **members}
        status, text = self.ask("POST", "/table/create", body, token)
        assert status == 201, text
        return json.loads(text)

    def void(self, entry, reason):
        status, text = self.ask("POST", f"/table/entry/{entry['entry_id']}/void", {"reason": reason})
        assert status == 200, text

    def correct(self, entry, reason, **members):
        """Corrects an entry, and returns its replacement."""
        status, text = self.ask("POST", f"/table/entry/{entry['entry_id']}/correct", {"reason": reason, **members})
        assert status == 201, text
        return json.loads(text)

    def import_entries(self, entries):
        """Records any number of entries at once."""
        file = self.directory / "import.ndjson"
        file.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
        self.run("import", file)
        file.unlink()


def is_setting(name):
    return name.startswith(("DATABASE_", "ROLLCALL_", "ROCKET_")) or name == "PORT"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
