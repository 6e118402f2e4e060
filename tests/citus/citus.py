"""PostgreSQL servers of the tests: a plain one, and three that are one Citus."""

import contextlib
import pathlib
import subprocess
import sys

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "support/postgres.sh"

# Acknowledged entries of a killed worker become visible after at most this interval; see deploy/citus/README.md.
SETTINGS = ["shared_preload_libraries=citus", "citus.recover_2pc_interval=1s", "citus.node_conninfo=sslmode=disable",
            # Every database of a test has a daemon of Citus on each server.
            "max_worker_processes=200", "max_prepared_transactions=400"]


class Server:
    """A private PostgreSQL server."""

    def __init__(self, directory, settings=()):
        self.directory = directory
        directory.mkdir(mode=0o711)
        if settings:
            (directory / "settings").write_text("".join(f"{setting}\n" for setting in settings), encoding="ascii")
        self.bin = control("bindir")
        self.host = self.port = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        control("destroy", self.directory)

    def start(self):
        self.host, self.port = control("start", self.directory).split()

    def kill(self):
        control("kill", self.directory)

    def psql(self, sql, database="postgres"):
        return self.run("-c", sql, database=database)

    def run_file(self, path, database, *variables):
        assignments = [part for variable in variables for part in ("-v", variable)]
        return self.run(*assignments, "-f", str(path), database=database)

    def run(self, *arguments, database):
        command = [f"{self.bin}/psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.host, "-p", self.port,
                   "-U", "postgres", "-d", database]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"failed: {arguments}: {done.stderr}")
        return done.stdout.strip()

    def create_database(self, name):
        self.psql(f"CREATE DATABASE {name}")

    def settings(self, database):
        return {"DATABASE_NAME": database, "DATABASE_USER": "postgres", "DATABASE_HOSTNAME": self.host,
                "DATABASE_PORT": self.port, "ROLLCALL_ACCESS": "open", "ROCKET_PORT": "0",
                "ROLLCALL_LOG_FORMAT": "json"}


class Citus:
    """A coordinator and two workers."""

    def __init__(self, work):
        self.coordinator = Server(work / "coordinator", SETTINGS)
        self.workers = [Server(work / f"worker-{number}", SETTINGS) for number in (1, 2)]
        self.servers = [self.coordinator, *self.workers]
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with self.stack:
            for server in self.servers:
                self.stack.enter_context(server)
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def create_database(self, name):
        for server in self.servers:
            server.create_database(name)
            server.psql("CREATE EXTENSION citus", name)
        self.coordinator.psql(f"SELECT citus_set_coordinator_host('127.0.0.1', {self.coordinator.port})", name)
        for worker in self.workers:
            self.coordinator.psql(f"SELECT citus_add_node('127.0.0.1', {worker.port})", name)

    def close(self, name):
        """Ends all sessions in a database, those of Citus' daemons too, so that it can be copied."""
        for server in self.servers:
            server.psql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            server.psql(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'")

    def drop_database(self, name):
        for server in self.servers:
            server.psql(f"DROP DATABASE {name} WITH (FORCE)")

    def worker_of_entries(self, database):
        """A worker that holds entries."""
        port = self.coordinator.psql(
            "SELECT nodeport FROM citus_shards WHERE table_name = 'attendance'::regclass ORDER BY 1 LIMIT 1", database)
        return next(worker for worker in self.workers if worker.port == port)


def is_installed(work):
    """Whether the local PostgreSQL server has the extension."""
    with Server(work / "without") as server:
        return server.psql("SELECT count(*) FROM pg_available_extensions WHERE name = 'citus'") == "1"


def control(verb, *arguments):
    done = subprocess.run([SCRIPT, verb, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"failed: {done.stderr.strip()}")
    return done.stdout.strip()
