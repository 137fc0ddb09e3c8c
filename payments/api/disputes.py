"""Disputes: what a bank asks, and the merchant's answer."""

import base64
from typing import Annotated, Literal

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing.api.endpoint import Endpoint
from invoicing.api.pagination import CreatedQuery, between, page
from invoicing.api.views import ApiView
from invoicing.errors import NotFound, ProviderFailed, ValidationFailed
from invoicing.fields import Input, Line
from invoicing.models import Merchant
from payments import evidence, flows, representations
from payments.actions import disputes as actions
from payments.api import money_schemas
from payments.inputs import EvidenceInput
from payments.models import Dispute

# The largest file in base64, and the rest of the request.
_MOST_BYTES = evidence.MAX_FILE_BYTES * 4 // 3 + 10_000


class DisputeQuery(CreatedQuery):
    """Which disputes a list shows."""

    invoice_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The id of the invoice whose payment is disputed."
    )
    deposit_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The id of the unmatched money that is disputed."
    )
    status: money_schemas.DisputeStatus | None = Field(default=None, description="How it stands.")


class FileInput(Input):
    """A document for the bank."""

    field: Literal[
        "receipt",
        "customer_communication",
        "customer_signature",
        "service_documentation",
        "shipping_documentation",
        "refund_policy",
        "cancellation_policy",
        "duplicate_charge_documentation",
        "uncategorized_file",
    ]
    name: Annotated[Line, Field(min_length=1, max_length=200)]
    content_base64: Annotated[
        str, Field(min_length=4, description="At most 4.5 MB before it is encoded.")
    ]


class Disputes(ApiView):
    tag = "Money"

    @Endpoint(
        "List disputes",
        needs="payments:read",
        query=DisputeQuery,
        answers=money_schemas.Dispute,
        page=True,
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        query = self.query(DisputeQuery)
        rows = _disputes(self.merchant)
        if query.invoice_id:
            rows = rows.filter(invoice__public_id=query.invoice_id)
        if query.deposit_id:
            rows = rows.filter(deposit__public_id=query.deposit_id)
        if query.status:
            rows = rows.filter(status=query.status)
        rows = between(rows, self.merchant, "created_at", query.created_after, query.created_before)
        return Response(page(query, rows, representations.dispute))


class DisputeDetail(ApiView):
    tag = "Money"

    @Endpoint("Get a dispute", needs="payments:read", answers=money_schemas.Dispute)
    def get(self, request: Request, dispute_id: str) -> Response:
        """How it stands, until when the bank listens, and what you have written so far."""
        return Response(representations.dispute(_dispute(self.merchant, dispute_id)))

    @Endpoint(
        "Write evidence",
        needs="payments:write",
        body=EvidenceInput,
        answers=money_schemas.Dispute,
        refuses=(409,),
        example={"product_description": "Ten hours of consulting, delivered on 2 March."},
    )
    def patch(self, request: Request, dispute_id: str) -> HttpResponseBase:
        """Keeps what you name, and hands nothing in yet."""
        wanted = self.read(EvidenceInput)
        return self.run(
            lambda: actions.save_evidence(self.merchant, dispute_id, wanted),
            lambda row: representations.dispute(_dispute(self.merchant, row.public_id)),
        )


class DisputeFiles(ApiView):
    tag = "Money"
    max_bytes = _MOST_BYTES

    def too_large(self) -> Exception:
        """Only the document makes a body that large."""
        return ValidationFailed([("content_base64", evidence.TOO_LARGE)])

    @Endpoint(
        "Attach a document",
        needs="payments:write",
        body=FileInput,
        answers=money_schemas.Dispute,
        refuses=(409,),
        example={"field": "receipt", "name": "receipt.pdf", "content_base64": "JVBERi0xLjcK"},
    )
    def post(self, request: Request, dispute_id: str) -> HttpResponseBase:
        """A PDF, JPEG or PNG of at most 4.5 MB, one for each field; a new one replaces it."""
        wanted = self.read(FileInput)
        try:
            content = base64.b64decode(wanted.content_base64, validate=True)
        except ValueError:  # also for what no ASCII character is
            raise ValidationFailed([("content_base64", "must be base64")]) from None
        return self.run(
            lambda: actions.attach_file(
                self.merchant, dispute_id, wanted.field, wanted.name, content
            ),
            lambda row: representations.dispute(_dispute(self.merchant, row.public_id)),
        )


class DisputeFileDetail(ApiView):
    tag = "Money"

    @Endpoint(
        "Remove a document",
        needs="payments:write",
        answers=money_schemas.Dispute,
        refuses=(409,),
    )
    def delete(self, request: Request, dispute_id: str, field: str) -> HttpResponseBase:
        """Takes it out of the answer again."""
        if not _dispute(self.merchant, dispute_id).files.filter(field=field).exists():
            raise NotFound(f"There is no document {field}.")
        return self.run(
            lambda: actions.remove_file(self.merchant, dispute_id, field),
            lambda row: representations.dispute(_dispute(self.merchant, row.public_id)),
        )


class DisputeSubmit(ApiView):
    tag = "Money"

    @Endpoint(
        "Hand in the evidence",
        needs="payments:write",
        answers=money_schemas.Dispute,
        refuses=(409, 502),
    )
    def post(self, request: Request, dispute_id: str) -> HttpResponseBase:
        """Sends what was written and attached to the bank, once: nothing can be added later.

        While `submitted_at` is null the provider has not answered; it is asked again by itself.
        """
        return self.run(
            lambda: _answer(self.merchant, dispute_id),
            lambda row: representations.dispute(_dispute(self.merchant, row.public_id)),
            steps=True,
        )


class DisputeConcede(ApiView):
    tag = "Money"

    @Endpoint(
        "Concede a dispute",
        needs="payments:write",
        answers=money_schemas.Dispute,
        refuses=(409, 502),
    )
    def post(self, request: Request, dispute_id: str) -> HttpResponseBase:
        """Lets the payer have the money. This cannot be undone."""
        return self.run(
            lambda: _answer(self.merchant, dispute_id, concede=True),
            lambda row: representations.dispute(_dispute(self.merchant, row.public_id)),
            steps=True,
        )


def _answer(merchant: Merchant, dispute_id: str, *, concede: bool = False) -> Dispute:
    """Answer the bank. Raises ProviderFailed where the provider did not take the answer."""
    dispute = flows.answer_dispute(merchant, dispute_id, concede=concede)
    last = dispute.submissions.latest("pk")
    if last.status == "failed":
        raise ProviderFailed(f"The answer was not taken: {last.failure_message}")
    return dispute


def _disputes(merchant: Merchant) -> QuerySet[Dispute]:
    rows = merchant.disputes.select_related("merchant", "invoice", "payment", "deposit")
    return rows.prefetch_related("files")


def _dispute(merchant: Merchant, dispute_id: str) -> Dispute:
    row = _disputes(merchant).filter(public_id=dispute_id).first()
    if row is None:
        raise NotFound(f"There is no dispute {dispute_id}.")
    return row
