"""When an invoice's next reminder comes, worked out under its lock whenever anything changes it.

Rooms above say through `obstacles` what else speaks against asking a payer again.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db.models import Max

from invoicing import reminder_rules
from invoicing.doorbell import ring
from invoicing.models import Customer, Invoice, Merchant
from invoicing.models.inquiry import InquiryStatus
from invoicing.models.invoice import InvoiceQuerySet, Status
from invoicing.reminder_rules import Moment, Schedule

# Filled by the rooms above when Django starts: whether something of theirs stands in the way, such
# as a bank that disputes a payment.
obstacles: list[Callable[[Invoice], bool]] = []

# Whoever has just got an answer is not reminded in the same breath.
AFTER_AN_ANSWER: Final = timedelta(days=2)
ASKS: Final = (Status.OPEN, Status.PAYING)


def schedule_of(invoice: Invoice) -> Schedule | None:
    """The rules that hold for an invoice, None where there are none."""
    customer = invoice.customer
    if customer is not None and customer.archived_at is not None:
        return None
    merchant = invoice.merchant
    own = customer.reminders if customer is not None else {}
    return reminder_rules.schedule(merchant.reminders, own, ZoneInfo(merchant.timezone))


def next_at(invoice: Invoice) -> datetime | None:
    """When the next reminder is to be sent, on the merchant's clock; None where none is.

    What fell into a pause comes on the first morning after it.
    """
    rules = schedule_of(invoice)
    if rules is None or not asks(invoice) or not invoice.recipient_email:
        return None
    paused_for_good = invoice.reminders_paused_at and not invoice.reminders_paused_until
    if paused_for_good or invoice.reminders_stopped_at or invoice.due_at is None:
        return None
    moment = next(iter(to_come(invoice, rules)), None)
    if moment is None or any(stands_in_the_way(invoice) for stands_in_the_way in obstacles):
        return None
    begins = [invoice.reminders_paused_until]
    for inquiry in invoice.inquiries.all():
        if inquiry.status == InquiryStatus.OPEN:
            if inquiry.holds_until is None:
                return None
            begins.append(inquiry.holds_until)
        elif inquiry.status == InquiryStatus.ANSWERED and inquiry.closed_at:
            begins.append(inquiry.closed_at + AFTER_AN_ANSWER)
        elif inquiry.status == InquiryStatus.DONE:
            begins.append(inquiry.closed_at)
        elif inquiry.status == InquiryStatus.BROKEN:
            begins.append(inquiry.holds_until)
    begin = max((at for at in begins if at is not None), default=None)
    return rules.first_morning(begin) if begin and begin > moment.at else moment.at


def to_come(invoice: Invoice, rules: Schedule) -> list[Moment]:
    """The moments of an invoice's rules that are not dealt with yet, the earliest first.

    Rules that have just been changed make up for nothing, whether the sweep has been there or not.
    """
    changed = [invoice.merchant.reminders_changed_at]
    if invoice.customer is not None:
        changed.append(invoice.customer.reminders_changed_at)
    dealt_with = invoice.reminded_until or invoice.finalized_at or invoice.created_at
    since = max([dealt_with, *(at for at in changed if at is not None)])
    by_rule = invoice.reminders.exclude(days=None)
    sent = by_rule.aggregate(last=Max("days"))["last"] if invoice.reminders_sent else None
    return rules.moments_after(invoice.due_at, since, sent) if invoice.due_at else []


def asks(invoice: Invoice) -> bool:
    """Whether the invoice asks for money at all."""
    return invoice.status in ASKS and invoice.amount_due > 0


def begin(invoice: Invoice) -> None:
    """Work out the first reminder of an invoice that is being issued, under its lock.

    The rules are read again: what was told of the issuing before has waited for whoever changed
    them, so that no invoice is issued by rules that another transaction has just replaced.
    """
    rows = Merchant.objects.filter(pk=invoice.merchant_id)
    changed = rows.values_list("reminders", "reminders_changed_at").get()
    invoice.merchant.reminders, invoice.merchant.reminders_changed_at = changed
    reschedule(invoice)


def reschedule(invoice: Invoice) -> None:
    """Work out the next reminder anew, and keep it; the invoice is locked by the caller."""
    coming = next_at(invoice)
    if coming != invoice.next_reminder_at:
        invoice.next_reminder_at = coming
        invoice.save(update_fields=["next_reminder_at"])


def begin_anew(invoices: InvoiceQuerySet, since: datetime) -> None:
    """Other rules hold: what they would have asked for before is never asked for.

    However many invoices that is, it is one statement; the sweep then looks at each of them.
    """
    invoices.filter(status__in=ASKS).update(next_reminder_at=since, reminded_until=since)


def rules_have_changed(row: Merchant | Customer, at: datetime) -> None:
    """Have the worker apply other rules to the open invoices; the caller saves the row.

    Not done at once: whoever holds an invoice may wait for its merchant or customer, so nobody
    who holds one of these may wait for invoices.
    """
    row.reminders_changed_at = at
    ring("invoicing.tasks.send_reminders")
