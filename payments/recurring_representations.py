"""How recurring charges look in answers and events."""

from typing import Any

from django.db.models import Prefetch, QuerySet

from invoicing import money
from invoicing import representations as invoicing_representations
from invoicing.representations import instant
from payments import dunning
from payments.models import DunningPolicy, RecurringCharge, RecurringPeriod
from payments.recurring import ANNOUNCE_DAYS, invoice_of, period_of
from payments.upcoming import Upcoming


def loaded(rows: QuerySet[RecurringCharge]) -> QuerySet[RecurringCharge]:
    """With all that showing them takes."""
    open_periods = RecurringPeriod.objects.filter(status="open").order_by("number")
    return rows.select_related("merchant", "customer", "wallet", "payment_method").prefetch_related(
        Prefetch("periods", open_periods.select_related("invoice"), "open_periods")
    )


def recurring_charge(row: RecurringCharge) -> dict[str, Any]:
    """A schedule, and how its open periods stand."""
    template = row.template
    return {
        "id": row.public_id,
        "object": "recurring_charge",
        "status": row.status,
        "livemode": row.merchant.livemode,
        "customer_id": row.customer.public_id,
        "wallet_id": row.wallet.public_id if row.wallet else None,
        "payment_method_id": row.payment_method.public_id if row.payment_method else None,
        "collection": row.collection,
        "description": row.description,
        "currency": row.currency,
        "amount": money.to_text(row.amount, row.currency),
        "line_items": template["line_items"],
        "discount": template.get("discount"),
        "tax_rate": template.get("tax_rate"),
        "taxes": template.get("taxes"),
        "tax_behavior": template.get("tax_behavior"),
        "interval": row.interval,
        "interval_count": row.interval_count,
        "timezone": row.timezone,
        "anchor": instant(row.anchor_at),
        "start_at": instant(row.started_at),
        "end_at": instant(row.end_at),
        "proration": "prorate" if row.prorate else "none",
        "next_charge_at": _next_charge(row),
        "open_periods": [_standing(period, row) for period in _open_periods(row)],
        "dunning": dunning.write_rules(dunning.read_rules(row.dunning)) if row.dunning else None,
        "paused_at": instant(row.paused_at),
        "resumes_at": instant(row.resumes_at),
        "ended_at": instant(row.ended_at),
        "reason": row.reason or None,
        "metadata": row.metadata,
        "created_at": instant(row.created_at),
        "updated_at": instant(row.updated_at),
    }


def period(row: RecurringPeriod) -> dict[str, Any]:
    """One period and its invoice; what it takes is `recurring` and `invoice`."""
    return {
        "object": "recurring_period",
        "recurring_charge_id": row.recurring.public_id,
        **_standing(row, row.recurring),
    }


def upcoming(next_one: Upcoming) -> dict[str, Any]:
    """What the next period will ask for, as an invoice that is not there yet."""
    row = next_one.recurring
    starts, ends = period_of(row, next_one.number)
    invoice, lines = invoice_of(row, next_one.number)
    return {
        "object": "upcoming_invoice",
        "recurring_charge_id": row.public_id,
        "number": next_one.number,
        "period_start": instant(starts),
        "period_end": instant(ends),
        "charge_at": instant(starts),
        "collection": row.collection,
        "invoice": invoicing_representations.preview(invoice, lines),
    }


def dunning_policy(policy: DunningPolicy | None) -> dict[str, Any]:
    """A merchant's way with failed charges; the usual one where nothing was chosen."""
    rules = dunning.read_rules(policy.rules if policy else None)
    return {
        "object": "dunning_policy",
        **dunning.write_rules(rules),
        "announce_days": policy.announce_days if policy else ANNOUNCE_DAYS,
        "updated_at": instant(policy.updated_at) if policy else None,
    }


def _next_charge(row: RecurringCharge) -> str | None:
    """When the next period begins; none where the end comes first."""
    if row.next_at is None or (row.end_at is not None and row.next_at >= row.end_at):
        return None
    return instant(row.next_at)


def _standing(row: RecurringPeriod, schedule: RecurringCharge) -> dict[str, Any]:
    return {
        "number": row.number,
        "status": row.status,
        "period_start": instant(row.starts_at),
        "period_end": instant(row.ends_at),
        "invoice_id": row.invoice.public_id,
        "invoice_number": row.invoice.number,
        "amount_due": money.to_text(row.invoice.amount_due, schedule.currency),
        "retries_made": row.retries_made,
        # Where only the payer can help nothing is tried, and they have until it is given up.
        "retry_at": None if row.needs_payer else instant(row.retry_at),
        "gives_up_at": instant(row.retry_at) if row.needs_payer else None,
        "failure": {
            "code": row.failure_code,
            "message": row.failure_message,
            "advice": row.failure_advice or None,
        }
        if row.failure_code and row.status != RecurringPeriod.Status.PAID
        else None,
    }


def _open_periods(row: RecurringCharge) -> list[RecurringPeriod]:
    if hasattr(row, "open_periods"):
        return list(row.open_periods)
    return list(row.periods.filter(status="open").order_by("number").select_related("invoice"))
