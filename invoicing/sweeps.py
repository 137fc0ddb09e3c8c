"""Rows that wait for a date on their merchant's clock, and what is done to them then.

What a merchant bills by waits in rows: each kind is one `Sweep`. The worker runs it for everybody
every few seconds; whoever moves a test clock asks it when something comes due next, and runs it
for that merchant alone.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import product
from typing import Any, Final

from django.db.models import Q, QuerySet

from invoicing import clock
from invoicing.due import due, due_for
from invoicing.models import Merchant

_log = logging.getLogger(__name__)

ROWS_AT_ONCE: Final = 200
# In a row, and the provider is not asked any more this round.
SILENCES_TO_STOP: Final = 3


@dataclass(eq=False)
class Round:
    """What was tried while a clock stood still, so that nothing is tried there a second time.

    A row that has moved on to another date which has passed as well is another thing to try.
    """

    # Asked between two rows: whether to leave the rest for later.
    enough: Callable[[], bool] = lambda: False
    tried: dict["Sweep", set[tuple[int, datetime]]] = field(default_factory=dict)
    silent: set[tuple["Sweep", int]] = field(default_factory=set)

    @property
    def tries(self) -> int:
        """How many there were so far."""
        return sum(map(len, self.tried.values()))


@dataclass(eq=False, repr=False)
class Sweep:
    """One kind of row that waits for a date.

    `rows` are those that wait, whatever their date, which stands in `due`; `act` does one, by its
    pk, and is safe to repeat. `merchant` is the path from a row to its merchant. The rows should
    have two indexes under their condition: one that begins with the date, and one that begins
    with the merchant and goes on with the date.
    """

    rows: QuerySet[Any]
    due: str
    act: Callable[[int], object]
    merchant: str = "merchant"
    # What a provider raises that does not answer. Each of its rows would keep the others waiting
    # in turn, so after a few silences the rest waits for the next round. One silence proves
    # nothing: a provider may keep an error under one request's key for a day.
    silence: tuple[type[Exception], ...] = ()
    # Parts of the rows whose silences do not count for each other: one provider's silence is no
    # reason to let the others wait.
    apart: tuple[Q, ...] = (Q(),)
    at_once: int = ROWS_AT_ONCE

    def __repr__(self) -> str:
        return f"{self.rows.model.__name__}.{self.due}"

    def run(self, merchant: Merchant | None = None, this: Round | None = None) -> int:
        """Do what is due, a batch of each part: on all clocks, or on this merchant's only.

        Answers how many were done. A poisonous row is logged and stops nobody else.
        """
        if merchant is None:
            conditions = due(self.due, self.merchant)
        else:
            at = clock.now(merchant)
            conditions = iter([due_for(merchant.pk, at, self.due, self.merchant)])
        this = this or Round()
        return sum(
            self._do(number, self.rows.filter(is_due, part), this)
            for number, (is_due, part) in enumerate(product(conditions, self.apart))
        )

    def next_at(self, merchant: Merchant, after: datetime | None = None) -> datetime | None:
        """When this merchant's next row comes due, of those later than `after`; None for none."""
        rows = self.rows.filter(**{self.merchant: merchant.pk, f"{self.due}__isnull": False})
        if after is not None:
            rows = rows.filter(**{f"{self.due}__gt": after})
        found: datetime | None = rows.order_by(self.due).values_list(self.due, flat=True).first()
        return found

    def _do(self, number: int, rows: QuerySet[Any], this: Round) -> int:
        """Do one after another of these rows."""
        done = silences = 0
        for pk in self._untried(number, rows, this):
            try:
                done += self.act(pk) is not False
            except self.silence as silence:
                _log.warning("a provider does not answer: %s", silence)
                silences += 1
                if silences == SILENCES_TO_STOP:
                    this.silent.add((self, number))
                    break
            except Exception:
                _log.exception("a row was skipped", extra={"table": repr(self), "row": pk})
            else:
                silences = 0
        return done

    def _untried(self, number: int, rows: QuerySet[Any], this: Round) -> Iterator[int]:
        if (self, number) in this.silent:
            return
        tried = this.tried.setdefault(self, set())
        # What stays due comes first again, and must not hide what is behind it.
        batch = rows.order_by(self.due, "pk").values_list("pk", self.due)
        for pk, at in list(batch[: self.at_once + len(tried)]):
            if (pk, at) not in tried:
                if this.enough():
                    return
                tried.add((pk, at))
                yield pk


# Every room adds its own when Django starts, the upper ones in front: what a provider says comes
# before what the calendar says, so that nobody is reminded in the moment in which they paid.
registered: list[Sweep] = []
# What is done besides, whenever a step has done something: hearing what it has led to elsewhere,
# or later steps would not know.
between: list[Callable[[], object]] = []


def next_at(merchant: Merchant, after: datetime | None = None) -> datetime | None:
    """When the next of all that waits comes due for this merchant; None when nothing waits."""
    found = [at for sweep in registered if (at := sweep.next_at(merchant, after)) is not None]
    return min(found, default=None)
