"""Writing JSON so that no number loses a digit."""

import json
from decimal import Decimal
from typing import Any

from rest_framework.renderers import BaseRenderer

from invoicing import money


class ExactJsonRenderer(BaseRenderer):
    """JSON in which a Decimal is a number, digit for digit: 12.50 is 12.5, and 250.00 is 250."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        """The body of an answer; None is no body."""
        return b"" if data is None else dumps(data).encode()


def dumps(value: Any) -> str:
    """The value as JSON text."""
    if isinstance(value, Decimal):
        return money.plain(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_text(name)}:{dumps(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(dumps, value)) + "]"
    return _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
