"""What follows for a recurring charge when a period is paid, is closed or cannot be collected.

Everything here happens in the caller's transaction, under the invoice's lock; the schedule is
locked after it.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from invoicing import clock, events, mail, reminding
from invoicing.models import Invoice
from payments import dunning
from payments.models import (
    RETURNED_BY_BANK,
    RUNNING,
    Payment,
    PaymentMethod,
    RecurringCharge,
    RecurringPeriod,
    RecurringStatus,
)
from payments.rails.rail import Advice
from payments.recurring import rules_of

# The provider was never asked, so no try was made.
NEVER_ASKED = "never_arrived"
# Of the reasons for which a bank returns a debit the one that passes by itself.
LACKED_FUNDS = "insufficient_funds"
NO_METHOD = "no_payment_method"
NO_METHOD_MESSAGE = "There is no saved card or bank account that can be charged."


def period_of(invoice: Invoice, *statuses: str) -> RecurringPeriod | None:
    """The period that this invoice is of, if it is open or in one of these, its schedule locked."""
    period = (
        RecurringPeriod.objects.select_for_update(of=("self",))
        .filter(invoice=invoice, status__in=statuses or [RecurringPeriod.Status.OPEN])
        .first()
    )
    if period is not None:
        period.recurring = locked(period.recurring_id)
    return period


def locked(pk: int) -> RecurringCharge:
    """A schedule, locked until the caller's transaction ends."""
    return (
        RecurringCharge.objects.select_related("merchant", "customer", "wallet", "payment_method")
        .select_for_update(of=("self",), no_key=True)
        .get(pk=pk)
    )


def goes_on(invoice: Invoice) -> RecurringCharge | None:
    """The schedule that this invoice is of, if later periods will be charged to a saved method."""
    period: RecurringPeriod | None = getattr(invoice, "recurring_period", None)
    row = period.recurring if period else None
    if row is None or row.status == RecurringStatus.ENDED:
        return None
    return row if row.collection == RecurringCharge.Collection.CHARGE else None


def follow_paid(invoice: Invoice) -> None:
    """The invoice is paid, by whatever way: its period is done, also one that was given up."""
    period = period_of(invoice, RecurringPeriod.Status.OPEN, RecurringPeriod.Status.GIVEN_UP)
    if period is None:
        return
    _use_what_was_left(period.recurring, invoice)
    _close(period, RecurringPeriod.Status.PAID)


def follow_closed(invoice: Invoice) -> None:
    """The invoice asks for nothing any more, and was not paid."""
    period = period_of(invoice)
    if period is not None:
        _close(period, RecurringPeriod.Status.CLOSED)


def follow_failed(invoice: Invoice, payment: Payment) -> None:
    """A charge of a saved method has failed: the next try, or the end of trying."""
    period = period_of(invoice) if payment.is_charge else None
    if period is None:
        return
    at = clock.now(invoice.merchant)
    if payment.failure_code == NEVER_ASKED:
        period.retry_at = at
        period.save(update_fields=["retry_at"])
        return
    period.failure_code = payment.failure_code
    period.failure_message = payment.failure_message
    period.failure_advice = payment.failure_advice
    period.failed_method = payment.saved_method
    fall_behind(invoice, period, at)


def follow_taken_back(invoice: Invoice, payment: Payment, reason: str) -> None:
    """A bank took back what had paid a period, and the invoice asks for it again.

    A debit that the bank itself returned has failed as a charge fails, only later. What the payer
    has contested is charged no more: a person decides what becomes of it.
    """
    period = period_of(invoice, RecurringPeriod.Status.PAID)
    if period is None:
        return
    why = reason.replace("_", " ")
    period.failure_code = reason
    period.failure_message = f"The bank took the money back: {why}."
    period.failed_method = payment.saved_method
    period.failure_advice = Advice.RETRY if reason == LACKED_FUNDS else Advice.CUSTOMER
    if reason in RETURNED_BY_BANK and payment.saved_method is not None:
        period.status = RecurringPeriod.Status.OPEN
        fall_behind(invoice, period, clock.now(invoice.merchant))
    else:
        period.status = RecurringPeriod.Status.GIVEN_UP
        period.save()


def lack_method(period: RecurringPeriod) -> None:
    """Note that there is nothing to charge."""
    period.failure_code, period.failure_message = NO_METHOD, NO_METHOD_MESSAGE
    period.failure_advice, period.failed_method = "", None


def may_help(invoice: Invoice, period: RecurringPeriod, method: PaymentMethod) -> bool:
    """Whether charging this method can bring what the last charge did not, and is allowed."""
    same = period.failed_method_id == method.pk
    if not dunning.is_worthwhile(period.failure_advice, same_method=same):
        return False
    tries = invoice.payments.filter(saved_method=method, url="")
    return method.rail != "ach" or tries.count() <= dunning.ACH_RETRIES


def fall_behind(invoice: Invoice, period: RecurringPeriod, at: datetime) -> None:
    """Nothing was collected: plan the next try, tell the payer, or give up after the last one.

    Where another try cannot help, the payer has as long as the tries would have lasted.
    """
    row = period.recurring
    rules = rules_of(row)
    failed = period.failed_method
    period.needs_payer = failed is None or not may_help(invoice, period, failed)
    plan = dunning.last_retry if period.needs_payer else dunning.next_retry
    period.retry_at = plan(rules, period.retries_made, at, ZoneInfo(row.timezone))
    if row.status not in RUNNING:
        # Nobody tries any more for one that is paused or has ended.
        period.retry_at = None
        period.save()
        return
    if period.retry_at is None:
        give_up(invoice, period, at)
        return
    period.save()
    if row.status == RecurringStatus.ACTIVE:
        row.fall_behind()
        row.updated_at = at
        row.save()
        events.record("recurring_charge.past_due", row)
    _tell_payer(invoice, period, rules, "charge_failed")


