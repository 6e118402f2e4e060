"""Open pages of today's sheet, each with the requests that its script makes: it waits for what comes after the last
change that it was told, at most twice a second, and then asks for the figures, at most once a second.

Written for little processor time, which the service lacks meanwhile: what a page would show is not parsed."""

import asyncio
import re
import signal
import sys

BETWEEN_REQUESTS, BETWEEN_FIGURES = 0.5, 1.0
LENGTH, NEXT = re.compile(rb"(?i)\ncontent-length: (\d+)"), re.compile(rb'"next":(\d+)}$')


class Page(asyncio.Protocol):
    answers = 0

    def __init__(self, loop, last_change, failed):
        self.loop, self.last_change, self.failed = loop, last_change, failed
        self.head, self.left, self.end, self.figures_at = b"", 0, b"", 0

    def connection_made(self, transport):
        self.transport = transport
        self.wait_for_changes()

    def wait_for_changes(self):
        self.began = self.loop.time()
        self.ask(f"/table/changes?after={self.last_change}&limit=200&wait=10", self.told)

    def ask(self, path, answered):
        self.answered = answered
        self.transport.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    def data_received(self, data):
        if not self.left:
            head, end, data = (self.head + data).partition(b"\r\n\r\n")
            self.head = b"" if end else head
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 200 "):
                return self.failed(f"a page was answered {head}")
            self.left = int(LENGTH.search(head)[1])
        self.left -= len(data)
        self.end = (self.end + data)[-40:]
        if not self.left:
            self.answered()

    def told(self):
        last_change, self.last_change = self.last_change, int(NEXT.search(self.end)[1])
        Page.answers += 1
        if self.last_change > last_change and self.loop.time() >= self.figures_at:
            return self.ask("/table/view/date:today?format=html&rows=none", self.counted)
        self.pause()

    def counted(self):
        self.figures_at = self.loop.time() + BETWEEN_FIGURES
        self.pause()

    def pause(self):
        self.loop.call_at(self.began + BETWEEN_REQUESTS, self.wait_for_changes)

    def connection_lost(self, error):
        self.failed(f"a page lost its connection: {error}")


async def main(port, count, last_change):
    loop = asyncio.get_running_loop()
    end = loop.create_future()
    loop.add_signal_handler(signal.SIGINT, lambda: end.done() or end.set_result(None))
    failed = lambda why: end.done() or end.set_result(why)
    for _ in range(count):
        await loop.create_connection(lambda: Page(loop, last_change, failed), "127.0.0.1", port)
    print("open", flush=True)
    if why := await end:
        sys.exit(why)
    print(Page.answers)


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
