"""Invoices: draft, list, show, change, and every verb of their life but paying."""

from typing import Annotated, Any

from django.db.models import Q
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from pydantic import BeforeValidator, Field, WithJsonSchema
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing import archive, drafts, pdf, representations
from invoicing.actions import invoices as actions
from invoicing.api import schemas
from invoicing.api.endpoint import Endpoint
from invoicing.api.invoice_schemas import Invoice as InvoiceShape
from invoicing.api.invoice_schemas import InvoicePreview, SentInvoice
from invoicing.api.pagination import CreatedQuery, Moment, PageQuery, between, page
from invoicing.api.views import ApiView
from invoicing.errors import NotFound, Unavailable
from invoicing.fields import CurrencyCode, Line
from invoicing.histories import events_about
from invoicing.inputs import InvoiceChanges, InvoiceInput, SendInput
from invoicing.models import Invoice, Merchant
from invoicing.models.invoice import InvoiceQuerySet, Status

STATUSES = (*Status.values, "overdue")
EXAMPLE = {
    "recipient": {"name": "Cleo Marsh", "email": "cleo@example.com"},
    "currency": "USD",
    "line_items": [{"description": "Design hours", "quantity": "2.5", "unit_price": "40"}],
    "tax_rate": "19",
    "due_at": "2026-04-01",
    "metadata": {"order": "A-17"},
}


def _statuses(text: Any) -> Any:
    names = [name.strip() for name in text.split(",")] if isinstance(text, str) else []
    for name in names:
        if name not in STATUSES:
            raise ValueError(f"must be one or more of {', '.join(STATUSES)}, not {name!r}")
    return names


class InvoiceQuery(CreatedQuery):
    """Which invoices a list shows."""

    status: Annotated[
        list[str],
        BeforeValidator(_statuses),
        WithJsonSchema({"type": "string", "examples": ["open,overdue"]}),
    ] = Field(default=[], description=f"One or more, separated by commas: {', '.join(STATUSES)}.")
    customer: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The id of the customer who is billed."
    )
    wallet_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The id of the wallet that the invoice names."
    )
    checkout_page_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The id of the checkout page that the invoice belongs to."
    )
    number: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The exact number."
    )
    currency: CurrencyCode | None = Field(default=None, description="The currency's code.")
    due_after: Moment | None = Field(
        default=None, description="Due at or after this instant, or this day."
    )
    due_before: Moment | None = Field(
        default=None, description="Due before this instant, or before this day."
    )
    q: Annotated[Line, Field(max_length=100)] = Field(
        default="",
        description="Text to find in number, recipient, email, customer, memo or purchase order.",
    )


def load(merchant: Merchant, reference: str) -> Invoice:
    """This merchant's invoice with customer and wallet, to be shown. Raises NotFound."""
    related = ("customer", "wallet", "checkout_page", "late_fee_of")
    return _one(merchant.invoices.select_related(*related), reference)


def find(merchant: Merchant, reference: str) -> Invoice:
    """This merchant's invoice without what hangs on it. Raises NotFound."""
    return _one(merchant.invoices.all(), reference)


def _one(among: InvoiceQuerySet, reference: str) -> Invoice:
    try:
        return among.referred_to(reference).get()
    except Invoice.DoesNotExist:
        raise NotFound(f"There is no invoice {reference}.") from None


def listed(merchant: Merchant, query: InvoiceQuery) -> InvoiceQuerySet:
    """The invoices that a list's filters leave."""
    rows = merchant.invoices.all()
    if query.status:
        wanted = Q(status__in=[name for name in query.status if name != "overdue"])
        if "overdue" in query.status:
            wanted |= Q(overdue_at__isnull=False, status__in=[Status.OPEN, Status.PAYING])
        rows = rows.filter(wanted)
    exact = {
        "customer__public_id": query.customer,
        "wallet__public_id": query.wallet_id,
        "checkout_page__public_id": query.checkout_page_id,
        "number": query.number,
        "currency": query.currency,
    }
    rows = rows.filter(**{field: value for field, value in exact.items() if value})
    rows = between(rows, merchant, "created_at", query.created_after, query.created_before)
    rows = between(rows, merchant, "due_at", query.due_after, query.due_before)
    return rows.filter(_mentions(query.q)) if query.q else rows


