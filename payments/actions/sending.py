"""The verbs of USDC that goes back: it is seen on its chain, final there, or called off.

Every one locks the refund's invoice, payment, deposit and the refund, as refunds do, and the
payout after them.
"""

from invoicing import clock
from invoicing.actions.action import action
from invoicing.errors import InvalidState, NotFound
from invoicing.models import Merchant
from payments import bookings, refunding
from payments.models import REFUNDS_UNFINISHED, Refund, UsdcPayout
from payments.seen import Sighting

Status = UsdcPayout.Status


@action
def recognise(sighting: Sighting, recipient: str) -> UsdcPayout | None:
    """The refund that a transfer brings back, if one waits for exactly so much: the oldest."""
    if not sighting.is_usdc:
        return None
    seen_before = UsdcPayout.objects.filter(
        network=sighting.network, tx_hash=sighting.tx_hash, log_index=sighting.log_index
    )
    if seen_before.exists():
        return None
    row = (
        UsdcPayout.objects.select_for_update(of=("self",))
        .filter(
            network=sighting.network,
            address=recipient,
            units=sighting.amount,
            status=Status.WAITING,
            after_block__lt=sighting.block_number,
        )
        # Nobody pays themselves, and no payer sends back what they are to get back.
        .exclude(address=sighting.sender)
        .exclude(refund__payment__transfer__sender=sighting.sender)
        .exclude(refund__deposit__transfer__sender=sighting.sender)
        .order_by("pk")
        .first()
    )
    if row is not None:
        row.status = Status.SEEN
        row.tx_hash, row.log_index = sighting.tx_hash, sighting.log_index
        row.block_number, row.block_hash = sighting.block_number, sighting.block_hash
        row.updated_at = clock.wall()
        row.save()
    return row


@action
def arrive(payout_pk: int) -> Refund:
    """A refund has reached its payer for good: book it, and tell of it."""
    refund = refunding.locked(
        UsdcPayout.objects.values_list("refund_id", flat=True).get(pk=payout_pk)
    )
    row = UsdcPayout.objects.select_for_update().get(pk=payout_pk)
    if row.status != Status.SEEN or refund.status not in REFUNDS_UNFINISHED:
        return refund
    row.refund = refund
    row.status, row.updated_at = Status.DONE, clock.now(refund.merchant)
    row.save()
    refund.provider_reference = f"{row.network}:{row.tx_hash}:{row.log_index}"
    refunding.complete(refund)
    bookings.book_sent(row)
    return refund


@action
def lose_sight(payout_pk: int) -> None:
    """The block that held it was replaced: it is waited for again."""
    row = UsdcPayout.objects.select_for_update().get(pk=payout_pk)
    if row.status == Status.SEEN:
        row.status, row.tx_hash, row.log_index = Status.WAITING, "", None
        row.block_number, row.block_hash = None, ""
        row.updated_at = clock.wall()
        row.save()


@action
def cancel_payout(merchant: Merchant, refund_id: str) -> Refund:
    """Call off a refund in USDC that nobody has signed yet: its money can be refunded again.

    Raises NotFound, and InvalidState for one that was seen on its chain.
    """
    found = UsdcPayout.objects.filter(merchant=merchant, refund__public_id=refund_id).first()
    if found is None:
        raise NotFound(f"There is no refund {refund_id} in USDC.")
    refund = refunding.locked(found.refund_id)
    row = UsdcPayout.objects.select_for_update().get(pk=found.pk)
    if row.status != Status.WAITING:
        raise InvalidState(
            f"This refund has been {row.get_status_display().lower()} already.",
            details={"status": row.status},
        )
    row.status, row.updated_at = Status.CANCELED, clock.now(merchant)
    row.save()
    refunding.release(refund, "canceled", "The merchant called this refund off.")
    return refund
