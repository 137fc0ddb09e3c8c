"""What waits for a date in this room: invoices that become overdue, or close."""

from invoicing.actions import invoices
from invoicing.models import Invoice
from invoicing.sweeps import Sweep

DATES_AT_ONCE = 500

OVERDUE = Sweep(
    Invoice.objects.filter(status="open", overdue_at=None),
    "due_at",
    invoices.mark_overdue,
    at_once=DATES_AT_ONCE,
)
EXPIRING = Sweep(
    Invoice.objects.filter(status="open"),
    "expires_at",
    invoices.expire_invoice,
    at_once=DATES_AT_ONCE,
)

SWEEPS = (OVERDUE, EXPIRING)
