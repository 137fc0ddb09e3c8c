"""Doing what moves money once per wish, under whatever Idempotency-Key it is asked for."""

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing.actions import intents
from invoicing.actions.action import counting_deeds
from invoicing.api.once import key_of
from invoicing.errors import BillhookError
from invoicing.failpoints import failpoint
from invoicing.intents import Move
from invoicing.models import Bot, IdempotentRequest, Intent


def once_per_wish(
    request: Request, bot: Bot, moves: Callable[[], Move], act: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """Write the wish down, do it, and keep what was answered. Raises DuplicateIntent.

    What is refused before anything was done may be asked for again. Whatever else is in the way
    may have been done, so that the wish stays until the answer is known.
    """
    key = key_of(request)
    if (
        key
        and IdempotentRequest.objects.filter(
            merchant=bot.merchant, actor_id=bot.public_id, key=key
        ).exists()
    ):
        # Told again, or taken up where it died: what it would move is told by what it has moved.
        response = act()
        intent = bot.intents.filter(idempotency_key=key, status=Intent.Status.BEGUN).first()
        if intent is not None:
            _keep(intent, response)
        return response
    move = moves()
    intent, is_new = intents.begin_intent(bot, move, key)
    failpoint("once_per_wish:after_begin")
    with counting_deeds() as deeds:
        try:
            response = act()
        except BillhookError:
            if is_new and not deeds:
                intents.drop_intent(intent.pk)
            raise
    failpoint("once_per_wish:after_deed")
    if is_new or not intent.answer_body:
        _keep(intent, response, move.dropped)
    return response


def _keep(
    intent: Intent, response: HttpResponseBase, dropped: Callable[[Any], bool] = lambda told: False
) -> None:
    text = _text_of(response)
    intents.answer_intent(intent.pk, response.status_code, text, dropped=dropped(json.loads(text)))


def _text_of(response: HttpResponseBase) -> str:
    if isinstance(response, Response):
        return json.dumps(response.data, ensure_ascii=False, separators=(",", ":"))
    assert isinstance(response, HttpResponse)  # noqa: S101 - a kept answer is no stream
    return response.content.decode()
