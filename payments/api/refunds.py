"""Giving money back: an invoice's, an overpayment's, and what became of it."""

from typing import Annotated, Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing import representations as invoicing_representations
from invoicing.api.endpoint import Endpoint
from invoicing.api.invoices import find, load
from invoicing.api.leash_schemas import WAITS
from invoicing.api.pagination import CreatedQuery, PageQuery, between, page
from invoicing.api.views import ApiView
from invoicing.errors import NotFound
from invoicing.fields import Line
from invoicing.intents import Repeatable
from invoicing.models import Merchant
from payments import flows, moves, representations
from payments.api import money_schemas
from payments.inputs import RefundInput
from payments.models import Refund


class RefundQuery(CreatedQuery):
    """Which refunds a list shows."""

    invoice_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The id of the invoice whose money goes back."
    )
    payment_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The id of the payment whose money goes back."
    )
    status: money_schemas.RefundStatus | None = Field(default=None, description="How far it is.")


class RefundRequest(Repeatable, RefundInput):
    """A refund as a bot asks for it."""


class InvoiceRefund(ApiView):
    tag = "Invoices"

    @Endpoint(
        "Refund an invoice",
        needs="payments:write",
        body=RefundRequest,
        also=WAITS,
        answers=money_schemas.Refunded,
        refuses=(409,),
        example={"amount": "40.00", "reason": "requested_by_customer"},
    )
    def post(self, request: Request, reference: str) -> HttpResponseBase:
        """Gives back `amount`, or all that can be, the way it was paid unless `destination` says
        otherwise. Money that came in several payments goes back in several refunds.

        A bank may refuse a refund days later: it is `failed` then, `refund.failed` is told, and
        the money can be refunded again.
        """
        wanted = self.read(RefundRequest)
        invoice = find(self.merchant, reference)

        def told(rows: list[Refund]) -> dict[str, Any]:
            return {
                "invoice": invoicing_representations.invoice(load(self.merchant, reference)),
                "refunds": [representations.refund(row) for row in whole(self.merchant, rows)],
            }

        return self.run(
            lambda: flows.refund(self.merchant, reference, wanted),
            told,
            steps=True,
            moves=lambda: moves.refunding_invoice(invoice, wanted, again=wanted.allow_duplicate),
        )


class InvoiceRefunds(ApiView):
    tag = "Invoices"

    @Endpoint(
        "List an invoice's refunds",
        needs="payments:read",
        query=PageQuery,
        answers=money_schemas.Refund,
        page=True,
    )
    def get(self, request: Request, reference: str) -> Response:
        """All that went back of it or was to, newest first."""
        query = self.query(PageQuery)
        rows = refunds_of(self.merchant).filter(invoice=find(self.merchant, reference))
        return Response(page(query, rows, representations.refund))


class PaymentOverpayment(ApiView):
    tag = "Money"

    @Endpoint(
        "Refund an overpayment",
        needs="payments:write",
        body=RefundRequest,
        also=WAITS,
        answers=money_schemas.Refund,
        refuses=(409,),
    )
    def post(self, request: Request, payment_id: str) -> HttpResponseBase:
        """Gives back what came beyond what was due, as far as it is still the payer's credit."""
        wanted = self.read(RefundRequest)
        return self.run(
            lambda: flows.refund_overpayment(self.merchant, payment_id, wanted),
            lambda row: representations.refund(whole(self.merchant, [row])[0]),
            steps=True,
            moves=lambda: moves.refunding_overpayment(
                self.merchant, payment_id, wanted, again=wanted.allow_duplicate
            ),
        )


class Refunds(ApiView):
    tag = "Money"

    @Endpoint(
        "List refunds",
        needs="payments:read",
        query=RefundQuery,
        answers=money_schemas.Refund,
        page=True,
    )
    def get(self, request: Request) -> Response:
        """Newest first, those that failed too."""
        query = self.query(RefundQuery)
        exact = {
            "invoice__public_id": query.invoice_id,
            "payment__public_id": query.payment_id,
            "status": query.status,
        }
        rows = refunds_of(self.merchant)
        rows = rows.filter(**{field: value for field, value in exact.items() if value})
        rows = between(rows, self.merchant, "created_at", query.created_after, query.created_before)
        return Response(page(query, rows, representations.refund))


class RefundDetail(ApiView):
    tag = "Money"

    @Endpoint("Get a refund", needs="payments:read", answers=money_schemas.Refund)
    def get(self, request: Request, refund_id: str) -> Response:
        """`unknown` means that the provider has not answered: it is asked again."""
        row = refunds_of(self.merchant).filter(public_id=refund_id).first()
        if row is None:
            raise NotFound(f"There is no refund {refund_id}.")
        return Response(representations.refund(row))


def refunds_of(merchant: Merchant) -> QuerySet[Refund]:
    """A merchant's refunds with all that showing them takes."""
    return Refund.objects.filter(merchant=merchant).select_related(
        "merchant", "invoice", "payment", "deposit", "credit_note", "to_wallet", "usdc_payout"
    )


def whole(merchant: Merchant, rows: list[Refund]) -> list[Refund]:
    """The same refunds with all that showing them takes, in the order they were made."""
    return list(refunds_of(merchant).filter(pk__in=[row.pk for row in rows]).order_by("pk"))
