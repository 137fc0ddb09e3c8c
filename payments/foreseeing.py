"""What a schedule would ask for, before there is one: worked out as creating it would."""

from invoicing import clock, drafts
from invoicing.models import Merchant
from payments.actions import recurring as actions
from payments.models import RecurringCharge
from payments.recurring_inputs import RecurringInput


def foreseen(merchant: Merchant, wanted: RecurringInput) -> RecurringCharge:
    """The schedule that this would begin, not saved. Raises NotFound, ValidationFailed."""
    at = clock.now(merchant)
    row = RecurringCharge(
        merchant=merchant,
        customer=drafts.customer_of(merchant, wanted.customer_id),
        wallet=drafts.wallet_of(merchant, wanted.wallet_id),
        collection=wanted.collection,
        description=wanted.description,
        currency=wanted.currency or "",
        template=actions._template(wanted),
        metadata=wanted.metadata,
        interval=wanted.interval,
        interval_count=wanted.interval_count,
        timezone=merchant.timezone,
        prorate=wanted.proration == "prorate",
        created_at=at,
        updated_at=at,
    )
    row.currency = row.currency or actions._currency(row)
    row.amount = actions._worth_charging(row)
    actions._begin(row, wanted, at)
    return row
