"""What may be asked for about recurring charges: fields, limits and messages."""

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from invoicing.fields import (
    CurrencyCode,
    Input,
    Instant,
    Language,
    Line,
    Metadata,
    Name,
    PositiveAmount,
    Reference,
    Text,
    WrongField,
)
from invoicing.inputs import MAX_LINES, DiscountInput, LineItemInput, Taxed
from payments.schedule import MOST_INTERVALS

Interval = Literal["weekly", "monthly", "quarterly", "yearly"]
MAX_TRIAL_DAYS: Final = 730
MAX_RETRIES: Final = 14


def _local_time(text: str) -> str:
    if text and not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text, re.ASCII):
        raise ValueError("must be a time of day such as 09:00")
    return text


class RetryInput(Input):
    """One more try: so many days after the failure before it."""

    days: Annotated[int, Field(ge=0, le=60, strict=True)]
    at: Annotated[str, AfterValidator(_local_time)] | None = Field(
        default=None,
        description="A local time of day; the same time as the failure when left out.",
    )

    @model_validator(mode="after")
    def _takes_time(self) -> Self:
        if not self.days and not self.at:
            raise WrongField("days", 'must be at least 1, unless "at" names a time of day')
        return self


class DunningInput(Input):
    """How failed charges are tried again, and what comes after the last one."""

    retries: Annotated[list[RetryInput], Field(max_length=MAX_RETRIES)] | None = Field(
        default=None, description="Two, five, seven and seven days when left out; [] never retries."
    )
    then: Literal["end", "pause", "keep"] = Field(
        default="end",
        description="What becomes of the schedule: it ends, is paused, or goes on past due.",
    )
    invoice: Literal["uncollectible", "open"] = Field(
        default="uncollectible", description="What becomes of the invoice that was not paid."
    )
    mail_payer: bool = Field(
        default=True, strict=True, description="Whether the payer is told of each failure."
    )

    def stored(self) -> dict[str, Any]:
        """As a row keeps it: what was left out stays as usual."""
        return self.model_dump(mode="json", exclude_none=True)


class DunningPolicyInput(DunningInput):
    """A merchant's way with failed charges, and when periods are announced."""

    announce_days: Annotated[int, Field(ge=0, le=60, strict=True)] = Field(
        default=3, description="How many days before a period `invoice.upcoming` is told."
    )


class Rhythm(Input):
    """How often, from when and until when."""

    interval: Interval
    interval_count: Annotated[int, Field(ge=1, strict=True)] = Field(
        default=1, description="Every so many intervals; five years apart at most."
    )
    anchor: Instant | None = Field(
        default=None,
        description="An instant that periods begin at, and that fixes their day and time; when it "
        "starts, if left out. A date is that day's first instant. It may lie in the past; in the "
        "future, it is the start unless `start_at` or `trial_days` says another.",
    )
    start_at: Instant | None = Field(
        default=None, description="When the first period may begin; now when left out."
    )
    trial_days: Annotated[int, Field(ge=1, le=MAX_TRIAL_DAYS, strict=True)] | None = Field(
        default=None, description="Start so many days from now. Instead of `start_at`."
    )
    proration: Literal["none", "prorate"] = Field(
        default="none",
        description="What is asked for the time between the start and the anchor: nothing, or "
        "the part of a period that it is.",
    )
    end_at: Instant | None = Field(
        default=None, description="No period begins then or later; never, when left out."
    )

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if self.start_at is not None and self.trial_days is not None:
            raise WrongField("trial_days", 'must be left out beside "start_at": one or the other')
        most = MOST_INTERVALS[self.interval]
        if self.interval_count > most:
            raise WrongField("interval_count", f"must be at most {most} for {self.interval}")
        return self


class RecurringInput(Rhythm, Taxed):
    """A schedule as it is created: whom, what, how often, and how it is collected."""

    customer_id: Reference
    wallet_id: Reference | None = Field(
        default=None, description="Which wallet receives; the currency's default when left out."
    )
    currency: CurrencyCode | None = Field(
        default=None,
        description="The wallet's, the customer's or the merchant's own when left out.",
    )
    amount: PositiveAmount | None = Field(
        default=None, description="One line of this much. Instead of `line_items`."
    )
    description: Annotated[Line, Field(max_length=500)] = Field(
        default="", description="What it is for; the first line's when left out."
    )
    line_items: Annotated[list[LineItemInput], Field(min_length=1, max_length=MAX_LINES)] | None = (
        None
    )
    discount: DiscountInput | None = Field(default=None, description="Taken off the whole.")
    collection: Literal["charge", "send"] = Field(
        default="charge",
        description="`charge` a saved method, or `send` each invoice to be paid by hand.",
    )
    payment_method_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The customer's default when left out, at the time of each charge."
    )
    title: Name = ""
    message: Text = ""
    memo: Text = ""
    notes: Text = ""
    purchase_order: Annotated[Line, Field(max_length=100)] = ""
    language: Language = ""
    metadata: Metadata = Field(default={}, description="Also on each invoice.")
    dunning: DunningInput | None = Field(
        default=None, description="How failures are tried again; as the merchant's when left out."
    )

    @model_validator(mode="after")
    def _what_for(self) -> Self:
        if (self.amount is None) == (self.line_items is None):
            field = "amount" if self.amount is None else "line_items"
            raise WrongField(field, 'takes either "amount" or "line_items"')
        if self.amount is not None and not self.description:
            raise WrongField("description", 'is required beside "amount"')
        if self.collection == "send" and self.payment_method_id:
            raise WrongField("payment_method_id", 'must be left out where "collection" is "send"')
        return self


# What of a schedule's request makes its invoices.
OF_INVOICES: Final = (
    "discount",
    "tax_rate",
    "taxes",
    "tax_behavior",
    "title",
    "message",
    "memo",
    "notes",
    "purchase_order",
    "language",
    "metadata",
)


class RecurringChanges(Taxed):
    """What may be changed about a schedule, from its next period on; what is left out stays."""

    amount: PositiveAmount | None = Field(
        default=None, description="One line of this much, instead of the lines there are."
    )
    description: Annotated[Line, Field(max_length=500)] = ""
    line_items: Annotated[list[LineItemInput], Field(min_length=1, max_length=MAX_LINES)] | None = (
        None
    )
    discount: DiscountInput | None = None
    payment_method_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description='"" goes back to the customer\'s default.'
    )
    wallet_id: Reference | None = None
    collection: Literal["charge", "send"] = "charge"
    end_at: Instant | None = Field(default=None, description="null takes the end away.")
    title: Name = ""
    message: Text = ""
    memo: Text = ""
    notes: Text = ""
    purchase_order: Annotated[Line, Field(max_length=100)] = ""
    language: Language = ""
    metadata: Metadata = {}
    dunning: DunningInput | None = Field(
        default=None, description="null goes back to the merchant's."
    )

    @model_validator(mode="after")
    def _one_kind_of_lines(self) -> Self:
        if "description" in self.model_fields_set and not self.description:
            raise WrongField("description", "must not be empty")
        if self.amount is not None and self.line_items is not None:
            raise WrongField("line_items", 'must be left out beside "amount": one or the other')
        return self


class PauseInput(Input):
    """For how long a schedule is paused."""

    until: Instant | None = Field(
        default=None, description="When it resumes by itself; not until you say so, if left out."
    )


class CancelInput(Input):
    """When a schedule ends."""

    at: Literal["now", "period_end"] = Field(
        default="now",
        description="`period_end` lets the period that is paid for run out. Nothing is refunded "
        "by either, and an invoice that is still open stays so.",
    )
    reason: Annotated[Line, Field(max_length=200)] = ""
