"""What payers ask and promise on the page of an invoice, and answering it."""

from typing import Literal

from django.http.response import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing import representations
from invoicing.actions import inquiries as actions
from invoicing.api.endpoint import Endpoint
from invoicing.api.invoices import find
from invoicing.api.pagination import PageQuery, page
from invoicing.api.reminder_schemas import Inquiry as InquiryShape
from invoicing.api.views import ApiView
from invoicing.errors import NotFound
from invoicing.models import Inquiry
from invoicing.reminder_inputs import AnswerInput


class InquiryQuery(PageQuery):
    """Which inquiries a list shows."""

    kind: Literal["question", "promise"] | None = Field(default=None, description="One kind only.")
    status: Literal["open", "answered", "done", "kept", "broken", "replaced"] | None = Field(
        default=None, description="`open` questions wait for an answer, `open` promises run."
    )


class Inquiries(ApiView):
    tag = "Inquiries"

    @Endpoint(
        "List inquiries",
        needs="invoices:read",
        query=InquiryQuery,
        answers=InquiryShape,
        page=True,
    )
    def get(self, request: Request) -> Response:
        """Questions and promises of all invoices, newest first."""
        query = self.query(InquiryQuery)
        rows = self.merchant.inquiries.select_related("invoice")
        if query.kind:
            rows = rows.filter(kind=query.kind)
        if query.status:
            rows = rows.filter(status=query.status)
        return Response(page(query, rows, representations.inquiry))


class InquiryDetail(ApiView):
    tag = "Inquiries"

    @Endpoint("Get an inquiry", needs="invoices:read", answers=InquiryShape)
    def get(self, request: Request, inquiry_id: str) -> Response:
        """A question or a promise."""
        rows = Inquiry.objects.filter(merchant=self.merchant, public_id=inquiry_id)
        inquiry = rows.select_related("invoice").first()
        if inquiry is None:
            raise NotFound(f"There is no inquiry {inquiry_id}.")
        return Response(representations.inquiry(inquiry))


class Answer(ApiView):
    tag = "Inquiries"

    @Endpoint(
        "Answer a question",
        needs="invoices:write",
        body=AnswerInput,
        answers=InquiryShape,
        refuses=(409,),
        example={"text": "These are the hours of March, as listed in our mail of 2 May."},
    )
    def post(self, request: Request, inquiry_id: str) -> HttpResponseBase:
        """Mailed to the payer. Reminders of the invoice go on two days later at the earliest."""
        wanted = self.read(AnswerInput)
        return self.run(
            lambda: actions.answer_question(self.merchant, inquiry_id, wanted),
            representations.inquiry,
        )


class Close(ApiView):
    tag = "Inquiries"

    @Endpoint(
        "Settle a question without an answer",
        needs="invoices:write",
        answers=InquiryShape,
        refuses=(409,),
    )
    def post(self, request: Request, inquiry_id: str) -> HttpResponseBase:
        """For one that was answered otherwise. Nobody is mailed, and reminders go on."""
        return self.run(
            lambda: actions.close_question(self.merchant, inquiry_id), representations.inquiry
        )


class InvoiceInquiries(ApiView):
    tag = "Inquiries"

    @Endpoint(
        "List an invoice's inquiries",
        needs="invoices:read",
        query=PageQuery,
        answers=InquiryShape,
        page=True,
    )
    def get(self, request: Request, reference: str) -> Response:
        """What its payer asked and promised, newest first."""
        query = self.query(PageQuery)
        rows = find(self.merchant, reference).inquiries.select_related("invoice")
        return Response(page(query, rows, representations.inquiry))
