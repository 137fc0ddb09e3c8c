"""Where USDC goes: the key of a wallet, the addresses it has given out, and a copy of them all."""

import json
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import messages
from django.db.models import BigIntegerField, Count, OuterRef, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from invoicing import clock
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import Choice, InputForm, Text, posted
from invoicing.dashboard.lists import page_of
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError
from invoicing.models import Merchant
from payments import exporting, receiving
from payments.actions.receiving import give_key
from payments.chain import keys
from payments.chain.rehearsal import TEST_XPUB
from payments.chain.secrets_refused import refuse_secrets
from payments.dashboard.wallets import wallet_of
from payments.models import ReceivingKey, Transfer, TransferStatus
from payments.usdc_inputs import ReceivingKeyInput

# What a choice of the form is called among the inputs.
FIELDS: Final = {"xpub": "xpub", "stealth": "stealth_meta_address", "address": "address"}
EXPLAINED: Final = {
    "xpub": (
        gettext_lazy("Extended public key (xpub)"),
        gettext_lazy(
            "Best for most. Each invoice gets an address of its own, the next of your wallet's "
            "account, and your wallet sees what comes by itself."
        ),
    ),
    "stealth": (
        gettext_lazy("Stealth meta-address"),
        gettext_lazy(
            "Each invoice gets an address that nobody else can tie to you. To find the money your "
            "wallet needs the list of addresses from here, so keep a copy of it."
        ),
    ),
    "address": (
        gettext_lazy("One fixed address"),
        gettext_lazy(
            "The same address for every invoice. What comes is matched by its exact amount; what "
            "fits none or several waits for you under unmatched money."
        ),
    ),
}
# What may be shown again when it is refused: it begins as what only receives does.
_PUBLIC: Final = ("xpub", "tpub", "st:", "0x")
_LONGEST_ADDRESS: Final = 46


