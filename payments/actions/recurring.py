"""The verbs of a recurring charge that a merchant speaks: create, change, pause, resume, cancel."""

from datetime import date, datetime

from django.db.models import QuerySet

from invoicing import clock, drafts, events, idempotency
from invoicing.actions.action import action
from invoicing.errors import Conflict, InvalidState, NotFound, ValidationFailed
from invoicing.models import Merchant
from payments import scheduling
from payments.actions.periods import LEASE
from payments.charging import method_of, outside
from payments.collecting import locked
from payments.inputs import in_minor_units
from payments.models import (
    IN_FLIGHT,
    RUNNING,
    DunningPolicy,
    Payment,
    PaymentMethod,
    RecurringCharge,
    RecurringPeriod,
    RecurringStatus,
)
from payments.recurring import ITS_END, has_run_out, number_at, plan_next
from payments.recurring_inputs import (
    OF_INVOICES,
    CancelInput,
    DunningPolicyInput,
    PauseInput,
    RecurringChanges,
    RecurringInput,
)

# What makes an amount that is asked for another one on the invoice.
BORNE = ({"tax_rate", "taxes"}, {"discount"})


@action
def create_recurring(merchant: Merchant, wanted: RecurringInput) -> RecurringCharge:
    """Save a schedule; a period that begins now is asked for right afterwards, by the flow.

    Raises NotFound for another's customer, wallet or method, InvalidState for a customer without
    a method that can be charged, ValidationFailed.
    """
    row = scheduling.plan(merchant, wanted)
    at = row.created_at
    if wanted.collection == "charge":
        method = method_of(row.customer, wanted.payment_method_id)
        row.payment_method = method if wanted.payment_method_id else None
        _fits(row, method)
        if method.rail == "ach" and row.currency != "USD":
            raise ValidationFailed(
                [("currency", f"must be USD: {method} is an American bank account")]
            )
    plan_next(row)
    if row.next_at is not None and row.next_at <= at:
        # The flow goes on with the first period itself.
        row.leased_until = clock.wall() + LEASE
    row.save(force_insert=True)
    events.record("recurring_charge.created", row)
    idempotency.note(row.public_id)
    return row


@action
def update_recurring(
    merchant: Merchant, recurring_id: str, changes: RecurringChanges
) -> RecurringCharge:
    """Change what is named, from the next period on.

    Raises InvalidState for one that has ended, Conflict while a period's charge is under way.
    """
    row = _own(merchant, recurring_id)
    _not_ended(row)
    _not_charging(row)
    named = changes.model_fields_set
    _say_what_it_costs(row, changes)
    if "description" in named:
        row.description = changes.description
    for name in named & set(OF_INVOICES):
        value = changes.model_dump(mode="json", include={name})[name]
        if name == "metadata":
            row.metadata = value or {}
        elif value is None:
            row.template.pop(name, None)
        else:
            row.template[name] = value
    if named & {"tax_rate", "taxes"}:
        # One way of naming taxes replaces the other.
        for other in {"tax_rate", "taxes"} - named:
            row.template.pop(other, None)
    if "wallet_id" in named:
        row.wallet = drafts.wallet_of(merchant, changes.wallet_id)
    if "dunning" in named:
        row.dunning = changes.dunning.stored() if changes.dunning else None
    _choose_collection(row, changes)
    row.amount = scheduling.worth_charging(row)
    at = clock.now(merchant)
    if "end_at" in named:
        row.end_at = _later(changes.end_at, row, "end_at", at)
    row.updated_at = at
    plan_next(row)
    row.save()
    events.record("recurring_charge.updated", row)
    return row


@action
def pause_recurring(merchant: Merchant, recurring_id: str, wanted: PauseInput) -> RecurringCharge:
    """Ask for nothing until it is resumed; periods that begin meanwhile are left out."""
    row = _own(merchant, recurring_id)
    if row.status not in RUNNING:
        raise _wrong_state(row, "paused")
    at = clock.now(merchant)
    until = _later(wanted.until, row, "until", at)
    row.pause(at, "")
    row.resumes_at = until
    row.updated_at = at
    row.save()
    row.periods.update(retry_at=None)
    events.record("recurring_charge.paused", row)
    return row


@action
def resume_recurring(merchant: Merchant, recurring_id: str) -> RecurringCharge:
    """Go on with the next period that begins, and try again what had failed before the pause."""
    row = _own(merchant, recurring_id)
    if row.status != RecurringStatus.PAUSED:
        raise _wrong_state(row, "resumed")
    return _resume(row)


@action
def resume_in_time(recurring_pk: int) -> bool:
    """End a pause that was to last until now."""
    row = locked(recurring_pk)
    at = clock.now(row.merchant)
    if row.status != RecurringStatus.PAUSED or row.resumes_at is None or row.resumes_at > at:
        return False
    _resume(row)
    return True


@action
def end_in_time(recurring_pk: int) -> bool:
    """End a schedule that is paused, at its end; one that runs ends instead of its next period."""
    row = locked(recurring_pk)
    at = clock.now(row.merchant)
    if row.status != RecurringStatus.PAUSED or row.end_at is None or row.end_at > at:
        return False
    row.end(at, ITS_END)
    row.updated_at = at
    row.save()
    events.record("recurring_charge.ended", row)
    return True


