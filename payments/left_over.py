"""Money of an invoice that its payer may want back: too much, too late, or only a part of it.

Only what came as USDC to an address of the invoice's own: whoever has the invoice's address then
speaks for it. Reads and locks nothing by itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from payments.clearing import ON_CHAIN
from payments.models import Deposit, Payment, Transfer

# Beyond what was due it is credit already; below it is a part, while nothing else is paid.
_STILL_DUE: Final = frozenset({"open", "paying", "expired", "uncollectible"})


@dataclass(frozen=True, slots=True)
class LeftOver:
    """Payments with something beyond what was due, parts of what is due, and money set aside."""

    surpluses: tuple[Payment, ...]
    parts: tuple[Payment, ...]
    deposits: tuple[Deposit, ...]

    def __bool__(self) -> bool:
        return bool(self.surpluses or self.parts or self.deposits)

    @property
    def surplus(self) -> int:
        """What came beyond what was due and has not gone back, in minor units."""
        return sum(row.surplus - row.surplus_returned for row in self.surpluses)

    @property
    def set_aside(self) -> int:
        """What came when nothing was due, in units of USDC."""
        return sum(row.left for row in self.deposits)


def left_over(
    status: str, payments: Iterable[Payment], deposits: Iterable[Deposit | None]
) -> LeftOver:
    """What its payer may have back of these payments and deposits of an invoice of this status."""
    came = [row for row in payments if row.rail in ON_CHAIN and row.status == "succeeded"]
    return LeftOver(
        surpluses=tuple(row for row in came if row.surplus > row.surplus_returned),
        parts=tuple(row for row in came if row.refundable) if status in _STILL_DUE else (),
        deposits=tuple(
            row
            for row in deposits
            if row is not None and row.status == Deposit.Status.UNMATCHED and not row.amount_used
        ),
    )


def deposits_of(invoice_pk: int) -> list[Deposit]:
    """Money that was set aside and had come to the invoice's own address."""
    rows = Transfer.objects.filter(address__invoice=invoice_pk, deposit__isnull=False)
    ids = rows.values_list("deposit_id", flat=True)
    return list(Deposit.objects.filter(pk__in=ids).order_by("pk"))
