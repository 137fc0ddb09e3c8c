"""What makes a function an action: one durable transaction, under the request's guard."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import transaction

from invoicing import idempotency
from invoicing.failpoints import failpoint

P = ParamSpec("P")
R = TypeVar("R")


def action(function: Callable[P, R]) -> Callable[P, R]:
    """Run the function in a transaction of its own: all of it happens, or nothing.

    Actions do not nest: a durable transaction refuses to begin inside another. When the door
    holds an idempotency guard, its key is claimed first and the answer kept last, in here.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        guard = idempotency.current()
        with transaction.atomic(durable=True):
            if guard is None:
                result = function(*args, **kwargs)
            else:
                guard.claim()
                result = function(*args, **kwargs)
                if guard.render is not None:
                    guard.finish(guard.render(result))
            failpoint(f"{function.__name__}:before_commit")
        if (deeds := _deeds.get()) is not None:
            deeds.append(function.__name__)
        failpoint(f"{function.__name__}:after_commit")
        return result

    run.is_action = True  # type: ignore[attr-defined]
    return run


_deeds: ContextVar[list[str] | None] = ContextVar("deeds", default=None)


@contextmanager
def counting_deeds() -> Iterator[list[str]]:
    """The names of the actions that commit inside, so that a failure knows what was done."""
    deeds: list[str] = []
    token = _deeds.set(deeds)
    try:
        yield deeds
    finally:
        _deeds.reset(token)
