"""USDC: where it is to go, what came, and what becomes of what fits nothing."""

from typing import Annotated

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing.api.endpoint import Endpoint
from invoicing.api.leash_schemas import WAITS
from invoicing.api.pagination import CreatedQuery, PageQuery, between, page
from invoicing.api.views import ApiView
from invoicing.errors import InvalidState, NotFound
from invoicing.fields import Line
from invoicing.models import Merchant
from payments import exporting, flows, moves, quoting, representations, usdc_representations
from payments.actions import deposits, receiving, transfers
from payments.api import money_schemas
from payments.api import usdc_schemas as schemas
from payments.api.deposits import DepositCredit, DepositRefundRequest
from payments.api.refunds import whole
from payments.inputs import DepositMatch
from payments.models import DepositAddress, ReceivingKey, Transfer
from payments.usdc_inputs import ReceivingKeyInput, UsdcPolicyInput


class WalletReceivingKeys(ApiView):
    tag = "USDC"

    @Endpoint(
        "List a wallet's receiving keys",
        needs="wallets:read",
        query=PageQuery,
        answers=schemas.ReceivingKey,
        page=True,
    )
    def get(self, request: Request, wallet_id: str) -> Response:
        """Newest first: the first without `retired_at` is where new addresses come from."""
        query = self.query(PageQuery)
        if not self.merchant.wallets.filter(public_id=wallet_id).exists():
            raise NotFound(f"There is no wallet {wallet_id}.")
        rows = keys_of(self.merchant).filter(wallet__public_id=wallet_id)
        return Response(page(query, rows, usdc_representations.receiving_key))

    @Endpoint(
        "Give a wallet a receiving key",
        needs="wallets:write",
        body=ReceivingKeyInput,
        answers=schemas.ReceivingKey,
        status=201,
        example={"address": schemas.ADDRESS},
    )
    def post(self, request: Request, wallet_id: str) -> HttpResponseBase:
        """From now on this wallet's deposit addresses come from it. What was sent to addresses of
        the key before still arrives. Private keys are refused: Billhook holds none."""
        wanted = self.read(ReceivingKeyInput)
        return self.run(
            lambda: receiving.give_key(self.merchant, wallet_id, wanted),
            usdc_representations.receiving_key,
        )


class AddressQuery(PageQuery):
    """Which addresses a list shows."""

    invoice_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The id of the invoice that it is for."
    )


class UsdcAddresses(ApiView):
    tag = "USDC"

    @Endpoint(
        "List deposit addresses",
        needs="wallets:read",
        query=AddressQuery,
        answers=schemas.DepositAddress,
        page=True,
    )
    def get(self, request: Request) -> Response:
        """Every address that a payer was shown, newest first."""
        query = self.query(AddressQuery)
        rows = addresses_of(self.merchant)
        if query.invoice_id:
            rows = rows.filter(invoice__public_id=query.invoice_id)
        return Response(page(query, rows, usdc_representations.deposit_address))


class UsdcAddressExport(ApiView):
    tag = "USDC"

    @Endpoint("Export deposit addresses", needs="wallets:read", answers=schemas.AddressExport)
    def get(self, request: Request) -> Response:
        """All that your own wallet needs to find and move the money: keep it with your backups.
        Without the ephemeral public keys, stealth addresses can never be found again."""
        return Response(exporting.as_object(self.merchant))


class UsdcDepositQuery(CreatedQuery):
    """Which deposits a list shows."""

    status: schemas.TransferStatus | None = Field(default=None, description="How sure it is.")
    match: schemas.TransferMatch | None = Field(
        default=None, description="Whether it pays an invoice."
    )
    invoice_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The id of the invoice that it pays."
    )
    tx_hash: Annotated[Line, Field(max_length=66)] = Field(
        default="", description="The transaction that brought it."
    )


class UsdcDeposits(ApiView):
    tag = "USDC"

    @Endpoint(
        "List USDC deposits",
        needs="payments:read",
        query=UsdcDepositQuery,
        answers=schemas.UsdcDeposit,
        page=True,
    )
    def get(self, request: Request) -> Response:
        """Every transfer that was seen at one of your addresses, newest first."""
        query = self.query(UsdcDepositQuery)
        exact = {
            "status": query.status,
            "match": query.match,
            "payment__invoice__public_id": query.invoice_id,
            "tx_hash": query.tx_hash.lower(),
        }
        rows = transfers_of(self.merchant)
        rows = rows.filter(**{field: value for field, value in exact.items() if value})
        rows = between(rows, self.merchant, "created_at", query.created_after, query.created_before)
        return Response(page(query, rows, usdc_representations.usdc_deposit))


class UsdcDepositDetail(ApiView):
    tag = "USDC"

    @Endpoint("Get a USDC deposit", needs="payments:read", answers=schemas.UsdcDeposit)
    def get(self, request: Request, deposit_id: str) -> Response:
        """Where it stands on its chain, and what it has become."""
        return Response(usdc_representations.usdc_deposit(transfer_of(self.merchant, deposit_id)))


