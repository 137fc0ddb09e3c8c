"""What has come due, on every merchant's own clock."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from invoicing import clock
from invoicing.models import Merchant


def due(field: str, merchant: str = "merchant") -> Iterator[tuple[datetime, Q]]:
    """For each clock in use, its time and the condition "this field is due on that clock".

    All merchants on the wall clock share the first; every moved clock adds one. `merchant` is
    the path from the rows to their merchant.
    """
    instant = clock.wall()
    yield instant, Q(**{f"{merchant}__clock_offset": timedelta(0), f"{field}__lte": instant})
    moved = Merchant.objects.exclude(clock_offset=timedelta(0)).values_list("pk", "clock_offset")
    for pk, offset in moved:
        condition: dict[str, Any] = {f"{merchant}_id": pk, f"{field}__lte": instant + offset}
        yield instant + offset, Q(**condition)
