"""Wallets: what is pending, what is available, and every movement with its fees."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.db.models import Exists, OuterRef, Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from invoicing.dashboard import choices
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import Check, Choice, InputForm, Text, posted
from invoicing.dashboard.lists import page_of
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError, NotFound
from invoicing.models import Merchant
from payments.actions import wallets as actions
from payments.inputs import WalletChanges, WalletInput
from payments.models import LedgerAccount, LedgerEntry, LedgerPosting, Wallet
from payments.receiving import key_of
from payments.representations import fee_in_passing

Kind = LedgerAccount.Kind
FEES = {Kind.PROVIDER_FEES, Kind.PLATFORM_FEES}


class WalletForm(InputForm):
    """A new wallet."""

    reads = WalletInput
    name = Text(gettext_lazy("Name"))
    currency = Choice(gettext_lazy("Currency"))
    is_default = Check(
        gettext_lazy("Receives whatever is billed in this currency and names no wallet")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(currency=choices.currencies())


class WalletChangesForm(InputForm):
    """A wallet's name, and whether it receives by default."""

    reads = WalletChanges
    name = Text(gettext_lazy("Name"))
    is_default = Check(
        gettext_lazy("Receives whatever is billed in this currency and names no wallet")
    )


@dataclass(frozen=True, slots=True)
class Balances:
    """What stands in each part of a wallet, in minor units."""

    pending: int = 0
    available: int = 0
    external: int = 0
    owed: int = 0


# Kinds of entries whose names alone say too little.
SAID: Final = {
    "payment": gettext_lazy("Payment"),
    "release": gettext_lazy("Became available"),
    "fee": gettext_lazy("Provider's fee corrected"),
    "deposit": gettext_lazy("Unmatched money set aside"),
    "match": gettext_lazy("Unmatched money matched"),
    "credited": gettext_lazy("Unmatched money kept as credit"),
    "deposit_fee": gettext_lazy("Fee of unmatched money"),
    "deposit_disputed": gettext_lazy("Dispute of unmatched money"),
    "refund_failed": gettext_lazy("Refund that failed"),
    "transfer": gettext_lazy("Arrived on chain"),
    "transfer_orphaned": gettext_lazy("Dropped by the chain before it was final"),
    "orphaned": gettext_lazy("Payment that the chain took back"),
    "sent": gettext_lazy("USDC sent back by you"),
    "exchange": gettext_lazy("Unmatched USDC exchanged"),
}


@dataclass(frozen=True, slots=True)
class Movement:
    """One thing that happened to a wallet, in minor units: what came or went, fees, the rest."""

    kind: str
    at: datetime
    payment: Any
    gross: int
    fees: int
    net: int

    @property
    def said(self) -> str:
        """What happened, in words."""
        return in_words(self.kind)


def in_words(kind: str) -> str:
    """What a kind of entry in the books is."""
    return str(SAID.get(kind, kind.replace("_", " ").capitalize()))


@require_safe
@merchant_page("wallets:read")
def index(request: MerchantRequest) -> HttpResponse:
    """Every wallet with its balances."""
    rows = request.merchant.wallets.prefetch_related("accounts")
    found = page_of(request, rows)
    context = {"found": found, "wallets": [(row, balances_of(row)) for row in found.rows]}
    return page(request, "wallets/list.html", "wallets", context)


@require_safe
@merchant_page("wallets:read")
def show(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One wallet with its movements, newest first."""
    wallet = wallet_of(request.merchant, public_id)
    accounts = [account.pk for account in wallet.accounts.all()]
    touching = LedgerPosting.objects.filter(entry=OuterRef("pk")).filter(
        Q(source__in=accounts) | Q(destination__in=accounts)
    )
    entries = (
        LedgerEntry.objects.filter(Exists(touching), merchant=request.merchant)
        .select_related("payment__invoice")
        .prefetch_related("postings__source", "postings__destination")
    )
    found = page_of(request, entries)
    context = {
        "wallet": wallet,
        "balances": balances_of(wallet),
        "found": found,
        "key": key_of(wallet),
        "movements": [movement_of(entry, wallet) for entry in found.rows],
    }
    return page(request, "wallets/detail.html", "wallets", context)


@require_http_methods(["GET", "POST"])
@merchant_page("wallets:write")
def create(request: MerchantRequest) -> HttpResponse:
    """Open a wallet."""
    form = WalletForm(posted(request), initial={"currency": request.merchant.currency})
    if request.method == "POST" and form.is_valid():
        try:
            done = once(
                request,
                lambda: actions.create_wallet(request.merchant, form.input),
                lambda row: reverse("dashboard:wallet", args=[row.public_id]),
            )
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            return redirect(done.where)
    context = {
        "form": form,
        "heading": _("New wallet"),
        "explanation": _("A wallet holds one currency. The currency cannot be changed later."),
        "button": _("Create wallet"),
        "back": reverse("dashboard:wallets"),
        "back_name": _("Wallets"),
    }
    status = 422 if form.is_bound else 200
    return page(request, "form.html", "wallets", context, status=status)


@require_http_methods(["GET", "POST"])
@merchant_page("wallets:write")
def edit(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Rename a wallet, or let it receive by default."""
    wallet = wallet_of(request.merchant, public_id)
    where = reverse("dashboard:wallet", args=[public_id])
    initial = {"name": wallet.name, "is_default": wallet.is_default}
    form = WalletChangesForm(posted(request), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            actions.update_wallet(request.merchant, public_id, form.input)
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect(where)
    context = {
        "form": form,
        "heading": wallet.name,
        "button": _("Save"),
        "back": where,
        "back_name": wallet.name,
    }
    status = 422 if form.is_bound else 200
    return page(request, "form.html", "wallets", context, status=status)


def balances_of(wallet: Wallet) -> Balances:
    """A wallet's balances; its `accounts` should be at hand."""
    known = {account.kind: account.balance for account in wallet.accounts.all()}
    return Balances(
        known.get(Kind.PENDING, 0),
        known.get(Kind.AVAILABLE, 0),
        known.get(Kind.EXTERNAL, 0),
        -known.get(Kind.DEBT, 0),
    )


def movement_of(entry: LedgerEntry, wallet: Wallet) -> Movement:
    """An entry as this wallet sees it: money in is positive, money out negative."""
    gross = fees = 0
    for posting in entry.postings.all():
        inward = posting.destination.wallet_id == wallet.pk
        outward = posting.source.wallet_id == wallet.pk
        passing = fee_in_passing(posting)
        if passing:
            # It left the wallet with the disputed money, so it counts as fee and not as gross.
            fees += passing
            gross += passing
        elif inward == outward:
            # Between two parts of the wallet nothing comes or goes.
            continue
        elif outward and posting.destination.kind in FEES:
            fees += posting.amount
        elif inward and posting.source.kind in FEES:
            fees -= posting.amount
        else:
            gross += posting.amount if inward else -posting.amount
    return Movement(entry.kind, entry.created_at, entry.payment, gross, fees, gross - fees)


def wallet_of(merchant: Merchant, public_id: str) -> Wallet:
    """This merchant's wallet with its accounts. Raises NotFound."""
    wallet = merchant.wallets.filter(public_id=public_id).prefetch_related("accounts").first()
    if wallet is None:
        raise NotFound(_("There is no such wallet."))
    return wallet
