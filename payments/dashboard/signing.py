"""Refunds in USDC that a merchant is to sign in a wallet of their own."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.lists import page_of
from invoicing.dashboard.once import once
from invoicing.errors import InvalidState
from payments import rehearsed
from payments.actions.sending import cancel_payout
from payments.chain.rehearsal import SANDBOX
from payments.dashboard.refunds import refund_of
from payments.models import UsdcPayout
from payments.templatetags.usdc import usdc


@require_safe
@merchant_page("payments:read")
def index(request: MerchantRequest) -> HttpResponse:
    """All that waits to be signed, newest first."""
    rows = request.merchant.usdc_payouts.filter(status=UsdcPayout.Status.WAITING)
    rows = rows.select_related("refund__invoice")
    return page(request, "refunds/to_sign.html", "refunds", {"found": page_of(request, rows)})


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:refund")
def call_off(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Give up a refund that nobody has signed yet."""
    payout = _payout_of(request, public_id)
    where = reverse("dashboard:refund", args=[public_id])
    if request.method == "GET":
        if payout.status != UsdcPayout.Status.WAITING:
            messages.error(request, _("This refund waits for no signature any more."))
            return redirect(where)
        context = {
            "heading": _("Call this refund off?"),
            "subject": usdc(payout.units),
            "explanation": _(
                "Only if you have not signed it in your wallet. The money can be refunded again "
                "afterwards; what you send in spite of this is not counted as this refund."
            ),
            "button": _("Call it off"),
            "danger": True,
            "back": where,
            "back_name": _("Refund"),
        }
        return page(request, "confirm.html", "refunds", context)
    done = once(request, lambda: cancel_payout(request.merchant, public_id), lambda _row: where)
    if done.result is not None:
        messages.success(request, _("The refund is called off, and the money can go back anew."))
    return redirect(done.where)


@require_POST
@merchant_page("sandbox:write", back="dashboard:refund")
def rehearse(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Let the sandbox's chain show the payout, as if it had been signed."""
    payout = _payout_of(request, public_id)
    if payout.network != SANDBOX.caip2:
        raise InvalidState(_("Only the sandbox's chain can be told what to do."))
    if rehearsed.send_back(payout) is None:
        raise InvalidState(_("This refund waits for no signature any more."))
    messages.success(request, _("The sandbox's chain has it: the refund has arrived."))
    return redirect("dashboard:refund", public_id)


def _payout_of(request: MerchantRequest, public_id: str) -> UsdcPayout:
    """The payout of this merchant's refund. Raises NotFound, InvalidState for one without."""
    refund = refund_of(request.merchant, public_id)
    payout = UsdcPayout.objects.select_related("merchant").filter(refund=refund).first()
    if payout is None:
        raise InvalidState(_("This refund does not go back as USDC."))
    return payout
