"""Waking a worker at once, instead of letting it find its rows on the next round.

The rows are the truth; a lost ring costs seconds, never work. So nobody who rings waits for the
broker: a thread of this process does, and what is asked for many times meanwhile is rung once.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from celery import current_app
from django.db import transaction

_log = logging.getLogger(__name__)

# Whoever was woken this moment ago is still awake; many rows at once need no ring each.
PAUSE_SECONDS: Final = 0.02


def ring(task: str) -> None:
    """Wake the worker for this task once the transaction has been committed."""
    transaction.on_commit(partial(_ask, task), robust=True)


class Bell:
    """Rings, from a thread of its own, for every task that was asked for since it last rang."""

    def __init__(self, send: Callable[[str], None]) -> None:
        self._send = send
        self._asked: set[str] = set()
        self._wake = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(self, task: str) -> None:
        """Have this task rung for, soon; never waits."""
        self._asked.add(task)
        self._wake.set()
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while self._wake.wait():
            self._wake.clear()
            while self._asked:
                self._send(self._asked.pop())
            time.sleep(PAUSE_SECONDS)


def _send(task: str) -> None:
    try:
        current_app.send_task(task, ignore_result=True, retry=False)
    except Exception:  # the broker may be down: the sweep finds the rows
        _log.warning("doorbell not heard", extra={"task": task}, exc_info=True)


_bell = Bell(_send)


def _ask(task: str) -> None:
    _bell.ask(task)


def _start_over() -> None:
    """Take a new bell in a forked process, where the thread of the old one does not run."""
    global _bell
    _bell = Bell(_send)


os.register_at_fork(after_in_child=_start_over)
