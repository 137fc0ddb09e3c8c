"""Sales: what was paid on checkout pages."""

from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from checkout import sales
from checkout.api import schemas
from checkout.page_representations import sale, total
from checkout.sales import sales_of
from invoicing import clock
from invoicing.api.endpoint import Endpoint
from invoicing.api.pagination import Moment, PageQuery, between, page, start_of
from invoicing.api.views import ApiView
from invoicing.errors import ValidationFailed
from invoicing.fields import Input, Line
from invoicing.representations import instant

LATELY: Final = timedelta(days=30)
LONGEST: Final = timedelta(days=366)
PageId = Annotated[Line, Field(max_length=40)]


class SaleQuery(PageQuery):
    """Which sales a list shows."""

    checkout_page_id: PageId = Field(default="", description="The id of the checkout page.")
    paid_after: Moment | None = Field(
        default=None, description="Paid at or after this instant, or this day."
    )
    paid_before: Moment | None = Field(
        default=None, description="Paid before this instant, or before this day."
    )


class Sales(ApiView):
    tag = "Checkout"

    @Endpoint("List sales", needs="checkout:read", query=SaleQuery, answers=schemas.Sale, page=True)
    def get(self, request: Request) -> Response:
        """Paid invoices of checkout pages, those with the newest invoice first. One that was
        refunded stays, with `amount_refunded`; one whose money was taken back is none any more."""
        query = self.query(SaleQuery)
        rows = sales_of(self.merchant, query.checkout_page_id)
        rows = between(rows, self.merchant, "paid_at", query.paid_after, query.paid_before)
        return Response(page(query, rows, sale))


class TotalsQuery(Input):
    """Which sales are added up."""

    checkout_page_id: PageId = Field(default="", description="The id of the checkout page.")
    paid_after: Moment | None = Field(
        default=None,
        description="Paid at or after this instant, or this day; 30 days before the end when left "
        "out.",
    )
    paid_before: Moment | None = Field(
        default=None, description="Paid before this instant, or before this day; now when left out."
    )


class SalesTotals(ApiView):
    tag = "Checkout"

    @Endpoint(
        "Get totals of sales",
        needs="checkout:read",
        query=TotalsQuery,
        answers=schemas.SalesTotals,
    )
    def get(self, request: Request) -> Response:
        """How much was sold on checkout pages, in all, by page, by rail and by day, within 366
        days at most. Days are the merchant's own."""
        query, merchant = self.query(TotalsQuery), self.merchant
        # What was paid this very moment is in it.
        now = clock.now(merchant) + timedelta(milliseconds=1)
        ends = start_of(query.paid_before, merchant) if query.paid_before else now
        begins = start_of(query.paid_after, merchant) if query.paid_after else ends - LATELY
        if not begins < ends <= begins + LONGEST:
            said = "must be before `paid_before`, by 366 days at most"
            raise ValidationFailed([("paid_after", said)])
        rows = between(
            sales_of(merchant, query.checkout_page_id), merchant, "paid_at", begins, ends
        )
        by_page: list[dict[str, Any]] = [
            {
                **total(row),
                "checkout_page_id": row["checkout_page__public_id"],
                "title": row["checkout_page__title"],
            }
            for row in sales.totals_by_page(rows)
        ]
        return Response(
            {
                "object": "sales_totals",
                "livemode": merchant.livemode,
                "paid_after": instant(begins),
                "paid_before": instant(ends),
                "timezone": merchant.timezone,
                "totals": [total(row) for row in sales.totals(rows)],
                "by_page": by_page,
                "by_rail": [
                    {**total(row), "rail": row["rail"]} for row in sales.totals_by_rail(rows)
                ],
                "by_day": [
                    {**total(row), "day": row["day"].isoformat()}
                    for row in sales.totals_by_day(rows, merchant.timezone)
                ],
            }
        )
