"""What may be asked for about reminders, promises and questions, with its limits."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from invoicing import money
from invoicing.errors import ValidationFailed
from invoicing.fields import (
    COMPOSED,
    CurrencyCode,
    Email,
    Input,
    Instant,
    Percent,
    PositiveAmount,
    WrongField,
    many_lines,
)
from invoicing.reminder_rules import MORNING

MAX_RULES: Final = 10
REPEATS: Final = 3


class LateFeeInput(Input):
    """A late fee: a percentage of what is due, or an amount."""

    percent: Percent | None = Field(default=None, description="Of what is due at that moment.")
    amount: PositiveAmount | None = Field(
        default=None, description="Charged on invoices in `currency` only: nothing is converted."
    )
    currency: CurrencyCode | None = Field(
        default=None, description="Of the amount; the customer's or the merchant's own if left out."
    )

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if (self.percent is None) == (self.amount is None):
            raise ValueError('takes either "percent" or "amount"')
        if self.percent is not None and not self.percent:
            raise WrongField("percent", "must be more than 0")
        if self.currency is not None and self.amount is None:
            raise WrongField("currency", "belongs to an amount")
        return self


class ReminderRule(Input):
    """One reminder, relative to the due date."""

    days: Annotated[int, Field(ge=-60, le=365, strict=True)] = Field(
        description="Days after the due date; negative before it, 0 on it."
    )
    late_fee: LateFeeInput | None = Field(
        default=None, description="Billed as an invoice of its own; only after the due date."
    )
    fee_repeats: bool = Field(
        default=False,
        strict=True,
        description="Whether the late fee is charged each time the rule comes again, or once.",
    )
    repeat_every_days: Annotated[int, Field(ge=1, le=90, strict=True)] | None = Field(
        default=None, description="Only the last rule may come again, this many days later."
    )
    repeat_at_most: Annotated[int, Field(ge=1, le=24, strict=True)] | None = Field(
        default=None, description=f"How often it comes again, {REPEATS} times when left out."
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.late_fee is not None and self.days < 1:
            raise WrongField("late_fee", "can only be charged after the due date")
        if self.repeat_at_most is not None and self.repeat_every_days is None:
            raise WrongField("repeat_at_most", 'takes "repeat_every_days" as well')
        if self.fee_repeats and (self.late_fee is None or self.repeat_every_days is None):
            raise WrongField("fee_repeats", 'takes a "late_fee" and "repeat_every_days" as well')
        return self


def _in_order(rules: list[ReminderRule]) -> list[ReminderRule]:
    rules = sorted(rules, key=lambda rule: rule.days)
    for earlier, later in zip(rules, rules[1:], strict=False):
        if earlier.days == later.days:
            raise ValueError(f"must not have two reminders for the same day ({later.days})")
        if earlier.repeat_every_days is not None:
            raise ValueError("must not repeat a rule that is not the last one")
    return rules


Rules = Annotated[list[ReminderRule], Field(max_length=MAX_RULES), AfterValidator(_in_order)]


class RemindersInput(Input):
    """A merchant's reminders, as a whole."""

    enabled: bool = Field(strict=True, description="Whether anybody is reminded.")
    hour: Annotated[int, Field(ge=0, le=23, strict=True)] = Field(
        default=MORNING, description="The hour of the day, in the merchant's time zone."
    )
    rules: Rules = Field(description="Sorted by `days`, of which each may be there once.")


class CustomerReminders(Input):
    """Whether the merchant's rules hold for a customer."""

    mode: Literal["inherit", "off", "own"] = Field(
        default="inherit", description="The merchant's rules, none, or the `rules` here."
    )
    rules: Rules = []

    @model_validator(mode="after")
    def _rules_if_own(self) -> Self:
        if self.mode == "own" and not self.rules:
            raise WrongField("rules", "must have at least 1 rule of their own")
        if self.mode != "own" and self.rules:
            raise WrongField("rules", 'take "mode": "own"')
        return self


class PauseInput(Input):
    """Until when reminders are paused."""

    until: Instant | None = Field(
        default=None, description="A date is the end of that day; until resumed, when left out."
    )


Words = Annotated[str, Field(min_length=1, max_length=2000), COMPOSED, AfterValidator(many_lines)]


class QuestionInput(Input):
    """A payer's question about an invoice."""

    text: Words
    reply_to: Email = ""


class PromiseInput(Input):
    """The day by which a payer says they will pay."""

    on: date


class AnswerInput(Input):
    """What the merchant writes back."""

    text: Words


def stored(rules: Sequence[ReminderRule], currency: str, path: str) -> list[dict[str, Any]]:
    """Rules as they are kept on file: amounts as text in their currency.

    `path` is where they stand in the request. Raises ValidationFailed, naming the field.
    """
    rows = []
    for place, rule in enumerate(rules):
        fee: dict[str, str] | None = None
        if rule.late_fee is not None and rule.late_fee.percent is not None:
            fee = {"percent": money.plain(rule.late_fee.percent)}
        elif rule.late_fee is not None:
            code = rule.late_fee.currency or currency
            amount = rule.late_fee.amount or Decimal(0)
            try:
                minor = money.to_minor(amount, money.asset(code).decimals)
            except ValueError as problem:
                field = f"{path}[{place}].late_fee.amount"
                raise ValidationFailed([(field, str(problem))]) from None
            fee = {"amount": money.to_text(minor, code), "currency": code}
        rows.append(
            {
                "days": rule.days,
                "late_fee": fee,
                "fee_repeats": rule.fee_repeats,
                "repeat_every_days": rule.repeat_every_days,
                "repeat_at_most": (rule.repeat_at_most or REPEATS)
                if rule.repeat_every_days
                else None,
            }
        )
    return rows
