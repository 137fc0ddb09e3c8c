"""What payers ask to become of money that is left over, and deciding it."""

from typing import Annotated, Literal

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing.api.endpoint import Endpoint
from invoicing.api.pagination import PageQuery, page
from invoicing.api.views import ApiView
from invoicing.errors import NotFound
from invoicing.fields import Line
from invoicing.models import Merchant
from payments import representations, usdc_representations
from payments.actions import claims, sending
from payments.api import money_schemas
from payments.api import usdc_schemas as schemas
from payments.api.refunds import whole
from payments.models import RefundClaim
from payments.usdc_inputs import DeclineInput


class RefundClaimQuery(PageQuery):
    """Which refund claims a list shows."""

    status: Literal["open", "accepted", "declined"] | None = Field(
        default=None, description="`open` ones wait to be decided."
    )
    invoice_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The id of the invoice whose payer asks."
    )


class RefundClaims(ApiView):
    tag = "USDC"

    @Endpoint(
        "List refund claims",
        needs="payments:read",
        query=RefundClaimQuery,
        answers=schemas.RefundClaim,
        page=True,
    )
    def get(self, request: Request) -> Response:
        """What payers want to become of USDC that was too much, too late or only a part, newest
        first."""
        query = self.query(RefundClaimQuery)
        exact = {"status": query.status, "invoice__public_id": query.invoice_id}
        rows = claims_of(self.merchant)
        rows = rows.filter(**{field: value for field, value in exact.items() if value})
        return Response(page(query, rows, usdc_representations.refund_claim))


class RefundClaimDetail(ApiView):
    tag = "USDC"

    @Endpoint("Get a refund claim", needs="payments:read", answers=schemas.RefundClaim)
    def get(self, request: Request, claim_id: str) -> Response:
        """`note` is the payer's word, or yours once you have declined it."""
        row = claims_of(self.merchant).filter(public_id=claim_id).first()
        if row is None:
            raise NotFound(f"There is no refund claim {claim_id}.")
        return Response(usdc_representations.refund_claim(row))


class RefundClaimAccept(ApiView):
    tag = "USDC"

    @Endpoint(
        "Accept a refund claim",
        needs="payments:write",
        answers=schemas.RefundClaim,
        refuses=(409,),
    )
    def post(self, request: Request, claim_id: str) -> HttpResponseBase:
        """Promises the money back to the address of the claim, in a refund for each payment that
        it came by: their `usdc_payout` says what you sign. Or keeps it as the payer's credit."""
        return self.run(
            lambda: claims.accept_claim(self.merchant, claim_id),
            usdc_representations.refund_claim,
        )


class RefundClaimDecline(ApiView):
    tag = "USDC"

    @Endpoint(
        "Decline a refund claim",
        needs="payments:write",
        body=DeclineInput,
        answers=schemas.RefundClaim,
        refuses=(409,),
        example={"note": "We have sent it to your bank account instead."},
    )
    def post(self, request: Request, claim_id: str) -> HttpResponseBase:
        """The money stays where it is. The payer sees your note on the page of the invoice."""
        wanted = self.read(DeclineInput)
        return self.run(
            lambda: claims.decline_claim(self.merchant, claim_id, wanted.note),
            usdc_representations.refund_claim,
        )


class RefundCancel(ApiView):
    tag = "Money"

    @Endpoint(
        "Call off a refund in USDC",
        needs="payments:write",
        answers=money_schemas.Refund,
        refuses=(409,),
    )
    def post(self, request: Request, refund_id: str) -> HttpResponseBase:
        """For one that you have not signed yet: it is `failed` then, and its money can be refunded
        again. Refused once it was seen on its chain."""
        return self.run(
            lambda: sending.cancel_payout(self.merchant, refund_id),
            lambda row: representations.refund(whole(self.merchant, [row])[0]),
        )


def claims_of(merchant: Merchant) -> QuerySet[RefundClaim]:
    """A merchant's refund claims with all that showing them takes."""
    return merchant.refund_claims.select_related("invoice")
