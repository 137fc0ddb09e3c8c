"""Doing a thing once, however often it is asked for.

A door opens a guard with the key it was given. The first action under it claims the key inside
its own transaction, and the answer is stored in that same transaction: either both are there or
neither. What takes several steps (an action, a call to a provider, another action) claims with a
lease in the first and stores the answer in the last; a repeat meanwhile is told to wait, and a
repeat after a crash resumes, for every such step is safe to repeat; what it must find again, such
as the payment it had begun, is noted in between.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from invoicing import clock
from invoicing.errors import IdempotencyInFlight, IdempotencyMismatch
from invoicing.models import IdempotentRequest

LEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as it was given: HTTP status and body text."""

    status: int
    body: str


class Replay(Exception):  # noqa: N818 - not an error: the answer is already known
    """The request was answered before; `answer` is what was said."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("answered before")
        self.answer = answer


def fingerprint(method: str, path: str, body: Any) -> str:
    """A digest of what is asked: the same JSON in another spelling is the same question."""
    text = json.dumps([method, path, body], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Guard:
    """One request's key at work. `render` turns an action's result into the answer."""

    merchant_id: int
    actor_id: str
    key: str
    fingerprint: str
    # None while the request takes several steps and ends with `finish`.
    render: Callable[[Any], Answer] | None
    claimed: bool = False
    leased_until: datetime | None = None
    answer: Answer | None = field(default=None)

    def claim(self) -> None:
        """Take the key. Raises Replay, IdempotencyMismatch or IdempotencyInFlight.

        Runs inside the action's transaction; a second request with the key waits here until the
        first has committed or given up.
        """
        if self.claimed:
            return
        instant = clock.wall()
        self.leased_until = None if self.render else instant + LEASE
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO invoicing_idempotentrequest"
                " (merchant_id, actor_id, key, fingerprint, created_at, leased_until,"
                "  response_body) VALUES (%s, %s, %s, %s, %s, %s, '')"
                " ON CONFLICT (merchant_id, actor_id, key) DO NOTHING",
                [
                    self.merchant_id,
                    self.actor_id,
                    self.key,
                    self.fingerprint,
                    connection.ops.adapt_datetimefield_value(instant),
                    connection.ops.adapt_datetimefield_value(self.leased_until),
                ],
            )
            self.claimed = cursor.rowcount == 1
        if not self.claimed:
            self._join(instant)

    def _join(self, instant: datetime) -> None:
        known = self.mine().select_for_update().get()
        if known.fingerprint != self.fingerprint:
            raise IdempotencyMismatch(
                "This Idempotency-Key was used with a different request. "
                "Use a new key for a new request."
            )
        if known.response_status is not None:
            raise Replay(Answer(known.response_status, known.response_body))
        if known.leased_until and known.leased_until > instant:
            left = math.ceil((known.leased_until - instant).total_seconds())
            raise IdempotencyInFlight(
                "The first request with this Idempotency-Key is still at work. Ask again with the "
                f"SAME key; should the first have died, that takes it over in {left} s.",
                details={"taken_over_after": left},
            )
        known.leased_until = self.leased_until = instant + LEASE
        known.save(update_fields=["leased_until"])
        self.claimed = True

    def finish(self, answer: Answer) -> None:
        """Store the answer, in whatever transaction is open."""
        self.answer = answer
        self.mine().update(
            response_status=answer.status, response_body=answer.body, leased_until=None
        )

    def give_up(self) -> None:
        """Let a repeat take over at once: this request has failed, and has said so."""
        if self.claimed and self.leased_until:
            self.mine().filter(leased_until=self.leased_until).update(leased_until=None)

    def mine(self) -> QuerySet[IdempotentRequest]:
        """The row of this key, if it is there yet."""
        return IdempotentRequest.objects.filter(
            merchant_id=self.merchant_id, actor_id=self.actor_id, key=self.key
        )


_current: ContextVar[Guard | None] = ContextVar("idempotency", default=None)


def current() -> Guard | None:
    """The guard that the door opened, if the request carried a key."""
    return _current.get()


def note(text: str) -> None:
    """Keep what a repeat of this request needs to go on where this run may die.

    It stands where the answer will stand, which replaces it.
    """
    guard = current()
    if guard is not None:
        guard.mine().filter(response_status=None).update(response_body=text)


def noted() -> str:
    """What an earlier run of this request has noted; "" if there was none, or nothing.

    Claims the key of a run that has noted something: raises what `claim` raises.
    """
    guard = current()
    if guard is None:
        return ""
    kept = guard.mine().filter(response_status=None).values_list("response_body", flat=True)
    text = kept.first() or ""
    if text:
        with transaction.atomic():
            guard.claim()
    return text


@contextmanager
def guarded(guard: Guard | None) -> Iterator[None]:
    """Let every action inside run under this guard."""
    token = _current.set(guard)
    try:
        yield
    finally:
        _current.reset(token)