class KeyForm(InputForm):
    """What a wallet's deposit addresses are to come from."""

    reads = ReceivingKeyInput
    aliases: ClassVar[dict[str, str]] = dict.fromkeys(FIELDS.values(), "key")
    kind = Choice(gettext_lazy("What you give"), widget=forms.RadioSelect())
    key = Text(
        gettext_lazy("The key or address"),
        lines=3,
        attrs={"class": "mono", "spellcheck": "false", "autocapitalize": "off"},
        help_text=gettext_lazy(
            "As your wallet shows it for receiving. Never a private key or a recovery phrase: "
            "Billhook needs neither, and refuses both."
        ),
    )

    def __init__(self, merchant: Merchant, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.merchant = merchant
        # What was given, read and checked, once the form is valid.
        self.row: ReceivingKey | None = None
        explained = '<span class="strong">{}</span><span class="muted small line-note">{}</span>'
        self.offer(kind=[(key, format_html(explained, *said)) for key, said in EXPLAINED.items()])

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {FIELDS.get(data.get("kind", ""), "xpub"): data.get("key", "").strip()}

    def clean(self) -> dict[str, Any]:
        kind, text = self.cleaned_data.get("kind", ""), self.cleaned_data.get("key", "").strip()
        if kind not in FIELDS:
            self.refuse_field("kind", _("must be one of the three"))
        elif not text:
            self.refuse_field("key", _("must not be empty"))
        else:
            super().clean()
            self._check(kind, text)
        if self.errors and not _is_public(text):
            # What may be a secret does not go back into the page.
            self.data = {**dict(self.data.items()), "key": ""}
        return self.cleaned_data

    def _check(self, kind: str, text: str) -> None:
        try:
            self.row = receiving.described(self.merchant, kind, text)
        except keys.BadKey as problem:
            self.refuse_field("key", str(problem))


def _is_public(text: str) -> bool:
    if not text.startswith(_PUBLIC) or (text.startswith("0x") and len(text) > _LONGEST_ADDRESS):
        return False
    try:
        refuse_secrets(text, "")
    except keys.BadKey:
        return False
    return True


@require_safe
@merchant_page("wallets:read")
def of_wallet(request: MerchantRequest, public_id: str) -> HttpResponse:
    """What a wallet's deposit addresses come from, and what they came from before."""
    wallet = wallet_of(request.merchant, public_id)
    rows = wallet.receiving_keys.select_related("counter").annotate(given=Count("addresses"))
    known = list(rows.order_by("-pk")[:50])
    current = next((row for row in known if row.retired_at is None), None)
    context = {
        "wallet": wallet,
        "key": current,
        "first": receiving.first_addresses(current) if current else [],
        "retired": [row for row in known if row.retired_at],
        "networks": receiving.networks_for(request.merchant),
        "is_rehearsal": current is not None and current.text == TEST_XPUB,
        "explained": EXPLAINED[current.kind] if current else None,
    }
    return page(request, "wallets/usdc.html", "wallets", context)


@sensitive_post_parameters("key")
@require_http_methods(["GET", "POST"])
@merchant_page("wallets:write")
def give(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Give a wallet a key: typed, compared with one's own wallet, and then used."""
    wallet = wallet_of(request.merchant, public_id)
    where = reverse("dashboard:wallet_usdc", args=[public_id])
    form = KeyForm(request.merchant, posted(request), initial={"kind": "xpub"})
    if request.method == "POST" and form.is_valid() and form.row and "again" not in request.POST:
        if "use" not in request.POST:
            return _preview(request, form, where)
        try:
            done = once(
                request,
                lambda: give_key(request.merchant, public_id, form.input),
                lambda _key: where,
            )
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            if done.result is not None:
                messages.success(request, _("USDC for this wallet goes there from now on."))
            return redirect(done.where)
    context = {
        "form": form,
        "wallet": wallet,
        "back": where,
        "replaces": wallet.receiving_keys.filter(retired_at=None).exists(),
    }
    return page(
        request, "wallets/usdc_key.html", "wallets", context, status=422 if form.errors else 200
    )


def _preview(request: MerchantRequest, form: KeyForm, where: str) -> HttpResponse:
    row = form.row
    if row is None:
        raise ValueError("there is nothing to show")
    meta = keys.parse_meta_address(row.text) if row.kind == ReceivingKey.Kind.STEALTH else None
    context = {
        "row": row,
        "name": EXPLAINED[row.kind][0],
        "first": receiving.first_addresses(row),
        "halves": ["0x" + meta.spend.hex(), "0x" + meta.view.hex()] if meta else [],
        "back": where,
    }
    return page(request, "wallets/usdc_compare.html", "wallets", context)


@require_safe
@merchant_page("wallets:read")
def addresses(request: MerchantRequest) -> HttpResponse:
    """Every address that a payer was shown, newest first, with what has come there."""
    came = (
        Transfer.objects.filter(address=OuterRef("pk"))
        .exclude(status=TransferStatus.ORPHANED)
        .order_by()
        .values("address")
        .annotate(sum=Sum("amount"))
        .values("sum")
    )
    rows = request.merchant.deposit_addresses.select_related("invoice", "key__wallet")
    wallet = request.GET.get("wallet", "")
    if wallet:
        rows = rows.filter(key__wallet__public_id=wallet)
    rows = rows.annotate(came=Coalesce(Subquery(came), Value(0), output_field=BigIntegerField()))
    context = {"tab": "addresses", "found": page_of(request, rows), "warning": exporting.WARNING}
    return page(request, "usdc/addresses.html", "usdc", context)


@require_safe
@merchant_page("wallets:read")
def export(request: MerchantRequest) -> HttpResponse:
    """Every address with all that its owner needs to find its money, as a file.

    A line is a quarter of a kilobyte, so that a hundred thousand are made in one piece.
    """
    merchant = request.merchant
    day = f"{clock.now(merchant):%Y-%m-%d}"
    side = "live" if merchant.livemode else "test"
    if request.GET.get("format") == "json":
        text = json.dumps(exporting.as_object(merchant), indent=2)
        response = HttpResponse(text, content_type="application/json")
        name = f"usdc-addresses-{side}-{day}.json"
    else:
        response = HttpResponse(exporting.as_csv(merchant), content_type="text/csv; charset=utf-8")
        name = f"usdc-addresses-{side}-{day}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
