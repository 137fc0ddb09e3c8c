"""A payer's credit: money that has been theirs here all along."""

from payments.models import Payment
from payments.rails.rail import Outcome, Rail, State


class CreditRail(Rail):
    """No provider stands behind it: the ledger knows what there is."""

    key = "credit"
    provider = "billhook"

    def look(self, payment: Payment) -> Outcome:
        """What was taken from the credit when the payment was recorded."""
        return Outcome(State(payment.status), payment.received, payment.currency)
