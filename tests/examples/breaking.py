"""A way to Billhook on which answers are lost: it passes on, and may keep what comes back."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


class Breaking:
    """Asks what it is asked. The next `close` requests are answered 503 and not passed on, the
    next `lose` answers are cut off, and with `hold` the next one never comes."""

    def __init__(self, url: str) -> None:
        self.close, self.lose, self.hold = 0, 0, False
        self.held, self._over = threading.Event(), threading.Event()
        way, there = self, httpx.Client(base_url=url, timeout=30, trust_env=False)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                if way.close:
                    way.close -= 1
                    self.send_response(503)
                    self.send_header("Retry-After", "0")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                kept = {"host", "content-length", "connection", "accept-encoding"}
                headers = {k: v for k, v in self.headers.items() if k.lower() not in kept}
                answer = there.request(self.command, self.path, content=body, headers=headers)
                if way.hold:
                    way.held.set()
                    way._over.wait(60)
                    return
                replayed = "Idempotent-Replayed" in answer.headers
                if way.lose and not replayed and answer.is_success:
                    way.lose -= 1
                    self.close_connection = True
                    return
                self.send_response(answer.status_code)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_POST  # noqa: N815 - as the server calls it

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Breaking":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
