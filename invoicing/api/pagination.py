"""Lists: newest first, a page at a time, by key and never by offset."""

import base64
import binascii
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from django.db.models import QuerySet
from pydantic import BeforeValidator, Field, WithJsonSchema

from invoicing import clock
from invoicing.errors import ValidationFailed
from invoicing.fields import Input, Instant
from invoicing.models import Merchant

Q = TypeVar("Q", bound=QuerySet[Any])

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


def _limit(text: Any) -> int:
    if not (isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= 3):
        raise ValueError(f"must be a whole number from 1 to {MAX_LIMIT}")
    if not 1 <= int(text) <= MAX_LIMIT:
        raise ValueError(f"must be a whole number from 1 to {MAX_LIMIT}")
    return int(text)


def _plus(text: Any) -> Any:
    """A plus sign that was not escaped arrives as a space: 12:00:00+02:00 as 12:00:00 02:00."""
    return text.replace(" ", "+") if isinstance(text, str) and "T" in text else text


def _yes_or_no(text: Any) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return bool(text == "true")


Moment = Annotated[Instant, BeforeValidator(_plus)]
Flag = Annotated[
    bool, BeforeValidator(_yes_or_no), WithJsonSchema({"type": "string", "enum": ["true", "false"]})
]


class PageQuery(Input):
    """What every list takes."""

    limit: Annotated[
        int,
        BeforeValidator(_limit),
        WithJsonSchema(
            {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        ),
    ] = Field(default=DEFAULT_LIMIT, description="Rows on a page.")
    cursor: Annotated[str, Field(max_length=64)] = Field(
        default="", description="The `next_cursor` of the page before."
    )


class CreatedQuery(PageQuery):
    """A list that can be cut by when its rows were made."""

    created_after: Moment | None = Field(
        default=None, description="Created at or after this instant, or this day."
    )
    created_before: Moment | None = Field(
        default=None, description="Created before this instant, or before this day."
    )


def between(
    rows: Q,
    merchant: Merchant,
    field: str,
    after: datetime | date | None,
    before: datetime | date | None,
) -> Q:
    """The rows from `after` on and strictly before `before`; a bare date is its first instant
    where the merchant is."""
    for value, comparison in ((after, "gte"), (before, "lt")):
        if value is not None:
            rows = rows.filter(**{f"{field}__{comparison}": start_of(value, merchant)})
    return rows


def start_of(value: datetime | date, merchant: Merchant) -> datetime:
    """An instant as it is; a date as the first instant of that day where the merchant is."""
    return clock.start_of(value, merchant.timezone)


def page(
    query: PageQuery,
    rows: QuerySet[Any],
    render: Callable[[Any], dict[str, Any]],
    *,
    oldest_first: bool = False,
) -> dict[str, Any]:
    """One page of rows, as `{"data", "has_more", "next_cursor"}`. Raises ValidationFailed."""
    if query.cursor:
        side = "pk__gt" if oldest_first else "pk__lt"
        rows = rows.filter(**{side: _decode(query.cursor)})
    found = list(rows.order_by("pk" if oldest_first else "-pk")[: query.limit + 1])
    shown = found[: query.limit]
    more = len(found) > query.limit
    return {
        "data": [render(row) for row in shown],
        "has_more": more,
        "next_cursor": encode(shown[-1].pk) if more else None,
    }


def encode(pk: int) -> str:
    """A cursor: opaque, and nobody's object id."""
    return base64.urlsafe_b64encode(f"k{pk}".encode()).decode().rstrip("=")


def _decode(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        if text[:1] != "k" or not text[1:].isdecimal() or len(text) > 19:
            raise ValueError
        pk = int(text[1:])
        if encode(pk) != cursor:
            raise ValueError
        return pk
    except (ValueError, binascii.Error):
        raise ValidationFailed([("cursor", "is not one that a list has given")]) from None
