"""What may be asked for in the checkout room: every input its doors accept, with its limits."""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from invoicing.fields import (
    COMPOSED,
    Amount,
    CurrencyCode,
    Email,
    Instant,
    Line,
    Percent,
    PositiveAmount,
    Reference,
    RequiredName,
    Text,
    WrongField,
    many_lines,
    one_line,
)
from invoicing.inputs import Input

MOST_ITEMS: Final = 20
MOST_FIELDS: Final = 10
MOST_CHOICES: Final = 20
MOST_SUGGESTED: Final = 6
MOST_ORIGINS: Final = 10

Rail = Literal["card", "ach", "usdc"]
FieldType = Literal["text", "long_text", "choice", "checkbox", "number", "date"]
Label = Annotated[str, Field(min_length=1, max_length=100), COMPOSED, AfterValidator(one_line)]
Short = Annotated[str, Field(max_length=500), COMPOSED, AfterValidator(many_lines)]
Address = Annotated[Line, Field(max_length=500)]


class PayerAmountInput(Input):
    """An amount that the payer chooses, between these two."""

    least: PositiveAmount
    most: PositiveAmount | None = None
    suggested: Annotated[list[PositiveAmount], Field(max_length=MOST_SUGGESTED)] = Field(
        default=[], description="Up to 6 amounts to choose with one press."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.most is not None and self.most < self.least:
            raise WrongField("most", "must be at least as much as `least`")
        for amount in self.suggested:
            if amount < self.least or (self.most is not None and amount > self.most):
                raise WrongField("suggested", "must lie between `least` and `most`")
        if len(set(self.suggested)) != len(self.suggested):
            raise WrongField("suggested", "must not contain the same amount twice")
        return self


class CheckoutItemInput(Input):
    """Something that a page sells."""

    id: Reference | None = Field(
        default=None, description="Of an item to keep as it is sold already; a new one without."
    )
    name: RequiredName
    description: Short = ""
    unit_price: Amount = Field(description="In the page's currency.")
    tax_rate: Percent | None = Field(default=None, description="In percent, on top of the price.")
    max_per_order: Annotated[int, Field(ge=1, le=1000, strict=True)] = Field(
        default=10, description="How many one payer can take at once."
    )
    stock: Annotated[int, Field(ge=0, le=1_000_000_000, strict=True)] | None = Field(
        default=None,
        description="How many there are to be sold in all, with those that are sold already; no "
        "end of them when left out.",
    )


class CustomFieldInput(Input):
    """Something that a payer is asked besides name and email."""

    key: Annotated[str, Field(max_length=40, pattern=r"^[a-z][a-z0-9_]*$")] = Field(
        description="What the answer is called in the API."
    )
    label: Label
    type: FieldType = "text"
    help: Annotated[str, Field(max_length=300), COMPOSED, AfterValidator(one_line)] = ""
    required: bool = Field(
        default=False, strict=True, description="A checkbox that is required must be ticked."
    )
    choices: Annotated[list[Label], Field(max_length=MOST_CHOICES)] = Field(
        default=[], description="What can be chosen; for `choice` only."
    )

    @model_validator(mode="after")
    def _choices_fit(self) -> Self:
        if self.type == "choice" and not self.choices:
            raise WrongField("choices", "must have at least 1 item")
        if self.type != "choice" and self.choices:
            raise WrongField("choices", "goes with the type choice only")
        if len(set(self.choices)) != len(self.choices):
            raise WrongField("choices", "must not contain the same choice twice")
        return self


def _keys_once(fields: list[CustomFieldInput]) -> list[CustomFieldInput]:
    keys = [field.key for field in fields]
    if len(set(keys)) != len(keys):
        raise ValueError("must not have the same key twice")
    return fields


def _once(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise ValueError("must not contain the same twice")
    return values


Origins = Annotated[list[Address], Field(max_length=MOST_ORIGINS), AfterValidator(_once)]


class CheckoutPageInput(Input):
    """A checkout page as it is created."""

    title: RequiredName = Field(description="What is sold, as the page's headline.")
    description: Text = Field(default="", description="What the page says below its title.")
    currency: CurrencyCode | None = Field(
        default=None, description="The wallet's or the merchant's own when left out."
    )
    amount: PositiveAmount | None = Field(
        default=None,
        description="What everybody pays there. Without `amount`, `payer_amount` and `items`, "
        "each invoice says how much.",
    )
    payer_amount: PayerAmountInput | None = Field(
        default=None, description="Instead, an amount that the payer chooses."
    )
    items: Annotated[list[CheckoutItemInput], Field(max_length=MOST_ITEMS)] = Field(
        default=[], description="Instead, up to 20 items, of which the payer takes some."
    )
    item_description: Short = Field(
        default="", description="What an invoice made there bills; the title when empty."
    )
    wallet_id: Reference | None = Field(
        default=None,
        description="Which wallet receives; the default of the currency when left out.",
    )
    active: bool = Field(
        default=True, strict=True, description="Whether payers can begin to pay there."
    )
    max_uses: Annotated[int, Field(ge=1, le=1_000_000_000, strict=True)] | None = Field(
        default=None, description="How often one can pay there in all; no end when left out."
    )
    expires_at: Instant | None = Field(
        default=None, description="Until when one can begin there; a date is the end of that day."
    )
    custom_fields: Annotated[
        list[CustomFieldInput], Field(max_length=MOST_FIELDS), AfterValidator(_keys_once)
    ] = Field(default=[], description="Up to 10 things that a payer is asked besides.")
    success_url: Address = Field(
        default="",
        description="Where a payer goes on to once it is paid. Its origin must be one of the "
        "`return_origins` of the checkout settings.",
    )
    cancel_url: Address = Field(
        default="", description="Where a payer can go back to without paying; likewise."
    )
    rails: Annotated[list[Rail], Field(max_length=3), AfterValidator(_once)] = Field(
        default=[],
        description="The ways to pay there; all that you take when empty. In test mode the sandbox "
        "stands for `card`.",
    )
    embed_origins: Origins = Field(
        default=[], description="Sites that may show the page in a frame, as exact origins."
    )


class CheckoutPageChanges(CheckoutPageInput):
    """What may be changed about a checkout page; what is left out stays."""

    title: RequiredName = ""


class CheckoutSettingsChanges(Input):
    """What holds for all checkout pages; what is left out stays."""

    return_origins: Origins = Field(
        default=[],
        description="Where payers may be sent afterwards: exact origins such as "
        "`https://shop.example.com`; http only for this machine, in test mode.",
    )


class PayerInput(Input):
    """Who pays on a checkout page."""

    name: RequiredName
    email: Annotated[Email, Field(min_length=3)]


class PortalSettingsInput(Input):
    """What payers may do by themselves in the portal; what is left out is not allowed."""

    pause_recurring: bool = Field(
        default=False, strict=True, description="Pause what recurs for them, and let it go on."
    )
    cancel_recurring: bool = Field(
        default=False,
        strict=True,
        description="Cancel what recurs for them, at the end of the period.",
    )


class PortalEmailInput(Input):
    """The address that somebody wants to get into a portal with."""

    email: Annotated[Email, Field(min_length=3)]
