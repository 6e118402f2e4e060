"""What is measured: HTTP services under wrk, PostgreSQL under pgbench and psql, and a loop of inserts into SQLite.

Each makes entries by `create(connections, seconds)` and counts those that were acknowledged in `created`; `cut_off` more
may be stored, because the end of a round cut their answers off.
"""

import copy
import itertools
import json
import os
import pathlib
import random
import re
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
import uuid

import machine

COLUMNS = "entry_id, login, received_at, lastname, firstname, gate"
NAMES = [("Cudanin", "Arvin"), ("O'Brien", "Siobhán"), ("Nguyễn", "Thị Minh Khai"), ("王", "小明"),
         ("Παπαδόπουλος", "Γιώργος"), ("शर्मा", "आराध्या"), ("Müller-Lüdenscheidt", "Anna-Lena")]


class Sheet:
    """A day with a known number of entries."""

    def __init__(self, day, rows):
        self.day, self.rows, self.path = day, rows, f"/table/view/date:{day.replace('-', '')}"

    def as_page(self):
        """The same for a browser."""
        page = copy.copy(self)
        page.path += "?format=html"
        return page

    def entries(self):
        """entry_id, second of the day, last and first name, gate; always the same ones."""
        chance = random.Random(self.day)
        for n in range(self.rows):
            entry_id = str(uuid.UUID(int=chance.getrandbits(128), version=4))
            yield entry_id, n * 86400 // self.rows, *NAMES[n % len(NAMES)], f"Gate {n % 6}" if n % 10 else None


class Service:
    """A process that serves HTTP on a port of its own, with nothing in its environment but what is given."""

    running = set()
    seeds = itertools.count()

    def __init__(self, name, work, command, environment, headers):
        self.name, self.headers, self.created, self.cut_off = name, headers, 0, 0
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        self.url, self.log = f"http://127.0.0.1:{port}", work / "errors"
        environment = environment | {"PORT": port, "ROCKET_PORT": port, "TMPDIR": str(work)}
        with open(self.log, "w") as errors:
            # Access lines are made and written, but not to the disk, which belongs to the store.
            self.process = subprocess.Popen(command, env=environment, process_group=0, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=errors)
        self.pid = self.process.pid

    def __enter__(self):
        self.running.add(self)
        deadline = time.monotonic() + 30
        try:
            while not self.is_ready():
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise machine.Failure(f"{self.name} does not start\n{self.log.read_text()}")
                time.sleep(0.02)
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        machine.kill(self.process)
        self.running.remove(self)

    def is_ready(self):
        try:
            return self.ask("/readyz")[0] == 200
        except OSError:
            return False

    def ask(self, path, body=None):
        """The status and the JSON of one answer."""
        headers = {"Content-Type": "application/json", **self.headers}
        with urllib.request.urlopen(urllib.request.Request(self.url + path, body, headers), timeout=30) as answer:
            return answer.status, json.loads(answer.read() or "null")

    def create(self, connections, seconds):
        seen = self.wrk("/table/create", connections, seconds, "create", next(self.seeds))
        self.created += seen["answers"]
        self.cut_off += connections
        return seen

    def read(self, sheet, connections, seconds):
        return self.wrk(sheet.path, connections, seconds)

    def wrk(self, path, connections, seconds, *arguments):
        """Clients that ask again as soon as they are answered, each on a connection of its own."""
        machine.forget_peak(self.pid)
        before = machine.cpu(self.pid)
        output = machine.run(
            "wrk", f"--threads={min(2, connections)}", f"--connections={connections}", f"--duration={seconds}s",
            "--timeout=10s", f"--script={pathlib.Path(__file__).with_name('wrk.lua')}",
            *(f"--header={name}: {value}" for name, value in self.headers.items()), self.url + path, "--", *arguments)
        seen = json.loads(output.splitlines()[-1])
        if seen["errors"] or not seen["answers"]:
            raise machine.Failure(f"{self.name} failed at {path} on {connections} connections\n{output}")
        return seen | {"rate": seen["answers"] / seen["seconds"], "resident": machine.memory(self.pid, "VmHWM"),
                       "service": (machine.cpu(self.pid) - before) / seen["answers"]}