def _mentions(text: str) -> Q:
    places = ("number", "recipient_name", "recipient_email", "customer__name", "memo")
    found = Q(purchase_order__icontains=text)
    for place in places:
        found |= Q(**{f"{place}__icontains": text})
    return found


class Invoices(ApiView):
    tag = "Invoices"

    @Endpoint(
        "List invoices",
        needs="invoices:read",
        query=InvoiceQuery,
        answers=InvoiceShape,
        page=True,
    )
    def get(self, request: Request) -> Response:
        """Newest first. Filters may be combined."""
        query = self.query(InvoiceQuery)
        rows = listed(self.merchant, query).whole()
        return Response(page(query, rows, representations.invoice))

    @Endpoint(
        "Create an invoice",
        needs="invoices:write",
        body=InvoiceInput,
        answers=InvoiceShape,
        status=201,
        refuses=(404,),
        example=EXAMPLE,
    )
    def post(self, request: Request) -> HttpResponseBase:
        """A draft, worked out and saved. It has no number and asks for nothing until it is
        finalized or sent.

        Amounts are decimals as text; JSON numbers are read exactly too. A quantity may have six
        decimals and a unit price twelve. `tax_rate` or `taxes`, `tax_behavior` and `discount` on
        the document hold for every line; on a line they stand instead of the document's.
        """
        wanted = self.read(InvoiceInput)
        return self.run(
            lambda: actions.create_invoice(self.merchant, wanted), representations.invoice
        )


class Preview(ApiView):
    tag = "Invoices"

    @Endpoint(
        "Preview an invoice",
        needs="invoices:write",
        body=InvoiceInput,
        answers=InvoicePreview,
        refuses=(404,),
        has_keys=False,
        example=EXAMPLE,
    )
    def post(self, request: Request) -> Response:
        """Works the invoice out exactly as creating it would, and saves nothing."""
        invoice, lines = drafts.draft(self.merchant, self.read(InvoiceInput))
        return Response(representations.preview(invoice, lines))


class InvoiceDetail(ApiView):
    tag = "Invoices"

    @Endpoint("Get an invoice", needs="invoices:read", answers=InvoiceShape)
    def get(self, request: Request, reference: str) -> Response:
        """By its id, its uuid or its number."""
        return Response(representations.invoice(load(self.merchant, reference)))

    @Endpoint(
        "Change a draft",
        tool="update_invoice",
        needs="invoices:write",
        body=InvoiceChanges,
        answers=InvoiceShape,
        refuses=(409,),
        example={"memo": "Thank you for your business.", "due_at": "2026-04-15"},
    )
    def patch(self, request: Request, reference: str) -> HttpResponseBase:
        """Only what is named changes; `line_items` are replaced as a whole. An issued invoice is
        never changed: void it and make another."""
        changes = self.read(InvoiceChanges)
        return self.run(
            lambda: actions.update_invoice(self.merchant, reference, changes),
            representations.invoice,
        )

    @Endpoint("Delete a draft", needs="invoices:write", status=204, refuses=(409,))
    def delete(self, request: Request, reference: str) -> HttpResponseBase:
        """A draft is removed for good. An issued invoice stays; one that asks for
        money can be voided."""
        return self.run(
            lambda: actions.delete_invoice(self.merchant, reference), lambda nothing: None
        )


