"""Reminders: the merchant's rules, and an invoice's reminders paused, resumed and sent by hand."""

from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing import representations
from invoicing.actions import reminders as actions
from invoicing.api.endpoint import Endpoint
from invoicing.api.invoice_schemas import Invoice as InvoiceShape
from invoicing.api.reminder_schemas import Reminders as RemindersShape
from invoicing.api.views import ApiView
from invoicing.reminder_inputs import PauseInput, RemindersInput

EXAMPLE = {
    "enabled": True,
    "hour": 9,
    "rules": [
        {"days": -3},
        {"days": 7},
        {"days": 14, "late_fee": {"percent": "2"}, "repeat_every_days": 14, "repeat_at_most": 2},
    ],
}


class Reminders(ApiView):
    tag = "Reminders"

    @Endpoint("Get the rules of reminders", needs="invoices:read", answers=RemindersShape)
    def get(self, request: Request) -> Response:
        """Off, with rules that are offered, until somebody has chosen."""
        return Response(representations.reminders(self.merchant))

    @Endpoint(
        "Set the rules of reminders",
        needs="invoices:write",
        body=RemindersInput,
        answers=RemindersShape,
        example=EXAMPLE,
    )
    def put(self, request: Request) -> HttpResponseBase:
        """Replaces all of them. They hold for open invoices too, from now on: what they would
        have asked for before is not asked for."""
        wanted = self.read(RemindersInput)
        return self.run(
            lambda: actions.set_reminders(self.merchant, wanted), representations.reminders
        )


class Pause(ApiView):
    tag = "Reminders"

    @Endpoint(
        "Pause an invoice's reminders",
        needs="invoices:write",
        body=PauseInput,
        answers=InvoiceShape,
        refuses=(409,),
        example={"until": "2026-04-15"},
    )
    def post(self, request: Request, reference: str) -> HttpResponseBase:
        """Until a moment, or until they are resumed. What falls into the pause comes as one
        reminder on the first morning after it."""
        wanted = self.read(PauseInput)
        return self.run(
            lambda: actions.pause_reminders(self.merchant, reference, wanted),
            representations.invoice,
        )


class Resume(ApiView):
    tag = "Reminders"

    @Endpoint(
        "Resume an invoice's reminders",
        needs="invoices:write",
        answers=InvoiceShape,
        refuses=(409,),
    )
    def post(self, request: Request, reference: str) -> HttpResponseBase:
        """The next one comes on the next morning at the earliest."""
        return self.run(
            lambda: actions.resume_reminders(self.merchant, reference), representations.invoice
        )


class Send(ApiView):
    tag = "Reminders"

    @Endpoint(
        "Send a reminder now",
        needs="invoices:write",
        answers=InvoiceShape,
        refuses=(409,),
    )
    def post(self, request: Request, reference: str) -> HttpResponseBase:
        """By hand, whatever the rules say; it charges no late fee. Refused where nothing is asked
        for, where there is no address, and to a payer who asked for no more reminders."""
        return self.run(
            lambda: actions.send_reminder(self.merchant, reference), representations.invoice
        )
