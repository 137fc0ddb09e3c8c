"""The API reference as a page shows it: the OpenAPI document, cut into what people read."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from invoicing.api.openapi import JSON, sample

TAGS: Final = (
    "Invoices",
    "Customers",
    "Reminders",
    "Inquiries",
    "Checkout",
    "Money",
    "USDC",
    "Recurring charges",
    "Webhooks",
    "Events",
    "Who",
    "Rehearsal",
    "For payers",
)
_MAX_DEPTH: Final = 3
_PAGE: Final = '{\n  "data": [ … ],\n  "has_more": false,\n  "next_cursor": null\n}'

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of text, which may be code."""

    text: str
    code: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One field or parameter: its name, what it may be, and what it means."""

    name: str
    kind: str
    text: list[Part]
    required: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint."""

    anchor: str
    method: str
    path: str
    summary: str
    paragraphs: list[list[Part]]
    permission: str
    parameters: list[Row]
    body: list[Row]
    # What it answers with, where that is described, and here if it is described here.
    object: str
    is_page: bool
    object_anchor: str
    answer: list[Row]
    status: str
    refusals: list[tuple[str, str]]
    command: str
    example: str


@dataclass(frozen=True, slots=True)
class Section:
    """The endpoints of one kind."""

    name: str
    anchor: str
    operations: list[Operation] = field(default_factory=list)


def sections(document: Schema) -> list[Section]:
    """Every endpoint of the document, by kind. Raises KeyError for a kind that has no place."""
    found = {tag: Section(tag, tag.lower().replace(" ", "-")) for tag in TAGS}
    homes = _homes(document)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            described = _operation(document, homes, path, method.upper(), operation)
            found[operation["tags"][0]].operations.append(described)
    return list(found.values())


def _homes(document: Schema) -> dict[str, str]:
    """Which operation describes each object: the one that gets it, or else the first."""
    homes: dict[str, str] = {}
    operations = [
        (method, operation)
        for methods in document["paths"].values()
        for method, operation in methods.items()
    ]
    for wanted in ("get", None):
        for method, operation in operations:
            answer = _answer(operation)
            name, page = _object(answer)
            if name and not page and wanted in (method, None):
                homes.setdefault(name, operation["operationId"])
    return homes


def _operation(
    document: Schema, homes: dict[str, str], path: str, method: str, operation: Schema
) -> Operation:
    components = document["components"]
    status = next(iter(operation["responses"]))
    body = operation.get("requestBody", {}).get("content", {}).get(JSON, {})
    answer = _answer(operation)
    name, page = _object(answer)
    anchor = operation["operationId"]
    here = answer is not None and homes.get(name, anchor) == anchor
    example = _PAGE if page else _written(sample(answer, components)) if answer and here else ""
    return Operation(
        anchor=anchor,
        method=method,
        path=path,
        summary=operation["summary"],
        paragraphs=[
            parts(text)
            for text in operation["description"].split("\n\n")
            if not text.startswith("Needs ")
        ],
        permission=operation.get("x-permission", ""),
        parameters=[
            Row(
                each["name"],
                _kind(each["schema"], components),
                parts(each["description"]),
                each["required"],
            )
            for each in operation["parameters"]
            if each["in"] != "header"
        ],
        body=list(_rows(body.get("schema"), components)),
        object=name,
        is_page=page,
        object_anchor="" if here else homes.get(name, ""),
        answer=list(_rows(answer, components)) if here and not page else [],
        status=status,
        refusals=[
            (code, refusal["description"])
            for code, refusal in operation["responses"].items()
            if code != status
        ],
        command=_command(document, path, method, operation, body),
        example=example,
    )


def _answer(operation: Schema) -> Schema | None:
    good = next(iter(operation["responses"].values()))
    schema: Schema | None = good.get("content", {}).get(JSON, {}).get("schema")
    return schema


def _object(answer: Schema | None) -> tuple[str, bool]:
    """The name of what is answered, and whether it is a page of them."""
    if answer is None:
        return "", False
    page = "data" in answer.get("properties", {})
    row = answer["properties"]["data"]["items"] if page else answer
    return row["$ref"].rsplit("/", 1)[1], page


def parts(text: str) -> list[Part]:
    """Text cut at its backticks: every second piece is code."""
    pieces = enumerate(text.split("`"))
    return [Part(piece, place % 2 == 1) for place, piece in pieces if piece]


