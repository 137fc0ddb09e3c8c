"""Who is acting: the person, bot, payer or worker on whose behalf something happens."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever an event is laid to. `kind` is user, bot, payer or system."""

    kind: str
    id: str = ""
    name: str = ""
    request_id: str = ""


SYSTEM = Actor("system", name="Billhook")
_current: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


def current() -> Actor:
    """Whoever is acting now; the system itself when no door said otherwise."""
    return _current.get()


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Let everything inside happen in this actor's name."""
    token = _current.set(actor)
    try:
        yield
    finally:
        _current.reset(token)
