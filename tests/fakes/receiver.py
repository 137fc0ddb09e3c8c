"""A webhook receiver on loopback, as a merchant would run one: it listens, verifies, answers."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass(frozen=True)
class Heard:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    def verified(self, secret: str) -> dict[str, Any]:
        """The event, if the official client accepts its signature and time; it raises else."""
        found: dict[str, Any] = Webhook(secret).verify(self.body.decode(), self.headers)
        return found


class Receiver:
    """`heard` holds every request. `answers` says what to answer next; the last goes on.

    An answer is a status, or a status and headers; `during` is called while a request waits.
    """

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.answers: list[int | tuple[int, dict[str, str]]] = [204]
        self.during: Callable[[Heard], None] = lambda heard: None
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def start(self) -> "Receiver":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def hear(self, heard: Heard) -> tuple[int, dict[str, str]]:
        """Note a request, and say how to answer it."""
        with self._lock:
            self.heard.append(heard)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.during(heard)
        return (answer, {}) if isinstance(answer, int) else answer


def _handler_of(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802 - http.server's name
            length = int(self.headers.get("Content-Length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            heard = Heard(self.path, headers, self.rfile.read(length))
            status, extra = receiver.hear(heard)
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler
