"""What a bot wants done with money, said so that the same wish is known when it comes again.

A language model that did not hear an answer asks again, often under a fresh Idempotency-Key. The
server therefore knows a wish by what it is: who asks, for whom, how much and what for.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import Field

from invoicing import clock, money
from invoicing.errors import Conflict, DuplicateIntent, OffLimits
from invoicing.fields import Input
from invoicing.models import Approval, Bot, Intent

# The same wish within this time is taken for the first one, told again.
WINDOW: Final = timedelta(hours=24)
KEPT_FOR: Final = timedelta(days=30)


class Repeatable(Input):
    """A wish that may be meant a second time."""

    allow_duplicate: Annotated[bool, Field(strict=True)] = Field(
        default=False,
        description="Whether this is meant although you have asked for just the same within a day. "
        "Never set it because you did not hear an answer.",
    )


def _never(answer: Any) -> bool:
    return False


def _nothing(answer: Any) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Move:
    """Money that is asked to move.

    `amount` is what moves at most, in minor units; `asked` is how much was asked for in words that
    do not change when some of it has moved ("" for all). `about` is the object it is asked of, and
    `look` an address that tells what became of it. `purpose` is what it is said to be for, and
    `apart` what of it tells two wishes apart, where that is not all. `dropped` says whether an
    answer means that nothing moved and nothing will, and `advice` what to do after it.
    """

    kind: str
    payee: str
    about: str
    currency: str
    amount: int
    asked: str
    look: str
    purpose: str = ""
    allow_duplicate: bool = False
    dropped: Callable[[Any], bool] = _never
    apart: str | None = None
    # Another kind of limit that it falls under as well, by an amount that cannot be held to it.
    beside: str = ""
    advice: Callable[[Any], str] = _nothing

    @property
    def fingerprint(self) -> str:
        """The same for the same wish, however its purpose is spelled."""
        told = self.purpose if self.apart is None else self.apart
        words = " ".join(re.findall(r"\w+", told.casefold()))
        said = [self.kind, self.payee, self.about, self.currency, self.asked, words]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def told_before(bot: Bot, move: Move) -> Intent | None:
    """The newest live intent of this bot that is the same wish."""
    since = clock.now(bot.merchant) - WINDOW
    same = bot.intents.filter(fingerprint=move.fingerprint, created_at__gt=since)
    return same.exclude(status=Intent.Status.DROPPED).order_by("-id").first()


def said_before(known: Intent, move: Move) -> DuplicateIntent:
    """What is said to a bot that asks a second time."""
    # An answer without a body is kept as null, and is one all the same.
    answered = bool(known.answer_body)
    first = json.loads(known.answer_body) if answered else None
    told = f"What came of it is unknown yet: GET {move.look} will tell."
    if answered:
        told = f"`first` is what came of it. {move.advice(first or {})}".strip()
    return DuplicateIntent(
        "You have asked for exactly this within the last day, and nothing was done now. "
        f"{told} If you mean it a second time, ask with allow_duplicate.",
        details={
            "first": first,
            "status": "done" if answered else "unknown",
            "idempotency_key": known.idempotency_key or None,
            "look": move.look,
        },
    )


def declined_before(approval: Approval) -> OffLimits:
    """What is said to a bot that asks again for what a person did not want."""
    why = f": {approval.note}" if approval.note else "."
    return OffLimits(
        f"A person has declined this{why} Do not ask for it again.",
        code="approval_declined",
        details={"approval_id": approval.public_id},
    )


_approved: ContextVar[Intent | None] = ContextVar("approved", default=None)


def approved() -> Intent | None:
    """The intent that a person let be done, while it is carried out."""
    return _approved.get()


@contextmanager
def carrying_out(intent: Intent) -> Iterator[None]:
    """Let what is asked inside be done without asking anybody again."""
    token = _approved.set(intent)
    try:
        yield
    finally:
        _approved.reset(token)


@dataclass(frozen=True, slots=True)
class _Measured:
    """What a wish was found to move at most when it was held against its bot's limits."""

    kind: str
    currency: str
    amount: int


_measured: ContextVar[_Measured | None] = ContextVar("measured", default=None)


@contextmanager
def as_measured(wish: Move | Intent | None) -> Iterator[None]:
    """Let what is done inside move no more than this wish was measured, or approved, to."""
    found = _Measured(wish.kind, wish.currency, wish.amount) if wish else None
    token = _measured.set(found)
    try:
        yield
    finally:
        _measured.reset(token)


def keep_to_measure(kind: str, currency: str, amount: int) -> None:
    """Say what is about to move, under the locks that fix it: minor units of the currency.

    Raises Conflict where a bot's wish would move more than was measured before: something came or
    went meanwhile.
    """
    most = _measured.get()
    if most is None or not amount:
        return
    if (kind, currency) != (most.kind, most.currency) or amount > most.amount:
        raise Conflict(
            f"This would move {money.to_text(amount, currency)} {currency} by now, and not "
            f"{money.to_text(most.amount, most.currency)} {most.currency} as when it was asked "
            "for. Nothing was done: look again, and ask anew."
        )
