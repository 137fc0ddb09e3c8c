"""Holding a bot: what it may do by itself, changed by whoever may give it keys."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from invoicing import leashes
from invoicing.actions import leashes as actions
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import posted
from invoicing.dashboard.keys import bot_of
from invoicing.dashboard.leash_form import LeashForm, row_of
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError
from invoicing.models import Leash


@require_http_methods(["GET", "POST"])
@merchant_page("bots:write", back="dashboard:api_keys")
def edit(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Set or change a bot's leash."""
    bot = bot_of(request.merchant, public_id)
    held = leashes.leash_of(bot)
    leash = held or Leash(bot=bot)
    initial = {"customers": "\n".join(leash.customers), "tools": leash.tools}
    rows = [row_of(limit) for limit in leashes.limits_of(leash)]
    if held is None:
        rows = [LeashForm.new_row | {"currency": request.merchant.currency}]
    how: dict[str, Any] = {"merchant": request.merchant, "leash": leash}
    reshaped = LeashForm.reshaped(request.POST, initial, **how)
    form = reshaped or LeashForm(posted(request), rows=rows, initial=initial, **how)
    if form.is_bound and form.is_valid():
        try:
            done = once(
                request,
                lambda: actions.set_leash(request.merchant, public_id, form.input),
                lambda _leash: reverse("dashboard:api_keys"),
            )
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            if done.result is not None:
                messages.success(
                    request,
                    _("The leash of %(bot)s holds from its next request on.") % {"bot": bot.name},
                )
            return redirect(done.where)
    context = {"form": form, "bot": bot, "is_held": held is not None}
    status = 422 if form.errors else 200
    return page(request, "keys/leash.html", "api_keys", context, status=status)


@require_http_methods(["GET", "POST"])
@merchant_page("bots:write", back="dashboard:api_keys")
def remove(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Take a bot's leash off, once that is confirmed."""
    bot = bot_of(request.merchant, public_id)
    if request.method == "POST":
        actions.remove_leash(request.merchant, public_id)
        messages.success(request, _("%(bot)s is on no leash any more.") % {"bot": bot.name})
        return redirect("dashboard:api_keys")
    context = {
        "heading": _("Take %(bot)s off its leash?") % {"bot": bot.name},
        "explanation": _(
            "From its next request on it may do all that its keys allow, without asking anybody."
        ),
        "button": _("Remove the leash"),
        "danger": True,
        "back": reverse("dashboard:bot_leash", args=[public_id]),
        "back_name": _("Leash"),
    }
    return page(request, "confirm.html", "api_keys", context)
