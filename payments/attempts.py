"""Attempts to charge a saved method: the row that is committed before a provider is asked.

Everything here happens in the caller's transaction, under the invoice's lock.
"""

from datetime import timedelta

from invoicing import clock, events
from invoicing.errors import InvalidState, NotFound
from invoicing.models import Customer, Invoice
from payments.methods import default_of
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


def chosen_method(customer: Customer, method_id: str) -> PaymentMethod:
    """The method that is named, or the customer's default.

    Raises NotFound for another's, InvalidState for one that cannot be charged or where none is.
    """
    if method_id:
        method = customer.payment_methods.filter(public_id=method_id).first()
        if method is None:
            raise NotFound(
                f"This customer has no payment method {method_id}.",
                details={"field": "payment_method_id"},
            )
    else:
        method = default_of(customer)
        saved = customer.payment_methods.filter(status=PaymentMethod.Status.ACTIVE)
        if method is None and saved.exists():
            raise InvalidState(
                "None of this customer's saved methods is the default: name one as "
                '"payment_method_id", or make one the default.'
            )
        if method is None:
            raise InvalidState(
                "This customer has no saved card or bank account; ask them to save one first."
            )
    if method.status != PaymentMethod.Status.ACTIVE:
        raise InvalidState(
            f"This payment method is {method.get_status_display().lower()}, so it cannot be "
            "charged.",
            details={"status": method.status},
        )
    return method
