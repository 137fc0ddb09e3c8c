"""What may be asked for about money: fields, limits and messages."""

import re
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self

from isodate import Duration, parse_duration
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from invoicing.fields import CurrencyCode, Input, Instant, Line, PositiveAmount

# Each part has at most six digits, so that none of them leaves the calendar by itself.
_DURATION: Final = re.compile(
    r"P(?=[0-9T])([0-9]{1,6}Y)?([0-9]{1,6}M)?([0-9]{1,6}W)?([0-9]{1,6}D)?"
    r"(T(?=[0-9])([0-9]{1,6}H)?([0-9]{1,6}M)?([0-9]{1,6}S)?)?"
)


ALL_THAT_IS_DUE: Final = "All that is due when left out."


class PaymentInput(Input):
    """How a payer wants to pay: all that is due unless an amount is named."""

    rail: Annotated[str, Field(max_length=20)] | None = Field(
        default=None, description="How to pay; the best way there is when left out."
    )
    amount: PositiveAmount | None = Field(default=None, description=ALL_THAT_IS_DUE)


class MarkPaidInput(Input):
    """Money received elsewhere: all that is due unless an amount is named."""

    amount: PositiveAmount | None = Field(default=None, description=ALL_THAT_IS_DUE)
    method: Literal["cash", "bank_transfer", "check", "card_terminal", "other"] = "other"
    reference: Annotated[Line, Field(max_length=200)] = Field(
        default="", description="What the bank or the till calls it."
    )
    note: Annotated[Line, Field(max_length=500)] = Field(
        default="", description="For your own memory."
    )


def _named(name: str) -> str:
    if not name:
        raise ValueError("must not be empty")
    return name


class WalletInput(Input):
    """A wallet as it is created: one asset, a name, and whether it receives by default."""

    name: Annotated[Line, Field(max_length=100), AfterValidator(_named)]
    currency: CurrencyCode
    is_default: bool = Field(
        default=False, strict=True, description="Whether it receives where no wallet is named."
    )


class WalletChanges(Input):
    """What may be changed about a wallet; its asset may not."""

    name: Annotated[Line, Field(max_length=100), AfterValidator(_named)] = ""
    is_default: bool = Field(default=False, strict=True)


def _duration(text: Any) -> timedelta | Duration:
    """ISO 8601: P40D, P1M, PT90M. Months and years are as long as the calendar says."""
    if not isinstance(text, str) or not _DURATION.fullmatch(text):
        raise ValueError("must be an ISO 8601 duration such as P40D, P1M or PT90M")
    duration: timedelta | Duration = parse_duration(text)
    if not duration:
        raise ValueError("must be more than nothing")
    return duration


class ClockInput(Input):
    """Where to move a test merchant's clock: by an ISO 8601 duration, or to an instant."""

    advance: (
        Annotated[
            Any,
            BeforeValidator(_duration),
            WithJsonSchema({"type": "string", "examples": ["P40D"]}),
        ]
        | None
    ) = None
    to: Instant | None = None

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if (self.advance is None) == (self.to is None):
            raise ValueError('takes either "advance" or "to"')
        return self
