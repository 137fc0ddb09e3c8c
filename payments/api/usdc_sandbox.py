"""Rehearsing deposits, for test keys only: say what a chain would have shown."""

from decimal import Decimal

from django.http.response import HttpResponseBase
from rest_framework.request import Request

from invoicing import money
from invoicing.api.endpoint import Endpoint
from invoicing.errors import InvalidState, NotFound, ValidationFailed
from invoicing.models import Merchant
from payments import rehearsed, usdc_representations
from payments.actions import transfers
from payments.api import usdc_schemas as schemas
from payments.api.sandbox import SandboxView
from payments.api.usdc import transfer_of
from payments.chain import addresses
from payments.chain.rehearsal import BLOCKS_TO_FINALITY, SANDBOX
from payments.models import DepositAddress, Transfer, TransferStatus
from payments.quoting import USDC
from payments.usdc_inputs import SandboxDepositInput


class SandboxDeposits(SandboxView):
    @Endpoint(
        "Send USDC in the sandbox",
        needs="sandbox:write",
        body=SandboxDepositInput,
        answers=schemas.UsdcDeposit,
        status=201,
        refuses=(403, 404, 409),
        example={"address": schemas.ADDRESS, "amount": "25.00"},
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Plays the payer's wallet and the chain. With `tx_hash` it says what becomes of a transfer
        that was sent before: more `confirmations`, or `reorg`."""
        wanted = self.read(SandboxDepositInput)
        return self.run(
            lambda: _send(self.merchant, wanted),
            lambda row: usdc_representations.usdc_deposit(
                transfer_of(self.merchant, row.public_id)
            ),
            steps=True,
        )


def _send(merchant: Merchant, wanted: SandboxDepositInput) -> Transfer:
    if wanted.tx_hash:
        transfer = _known(merchant, wanted.tx_hash)
        if transfer.status not in {"detected", "confirmed"}:
            raise InvalidState(
                f"This transfer is {transfer.status}: nothing changes that.",
                details={"status": transfer.status},
            )
    else:
        count = wanted.confirmations
        seen = rehearsed.send(
            _address(merchant, wanted.address),
            money.to_minor(wanted.amount or Decimal(0), money.asset(USDC).decimals),
            confirmations=SANDBOX.confirmations if count is None else count,
            token=_contract(wanted.token) if wanted.token else SANDBOX.token,
            sender=_contract(wanted.sender, "sender") if wanted.sender else "",
        )
        if seen is None:
            raise InvalidState("Too many other tokens were sent to this address already.")
        transfer = seen
    if wanted.reorg:
        return transfers.orphan(transfer.pk)
    if wanted.tx_hash and wanted.confirmations is not None:
        is_final = wanted.confirmations >= BLOCKS_TO_FINALITY
        return transfers.recount(transfer.pk, wanted.confirmations, is_final, SANDBOX.confirmations)
    return transfer


def _address(merchant: Merchant, text: str) -> DepositAddress:
    """The address that is meant, by its text in whatever letters. Raises NotFound."""
    try:
        written = addresses.checksummed(text)
    except ValueError:
        written = ""
    row = merchant.deposit_addresses.filter(address=written).first() if written else None
    if row is None:
        raise NotFound(f"No payer of yours was shown the address {text}.")
    return row


def _known(merchant: Merchant, tx_hash: str) -> Transfer:
    rows = merchant.transfers.filter(network=SANDBOX.caip2, tx_hash=tx_hash.lower())
    row = rows.exclude(status=TransferStatus.ORPHANED).first() or rows.first()
    if row is None:
        raise NotFound(f"There is no sandbox transfer {tx_hash}.")
    return row


def _contract(text: str, field: str = "token") -> str:
    try:
        return addresses.checksummed(text)
    except ValueError as problem:
        raise ValidationFailed([(field, f"must be right: {problem}")]) from None
