"""USDC: on which chains it is taken, how it is counted, and whether the chains are being read."""

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from invoicing import clock, money
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import InputForm, Text, posted, whole
from payments import quoting, receiving
from payments.actions.receiving import set_policy
from payments.chain.networks import Network
from payments.chain.rehearsal import SANDBOX
from payments.models import ChainCursor, ReceivingKey
from payments.usdc_inputs import UsdcPolicyInput

# The watcher reads every few seconds: whoever has not read for so long does not read.
SILENT_AFTER: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Reading:
    """A chain that is offered, and how far it has been read; `cursor` is for owners alone."""

    network: Network
    cursor: ChainCursor | None
    # sandbox, waiting, failing, silent or reading; "" for whom it is not told.
    state: str


class PolicyForm(InputForm):
    """How much too little is enough, and how long a rate holds."""

    reads = UsdcPolicyInput
    aliases: ClassVar[dict[str, str]] = {"tolerance_basis_points": "tolerance"}
    tolerance = Text(
        gettext_lazy("Tolerance"),
        attrs={"inputmode": "decimal"},
        help_text=gettext_lazy(
            "How much of an invoice's total may be missing for it to count as paid, from 0 to "
            "10 percent. Exchanges keep a fee of what they send, so that a little less arrives."
        ),
    )
    rate_minutes = Text(
        gettext_lazy("A rate holds for"),
        attrs={"inputmode": "numeric"},
        help_text=gettext_lazy(
            "Invoices in other currencies than USD are quoted at the rate of the moment, and the "
            "payer has so long to send. 1 to 1440 minutes."
        ),
    )

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            "tolerance_basis_points": _basis_points(data.get("tolerance", "")),
            "rate_minutes": whole(data.get("rate_minutes", "")),
        }

    def refuse_field(self, path: str, message: str) -> None:
        if path == "tolerance_basis_points":
            message = _("must be a percentage from 0 to 10 with at most two decimals")
        super().refuse_field(path, message)


@require_safe
@merchant_page("wallets:read")
def overview(request: MerchantRequest) -> HttpResponse:
    """The chains, what is chosen, and which wallets can be paid in USDC."""
    merchant = request.merchant
    is_owner = request.membership.role == "owner"
    networks = receiving.networks_for(merchant)
    cursors = (
        {row.network: row for row in ChainCursor.objects.all()} if is_owner and networks else {}
    )
    keys = ReceivingKey.objects.filter(merchant=merchant, retired_at=None)
    by_wallet = {key.wallet_id: key for key in keys}
    policy = quoting.policy_of(merchant)
    context = {
        "tab": "chains",
        "readings": [reading_of(row, cursors.get(row.caip2), is_owner) for row in networks],
        "is_owner": is_owner,
        "only_sandbox": [row.key for row in networks] == [SANDBOX.key],
        "policy": policy,
        "tolerance": _percent(policy.tolerance_basis_points),
        "wallets": [
            (wallet, by_wallet.get(wallet.pk))
            for wallet in merchant.wallets.filter(archived_at=None).order_by("pk")[:100]
        ],
    }
    return page(request, "usdc/overview.html", "usdc", context)


@require_http_methods(["GET", "POST"])
@merchant_page("wallets:write")
def settings(request: MerchantRequest) -> HttpResponse:
    """Choose the tolerance and how long a rate holds."""
    policy = quoting.policy_of(request.merchant)
    initial = {
        "tolerance": _percent(policy.tolerance_basis_points),
        "rate_minutes": policy.rate_minutes,
    }
    form = PolicyForm(posted(request), initial=initial)
    if request.method == "POST" and form.is_valid():
        set_policy(request.merchant, form.input)
        messages.success(request, _("Saved."))
        return redirect("dashboard:usdc")
    context = {"form": form, "back": reverse("dashboard:usdc"), "back_name": _("USDC")}
    status = 422 if form.errors else 200
    return page(request, "usdc/settings.html", "usdc", context, status=status)


def reading_of(network: Network, cursor: ChainCursor | None, is_owner: bool) -> Reading:
    """Whether a chain is being read, as far as it is told."""
    if network.caip2 == SANDBOX.caip2:
        return Reading(network, None, "sandbox")
    if not is_owner:
        return Reading(network, None, "")
    if cursor is None or cursor.read_at is None:
        failing = cursor is not None and cursor.failing_since is not None
        return Reading(network, cursor, "failing" if failing else "waiting")
    if cursor.failing_since:
        return Reading(network, cursor, "failing")
    silent = clock.wall() - cursor.read_at > SILENT_AFTER
    return Reading(network, cursor, "silent" if silent else "reading")


def _percent(basis_points: int) -> str:
    return money.plain(Decimal(basis_points).scaleb(-2))


def _basis_points(text: str) -> Any:
    """A percentage in hundredths of a percent; anything else as it came, to be refused."""
    plain = text.strip().replace(",", ".")
    if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,2})?", plain, re.ASCII):
        return int(Decimal(plain).scaleb(2))
    return text
