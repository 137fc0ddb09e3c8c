"""The verbs of a recurring charge that the worker speaks: begin a period, try again, announce.

None of them speaks to a provider: see payments/recurring_flow.py for what does.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import IntegrityError
from django.db.models import Q

from invoicing import clock, drafts, events, issuing
from invoicing.actions.action import action
from invoicing.errors import Conflict, InvalidState
from invoicing.failpoints import failpoint
from invoicing.models import Invoice
from payments import collecting, dunning, holding
from payments.attempts import MAX_ATTEMPTS, attempt
from payments.charging import method_of
from payments.collecting import locked
from payments.models import (
    RUNNING,
    Payment,
    PaymentMethod,
    RecurringCharge,
    RecurringPeriod,
)
from payments.recurring import ITS_END, invoice_of, period_of, plan_next
from payments.upcoming import Upcoming

# The period that has begun, if one was due, and the attempt to charge it, if it is charged.
Begun = tuple[RecurringPeriod | None, Payment | None]

# Longer than asking a provider takes; whoever dies meanwhile is followed by somebody else.
LEASE = timedelta(seconds=60)
# A payer who pays, asked a question or promised a date is left alone; that is looked at daily.
HELD = timedelta(days=1)


@action
def claim(model: type[RecurringCharge] | type[RecurringPeriod], pk: int) -> bool:
    """Take a due row for oneself; False if somebody else is at it."""
    at = clock.wall()
    free = Q(leased_until=None) | Q(leased_until__lte=at)
    return bool(model.objects.filter(free, pk=pk).update(leased_until=at + LEASE))


@action
def begin_period(recurring_pk: int) -> Begun:
    """Make the invoice of the period that begins now, and the attempt to charge it.

    The unique number of the period lets one of any number of workers do it: Conflict for the
    others. The schedule is locked last, after invoice and ledger.
    """
    row = RecurringCharge.objects.select_related(
        "merchant", "customer", "wallet", "payment_method"
    ).get(pk=recurring_pk)
    at = clock.now(row.merchant)
    if row.status not in RUNNING or row.next_at is None or row.next_at > at:
        return None, None
    number = row.next_number
    if row.end_at is not None and row.begins(number) >= row.end_at:
        _end(row, at)
        return None, None
    invoice, period = _ask(row, number, at)
    failpoint("begin_period:asked")
    row = period.recurring = locked(row.pk)
    if row.status not in RUNNING or row.next_number != number:
        raise Conflict("This schedule was changed at the same moment.")
    payment = _first_charge(invoice, period)
    if row.status in RUNNING:
        row.next_number += 1
        plan_next(row)
    row.leased_until = None
    row.save()
    return period, payment


@action
def begin_retry(period_pk: int) -> Payment | None:
    """Try to charge a period again, if it is due and can help; None where nothing is charged."""
    invoice = Invoice.objects.locked().get(recurring_period=period_pk)
    period = collecting.period_of(invoice)
    at = clock.now(invoice.merchant)
    if period is None or period.retry_at is None or period.retry_at > at:
        return None
    row = period.recurring
    period.leased_until = None
    if row.status not in RUNNING or row.collection != RecurringCharge.Collection.CHARGE:
        period.retry_at = None
        period.save(update_fields=["retry_at", "leased_until"])
        return None
    # Money that the payer sends may be on its way; if nothing comes of it, this goes on.
    if invoice.status != "open" or invoice.is_held(at) or holding.is_disputed(invoice):
        period.retry_at = at + HELD
        period.save(update_fields=["retry_at", "leased_until"])
        return None
    method = _method_of(row)
    if method is None or not collecting.may_help(invoice, period, method):
        if period.needs_payer:
            # They had until now.
            collecting.give_up(invoice, period, at)
            return None
        if method is None:
            collecting.lack_method(period)
        collecting.fall_behind(invoice, period, at)
        return None
    if period.failure_code != collecting.NEVER_ASKED:
        period.retries_made += 1
    if not _may_try(invoice, method, at):
        collecting.fall_behind(invoice, period, at)
        return None
    period.retry_at = None
    period.save()
    return attempt(invoice, method)


@action
def announce(recurring_pk: int) -> bool:
    """Tell what the next period will ask for."""
    row = locked(recurring_pk)
    at = clock.now(row.merchant)
    if row.status not in RUNNING or row.announce_at is None or row.announce_at > at:
        return False
    row.announce_at = None
    row.save(update_fields=["announce_at"])
    events.record("invoice.upcoming", Upcoming(row, row.next_number))
    return True


@action
def record_trouble(recurring_pk: int, trouble: str) -> RecurringCharge:
    """Pause a schedule whose next invoice cannot be made, and say why."""
    row = locked(recurring_pk)
    at = clock.now(row.merchant)
    if row.status in RUNNING and row.next_at is not None and row.next_at <= at:
        row.pause(at, f"The next invoice could not be made: {trouble}"[:200])
        row.updated_at = at
        row.save()
        events.record("recurring_charge.paused", row)
    return row


def _ask(row: RecurringCharge, number: int, at: datetime) -> tuple[Invoice, RecurringPeriod]:
    """The period's invoice, issued, and sent where it is paid by hand."""
    starts, ends = period_of(row, number)
    invoice, lines = invoice_of(row, number)
    invoice.recurring_charge_id = row.public_id
    if row.collection == RecurringCharge.Collection.CHARGE:
        today = at.astimezone(ZoneInfo(row.merchant.timezone)).date()
        invoice.due_at = drafts.end_of_day(today, row.merchant)
    drafts.keep(invoice, lines)
    period = RecurringPeriod(
        merchant=row.merchant,
        recurring=row,
        number=number,
        starts_at=starts,
        ends_at=ends,
        invoice=invoice,
        created_at=at,
    )
    try:
        period.save(force_insert=True)
    except IntegrityError:
        raise Conflict("Somebody else has just asked for this period.") from None
    issuing.issue(invoice)
    if row.collection == RecurringCharge.Collection.SEND:
        issuing.send(invoice)
    return invoice, period


def _first_charge(invoice: Invoice, period: RecurringPeriod) -> Payment | None:
    """The attempt to charge a new period; without a method that fails, and the payer is told."""
    row = period.recurring
    if row.collection != RecurringCharge.Collection.CHARGE or invoice.status != "open":
        return None
    method = _method_of(row)
    if method is not None:
        return attempt(invoice, method)
    collecting.lack_method(period)
    collecting.fall_behind(invoice, period, clock.now(row.merchant))
    return None


def _method_of(row: RecurringCharge) -> PaymentMethod | None:
    """The method that would be charged now, if there is one that can be."""
    named = row.payment_method.public_id if row.payment_method else ""
    try:
        return method_of(row.customer, named)
    except InvalidState:
        return None


def _may_try(invoice: Invoice, method: PaymentMethod, at: datetime) -> bool:
    """Whether the networks allow another charge now."""
    if invoice.payments.count() >= MAX_ATTEMPTS:
        return False
    lately = invoice.payments.filter(
        saved_method=method, url="", created_at__gt=at - dunning.CARD_TRIES_WITHIN
    )
    return method.rail == "ach" or lately.count() < dunning.CARD_TRIES


def _end(seen: RecurringCharge, at: datetime) -> None:
    """No further period begins: it has come to its end."""
    row = locked(seen.pk)
    if row.status in RUNNING and row.next_number == seen.next_number:
        row.end(at, row.reason or ITS_END)
        row.updated_at = at
        row.leased_until = None
        row.save()
        events.record("recurring_charge.ended", row)
