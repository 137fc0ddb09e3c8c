"""Doing what moves money once per wish, and within what its bot may do by itself."""

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing import representations
from invoicing.actions import intents
from invoicing.actions.action import counting_deeds
from invoicing.actions.intents import Asked, Wish
from invoicing.api import inside
from invoicing.api.authentication import Caller
from invoicing.api.endpoint import Endpoint
from invoicing.api.once import key_of
from invoicing.errors import BillhookError
from invoicing.failpoints import failpoint
from invoicing.intents import Move, approved, as_measured
from invoicing.models import IdempotentRequest, Intent


def once_per_wish(
    request: Request,
    caller: Caller,
    endpoint: Endpoint,
    moves: Callable[[], Move],
    act: Callable[[], HttpResponseBase],
) -> HttpResponseBase:
    """Write the wish down, do it, and keep what was answered. Raises DuplicateIntent, OffLimits.

    What is refused before anything was done may be asked for again. Whatever else is in the way
    may have been done, so that the wish stays until the answer is known. What has to wait for a
    person is answered with 202.
    """
    if (wish_approved := approved()) is not None:
        with as_measured(wish_approved):
            return act()  # whoever carries it out keeps the answer
    bot, key = caller.bot, key_of(request)
    if key and _is_known(caller, key):
        # Told again, or taken up where it died: what it would move is told by what it has moved.
        begun = bot.intents.filter(idempotency_key=key, status=Intent.Status.BEGUN).first()
        with as_measured(begun):
            response = act()
        if begun is not None:
            _keep(begun, response)
        return response
    move = moves()
    asked = Asked(endpoint.name, _path_of(request), inside.written(request.data), key, caller.key)
    wish = intents.begin_intent(bot, move, asked)
    failpoint("once_per_wish:after_begin")
    if wish.approval is not None:
        return _waiting(wish)
    with counting_deeds() as deeds, as_measured(move):
        try:
            response = act()
        except BillhookError:
            if wish.is_new and not deeds:
                intents.drop_intent(wish.intent.pk)
            raise
    failpoint("once_per_wish:after_deed")
    if not wish.intent.answer_body:
        _keep(wish.intent, response, move.dropped)
    return response


def _path_of(request: Request) -> str:
    """The address by which the same can be asked for inside, whatever host it came to."""
    return str(getattr(request._request, "path_inside", request.path))


def _is_known(caller: Caller, key: str) -> bool:
    asked = IdempotentRequest.objects.filter(actor_id=caller.bot.public_id, key=key)
    return asked.filter(merchant=caller.merchant).exists()


def _waiting(wish: Wish) -> HttpResponseBase:
    """The answer of what a person let be done, or where to look for it."""
    if wish.intent.answer_body:
        return HttpResponse(
            wish.intent.answer_body,
            status=wish.intent.answer_status,
            content_type="application/json",
            headers={"Idempotent-Replayed": "true"},
        )
    assert wish.approval is not None  # noqa: S101 - whoever calls has looked
    return Response(representations.approval(wish.approval), status=202)


def _keep(
    intent: Intent, response: HttpResponseBase, dropped: Callable[[Any], bool] = lambda told: False
) -> None:
    text = text_of(response)
    intents.answer_intent(
        intent.pk, response.status_code, text, dropped=dropped(json.loads(text or "null"))
    )


def text_of(response: HttpResponseBase) -> str:
    """An answer as it goes over the wire."""
    if isinstance(response, Response):
        return json.dumps(response.data, ensure_ascii=False, separators=(",", ":"))
    assert isinstance(response, HttpResponse)  # noqa: S101 - a kept answer is no stream
    return response.content.decode()
