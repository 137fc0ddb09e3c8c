"""Signed authorizations: whether one is known, and what becomes of it with its transfer.

Everything here happens in the caller's transaction, under the locks of the invoice, the payment
and the transfer.
"""

from invoicing import clock
from invoicing.errors import Conflict
from invoicing.models import Invoice
from payments.chain.networks import Network
from payments.models import Authorization, Payment, Transfer
from payments.x402_signed import IDENTIFIER, Signed

Status = Authorization.Status


def earlier(network: Network, signed: Signed) -> Authorization | None:
    """The row of this permission, whatever it was given for. Its payment's invoice comes along."""
    rows = Authorization.objects.select_related("payment__invoice__merchant")
    return rows.filter(
        network=network.caip2, token=network.token, payer=signed.payer, nonce=signed.nonce
    ).first()


def must_be_the_same(known: Authorization, invoice: Invoice, signed: Signed) -> None:
    """Raises Conflict unless this is what was sent before, for the same invoice."""
    said = {"signature": signed.signature, "authorization": signed.authorization}
    if known.payment.invoice_id != invoice.pk or known.payload["payload"] != said:
        raise used_elsewhere()
    identifier = known.payload.get("extensions", {}).get(IDENTIFIER, {}).get("info", {}).get("id")
    if signed.identifier and identifier not in (None, signed.identifier):
        raise Conflict("This payment was sent before under another payment identifier.")


def must_be_a_new_identifier(invoice: Invoice, signed: Signed) -> None:
    """Raises Conflict where another payment to this invoice goes by the same identifier."""
    if not signed.identifier:
        return
    rows = Authorization.objects.filter(payment__invoice=invoice)
    for payload in rows.values_list("payload", flat=True):
        info = payload.get("extensions", {}).get(IDENTIFIER, {}).get("info", {})
        if info.get("id") == signed.identifier:
            raise Conflict("This payment identifier was used with a different payment.")


def used_elsewhere() -> Conflict:
    """What to raise for a permission that was given for something else."""
    return Conflict(
        "This authorization was sent for another payment before; sign a new one, with a nonce of "
        "its own."
    )


def settlement_of(invoice: Invoice) -> dict[str, object] | None:
    """What the payer of a paid invoice was told, if they paid by x402."""
    rows = Authorization.objects.filter(payment__invoice=invoice, status=Status.SETTLED)
    row = rows.order_by("-pk").first()
    return dict(row.settlement) if row else None


def settled(payment: Payment, transfer: Transfer) -> None:
    """The chain holds its transfer: what the payer is told from now on, every time."""
    row = _of(payment)
    if row is None:
        return
    row.status = Status.SETTLED
    row.tx_hash = transfer.tx_hash
    row.settlement = {
        "success": True,
        "payer": row.payer,
        "transaction": transfer.tx_hash,
        "network": row.network,
        "amount": str(transfer.amount),
    }
    _save(row)


def lost(payment: Payment) -> None:
    """The block that held its transfer was replaced: it may be used again, by anybody."""
    row = _of(payment)
    if row is None:
        return
    row.status = Status.PENDING
    row.settlement = {}
    row.next_look_at = clock.wall()
    _save(row)


def carry_over(row: Authorization, payment: Payment) -> None:
    """Its transfer was included again in another block: another payment is what it pays now."""
    row.payment = payment
    row.save(update_fields=["payment"])


def _of(payment: Payment) -> Authorization | None:
    return Authorization.objects.select_for_update().filter(payment=payment).first()


def _save(row: Authorization) -> None:
    row.updated_at = clock.wall()
    if row.status != Status.PENDING:
        row.next_look_at = None
    row.save(
        update_fields=["status", "tx_hash", "settlement", "next_look_at", "looks_made"]
        + ["updated_at"]
    )
