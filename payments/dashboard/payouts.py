"""Payouts: what the provider sends on to the bank, as far as it is this merchant's."""

from django.db.models import Count, QuerySet, Sum
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.lists import page_of
from invoicing.errors import NotFound
from invoicing.models import Merchant
from payments.models import MerchantPayout, Payout, PayoutLine


@require_safe
@merchant_page("wallets:read")
def index(request: MerchantRequest) -> HttpResponse:
    """Every payout with a line of this merchant's, newest first."""
    found = page_of(request, _payouts_of(request.merchant))
    lines = PayoutLine.objects.filter(merchant=request.merchant, payout__in=found.rows)
    sums = {
        row["payout"]: row
        for row in lines.values("payout").annotate(net=Sum("net"), lines=Count("pk"))
    }
    context = {"found": found, "payouts": [(row, sums[row.pk]) for row in found.rows]}
    return page(request, "payouts/list.html", "payouts", context)


@require_safe
@merchant_page("wallets:read")
def show(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One payout, and this merchant's lines of it."""
    payout = _payouts_of(request.merchant).filter(public_id=public_id).first()
    if payout is None:
        raise NotFound(_("There is no such payout."))
    lines = list(MerchantPayout(payout, request.merchant).lines())
    context = {
        "payout": payout,
        "lines": lines,
        "amount": sum(line.amount for line in lines),
        "fee": sum(line.fee for line in lines),
        "net": sum(line.net for line in lines),
    }
    return page(request, "payouts/detail.html", "payouts", context)


def _payouts_of(merchant: Merchant) -> QuerySet[Payout]:
    mine = PayoutLine.objects.filter(merchant=merchant).values("payout")
    return Payout.objects.filter(pk__in=mine)
