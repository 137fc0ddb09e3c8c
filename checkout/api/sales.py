"""Sales: what was paid on checkout pages."""

from typing import Annotated

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from checkout.api import schemas
from checkout.page_representations import sale
from checkout.sales import sales_of
from invoicing.api.endpoint import Endpoint
from invoicing.api.pagination import Moment, PageQuery, between, page
from invoicing.api.views import ApiView
from invoicing.fields import Line


class SaleQuery(PageQuery):
    """Which sales a list shows."""

    checkout_page_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The id of the checkout page."
    )
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
