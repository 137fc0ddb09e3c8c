"""The auditor: works everything out again from the postings, and doubts everything else.

Each check reads the whole instance as it streams by and yields a break for every row that does
not hold. The invariants' numbers are those of docs/architecture.md. To add a check, write a
function that yields breaks and put it under its invariant in CHECKS.
"""

from collections.abc import Callable, Iterator

from payments.audit import attempts, books, chain, disputes, histories, invoices, recurring
from payments.audit.found import Break, snapshot
from payments.audit.histories import LEGAL

Check = Callable[[], Iterator[Break]]

CHECKS: dict[str, tuple[Check, ...]] = {
    "I1": (books.check_books, books.check_accounts),
    "I2": (
        attempts.check_everything_is_booked,
        attempts.check_what_left,
        attempts.check_held_apart,
        attempts.check_deposit_fees,
        disputes.check_disputes,
        disputes.check_deposits,
        attempts.check_sandbox,
    ),
    "I3": (invoices.check_paid_means_paid,),
    "I4": (attempts.check_refunds, attempts.check_promises, attempts.check_credit_notes),
    "I5": (invoices.check_numbers,),
    "I6": (histories.check_deliveries,),
    "I7": (
        recurring.check_one_success_per_period,
        recurring.check_periods,
        recurring.check_schedules,
    ),
    "I8": (histories.check_histories,),
    "I9": (invoices.check_totals, invoices.check_documents),
    "I10": (histories.check_reminders,),
    "I11": (chain.check_chains, chain.check_addresses, chain.check_authorizations),
}

__all__ = ["CHECKS", "LEGAL", "QUICK", "Break", "Check", "audit", "snapshot"]


# What the database can add up by itself in seconds, however large the books are.
QUICK: dict[str, tuple[Check, ...]] = {
    "I1": (books.check_balances,),
    "I3": (invoices.check_paid_means_paid,),
}


def audit(checks: dict[str, tuple[Check, ...]] = CHECKS) -> list[Break]:
    """Every break on this instance; none is what it should find."""
    return [found for some in checks.values() for check in some for found in check()]
