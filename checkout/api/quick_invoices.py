"""An invoice from a sentence."""

from typing import Any

from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from checkout.api.quick_invoice_schemas import QuickInvoice, QuickInvoicePreview
from checkout.bots.quick_invoice import QuickInvoiceInput, Reading, understand
from invoicing import representations
from invoicing.actions.invoices import create_invoice, send_new_invoice
from invoicing.api.endpoint import Endpoint
from invoicing.api.views import ApiView


class QuickInvoices(ApiView):
    tag = "Invoices"

    @Endpoint(
        "Create an invoice from a sentence",
        tool="quick_invoice",
        needs="invoices:write",
        body=QuickInvoiceInput,
        answers=QuickInvoice,
        status=201,
        also={200: QuickInvoicePreview},
        example={"message": "Invoice Acme $250 for API work, due in 30 days"},
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Makes a draft of a sentence in English, and tells what each part of it was understood
        as: `3 hours at $40 and a $50 setup fee`, `plus 19% VAT`, `10% discount`, `net 15`, `by
        March 3`, `memo: …`, `PO 4711`, an e-mail address, a customer's name.

        Nothing is guessed. What can be read in two ways stands in `not_understood` with what to
        ask; an amount that cannot be read surely is refused with 400. It is sent only where the
        message says so (`send it`), an address is known and no question holds it back: `sent` says
        whether. Customers are looked up only for keys with `customers:read`. With `dry_run` it
        answers 200 and nothing is saved.
        """
        wanted = self.read(QuickInvoiceInput)
        reading = understand(
            self.merchant, wanted.message, sees_customers=self.caller.may("customers:read")
        )
        if wanted.dry_run:
            preview = representations.preview(reading.invoice, reading.lines)
            return Response(rendered(reading, preview, dry_run=True, sent=False))
        make = send_new_invoice if reading.may_be_sent else create_invoice
        return self.run(
            lambda: make(self.merchant, reading.wanted),
            lambda invoice: rendered(
                reading,
                representations.invoice(invoice),
                dry_run=False,
                sent=reading.may_be_sent,
            ),
        )


def rendered(
    reading: Reading, invoice: dict[str, Any], *, dry_run: bool, sent: bool
) -> dict[str, Any]:
    """What was made of a sentence, and how it was understood."""
    return {
        "object": "quick_invoice",
        "message": reading.message,
        "dry_run": dry_run,
        "sent": sent,
        "understood": [
            {
                "what": one.what,
                "value": one.value,
                "text": one.text,
                "start": one.start,
                "end": one.end,
                "because": one.because or None,
            }
            for one in reading.understood
        ],
        "not_understood": [
            {
                "about": one.about,
                "question": one.question,
                "text": one.text,
                "start": one.start,
                "end": one.end,
                "choices": one.choices,
            }
            for one in reading.questions
        ],
        "invoice": invoice,
    }
