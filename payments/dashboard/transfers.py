"""What was seen on chains: every transfer to an address that was given out, and its rehearsal."""

from decimal import Decimal
from typing import Any, ClassVar, Final

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from invoicing import money
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import Choice, InputForm, Text, posted, whole
from invoicing.dashboard.invoices import address_of, whole_invoice
from invoicing.dashboard.lists import page_of
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError, InvalidState, NotFound
from invoicing.models import Invoice, Merchant
from payments import quoting, rehearsed
from payments.actions import transfers as actions
from payments.actions.receiving import request_usdc
from payments.chain.rehearsal import BLOCKS_TO_FINALITY, SANDBOX
from payments.models import TRANSFERS_UNSURE, DepositAddress, Transfer, TransferStatus
from payments.quoting import USDC
from payments.usdc_inputs import SandboxDepositInput

Match = Transfer.Match
WAITING: Final = Q(match=Match.WRONG_TOKEN, dismissed_at=None)
# The list's tabs: what stands in the address, its name, and what it keeps.
SHOWN: Final[list[tuple[str, Any, Q]]] = [
    ("", gettext_lazy("Everything"), Q()),
    ("under_way", gettext_lazy("Not final yet"), Q(status__in=TRANSFERS_UNSURE)),
    ("other_tokens", gettext_lazy("Other tokens, to look at"), WAITING),
    ("dropped", gettext_lazy("Dropped by the chain"), Q(status=TransferStatus.ORPHANED)),
]
# Some contract that is no USDC of any chain.
OTHER_TOKEN: Final = "0x5aFE0000000000000000000000000000000000ff"  # noqa: S105 - no secret


class RehearsalForm(InputForm):
    """What a payer's wallet is to send on the sandbox's chain."""

    reads = SandboxDepositInput
    amount = Text(gettext_lazy("Amount"), attrs={"inputmode": "decimal"})
    confirmations = Choice(
        gettext_lazy("How far it is"),
        [
            ("1", gettext_lazy("Just seen, not money yet")),
            (str(SANDBOX.confirmations), gettext_lazy("Confirmed: it counts as money")),
            (str(BLOCKS_TO_FINALITY), gettext_lazy("Final: the chain keeps it")),
        ],
        help_text=gettext_lazy("It goes on by itself as the test clock moves."),
    )
    what = Choice(
        gettext_lazy("What is sent"),
        [
            ("usdc", gettext_lazy("USDC")),
            ("other", gettext_lazy("Another token, by mistake")),
        ],
    )
    aliases: ClassVar[dict[str, str]] = {"token": "what"}
    # Filled in by the page.
    address = ""

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            "address": self.address,
            "amount": data.get("amount") or None,
            "confirmations": whole(data.get("confirmations", "")),
            "token": OTHER_TOKEN if data.get("what") == "other" else "",
        }


@require_safe
@merchant_page("payments:read")
def index(request: MerchantRequest) -> HttpResponse:
    """Every transfer that was seen, newest first."""
    shown = request.GET.get("show", "")
    kept = next((q for key, _name, q in SHOWN if key == shown), Q(pk=None))
    context = {
        "tab": "transfers",
        "found": page_of(request, transfers_of(request.merchant).filter(kept)),
        "shown": shown,
        "choices": [(key, name) for key, name, _q in SHOWN],
    }
    return page(request, "usdc/transfers.html", "usdc", context)


