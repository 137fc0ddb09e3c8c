"""Which invoice a transfer pays, and how much of it: nothing is ever made to fit.

Everything here happens in the caller's transaction, under the invoice's lock.
"""

from dataclasses import dataclass

from django.db.models import Sum

from invoicing import clock
from invoicing.models import Invoice
from payments.models import (
    Authorization,
    Deposit,
    DepositAddress,
    Transfer,
    TransferStatus,
    UsdcRequest,
)
from payments.quoting import policy_of
from payments.seen import Sighting
from payments.setting_aside import MATCHABLE

# Money in flight keeps an invoice from nothing but from closing.
PAYABLE = MATCHABLE | {"paying", "paid"}


@dataclass(frozen=True, slots=True)
class Fit:
    """The invoice that a transfer pays, at the rate of a request; else why it fits none."""

    invoice: Invoice | None = None
    request: UsdcRequest | None = None
    reason: str = ""


def candidate(address: DepositAddress, sighting: Sighting) -> int | None:
    """The id of the invoice that a transfer to this address would pay; None if there is none.

    Reads only, so that the invoice can be locked before anything else is decided.
    """
    if address.invoice_id is not None:
        return address.invoice_id
    if (signed := _signed(sighting)) is not None:
        return signed.payment.invoice_id
    invoices = _asking(address, sighting.amount if sighting.is_usdc else 0)
    return invoices[0] if len(invoices) == 1 else None


def is_anothers(address: DepositAddress, sighting: Sighting) -> bool:
    """Whether its payer has signed it for another merchant, who has given out the same address."""
    signed = _signed(sighting)
    return signed is not None and signed.payment.merchant_id != address.merchant_id


def fit(address: DepositAddress, invoice: Invoice | None, transfer: Transfer) -> Fit:
    """Whether the transfer pays this locked invoice, and at which rate."""
    if invoice is None:
        several = len(_asking(address, transfer.amount)) > 1
        reasons = Deposit.Reason
        return Fit(reason=reasons.AMBIGUOUS if several else reasons.NO_INVOICE)
    if invoice.status not in PAYABLE:
        return Fit(reason=Deposit.Reason.VOID_INVOICE)
    request = _request_at(invoice, address, transfer)
    if request is None:
        return Fit(reason=Deposit.Reason.NO_INVOICE)
    if not worth(request, transfer):
        return Fit(reason=Deposit.Reason.TOO_LITTLE)
    return Fit(invoice, request)


def worth(request: UsdcRequest, transfer: Transfer) -> int:
    """What a transfer adds to its invoice, in minor units of the invoice's currency.

    What several bring at one rate is converted together, so that no fraction of a cent is lost
    between them. A rate that never changes is the same in every request.
    """
    rows = request.transfers.all()
    if request.expires_at is None:
        rows = Transfer.objects.filter(
            request__invoice=request.invoice_id, request__expires_at=None
        )
    earlier = rows.exclude(pk=transfer.pk).exclude(status=TransferStatus.ORPHANED)
    sums = earlier.aggregate(units=Sum("amount"), minor=Sum("payment__amount"))
    before: int = sums["units"] or 0
    credited: int = sums["minor"] or 0
    return max(request.in_currency(before + transfer.amount) - credited, 0)


def forgiven(invoice: Invoice, amount: int) -> int:
    """What an invoice may go without once this amount is in, by its merchant's tolerance."""
    missing = invoice.amount_due - amount
    most = invoice.total * policy_of(invoice.merchant).tolerance_basis_points // 10_000
    return missing if 0 < missing <= most else 0


def authorized(
    transfer: Transfer, invoice: Invoice, nonces: frozenset[str]
) -> Authorization | None:
    """The signed authorization that moved this money for this invoice, if one did.

    `nonces` are those that the transaction used up for the sender, as the chain tells. Several
    may be used in one transaction: the one that is of this amount, and has no transfer yet.
    """
    rows = Authorization.objects.filter(
        network=transfer.network,
        token=transfer.token,
        payer=transfer.sender,
        nonce__in=nonces,
        units=transfer.amount,
        payment__invoice=invoice,
    )
    for row in rows.select_related("payment").order_by("pk"):
        taken = getattr(row.payment, "transfer", None)
        if taken is None or taken.status == TransferStatus.ORPHANED:
            return row
    return None


def _signed(sighting: Sighting) -> Authorization | None:
    if not sighting.nonces or not sighting.is_usdc:
        return None
    rows = Authorization.objects.filter(
        network=sighting.network,
        token=sighting.token,
        payer=sighting.sender,
        nonce__in=sighting.nonces,
        units=sighting.amount,
    )
    return rows.select_related("payment").order_by("pk").first()


def _asking(address: DepositAddress, units: int) -> list[int]:
    """The open invoices that ask for exactly so much at a fixed address, the oldest first."""
    rows = address.requests.filter(units=units, invoice__status__in=MATCHABLE)
    return sorted(set(rows.values_list("invoice_id", flat=True)))


def _request_at(
    invoice: Invoice, address: DepositAddress, transfer: Transfer
) -> UsdcRequest | None:
    """What the payer was told when they sent it: the rate that held then, or the last one."""
    rows = list(invoice.usdc_requests.filter(address=address).order_by("-pk")[:50])
    at = min(transfer.mined_at, clock.now(invoice.merchant))
    told = [row for row in rows if row.created_at <= at and row.holds_at(at)]
    if address.invoice_id is None:
        told = [row for row in told or rows if row.units == transfer.amount]
    return next(iter(told or rows), None)
