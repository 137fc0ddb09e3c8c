"""Reading JSON so that no number loses a digit."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any

from rest_framework.exceptions import APIException
from rest_framework.parsers import BaseParser

from invoicing.api.errors import InvalidJson

MAX_BYTES = 1_000_000
_MAX_NUMBER_LENGTH = 60


class TooLarge(APIException):
    """The body is larger than any request has reason to be."""

    status_code = 413
    default_code = "too_large"
    default_detail = f"The request body must be at most {MAX_BYTES} bytes."


class ExactJsonParser(BaseParser):
    """JSON with Decimals for fractions; refuses NaN, exponents, repeated names and deep nests."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise TooLarge
        if not body.strip():
            return {}
        try:
            return json.loads(
                body.decode("utf-8"),
                parse_float=_fraction,
                parse_int=_whole,
                parse_constant=_constant,
                object_pairs_hook=_object,
            )
        except (UnicodeDecodeError, ValueError) as problem:
            raise InvalidJson(f"The request body is not valid JSON: {problem}") from None
        except RecursionError:
            raise InvalidJson("The request body is nested too deeply.") from None


def _fraction(text: str) -> Decimal:
    if "e" in text.lower():
        raise ValueError(f"write {text[:20]} without an exponent")
    return Decimal(_short(text))


def _whole(text: str) -> int:
    return int(_short(text))


def _short(text: str) -> str:
    if len(text) > _MAX_NUMBER_LENGTH:
        raise ValueError("a number has too many digits")
    return text


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is not a number here")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return found
