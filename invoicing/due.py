"""What has come due, on every merchant's own clock."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import F, Q, Value

from invoicing import clock


def due(field: str, merchant: str = "merchant") -> Iterator[Q]:
    """The conditions that together say "this field is due on its merchant's clock".

    One for all merchants on the wall clock, one for all whose clock was moved, so that each can
    be answered from an index. A clock that is on its way is left out: whoever moves it does what
    comes due there, in order. `merchant` is the path from the rows to their merchant.
    """
    instant = clock.wall()
    is_free, offset = Q(**{f"{merchant}__clock_held_at": None}), f"{merchant}__clock_offset"
    yield is_free & Q(**{offset: timedelta(0), f"{field}__lte": instant})
    yield is_free & Q(
        **{f"{offset}__gt": timedelta(0), f"{field}__lte": Value(instant) + F(offset)}
    )


def due_for(merchant_pk: int, by: datetime, field: str, merchant: str = "merchant") -> Q:
    """The condition "this field is due", for the rows of one merchant whose clock says `by`."""
    return Q(**{merchant: merchant_pk, f"{field}__lte": by})
