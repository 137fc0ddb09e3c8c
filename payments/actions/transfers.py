"""The verbs of what is seen on a chain: a transfer appears, is counted, is final, or is gone.

Every one locks the invoice first, then the payment, then the transfer, then the ledger's accounts.
None of them asks a chain: see payments/watching.py for what does.
"""

from datetime import datetime, timedelta

from invoicing import clock, events
from invoicing.actions.action import action
from invoicing.errors import Conflict, InvalidState, NotFound
from invoicing.models import Invoice, Merchant
from payments import arriving, authorizing, matching, quoting, seen
from payments.chain.rehearsal import BLOCKS_TO_FINALITY, SANDBOX
from payments.models import DepositAddress, Payment, Transfer, TransferStatus
from payments.seen import Sighting

Match = Transfer.Match
# Tokens that nobody asked for can be sent by anybody, at no cost: more than these are not kept.
MOST_WRONG_TOKENS = 20
# How much a chain's time may be behind ours.
CLOCKS_DIFFER = timedelta(minutes=2)


@action
def observe(address_pk: int, sighting: Sighting) -> Transfer | None:
    """Write down a transfer that stands in a block of the chain, and what follows from it.

    Seen again it is counted further. The same log in another block is another inclusion: the one
    before has never happened. None for what is not kept.
    """
    address = DepositAddress.objects.select_related("merchant").get(pk=address_pk)
    known = _live(address, sighting)
    if known is None and (
        matching.is_anothers(address, sighting) or _was_before(address, sighting)
    ):
        return None
    invoice_pk = _invoice_of(known) if known else matching.candidate(address, sighting)
    invoice = Invoice.objects.locked().get(pk=invoice_pk) if invoice_pk else None
    known = _live(address, sighting)
    if known is not None and known.block_hash != sighting.block_hash:
        _orphan(_locked(known.pk, invoice), invoice)
        known = None
    if known is None:
        if (
            not sighting.is_usdc
            and address.transfers.filter(match=Match.WRONG_TOKEN).count() >= MOST_WRONG_TOKENS
        ):
            return None
        transfer = _appear(address, invoice, sighting)
    else:
        transfer = _locked(known.pk, invoice)
    _count(transfer, invoice, sighting.confirmations, sighting.is_final, sighting.needed)
    return transfer


@action
def recount(transfer_pk: int, confirmations: int, is_final: bool, needed: int) -> Transfer:
    """Count how many blocks stand on a transfer now; it only moves forward."""
    invoice = _locked_invoice(transfer_pk)
    transfer = _locked(transfer_pk, invoice)
    _count(transfer, invoice, confirmations, is_final, needed)
    return transfer


@action
def orphan(transfer_pk: int) -> Transfer:
    """Its block is not part of the chain any more: undo what followed from it."""
    invoice = _locked_invoice(transfer_pk)
    transfer = _locked(transfer_pk, invoice)
    if transfer.status in seen.UNSURE:
        _orphan(transfer, invoice)
    return transfer


@action
def move_on(transfer_pk: int) -> bool:
    """Let a rehearsed transfer go on, as blocks would have come since on its merchant's clock."""
    invoice = _locked_invoice(transfer_pk)
    transfer = _locked(transfer_pk, invoice)
    at = clock.now(transfer.merchant)
    if transfer.moves_at is None or transfer.moves_at > at or transfer.status not in seen.UNSURE:
        return False
    if transfer.status == TransferStatus.DETECTED:
        _count(transfer, invoice, SANDBOX.confirmations, False, SANDBOX.confirmations)
    else:
        _count(transfer, invoice, BLOCKS_TO_FINALITY, True, SANDBOX.confirmations)
    return True


@action
def assign(transfer_pk: int, invoice_pk: int) -> Transfer:
    """Let a transfer that fits nothing by itself pay this invoice: its merchant says that it does.

    Raises Conflict for one that pays another invoice, InvalidState for one that is set aside by
    now, or for an invoice that asks for nothing.
    """
    invoice = Invoice.objects.locked().get(pk=invoice_pk)
    transfer = _locked(transfer_pk, None)
    if transfer.payment is not None:
        number = transfer.payment.invoice.number
        raise Conflict(f"This transaction pays {number} already.")
    if transfer.deposit is not None:
        raise InvalidState(
            f"This money was set aside: match {transfer.public_id} to the invoice instead.",
            details={"deposit_id": transfer.public_id},
        )
    if invoice.status not in matching.PAYABLE or not invoice.amount_due:
        raise InvalidState(
            f"This invoice is {invoice.status}, so nothing can pay it.",
            details={"status": invoice.status},
        )
    transfer.request = quoting.request_for(invoice, transfer.address, invoice.amount_due)
    transfer.match = Match.INVOICE
    transfer.payment = arriving.begin(invoice, transfer)
    if transfer.status == TransferStatus.CONFIRMED:
        _confirmed(transfer, invoice)
    transfer.save()
    return transfer


@action
def dismiss(merchant: Merchant, transfer_id: str) -> Transfer:
    """Let a transfer of another token be seen no more among what waits for the merchant."""
    transfer = merchant.transfers.select_for_update().filter(public_id=transfer_id).first()
    if transfer is None:
        raise NotFound(f"There is no USDC deposit {transfer_id}.")
    if transfer.match != Match.WRONG_TOKEN:
        raise InvalidState("Only another token can be dismissed: this is money.")
    if transfer.dismissed_at is None:
        transfer.dismissed_at = clock.now(merchant)
        transfer.save(update_fields=["dismissed_at"])
    return transfer