def _command(document: Schema, path: str, method: str, operation: Schema, body: Schema) -> str:
    """The request as curl makes it."""
    lines = ["curl " + document["servers"][0]["url"] + _filled(path)]
    if method not in ("GET", "POST") or (method == "POST" and not body):
        lines[0] += f" -X {method}"
    if operation["security"]:
        lines.append('-H "Authorization: Bearer $KEY"')
    if body:
        lines.append('-H "Content-Type: application/json"')
        lines.append(f"-d '{_written(body.get('example', {}))}'")
    return " \\\n  ".join(lines)


_EXAMPLES: Final = {
    "reference": "INV-0042",
    "slug": "5f4dcc3b5aa765d61d8327deb882cf99",
    "field": "receipt",
}
_PREFIXES: Final = {
    "customer_id": "cus",
    "inquiry_id": "inq",
    "approval_id": "apr",
    "bot_id": "bot",
    "key_id": "key",
    "event_id": "evt",
    "endpoint_id": "we",
    "delivery_id": "del",
    "payment_id": "pay",
    "wallet_id": "wal",
    "refund_id": "ref",
    "claim_id": "clm",
    "method_id": "pm",
    "setup_id": "pms",
    "dispute_id": "dis",
    "deposit_id": "dep",
    "payout_id": "po",
    "credit_note_id": "cn",
    "page_id": "cp",
    "recurring_id": "rec",
}


def _filled(path: str) -> str:
    def example(match: re.Match[str]) -> str:
        name = match[1]
        return _EXAMPLES.get(name) or f"{_PREFIXES[name]}_9f86d081884c7d659a2feaa0"

    return re.sub(r"{(\w+)}", example, path)


def _written(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _rows(
    schema: Schema | None, components: Schema, prefix: str = "", depth: int = 1
) -> Iterator[Row]:
    if schema is None:
        return
    schema = _resolved(schema, components)
    required = schema.get("required", [])
    # What must be said comes first.
    fields = sorted(schema.get("properties", {}).items(), key=lambda item: item[0] not in required)
    for name, value in fields:
        inner = _resolved(_not_null(value), components)
        text = value.get("description") or _not_null(value).get("description", "")
        if not text and "properties" in inner:
            text = inner.get("description", "")
        yield Row(prefix + name, _kind(value, components), parts(text), name in required)
        nested, path = inner, f"{prefix}{name}."
        if inner.get("type") == "array":
            nested, path = _resolved(inner.get("items", {}), components), f"{prefix}{name}[]."
        if "properties" in nested and depth < _MAX_DEPTH:
            yield from _rows(nested, components, path, depth + 1)


def _resolved(schema: Schema, components: Schema) -> Schema:
    if "$ref" in schema:
        return _resolved(components["schemas"][schema["$ref"].rsplit("/", 1)[1]], components)
    # Where it is one of several, the ordinary one comes first.
    return _resolved(schema["oneOf"][0], components) if "oneOf" in schema else schema


def _not_null(schema: Schema) -> Schema:
    while "anyOf" in schema:
        schema = next(option for option in schema["anyOf"] if option.get("type") != "null")
    return schema


def _kind(schema: Schema, components: Schema) -> str:
    """What a value may be, in a few words."""
    nullable = any(option.get("type") == "null" for option in schema.get("anyOf", []))
    found = _resolved(_not_null(schema), components)
    kind = found.get("type", "anything")
    if isinstance(kind, list):
        nullable, kind = "null" in kind, kind[0]
    if "const" in found:
        kind = f'"{found["const"]}"'
    elif "enum" in found:
        kind = " | ".join(f'"{value}"' for value in found["enum"])
    elif kind == "array":
        kind = f"list of {_plural(_kind(found.get('items', {}), components))}"
    elif found.get("format") == "date-time":
        kind = "timestamp"
    elif kind == "string" and r"[0-9]+(\.[0-9]+)?$" in found.get("pattern", ""):
        kind = "decimal"
    elif kind == "string" and "maxLength" in found:
        kind = f"string, at most {found['maxLength']}"
    elif "minimum" in found and "maximum" in found:
        kind = f"{kind}, {found['minimum']} to {found['maximum']}"
    return f"{kind} or null" if nullable else str(kind)


def _plural(kind: str) -> str:
    return f"{kind}s" if kind.isalpha() else kind
