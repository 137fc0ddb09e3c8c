"""Credit notes: work one out, issue it, list them, and get the document."""

from typing import Annotated

from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing import archive, money, pdf
from invoicing.api.endpoint import Endpoint
from invoicing.api.invoices import find
from invoicing.api.leash_schemas import WAITS
from invoicing.api.pagination import CreatedQuery, PageQuery, between, page
from invoicing.api.views import ApiView
from invoicing.errors import NotFound, Unavailable
from invoicing.fields import CurrencyCode, Line
from invoicing.intents import Repeatable
from invoicing.models import CreditNote
from payments import credit_flow, giving_back, moves
from payments.api import credit_note_schemas as schemas
from payments.credit_representations import credit_note
from payments.inputs import CreditNoteInput


class CreditNoteRequest(Repeatable, CreditNoteInput):
    """Which invoice to credit, and what of it."""

    invoice_id: Annotated[Line, Field(min_length=1, max_length=40)] = Field(
        description="The invoice's id or number."
    )

    def wanted(self) -> CreditNoteInput:
        """What is wanted of the invoice."""
        return CreditNoteInput.model_construct(
            **{name: getattr(self, name) for name in CreditNoteInput.model_fields}
        )


class CreditNoteQuery(CreatedQuery):
    """Which credit notes a list shows."""

    currency: CurrencyCode | None = Field(default=None, description="The currency's code.")
    number: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The exact number."
    )
    invoice_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The id of the invoice that is credited."
    )


EXAMPLE = {
    "invoice_id": "inv_9f86d081884c7d659a2feaa0",
    "amount": "50.00",
    "reason": "order_change",
    "memo": "One hour less than was billed.",
}


class CreditNotes(ApiView):
    tag = "Invoices"

    @Endpoint(
        "List credit notes",
        needs="invoices:read",
        query=CreditNoteQuery,
        answers=schemas.CreditNote,
        page=True,
    )
    def get(self, request: Request) -> Response:
        """Newest first. Filters may be combined."""
        query = self.query(CreditNoteQuery)
        rows = between(
            _notes(self), self.merchant, "created_at", query.created_after, query.created_before
        )
        exact = {
            "currency": query.currency,
            "number": query.number,
            "invoice__public_id": query.invoice_id,
        }
        rows = rows.filter(**{field: value for field, value in exact.items() if value})
        return Response(page(query, rows, credit_note))

    @Endpoint(
        "Issue a credit note",
        tool="create_credit_note",
        needs="payments:write",
        body=CreditNoteRequest,
        also=WAITS,
        answers=schemas.CreditNote,
        status=201,
        refuses=(404, 409),
        example=EXAMPLE,
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Takes back `amount`, taxes included, or `line_items`, or all that is left of an invoice
        that is open, paid, expired or uncollectible.

        It first lowers what is still due; with nothing due any more the invoice is paid, even
        without money. What had been paid goes back as refunds, the newest payment first, to
        `destination`; what had been refunded without a credit note before counts for it. Refused
        while a payment is on its way or disputed.
        """
        wanted = self.read(CreditNoteRequest)
        return self.run(
            lambda: credit_flow.credit(self.merchant, wanted.invoice_id, wanted.wanted()),
            lambda note: credit_note(_note(self, note.public_id)),
            steps=True,
            moves=lambda: moves.crediting(
                find(self.merchant, wanted.invoice_id),
                wanted.wanted(),
                again=wanted.allow_duplicate,
            ),
        )


class CreditNotePreviews(ApiView):
    tag = "Invoices"

    @Endpoint(
        "Preview a credit note",
        needs="payments:write",
        body=CreditNoteRequest,
        answers=schemas.CreditNotePreview,
        refuses=(404, 409),
        has_keys=False,
        example=EXAMPLE,
    )
    def post(self, request: Request) -> Response:
        """Works it out exactly as issuing it would now, and saves nothing."""
        wanted = self.read(CreditNoteRequest)
        invoice = find(self.merchant, wanted.invoice_id)
        note = giving_back.draft(invoice, wanted)
        refunded = money.to_text(giving_back.to_refund(note), note.currency)
        return Response({**credit_note(note), "to_refund": refunded})


class CreditNoteDetail(ApiView):
    tag = "Invoices"

    @Endpoint("Get a credit note", needs="invoices:read", answers=schemas.CreditNote)
    def get(self, request: Request, credit_note_id: str) -> Response:
        """What it takes back, and how far its refunds have got."""
        return Response(credit_note(_note(self, credit_note_id)))


class CreditNotePdf(ApiView):
    tag = "Invoices"

    @Endpoint("Get a credit note as a PDF", needs="invoices:read", media_type="application/pdf")
    def get(self, request: Request, credit_note_id: str) -> HttpResponse:
        """The document itself."""
        note = _note(self, credit_note_id)
        try:
            content = archive.pdf_of_credit_note(note)
        except pdf.PdfFailed as failure:
            raise Unavailable(f"The PDF could not be made: {failure}") from None
        name = archive.file_name(note)
        return HttpResponse(
            content,
            content_type="application/pdf",
            headers={"Content-Disposition": f'inline; filename="{name}"'},
        )


class InvoiceCreditNotes(ApiView):
    tag = "Invoices"

    @Endpoint(
        "List an invoice's credit notes",
        needs="invoices:read",
        query=PageQuery,
        answers=schemas.CreditNote,
        page=True,
    )
    def get(self, request: Request, reference: str) -> Response:
        """Everything that was taken back of it, newest first."""
        query = self.query(PageQuery)
        rows = _notes(self).filter(invoice=find(self.merchant, reference))
        return Response(page(query, rows, credit_note))


def _notes(view: ApiView) -> QuerySet[CreditNote]:
    return view.merchant.credit_notes.select_related("merchant", "invoice").prefetch_related(
        "refunds__merchant",
        "refunds__invoice",
        "refunds__payment",
        "refunds__deposit",
        "refunds__to_wallet",
        "refunds__credit_note",
    )


def _note(view: ApiView, credit_note_id: str) -> CreditNote:
    note = _notes(view).filter(public_id=credit_note_id).first()
    if note is None:
        raise NotFound(f"There is no credit note {credit_note_id}.")
    return note