@action
def cancel_recurring(merchant: Merchant, recurring_id: str, wanted: CancelInput) -> RecurringCharge:
    """End it now, or with the period that is running; no invoice is changed by it."""
    row = _own(merchant, recurring_id)
    _not_ended(row)
    at = clock.now(merchant)
    row.updated_at = at
    if wanted.at == "period_end" and row.next_at is not None and row.next_at > at:
        row.end_at = row.next_at
        row.reason = wanted.reason
        plan_next(row)
        row.save()
        events.record("recurring_charge.updated", row)
        return row
    row.end(at, wanted.reason)
    row.save()
    row.periods.update(retry_at=None)
    events.record("recurring_charge.ended", row)
    return row


@action
def set_dunning(merchant: Merchant, wanted: DunningPolicyInput) -> DunningPolicy:
    """Choose how failed charges are tried again where a schedule has no rules of its own.

    What is left out stays.
    """
    named = wanted.model_dump(mode="json", include=wanted.model_fields_set)
    policy, _ = DunningPolicy.objects.select_for_update().get_or_create(
        merchant=merchant, defaults={"rules": {}, "updated_at": clock.now(merchant)}
    )
    policy.announce_days = named.pop("announce_days", policy.announce_days)
    policy.rules = {**policy.rules, **named}
    policy.updated_at = clock.now(merchant)
    policy.save()
    return policy


def _resume(row: RecurringCharge) -> RecurringCharge:
    at = clock.now(row.merchant)
    row.updated_at = at
    if has_run_out(row, at):
        row.end(at, ITS_END)
        row.save()
        events.record("recurring_charge.ended", row)
        return row
    row.resume()
    failing = row.periods.filter(status=RecurringPeriod.Status.OPEN).exclude(failure_code="")
    if failing.update(retry_at=at, needs_payer=False):
        row.fall_behind()
    row.next_number = number_at(row, at)
    plan_next(row)
    row.save()
    events.record("recurring_charge.resumed", row)
    return row


def _say_what_it_costs(row: RecurringCharge, changes: RecurringChanges) -> None:
    """Its lines, as the changes name them; one line over an amount is named as the whole is."""
    template = row.template
    if changes.amount is not None:
        in_minor_units(changes.amount, row.currency)
        if any(kept & template.keys() and not kept & changes.model_fields_set for kept in BORNE):
            # What is shown is after them, and what is taken before: too easily mistaken.
            problem = 'takes its taxes and discounts beside it, or "line_items" instead'
            raise ValidationFailed([("amount", problem)])
    (first, *more) = template["line_items"]
    if changes.amount is not None or changes.line_items:
        template["line_items"] = scheduling.lines_of(
            changes, changes.description or row.description
        )
    elif changes.description and not more and first["description"] == row.description:
        template["line_items"] = [{**first, "description": changes.description}]


def _choose_collection(row: RecurringCharge, changes: RecurringChanges) -> None:
    named = changes.model_fields_set
    if "collection" in named:
        row.collection = changes.collection
    if row.collection == RecurringCharge.Collection.SEND:
        if changes.payment_method_id:
            raise ValidationFailed(
                [("payment_method_id", 'must be left out where "collection" is "send"')]
            )
        row.payment_method = None
    elif named & {"payment_method_id", "collection"}:
        method = method_of(row.customer, changes.payment_method_id)
        row.payment_method = method if changes.payment_method_id else None
        _fits(row, method)
        _try_at_once(row)


def _fits(row: RecurringCharge, method: PaymentMethod) -> None:
    """Raises ValidationFailed for an amount that is never charged to such a method."""
    if problem := outside(row.amount, row.currency, method):
        raise ValidationFailed([("amount", problem)])


def _try_at_once(row: RecurringCharge) -> None:
    """Another method was chosen: what had failed is tried with it, or after the pause."""
    failing = row.periods.filter(status=RecurringPeriod.Status.OPEN).exclude(failure_code="")
    due = clock.now(row.merchant) if row.status in RUNNING else None
    failing.update(retry_at=due, failure_advice="", needs_payer=False)


def _later(
    value: datetime | date | None, row: RecurringCharge, field: str, at: datetime
) -> datetime | None:
    instant = clock.start_of(value, row.timezone) if value else None
    if instant is not None and instant <= at:
        raise ValidationFailed([(field, "must be in the future")])
    return instant


def _not_ended(row: RecurringCharge) -> None:
    if row.status == RecurringStatus.ENDED:
        raise _wrong_state(row, "changed")


def _not_charging(row: RecurringCharge) -> None:
    under_way: QuerySet[Payment] = Payment.objects.filter(
        invoice__recurring_period__recurring=row, status__in=IN_FLIGHT
    )
    if under_way.exists():
        raise Conflict(
            "A charge of this schedule is under way; wait until it is known what became of it."
        )


def _wrong_state(row: RecurringCharge, participle: str) -> InvalidState:
    return InvalidState(
        f"This recurring charge is {row.get_status_display().lower()}, so it cannot be "
        f"{participle}.",
        details={"status": row.status},
    )


def _own(merchant: Merchant, recurring_id: str) -> RecurringCharge:
    pk = merchant.recurring_charges.filter(public_id=recurring_id).values_list("pk", flat=True)
    found = pk.first()
    if found is None:
        raise NotFound(f"There is no recurring charge {recurring_id}.")
    return locked(found)