def _appear(address: DepositAddress, invoice: Invoice | None, sighting: Sighting) -> Transfer:
    at = clock.now(address.merchant)
    transfer = Transfer(
        merchant=address.merchant,
        address=address,
        match=Match.UNMATCHED if sighting.is_usdc else Match.WRONG_TOKEN,
        network=sighting.network,
        tx_hash=sighting.tx_hash,
        log_index=sighting.log_index,
        block_number=sighting.block_number,
        block_hash=sighting.block_hash,
        mined_at=sighting.mined_at,
        token=sighting.token,
        sender=sighting.sender,
        amount=sighting.amount if sighting.is_usdc else 0,
        token_amount="" if sighting.is_usdc else str(sighting.amount),
        created_at=at,
        updated_at=at,
    )
    if sighting.is_usdc:
        _match(transfer, address, invoice, sighting.nonces)
    transfer.save(force_insert=True)
    return transfer


def _match(
    transfer: Transfer, address: DepositAddress, invoice: Invoice | None, nonces: frozenset[str]
) -> None:
    found = matching.fit(address, invoice, transfer)
    if found.invoice is None:
        return
    transfer.match, transfer.request = Match.INVOICE, found.request
    signed = matching.authorized(transfer, found.invoice, nonces)
    if signed is None:
        transfer.payment = arriving.begin(found.invoice, transfer)
    elif hasattr(signed.payment, "transfer"):
        # Included again in another block, what it was before is gone with that one.
        transfer.payment = arriving.begin(found.invoice, transfer, signed.payment.rail)
        authorizing.carry_over(signed, transfer.payment)
    else:
        transfer.payment = signed.payment


def _count(
    transfer: Transfer, invoice: Invoice | None, confirmations: int, is_final: bool, needed: int
) -> None:
    if transfer.status not in seen.UNSURE:
        return
    at = clock.now(transfer.merchant)
    transfer.updated_at = at
    transfer.confirmations = max(confirmations, transfer.confirmations)
    if transfer.status == TransferStatus.DETECTED and (confirmations >= needed or is_final):
        transfer.confirm(at)
        _confirmed(transfer, invoice)
    if transfer.status == TransferStatus.CONFIRMED and is_final:
        transfer.finalize(at)
        _final(transfer, invoice)
    transfer.moves_at = _moves_at(transfer, at)
    transfer.save()


def _confirmed(transfer: Transfer, invoice: Invoice | None) -> None:
    if transfer.payment is not None and invoice is not None:
        # A settlement that its facilitator has told of may have counted it before.
        if transfer.payment.status in seen.STILL_TO_COME:
            arriving.succeed(invoice, transfer.payment, transfer)
    elif transfer.match == Match.WRONG_TOKEN:
        events.record("invoice.usdc_unmatched", transfer)


def _final(transfer: Transfer, invoice: Invoice | None) -> None:
    if transfer.payment is not None:
        arriving.let_go(transfer.payment)
    elif transfer.match == Match.UNMATCHED:
        found = matching.fit(transfer.address, invoice, transfer)
        transfer.deposit = arriving.set_aside(transfer, found.reason or "no_invoice")
        events.record("invoice.usdc_unmatched", transfer)


def _orphan(transfer: Transfer, invoice: Invoice | None) -> None:
    at = clock.now(transfer.merchant)
    payment = transfer.payment
    transfer.orphan(at)
    transfer.updated_at, transfer.moves_at = at, None
    transfer.save()
    if payment is not None and invoice is not None:
        arriving.take_back(invoice, payment, transfer)


def _moves_at(transfer: Transfer, at: datetime) -> datetime | None:
    """When a rehearsed transfer is next looked at; a real chain says so itself."""
    if transfer.network != SANDBOX.caip2 or transfer.status not in seen.UNSURE:
        return None
    detected = transfer.status == TransferStatus.DETECTED
    left = SANDBOX.confirmations - transfer.confirmations if detected else BLOCKS_TO_FINALITY
    return at + timedelta(seconds=SANDBOX.block_seconds * left)


def _live(address: DepositAddress, sighting: Sighting) -> Transfer | None:
    rows = address.merchant.transfers.exclude(status=TransferStatus.ORPHANED)
    return rows.filter(
        network=sighting.network, tx_hash=sighting.tx_hash, log_index=sighting.log_index
    ).first()


def _was_before(address: DepositAddress, sighting: Sighting) -> bool:
    """Whether it was there before the address was given out: then it is no answer to that."""
    return sighting.mined_at < address.created_at - CLOCKS_DIFFER


def _invoice_of(transfer: Transfer) -> int | None:
    if transfer.payment_id is None:
        return transfer.address.invoice_id
    return Payment.objects.values_list("invoice_id", flat=True).get(pk=transfer.payment_id)


def _locked_invoice(transfer_pk: int) -> Invoice | None:
    transfer = Transfer.objects.select_related("address").get(pk=transfer_pk)
    pk = _invoice_of(transfer)
    return Invoice.objects.locked().get(pk=pk) if pk else None


def _locked(transfer_pk: int, invoice: Invoice | None) -> Transfer:
    """The transfer and its payment, whose invoice is locked already."""
    payment_pk = Transfer.objects.values_list("payment_id", flat=True).get(pk=transfer_pk)
    payment = None
    if payment_pk:
        payment = (
            Payment.objects.select_related("merchant", "wallet")
            .select_for_update(of=("self",))
            .get(pk=payment_pk)
        )
        if invoice is not None:
            payment.invoice = invoice
    transfer = (
        Transfer.objects.select_related("merchant", "address", "request")
        .select_for_update(of=("self",))
        .get(pk=transfer_pk)
    )
    transfer.payment = payment
    return transfer
