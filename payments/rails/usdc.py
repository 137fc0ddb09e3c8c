"""USDC on a chain: nobody is asked for anything. What happens is read, see payments/watching.py."""

from payments.models import Payment, Refund
from payments.rails.rail import Outcome, Rail, RefundOutcome, State


class UsdcRail(Rail):
    """Deposits to an address, or authorizations that a payer has signed.

    The server holds no key, so it can send nothing: a refund waits for the merchant's own wallet.
    """

    provider = "chain"

    def __init__(self, key: str) -> None:
        self.key = key

    def look(self, payment: Payment) -> Outcome:
        """What the watcher has seen so far."""
        return Outcome(State(payment.status), payment.received, payment.currency)

    def refund(self, refund: Refund) -> RefundOutcome:
        """It waits until the merchant has signed it and the watcher has seen it."""
        return RefundOutcome(State.PENDING)

    def look_at_refund(self, refund: Refund) -> RefundOutcome:
        """It still waits: whoever sees it on its chain says so."""
        return RefundOutcome(State.PENDING)
