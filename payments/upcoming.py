"""What a schedule will ask for next, before it does."""

from dataclasses import dataclass
from typing import Self

from invoicing.models import Merchant
from payments.models import RecurringCharge
from payments.recurring import number_at


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The next period of a schedule; it has no row and is told under the schedule's name."""

    recurring: RecurringCharge
    number: int

    @classmethod
    def of(cls, row: RecurringCharge) -> Self | None:
        """The next period that will begin as things stand; None where none will.

        That of a schedule which is paused until a day is the first from that day on.
        """
        number = number_at(row, row.resumes_at) if row.resumes_at else row.next_number
        if row.next_at is None and row.resumes_at is None:
            return None
        if row.end_at is not None and row.begins(number) >= row.end_at:
            return None
        return cls(row, number)

    @property
    def public_id(self) -> str:
        """The schedule's."""
        return self.recurring.public_id

    @property
    def merchant(self) -> Merchant:
        """Whose it is."""
        return self.recurring.merchant