class UsdcDepositMatch(ApiView):
    tag = "USDC"

    @Endpoint(
        "Match a USDC deposit to an invoice",
        needs="payments:write",
        body=DepositMatch,
        answers=schemas.UsdcDeposit,
        refuses=(409,),
        example={"invoice_id": "inv_9f86d081884c7d659a2feaa0"},
    )
    def post(self, request: Request, deposit_id: str) -> HttpResponseBase:
        """It pays the invoice as far as it reaches, at today's rate where that is in another
        currency; what is too much is the payer's credit. Once its chain calls it final."""
        wanted = self.read(DepositMatch)
        unmatched(self.merchant, deposit_id)
        return self.run(
            lambda: deposits.match_deposit(self.merchant, deposit_id, wanted),
            lambda row: usdc_representations.usdc_deposit(
                transfer_of(self.merchant, row.public_id)
            ),
        )


class UsdcDepositCredit(ApiView):
    tag = "USDC"

    @Endpoint(
        "Keep a USDC deposit as credit",
        needs="payments:write",
        body=DepositCredit,
        answers=schemas.UsdcDeposit,
        refuses=(409,),
        example={"customer_id": "cus_9f86d081884c7d659a2feaa0"},
    )
    def post(self, request: Request, deposit_id: str) -> HttpResponseBase:
        """It pays this customer's next invoices, in the currency they are billed in."""
        wanted = self.read(DepositCredit)
        unmatched(self.merchant, deposit_id)
        return self.run(
            lambda: deposits.credit_deposit(self.merchant, deposit_id, wanted.customer_id),
            lambda row: usdc_representations.usdc_deposit(
                transfer_of(self.merchant, row.public_id)
            ),
        )


class UsdcDepositRefund(ApiView):
    tag = "USDC"

    @Endpoint(
        "Give a USDC deposit back",
        needs="payments:write",
        body=DepositRefundRequest,
        also=WAITS,
        answers=money_schemas.Refund,
        refuses=(409,),
        example={"address": schemas.ADDRESS},
    )
    def post(self, request: Request, deposit_id: str) -> HttpResponseBase:
        """All of it, to an address that its payer names. You send it from your own wallet:
        `usdc_payout` says what to sign, and the refund is done once that is final."""
        wanted = self.read(DepositRefundRequest)
        unmatched(self.merchant, deposit_id)
        return self.run(
            lambda: flows.refund_deposit(self.merchant, deposit_id, wanted),
            lambda row: representations.refund(whole(self.merchant, [row])[0]),
            steps=True,
            moves=lambda: moves.refunding_deposit(
                self.merchant, deposit_id, again=wanted.allow_duplicate
            ),
        )


class UsdcDepositDismiss(ApiView):
    tag = "USDC"

    @Endpoint(
        "Dismiss a deposit of another token",
        needs="payments:write",
        answers=schemas.UsdcDeposit,
        refuses=(409,),
    )
    def post(self, request: Request, deposit_id: str) -> HttpResponseBase:
        """It waits for nobody any more. The token is still at the address: your wallet has it."""
        return self.run(
            lambda: transfers.dismiss(self.merchant, deposit_id),
            lambda row: usdc_representations.usdc_deposit(
                transfer_of(self.merchant, row.public_id)
            ),
        )


class UsdcPolicies(ApiView):
    tag = "USDC"

    @Endpoint("Get how USDC is taken", needs="wallets:read", answers=schemas.UsdcPolicy)
    def get(self, request: Request) -> Response:
        """The chains that this installation reads, and your own choices."""
        row = quoting.policy_of(self.merchant)
        return Response(usdc_representations.usdc_policy(row, self.merchant))

    @Endpoint(
        "Change how USDC is taken",
        needs="wallets:write",
        body=UsdcPolicyInput,
        answers=schemas.UsdcPolicy,
        example={"tolerance_basis_points": 50},
    )
    def patch(self, request: Request) -> HttpResponseBase:
        """Only what is named changes."""
        wanted = self.read(UsdcPolicyInput)
        return self.run(
            lambda: receiving.set_policy(self.merchant, wanted),
            lambda row: usdc_representations.usdc_policy(row, self.merchant),
        )


def keys_of(merchant: Merchant) -> QuerySet[ReceivingKey]:
    """A merchant's receiving keys with all that showing them takes."""
    return merchant.receiving_keys.select_related("merchant", "wallet", "counter")


def addresses_of(merchant: Merchant) -> QuerySet[DepositAddress]:
    """A merchant's addresses with all that showing them takes."""
    return merchant.deposit_addresses.select_related("merchant", "invoice", "key")


def transfers_of(merchant: Merchant) -> QuerySet[Transfer]:
    """A merchant's transfers with all that showing them takes."""
    return merchant.transfers.select_related(
        "merchant", "address__invoice", "payment__invoice", "deposit"
    )


def transfer_of(merchant: Merchant, deposit_id: str) -> Transfer:
    """The transfer of this name. Raises NotFound."""
    row = transfers_of(merchant).filter(public_id=deposit_id).first()
    if row is None:
        raise NotFound(f"There is no USDC deposit {deposit_id}.")
    return row


def unmatched(merchant: Merchant, deposit_id: str) -> Transfer:
    """The transfer of this name, if something can be made of it. Raises InvalidState."""
    row = transfer_of(merchant, deposit_id)
    if row.deposit is None:
        raise InvalidState(_why_not(row), details={"status": row.status, "match": row.match})
    return row


def _why_not(row: Transfer) -> str:
    if row.match == Transfer.Match.INVOICE:
        return "This deposit pays an invoice already."
    if row.match == Transfer.Match.WRONG_TOKEN:
        return "This is another token than USDC: it can only be dismissed."
    if row.status == "orphaned":
        return "The chain has dropped this transfer: nothing has come."
    return "The chain does not call this deposit final yet; wait until it does."
