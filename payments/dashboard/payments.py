"""Payments as their merchant sees them: what came, what it cost, and what went wrong."""

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from invoicing import money
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import Choice, InputForm, Text, posted
from invoicing.dashboard.invoices import address_of, whole_invoice
from invoicing.dashboard.lists import between, page_of
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError, NotFound, ValidationFailed
from invoicing.models import Invoice, Merchant
from payments import flows, receiving
from payments.actions.pay import mark_paid as declare_paid
from payments.clearing import ON_CHAIN
from payments.inputs import MarkPaidInput
from payments.models import UNFINISHED, Payment, PaymentStatus, Transfer
from payments.rails.rail import RailError
from payments.refunding import refundable_now

METHODS = [
    ("bank_transfer", gettext_lazy("Bank transfer")),
    ("cash", gettext_lazy("Cash")),
    ("check", gettext_lazy("Check")),
    ("card_terminal", gettext_lazy("Card terminal")),
    ("other", gettext_lazy("Something else")),
]
# What a failure means for another try; see payments/rails/stripe/declines.py.
ADVICE = {
    "retry": gettext_lazy("Another try may succeed: wait a day or two."),
    "customer": gettext_lazy("Only the payer can mend it: ask them to approve it or pay anew."),
    "amount": gettext_lazy("The provider charges no such amount: only another one can succeed."),
    "never": gettext_lazy("Do not try it again: the bank will not honour this method."),
}


class MarkPaidForm(InputForm):
    """How much came in, and how."""

    reads = MarkPaidInput
    amount = Text(gettext_lazy("Amount received"), attrs={"inputmode": "decimal"})
    method = Choice(gettext_lazy("How it came"), METHODS)
    reference = Text(
        gettext_lazy("Reference"), help_text=gettext_lazy("As on the bank statement or receipt.")
    )
    tx_hash = Text(
        gettext_lazy("Transaction hash"),
        attrs={"class": "mono", "spellcheck": "false"},
        help_text=gettext_lazy(
            "Of USDC that was sent to one of your addresses. Its chain is asked then, and what it "
            "says counts instead of the amount and the rest."
        ),
    )
    chain = Choice(gettext_lazy("Its chain"))
    note = Text(gettext_lazy("Note"), help_text=gettext_lazy("Only your team sees it."))

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("tx_hash"):
            asked = {name: data.get(name, "") for name in ("tx_hash", "chain", "note")}
            return {**asked, "amount": None}
        return {
            "amount": data.get("amount") or None,
            "method": data.get("method") or "other",
            "reference": data.get("reference", ""),
            "note": data.get("note", ""),
        }

    def refuse_proof(self, refusal: BillhookError) -> None:
        """Put what a chain or an action refused beside its field."""
        if self.input.tx_hash and not isinstance(refusal, ValidationFailed):
            self.refuse_field("tx_hash", refusal.message)
        else:
            self.refuse(refusal)


@require_safe
@merchant_page("payments:read")
def index(request: MerchantRequest) -> HttpResponse:
    """Every attempt to pay, newest first, by state and day."""
    state = request.GET.get("status", "")
    rows = request.merchant.payments.select_related("invoice").prefetch_related("disputes")
    if state:
        rows = rows.filter(status=state)
    rows = rows.filter(**between(request, request.merchant, "created_at", "created"))
    context = {
        "found": page_of(request, rows),
        "states": PaymentStatus.choices,
        "state": state,
    }
    return page(request, "payments/list.html", "payments", context)


@require_safe
@merchant_page("payments:read")
def show(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One payment: what was asked for, what came, what it cost, what the wallet gets."""
    payment = payment_of(request.merchant, public_id)
    entries = payment.ledger_entries.prefetch_related("postings__source", "postings__destination")
    writes = "payments:write" in request.permissions
    context = {
        "payment": payment,
        "transfer": _transfer_of(payment),
        "can_look": writes and payment.status in UNFINISHED and payment.rail not in ON_CHAIN,
        "can_refund": writes and refundable_now(payment.invoice, payment) > 0,
        "can_return": writes and payment.surplus > payment.surplus_returned,
        "advice": ADVICE.get(payment.failure_advice, ""),
        "refunds": payment.refunds.select_related("usdc_payout").order_by("-pk"),
        "disputes": payment.disputes.order_by("-pk"),
        "entries": entries.order_by("pk"),
    }
    return page(request, "payments/detail.html", "payments", context)


@require_POST
@merchant_page("payments:write", back="dashboard:payment")
def look_again(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Ask the provider once more what became of a payment."""
    payment = payment_of(request.merchant, public_id)
    before = payment.status
    try:
        payment = flows.check(payment.pk)
    except RailError as trouble:
        messages.error(request, trouble.message)
        return redirect("dashboard:payment", public_id)
    if payment.status == before:
        messages.info(request, _("Nothing new: the provider has not said more yet."))
    else:
        messages.success(request, _("This payment is now: %(state)s.") % {"state": _state(payment)})
    return redirect("dashboard:payment", public_id)


@require_http_methods(["GET", "POST"])
@merchant_page("settle", back="dashboard:invoice")
def mark_paid(request: MerchantRequest, reference: str) -> HttpResponse:
    """Declare money that was received outside Billhook."""
    invoice = whole_invoice(request.merchant, reference)
    initial = {
        "amount": money.to_text(invoice.amount_due, invoice.currency),
        "method": "bank_transfer",
    }
    form = MarkPaidForm(posted(request), initial=initial)
    networks = receiving.networks_for(request.merchant)
    form.offer(chain=[("", _("Ask all of them")), *((row.key, row.name) for row in networks)])
    if request.method == "POST" and form.is_valid():
        try:
            payment = _received(request, invoice, form.input)
        except BillhookError as refusal:
            form.refuse_proof(refusal)
        else:
            if payment is not None:
                received = money.format_money(payment.received, payment.currency)
                messages.success(request, _("%(amount)s received.") % {"amount": received})
            return redirect(address_of(invoice))
    context = {"invoice": invoice, "form": form, "on_chain": bool(networks)}
    status = 422 if form.is_bound else 200
    return page(request, "invoices/mark_paid.html", "invoices", context, status=status)


def _received(request: MerchantRequest, invoice: Invoice, wanted: MarkPaidInput) -> Payment | None:
    """The payment that was declared or proved; None for a form that was sent before."""
    if wanted.tx_hash:
        # A transaction pays once, however often it is named.
        return flows.mark_paid(request.merchant, invoice.public_id, wanted)
    done = once(
        request,
        lambda: declare_paid(request.merchant, invoice.public_id, wanted),
        lambda _payment: address_of(invoice),
    )
    return done.result


def payment_of(merchant: Merchant, public_id: str) -> Payment:
    """This merchant's payment. Raises NotFound."""
    payment = (
        merchant.payments.filter(public_id=public_id)
        .select_related("invoice", "wallet", "saved_method__customer")
        .first()
    )
    if payment is None:
        raise NotFound(_("There is no such payment."))
    return payment


def _transfer_of(payment: Payment) -> Transfer | None:
    """How the money came on its chain, by itself or as a deposit that was matched."""
    if payment.rail not in ON_CHAIN:
        return None
    rows = Transfer.objects.select_related("address")
    return rows.filter(Q(payment=payment) | Q(deposit__matched_payment=payment)).first()


def _state(payment: Payment) -> str:
    return str(PaymentStatus(payment.status).label)