@require_safe
@merchant_page("payments:read")
def show(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One transfer: where it stands on its chain, and what it has become."""
    transfer = transfer_of(request.merchant, public_id)
    unsure = transfer.status in TRANSFERS_UNSURE
    on_sandbox = transfer.network == SANDBOX.caip2
    context = {
        "transfer": transfer,
        "unsure": unsure,
        "can_dismiss": transfer.match == Match.WRONG_TOKEN
        and transfer.dismissed_at is None
        and "payments:write" in request.permissions,
        "can_rehearse": unsure and on_sandbox and "sandbox:write" in request.permissions,
    }
    return page(request, "usdc/transfer.html", "usdc", context)


@require_POST
@merchant_page("payments:write", back="dashboard:transfer")
def dismiss(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Look no more at another token that was sent by mistake."""
    transfer = transfer_of(request.merchant, public_id)
    actions.dismiss(request.merchant, transfer.public_id)
    messages.success(request, _("It is dismissed, and waits for nothing any more."))
    return redirect("dashboard:transfer", public_id)


@require_POST
@merchant_page("sandbox:write", back="dashboard:transfer")
def go_on(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Say what the sandbox's chain does next: confirm it, call it final, or drop it."""
    transfer = transfer_of(request.merchant, public_id)
    if transfer.network != SANDBOX.caip2:
        raise InvalidState(_("Only the sandbox's chain can be told what to do."))
    if transfer.status not in TRANSFERS_UNSURE:
        raise InvalidState(_("Nothing changes this transfer any more."))
    wanted = request.POST.get("next", "")
    if wanted == "drop":
        actions.orphan(transfer.pk)
        messages.warning(request, _("The chain has dropped it: it has not happened."))
    elif wanted == "confirm":
        actions.recount(transfer.pk, SANDBOX.confirmations, False, SANDBOX.confirmations)
        messages.success(request, _("It counts as money now."))
    elif wanted == "final":
        actions.recount(transfer.pk, BLOCKS_TO_FINALITY, True, SANDBOX.confirmations)
        messages.success(request, _("The chain calls it final."))
    else:
        messages.error(request, _("Choose what the chain does next."))
    return redirect("dashboard:transfer", public_id)


@require_http_methods(["GET", "POST"])
@merchant_page("sandbox:write", back="dashboard:invoice")
def rehearse(request: MerchantRequest, reference: str) -> HttpResponse:
    """Let USDC arrive for an invoice, as if its payer had sent it."""
    invoice = whole_invoice(request.merchant, reference)
    where = address_of(invoice)
    if request.merchant.livemode:
        messages.info(
            request, _("Real money is sent from a real wallet. Rehearse on the test side.")
        )
        return redirect(where)
    units = _asked_for(invoice)
    initial = {
        "amount": money.to_text(units, USDC) if units else "",
        "confirmations": str(SANDBOX.confirmations),
        "what": "usdc",
    }
    form = RehearsalForm(posted(request), initial=initial)
    address = _where_to(invoice) if request.method == "POST" else None
    form.address = address.address if address else ""
    if address and form.is_valid():
        try:
            done = once(request, lambda: _send(address, form.input), _page_of)
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            if done.result is not None:
                messages.success(request, _("The sandbox's chain has it."))
            return redirect(done.where)
    context = {"form": form, "invoice": invoice, "units": units}
    status = 422 if form.errors else 200
    return page(request, "usdc/rehearse.html", "invoices", context, status=status)


def transfers_of(merchant: Merchant) -> QuerySet[Transfer]:
    """A merchant's transfers with all that showing them takes."""
    return merchant.transfers.select_related("address__invoice", "payment__invoice", "deposit")


def transfer_of(merchant: Merchant, public_id: str) -> Transfer:
    """This merchant's transfer. Raises NotFound."""
    transfer = transfers_of(merchant).filter(public_id=public_id).first()
    if transfer is None:
        raise NotFound(_("There is no such transfer."))
    return transfer


def _asked_for(invoice: Invoice) -> int:
    """What its payer would be asked to send now, in units; 0 where nothing is asked for.

    Raises InvalidState for an invoice that never had an address and cannot get one any more.
    """
    if invoice.status in {"open", "paying"}:
        rate = quoting.rate_of(invoice.currency)
        return quoting.units_for(invoice.amount_due, invoice.currency, rate) if rate else 0
    if not invoice.usdc_requests.exists():
        raise InvalidState(_("Nobody was ever shown an address for this invoice."))
    return 0


def _where_to(invoice: Invoice) -> DepositAddress:
    """The address that the payer sees, or saw last. Raises InvalidState where there is none."""
    try:
        pk = request_usdc(invoice.pk).address_id
    except InvalidState:
        last = invoice.usdc_requests.order_by("-pk").first()
        if last is None:
            raise
        pk = last.address_id
    return DepositAddress.objects.select_related("merchant").get(pk=pk)


def _send(address: DepositAddress, wanted: SandboxDepositInput) -> Transfer:
    sent = rehearsed.send(
        address,
        money.to_minor(wanted.amount or Decimal(0), money.asset(USDC).decimals),
        confirmations=wanted.confirmations or 0,
        token=wanted.token or SANDBOX.token,
    )
    if sent is None:
        raise InvalidState(_("Too many other tokens were sent to this address already."))
    return sent


def _page_of(transfer: Transfer) -> str:
    return reverse("dashboard:transfer", args=[transfer.public_id])
