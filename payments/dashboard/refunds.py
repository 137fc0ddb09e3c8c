"""Refunds as their merchant sees them: giving money back, and how far it has got."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from invoicing import money
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.choices import Choices
from invoicing.dashboard.forms import Choice, InputForm, Text, posted
from invoicing.dashboard.invoices import address_of, whole_invoice
from invoicing.dashboard.lists import between, page_of
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError, NotFound
from invoicing.models import Merchant
from payments import flows, receiving, refunding
from payments.actions import refunds as actions
from payments.clearing import ON_CHAIN
from payments.dashboard.payments import payment_of
from payments.dashboard.slips import slip_of
from payments.inputs import RefundInput
from payments.models import REFUNDS_UNFINISHED, Payment, Refund, RefundStatus, UsdcPayout
from payments.rails.rail import RailError

# What an action promises: one refund, or one for each payment that an invoice takes it from.
Promised = list[Refund] | Refund
DESTINATIONS = [
    ("", gettext_lazy("The way it was paid")),
    ("credit_balance", gettext_lazy("Credit for the customer's later invoices")),
    ("wallet", gettext_lazy("The payer's wallet here")),
    ("manual", gettext_lazy("I give it back myself, outside Billhook")),
]


class RefundForm(InputForm):
    """How much goes back, where to, and why."""

    reads = RefundInput
    amount = Text(gettext_lazy("Amount"), attrs={"inputmode": "decimal"})
    destination = Choice(
        gettext_lazy("Where it goes"),
        DESTINATIONS,
        help_text=gettext_lazy(
            "To a card or bank account it takes 5 to 10 business days. Credit and wallets have it "
            "at once, and nothing leaves this installation."
        ),
    )
    wallet_id = Text(
        gettext_lazy("Wallet's id"), help_text=gettext_lazy("Only for the payer's wallet here.")
    )
    address = Text(
        gettext_lazy("Payer's address"),
        attrs={"class": "mono", "spellcheck": "false"},
        help_text=gettext_lazy(
            "Ask the payer for it: what was sent from an exchange must not go back to the address "
            "it came from. You send it yourself, from your own wallet."
        ),
    )
    chain = Choice(gettext_lazy("Chain"))
    reason = Choice(gettext_lazy("Reason"), Refund.Reason.choices)
    note = Text(gettext_lazy("Note"), help_text=gettext_lazy("Only your team sees it."))

    def __init__(self, *args: Any, chains: Choices | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if chains is None:
            del self.fields["address"], self.fields["chain"]
        else:
            self.offer(chain=chains)

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            "amount": data.get("amount") or None,
            "destination": data.get("destination") or None,
            "wallet_id": data.get("wallet_id", ""),
            "address": data.get("address", ""),
            "chain": data.get("chain", ""),
            "reason": data.get("reason") or "requested_by_customer",
            "note": data.get("note", ""),
            "payment_id": self.initial.get("payment_id", ""),
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if not data.get("amount"):
            self.refuse_field("amount", _("must say how much"))
        return data


@require_safe
@merchant_page("payments:read")
def index(request: MerchantRequest) -> HttpResponse:
    """Every refund, newest first, by state and day."""
    state = request.GET.get("status", "")
    rows = request.merchant.refunds.select_related("invoice", "payment", "deposit", "usdc_payout")
    if state:
        rows = rows.filter(status=state)
    rows = rows.filter(**between(request, request.merchant, "created_at", "created"))
    context = {"found": page_of(request, rows), "states": RefundStatus.choices, "state": state}
    return page(request, "refunds/list.html", "refunds", context)


@require_safe
@merchant_page("payments:read")
def show(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One refund: how much, where to, and how far it has got."""
    refund = refund_of(request.merchant, public_id)
    unfinished = refund.status in REFUNDS_UNFINISHED
    payout: UsdcPayout | None = getattr(refund, "usdc_payout", None)
    waits = payout is not None and payout.status == UsdcPayout.Status.WAITING
    writes = "payments:write" in request.permissions
    context = {
        "refund": refund,
        "payout": payout,
        "slip": slip_of(payout) if payout and waits else None,
        "can_call_off": waits and writes,
        "can_rehearse": waits and "sandbox:write" in request.permissions,
        "can_look": unfinished and writes and payout is None,
    }
    return page(request, "refunds/detail.html", "refunds", context)


