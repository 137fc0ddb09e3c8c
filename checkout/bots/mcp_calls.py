"""One call of a tool: ask its endpoint in the caller's name, and tell a model what came of it."""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from django.urls import reverse
from mcp import types

from checkout.bots.mcp_projection import KEY, Tool
from checkout.bots.mcp_refusals import refusal
from checkout.bots.mcp_untrusted import (
    META_UNTRUSTED,
    fenced,
    one_line,
    path_of,
    written_by_others,
)
from invoicing.api.authentication import Caller
from invoicing.api.errors import envelope
from invoicing.api.inside import Answer, ask
from invoicing.representations import public_url

META_REPLAYED: Final = "billhook/replayed"
META_KEY: Final = "billhook/idempotency_key"
_REPLAYED: Final = (
    "NOTE: this is the kept answer of an earlier call with the same {key}; nothing was done twice. "
    "What has happened since does not show here. If it is really to be done once more, call again "
    f"with another {KEY}."
)
_WAITING: Final = (
    "NOTE: nothing has happened yet. This needs a person's approval, and is waiting for it: tell "
    "the person you work for to decide at {page}. To see what became of it, call get_approval with "
    "approval_id {id}. Do not call again meanwhile, and do not try to get there by smaller "
    "amounts, another key or another tool."
)


def call(
    caller: Caller, tool: Tool, arguments: Mapping[str, Any], request_id: str = ""
) -> tuple[types.CallToolResult, Mapping[str, str]]:
    """The result of a call, and the headers of the answer behind it. Never raises for bad input."""
    left: dict[str, Any] = _exact(arguments)
    key = left.pop(KEY, None) if tool.takes_keys else None
    wrong = [
        tool.id_argument(name)
        for name in tool.places
        if not _is_id(left.get(tool.id_argument(name)))
    ]
    if key is not None and not isinstance(key, str):
        wrong.append(KEY)
    if wrong:
        return refusal(_wrong(wrong, request_id)), {}
    given = bool(key)
    if tool.makes and not key:
        key = derived_key(caller, tool, left)
    path = tool.path(left)
    if path is None:
        return refusal(_nowhere(left, tool, request_id)), {}
    for name in tool.places:
        del left[tool.id_argument(name)]
    fields = {tool.field_argument(name): name for name in tool.renamed}
    left = {fields.get(name, name): value for name, value in left.items()}
    in_body = tool.method != "GET"
    answer = ask(
        caller,
        tool.method,
        path,
        left if in_body else None,
        None if in_body else _parameters(left),
        idempotency_key=key or "",
        request_id=request_id,
    )
    if answer.status >= 400:
        return refusal(answer), answer.headers
    return _told(tool, answer, key or "", given), answer.headers


def _exact(value: Any) -> Any:
    """Decimals in place of floats: over stdio JSON was read already, over HTTP digit by digit, and
    the same call must be the same deed by either."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, Mapping):
        return {name: _exact(one) for name, one in value.items()}
    return [_exact(one) for one in value] if isinstance(value, list) else value


def derived_key(caller: Caller, tool: Tool, arguments: Mapping[str, Any]) -> str:
    """The same bot, deed and arguments make the same key: a model that asks again repeats."""
    words = [caller.bot.public_id, tool.method, tool.address, arguments]
    text = json.dumps(words, sort_keys=True, separators=(",", ":"), default=str)
    return "mcp-" + hashlib.sha256(text.encode()).hexdigest()[:48]


def _told(tool: Tool, answer: Answer, key: str, given: bool) -> types.CallToolResult:
    notes: list[str] = []
    meta: dict[str, Any] = {}
    if key:
        meta[META_KEY] = key
    if answer.is_replay:
        meta[META_REPLAYED] = True
        notes.append(_REPLAYED.format(key=KEY if given else "arguments"))
    if answer.status == 202:
        approval_id = answer.body["id"]
        page = public_url(reverse("dashboard:approval", args=[approval_id]))
        notes.append(_WAITING.format(page=page, id=approval_id))
    others = written_by_others(answer.body, tool.output_schema or {})
    if others:
        meta[META_UNTRUSTED] = [path_of(place) for place in others]
    texts = [*notes, *fenced(answer.body, others)]
    return types.CallToolResult(
        content=[types.TextContent(text=text) for text in texts],
        structured_content=answer.body,
        _meta=meta or None,
    )


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _parameters(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Values as an address carries them; what is null was not said."""
    return {
        name: json.dumps(value) if isinstance(value, bool | list | dict) else value
        for name, value in arguments.items()
        if value is not None
    }


def _wrong(names: list[str], request_id: str) -> Answer:
    fields = [{"field": name, "message": "must be given, as text"} for name in names]
    message = f"{names[0]}: must be given, as text"
    return Answer(400, envelope("validation_error", message, request_id, {"fields": fields}))


def _nowhere(arguments: Mapping[str, Any], tool: Tool, request_id: str) -> Answer:
    asked = ", ".join(one_line(str(arguments[tool.id_argument(name)]), 40) for name in tool.places)
    return Answer(404, envelope("not_found", f"There is nothing by the id {asked}.", request_id))
