"""What a schedule will ask for next, before it does."""

from dataclasses import dataclass

from invoicing.models import Merchant
from payments.models import RecurringCharge


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The next period of a schedule; it has no row and is told under the schedule's name."""

    recurring: RecurringCharge
    number: int

    @property
    def public_id(self) -> str:
        """The schedule's."""
        return self.recurring.public_id

    @property
    def merchant(self) -> Merchant:
        """Whose it is."""
        return self.recurring.merchant
