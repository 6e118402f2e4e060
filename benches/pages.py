"""Open pages of today's sheet, as they follow the changes: each waits for what comes after the last change that it was
told, and asks again half a second after an answer."""

import asyncio
import re
import signal
import sys

PAUSE = 0.5


class Page(asyncio.Protocol):
    answers = 0

    def __init__(self, last_change):
        self.last_change, self.head, self.left, self.tail = last_change, b"", 0, b""

    def connection_made(self, transport):
        self.transport = transport
        self.ask()

    def ask(self):
        self.transport.write(
            f"GET /table/changes?after={self.last_change}&limit=200&wait=25 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    def data_received(self, data):
        if not self.left:
            self.head += data
            head, end, data = self.head.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 200 "):
                sys.exit(f"a page was answered {head}")
            self.left, self.head = int(re.search(rb"(?i)\ncontent-length: (\d+)", head)[1]), b""
        # What the page would show is not parsed: only the last number counts.
        self.left -= len(data)
        self.tail = (self.tail + data)[-40:]
        if not self.left:
            self.last_change = int(re.search(rb'"next":(\d+)}$', self.tail)[1])
            Page.answers += 1
            asyncio.get_running_loop().call_later(PAUSE, self.ask)

    def connection_lost(self, _):
        sys.exit("a page lost its connection")


async def main(port, pages, last_change):
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_signal_handler(signal.SIGINT, over.set)
    for _ in range(pages):
        await loop.create_connection(lambda: Page(last_change), "127.0.0.1", port)
    print("open", flush=True)
    await over.wait()
    print(Page.answers)


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
