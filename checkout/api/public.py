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
from payments.actions.claims import claim
from payments.actions.receiving import request_usdc
from payments.api import schemas, usdc_schemas
from payments.api.invoices import start
from payments.inputs import PaymentInput
from payments.receiving import chosen_network
from payments.usdc_inputs import ClaimInput, UsdcRequestInput
from payments.usdc_representations import refund_claim, usdc_request


class PublicInvoice(PublicView):
    tag = "For payers"

    @Endpoint("See an invoice as its payer", answers=invoice_schemas.PublicInvoice)
    def get(self, request: Request, slug: str) -> Response:
        """What the payer may see: the document and where paying it stands, nothing of the
        merchant's own. `metadata` is null unless `metadata_public` was set."""
        return Response(representations.invoice(issued(slug)))


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
        invoice = issued(slug)
        payer = Actor("payer", invoice.public_id, "Payer", getattr(request, "request_id", ""))
        return once(
            request,
            invoice.merchant,
            payer,
            lambda: start(invoice, wanted),
            lambda payment: {"url": payment.url, "payment": representations.payment(payment)},
            steps=True,
        )


class PublicUsdc(PublicView):
    tag = "For payers"

    @Endpoint("See what has come in USDC", answers=usdc_schemas.PublicUsdcDeposits)
    def get(self, request: Request, slug: str) -> Response:
        """Every transfer that was seen so far for this invoice, newest first, and how many blocks
        stand on it."""
        return Response(representations.usdc_deposits(issued(slug)))

    @Endpoint(
        "Get where to send USDC as the payer",
        body=UsdcRequestInput,
        answers=usdc_schemas.UsdcRequest,
        refuses=(409,),
        example={"chain": "base"},
    )
    def post(self, request: Request, slug: str) -> HttpResponseBase:
        """Answers with the address, the exact amount, the token's contract and the chain. Asked
        again it is the same address; the amount is what is still due."""
        wanted = self.read(UsdcRequestInput)
        invoice = issued(slug)
        network = chosen_network(invoice.merchant, wanted.chain)
        payer = Actor("payer", invoice.public_id, "Payer", getattr(request, "request_id", ""))
        return once(
            request,
            invoice.merchant,
            payer,
            lambda: request_usdc(invoice.pk),
            lambda row: usdc_request(row, network),
        )


class PublicClaim(PublicView):
    tag = "For payers"

    @Endpoint(
        "Ask for USDC back as the payer",
        body=ClaimInput,
        answers=usdc_schemas.RefundClaim,
        status=201,
        refuses=(409,),
        example={"wish": "refund", "address": usdc_schemas.ADDRESS},
    )
    def post(self, request: Request, slug: str) -> HttpResponseBase:
        """For what came beyond what was due, after the invoice was closed, or as a part of it.
        The merchant decides; one claim waits at a time."""
        wanted = self.read(ClaimInput)
        invoice = issued(slug)
        payer = Actor("payer", invoice.public_id, "Payer", getattr(request, "request_id", ""))
        return once(
            request,
            invoice.merchant,
            payer,
            lambda: claim(invoice.pk, wanted),
            refund_claim,
            status=201,
        )


def issued(slug: str) -> Invoice:
    """The invoice whose payer knows this slug. A draft is as unknown as one that never was."""
    rows = Invoice.objects.select_related("merchant", "checkout_page").prefetch_related("lines")
    invoice = rows.filter(slug=slug).exclude(status="draft").first()
    if invoice is None:
        raise NotFound("There is no such invoice.")
    return invoice
