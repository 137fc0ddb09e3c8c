"""Payouts: what the provider sends to the bank, as far as it is this merchant's."""

from django.db.models import Prefetch, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing.api.endpoint import Endpoint
from invoicing.api.pagination import PageQuery, page
from invoicing.api.views import ApiView
from invoicing.errors import NotFound
from invoicing.models import Merchant
from payments import representations
from payments.api import money_schemas
from payments.models import MerchantPayout, Payout, PayoutLine


class Payouts(ApiView):
    tag = "Money"

    @Endpoint(
        "List payouts",
        needs="payments:read",
        query=PageQuery,
        answers=money_schemas.Payout,
        page=True,
    )
    def get(self, request: Request) -> Response:
        """Newest first; of each only your own movements."""
        query = self.query(PageQuery)
        return Response(page(query, payouts_of(self.merchant), self.told))

    def told(self, row: Payout) -> dict[str, object]:
        """This merchant's share of it."""
        return representations.payout(MerchantPayout(row, self.merchant))


class PayoutDetail(ApiView):
    tag = "Money"

    @Endpoint("Get a payout", needs="payments:read", answers=money_schemas.Payout)
    def get(self, request: Request, payout_id: str) -> Response:
        """When it arrives and what it is made of, as far as that is yours."""
        row = payouts_of(self.merchant).filter(public_id=payout_id).first()
        if row is None:
            raise NotFound(f"There is no payout {payout_id}.")
        return Response(representations.payout(MerchantPayout(row, self.merchant)))


def payouts_of(merchant: Merchant) -> QuerySet[Payout]:
    """The payouts that have a movement of this merchant's, with those alone."""
    lines = PayoutLine.objects.filter(merchant=merchant).select_related("payment").order_by("pk")
    mine = PayoutLine.objects.filter(merchant=merchant).values("payout")
    return Payout.objects.filter(pk__in=mine).prefetch_related(
        Prefetch("lines", lines, to_attr="own_lines")
    )
