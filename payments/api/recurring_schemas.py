"""The shape of what the API answers about recurring charges."""

from typing import Annotated, Any, Literal

from pydantic import Field

from invoicing.api.invoice_schemas import InvoicePreview
from invoicing.api.shapes import Amount, Currency, CustomerId, Instant, InvoiceId, Shape

RecurringId = Annotated[
    str, Field(pattern="^rec_[0-9a-f]{24}$", examples=["rec_9f86d081884c7d659a2feaa0"])
]
RecurringStatus = Literal["active", "past_due", "paused", "ended"]
Interval = Literal["weekly", "monthly", "quarterly", "yearly"]
Collection = Literal["charge", "send"]


class PeriodFailure(Shape):
    """Why the last charge of a period has failed."""

    code: Annotated[str, Field(examples=["insufficient_funds"])]
    message: Annotated[str, Field(examples=["The card has insufficient funds."])]
    advice: Literal["retry", "customer", "never"] | None


class Standing(Shape):
    """One period, its invoice, and how charging it stands."""

    number: Annotated[int, Field(examples=[3])]
    status: Literal["open", "paid", "given_up", "closed"]
    period_start: Instant
    period_end: Instant
    invoice_id: InvoiceId
    invoice_number: str | None
    amount_due: Amount
    retries_made: int
    retry_at: Instant | None
    gives_up_at: Annotated[
        Instant | None,
        Field(description="Where only the payer can help: nothing is tried, until then."),
    ]
    failure: PeriodFailure | None


class RecurringPeriod(Standing):
    """A period of a recurring charge."""

    object: Literal["recurring_period"]
    recurring_charge_id: RecurringId


class DunningRetry(Shape):
    """One more try: so many days after the failure before it."""

    days: int
    at: Annotated[str | None, Field(examples=["09:00"])]


class Dunning(Shape):
    """How failed charges are tried again, and what comes after the last one."""

    retries: list[DunningRetry]
    then: Literal["end", "pause", "keep"]
    invoice: Literal["uncollectible", "open"]
    mail_payer: bool


class DunningPolicy(Dunning):
    """A merchant's way with failed charges."""

    object: Literal["dunning_policy"]
    announce_days: int
    updated_at: Instant | None


class RecurringCharge(Shape):
    """A schedule that makes an invoice each period, and charges a saved method or sends it."""

    id: RecurringId
    object: Literal["recurring_charge"]
    status: Annotated[
        RecurringStatus,
        Field(description="`past_due`: a charge has failed so far, see `open_periods`."),
    ]
    livemode: bool
    customer_id: CustomerId
    wallet_id: str | None
    payment_method_id: Annotated[
        str | None, Field(description="null charges the customer's default, whichever it is then.")
    ]
    collection: Collection
    description: str
    currency: Currency
    amount: Annotated[Amount, Field(description="Of a whole period, taxes included.")]
    line_items: list[dict[str, Any]]
    discount: dict[str, Any] | None
    tax_rate: str | None
    taxes: list[dict[str, Any]] | None
    tax_behavior: str | None
    interval: Interval
    interval_count: int
    timezone: Annotated[str, Field(examples=["America/New_York"])]
    anchor: Instant
    start_at: Annotated[Instant, Field(description="When the first period begins.")]
    end_at: Instant | None
    proration: Literal["none", "prorate"]
    next_charge_at: Instant | None
    open_periods: list[Standing]
    dunning: Annotated[Dunning | None, Field(description="null: as the merchant's policy says.")]
    paused_at: Instant | None
    resumes_at: Instant | None
    ended_at: Instant | None
    reason: Annotated[str | None, Field(description="Why it is paused or has ended.")]
    metadata: dict[str, Any]
    created_at: Instant
    updated_at: Instant


class Upcoming(Shape):
    """What the next period will ask for, as an invoice that is not there yet."""

    object: Literal["upcoming_invoice"]
    recurring_charge_id: RecurringId
    number: int
    period_start: Instant
    period_end: Instant
    charge_at: Instant
    collection: Collection
    invoice: InvoicePreview
