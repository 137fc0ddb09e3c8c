"""How the web server runs: granian, WSGI, with the worker inside when there is no broker."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.util import Finalize
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connections
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from config import embedded
from config.bodies import taken_in
from invoicing import pdf

STOP_WITHIN_SECONDS = 4


def claim(host: str, port: int) -> None:
    """Raise OSError if another process already listens on the port."""
    # The server shares its port between workers, so it would also share it with a stranger.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def serve(
    host: str, port: int, workers: int, threads: int, announce: Callable[[], None] | None = None
) -> None:
    """Serve until told to stop; `announce` is called once the first connection would succeed."""
    server = Server(
        "billhook",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1 if settings.EMBEDDED else workers,
        blocking_threads=threads,
        # One worker lost must not take the others down; a lone worker takes the server with it,
        # and whatever started it sees that.
        respawn_failed_workers=not settings.EMBEDDED,
        workers_kill_timeout=STOP_WITHIN_SECONDS,
        log_level=LogLevels.error,
        log_dictconfig=_log_config(),
    )
    # Connections do not survive the fork into workers.
    connections.close_all()
    load = partial(_load, os.getpid(), host, port, announce)
    server.serve(target_loader=load, wrap_loader=False)


def _load(parent: int, host: str, port: int, announce: Callable[[], None] | None) -> Any:
    """Make a worker process ready and return its application."""
    _background(_leave_with, parent)
    application = taken_in(get_wsgi_application())
    if settings.EMBEDDED:
        embedded.start()
        Finalize(None, embedded.stop, exitpriority=100)
    _background(_warm)
    if announce:
        _background(_announce, host, port, announce)
    return application


def _background(function: Callable[..., None], *arguments: Any) -> None:
    threading.Thread(target=function, args=arguments, daemon=True).start()


def _warm() -> None:
    """Have what makes PDFs running before the first one is asked for."""
    with suppress(pdf.PdfFailed):
        # Whoever asks for one is told, and tries again.
        pdf.warm()


def _leave_with(parent: int) -> None:
    """Stop this worker if its server was killed: an orphan would keep the port and the work."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_WITHIN_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def _announce(host: str, port: int, announce: Callable[[], None]) -> None:
    for _ in range(600):
        try:
            socket.create_connection((_reachable(host), port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            announce()
            return


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def _log_config() -> dict[str, Any]:
    """Send the server's own lines where all others go."""
    config = dict(settings.LOGGING)
    config["loggers"] = {**config["loggers"], "_granian": {"propagate": True, "handlers": []}}
    return config
