"""The verbs of a payer's wish for money back: they ask for it, and the merchant decides.

Every one locks the invoice first, then the claim, then the payments and deposits it is about.
"""

from datetime import timedelta
from typing import Final

from invoicing import clock, events, mail
from invoicing.actions.action import action
from invoicing.errors import Conflict, InvalidState, NotFound, ValidationFailed
from invoicing.models import Invoice, Merchant
from invoicing.representations import public_url
from payments import left_over, receiving, refunding, sending, setting_aside
from payments.chain import keys
from payments.inputs import RefundInput
from payments.left_over import LeftOver
from payments.models import Deposit, Payment, RefundClaim
from payments.usdc_inputs import ClaimInput
from payments.usdc_representations import network_of

Status, Wish = RefundClaim.Status, RefundClaim.Wish
# Each mails the merchant, so it may not be had for ever.
CLAIMS_A_DAY: Final = 3


@action
def claim(invoice_pk: int, wanted: ClaimInput) -> RefundClaim:
    """Keep what the payer wants to become of money that is left over, and tell the merchant.

    Raises InvalidState where nothing is left over, ValidationFailed for an address that nothing
    can be sent to, Conflict while an earlier claim waits or after too many of them in a day.
    """
    invoice = Invoice.objects.locked().get(pk=invoice_pk)
    merchant = invoice.merchant
    at = clock.now(merchant)
    earlier = invoice.refund_claims.all()
    if earlier.filter(status=Status.OPEN).exists():
        raise Conflict("What was asked for before has not been decided yet.")
    if earlier.filter(created_at__gt=at - timedelta(days=1)).count() >= CLAIMS_A_DAY:
        raise Conflict("Enough was asked for on this invoice today; write to the seller.")
    found = _left_over(invoice)
    if not found:
        raise InvalidState(
            "Nothing that came for this invoice is left over, so nothing can be asked for.",
            details={"status": invoice.status},
        )
    row = RefundClaim(
        merchant=merchant, invoice=invoice, wish=wanted.wish, note=wanted.note, created_at=at
    )
    if row.wish == Wish.REFUND:
        row.network, row.address = _where_to(merchant, wanted)
    elif invoice.customer is None:
        raise ValidationFailed([("wish", "must be refund: only a customer can have credit")])
    row.save(force_insert=True)
    events.record("invoice.refund_claimed", row)
    network = network_of(row.network)
    context = {
        "merchant_name": merchant.name,
        "number": str(invoice),
        "asked_by": invoice.recipient_name or invoice.recipient_email or str(invoice),
        "address": row.address,
        "chain": network.name if network else row.network,
        "note": row.note,
        "url": public_url(f"/dashboard/invoices/{invoice.public_id}/"),
    }
    mail.queue_to_owners(merchant, "claim", context)
    return row


@action
def accept_claim(merchant: Merchant, claim_id: str) -> RefundClaim:
    """Do what the payer has asked for: promise it back to their address, or keep it as credit.

    What goes back waits for the merchant to sign it, a payout for each way it came. Raises
    NotFound, and InvalidState where it was decided before or nothing is left over meanwhile.
    """
    row, invoice = _open_claim(merchant, claim_id)
    payments = list(
        Payment.objects.select_related("merchant", "wallet")
        .select_for_update(of=("self",))
        .filter(invoice=invoice)
        .order_by("pk")
    )
    for payment in payments:
        payment.invoice = invoice
    deposits = list(
        Deposit.objects.select_related("merchant")
        .select_for_update(of=("self",))
        .filter(pk__in=[one.pk for one in left_over.deposits_of(invoice.pk)])
        .order_by("pk")
    )
    found = left_over.left_over(invoice.status, payments, deposits)
    row.answered_at = clock.now(merchant)
    done = _give_back(row, found) if row.wish == Wish.REFUND else _keep(row, found)
    if not done:
        raise InvalidState(
            "Nothing of this money is left any more; decline it and say what became of it.",
            details={"status": row.status},
        )
    row.status = Status.ACCEPTED
    row.save()
    return row


@action
def decline_claim(merchant: Merchant, claim_id: str, note: str = "") -> RefundClaim:
    """Leave the money where it is; the note is shown to the payer in place of their own.

    Raises NotFound, InvalidState where it was decided before.
    """
    row, _invoice = _open_claim(merchant, claim_id)
    row.status, row.note, row.answered_at = Status.DECLINED, note, clock.now(merchant)
    row.save()
    return row


def _left_over(invoice: Invoice) -> LeftOver:
    return left_over.left_over(
        invoice.status, invoice.payments.all(), left_over.deposits_of(invoice.pk)
    )


def _where_to(merchant: Merchant, wanted: ClaimInput) -> tuple[str, str]:
    """The network and the address that were asked for. Raises ValidationFailed."""
    network = receiving.chosen_network(merchant, wanted.chain)
    try:
        address = keys.parse_address(wanted.address)
    except keys.BadKey as problem:
        raise ValidationFailed([("address", str(problem))]) from None
    if merchant.deposit_addresses.filter(address=address).exists():
        raise ValidationFailed([("address", "must be your own: this is one of the seller's")])
    return network.caip2, address


def _give_back(row: RefundClaim, found: LeftOver) -> int:
    """Promise all of it back to the address of the claim; how many refunds that makes."""
    network = network_of(row.network)
    chain = network.key if network else ""
    to = {"address": row.address, "chain": chain, "destination": "original"}
    done = 0
    for payment in found.surpluses:
        if refunding.credit_left(payment):
            refunding.promise_credit_back(payment, RefundInput(reason="overpayment", **to), None)
            done += 1
    for payment in found.parts:
        only = RefundInput(payment_id=payment.public_id, **to)
        done += len(refunding.promise_refunds(row.invoice, only, None))
    for deposit in found.deposits:
        refund = refunding.begin_for_deposit(deposit, deposit.left)
        sending.ask_for_payout(refund, row.address, chain)
        done += 1
    return done


def _keep(row: RefundClaim, found: LeftOver) -> int:
    """Keep all of it as the payer's credit, which a surplus is already; how much of it there is."""
    invoice = row.invoice
    for payment in found.parts:
        only = RefundInput(payment_id=payment.public_id, destination="credit_balance")
        refunding.promise_refunds(invoice, only, None)
    for deposit in found.deposits:
        if invoice.customer is not None:
            setting_aside.keep_as_credit(deposit, invoice.customer)
    return len(found.surpluses) + len(found.parts) + len(found.deposits)


def _open_claim(merchant: Merchant, claim_id: str) -> tuple[RefundClaim, Invoice]:
    known = merchant.refund_claims.filter(public_id=claim_id).values_list("invoice_id", "pk")
    found = known.first()
    if found is None:
        raise NotFound(f"There is no refund claim {claim_id}.")
    invoice = Invoice.objects.locked().get(pk=found[0])
    row = RefundClaim.objects.select_for_update(of=("self",)).get(pk=found[1])
    row.invoice, row.merchant = invoice, invoice.merchant
    if row.status != Status.OPEN:
        raise InvalidState(
            f"This refund claim has been {row.status} already.", details={"status": row.status}
        )
    return row, invoice