def give_up(invoice: Invoice, period: RecurringPeriod, at: datetime) -> None:
    """Every try has failed: what becomes of the invoice and the schedule, the merchant has said."""
    row = period.recurring
    rules = rules_of(row)
    period.status = RecurringPeriod.Status.GIVEN_UP
    period.retry_at = None
    period.save()
    if rules.invoice == "uncollectible" and invoice.status == "open":
        invoice.write_off()
        invoice.updated_at = at
        invoice.save()
        events.record("invoice.uncollectible", invoice)
    else:
        # From now on it is reminded of like any other; what was not meanwhile is not made up for.
        invoice.reminded_until = at
        invoice.save(update_fields=["reminded_until"])
        reminding.reschedule(invoice)
    if row.status == RecurringStatus.ACTIVE:
        row.fall_behind()
        if rules.then == "keep":
            events.record("recurring_charge.past_due", row)
    reason = f"Charging {invoice.number} has failed for the last time."
    row.updated_at = at
    if rules.then == "end":
        row.end(at, reason)
    elif rules.then == "pause":
        row.pause(at, reason)
    row.save()
    if rules.then != "keep":
        events.record(f"recurring_charge.{row.status}", row)
    _tell_payer(invoice, period, rules, "charge_given_up")


def follow_saved(method: PaymentMethod) -> None:
    """A payer has left another method: what fails is charged to it at once, and from now on."""
    failing = _failing(method)
    for row in RecurringCharge.objects.filter(pk__in=failing.values("recurring")):
        row.payment_method = method
        row.updated_at = clock.now(method.merchant)
        row.save(update_fields=["payment_method", "updated_at"])
        events.record("recurring_charge.updated", row)
    _try_at_once(failing, method)


def follow_updated(method: PaymentMethod) -> None:
    """A method was renewed, or is the default now: what had failed by it is tried at once."""
    by_this = Q(recurring__payment_method=method)
    if method.is_default:
        by_this |= Q(recurring__payment_method=None)
    if method.status == PaymentMethod.Status.ACTIVE:
        _try_at_once(_failing(method).filter(by_this), method)


def follow_removed(method: PaymentMethod) -> None:
    """A method is charged no more: what was to be charged to it goes by the customer's default."""
    for row in RecurringCharge.objects.filter(payment_method=method).exclude(
        status=RecurringStatus.ENDED
    ):
        row.payment_method = None
        row.updated_at = clock.now(method.merchant)
        row.save(update_fields=["payment_method", "updated_at"])
        events.record("recurring_charge.updated", row)


def _failing(method: PaymentMethod) -> QuerySet[RecurringPeriod]:
    """Periods of the method's owner that wait for another try."""
    return RecurringPeriod.objects.filter(
        recurring__customer=method.customer_id,
        recurring__status__in=RUNNING,
        status=RecurringPeriod.Status.OPEN,
        retry_at__isnull=False,
    ).exclude(failure_code="")


def _try_at_once(periods: QuerySet[RecurringPeriod], method: PaymentMethod) -> None:
    at = clock.now(method.merchant)
    periods.update(retry_at=at, failure_advice="", needs_payer=False)


def _close(period: RecurringPeriod, status: RecurringPeriod.Status) -> None:
    period.status = status
    period.retry_at = None
    period.save()
    row = period.recurring
    # What was given up and is asked for all the same leaves the schedule behind as well.
    unpaid = Q(status=RecurringPeriod.Status.OPEN) | Q(
        status=RecurringPeriod.Status.GIVEN_UP, invoice__status__in=["open", "paying"]
    )
    behind = row.periods.filter(unpaid).exclude(failure_code="")
    if row.status == RecurringStatus.PAST_DUE and not behind.exists():
        row.catch_up()
        row.updated_at = clock.now(row.merchant)
        row.save()
        events.record("recurring_charge.recovered", row)


def _use_what_was_left(row: RecurringCharge, invoice: Invoice) -> None:
    """A method that the payer left while paying a period is charged for those to come."""
    paid = invoice.payments.filter(status="succeeded").exclude(url="").order_by("-id").first()
    if paid is None or paid.saved_method_id is None:
        return
    if row.payment_method_id != paid.saved_method_id:
        row.payment_method = paid.saved_method
        row.updated_at = clock.now(row.merchant)
        row.save()


def _tell_payer(invoice: Invoice, period: RecurringPeriod, rules: dunning.Rules, kind: str) -> None:
    if not rules.mail_payer or not invoice.recipient_email:
        return
    row, method = period.recurring, period.failed_method
    why = {"authentication_required": "approval", "expired_card": "expired"}.get(
        period.failure_code, "returned" if method and method.rail == "ach" else "declined"
    )
    is_last = row.end_at is not None and row.begins(row.next_number) >= row.end_at
    more: dict[str, Any] = {
        "description": row.description,
        "method": method.details if method else {},
        "why": why if method else "missing",
        "needs_payer": period.needs_payer,
        "retry_on": period.retry_at.astimezone(ZoneInfo(row.timezone)).date()
        if period.retry_at
        else None,
        "can_be_paid": invoice.status == "open",
        "schedule": "ended" if is_last else row.status,
    }
    mail.queue_for_invoice(invoice, kind, more)
