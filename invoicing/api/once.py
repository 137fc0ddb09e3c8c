"""Doing what a request asks for in the caller's name, and once per Idempotency-Key."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing import idempotency
from invoicing.actor import Actor, acting
from invoicing.errors import ValidationFailed
from invoicing.models import Merchant

R = TypeVar("R")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def once(
    request: Request,
    merchant: Merchant,
    actor: Actor,
    do: Callable[[], R],
    render: Callable[[R], Any],
    *,
    status: int = 200,
    steps: bool = False,
    shown_once: str = "",
) -> HttpResponseBase:
    """Do it and render what came of it; a repeat with the same key gets the first answer again.

    With `steps` it takes more than one action, and its answer is kept after the last. The field
    named `shown_once` is shown to whoever asked first and kept nowhere: a repeat gets null there.
    """

    def kept(result: R) -> idempotency.Answer:
        body = render(result)
        shown = {**body, shown_once: None} if shown_once else body
        text: Any = request.accepted_renderer.render(shown)
        return idempotency.Answer(status, text.decode())

    guard = _guard(request, merchant, actor, None if steps else kept)
    with acting(actor), idempotency.guarded(guard):
        try:
            result = do()
            if guard is not None and guard.answer is None:
                guard.finish(kept(result))
        except idempotency.Replay as replay:
            response = _told(replay.answer)
            response["Idempotent-Replayed"] = "true"
            return response
        except Exception:
            if guard is not None:
                guard.give_up()
            raise
    if guard is None or guard.answer is None or shown_once:
        return Response(render(result), status=status)
    return _told(guard.answer)


def key_of(request: Request) -> str:
    """The request's Idempotency-Key; "" where it has none, or none means anything.

    Raises ValidationFailed for one that cannot be kept.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None or request.method != "POST":
        return ""
    # The draft standard's quoted form and the bare one mean the same key.
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not _KEY.fullmatch(key):
        raise ValidationFailed([("Idempotency-Key", "must have 1 to 255 visible ASCII characters")])
    return key


def _guard(
    request: Request,
    merchant: Merchant,
    actor: Actor,
    render: Callable[[Any], idempotency.Answer] | None,
) -> idempotency.Guard | None:
    key = key_of(request)
    if not key:
        return None
    return idempotency.Guard(
        merchant_id=merchant.pk,
        actor_id=actor.id,
        key=key,
        fingerprint=idempotency.fingerprint(str(request.method), request.path, request.data),
        render=render,
    )


def _told(answer: idempotency.Answer) -> HttpResponse:
    return HttpResponse(answer.body, status=answer.status, content_type="application/json")
