"""What comes next of a schedule, or first of one that is still being written."""

from dataclasses import dataclass, field
from datetime import datetime

from invoicing.dashboard.forms import sentence
from invoicing.errors import BillhookError, ValidationFailed
from invoicing.inputs import read
from invoicing.models import Invoice, LineItem
from payments.dashboard.recurring_editor import RecurringForm, moments_in_words
from payments.models import RecurringCharge
from payments.recurring import invoice_of, period_of
from payments.recurring_inputs import RecurringInput
from payments.scheduling import plan

# What a refusal may be about that the totals do not say already.
_ABOUT_TIME = ("start_at", "anchor", "end_at", "interval_count")


@dataclass(frozen=True, slots=True)
class Coming:
    """One period that has not begun, and its invoice, worked out and not saved."""

    starts: datetime
    ends: datetime
    invoice: Invoice
    lines: list[LineItem]
    # Whether it costs its part, being shorter than the others.
    is_part: bool


@dataclass
class First:
    """What a schedule would begin with."""

    row: RecurringCharge | None = None
    period: Coming | None = None
    # The one after it, unless the schedule ends before.
    second: Coming | None = None
    notes: list[str] = field(default_factory=list)


def coming_of(row: RecurringCharge, number: int) -> Coming | None:
    """The period of this number; None where the end comes first.

    Raises NotFound or ValidationFailed where its invoice cannot be made.
    """
    starts, ends = period_of(row, number)
    if row.end_at is not None and starts >= row.end_at:
        return None
    invoice, lines = invoice_of(row, number)
    return Coming(starts, ends, invoice, lines, is_part=row.whole(number)[0] != starts)


def first_of(form: RecurringForm) -> First:
    """What comes first of what is written so far; nothing while that cannot be told."""
    wanted = {**form.wanted(), "description": "·"}
    for line in wanted.get("line_items", []):
        line["description"] = line["description"] or "·"
    found = First()
    try:
        row = plan(form.merchant, read(RecurringInput, wanted))
        found.row, found.period = row, coming_of(row, 1)
        found.second = coming_of(row, 2)
    except ValidationFailed as refusal:
        found.notes = [
            str(message) for name in _ABOUT_TIME for message in form.errors.get(name, [])
        ] or [
            sentence(moments_in_words(message))
            for path, message in refusal.fields
            if path in _ABOUT_TIME
        ]
    except BillhookError as refusal:
        found.notes = [sentence(refusal.message)]
    return found
