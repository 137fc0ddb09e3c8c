"""Lists as people page through them: newest first, by key, with the filters in the address."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import HttpRequest

from invoicing.models import Merchant

PAGE_SIZE = 25


@dataclass(frozen=True, slots=True)
class Page:
    """One page of rows, and the addresses of its neighbours; "" where there is none."""

    rows: list[Any]
    newer: str = ""
    older: str = ""
    # Whether any filter is set: nothing found is then no reason to say that nothing is there.
    filtered: bool = False


def page_of(request: HttpRequest, rows: QuerySet[Any], size: int = PAGE_SIZE) -> Page:
    """The page that `?before=` or `?after=` a row's key asks for; the newest without either."""
    before, after = _key(request, "before"), _key(request, "after")
    if after is not None:
        found = list(rows.filter(pk__gt=after).order_by("pk")[: size + 1])
        more_newer, more_older = len(found) > size, True
        found = found[:size][::-1]
    else:
        if before is not None:
            rows = rows.filter(pk__lt=before)
        found = list(rows.order_by("-pk")[: size + 1])
        more_newer, more_older = before is not None, len(found) > size
        found = found[:size]
    if not found:
        return Page([], newer=_address(request) if before or after else "", filtered=_any(request))
    return Page(
        found,
        newer=_address(request, after=found[0].pk) if more_newer else "",
        older=_address(request, before=found[-1].pk) if more_older else "",
        filtered=_any(request),
    )


def _key(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    if text.isascii() and text.isdecimal() and len(text) <= 18:
        return int(text)
    return None


def _address(request: HttpRequest, **key: int) -> str:
    query = request.GET.copy()
    query.pop("before", None)
    query.pop("after", None)
    for name, value in key.items():
        query[name] = str(value)
    return f"?{query.urlencode()}"


def _any(request: HttpRequest) -> bool:
    return any(value for name, value in request.GET.items() if name not in ("before", "after"))


def day(request: HttpRequest, name: str) -> date | None:
    """A date from the address, None where it is none."""
    try:
        return date.fromisoformat(request.GET.get(name, ""))
    except ValueError:
        return None


def between(request: HttpRequest, merchant: Merchant, field: str, name: str) -> dict[str, datetime]:
    """The filter for a range of days, both included, as the merchant's time zone has them."""
    zone = ZoneInfo(merchant.timezone)
    conditions = {}
    first, last = day(request, f"{name}_from"), day(request, f"{name}_to")
    if first is not None:
        conditions[f"{field}__gte"] = datetime.combine(first, time.min, zone)
    if last is not None and last < date.max:
        conditions[f"{field}__lt"] = datetime.combine(last + timedelta(days=1), time.min, zone)
    return conditions
