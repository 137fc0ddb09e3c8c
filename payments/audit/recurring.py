"""Recurring charges: one success per period, and no schedule that waits for nothing."""

from collections.abc import Iterator

from payments.audit.found import Break, rows
from payments.models import RUNNING

RECURRING, PERIOD = "payments_recurringcharge", "payments_recurringperiod"


def check_one_success_per_period() -> Iterator[Break]:
    """I7: a saved method was charged for a period at most once with success."""
    query = """
        SELECT r.id, c.public_id, r.number, COUNT(*) FROM payments_recurringperiod r
        JOIN payments_recurringcharge c ON c.id = r.recurring_id
        JOIN payments_payment p ON p.invoice_id = r.invoice_id AND p.status = 'succeeded'
             AND p.saved_method_id IS NOT NULL AND p.url = ''
        GROUP BY r.id, c.public_id, r.number HAVING COUNT(*) > 1
    """
    for pk, name, number, count in rows(query):
        yield Break("I7", PERIOD, pk, f"{name} #{number}", f"was charged {count} times")


def check_periods() -> Iterator[Break]:
    """I7: a period stands as its invoice does, and is charged on or was given up."""
    query = """
        SELECT r.id, c.public_id, r.number, r.status, i.status FROM payments_recurringperiod r
        JOIN payments_recurringcharge c ON c.id = r.recurring_id
        JOIN invoicing_invoice i ON i.id = r.invoice_id
        WHERE (r.status = 'open' AND i.status NOT IN ('open', 'paying'))
           OR (r.status = 'closed' AND i.status IN ('open', 'paying'))
           OR (r.status = 'paid' AND i.status = 'draft')
    """
    for pk, name, number, says, invoice in rows(query):
        yield Break("I7", PERIOD, pk, f"{name} #{number}", f"is {says}, its invoice {invoice}")
    statuses = ", ".join(f"'{status}'" for status in RUNNING)
    query = f"""
        SELECT r.id, c.public_id, r.number FROM payments_recurringperiod r
        JOIN payments_recurringcharge c ON c.id = r.recurring_id
        JOIN invoicing_invoice i ON i.id = r.invoice_id
        WHERE r.status = 'open' AND r.retry_at IS NULL AND c.collection = 'charge'
          AND c.status IN ({statuses}) AND i.status = 'open' AND r.failure_code <> ''
    """  # noqa: S608
    for pk, name, number in rows(query):
        yield Break("I7", PERIOD, pk, f"{name} #{number}", "has failed and is not tried again")


def check_schedules() -> Iterator[Break]:
    """I7: whatever runs waits for its next period, and asks for none a second time."""
    statuses = ", ".join(f"'{status}'" for status in RUNNING)
    query = f"""
        SELECT c.id, c.public_id FROM {RECURRING} c
        WHERE c.status IN ({statuses}) AND c.next_at IS NULL
    """  # noqa: S608
    for pk, name in rows(query):
        yield Break("I7", RECURRING, pk, name, "runs, and waits for nothing")
    query = f"""
        SELECT c.id, c.public_id, c.next_number, MAX(r.number) FROM {RECURRING} c
        JOIN {PERIOD} r ON r.recurring_id = c.id
        GROUP BY c.id, c.public_id, c.next_number HAVING MAX(r.number) >= c.next_number
    """  # noqa: S608
    for pk, name, says, last in rows(query):
        yield Break("I7", RECURRING, pk, name, f"waits for period {says}, {last} was asked for")
