"""Rehearsal, for test keys only: move the clock, and pay without a browser."""

from typing import Any

from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing import clock, idempotency, stepping
from invoicing.actions import clocks
from invoicing.api.endpoint import Endpoint
from invoicing.api.invoices import find
from invoicing.api.pagination import start_of
from invoicing.api.views import ApiView
from invoicing.errors import OnlyInTestMode
from invoicing.models import ClockMove, Invoice, Merchant
from invoicing.representations import instant
from payments import flows, representations
from payments.api import schemas
from payments.inputs import ClockInput, in_minor_units
from payments.models import Payment
from payments.sandbox import provider
from payments.sandbox.inputs import SandboxPaymentInput


class SandboxView(ApiView):
    """An endpoint that live keys cannot use."""

    tag = "Rehearsal"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse live keys, whatever they are allowed."""
        super().initial(request, *args, **kwargs)
        if self.merchant.livemode:
            raise OnlyInTestMode("This works with test keys only (bh_test_…).")


class SandboxClock(SandboxView):
    @Endpoint("Get the test clock", answers=schemas.Clock, refuses=(403,))
    def get(self, request: Request) -> Response:
        """What time it is for this test merchant, and what happened when it was last moved."""
        last = self.merchant.clock_moves.select_related("merchant").order_by("-pk").first()
        return Response(_clock(self.merchant, last))

    @Endpoint(
        "Move the test clock",
        needs="sandbox:write",
        body=ClockInput,
        answers=schemas.Clock,
        refuses=(409,),
        example={"advance": "P40D"},
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Forward, by `advance` or to `to`; a bare date is the first instant of that day.

        Everything that waits for a date until then happens, in order and each at its own time:
        due dates, expiry, providers asked again, clearing. `happened` tells it. What takes longer
        than a few seconds a worker carries on with: the answer is `advancing`, and asking again
        shows how far it is.
        """
        wanted = self.read(ClockInput)
        return self.run(
            lambda: stepping.move(lambda: _begin(self.merchant, wanted)),
            lambda move: _clock(move.merchant, move),
            steps=True,
        )


class SandboxPayments(SandboxView):
    @Endpoint(
        "Pay with a test card",
        needs="sandbox:write",
        body=SandboxPaymentInput,
        answers=schemas.Payment,
        status=201,
        refuses=(404,),
        example={"invoice_id": "inv_9f86d081884c7d659a2feaa0", "card": "4242424242424242"},
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Plays the payer: starts a payment and uses the card on the sandbox's page.

        A declined card leaves the payment `pending` with its `failure`; another card may be used
        on it. Cards that ask for approval get the answer in `approve`.
        """
        wanted = self.read(SandboxPaymentInput)
        invoice = find(self.merchant, wanted.invoice_id)
        return self.run(lambda: _use_card(invoice, wanted), representations.payment, steps=True)


def _clock(merchant: Merchant, last: ClockMove | None) -> dict[str, Any]:
    told, count = stepping.happened(last) if last else ([], 0)
    is_under_way = last is not None and last.finished_at is None
    return {
        "object": "clock",
        "now": instant(clock.now(merchant)),
        "status": "advancing" if is_under_way else "ready",
        "target": instant(last.to_at) if last and is_under_way else None,
        "happened": [
            {
                "at": instant(event.created_at),
                "type": event.type,
                "object_id": event.object_id,
                "event_id": event.public_id,
            }
            for event in told
        ],
        "happened_count": count,
        "has_more": count > len(told),
    }


def _begin(merchant: Merchant, wanted: ClockInput) -> ClockMove:
    if wanted.to is None:
        return clocks.advance_clock(merchant, wanted.advance)
    return clocks.move_clock(merchant, start_of(wanted.to, merchant))


def _use_card(invoice: Invoice, wanted: SandboxPaymentInput) -> Payment:
    amount = in_minor_units(wanted.amount, invoice.currency)
    # A run that died after the card was used has left an invoice that asks for nothing more.
    begun = invoice.payments.filter(public_id=idempotency.noted()).first()
    payment = begun or flows.start(invoice.pk, "sandbox", amount)
    idempotency.note(payment.public_id)
    session = provider.submit_card(payment.provider_reference, wanted.card)
    if session.status == "authenticating" and wanted.approve is not None:
        provider.answer_authentication(payment.provider_reference, approved=wanted.approve)
    return flows.check(payment.pk)
