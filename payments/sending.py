"""USDC on its way back: what a merchant is asked to sign in a wallet of their own.

Everything here happens in the caller's transaction, under the lock of the invoice or the deposit.
"""

from invoicing import clock
from invoicing.errors import ValidationFailed
from invoicing.models import Merchant
from payments import receiving
from payments.chain import keys
from payments.models import ChainCursor, Deposit, Payment, Refund, Transfer, UsdcPayout

Status = UsdcPayout.Status


def ask_for_payout(refund: Refund, address: str, chain: str) -> UsdcPayout:
    """Write down where a refund's USDC is to go, and how much; the merchant signs it elsewhere.

    On the chain by which it came, unless another is named. Raises ValidationFailed.
    """
    merchant = refund.merchant
    came = refund.came
    network = _network(merchant, chain, _transfer_of(came))
    if not address:
        raise ValidationFailed(
            [("address", "is needed: USDC goes back to an address that its payer names")]
        )
    try:
        destination = keys.parse_address(address)
    except keys.BadKey as problem:
        raise ValidationFailed([("address", str(problem))]) from None
    if merchant.deposit_addresses.filter(address=destination).exists():
        raise ValidationFailed([("address", "is one of your own deposit addresses")])
    at = clock.now(merchant)
    cursor = ChainCursor.objects.filter(network=network).first()
    return UsdcPayout.objects.create(
        refund=refund,
        merchant=merchant,
        network=network,
        address=destination,
        units=units_of(came, refund.amount),
        after_block=cursor.block_number if cursor else 0,
        created_at=at,
        updated_at=at,
    )


def units_of(came: Payment | Deposit, amount: int) -> int:
    """USDC units for an amount of money that came as USDC: its share of what came.

    So whoever paid a little less than was asked for, within a tolerance, gets no more back.
    """
    if isinstance(came, Deposit):
        return amount
    brought = _transfer_of(came)
    return amount * brought.amount // came.received if brought and came.received else amount


def awaited(network: str) -> list[str]:
    """The addresses on a chain to which a merchant is to send something back."""
    rows = UsdcPayout.objects.filter(network=network, status__in=[Status.WAITING, Status.SEEN])
    return list(rows.values_list("address", flat=True).distinct())


def on_their_way(network: str) -> list[tuple[int, int, str]]:
    """What was seen on a chain and is not final yet: id, number and hash of its block."""
    rows = UsdcPayout.objects.filter(network=network, status=Status.SEEN)
    return [
        (pk, number or 0, block_hash)
        for pk, number, block_hash in rows.values_list("pk", "block_number", "block_hash")
    ]


def _transfer_of(came: Payment | Deposit) -> Transfer | None:
    transfer: Transfer | None = getattr(came, "transfer", None)
    if transfer is None and isinstance(came, Payment):
        deposit = getattr(came, "matched_deposit", None)
        transfer = getattr(deposit, "transfer", None)
    return transfer


def _network(merchant: Merchant, chain: str, transfer: Transfer | None) -> str:
    if not chain and transfer is not None:
        return transfer.network
    return receiving.chosen_network(merchant, chain).caip2
