"""Recurring charges in steps: a period's invoice commits, the provider is asked, it is applied.

Every step is safe to repeat, and to do in any number of workers at once.
"""

from invoicing import idempotency
from invoicing.errors import BillhookError, Conflict, ValidationFailed
from invoicing.failpoints import failpoint
from invoicing.fields import read
from invoicing.models import Merchant
from payments import flows
from payments.actions import periods, recurring
from payments.inputs import ChargeInput
from payments.models import RecurringCharge, RecurringPeriod
from payments.recurring_inputs import RecurringInput, Rhythm

OF_RHYTHM = frozenset(Rhythm.model_fields)


def start(merchant: Merchant, wanted: RecurringInput) -> RecurringCharge:
    """Save a schedule, and charge its first period if that begins now."""
    begun = idempotency.noted()
    row = merchant.recurring_charges.filter(public_id=begun).first() if begun else None
    row = row or recurring.create_recurring(merchant, wanted)
    failpoint("recurring:after_create")
    charge_period(row.pk)
    return RecurringCharge.objects.get(pk=row.pk)


def charge(merchant: Merchant, wanted: ChargeInput) -> RecurringCharge:
    """Charge an amount again and again: a recurring charge by the door of a single one."""
    rhythm = wanted.recurring.model_dump(exclude_unset=True) if wanted.recurring else {}
    asked = wanted.model_dump(exclude_unset=True, exclude={"recurring"})
    try:
        return start(merchant, read(RecurringInput, {**asked, **rhythm}))
    except ValidationFailed as wrong:
        raise ValidationFailed(
            [
                (f"recurring.{name}" if name in OF_RHYTHM else name, why)
                for name, why in wrong.fields
            ]
        ) from None


def charge_when_due(recurring_pk: int) -> bool:
    """Ask for the period that is due unless somebody else is at it; whether there was one."""
    return periods.claim(RecurringCharge, recurring_pk) and charge_period(recurring_pk)


def retry_when_due(period_pk: int) -> bool:
    """Charge a period again unless somebody else is at it; whether a charge was made."""
    return periods.claim(RecurringPeriod, period_pk) and retry_period(period_pk)


def charge_period(recurring_pk: int) -> bool:
    """Ask for the period that is due, and charge it; whether there was one.

    A schedule whose next invoice cannot be made is paused, and says why.
    """
    try:
        period, payment = periods.begin_period(recurring_pk)
    except Conflict:
        # Changed, or done by somebody else, at the same moment.
        return False
    except BillhookError as trouble:
        periods.record_trouble(recurring_pk, str(trouble))
        return False
    failpoint("recurring:after_begin")
    if payment is not None:
        flows.carry_out(payment.pk)
    return period is not None


def retry_period(period_pk: int) -> bool:
    """Charge a period again whose last charge has failed; whether a charge was made."""
    payment = periods.begin_retry(period_pk)
    failpoint("recurring:after_begin_retry")
    if payment is None:
        return False
    flows.carry_out(payment.pk)
    return True
