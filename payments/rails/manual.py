"""Money received elsewhere: cash, a bank transfer, a cheque. Somebody says so, and is believed."""

from payments.models import Payment
from payments.rails.rail import Outcome, Rail, State


class ManualRail(Rail):
    """No provider stands behind it: what was declared is all there is to know."""

    key = "manual"
    provider = "merchant"

    def look(self, payment: Payment) -> Outcome:
        """What was declared when the payment was recorded."""
        return Outcome(State(payment.status), payment.received, payment.currency)
