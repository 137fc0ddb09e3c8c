"""The application on a socket: HTTP/1.1 with connections that stay open, one thread for each."""

import contextlib
import socket
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.fakes.stripe.app import Application
from tests.fakes.stripe.errors import Cut

_LARGEST_BODY = 16 * 1024 * 1024


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, app: Application) -> None:
        self.app = app
        super().__init__(("127.0.0.1", port), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error of ours."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _LARGEST_BODY:
            self.send_error(413)
            return
        body = self.rfile.read(length)
        if len(body) < length:
            # Whoever died while asking has asked for nothing.
            self.close_connection = True
            return
        try:
            status, headers, answer = self.server.app.handle(
                self.command, self.path, dict(self.headers.items()), body
            )
        except Cut as cut:
            self._cut(cut.sent)
            return
        except Exception:
            traceback.print_exc()
            status, headers = 500, {"Content-Type": "application/json"}
            answer = b'{"error": {"type": "api_error", "message": "The fake itself failed."}}'
        self.wfile.write(_head(status, headers, len(answer)) + answer)

    def _cut(self, sent: bytes) -> None:
        """End the connection without, or in the middle of, an answer."""
        if sent:
            headers = {"Content-Type": "application/json"}
            self.wfile.write(_head(200, headers, 2 * len(sent)) + sent)
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        pass


def _head(status: int, headers: dict[str, str], length: int) -> bytes:
    lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode("latin-1")
