"""The service under load: gates that create entries, and a reader of the changes."""

import http.client
import json
import os
import pathlib
import subprocess
import threading
import time
import uuid

WRK_SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "benches/wrk.lua"
CONNECTIONS, SECONDS = 64, 10
GATES = 16
# For what ends within seconds unless something is wrong.
PATIENCE = 60


class Service:
    def __init__(self, binary, settings):
        self.process = subprocess.Popen([binary, "serve"], env=os.environ | settings, stdout=subprocess.PIPE)
        self.port = next(int(json.loads(line)["address"].rsplit(":", 1)[1])
                         for line in self.process.stdout if b"listening" in line)
        # Nobody reads the rest, which must not block the service.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def get(self, path):
        connection = self.connect()
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def last_change(self):
        connection = self.connect()
        connection.request("GET", "/table/view/date:today")
        return int(connection.getresponse().headers["Rollcall-Change"])

    def wait_until_on_sheet(self, entry_ids):
        """Returns the entries that today's sheet still lacks after a while."""
        deadline = time.monotonic() + PATIENCE
        while True:
            status, body = self.get("/table/view/date:today")
            missing = entry_ids - {entry["entry_id"] for entry in json.loads(body)} if status == 200 else entry_ids
            if not missing or time.monotonic() > deadline:
                return missing
            time.sleep(0.2)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Gates:
    """Gates that post at the same time, each until its entry is acknowledged."""

    def __init__(self, service):
        self.service, self.acknowledged, self.refused = service, set(), 0
        self.changed, self.is_over = threading.Condition(), False
        self.threads = [threading.Thread(target=self.post) for _ in range(GATES)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        for thread in self.threads:
            thread.join()

    def post(self):
        connection = self.service.connect()
        while not self.is_over:
            entry_id = str(uuid.uuid4())
            body = json.dumps({"firstname": "Arvin", "lastname": "Cudanin", "gate": "A", "entry_id": entry_id})
            # The last entry is retried after the end too.
            while not self.is_acknowledged(connection, body):
                time.sleep(0.05)
            with self.changed:
                self.acknowledged.add(entry_id)
                self.changed.notify_all()

    def is_acknowledged(self, connection, body):
        connection.request("POST", "/table/create", body)
        answer = connection.getresponse()
        answer.read()
        if answer.status in (200, 201):
            return True
        if answer.status != 503:
            raise RuntimeError(f"a create was answered {answer.status}")
        with self.changed:
            self.refused += 1
            self.changed.notify_all()
        return False

    def wait_for_more(self, number):
        enough = len(self.acknowledged) + number
        self.wait(lambda: len(self.acknowledged) >= enough)

    def wait_until_refused(self):
        before = self.refused
        self.wait(lambda: self.refused > before)

    def wait(self, condition):
        with self.changed:
            if not self.changed.wait_for(condition, PATIENCE):
                raise RuntimeError(f"after {PATIENCE} s: {len(self.acknowledged)} entries, {self.refused} refusals")


class Reader:
    """Reads the changes from now on, while they are made."""

    def __init__(self, service):
        self.service, self.numbers, self.entries = service, [service.last_change()], []
        self.is_over, self.thread = False, threading.Thread(target=self.read)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join()

    def read(self):
        while not self.is_over:
            self.read_page(1)

    def read_to_end(self):
        deadline = time.monotonic() + PATIENCE
        while self.read_page(1) and time.monotonic() < deadline:
            pass

    def read_page(self, wait):
        """Returns whether there was something new, or nothing could be read."""
        status, body = self.service.get(f"/table/changes?after={self.numbers[-1]}&limit=1000&wait={wait}")
        if status != 200:
            time.sleep(0.1)
            return True
        changes = json.loads(body)["changes"]
        self.numbers += [change["change"] for change in changes]
        self.entries += [change["entry"]["entry_id"] for change in changes]
        return bool(changes)

    @property
    def is_ordered(self):
        return self.numbers == sorted(set(self.numbers))

    def missing(self, entry_ids):
        return entry_ids - set(self.entries)


def creates_per_second(binary, settings):
    service = Service(binary, settings)
    try:
        command = ["wrk", "--threads=2", f"--connections={CONNECTIONS}", f"--duration={SECONDS}s",
                   f"--script={WRK_SCRIPT}", f"http://127.0.0.1:{service.port}/table/create", "--", "create", str(time.time_ns() % 1_000_000)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        seen = json.loads(done.stdout.splitlines()[-1])
        if seen["errors"]:
            raise RuntimeError(f"{seen['errors']} creates failed")
        return seen["answers"] / seen["seconds"]
    finally:
        service.stop()
