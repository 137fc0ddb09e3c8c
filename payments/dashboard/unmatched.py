"""Unmatched money: what came and fits nothing, and what becomes of it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe
from pydantic import Field

from invoicing import money
from invoicing.dashboard import choices
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import Choice, InputForm, Text, posted
from invoicing.dashboard.lists import page_of
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError, NotFound
from invoicing.fields import Input
from invoicing.models import Merchant
from payments import flows
from payments.actions import deposits as actions
from payments.actions.refunds import refund_deposit
from payments.dashboard.refunds import say_refunded
from payments.inputs import DepositMatch
from payments.models import Deposit
from payments.setting_aside import MATCHABLE, invoices_for

LIKELIEST = 10


class MatchForm(InputForm):
    """Which invoice the money was for."""

    reads = DepositMatch
    invoice_id = Text(
        gettext_lazy("Invoice"), help_text=gettext_lazy("Its number or id, in the same currency.")
    )
    note = Text(gettext_lazy("Note"), help_text=gettext_lazy("Only your team sees it."))


class CreditInput(Input):
    """Whose credit the money becomes."""

    customer_id: str = Field(min_length=1, max_length=40)


class CreditForm(InputForm):
    """Asks for the customer."""

    reads = CreditInput
    customer_id = Choice(gettext_lazy("Customer"))


@require_safe
@merchant_page("payments:read")
def index(request: MerchantRequest) -> HttpResponse:
    """All money that fitted nothing when it came, newest first, by what became of it."""
    state = request.GET.get("status", "")
    rows = request.merchant.deposits.all()
    if state:
        rows = rows.filter(status=state)
    context = {"found": page_of(request, rows), "states": Deposit.Status.choices, "state": state}
    return page(request, "unmatched/list.html", "unmatched", context)


@require_safe
@merchant_page("payments:read")
def show(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One sum with the invoices that it might be for, the likeliest first."""
    deposit = _deposit_of(request.merchant, public_id)
    open_ = deposit.status == Deposit.Status.UNMATCHED
    context = {
        "deposit": deposit,
        "refunds": deposit.refunds.order_by("-pk"),
        "disputes": deposit.disputes.order_by("-pk"),
        "can_resolve": open_ and "payments:write" in request.permissions,
        "likely": invoices_for(deposit)[:LIKELIEST] if open_ else [],
    }
    return page(request, "unmatched/detail.html", "unmatched", context)


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:deposit")
def match(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Let the money pay an invoice."""
    deposit = _deposit_of(request.merchant, public_id)
    chosen = request.GET.get("invoice", "")[:40] or _asked_for(deposit)
    form = MatchForm(posted(request), initial={"invoice_id": chosen})
    return _resolve(
        request,
        deposit,
        form,
        lambda: actions.match_deposit(request.merchant, public_id, form.input),
        heading=_("Match %(amount)s to an invoice"),
        explanation=_(
            "The invoice counts as paid by this money; what is too much becomes its customer's "
            "credit. This cannot be undone, only refunded."
        ),
        button=_("Match"),
        done=_("%(amount)s is matched."),
    )


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:deposit")
def credit(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Keep the money as a customer's credit."""
    deposit = _deposit_of(request.merchant, public_id)
    known = deposit.payment.invoice.customer if deposit.payment else None
    chosen = request.POST.get("customer_id") or (known.public_id if known else "")
    form = CreditForm(posted(request), initial={"customer_id": chosen})
    form.offer(customer_id=choices.customers(request.merchant, "", chosen))
    return _resolve(
        request,
        deposit,
        form,
        lambda: actions.credit_deposit(request.merchant, public_id, form.input.customer_id),
        heading=_("Keep %(amount)s as credit"),
        explanation=_(
            "It pays this customer's next invoices in the same currency by itself. This cannot "
            "be undone."
        ),
        button=_("Keep as credit"),
        done=_("%(amount)s is kept as credit."),
    )


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:deposit")
def give_back(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Send the money back to whoever sent it."""
    deposit = _deposit_of(request.merchant, public_id)
    where = _address_of(deposit)
    if request.method == "GET":
        context = {
            "heading": _("Give %(amount)s back?") % {"amount": _shown(deposit)},
            "subject": _came_for(deposit),
            "explanation": _("All of it goes back the way it came. This cannot be undone."),
            "button": _("Give it back"),
            "danger": True,
            "back": where,
            "back_name": _("Unmatched money"),
        }
        return page(request, "confirm.html", "unmatched", context)
    done = once(request, lambda: refund_deposit(request.merchant, public_id), lambda _row: where)
    if done.result is not None:
        say_refunded(request, [flows.send_back(done.result.pk)])
    return redirect(done.where)


def _resolve(
    request: MerchantRequest,
    deposit: Deposit,
    form: InputForm,
    act: Any,
    *,
    heading: str,
    done: str,
    **words: str,
) -> HttpResponse:
    """Ask once more, do it, and say that it is done."""
    amount, where = {"amount": _shown(deposit)}, _address_of(deposit)
    if request.method == "POST" and form.is_valid():
        try:
            finished = once(request, act, lambda _row: where)
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            if finished.result is not None:
                messages.success(request, done % amount)
            return redirect(finished.where)
    context = {
        "form": form,
        "heading": heading % amount,
        "back": where,
        "back_name": _("Unmatched money"),
        **words,
    }
    status = 422 if form.is_bound else 200
    return page(request, "form.html", "unmatched", context, status=status)


def _asked_for(deposit: Deposit) -> str:
    """The invoice on whose page the money was paid, if it can still take it."""
    invoice = deposit.payment.invoice if deposit.payment else None
    fits = invoice and invoice.currency == deposit.currency and invoice.status in MATCHABLE
    return str(invoice.number) if invoice and fits else ""


def _deposit_of(merchant: Merchant, public_id: str) -> Deposit:
    rows = merchant.deposits.select_related(
        "merchant", "payment__invoice__customer", "matched_payment__invoice"
    )
    deposit = rows.filter(public_id=public_id).first()
    if deposit is None:
        raise NotFound(_("There is no such money."))
    return deposit


def _address_of(deposit: Deposit) -> str:
    return reverse("dashboard:deposit", args=[deposit.public_id])


def _came_for(deposit: Deposit) -> str:
    """What the money was sent for, as far as that is known."""
    if deposit.payment is None:
        return deposit.provider_reference
    return _("Came for %(number)s") % {"number": deposit.payment.invoice}


def _shown(deposit: Deposit) -> str:
    return money.format_money(deposit.amount, deposit.currency)
