"""Lists: newest first, a page at a time, by key and never by offset."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from django.db.models import Model, QuerySet
from rest_framework.request import Request

from invoicing.errors import ValidationFailed

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


def page(
    request: Request,
    rows: QuerySet[Any],
    render: Callable[[Any], dict[str, Any]],
) -> dict[str, Any]:
    """One page of rows, as `{"data", "has_more", "next_cursor"}`.

    `?limit=` is 1 to 100 (20 when left out), `?cursor=` what the page before gave.
    """
    limit = _limit(request.query_params.get("limit"))
    cursor = request.query_params.get("cursor")
    if cursor:
        rows = rows.filter(pk__lt=_decode(cursor))
    found: list[Model] = list(rows.order_by("-pk")[: limit + 1])
    shown = found[:limit]
    more = len(found) > limit
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
        return int(text[1:])
    except (ValueError, binascii.Error):
        raise ValidationFailed([("cursor", "is not one that a list has given")]) from None


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdecimal() and 1 <= len(text) <= 3):
        raise ValidationFailed([("limit", f"must be a whole number from 1 to {MAX_LIMIT}")])
    limit = int(text)
    if not 1 <= limit <= MAX_LIMIT:
        raise ValidationFailed([("limit", f"must be a whole number from 1 to {MAX_LIMIT}")])
    return limit
