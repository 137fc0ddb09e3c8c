"""Transfers of the sandbox's chain: what a payer's wallet and a node would have shown."""

from invoicing import clock, ids
from invoicing.models import Merchant
from payments.actions import sending, transfers
from payments.chain.addresses import checksummed
from payments.chain.rehearsal import BLOCKS_TO_FINALITY, SANDBOX
from payments.models import DepositAddress, Refund, Transfer, UsdcPayout
from payments.seen import Sighting


def send(
    address: DepositAddress,
    units: int,
    *,
    confirmations: int = SANDBOX.confirmations,
    token: str = SANDBOX.token,
    sender: str = "",
) -> Transfer | None:
    """Let so many units of a token arrive at an address; None for what is not kept."""
    return transfers.observe(
        address.pk, sighting(address.merchant, units, confirmations, token, sender)
    )


def sighting(
    merchant: Merchant, units: int, confirmations: int, token: str, sender: str
) -> Sighting:
    """A transfer in a block of its own, on which so many blocks stand by now."""
    at = clock.now(merchant)
    return Sighting(
        network=SANDBOX.caip2,
        tx_hash="0x" + ids.random_bytes(32).hex(),
        log_index=0,
        block_number=int(at.timestamp() // SANDBOX.block_seconds) - confirmations,
        block_hash="0x" + ids.random_bytes(32).hex(),
        mined_at=at,
        token=token,
        sender=sender or checksummed("0x" + ids.random_bytes(20).hex()),
        amount=units,
        is_usdc=token == SANDBOX.token,
        confirmations=confirmations,
        is_final=confirmations >= BLOCKS_TO_FINALITY,
        needed=SANDBOX.confirmations,
    )


def send_back(payout: UsdcPayout) -> Refund | None:
    """Let a payout be signed and become final at once; None where it is waited for no more."""
    sent = sighting(payout.merchant, payout.units, BLOCKS_TO_FINALITY, SANDBOX.token, "")
    seen = sending.recognise(sent, payout.address)
    return sending.arrive(seen.pk) if seen is not None else None
