"""How a model is told of a refusal: what is wrong, and the one thing to do next."""

from typing import Any, Final

from mcp import types

from checkout.bots.mcp_untrusted import (
    META_UNTRUSTED,
    Place,
    fenced,
    one_line,
    path_of,
    written_by_others,
)
from invoicing.api.inside import Answer

META_ERROR: Final = "billhook/error"
# Longer than any message of Billhook's own; what echoes a caller may be of any length.
_LONGEST: Final = 1500
# What Billhook itself writes into the details of a refusal.
_SAID: Final = frozenset(("field", "limit", "permission", "match", "look"))
_SAME_CALL: Final = (
    "call again with exactly the same arguments and, if you gave one, the SAME idempotency_key"
)
NEXT: Final = {
    "validation_error": "Nothing was changed. Put right the fields named in the details, and call "
    "again.",
    "not_found": "Nothing was changed. Find the id with the tool that lists these objects; never "
    "guess one.",
    "invalid_state": "Nothing was changed. Get the object to see how it stands; the same call "
    "helps only once that has changed.",
    "conflict": "Nothing was changed. Get the object to see what holds it before you go on.",
    "duplicate_intent": "Nothing was charged or refunded by this call: the same was asked for "
    "before. Look at what the details name. Never get around this with another key or another "
    "amount; ask the person you work for whether it is meant twice.",
    "idempotency_in_flight": f"The first such call is still at work. Wait, then {_SAME_CALL}.",
    "idempotency_mismatch": "Nothing was changed. That idempotency_key stands for another deed: "
    "repeat that one's arguments exactly, or give a new deed a new key.",
    "missing_permission": "Nothing was changed. Tell the person you work for which permission is "
    "missing; they give it to the key. Do not look for another way.",
    "unauthorized": "Nothing was changed. The API key is no longer good: tell the person you work "
    "for.",
    "test_mode_only": "Nothing was changed. This only works with a test key (bh_test_…).",
    "not_configured": "Nothing was changed. The person you work for must set this up in the "
    "dashboard first.",
    "rate_limited": f"Nothing was changed. Wait, then {_SAME_CALL}.",
    "provider_failed": "It is not known whether it happened. Never try it with another key: "
    f"{_SAME_CALL}, or get the object to see what became of it.",
    "unavailable": f"A part of the installation did not answer. Wait, then {_SAME_CALL}.",
    "internal_error": "Something broke. Get the object to see how it stands before you try again, "
    "and tell the request id to the person you work for.",
}
_ANY_REFUSAL: Final = "Nothing was changed. Read the message; if you cannot put it right, tell the "
_ANY_REFUSAL_OF_OURS: Final = f"It is not known whether it happened: {_SAME_CALL}."


def refusal(answer: Answer) -> types.CallToolResult:
    """The refusal as a result that a model can put right."""
    error: dict[str, Any] = {"details": {}, **answer.body["error"]}
    # As other systems' documents call it.
    request_id = error.setdefault("request_id", error.pop("requestId", ""))
    wait = answer.headers.get("Retry-After")
    others = _written_by_others(error["details"])
    details, *fence = fenced(_short(error["details"]), others)
    lines = [f"REFUSED, {error['code']}: {one_line(error['message'], _LONGEST)}"]
    if error["details"]:
        lines.append(f"Details: {details}")
    lines.append(f"What to do: {next_step(error['code'], answer.status)}")
    if wait:
        lines.append(f"Wait at least {wait} seconds.")
        error["retry_after"] = int(wait)
    lines.append(f"Request id: {request_id}")
    meta: dict[str, Any] = {META_ERROR: error}
    if others:
        meta[META_UNTRUSTED] = [path_of(("details", *place)) for place in others]
    return types.CallToolResult(
        content=[types.TextContent(text=text) for text in ("\n".join(lines), *fence)],
        is_error=True,
        _meta=meta,
    )


def _written_by_others(details: dict[str, Any]) -> list[Place]:
    """Where in the details there may be words of others: in what an earlier call was answered."""
    return [
        place
        for place in written_by_others(details, {})
        if place[0] != "fields" and not (len(place) == 1 and place[0] in _SAID)
    ]


def _short(details: dict[str, Any]) -> dict[str, Any]:
    """The details with the fields that are wrong on a line each: their names may be anything."""
    if "fields" not in details:
        return details
    fields = [
        {name: one_line(str(text), 200) for name, text in field.items()}
        for field in details["fields"]
    ]
    return {**details, "fields": fields}


def next_step(code: str, status: int) -> str:
    """The sentence for this code, or for its kind."""
    usual = f"{_ANY_REFUSAL}person you work for." if status < 500 else _ANY_REFUSAL_OF_OURS
    return NEXT.get(code, usual)
