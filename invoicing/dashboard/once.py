"""A form that is sent twice does its work once: the second time leads where the first one did."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.utils.translation import gettext as _

from invoicing.dashboard.access import MerchantRequest
from invoicing.errors import Conflict, IdempotencyMismatch
from invoicing.idempotency import Answer, Guard, Replay, fingerprint, guarded

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Done(Generic[R]):
    """What came of a form, and the address to go on to; no result if it had been sent before."""

    result: R | None
    where: str


_TOKEN = re.compile(r"[A-Za-z0-9]{16,64}", re.ASCII)
_NOT_ASKED = ("csrfmiddlewaretoken", "token")


def once(request: MerchantRequest, act: Callable[[], R], where: Callable[[R], str]) -> Done[R]:
    """Run one action for this form, and say where to go next.

    `where` names the page from the action's result, and is kept with the form's token. Raises
    Conflict if the form had been sent before with other contents.
    """
    guard = _guard(request, where)
    try:
        with guarded(guard):
            result = act()
    except Replay as replay:
        return Done(None, replay.answer.body)
    except IdempotencyMismatch:
        raise Conflict(
            _("This form was sent before with other contents, and only the first counted.")
        ) from None
    return Done(result, where(result))


def _guard(request: MerchantRequest, where: Callable[[R], str]) -> Guard | None:
    token = request.POST.get("token", "")
    if not _TOKEN.fullmatch(token):
        return None
    asked = [(name, values) for name, values in request.POST.lists() if name not in _NOT_ASKED]
    return Guard(
        merchant_id=request.merchant.pk,
        actor_id=request.user.public_id,
        key=f"form:{token}:{request.path}"[:255],
        fingerprint=fingerprint("POST", request.path, asked),
        render=lambda result: Answer(302, where(result)),
    )
