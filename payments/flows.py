"""What takes several steps: an action commits, a provider is asked, another action applies.

Nothing here holds a transaction while it waits for a provider, and every step is safe to repeat:
the payment's public id is the provider's idempotency key, and what was not heard is looked up.
"""

from invoicing.failpoints import failpoint
from payments.actions import pay
from payments.models import Payment
from payments.rails import RAILS
from payments.rails.rail import NoAnswer, RailError


def start(invoice_pk: int, rail: str, amount: int | None = None) -> Payment:
    """Begin paying and learn where the payer goes. Raises RailError if the provider refuses.

    Older attempts that still wait for their payer are closed, so only one page can be paid.
    """
    payment = pay.begin_payment(invoice_pk, rail, amount)
    failpoint("start:after_begin")
    if not payment.url:
        instructions = RAILS[rail].start(payment)
        failpoint("start:after_provider")
        payment = pay.record_instructions(payment.pk, instructions)
    # Of two that begin at the same moment the later one stays open.
    waiting = Payment.objects.filter(invoice_id=invoice_pk, status="pending", pk__lt=payment.pk)
    for older in waiting.only("pk"):
        cancel(older.pk)
    return payment


def check(payment_pk: int) -> Payment:
    """Ask the provider what became of a payment, and apply the answer."""
    payment = Payment.objects.select_related("merchant", "invoice").get(pk=payment_pk)
    try:
        outcome = RAILS[payment.rail].look(payment)
    except NoAnswer:
        return payment
    failpoint("check:after_look")
    return pay.apply_outcome(payment.pk, outcome)


def cancel(payment_pk: int) -> Payment:
    """Close an attempt at the provider; if money got through first, that is what counts."""
    payment = Payment.objects.select_related("merchant", "invoice").get(pk=payment_pk)
    try:
        outcome = RAILS[payment.rail].cancel(payment)
    except RailError:
        return payment
    return pay.apply_outcome(payment.pk, outcome)
