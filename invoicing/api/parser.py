"""Reading JSON so that no number loses a digit."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from typing import IO, Any

from django.http import HttpRequest
from rest_framework.exceptions import APIException
from rest_framework.parsers import BaseParser

from invoicing.api.errors import InvalidJson, UnsupportedBody
from invoicing.errors import ValidationFailed

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
_MAX_NUMBER_LENGTH = 60
_TOO_DEEP = f"The request body is nested deeper than {MAX_DEPTH} levels."


class TooLarge(APIException):
    """The body is larger than any request has reason to be."""

    status_code = 413
    default_code = "too_large"

    def __init__(self, most: int) -> None:
        super().__init__(f"The request body must be at most {most} bytes.")


class LengthRequired(APIException):
    """The body came in pieces that this server cannot put together."""

    status_code = 411
    default_code = "length_required"
    default_detail = "Send the body with a Content-Length."


def take_in_pieces(request: HttpRequest, most: int) -> None:
    """Read a body that was sent in chunks: Django believes what has no length to be empty.

    Of more than `most` bytes it reads no more than shows that they are too many.

    Raises LengthRequired where the server does not say that such a body has an end.
    """
    meta = request.META
    chunked = "chunked" in meta.get("HTTP_TRANSFER_ENCODING", "").lower()
    if not chunked or meta.get("CONTENT_LENGTH"):
        return
    if not meta.get("wsgi.input_terminated"):
        raise LengthRequired
    body = b""
    while len(body) <= most and (piece := meta["wsgi.input"].read(most + 1)):
        body += piece
    meta["CONTENT_LENGTH"] = str(len(body))
    request._stream = BytesIO(body)


class ExactJsonParser(BaseParser):
    """JSON with Decimals for fractions; refuses NaN, exponents, repeated names and deep nests."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        context = parser_context or {}
        request = context.get("request")
        if (
            request is not None
            and request.headers.get("Content-Encoding", "identity") != "identity"
        ):
            raise UnsupportedBody
        view = context.get("view")
        most = getattr(view, "max_bytes", MAX_BYTES)
        body = stream.read(most + 1)
        if len(body) > most:
            raise getattr(view, "too_large", lambda: TooLarge(most))()
        return loads(body) if body.strip() else {}


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """Stands where a number stood that is none here, until it is known what field that is."""

    problem: str


def loads(body: bytes) -> Any:
    """The JSON value. Raises InvalidJson; ValidationFailed naming where a number is not plain."""
    strange: list[_Unreadable] = []

    def refuse(problem: str) -> _Unreadable:
        strange.append(_Unreadable(problem))
        return strange[-1]

    def fraction(text: str) -> Any:
        if "e" in text.lower():
            return refuse(f"must be written without an exponent, not as {text[:20]}")
        return Decimal(text) if len(text) <= _MAX_NUMBER_LENGTH else refuse("has too many digits")

    def whole(text: str) -> Any:
        return int(text) if len(text) <= _MAX_NUMBER_LENGTH else refuse("has too many digits")

    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_float=fraction,
            parse_int=whole,
            parse_constant=lambda text: refuse(f"must be a number, which {text} is not"),
            object_pairs_hook=_object,
        )
    except (UnicodeDecodeError, ValueError) as problem:
        raise InvalidJson(f"The request body is not valid JSON: {problem}") from None
    except RecursionError:
        raise InvalidJson(_TOO_DEEP) from None
    # Only what has that many brackets can be that deep.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _deeper(value, MAX_DEPTH):
        raise InvalidJson(_TOO_DEEP)
    if strange:
        raise ValidationFailed(list(_found(value, "")))
    return value


def _deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects nest deeper than this."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return False
    return levels == 0 or any(_deeper(item, levels - 1) for item in value)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name {json.dumps(name)[:80]} occurs twice in one object")
        found[name] = value
    return found


def _found(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Where each unreadable number stands: `line_items[0].unit_price`, and what is wrong."""
    if isinstance(value, _Unreadable):
        yield path, value.problem
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _found(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _found(item, f"{path}[{place}]")
