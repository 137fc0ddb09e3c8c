"""Getting an invoice paid: start a payment, declare one, see what there was."""

from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing import representations as invoicing_representations
from invoicing.api import invoice_schemas
from invoicing.api.endpoint import Endpoint
from invoicing.api.invoices import find, load
from invoicing.api.leash_schemas import WAITS
from invoicing.api.pagination import PageQuery, page
from invoicing.api.views import ApiView
from invoicing.errors import NotConfigured, ProviderFailed
from invoicing.intents import Repeatable
from invoicing.models import Invoice
from payments import flows, moves, representations
from payments.api import schemas
from payments.clearing import ON_CHAIN
from payments.inputs import MarkPaidInput, PaymentInput, in_minor_units
from payments.models import Payment
from payments.offered import rails_of
from payments.rails.rail import RailError


def start(invoice: Invoice, wanted: PaymentInput) -> Payment:
    """Begin paying by the rail that is wanted, or by the best.

    Raises NotConfigured, ProviderFailed, and whatever beginning a payment raises.
    """
    rails = rails_of(invoice)
    rail = wanted.rail or next(iter(rails), "")
    if rail in ON_CHAIN:
        path = f"/v1/invoices/pay/{invoice.slug}/{rail}"
        raise NotConfigured(f"There is no page for that: POST {path} says how it is paid.")
    if not rail:
        raise NotConfigured("This merchant has no way to be paid online yet.")
    try:
        return flows.start(invoice.pk, rail, in_minor_units(wanted.amount, invoice.currency))
    except RailError as error:
        raise ProviderFailed(f"The payment could not be started: {error.message}") from None


class InvoiceCheckout(ApiView):
    tag = "Invoices"

    @Endpoint(
        "Start a payment",
        needs="payments:write",
        body=PaymentInput,
        answers=schemas.Checkout,
        refuses=(502,),
        example={"amount": "50.00"},
    )
    def post(self, request: Request, reference: str) -> HttpResponseBase:
        """Begins paying all that is due, or `amount` where the invoice allows part payments, and
        answers with the address of the page where the payer goes on.

        While that page waits for its payer, asking again gives the same payment.
        """
        wanted = self.read(PaymentInput)
        invoice = find(self.merchant, reference)
        return self.run(
            lambda: start(invoice, wanted),
            lambda payment: {"url": payment.url, "payment": representations.payment(payment)},
            steps=True,
        )


class MarkPaidRequest(Repeatable, MarkPaidInput):
    """Money received elsewhere, as a bot says it."""


class MarkPaid(ApiView):
    tag = "Invoices"

    @Endpoint(
        "Mark an invoice as paid",
        tool="mark_paid",
        needs="settle",
        body=MarkPaidRequest,
        also=WAITS,
        answers=invoice_schemas.Invoice,
        refuses=(409, 503),
        example={"method": "bank_transfer", "reference": "Statement 12, line 3"},
    )
    def post(self, request: Request, reference: str) -> HttpResponseBase:
        """Declares money that you received elsewhere: all that is due, or a part of it. It is
        booked to the wallet's `external` part, without fees.

        With `tx_hash`, a transfer of USDC to an address of yours is verified on its chain and pays
        the invoice by what it brought; asked again, nothing more happens.
        """
        wanted = self.read(MarkPaidRequest)
        return self.run(
            lambda: flows.mark_paid(self.merchant, reference, wanted),
            lambda payment: invoicing_representations.invoice(load(self.merchant, reference)),
            steps=bool(wanted.tx_hash),
            # A transaction pays once, however often it is named.
            moves=lambda: moves.settling(
                find(self.merchant, reference),
                wanted,
                again=wanted.allow_duplicate or bool(wanted.tx_hash),
            ),
        )


class InvoicePayments(ApiView):
    tag = "Invoices"

    @Endpoint(
        "List an invoice's payments",
        needs="payments:read",
        query=PageQuery,
        answers=schemas.Payment,
        page=True,
    )
    def get(self, request: Request, reference: str) -> Response:
        """Every attempt to pay it, newest first."""
        query = self.query(PageQuery)
        invoice = find(self.merchant, reference)
        rows = invoice.payments.select_related("merchant", "invoice", "wallet", "saved_method")
        return Response(page(query, rows, representations.payment))
