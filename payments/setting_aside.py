"""Money that fits nothing is kept apart, told of, and never made to fit by itself."""

from fractions import Fraction

from django.db.models import F, Sum

from invoicing import clock, events
from invoicing.models import Customer, Invoice, Merchant
from payments import bookings, ledger, quoting
from payments.models import Deposit, Payment, Transfer
from payments.rails.rail import Outcome

# What money can still be matched to.
MATCHABLE = frozenset({"open", "expired", "uncollectible"})
MOST_CURRENCIES = 20


def set_aside(payment: Payment, outcome: Outcome) -> Deposit:
    """Keep what was paid in another amount or currency, in the caller's transaction."""
    other = outcome.currency != payment.currency
    return _keep(
        payment.merchant,
        payment.rail,
        outcome,
        Deposit.Reason.ANOTHER_CURRENCY if other else Deposit.Reason.ANOTHER_AMOUNT,
        payment,
    )


def set_aside_unknown(merchant: Merchant, rail: str, outcome: Outcome) -> Deposit:
    """Keep money that was taken in our name for a payment nobody here remembers."""
    return _keep(merchant, rail, outcome, Deposit.Reason.UNKNOWN_PAYMENT, None)


def invoices_for(deposit: Deposit) -> list[Invoice]:
    """The merchant's invoices that this money might be for, the likeliest first.

    That is the one whose page it was paid on or whose address it came to, then those that ask for
    about as much. USDC may be for an invoice of any currency that has a rate.
    """
    asked = _came_for(deposit)
    rows = Invoice.objects.filter(merchant=deposit.merchant, status__in=sorted(MATCHABLE))
    currencies = {deposit.currency}
    if deposit.currency == quoting.USDC:
        billed = rows.order_by().values_list("currency", flat=True).distinct()
        currencies |= set(billed[:MOST_CURRENCIES])
    worth = {
        currency: quoting.worth_in(deposit.left, deposit.currency, currency)
        for currency in sorted(currencies)
    }
    rows = rows.filter(currency__in=[name for name, amount in worth.items() if amount])
    found = [*rows.filter(pk=asked), *rows.exclude(pk=asked).order_by("-pk")[:200]]
    return sorted(found, key=lambda row: (row.pk != asked, _far_off(row, worth[row.currency] or 0)))


def _far_off(invoice: Invoice, worth: int) -> Fraction:
    """How far what is due is from what came, in parts of what came."""
    return Fraction(abs(invoice.amount_due - worth), max(worth, 1))


def _came_for(deposit: Deposit) -> int:
    """The id of the invoice that the money was sent for, as far as that is known; else 0."""
    if deposit.payment:
        return deposit.payment.invoice_id
    came = Transfer.objects.filter(deposit=deposit).values_list("address__invoice_id", flat=True)
    return came.first() or 0


def hear_again(payment: Payment, outcome: Outcome) -> None:
    """The provider speaks again of money that was set aside when this payment was asked for."""
    for deposit in payment.deposits.filter(provider_reference=outcome.money_reference):
        learn(deposit, outcome)


def learn(deposit: Deposit, outcome: Outcome) -> Deposit:
    """What the provider took for unmatched money, once it is known. Locks the deposit."""
    if outcome.provider_fee is None or deposit.provider_fee is not None:
        return deposit
    deposit = Deposit.objects.select_for_update(of=("self",)).get(pk=deposit.pk)
    if deposit.provider_fee is None:
        deposit.provider_fee = outcome.provider_fee
        deposit.save(update_fields=["provider_fee"])
        if outcome.provider_fee:
            bookings.book_deposit_fee(deposit, outcome.provider_fee)
    return deposit


def keep_as_credit(deposit: Deposit, customer: Customer) -> None:
    """Keep unmatched money as a customer's credit for later invoices. The deposit is locked."""
    currency = deposit.currency
    if currency == quoting.USDC:
        # Credit is of use where the customer is billed.
        currency = customer.currency or deposit.merchant.currency
    amount = quoting.worth_in(deposit.left, deposit.currency, currency)
    if not amount:
        currency, amount = deposit.currency, deposit.left
    deposit.amount_used += deposit.left
    resolve(deposit, Deposit.Status.CREDITED)
    bookings.book_credited(deposit, customer, amount, currency)


def resolve(deposit: Deposit, status: Deposit.Status) -> None:
    """Write down what has become of unmatched money, and tell of it."""
    at = clock.now(deposit.merchant)
    deposit.status = status
    deposit.resolved_at = deposit.updated_at = at
    deposit.save()
    events.record("deposit.resolved", deposit)


def parts_of(deposit: Deposit, amount: int) -> tuple[int, int]:
    """How much of an amount that is taken back is unmatched still, and how much is credit.

    The credit is what the deposit has become, as far as it is still there. What is beyond both is
    for the wallet to bear. The deposit is locked; locks the account of the credit.
    """
    of_unmatched = min(amount, deposit.left)
    account = bookings.credit_from(deposit) if amount > of_unmatched else None
    if account is None:
        return of_unmatched, 0
    taken = 0
    for rows in (deposit.disputes.all(), deposit.refunds.exclude(status="failed")):
        taken += rows.aggregate(sum=Sum("of_credit"))["sum"] or 0
    left = min(deposit.amount_used - taken, ledger.locked_balance(account))
    return of_unmatched, max(min(amount - of_unmatched, left), 0)


def settle(deposit: Deposit) -> None:
    """Say what has become of a deposit, after something of it was taken or has come back."""
    status = Deposit.Status
    disputes = deposit.disputes.filter(withdrawn__gt=0)
    gone = disputes.aggregate(sum=Sum("reversed"))["sum"] or 0
    if disputes.filter(reversed__lt=F("withdrawn")).exists():
        deposit.status = status.DISPUTED
    elif deposit.left:
        deposit.status = status.UNMATCHED
    elif gone and gone >= deposit.amount - deposit.amount_refunded:
        deposit.status = status.LOST
    elif deposit.amount_used:
        deposit.status = status.MATCHED if deposit.matched_payment_id else status.CREDITED
    else:
        deposit.status = status.REFUNDED
    at = clock.now(deposit.merchant)
    waits = deposit.status in (status.UNMATCHED, status.DISPUTED)
    deposit.updated_at = at
    deposit.resolved_at = None if waits else deposit.resolved_at or at
    deposit.save()


def _keep(
    merchant: Merchant, rail: str, outcome: Outcome, reason: str, payment: Payment | None
) -> Deposit:
    at = clock.now(merchant)
    deposit, is_new = Deposit.objects.get_or_create(
        rail=rail,
        provider_reference=outcome.money_reference or outcome.reference,
        defaults={
            "merchant": merchant,
            "payment": payment,
            "currency": outcome.currency,
            "amount": outcome.received,
            "reason": reason,
            "created_at": at,
            "updated_at": at,
        },
    )
    if is_new:
        bookings.book_deposit(deposit)
        events.record("deposit.unmatched", deposit)
    return learn(deposit, outcome)
