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
from invoicing.models import Invoice, Merchant
from payments import flows, quoting
from payments.actions import deposits as actions
from payments.actions.refunds import refund_deposit
from payments.clearing import ON_CHAIN
from payments.dashboard.refunds import chains_of, say_refunded
from payments.dashboard.transfers import WAITING as OTHER_TOKENS_WAITING
from payments.inputs import DepositMatch, DepositRefundInput
from payments.models import Deposit, Transfer
from payments.quoting import USDC
from payments.setting_aside import MATCHABLE, invoices_for
from payments.templatetags.usdc import came

LIKELIEST = 10
# Counting further than anyone reads would only make the page slow.
MOST_TOLD = 100


class MatchForm(InputForm):
    """Which invoice the money was for."""

    reads = DepositMatch
    invoice_id = Text(
        gettext_lazy("Invoice"), help_text=gettext_lazy("Its number or id, in the same currency.")
    )
    note = Text(gettext_lazy("Note"), help_text=gettext_lazy("Only your team sees it."))

    def any_currency(self) -> None:
        """The money is exchanged where the invoice is in another currency."""
        self.fields["invoice_id"].help_text = _(
            "Its number or id. Where it is in another currency, the money counts at today's rate."
        )


class ReturnForm(InputForm):
    """Where unmatched USDC is to go back to."""

    reads = DepositRefundInput
    address = Text(
        gettext_lazy("Payer's address"),
        attrs={"class": "mono", "spellcheck": "false"},
        help_text=gettext_lazy(
            "Ask the payer for it: what was sent from an exchange must not go back to the address "
            "it came from."
        ),
    )
    chain = Choice(gettext_lazy("Chain"))

    def __init__(self, chains: choices.Choices, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(chain=chains)


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
    tokens = request.merchant.transfers.filter(OTHER_TOKENS_WAITING)
    context = {
        "found": page_of(request, rows.select_related("transfer")),
        "states": Deposit.Status.choices,
        "state": state,
        "tokens": tokens.order_by()[: MOST_TOLD + 1].count(),
    }
    return page(request, "unmatched/list.html", "unmatched", context)


@require_safe
@merchant_page("payments:read")
def show(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One sum with the invoices that it might be for, the likeliest first."""
    if request.merchant.transfers.filter(public_id=public_id, deposit=None).exists():
        # What came on a chain is told of by this name before it is money.
        return redirect("dashboard:transfer", public_id)
    deposit = _deposit_of(request.merchant, public_id)
    open_ = deposit.status == Deposit.Status.UNMATCHED
    context = {
        "deposit": deposit,
        "refunds": deposit.refunds.select_related("usdc_payout").order_by("-pk"),
        "disputes": deposit.disputes.order_by("-pk"),
        "can_resolve": open_ and "payments:write" in request.permissions,
        "transfer": _transfer_of(deposit),
        "likely": [_worth(deposit, row) for row in invoices_for(deposit)[:LIKELIEST]]
        if open_
        else [],
    }
    return page(request, "unmatched/detail.html", "unmatched", context)


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:deposit")
def match(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Let the money pay an invoice."""
    deposit = _deposit_of(request.merchant, public_id)
    chosen = request.GET.get("invoice", "")[:40] or _asked_for(deposit)
    form = MatchForm(posted(request), initial={"invoice_id": chosen})
    if deposit.currency == USDC:
        form.any_currency()
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
    if deposit.rail in ON_CHAIN:
        return _give_back_on_chain(request, deposit)
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


def _give_back_on_chain(request: MerchantRequest, deposit: Deposit) -> HttpResponse:
    """Ask where to: the merchant signs it in a wallet of their own."""
    form = ReturnForm(chains_of(request.merchant), posted(request))
    where = _address_of(deposit)
    if request.method == "POST" and form.is_valid():
        try:
            done = once(
                request,
                lambda: refund_deposit(request.merchant, deposit.public_id, form.input),
                lambda row: reverse("dashboard:refund", args=[row.public_id]),
            )
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            if done.result is not None:
                say_refunded(request, [flows.send_back(done.result.pk)])
            return redirect(done.where)
    context = {
        "form": form,
        "heading": _("Give %(amount)s back") % {"amount": _shown(deposit)},
        "explanation": _(
            "All of it goes back. Billhook holds no key, so you sign it in your own wallet: the "
            "next page says how."
        ),
        "button": _("Give it back"),
        "back": where,
        "back_name": _("Unmatched money"),
    }
    status = 422 if form.is_bound else 200
    return page(request, "form.html", "unmatched", context, status=status)


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
    """The invoice on whose page or at whose address it was paid, if it can still take it."""
    transfer = _transfer_of(deposit)
    at_address = transfer.address.invoice if transfer else None
    invoice = deposit.payment.invoice if deposit.payment else at_address
    takes = invoice and (deposit.currency in (invoice.currency, USDC))
    fits = invoice and takes and invoice.status in MATCHABLE
    return str(invoice.number) if invoice and fits else ""


def _deposit_of(merchant: Merchant, public_id: str) -> Deposit:
    rows = merchant.deposits.select_related(
        "merchant", "payment__invoice__customer", "matched_payment__invoice"
    )
    deposit = rows.filter(public_id=public_id).first()
    if deposit is None:
        raise NotFound(_("There is no such money."))
    return deposit


def _transfer_of(deposit: Deposit) -> Transfer | None:
    """How the money came on its chain, if it did."""
    rows = Transfer.objects.select_related("address__invoice")
    return rows.filter(deposit=deposit).first() if deposit.rail in ON_CHAIN else None


def _worth(deposit: Deposit, invoice: Invoice) -> tuple[Invoice, str]:
    """An invoice, and what the money is worth in its currency where that is another."""
    if invoice.currency == deposit.currency:
        return invoice, ""
    worth = quoting.worth_in(deposit.left, deposit.currency, invoice.currency)
    return invoice, money.format_money(worth or 0, invoice.currency)


def _address_of(deposit: Deposit) -> str:
    return reverse("dashboard:deposit", args=[deposit.public_id])


def _came_for(deposit: Deposit) -> str:
    """What the money was sent for, as far as that is known."""
    if deposit.payment is None:
        return deposit.provider_reference
    return _("Came for %(number)s") % {"number": deposit.payment.invoice}


def _shown(deposit: Deposit) -> str:
    return came(deposit.amount, deposit.currency)
