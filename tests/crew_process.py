"""The process that a crew is forked from. Started by `Crew`, spoken to in lines of JSON."""

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from importlib import import_module
from multiprocessing import get_context
from threading import BrokenBarrierError
from typing import Any

import django

# How long whoever comes first waits for the others at a meeting.
PATIENCE_SECONDS = 0.4
# How long where nothing can keep the others away, but a busy machine may be slow.
LONG_PATIENCE_SECONDS = 20
_meeting: Any = None
_sure_meetings = 0


def expect_all(meetings: int) -> None:
    """Nothing keeps the others from this process's next meetings, so wait for them there."""
    global _sure_meetings
    _sure_meetings = meetings


def meet() -> None:
    """Wait for the other processes of this round; go on alone if they are kept from coming."""
    global _sure_meetings
    patience = LONG_PATIENCE_SECONDS if _sure_meetings > 0 else PATIENCE_SECONDS
    _sure_meetings -= 1
    with suppress(BrokenBarrierError):
        _meeting.wait(patience)


@contextmanager
def meeting_in(module: Any, name: str) -> Iterator[None]:
    """Meet whenever this function is called: it stands where a race would be lost."""
    function = getattr(module, name)

    def met(*args: Any, **kwargs: Any) -> Any:
        meet()
        return function(*args, **kwargs)

    setattr(module, name, met)
    try:
        yield
    finally:
        setattr(module, name, function)


class NoTransaction:
    """Stands in for django.db.transaction where a control goes without."""

    @staticmethod
    def atomic(**_: Any) -> Any:
        return nullcontext()


def without_locks() -> None:
    """Take the guard away that this database gives, in this process alone, for a control.

    PostgreSQL locks rows; SQLite, where every transaction is the only writer, loses the
    transaction instead.
    """
    from django.db import connection
    from django.db.models import QuerySet

    from invoicing.actions import action, messages, webhooks
    from payments.actions import notices

    QuerySet.select_for_update = lambda self, **_: self  # type: ignore[method-assign, assignment]
    if connection.vendor == "sqlite":
        for module in (action, messages, webhooks, notices):
            module.transaction = NoTransaction  # type: ignore[attr-defined]


def main() -> None:
    django.setup()
    from django.urls import get_resolver

    from invoicing import tasks  # noqa: F401
    from payments import tasks as payment_tasks  # noqa: F401

    get_resolver().url_patterns  # noqa: B018 - loads every door once, for all
    _warm_templates()
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(_round(request["jobs"], request["timeout"])), flush=True)


def _warm_templates() -> None:
    from django.template.loader import get_template

    for name in ("mails/invoice/text.txt", "mails/invoice/html.html", "mails/invoice/subject.txt"):
        get_template(name)


def _round(jobs: list[dict[str, Any]], timeout: float) -> list[dict[str, Any]]:
    """Fork one process for each job, open the gate, and say how each of them ended."""
    global _meeting
    _meeting = get_context("fork").Barrier(len(jobs))
    gate, opener = os.pipe()
    crew = []
    for job in jobs:
        answer, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(opener)
            os.close(answer)
            _work(job, gate, tell)
        os.close(tell)
        crew.append((pid, answer))
    os.close(gate)
    os.close(opener)
    deadline = time.monotonic() + timeout
    return [_wait(pid, answer, deadline) for pid, answer in crew]


def _wait(pid: int, answer: int, deadline: float) -> dict[str, Any]:
    """Read what a process has to say until it ends; past the deadline it is killed."""
    said = b""
    while True:
        ready, _, _ = select.select([answer], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(answer)
            return {"status": 1, "error": "it took too long"}
        part = os.read(answer, 65536)
        if not part:
            break
        said += part
    os.close(answer)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return {"status": status, **(json.loads(said) if said else {})}


def _work(job: dict[str, Any], gate: int, tell: int) -> None:
    """Do one job in this process and end it; never returns."""
    status = 1
    try:
        # The pipe to whoever started the crew is not a job's to write to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        function = _prepare(job)
        os.read(gate, 1)
        os.write(tell, json.dumps({"result": function(**job["args"])}).encode())
        status = 0
    except BaseException as error:
        text = f"{type(error).__name__}: {error}"
        if os.environ.get("CREW_TRACEBACKS"):
            text += "\n" + traceback.format_exc()
        os.write(tell, json.dumps({"error": text}).encode())
    finally:
        os._exit(status)


def _prepare(job: dict[str, Any]) -> Callable[..., Any]:
    from django.conf import settings

    from invoicing import clock, ids

    os.environ["BILLHOOK_FAILPOINT"] = job["failpoint"]
    for name, value in job["settings"].items():
        setattr(settings, name, value)
    ahead = timedelta(seconds=job["ahead_seconds"])
    clock.read_wall = lambda: datetime.now(UTC) + ahead
    assert ids.random_bytes(4) != ids.random_bytes(4)
    module, _, name = job["do"].partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


if __name__ == "__main__":
    # Jobs import this module by its name: they must meet in this very one.
    sys.modules["tests.crew_process"] = sys.modules["__main__"]
    main()
