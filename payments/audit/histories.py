"""What was told: every delivery will be tried, every history is a path of the state machine."""

from collections.abc import Iterator
from itertools import pairwise

from invoicing.models import Delivery
from payments.audit.found import Break, reading, rows

# What an invoice's status may become; the state machine's drawing, said once more on purpose.
LEGAL = {
    "draft": {"draft", "open"},
    "open": {"open", "paying", "paid", "void", "expired", "uncollectible"},
    "paying": {"paying", "open", "paid"},
    "paid": {"paid", "open"},
    "expired": {"expired", "paid"},
    "uncollectible": {"uncollectible", "paid", "void"},
    "void": {"void"},
}
_HISTORY = """
    SELECT object_id, id, object_status FROM invoicing_event
    WHERE type LIKE 'invoice.%' AND type <> 'invoice.upcoming' ORDER BY object_id, id
"""
_LAST = """
    SELECT i.id, i.public_id, i.status, e.object_status FROM invoicing_invoice i
    LEFT JOIN (
        SELECT object_id, MAX(id) AS last FROM invoicing_event
        WHERE type LIKE 'invoice.%' AND type <> 'invoice.upcoming' GROUP BY object_id
    ) l ON l.object_id = i.public_id
    LEFT JOIN invoicing_event e ON e.id = l.last
    WHERE e.id IS NULL OR e.object_status <> i.status
"""


def check_deliveries() -> Iterator[Break]:
    """I6: every delivery that is still owed has a time at which it will be tried."""
    lost = Delivery.objects.filter(
        status="pending", next_attempt_at=None, endpoint__deleted_at=None
    )
    for pk, name in lost.values_list("pk", "public_id"):
        yield Break("I6", "invoicing_delivery", pk, name, "is pending and will never be tried")


def check_histories() -> Iterator[Break]:
    """I8: the statuses that an invoice's events saw are a path through its state machine."""
    with reading(_HISTORY.replace("%", "%%")) as told:
        for (object_id, _, before), (of, pk, after) in pairwise(told):
            if object_id == of and after not in LEGAL.get(before, set()):
                yield Break(
                    "I8", "invoicing_event", pk, of, f"says that it went from {before} to {after}"
                )
    for pk, name, status, last in rows(_LAST.replace("%", "%%")):
        yield Break("I8", "invoicing_invoice", pk, name, f"is {status}, its last event says {last}")


_REMINDED_FOR_NOTHING = """
    SELECT id, public_id, status, total - amount_paid - amount_credited FROM invoicing_invoice
    WHERE next_reminder_at IS NOT NULL
      AND (status NOT IN ('open', 'paying') OR total - amount_paid - amount_credited <= 0)
"""
_COUNTED_REMINDERS = """
    SELECT i.id, i.public_id, i.reminders_sent, COALESCE(r.sent, 0) FROM invoicing_invoice i
    LEFT JOIN (
        SELECT invoice_id, COUNT(*) AS sent FROM invoicing_reminder GROUP BY invoice_id
    ) r ON r.invoice_id = i.id WHERE i.reminders_sent <> COALESCE(r.sent, 0)
"""
_LATE_FEES = """
    SELECT f.id, f.public_id FROM invoicing_invoice f
    JOIN invoicing_invoice i ON i.id = f.late_fee_of_id
    LEFT JOIN invoicing_reminder r ON r.late_fee_id = f.id
    WHERE f.merchant_id <> i.merchant_id OR f.currency <> i.currency
       OR i.late_fee_of_id IS NOT NULL OR r.id IS NULL
       OR r.invoice_id <> i.id OR r.days <> f.late_fee_days
"""


def check_reminders() -> Iterator[Break]:
    """I10: only an invoice that asks for money has a reminder coming, and every late fee was told
    by a reminder of the invoice that it is for."""
    for pk, name, status, due in rows(_REMINDED_FOR_NOTHING):
        yield Break(
            "I10", "invoicing_invoice", pk, name, f"is {status} with {due} due, and to be reminded"
        )
    for pk, name, says, should in rows(_COUNTED_REMINDERS):
        yield Break(
            "I10", "invoicing_invoice", pk, name, f"says {says} reminders, there are {should}"
        )
    for pk, name in rows(_LATE_FEES):
        yield Break(
            "I10", "invoicing_invoice", pk, name, "is a late fee that no reminder of its like told"
        )