class Finalize(ApiView):
    tag = "Invoices"

    @Endpoint("Finalize an invoice", needs="invoices:write", answers=InvoiceShape, refuses=(409,))
    def post(self, request: Request, reference: str) -> HttpResponseBase:
        """Issues it: it gets its number, can no longer be changed, and can be paid."""
        return self.run(
            lambda: actions.finalize_invoice(self.merchant, reference), representations.invoice
        )


class Send(ApiView):
    tag = "Invoices"

    @Endpoint(
        "Send an invoice",
        needs="invoices:write",
        body=SendInput,
        answers=SentInvoice,
        refuses=(409,),
        example={"to": "accounts@example.com"},
    )
    def post(self, request: Request, reference: str) -> HttpResponseBase:
        """Mails the invoice with its PDF to the recipient, or to `to`; a draft is finalized first.

        The same mail asked for again within a minute is not sent twice, unless it has failed.

        `email_sent` says whether the mail is out already, and `email_reason` why it is not:
        `queued` for a worker, which is the ordinary case; `email_error`; or `no_recipient_email`:
        the invoice counts as sent, nobody was mailed, and you share `payment_url` yourself.
        `email` follows the mail from then on, here and wherever the invoice is read.
        """
        wanted = self.read(SendInput)
        return self.run(
            lambda: actions.send_invoice(self.merchant, reference, wanted.to),
            representations.sent_invoice,
        )


class Void(ApiView):
    tag = "Invoices"

    @Endpoint("Void an invoice", needs="invoices:write", answers=InvoiceShape, refuses=(409,))
    def post(self, request: Request, reference: str) -> HttpResponseBase:
        """The money is no longer asked for; the number stays. Refused while money is in flight."""
        return self.run(
            lambda: actions.void_invoice(self.merchant, reference), representations.invoice
        )


class MarkUncollectible(ApiView):
    tag = "Invoices"

    @Endpoint(
        "Write an invoice off",
        tool="mark_uncollectible",
        needs="invoices:write",
        answers=InvoiceShape,
        refuses=(409,),
    )
    def post(self, request: Request, reference: str) -> HttpResponseBase:
        """The money is not expected any more. It may still be marked as paid, or voided."""
        return self.run(
            lambda: actions.write_off_invoice(self.merchant, reference), representations.invoice
        )


class Duplicate(ApiView):
    tag = "Invoices"

    @Endpoint(
        "Duplicate an invoice",
        needs="invoices:write",
        answers=InvoiceShape,
        status=201,
    )
    def post(self, request: Request, reference: str) -> HttpResponseBase:
        """A new draft that asks for the same, without the dates of the first."""
        wanted = drafts.like(load(self.merchant, reference))
        return self.run(
            lambda: actions.create_invoice(self.merchant, wanted), representations.invoice
        )


class InvoicePdf(ApiView):
    tag = "Invoices"

    @Endpoint(
        "Get an invoice as a PDF",
        needs="invoices:read",
        media_type="application/pdf",
    )
    def get(self, request: Request, reference: str) -> HttpResponse:
        """The document itself. A draft is marked as one."""
        invoice = load(self.merchant, reference)
        try:
            content = archive.pdf_of(invoice)
        except pdf.PdfFailed as failure:
            raise Unavailable(f"The PDF could not be made: {failure}") from None
        name = archive.file_name(invoice)
        return HttpResponse(
            content,
            content_type="application/pdf",
            headers={"Content-Disposition": f'inline; filename="{name}"'},
        )


class InvoiceEvents(ApiView):
    tag = "Invoices"

    @Endpoint(
        "List an invoice's events",
        needs="invoices:read",
        query=PageQuery,
        answers=schemas.Event,
        page=True,
    )
    def get(self, request: Request, reference: str) -> Response:
        """Its whole history, newest first, and who did what: its credit notes too, and, for keys
        that may read payments, its refunds and disputes."""
        query = self.query(PageQuery)
        invoice = find(self.merchant, reference)
        rows = events_about(invoice, with_money_back=self.caller.may("payments:read"))
        return Response(page(query, rows, representations.event))
