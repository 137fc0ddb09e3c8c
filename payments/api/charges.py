"""Charging a saved method while the payer is away."""

from functools import partial
from typing import Annotated, Any

from django.http.response import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request

from invoicing import representations as invoicing_representations
from invoicing.api.endpoint import Endpoint
from invoicing.api.invoices import find, load
from invoicing.api.leash_schemas import WAITS
from invoicing.api.views import ApiView
from invoicing.fields import Line
from invoicing.intents import Repeatable
from payments import flows, moves, recurring_flow, representations
from payments.api import money_schemas, recurring
from payments.inputs import ChargeInput
from payments.models import Payment, RecurringCharge


class ChargeRequest(Repeatable, ChargeInput):
    """A charge as a bot asks for it."""


class ChargeInvoiceInput(Repeatable):
    """Which saved method to charge."""

    payment_method_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The customer's default when left out."
    )


class Charges(ApiView):
    tag = "Invoices"

    @Endpoint(
        "Charge a customer",
        needs="payments:write",
        body=ChargeRequest,
        also=WAITS,
        answers=money_schemas.Charged,
        status=201,
        refuses=(404, 409),
        example={
            "customer_id": "cus_9f86d081884c7d659a2feaa0",
            "amount": "99.00",
            "description": "Monthly subscription",
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Makes an invoice, issues it, and charges it to a saved card or bank account at once.

        A charge that was declined is answered like every other: `payment.status` is `failed`,
        `payment.failure` says why and whether another try helps, and the invoice stays open. While
        the provider has not answered it is `unknown`: wait for it, never charge again meanwhile.
        """
        wanted = self.read(ChargeRequest)
        move = partial(moves.charging, self.merchant, wanted, again=wanted.allow_duplicate)
        if wanted.recurring is not None:
            return self.run(
                lambda: recurring_flow.charge(self.merchant, wanted),
                self.started,
                steps=True,
                moves=move,
            )
        return self.run(
            lambda: flows.charge(self.merchant, wanted),
            lambda done: self.told(done[0].public_id, done[1]),
            steps=True,
            moves=move,
        )

    def told(self, reference: str, payment: Payment | None) -> dict[str, Any]:
        """The invoice as it is now, and the payment."""
        return {
            "invoice": invoicing_representations.invoice(load(self.merchant, reference)),
            "payment": representations.payment(shown(payment)) if payment else None,
            "recurring_charge": None,
        }

    def started(self, row: RecurringCharge) -> dict[str, Any]:
        """The schedule, and the invoice and payment of its first period if that has begun."""
        first = row.periods.select_related("invoice").order_by("number").first()
        told: dict[str, Any] = {"invoice": None, "payment": None}
        if first is not None:
            payment = first.invoice.payments.order_by("id").first()
            told = self.told(first.invoice.public_id, payment)
        return {**told, "recurring_charge": recurring.shown(self.merchant, row.public_id)}


class InvoiceCharge(ApiView):
    tag = "Invoices"

    @Endpoint(
        "Charge an invoice",
        needs="payments:write",
        body=ChargeInvoiceInput,
        also=WAITS,
        answers=money_schemas.Charged,
        refuses=(409,),
    )
    def post(self, request: Request, reference: str) -> HttpResponseBase:
        """Charges an open invoice to its customer's saved method, as `Charge a customer` does."""
        wanted = self.read(ChargeInvoiceInput)
        invoice = find(self.merchant, reference)
        return self.run(
            lambda: flows.charge_invoice(self.merchant, reference, wanted.payment_method_id),
            lambda payment: {
                "invoice": invoicing_representations.invoice(
                    load(self.merchant, invoice.public_id)
                ),
                "payment": representations.payment(shown(payment)),
                "recurring_charge": None,
            },
            steps=True,
            moves=lambda: moves.charging_invoice(invoice, again=wanted.allow_duplicate),
        )


def shown(payment: Payment) -> Payment:
    """The payment with all that showing it takes."""
    rows = Payment.objects.select_related("merchant", "invoice", "wallet", "saved_method")
    return rows.get(pk=payment.pk)
