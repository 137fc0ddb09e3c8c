"""Payments, over all invoices."""

from typing import Annotated, get_args

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing.api.endpoint import Endpoint
from invoicing.api.pagination import CreatedQuery, between, page
from invoicing.api.views import ApiView
from invoicing.errors import NotFound
from invoicing.fields import Line
from payments import representations
from payments.api import schemas
from payments.models import Payment


class PaymentQuery(CreatedQuery):
    """Which payments a list shows."""

    invoice_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The id of the invoice that is paid."
    )
    wallet_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The id of the wallet that receives."
    )
    status: schemas.PaymentStatus | None = Field(
        default=None, description=f"One of {', '.join(get_args(schemas.PaymentStatus))}."
    )
    rail: Annotated[Line, Field(max_length=20)] = Field(
        default="", description="The way it was paid, such as sandbox or manual."
    )


class Payments(ApiView):
    tag = "Money"

    @Endpoint(
        "List payments",
        needs="payments:read",
        query=PaymentQuery,
        answers=schemas.Payment,
        page=True,
    )
    def get(self, request: Request) -> Response:
        """Newest first, those that came to nothing too."""
        query = self.query(PaymentQuery)
        rows = self.merchant.payments.select_related(
            "merchant", "invoice", "wallet", "saved_method"
        )
        exact = {
            "invoice__public_id": query.invoice_id,
            "wallet__public_id": query.wallet_id,
            "status": query.status,
            "rail": query.rail,
        }
        rows = rows.filter(**{field: value for field, value in exact.items() if value})
        rows = between(rows, self.merchant, "created_at", query.created_after, query.created_before)
        return Response(page(query, rows, representations.payment))


class PaymentDetail(ApiView):
    tag = "Money"

    @Endpoint("Get a payment", needs="payments:read", answers=schemas.Payment)
    def get(self, request: Request, payment_id: str) -> Response:
        """`unknown` means that the provider has not said what became of it: it is asked again."""
        rows = Payment.objects.select_related("merchant", "invoice", "wallet", "saved_method")
        payment = rows.filter(merchant=self.merchant, public_id=payment_id).first()
        if payment is None:
            raise NotFound(f"There is no payment {payment_id}.")
        return Response(representations.payment(payment))
