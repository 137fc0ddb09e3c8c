"""What a payer can ask without a key: to see an invoice, and to begin paying it."""

from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from checkout import representations
from invoicing.actor import Actor
from invoicing.api import invoice_schemas
from invoicing.api.endpoint import Endpoint
from invoicing.api.once import once
from invoicing.api.views import PublicView
from invoicing.errors import NotFound
from invoicing.models import Invoice
from payments.api import schemas
from payments.api.invoices import start
from payments.inputs import PaymentInput


class PublicInvoice(PublicView):
    tag = "For payers"

    @Endpoint("See an invoice as its payer", answers=invoice_schemas.PublicInvoice)
    def get(self, request: Request, slug: str) -> Response:
        """What the payer may see: the document and where paying it stands, nothing of the
        merchant's own. `metadata` is null unless `metadata_public` was set."""
        return Response(representations.invoice(_issued(slug)))


class PublicCheckout(PublicView):
    tag = "For payers"

    @Endpoint(
        "Begin paying as the payer",
        body=PaymentInput,
        answers=schemas.PublicCheckout,
        refuses=(502,),
        example={},
    )
    def post(self, request: Request, slug: str) -> HttpResponseBase:
        """Begins paying all that is due, or `amount` where the invoice allows part payments, and
        answers with the address of the page to pay on.

        While that page waits, asking again gives the same payment.
        """
        wanted = self.read(PaymentInput)
        invoice = _issued(slug)
        payer = Actor("payer", invoice.public_id, "Payer", getattr(request, "request_id", ""))
        return once(
            request,
            invoice.merchant,
            payer,
            lambda: start(invoice, wanted),
            lambda payment: {"url": payment.url, "payment": representations.payment(payment)},
            steps=True,
        )


def _issued(slug: str) -> Invoice:
    """The invoice whose payer knows this slug. A draft is as unknown as one that never was."""
    rows = Invoice.objects.select_related("merchant").prefetch_related("lines")
    invoice = rows.filter(slug=slug).exclude(status="draft").first()
    if invoice is None:
        raise NotFound("There is no such invoice.")
    return invoice
