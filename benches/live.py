"""Live traffic: creates at a steady rate, whether earlier ones are answered or not, each timed from when it is sent.

As a program it sends them, and answers each line of its input with what happened since the one before.
"""

import asyncio
import json
import pathlib
import subprocess
import sys
import time
import uuid

import machine


class Live:
    """The traffic of a service, from another process."""

    def __init__(self, service, rate):
        self.service, self.rate = service, rate

    def __enter__(self):
        command = [sys.executable, pathlib.Path(__file__), self.service.url.rpartition(":")[2], str(self.rate)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0)
        return self

    def __exit__(self, *_):
        machine.kill(self.process)

    def seen_while(self, action):
        """The latencies of what was answered during an action."""
        self.since()
        action()
        return self.since()

    def since(self):
        """The latencies since the last call."""
        print(file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise machine.Failure("the live traffic has failed")
        return json.loads(line)


class Client(asyncio.Protocol):
    """One connection, with one request at a time."""

    def __init__(self, traffic):
        self.traffic, self.answer = traffic, b""

    def connection_made(self, transport):
        self.transport = transport

    def send(self):
        entry = json.dumps({"firstname": "Arvin", "lastname": "Cudanin", "gate": "A", "entry_id": str(uuid.uuid4())})
        head = f"POST /table/create HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(entry)}\r\n\r\n"
        self.sent = time.perf_counter()
        self.transport.write((head + entry).encode())

    def data_received(self, data):
        self.answer += data
        head, end, body = self.answer.partition(b"\r\n\r\n")
        if not body.endswith(b"}"):
            return
        if not head.startswith(b"HTTP/1.1 201 "):
            self.traffic.failed(f"a create was answered {self.answer}")
        self.traffic.latencies.append(time.perf_counter() - self.sent)
        self.traffic.free.append(self)
        self.answer = b""

    def connection_lost(self, error):
        self.traffic.failed(f"a connection was lost: {error}")


class Traffic:
    def __init__(self, port, rate):
        self.port, self.rate, self.latencies, self.free = port, rate, [], []

    async def run(self):
        loop = asyncio.get_running_loop()
        self.end = loop.create_future()
        self.failed = lambda why: self.end.done() or self.end.set_result(why)
        loop.add_reader(sys.stdin, self.report)
        sending = loop.create_task(self.send(loop))
        why = await self.end
        sending.cancel()
        sys.exit(why)

    async def send(self, loop):
        due = loop.time()
        while True:
            due += 1 / self.rate
            await asyncio.sleep(due - loop.time())
            if not self.free:
                _, client = await loop.create_connection(lambda: Client(self), "127.0.0.1", self.port)
                self.free.append(client)
            # The one that was used last, so that no more connections are used than are needed.
            self.free.pop().send()

    def report(self):
        if not sys.stdin.readline():
            return self.failed(None)
        latencies, self.latencies = self.latencies, []
        print(json.dumps(latencies), flush=True)


if __name__ == "__main__":
    asyncio.run(Traffic(*map(int, sys.argv[1:])).run())
