"""A site of somebody else, on another port of this machine."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Elsewhere:
    """Serves one page at every path."""

    def __init__(self):
        self.page = ""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def url(self, host):
        return f"http://{host}:{self.server.server_address[1]}"

    def handler(self):
        elsewhere = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                page = elsewhere.page.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_):
                pass

        return Handler

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
