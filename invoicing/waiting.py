"""What waits for a date in this room: invoices that become overdue, close, or ask again."""

from invoicing.actions import approvals, inquiries, invoices, reminders
from invoicing.models import Approval, Customer, Inquiry, Invoice, Merchant
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
# Changed rules hold before anybody is reminded by them; a promise ends before its reminder comes.
CUSTOMERS_RULES = Sweep(
    Customer.objects.exclude(reminders_changed_at=None),
    "reminders_changed_at",
    reminders.apply_customers_rules,
)
PROMISES = Sweep(Inquiry.objects.filter(status="open"), "holds_until", inquiries.judge_promise)
REMINDERS = Sweep(
    Invoice.objects.filter(status="open"),
    "next_reminder_at",
    reminders.send_due_reminder,
    at_once=DATES_AT_ONCE,
)

APPROVALS = Sweep(
    Approval.objects.filter(status="pending_approval"), "expires_at", approvals.expire_approval
)

REMINDING = (CUSTOMERS_RULES, PROMISES, REMINDERS)
SWEEPS = (OVERDUE, EXPIRING, *REMINDING, APPROVALS)


def apply_changed_rules() -> int:
    """Let rules that merchants have changed hold for their open invoices, before anything is due
    by them. They wait for no date, so they are no sweep."""
    changed = Merchant.objects.exclude(reminders_changed_at=None).values_list("pk", flat=True)
    return sum(reminders.apply_rules(pk) for pk in changed)
