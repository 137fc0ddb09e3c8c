"""What payers want to become of USDC that is left over: their merchant decides."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import InputForm, Text, posted
from invoicing.dashboard.lists import page_of
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError, NotFound
from invoicing.models import Merchant
from payments import left_over
from payments.actions.claims import accept_claim, decline_claim
from payments.models import RefundClaim
from payments.usdc_inputs import DeclineInput

Status, Wish = RefundClaim.Status, RefundClaim.Wish


class DeclineForm(InputForm):
    """What the payer is told."""

    reads = DeclineInput
    note = Text(
        gettext_lazy("Why"), lines=3, help_text=gettext_lazy("The payer sees it on the invoice.")
    )


@require_safe
@merchant_page("payments:read")
def index(request: MerchantRequest) -> HttpResponse:
    """Every wish, newest first, by what became of it."""
    state = request.GET.get("status", "")
    rows = request.merchant.refund_claims.select_related("invoice")
    if state:
        rows = rows.filter(status=state)
    context = {"found": page_of(request, rows), "states": Status.choices, "state": state}
    return page(request, "claims/list.html", "refunds", context)


@require_safe
@merchant_page("payments:read")
def show(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One wish, and the money that it is about."""
    claim = _claim_of(request.merchant, public_id)
    invoice = claim.invoice
    context = {
        "claim": claim,
        "left": left_over.left_over(
            invoice.status, invoice.payments.all(), left_over.deposits_of(invoice.pk)
        ),
        "can_decide": claim.status == Status.OPEN and "payments:write" in request.permissions,
    }
    return page(request, "claims/detail.html", "refunds", context)


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:claim")
def accept(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Do what the payer asks for, once it is confirmed."""
    claim = _claim_of(request.merchant, public_id)
    where = reverse("dashboard:claim", args=[public_id])
    goes_back = claim.wish == Wish.REFUND
    if request.method == "GET":
        if claim.status != Status.OPEN:
            messages.error(request, _("This was decided before."))
            return redirect(where)
        context = {
            "heading": _("Send it back?") if goes_back else _("Keep it as credit?"),
            "subject": claim.address,
            "explanation": _(
                "A refund of all that is left over waits for you to sign it in your wallet then, "
                "one for each way it came."
            )
            if goes_back
            else _("All that is left over pays this customer's next invoices by itself."),
            "button": _("Accept"),
            "back": where,
            "back_name": _("Refund claim"),
        }
        return page(request, "confirm.html", "refunds", context)
    after = reverse("dashboard:refunds_to_sign") if goes_back else where
    done = once(request, lambda: accept_claim(request.merchant, public_id), lambda _row: after)
    if done.result is not None and goes_back:
        messages.success(request, _("Accepted. Sign it in your wallet to send it."))
    elif done.result is not None:
        messages.success(request, _("Accepted: it is the customer's credit."))
    return redirect(done.where)


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:claim")
def decline(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Leave the money where it is, and say why."""
    claim = _claim_of(request.merchant, public_id)
    where = reverse("dashboard:claim", args=[public_id])
    form = DeclineForm(posted(request))
    if claim.status != Status.OPEN:
        messages.error(request, _("This was decided before."))
        return redirect(where)
    if request.method == "POST" and form.is_valid():
        try:
            done = once(
                request,
                lambda: decline_claim(request.merchant, public_id, form.input.note),
                lambda _row: where,
            )
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            if done.result is not None:
                messages.success(request, _("Declined. The payer sees it on the invoice."))
            return redirect(done.where)
    context: dict[str, Any] = {
        "form": form,
        "heading": _("Decline this claim"),
        "explanation": _("The money stays where it is, and can still be refunded later."),
        "button": _("Decline"),
        "back": where,
        "back_name": _("Refund claim"),
    }
    status = 422 if form.is_bound else 200
    return page(request, "form.html", "refunds", context, status=status)


def _claim_of(merchant: Merchant, public_id: str) -> RefundClaim:
    claim = merchant.refund_claims.select_related("invoice").filter(public_id=public_id).first()
    if claim is None:
        raise NotFound(_("There is no such claim."))
    return claim
