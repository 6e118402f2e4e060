#!/usr/bin/env python3
"""A gate in Python's standard library: keeps each passage in a SQLite file first, and sends it from there.

Reads passages from standard input, one per line: firstname, lastname and, if it is not 'in', the direction, separated
by tabs. Prints 'kept ENTRY_ID' as soon as the passage is on the disk, and sends what is kept, oldest first, for as
long as it takes. Passages that the service refuses for good stay in the file with the reason.

Settings: ROLLCALL_URL (http://localhost:8000), ROLLCALL_TOKEN (none), GATE (none), SPOOL (spool.sqlite3).
"""

import http.client
import json
import os
import random
import sqlite3
import sys
import threading
import urllib.parse
import uuid
from datetime import datetime, timezone

URL = urllib.parse.urlsplit(os.environ.get("ROLLCALL_URL", "http://localhost:8000"))
HEADERS = {"Content-Type": "application/json"}
if "ROLLCALL_TOKEN" in os.environ:
    HEADERS["Authorization"] = f"Bearer {os.environ['ROLLCALL_TOKEN']}"
TIMEOUT, LONGEST_PAUSE = 10, 30  # seconds
FINAL = {400, 413, 422}  # these concern the entry itself, and sending it again will not help


class Spool:
    """The passages that wait. Each change is on the disk before it returns."""

    def __init__(self, file):
        self.lock = threading.Lock()
        self.file = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self.file.execute("PRAGMA synchronous = FULL")
        self.file.execute("CREATE TABLE IF NOT EXISTS passage (number INTEGER PRIMARY KEY, body TEXT, refused TEXT)")

    def execute(self, statement, *parameters):
        with self.lock:
            return self.file.execute(statement, parameters).fetchone()

    def keep(self, firstname, lastname, direction="in"):
        """Stores a passage. Its id makes a retry safe; its moment is now, however late it is sent."""
        entry_id = str(uuid.uuid4())
        body = {"entry_id": entry_id, "occurred_at": datetime.now(timezone.utc).isoformat(), "firstname": firstname,
                "lastname": lastname, "direction": direction, "gate": os.environ.get("GATE")}
        self.execute("INSERT INTO passage (body) VALUES (?)", json.dumps(body))
        return entry_id

    def oldest(self):
        """The number and the body of the next passage to send, or None."""
        return self.execute("SELECT number, body FROM passage WHERE refused IS NULL ORDER BY number LIMIT 1")


def send_all(spool, wake, ended):
    """Sends what waits until the input has ended and nothing waits any more."""
    kind = http.client.HTTPSConnection if URL.scheme == "https" else http.client.HTTPConnection
    connection = kind(URL.netloc, timeout=TIMEOUT)
    pause = 1
    while (passage := spool.oldest()) or not ended.is_set():
        if passage is None:
            wake.wait()
            wake.clear()
            continue
        number, body = passage
        try:
            connection.request("POST", URL.path.rstrip("/") + "/table/create", body.encode(), HEADERS)
            response = connection.getresponse()
            status, answer = response.status, response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            status, answer = "", str(error)
        if status in (200, 201):
            spool.execute("DELETE FROM passage WHERE number = ?", number)
            pause = 1
        elif status in FINAL:
            print(f"refused for good: {answer}", file=sys.stderr)
            spool.execute("UPDATE passage SET refused = ? WHERE number = ?", answer, number)
        else:
            print(f"not sent, trying again: {status} {answer}", file=sys.stderr)
            # Random, so that many gates do not come back at the same moment.
            threading.Event().wait(pause * random.uniform(0.5, 1))
            pause = min(2 * pause, LONGEST_PAUSE)


def main():
    spool, wake, ended = Spool(os.environ.get("SPOOL", "spool.sqlite3")), threading.Event(), threading.Event()
    sender = threading.Thread(target=send_all, args=(spool, wake, ended))
    sender.start()
    for line in sys.stdin:
        print("kept", spool.keep(*line.rstrip("\n").split("\t")), flush=True)
        wake.set()
    ended.set()
    wake.set()


if __name__ == "__main__":
    main()
