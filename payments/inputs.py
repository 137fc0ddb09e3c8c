"""What may be asked for about money: fields, limits and messages."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from isodate import Duration, parse_duration
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from invoicing import money
from invoicing.errors import ValidationFailed
from invoicing.fields import (
    COMPOSED,
    CurrencyCode,
    Input,
    Instant,
    Line,
    PositiveAmount,
    Quantity,
    Reference,
    Text,
    WrongField,
    many_lines,
)
from payments.recurring_inputs import Rhythm

# Each part has at most six digits, so that none of them leaves the calendar by itself.
_PARTS: Final = (
    r"P(?=[0-9T])([0-9]{1,6}Y)?([0-9]{1,6}M)?([0-9]{1,6}W)?([0-9]{1,6}D)?"
    r"(T(?=[0-9])([0-9]{1,6}H)?([0-9]{1,6}M)?([0-9]{1,6}S)?)?"
)
_DURATION: Final = re.compile(_PARTS)
_LONG_DURATION: Final = re.compile(f"(?=.*[0-9]{{7}}){_PARTS}".replace("{1,6}", "+"))

ChainAddress = Annotated[Line, Field(max_length=42)]
ChainName = Annotated[Line, Field(max_length=32)]
WHERE_TO: Final = (
    "The payer's own address, where money goes back that came as USDC. You send it yourself."
)
WHICH_CHAIN: Final = "The chain to send it on; the one by which it came when left out."

ALL_THAT_IS_DUE: Final = "All that is due when left out."


def in_minor_units(amount: Decimal | None, currency: str) -> int | None:
    """An amount as it was asked for, in minor units. Raises ValidationFailed if it is too fine."""
    if amount is None:
        return None
    try:
        return money.to_minor(amount, money.asset(currency).decimals)
    except ValueError as problem:
        raise ValidationFailed([("amount", str(problem))]) from None


class PaymentInput(Input):
    """How a payer wants to pay: all that is due unless an amount is named."""

    rail: Annotated[str, Field(max_length=20)] | None = Field(
        default=None, description="How to pay; the best way there is when left out."
    )
    amount: PositiveAmount | None = Field(default=None, description=ALL_THAT_IS_DUE)


class MarkPaidInput(Input):
    """Money received elsewhere: all that is due unless an amount is named.

    With `tx_hash` it is not declared but verified on its chain.
    """

    amount: PositiveAmount | None = Field(default=None, description=ALL_THAT_IS_DUE)
    method: Literal["cash", "bank_transfer", "check", "card_terminal", "other"] = "other"
    reference: Annotated[Line, Field(max_length=200)] = Field(
        default="", description="What the bank or the till calls it."
    )
    tx_hash: Annotated[Line, Field(max_length=66)] = Field(
        default="",
        description="The transaction that brought USDC: its chain is asked for token, recipient, "
        "amount and confirmations, and nothing else here counts.",
    )
    chain: ChainName = Field(
        default="", description="The chain of tx_hash; all of them are asked when left out."
    )
    note: Annotated[Line, Field(max_length=500)] = Field(
        default="", description="For your own memory."
    )

    @model_validator(mode="after")
    def _a_chain_for_a_transaction(self) -> Self:
        if self.chain and not self.tx_hash:
            raise WrongField("chain", "is of use only beside a tx_hash")
        if self.tx_hash and self.amount is not None:
            raise WrongField("amount", "must be left out beside tx_hash: the chain says how much")
        return self


class RefundInput(Input):
    """Money to give back: all that can be, the way it came, unless it says otherwise."""

    amount: PositiveAmount | None = Field(
        default=None, description="All that can still be refunded when left out."
    )
    reason: Literal["requested_by_customer", "duplicate", "fraudulent", "overpayment", "other"] = (
        "requested_by_customer"
    )
    destination: Literal["original", "wallet", "credit_balance", "manual"] | None = Field(
        default=None,
        description="Where the money goes: the way it was paid when left out. `wallet` takes a "
        "wallet_id; `credit_balance` keeps it for later invoices; `manual` says that you give it "
        "back yourself.",
    )
    payment_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="Which payment to refund; the newest first when left out."
    )
    wallet_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="Whose wallet gets it, where the destination is a wallet."
    )
    address: ChainAddress = Field(default="", description=WHERE_TO)
    chain: ChainName = Field(default="", description=WHICH_CHAIN)
    note: Annotated[Line, Field(max_length=500)] = Field(
        default="", description="For your own memory."
    )

    @model_validator(mode="after")
    def _a_wallet_for_a_wallet(self) -> Self:
        if (self.destination == "wallet") != bool(self.wallet_id):
            raise WrongField("wallet_id", 'is needed for the destination "wallet", and only there')
        return self


class CreditedLine(Input):
    """A line of the invoice to credit, or a part of its quantity."""

    id: Annotated[Line, Field(min_length=1, max_length=40)]
    quantity: Quantity | None = Field(
        default=None, description="All that has not been credited yet when left out."
    )


class CreditNoteInput(Input):
    """What to take back of an invoice: an amount, some lines, or all that is left."""

    amount: PositiveAmount | None = Field(
        default=None, description="Taxes included. All that is left without it and `line_items`."
    )
    line_items: Annotated[list[CreditedLine], Field(min_length=1, max_length=500)] | None = Field(
        default=None, description="Lines of the invoice by id. Instead of `amount`."
    )
    reason: Literal[
        "requested_by_customer",
        "duplicate",
        "fraudulent",
        "order_change",
        "product_unsatisfactory",
        "other",
    ] = "requested_by_customer"
    memo: Text = Field(default="", description="On the document.")
    destination: Literal["original", "wallet", "credit_balance", "manual"] | None = Field(
        default=None, description="Where money goes that had been paid, as for refunds."
    )
    wallet_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="Whose wallet gets it, where the destination is a wallet."
    )
    send: Annotated[bool, Field(strict=True)] | None = Field(
        default=None,
        description="Whether to mail it to the invoice's recipient; if there is an address, when "
        "left out.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.amount is not None and self.line_items is not None:
            raise WrongField("line_items", 'must be left out beside "amount": one or the other')
        if (self.destination == "wallet") != bool(self.wallet_id):
            raise WrongField("wallet_id", 'is needed for the destination "wallet", and only there')
        return self


EvidenceText = Annotated[str, Field(max_length=20_000), COMPOSED, AfterValidator(many_lines)]


class EvidenceInput(Input):
    """What the merchant tells the bank; only what is named changes."""

    product_description: EvidenceText = ""
    customer_name: EvidenceText = ""
    customer_email_address: EvidenceText = ""
    customer_purchase_ip: EvidenceText = ""
    billing_address: EvidenceText = ""
    service_date: EvidenceText = ""
    shipping_date: EvidenceText = ""
    shipping_carrier: EvidenceText = ""
    shipping_tracking_number: EvidenceText = ""
    shipping_address: EvidenceText = ""
    access_activity_log: EvidenceText = ""
    refund_policy_disclosure: EvidenceText = ""
    refund_refusal_explanation: EvidenceText = ""
    cancellation_policy_disclosure: EvidenceText = ""
    cancellation_rebuttal: EvidenceText = ""
    duplicate_charge_id: EvidenceText = ""
    duplicate_charge_explanation: EvidenceText = ""
    uncategorized_text: EvidenceText = ""

    def said(self) -> dict[str, str]:
        """What was named; emptied fields are left out of the answer again."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class ChargeInput(Input):
    """A charge of a saved method, the payer being away: it makes an invoice and pays it at once."""

    customer_id: Annotated[Line, Field(min_length=1, max_length=40)]
    wallet_id: Reference | None = Field(
        default=None, description="Which wallet receives; the currency's default when left out."
    )
    amount: PositiveAmount
    currency: CurrencyCode | None = Field(
        default=None, description="The customer's or the merchant's currency when left out."
    )
    description: Annotated[Line, Field(min_length=1, max_length=500)]
    payment_method_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The customer's default when left out."
    )
    recurring: Rhythm | None = Field(
        default=None,
        description="Charge it again and again: this starts a recurring charge, whose first "
        "period is charged at once unless it begins later.",
    )


class DepositRefundInput(Input):
    """Where unmatched USDC goes back to; other money goes back the way it came."""

    address: ChainAddress = Field(default="", description=WHERE_TO)
    chain: ChainName = Field(default="", description=WHICH_CHAIN)


class DepositMatch(Input):
    """Which invoice unmatched money was for."""

    invoice_id: Annotated[Line, Field(min_length=1, max_length=40)]
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
    if isinstance(text, str) and _LONG_DURATION.fullmatch(text):
        raise ValueError("is too long: each of its numbers has at most six digits")
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
