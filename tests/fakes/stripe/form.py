"""Request bodies as Stripe takes them: bracketed form fields, and files by multipart."""

import re
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

from tests.fakes.stripe.errors import BadRequest

_PART = re.compile(r"\[([^\]]*)\]")


def read_form(text: str) -> dict[str, Any]:
    """`a[b][0][c]=1` as nested dicts and lists; every leaf stays text."""
    fields = parse_qsl(text, keep_blank_values=True)
    return nest(fields)


def nest(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in fields:
        head, _, rest = name.partition("[")
        parts = [head, *_PART.findall("[" + rest)] if rest else [head]
        here = found
        for part, following in zip(parts, parts[1:], strict=False):
            if part == "":
                part = str(len(here))
            here = here.setdefault(part, {})
            if not isinstance(here, dict):
                raise BadRequest(f"Invalid {following}", param=name)
        last = parts[-1]
        here[str(len(here)) if last == "" else last] = value
    return {name: _lists(value) for name, value in found.items()}


def _lists(value: Any) -> Any:
    """Turn dicts whose keys count from 0 into lists."""
    if not isinstance(value, dict):
        return value
    inner = {name: _lists(each) for name, each in value.items()}
    if inner and all(name.isdigit() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner


def read_multipart(body: bytes, content_type: str) -> dict[str, Any]:
    """The fields, with each file as its name, type and bytes."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    fields: list[tuple[str, Any]] = []
    for part in message.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        filename = part.get_filename()
        raw = part.get_payload(decode=True)
        content = raw if isinstance(raw, bytes) else b""
        if filename is None:
            fields.append((name, content.decode().rstrip("\r\n")))
        else:
            fields.append((name, (filename, part.get_content_type(), content)))
    return nest(fields)
