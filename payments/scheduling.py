"""A schedule from what was asked for, worked out and not saved: to create it, or to preview it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from invoicing import clock, drafts
from invoicing.errors import ValidationFailed
from invoicing.models import Merchant
from payments.inputs import in_minor_units
from payments.models import RecurringCharge
from payments.recurring import amount_of
from payments.recurring_inputs import OF_INVOICES, RecurringChanges, RecurringInput
from payments.schedule import Schedule


def plan(merchant: Merchant, wanted: RecurringInput) -> RecurringCharge:
    """The schedule that this asks for. Raises NotFound for another's customer or wallet,
    ValidationFailed for what does not add up."""
    at = clock.now(merchant)
    row = RecurringCharge(
        merchant=merchant,
        customer=drafts.customer_of(merchant, wanted.customer_id),
        wallet=drafts.wallet_of(merchant, wanted.wallet_id),
        collection=wanted.collection,
        description=wanted.description or _first_line(wanted.line_items),
        currency=wanted.currency or "",
        template=_template(wanted),
        metadata=wanted.metadata,
        interval=wanted.interval,
        interval_count=wanted.interval_count,
        timezone=merchant.timezone,
        prorate=wanted.proration == "prorate",
        dunning=wanted.dunning.stored() if wanted.dunning else None,
        created_at=at,
        updated_at=at,
    )
    row.currency = row.currency or _currency(row)
    in_minor_units(wanted.amount, row.currency)  # a charge is never of a rounded amount
    row.amount = worth_charging(row)
    _begin(row, wanted, at)
    return row


def worth_charging(row: RecurringCharge) -> int:
    """What a whole period asks for, in minor units. Raises ValidationFailed for nothing."""
    amount = amount_of(row)
    if not amount:
        raise ValidationFailed([("line_items", "must add up to more than nothing")])
    return amount


def lines_of(wanted: RecurringInput | RecurringChanges, description: str) -> list[dict[str, Any]]:
    """Its lines as JSON; one of this description where there is only an amount."""
    if wanted.line_items is not None:
        dumped = wanted.model_dump(mode="json", include={"line_items"}, exclude_none=True)
        return list(dumped["line_items"])
    return [{"description": description, "quantity": "1", "unit_price": str(wanted.amount)}]


def _begin(row: RecurringCharge, wanted: RecurringInput, at: datetime) -> None:
    """When it starts, what anchors it, and the number of its first period."""
    anchor = clock.start_of(wanted.anchor, row.timezone) if wanted.anchor else None
    # Whole seconds: the instants that are shown are those that things happen at.
    now = start = at.replace(microsecond=0)
    if wanted.start_at:
        start = clock.start_of(wanted.start_at, row.timezone)
    elif wanted.trial_days:
        start = now + timedelta(days=wanted.trial_days)
    elif anchor is not None and not row.prorate:
        # Nothing is asked for the time before the anchor.
        start = max(anchor, now)
    if start < now:
        raise ValidationFailed([("start_at", "must not lie in the past")])
    anchor = anchor or start
    row.anchor_at = anchor.astimezone(UTC)
    rhythm = Schedule(row.anchor_at, ZoneInfo(row.timezone), row.interval, row.interval_count)
    try:
        first = rhythm.first_from(start)
        whole = rhythm.at(first)
    except (OverflowError, ValueError):
        raise ValidationFailed([("anchor", "leaves the calendar")]) from None
    part_first = row.prorate and whole > start
    row.started_at = start if part_first else whole
    # The first period is number 1, be it whole or the part before the anchor.
    row.anchor_number = (2 if part_first else 1) - first
    row.next_number = 1
    row.end_at = clock.start_of(wanted.end_at, row.timezone) if wanted.end_at else None
    if row.end_at is not None and row.end_at <= row.started_at:
        begins = row.started_at.astimezone(ZoneInfo(row.timezone))
        raise ValidationFailed(
            [("end_at", f"must be later than {begins.isoformat()}, when the first period begins")]
        )


def _template(wanted: RecurringInput) -> dict[str, Any]:
    """The part of the request that makes each period's invoice, as JSON."""
    said = wanted.model_dump(mode="json", include=set(OF_INVOICES), exclude_none=True)
    said.pop("metadata", None)
    return {**said, "line_items": lines_of(wanted, wanted.description)}


def _first_line(lines: Any) -> str:
    return str(lines[0].description).split("\n")[0] if lines else ""


def _currency(row: RecurringCharge) -> str:
    if row.wallet:
        return str(row.wallet.currency)
    return row.customer.currency or row.merchant.currency
