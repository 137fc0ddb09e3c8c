"""Money that fits nothing is kept apart, told of, and never made to fit by itself."""

from invoicing import clock, events
from invoicing.models import Invoice, Merchant
from payments import bookings
from payments.models import Deposit, Payment
from payments.rails.rail import Outcome

# What money can still be matched to.
MATCHABLE = frozenset({"open", "expired", "uncollectible"})


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

    That is the one whose page it was paid on, then those that ask for about as much.
    """
    asked = deposit.payment.invoice_id if deposit.payment else 0
    rows = Invoice.objects.filter(
        merchant=deposit.merchant, currency=deposit.currency, status__in=sorted(MATCHABLE)
    )
    found = [*rows.filter(pk=asked), *rows.exclude(pk=asked).order_by("-pk")[:200]]
    return sorted(found, key=lambda row: (row.pk != asked, abs(row.amount_due - deposit.amount)))


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