@require_POST
@merchant_page("payments:write", back="dashboard:refund")
def look_again(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Ask the provider once more what became of a refund."""
    refund = refund_of(request.merchant, public_id)
    try:
        if refund.status in REFUNDS_UNFINISHED:
            refund = flows.look_at_refund(refund.pk)
    except RailError as trouble:
        messages.error(request, trouble.message)
    else:
        say_refunded(request, [refund])
    return redirect("dashboard:refund", public_id)


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:invoice")
def of_invoice(request: MerchantRequest, reference: str) -> HttpResponse:
    """Give an invoice's money back, or a part of it: the newest payment first."""
    invoice = whole_invoice(request.merchant, reference)
    if request.method == "GET" and not refunding.refundable_now(invoice):
        messages.error(request, refunding.why_not(invoice))
        return redirect(address_of(invoice))
    return _refunding(
        request,
        list(invoice.payments.all()),
        {"amount": _text(refunding.refundable_now(invoice), invoice.currency)},
        lambda wanted: actions.refund_invoice(request.merchant, invoice.public_id, wanted),
        currency=invoice.currency,
        heading=_("Refund %(number)s") % {"number": invoice},
        explanation=_(
            "%(amount)s can be refunded. The amount leaves your wallet now; the fees of the "
            "payment are not given back to you. What has been sent cannot be called back."
        )
        % {"amount": _shown(refunding.refundable_now(invoice), invoice.currency)},
        button=_("Refund"),
        back=address_of(invoice),
        back_name=str(invoice),
        section="invoices",
    )


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:payment")
def of_payment(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Give one payment's money back, or a part of it."""
    payment = payment_of(request.merchant, public_id)
    most = refunding.refundable_now(payment.invoice, payment)
    return _refunding(
        request,
        [payment],
        {"amount": _text(most, payment.currency), "payment_id": payment.public_id},
        lambda wanted: actions.refund_invoice(request.merchant, payment.invoice.public_id, wanted),
        heading=_("Refund this payment"),
        explanation=_(
            "%(amount)s can be refunded. The amount leaves your wallet now; the fees of the "
            "payment are not given back to you. What has been sent cannot be called back."
        )
        % {"amount": _shown(most, payment.currency)},
        button=_("Refund"),
        **_back_to(payment),
    )


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:payment")
def of_overpayment(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Give back what was paid beyond what was due, as far as it is still the payer's credit."""
    payment = payment_of(request.merchant, public_id)
    most = payment.surplus - payment.surplus_returned
    return _refunding(
        request,
        [payment],
        {"amount": _text(most, payment.currency), "reason": "overpayment"},
        lambda wanted: actions.refund_overpayment(request.merchant, public_id, wanted),
        heading=_("Give the overpayment back"),
        explanation=_(
            "%(amount)s of this payment was more than was due, and is kept as the payer's credit. "
            "What of it has been spent since cannot be given back. Your wallet does not change."
        )
        % {"amount": _shown(most, payment.currency)},
        button=_("Give it back"),
        **_back_to(payment),
    )


def chains_of(merchant: Merchant) -> Choices:
    """The chains on which USDC can go back; that by which it came where none is chosen."""
    offered = [(row.key, row.name) for row in receiving.networks_for(merchant)]
    return [("", str(_("The one by which it came"))), *offered]


def say_refunded(request: MerchantRequest, refunds: Sequence[Refund]) -> None:
    """Say honestly how far the money has got."""
    for refund in refunds:
        about = {"amount": _shown(refund.amount, refund.currency), "why": refund.failure_message}
        if refund.status == "succeeded":
            messages.success(request, _("%(amount)s has gone back.") % about)
        elif refund.status == "failed":
            messages.error(request, _("%(amount)s could not be refunded. %(why)s") % about)
        elif refund.status == "unknown":
            messages.warning(
                request,
                _(
                    "The provider has not said what became of the refund of %(amount)s. It is "
                    "asked again by itself; do not refund it a second time."
                )
                % about,
            )
        elif refund.destination == "original" and refund.came.rail in ON_CHAIN:
            messages.info(request, _("%(amount)s waits for you to sign it in your wallet.") % about)
        else:
            messages.info(request, _("%(amount)s is on its way back.") % about)


def _refunding(
    request: MerchantRequest,
    payments: Sequence[Payment],
    initial: dict[str, Any],
    promise: Callable[[RefundInput], Promised],
    *,
    section: str,
    **words: Any,
) -> HttpResponse:
    """Ask how much, promise it in one step, and let the provider send it in another."""
    initial = {"reason": "requested_by_customer", **initial}
    on_chain = any(row.rail in ON_CHAIN and row.received for row in payments)
    chains = chains_of(request.merchant) if on_chain else None
    form = RefundForm(posted(request), initial=initial, chains=chains)
    if request.method == "POST" and form.is_valid():
        try:
            done = once(request, lambda: promise(form.input), _address_of)
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            promised = _listed(done.result) if done.result is not None else []
            say_refunded(request, [flows.send_back(row.pk) for row in promised])
            return redirect(done.where)
    status = 422 if form.is_bound else 200
    return page(request, "refunds/new.html", section, {"form": form, **words}, status=status)


def _back_to(payment: Payment) -> dict[str, str]:
    where = reverse("dashboard:payment", args=[payment.public_id])
    return {
        "back": where,
        "back_name": _("Payment"),
        "section": "payments",
        "currency": payment.currency,
    }


def _listed(promised: Promised) -> list[Refund]:
    return [promised] if isinstance(promised, Refund) else promised


def _address_of(promised: Promised) -> str:
    """Where one refund is, or several of one invoice."""
    refunds = _listed(promised)
    if len(refunds) == 1 or refunds[0].invoice is None:
        return reverse("dashboard:refund", args=[refunds[0].public_id])
    return address_of(refunds[0].invoice)


def refund_of(merchant: Merchant, public_id: str) -> Refund:
    """This merchant's refund. Raises NotFound."""
    rows = merchant.refunds.select_related(
        "invoice", "payment", "deposit", "to_wallet", "usdc_payout"
    )
    refund = rows.filter(public_id=public_id).first()
    if refund is None:
        raise NotFound(_("There is no such refund."))
    return refund


def _text(amount: int, currency: str) -> str:
    return money.to_text(amount, currency)


def _shown(amount: int, currency: str) -> str:
    return money.format_money(amount, currency)
