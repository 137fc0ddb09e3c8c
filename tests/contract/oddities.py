"""Requests that no schema brings forth: broken JSON, NUL, half characters, headers bent."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

DEEP = b"[" * 5000 + b"]" * 5000
BODIES = {
    "none": b"",
    "blanks": b" \n ",
    "null": b"null",
    "list": b"[]",
    "text": b'"x"',
    "number": b"1",
    "open": b'{"name": ',
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "with a mark": b"\xef\xbb\xbf{}",
    "deep": DEEP,
    "deep inside": b'{"metadata": ' + DEEP + b"}",
    "twice the same name": b'{"name": "a", "name": "b"}',
    "no number": b'{"amount": NaN, "limit": -Infinity}',
    "exponent": b'{"amount": 1e400}',
    "half a character for a name": b'{"\\ud800": 1}',
    "NUL for a name": b'{"\\u0000": 1}',
    "larger than any": b'{"name": "' + b"x" * 1_000_001 + b'"}',
}
VALUES = {
    "NUL": "a\0b",
    "half a character": "\ud83d",
    "turned about": "\u202eabc\u2066",
    "long": "x" * 70_000,
    "many bytes": "\U0001f4a5" * 300,
    "more than 64 bits": 2**64,
    "less than none": -(2**63) - 1,
    "many digits": 10**59,
    "fraction": 0.1,
    "small": "0." + "0" * 40 + "1",
    "other digits": "\u0661\u0662\u0663",
    "null": None,
    "true": True,
    "list": ["x"],
    "nested": {"a": {"b": ["\0"]}},
    "blank": " ",
    "the last day": "9999-12-31T23:59:59.999999+00:00",
    "before the last day": "9999-12-31T23:59:59-14:00",
    "the first day": "0001-01-01T00:00:00+14:00",
    "the first date": "0001-01-01",
    "the last date": "9999-12-31",
    "no day": "2026-02-30",
    "long ago": "P99999999999D",
    "aeons": "P9999Y",
    "ages": "PT99999999999999999999S",
}
QUERY = {
    "NUL": "%00",
    "half a character": "%ED%A0%80",
    "not UTF-8": "%ff",
    "empty": "",
    "no number": "x",
    "less than none": "-1",
    "more than 64 bits": str(2**64),
    "other digits": "%D9%A1",
    "the last day": "9999-12-31T23:59:59-14:00",
    "the first day": "0001-01-01T00:00:00%2B14:00",
    "the first date": "0001-01-01",
    "the last date": "9999-12-31",
    "long": "x" * 5000,
    "wild": "%25_%5C'%22",
    "id that is none": "inv_0",
}
PLACES = {
    "NUL": "%00",
    "not UTF-8": "%ff",
    "half a character": "%ED%A0%80",
    "beyond ASCII": "%C3%A9",
    "as long as can be": "x" * 64,
    "too long": "x" * 65,
    "up": "%2e%2e",
    "slash": "a%2Fb",
    "quote": "'%22",
    "more than 64 bits": "9" * 30,
    "line": "a%0Ab",
}
HEADERS: dict[str, dict[str, str]] = {
    "no text": {"Content-Type": "text/plain"},
    "form": {"Content-Type": "application/x-www-form-urlencoded"},
    "parts": {"Content-Type": "multipart/form-data; boundary=x"},
    "parts without end": {"Content-Type": "multipart/form-data"},
    "other letters": {"Content-Type": "application/json; charset=utf-16"},
    "no letters": {"Content-Type": "application/json; charset=nothing"},
    "no type": {"Content-Type": ""},
    "packed": {"Content-Encoding": "gzip"},
    "empty key": {"Idempotency-Key": ""},
    "quotes for a key": {"Idempotency-Key": '""'},
    "long key": {"Idempotency-Key": "k" * 256},
    "blank in a key": {"Idempotency-Key": "a b"},
    "key beyond ASCII": {"Idempotency-Key": "caf\u00e9"},
    "NUL in a key": {"Idempotency-Key": "a\0b"},
    "other answers": {"Accept": "text/html;q=x, */*"},
    "languages": {"Accept-Language": "x" * 3000},
    "no length": {"Content-Length": "x"},
    "less than no length": {"Content-Length": "-1"},
    "paid": {"PAYMENT-SIGNATURE": "\u00e9", "X-PAYMENT": "!"},
    "paid in JSON": {"PAYMENT-SIGNATURE": "bnVsbA==", "X-PAYMENT": "W10="},
    "paid deeply": {"PAYMENT-SIGNATURE": "W1tbW1tbW1tbW1tbW1tbW1tbW1tbW10="},
    "other method": {"X-HTTP-Method-Override": "DELETE"},
    "other host": {"X-Forwarded-Host": "evil.example", "Forwarded": "for=x"},
}
KEYS = ["Bearer", "Bearer a b", "Bearer \u00e9", "Bearer a\0b", "Basic eDp5", "bh_test_x", "\0"]


@dataclass(frozen=True)
class Odd:
    """A request that nobody in their senses sends."""

    what: str
    path: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def oddities(
    operation: dict[str, Any], path: str, places: dict[str, str], body: dict[str, Any]
) -> Iterator[Odd]:
    """All that can be wrong with a request that would else be right."""
    here = path.format(**places)
    takes_body = "requestBody" in operation or body
    for place in places:
        for what, text in PLACES.items():
            yield Odd(f"{place}: {what}", path.format(**{**places, place: text}), body)
    names = [each["name"] for each in operation["parameters"] if each["in"] == "query"]
    for name in [*names, "unheard_of", "%00"]:
        for what, text in QUERY.items():
            yield Odd(f"?{name}: {what}", f"{here}?{name}={text}", body)
        yield Odd(f"?{name} twice", f"{here}?{name}=1&{name}=2", body)
    for what, text in BODIES.items():
        yield Odd(f"body: {what}", here, text)
    for name in fields(operation) if takes_body else ():
        for what, value in VALUES.items():
            yield Odd(f"{name}: {what}", here, {**body, name: value})
    for what, headers in HEADERS.items():
        yield Odd(f"header: {what}", here, body, headers)
    for key in KEYS:
        yield Odd(f"key: {quote(key)}", here, body, {"Authorization": key})


def fields(operation: dict[str, Any]) -> list[str]:
    """What a body may have, by the document."""
    from config.docs import document

    if "requestBody" not in operation:
        return []
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return list(document()["components"]["schemas"][name.rsplit("/", 1)[1]]["properties"])