class Watched:
    """A service while people look at today's sheet and its metrics are scraped each second.

    `pages.py` tells how a page follows the changes.
    """

    cut_off = 0

    def __init__(self, service, pages):
        self.service, self.pages, self.name = service, pages, f"rollcall, {pages} pages"

    def create(self, connections, seconds):
        with urllib.request.urlopen(self.service.url + Sheet("2030-01-09", 0).path) as answer:
            last_change = answer.headers["Rollcall-Change"]
        script, port = pathlib.Path(__file__).with_name("pages.py"), self.service.url.rpartition(":")[2]
        readers = subprocess.Popen([sys.executable, script, port, str(self.pages), last_change],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, process_group=0)
        over = threading.Event()
        scraper = threading.Thread(target=self.scrape, args=[over])
        try:
            if readers.stdout.readline() != "open\n":
                raise machine.Failure("the pages do not open")
            scraper.start()
            created = self.service.create(connections, seconds)
            readers.send_signal(signal.SIGINT)
            told, _ = readers.communicate()
            if readers.returncode or int(told) < self.pages:
                raise machine.Failure(f"the pages were not told: {told}")
            return created | {"told": int(told)}
        finally:
            over.set()
            machine.kill(readers)

    def scrape(self, over):
        while not over.wait(1):
            with urllib.request.urlopen(self.service.url + "/metrics") as answer:
                answer.read()


