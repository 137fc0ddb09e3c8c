"""What may be asked for in the checkout room: every input its doors accept, with its limits."""

from typing import Annotated

from pydantic import AfterValidator, Field

from invoicing.fields import (
    COMPOSED,
    CurrencyCode,
    Email,
    PositiveAmount,
    Reference,
    RequiredName,
    Text,
    many_lines,
)
from invoicing.inputs import Input


class CheckoutPageInput(Input):
    """A checkout page as it is created."""

    title: RequiredName = Field(description="What is sold, as the page's headline.")
    description: Text = Field(default="", description="What the page says below its title.")
    currency: CurrencyCode | None = Field(
        default=None, description="The wallet's or the merchant's own when left out."
    )
    amount: PositiveAmount | None = Field(
        default=None,
        description="What everybody pays there. Without one, each invoice says how much.",
    )
    item_description: Annotated[
        str, Field(max_length=500), COMPOSED, AfterValidator(many_lines)
    ] = Field(default="", description="What an invoice made there bills; the title when empty.")
    wallet_id: Reference | None = Field(
        default=None,
        description="Which wallet receives; the default of the currency when left out.",
    )
    active: bool = Field(
        default=True, strict=True, description="Whether payers can begin to pay there."
    )


class CheckoutPageChanges(CheckoutPageInput):
    """What may be changed about a checkout page; what is left out stays."""

    title: RequiredName = ""


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
