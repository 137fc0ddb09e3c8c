"""Attempts to charge a saved method: the row that is committed before a provider is asked.

Everything here happens in the caller's transaction, under the invoice's lock.
"""

from datetime import timedelta

from invoicing import clock, events
from invoicing.models import Invoice
from payments.models import Payment, PaymentMethod
from payments.wallets import receiving_wallet

# Enough for any honest payer, too few to try stolen cards in bulk.
MAX_ATTEMPTS = 30
# The janitor asks again after 10 s, then ever more rarely, at last once in six hours.
LOOK_AGAIN = tuple(timedelta(seconds=s) for s in (10, 20, 60, 300, 900, 3600, 21600))


def attempt(invoice: Invoice, method: PaymentMethod) -> Payment:
    """The row that is committed before the provider is asked. The invoice waits for the answer."""
    at = clock.now(invoice.merchant)
    payment = Payment(
        merchant=invoice.merchant,
        invoice=invoice,
        wallet=receiving_wallet(invoice),
        rail=method.rail,
        saved_method=method,
        currency=invoice.currency,
        amount=invoice.amount_due,
        method={"type": method.rail, **method.details},
        created_at=at,
        updated_at=at,
        asked_at=clock.wall(),
        next_look_at=at + LOOK_AGAIN[1],
    )
    payment.lose_sight()
    payment.save(force_insert=True)
    invoice.start_paying()
    invoice.updated_at = at
    invoice.save()
    events.record("invoice.payment_started", invoice)
    return payment
