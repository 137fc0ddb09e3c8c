"""Unmatched money: what came and fits nothing, and what the merchant makes of it."""

from typing import Annotated

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing.api.endpoint import Endpoint
from invoicing.api.leash_schemas import WAITS
from invoicing.api.pagination import CreatedQuery, between, page
from invoicing.api.views import ApiView
from invoicing.errors import NotFound
from invoicing.fields import Input, Line
from invoicing.intents import Repeatable
from invoicing.models import Merchant
from payments import flows, moves, representations
from payments.actions import deposits as actions
from payments.api import money_schemas
from payments.api.refunds import whole
from payments.inputs import DepositMatch, DepositRefundInput
from payments.models import Deposit


class DepositQuery(CreatedQuery):
    """Which deposits a list shows."""

    status: money_schemas.DepositStatus | None = Field(
        default=None, description="`unmatched` is what waits for you."
    )


class DepositCredit(Input):
    """Whose credit it becomes."""

    customer_id: Annotated[Line, Field(min_length=1, max_length=40)]


class Deposits(ApiView):
    tag = "Money"

    @Endpoint(
        "List unmatched money",
        needs="payments:read",
        query=DepositQuery,
        answers=money_schemas.Deposit,
        page=True,
    )
    def get(self, request: Request) -> Response:
        """Newest first, what was matched since too."""
        query = self.query(DepositQuery)
        rows = _deposits(self.merchant)
        if query.status:
            rows = rows.filter(status=query.status)
        rows = between(rows, self.merchant, "created_at", query.created_after, query.created_before)
        return Response(page(query, rows, representations.deposit))


class DepositDetail(ApiView):
    tag = "Money"

    @Endpoint("Get unmatched money", needs="payments:read", answers=money_schemas.Deposit)
    def get(self, request: Request, deposit_id: str) -> Response:
        """What came, and what became of it."""
        return Response(representations.deposit(_deposit(self.merchant, deposit_id)))


class DepositMatching(ApiView):
    tag = "Money"

    @Endpoint(
        "Match money to an invoice",
        needs="payments:write",
        body=DepositMatch,
        answers=money_schemas.Deposit,
        refuses=(409,),
        example={"invoice_id": "inv_9f86d081884c7d659a2feaa0"},
    )
    def post(self, request: Request, deposit_id: str) -> HttpResponseBase:
        """It pays the invoice as far as it reaches; what is too much is the payer's credit."""
        wanted = self.read(DepositMatch)
        return self.run(
            lambda: actions.match_deposit(self.merchant, deposit_id, wanted),
            lambda row: representations.deposit(_deposit(self.merchant, row.public_id)),
        )


class DepositCrediting(ApiView):
    tag = "Money"

    @Endpoint(
        "Keep money as credit",
        needs="payments:write",
        body=DepositCredit,
        answers=money_schemas.Deposit,
        refuses=(409,),
        example={"customer_id": "cus_9f86d081884c7d659a2feaa0"},
    )
    def post(self, request: Request, deposit_id: str) -> HttpResponseBase:
        """It pays this customer's next invoices of the same currency."""
        wanted = self.read(DepositCredit)
        return self.run(
            lambda: actions.credit_deposit(self.merchant, deposit_id, wanted.customer_id),
            lambda row: representations.deposit(_deposit(self.merchant, row.public_id)),
        )


class DepositRefundRequest(Repeatable, DepositRefundInput):
    """Unmatched money to give back, as a bot asks for it."""


class DepositRefund(ApiView):
    tag = "Money"

    @Endpoint(
        "Give unmatched money back",
        needs="payments:write",
        body=DepositRefundRequest,
        also=WAITS,
        answers=money_schemas.Refund,
        refuses=(409,),
        example={},
    )
    def post(self, request: Request, deposit_id: str) -> HttpResponseBase:
        """All of it goes back the way it came; USDC to an `address` that you send it to yourself:
        `usdc_payout` says what to sign."""
        wanted = self.read(DepositRefundRequest)
        return self.run(
            lambda: flows.refund_deposit(self.merchant, deposit_id, wanted),
            lambda row: representations.refund(whole(self.merchant, [row])[0]),
            steps=True,
            moves=lambda: moves.refunding_deposit(
                self.merchant, deposit_id, again=wanted.allow_duplicate
            ),
        )


def _deposits(merchant: Merchant) -> QuerySet[Deposit]:
    return merchant.deposits.select_related("merchant", "payment", "matched_payment")


def _deposit(merchant: Merchant, deposit_id: str) -> Deposit:
    row = _deposits(merchant).filter(public_id=deposit_id).first()
    if row is None:
        raise NotFound(f"There is no deposit {deposit_id}.")
    return row
