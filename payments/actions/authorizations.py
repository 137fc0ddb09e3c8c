"""The verbs of signed authorizations: begin one, look after it, give it up.

Every one locks the invoice first, then the payment, then the authorization. None of them asks a
chain or a facilitator: see payments/x402_flow.py for what does.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction

from invoicing import clock
from invoicing.actions.action import action
from invoicing.errors import Conflict
from invoicing.models import Invoice
from payments import authorizing, quoting, receiving, settling
from payments.attempts import LOOK_AGAIN, MAX_ATTEMPTS
from payments.chain.networks import Network
from payments.models import IN_FLIGHT, Authorization, Payment
from payments.rails.rail import Outcome, State
from payments.wallets import receiving_wallet
from payments.x402_signed import Signed, check
from payments.x402_terms import requirements, seconds_left, url_of

Status = Authorization.Status
# Whoever has begun is given so long to hear from the facilitator and the chain.
LEASE: Final = timedelta(seconds=60)


@action
def begin_authorization(
    invoice_pk: int, signed: Signed, network: Network
) -> tuple[Authorization, bool]:
    """Write an authorization and its payment down before anybody is asked to use it; whether it
    is new. The invoice waits for it from now on.

    Raises Conflict for one that was given for something else, InvalidState for an invoice that
    asks for nothing, PaymentRefused where the invoice asks for something else by now.
    """
    invoice = Invoice.objects.locked().get(pk=invoice_pk)
    known = authorizing.earlier(network, signed)
    if known is not None:
        authorizing.must_be_the_same(known, invoice, signed)
        return known, False
    authorizing.must_be_a_new_identifier(invoice, signed)
    due = receiving.still_due(invoice)
    if invoice.payments.count() >= MAX_ATTEMPTS:
        raise Conflict("There were too many attempts to pay this invoice; ask the merchant.")
    request = quoting.request_for(invoice, receiving.address_for(invoice), due)
    wanted = requirements(network, request, seconds_left(invoice, request))
    check(signed, wanted, int(clock.wall().timestamp()))
    at = clock.now(invoice.merchant)
    payment = Payment(
        merchant=invoice.merchant,
        invoice=invoice,
        wallet=receiving_wallet(invoice),
        rail="x402",
        currency=invoice.currency,
        amount=due,
        method={"type": "x402", "network": network.caip2, "sender": signed.payer},
        created_at=at,
        updated_at=at,
        asked_at=clock.wall(),
    )
    payment.save(force_insert=True)
    settling.in_flight(invoice, payment, Outcome(State.PROCESSING))
    row = Authorization(
        payment=payment,
        network=network.caip2,
        token=network.token,
        payer=signed.payer,
        nonce=signed.nonce,
        units=signed.units,
        valid_before=datetime.fromtimestamp(signed.valid_before, UTC),
        payload=signed.payload(wanted, url_of(invoice)),
        requirements=wanted,
        created_at=clock.wall(),
        updated_at=clock.wall(),
        next_look_at=clock.wall() + LEASE,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise authorizing.used_elsewhere() from None
    return row, True


@action
def begin_look(authorization_pk: int) -> Authorization | None:
    """Take one's turn at finding out what became of an authorization; None if it is not due."""
    row = Authorization.objects.select_for_update().get(pk=authorization_pk)
    now = clock.wall()
    if row.status != Status.PENDING or row.next_look_at is None or row.next_look_at > now:
        return None
    # While it runs the lease holds, and afterwards the pause does.
    row.looks_made += 1
    row.next_look_at = now + max(LEASE, LOOK_AGAIN[min(row.looks_made, 3)])
    row.save(update_fields=["looks_made", "next_look_at"])
    return row


@action
def end_look(authorization_pk: int, transaction_hash: str = "") -> None:
    """Remember where a facilitator says that it was used, and look again after a while."""
    row = Authorization.objects.select_for_update().get(pk=authorization_pk)
    if row.status != Status.PENDING:
        return
    row.tx_hash = transaction_hash or row.tx_hash
    row.next_look_at = clock.wall() + LOOK_AGAIN[min(row.looks_made, 3)]
    row.save(update_fields=["tx_hash", "next_look_at"])


@action
def fail_authorization(authorization_pk: int, reason: str, message: str) -> Authorization:
    """Nothing has moved and nothing will: the invoice asks again.

    Should it move after all, the transfer is found like any other and pays.
    """
    pk, invoice_pk = Authorization.objects.values_list("payment_id", "payment__invoice_id").get(
        pk=authorization_pk
    )
    invoice = Invoice.objects.locked().get(pk=invoice_pk)
    payment = (
        Payment.objects.select_related("merchant", "wallet")
        .select_for_update(of=("self",))
        .get(pk=pk)
    )
    row = Authorization.objects.select_for_update().get(pk=authorization_pk)
    if row.status != Status.PENDING:
        return row
    row.status = Status.FAILED
    row.settlement = {
        "success": False,
        "errorReason": reason,
        "payer": row.payer,
        "transaction": "",
        "network": row.network,
    }
    row.next_look_at = None
    row.updated_at = clock.wall()
    row.save()
    if payment.status in IN_FLIGHT:
        payment.updated_at = clock.now(invoice.merchant)
        outcome = Outcome(State.FAILED, failure_code=reason[:60], failure_message=message[:300])
        settling.end(invoice, payment, outcome)
    return row