class Postgres:
    """A server, through its own tools."""

    name, database, cut_off = "pgbench", "rollcall_bench", 0

    def __init__(self, work, cluster):
        self.work, self.created = work, 0
        self.host, self.port = machine.run("tests/support/postgres.sh", "start", cluster).split()
        self.postmaster = int((cluster / "data/postmaster.pid").read_text().split()[0])
        self.psql(f"CREATE DATABASE {self.database}", database="postgres")
        self.environment = {"DATABASE_HOSTNAME": self.host, "DATABASE_PORT": self.port, "DATABASE_USER": "postgres",
                            "DATABASE_PASSWORD": "", "DATABASE_NAME": self.database}
        self.url = f"postgres://postgres@{self.host}:{self.port}/{self.database}"

    def psql(self, sql, database=database):
        return machine.run("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.host, "-p", self.port, "-U", "postgres",
                           "-d", database, "-f", "-", input=sql).strip()

    def describe(self):
        """Fails if the server would not keep what it has committed."""
        for setting in "fsync", "synchronous_commit", "full_page_writes":
            if self.psql(f"SHOW {setting}") != "on":
                raise machine.Failure(f"{setting} is off: this server is not durable")
        return (f"PostgreSQL {self.psql('SHOW server_version')}; fsync, synchronous_commit and full_page_writes on; "
                f"shared_buffers {self.psql('SHOW shared_buffers')}")

    def fill(self, sheets):
        """Stores the sheets, and makes a table with the same columns, indexes and rows for each baseline."""
        for sheet in sheets:
            lines = []
            for entry_id, second, lastname, firstname, gate in sheet.entries():
                moment = f"{sheet.day} {second // 3600}:{second // 60 % 60}:{second % 60}Z"
                lines.append("\t".join([entry_id, moment, moment, lastname, firstname, gate or "\\N"]) + "\n")
            self.psql(f"COPY attendance ({COLUMNS}) FROM STDIN;\n{''.join(lines)}\\.\n")
        for table in "attendance_axum", "attendance_pgbench":
            self.psql(f"CREATE TABLE {table} (LIKE attendance INCLUDING ALL); INSERT INTO {table} ({COLUMNS})"
                      f" SELECT {COLUMNS} FROM attendance ORDER BY id")
        self.settle()

    def settle(self):
        """Does now what the server would otherwise do by itself while something is measured."""
        self.psql("VACUUM ANALYZE; CHECKPOINT")

    def count(self, table):
        return int(self.psql(f"SELECT count(*) FROM {table}"))

    def create(self, clients, seconds):
        """pgbench, one row per transaction. It sends nothing but the statement's name, which favours it."""
        script = self.work / "insert.sql"
        script.write_text(f"INSERT INTO attendance_pgbench ({COLUMNS})"
                          " VALUES (gen_random_uuid(), now(), now(), 'Cudanin', 'Arvin', 'A');\n")
        # Latencies are logged of one client only: logging costs pgbench time.
        log = ["--log", f"--log-prefix={self.work}/transactions"] if clients == 1 else []
        # Connecting takes part of the time, but does not count for the rate.
        output = machine.run(
            "pgbench", "--no-vacuum", "--protocol=prepared", f"--file={script}", f"--client={clients}",
            f"--jobs={min(2, clients)}", f"--time={seconds + clients // 100}", "-h", self.host, "-p", self.port,
            "-U", "postgres", *log, self.database)
        found = re.search(r"^number of transactions actually processed: (\d+)$.*^tps = ([\d.]+)", output, re.M | re.S)
        if not found:
            raise machine.Failure(f"pgbench has no figures\n{output}")
        self.created += int(found[1])
        seen = {"answers": int(found[1]), "rate": float(found[2])}
        for file in self.work.glob("transactions.*"):
            # Fields: client, transaction, microseconds, script, when.
            seen |= percentiles([int(line.split()[2]) / 1e6 for line in file.read_text().splitlines()])
            file.unlink()
        return seen

    def copy(self, sheet, seconds):
        """Rows per second of COPY, from the statement sent to its last row received, at the median time."""
        select = (f"SELECT id, {COLUMNS} FROM attendance WHERE login >= '{sheet.day} 00:00Z'"
                  f" AND login < timestamptz '{sheet.day} 00:00Z' + interval '1 day' ORDER BY id")
        # At about a million rows per second.
        times = max(3, seconds * 1_000_000 // sheet.rows)
        output = self.psql("\\timing on\n" + f"COPY ({select}) TO STDOUT \\g /dev/null\n" * times)
        return {"rate": 1e3 * sheet.rows / statistics.median(map(float, re.findall(r"Time: ([\d.]+) ms", output)))}


class Sqlite:
    """A file with the service's schema."""

    name, statement, cut_off = "insert loop", f"INSERT INTO attendance ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", 0

    def __init__(self, file):
        self.file, self.created, self.environment = file, 0, {"DATABASE_FILE": str(file)}

    def open(self):
        self.connection = sqlite3.connect(self.file, isolation_level=None)
        # Like the service's store: without FULL a commit would not wait for the disk.
        self.connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")

    def fill(self, sheets):
        self.connection.execute("BEGIN")
        for sheet in sheets:
            midnight, = self.connection.execute("SELECT unixepoch(?)", [sheet.day]).fetchone()
            for entry_id, second, *texts in sheet.entries():
                moment = (midnight + second) * 1_000_000
                self.connection.execute(self.statement, (entry_id, moment, moment, *texts))
        self.connection.execute("COMMIT")

    def count(self):
        return self.connection.execute("SELECT count(*) FROM attendance").fetchone()[0]

    def create(self, _, seconds):
        """The plainest durable writer: one insert after the other, each in a transaction of its own."""
        latencies, begin = [], time.perf_counter()
        now = begin
        while now - begin < seconds:
            entry_id, moment = str(uuid.UUID(bytes=os.urandom(16), version=4)), int(now * 1e6)
            self.connection.execute(self.statement, (entry_id, moment, moment, "Cudanin", "Arvin", "A"))
            then, now = now, time.perf_counter()
            latencies.append(now - then)
        self.created += len(latencies)
        return {"answers": len(latencies), "rate": len(latencies) / (now - begin), **percentiles(latencies)}


def percentiles(latencies):
    cuts = statistics.quantiles(latencies, n=100)
    return {"p50": cuts[49], "p99": cuts[98]}
