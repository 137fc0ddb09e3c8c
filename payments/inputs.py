"""What may be asked for about money: fields, limits and messages."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from invoicing.inputs import CurrencyCode, Input, Instant, Line, PositiveAmount


class PaymentInput(Input):
    """How a payer wants to pay: all that is due unless an amount is named."""

    rail: Annotated[str, Field(max_length=20)] | None = None
    amount: PositiveAmount | None = None


class MarkPaidInput(Input):
    """Money received elsewhere: all that is due unless an amount is named."""

    amount: PositiveAmount | None = None
    method: Literal["cash", "bank_transfer", "check", "card_terminal", "other"] = "other"
    reference: Annotated[Line, Field(max_length=200)] = ""
    note: Annotated[Line, Field(max_length=500)] = ""


def _named(name: str) -> str:
    if not name:
        raise ValueError("must not be empty")
    return name


class WalletInput(Input):
    """A wallet as it is created: one asset, a name, and whether it receives by default."""

    name: Annotated[Line, Field(max_length=100), AfterValidator(_named)]
    currency: CurrencyCode
    is_default: bool = Field(default=False, strict=True)


class WalletChanges(Input):
    """What may be changed about a wallet; its asset may not."""

    name: Annotated[Line, Field(max_length=100), AfterValidator(_named)] = ""
    is_default: bool = Field(default=False, strict=True)


class ClockInput(Input):
    """Where to move a test merchant's clock: by an ISO 8601 duration, or to an instant."""

    advance: Annotated[str, Field(max_length=40)] | None = None
    to: Instant | None = None
