"""What may be asked for: every input a door accepts, with its limits.

The API, the dashboard, dialects and tools all validate here, so that a limit stands once. Unknown
fields are refused by name and nothing is coerced.
"""

from decimal import Decimal
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, model_validator

from invoicing import event_dialects, event_types, permissions
from invoicing.fields import (
    COMPOSED,
    Amount,
    Country,
    CurrencyCode,
    Email,
    EvmAddress,
    Instant,
    Language,
    Metadata,
    Name,
    Percent,
    Quantity,
    Reference,
    RequiredName,
    Text,
    UnitPrice,
    many_lines,
    one_line,
)
from invoicing.fields import Input as Input
from invoicing.fields import read as read
from invoicing.reminder_inputs import CustomerReminders

MAX_LINES = 500


class Address(Input):
    """A postal address; every part may be left out."""

    line1: Name = ""
    line2: Name = ""
    city: Name = ""
    state: Name = ""
    postal_code: Annotated[str, Field(max_length=20), COMPOSED, AfterValidator(one_line)] = ""
    country: Country = ""


class TaxId(Input):
    """A tax registration: its kind (eu_vat, us_ein, gb_vat …) and value."""

    type: Annotated[str, Field(min_length=1, max_length=30, pattern=r"^[a-z0-9_]+$")]
    value: Annotated[str, Field(min_length=1, max_length=50), COMPOSED, AfterValidator(one_line)]


class CustomerInput(Input):
    """A customer as it is created."""

    name: RequiredName
    email: Email = ""
    phone: Annotated[str, Field(max_length=40), COMPOSED, AfterValidator(one_line)] = ""
    address: Address = Address()
    tax_ids: Annotated[list[TaxId], Field(max_length=10)] = []
    tax_exempt: Literal["none", "exempt", "reverse"] = "none"
    currency: CurrencyCode | None = None
    language: Language = ""
    metadata: Metadata = {}
    reminders: CustomerReminders = Field(
        default=CustomerReminders(),
        description="The merchant's rules for reminders, none, or rules of their own.",
    )


class CustomerChanges(CustomerInput):
    """What may be changed about a customer; what is left out stays."""

    name: RequiredName = ""


class TaxInput(Input):
    """One tax: rate in percent, a name the payer knows, and its EN 16931 category."""

    rate: Percent
    name: Annotated[str, Field(max_length=50), COMPOSED, AfterValidator(one_line)] = "Tax"
    category: Literal["S", "Z", "E", "AE", "K", "G", "O", "L", "M"] = "S"


class DiscountInput(Input):
    """A percentage or an amount, one of the two."""

    percent: Percent | None = None
    amount: Amount | None = None

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if (self.percent is None) == (self.amount is None):
            raise ValueError('takes either "percent" or "amount"')
        return self


def _taxes_once(taxes: list[TaxInput]) -> list[TaxInput]:
    names = [(tax.name, tax.category, tax.rate) for tax in taxes]
    if len(set(names)) != len(names):
        raise ValueError("must not contain the same tax twice")
    return taxes


Taxes = Annotated[list[TaxInput], Field(max_length=5), AfterValidator(_taxes_once)]


class Taxed(Input):
    """Taxes by a bare `tax_rate` or, named, in `taxes`."""

    tax_rate: Percent | None = Field(
        default=None, description="One tax, in percent; 0 is no tax. Instead of `taxes`."
    )
    taxes: Taxes | None = Field(
        default=None, description="Several taxes, each with a name. An empty list is no tax."
    )
    tax_behavior: Literal["exclusive", "inclusive"] | None = Field(
        default=None,
        description="Whether prices contain their taxes; `exclusive` when nothing is said.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.tax_rate is not None and self.taxes is not None:
            raise ValueError('takes either "tax_rate" or "taxes"')
        return self

    def own_taxes(self) -> list[TaxInput] | None:
        """The taxes given here, or None where the document's apply."""
        if self.tax_rate is not None:
            return [TaxInput(rate=self.tax_rate)] if self.tax_rate else []
        return self.taxes


class LineItemInput(Taxed):
    """One line: description, quantity × unit price, discount and taxes."""

    description: Annotated[
        str, Field(min_length=1, max_length=500), COMPOSED, AfterValidator(many_lines)
    ]
    quantity: Quantity = Field(default=Decimal(1), description="May be fractional.")
    unit_price: UnitPrice
    discount: DiscountInput | None = Field(default=None, description="Taken off this line.")


class RecipientInput(Input):
    """Whom the invoice is for, when that is no customer on file."""

    name: Name = ""
    email: Email = ""
    type: Literal["human", "bot", "agent"] = "human"


class InvoiceInput(Taxed):
    """An invoice as it is drafted; `tax_*` and `discount` here hold for the whole document."""

    customer_id: Reference | None = Field(
        default=None,
        description="A customer on file; name and email are theirs unless `recipient` says others.",
    )
    recipient: RecipientInput | None = Field(
        default=None, description="Whom it is for, when that is no customer on file."
    )
    wallet_id: Reference | None = Field(
        default=None,
        description="Which wallet receives; the default of the currency when left out.",
    )
    checkout_page_id: Reference | None = Field(
        default=None,
        description="The checkout page it belongs to; its wallet and currency are used where "
        "nothing else is said.",
    )
    wallet_address: EvmAddress = Field(
        default="",
        description="An address of your own to be paid at in USDC, instead of a fresh one: what "
        "comes there is matched by its amount. It takes `wallets:write`, and a bot on a leash may "
        "not name one.",
    )
    currency: CurrencyCode | None = Field(
        default=None,
        description="The wallet's, the customer's or the merchant's own when left out.",
    )
    line_items: Annotated[list[LineItemInput], Field(min_length=1, max_length=MAX_LINES)]
    tax_amount: Amount | None = Field(
        default=None,
        description="One tax on the whole as an amount, where no rate is known. It stands in "
        "`taxes` with a rate of 0; no other taxes go beside it.",
    )
    discount: DiscountInput | None = Field(
        default=None, description="Taken off the whole, spread over the lines."
    )
    title: Name = Field(default="", description="A headline on the document.")
    message: Text = Field(default="", description="What the mail and the payer's page say first.")
    memo: Text = Field(default="", description="On the document, above the items.")
    notes: Text = Field(default="", description="Small print at the foot of the document.")
    purchase_order: Annotated[str, Field(max_length=100), COMPOSED, AfterValidator(one_line)] = ""
    language: Language = Field(
        default="",
        description="Of document, mail and page; the customer's or the merchant's when left out.",
    )
    allow_partial: bool = Field(
        default=False, strict=True, description="Whether a payer may pay a part."
    )
    due_at: Instant | None = Field(
        default=None,
        description="A date is the end of that day; the merchant's usual days when left out.",
    )
    expires_at: Instant | None = Field(
        default=None, description="When it can no longer be paid; never, when left out."
    )
    metadata: Metadata = Field(
        default={}, description="Your own names and values: 50 at most, 5 levels deep, 8 KB."
    )
    metadata_public: bool = Field(
        default=False, strict=True, description="Whether a payer may see the metadata."
    )


class InvoiceChanges(InvoiceInput):
    """What may be changed about a draft; what is left out stays, lists are replaced whole."""

    line_items: Annotated[
        list[LineItemInput] | None, Field(default=None, min_length=1, max_length=MAX_LINES)
    ]  # type: ignore[assignment]


class SendInput(Input):
    """Where to mail an invoice: its recipient, unless another address is named."""

    to: Annotated[Email, Field(min_length=3)] | None = None


def _timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("must be a time zone such as Europe/Berlin")
    return name


class MerchantChanges(Input):
    """What a merchant may say of itself; what is left out stays."""

    name: RequiredName = ""
    legal_name: Name = ""
    email: Email = ""
    phone: Annotated[str, Field(max_length=40), COMPOSED, AfterValidator(one_line)] = ""
    website: Annotated[str, Field(max_length=200, pattern=r"^(https?://\S+)?$")] = ""
    address: Address = Address()
    tax_ids: Annotated[list[TaxId], Field(max_length=10)] = []
    currency: CurrencyCode = "USD"
    language: Language = "en"
    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"
    paper: Literal["A4", "Letter"] = "A4"
    brand_color: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")] = "#2f5d50"
    footer: Annotated[str, Field(max_length=1000), COMPOSED, AfterValidator(many_lines)] = ""
    due_days: Annotated[int, Field(ge=0, le=365, strict=True)] = 30


class NumberingInput(Input):
    """How the numbers of invoices or of credit notes are printed."""

    prefix: Annotated[str, Field(max_length=12, pattern=r"^([A-Z0-9._/-]{0,11}[A-Z._/-])?$")]
    padding: Annotated[int, Field(ge=1, le=12, strict=True)] = 4


def _permissions(names: list[str]) -> list[str]:
    strange = permissions.unknown(names)
    if strange:
        raise ValueError(
            f"{strange[0]!r} is not a permission a bot can have; "
            f"choose from {', '.join(sorted(permissions.FOR_BOTS))}"
        )
    return sorted(set(names))


class BotInput(Input):
    """A bot as it is created."""

    name: Annotated[str, Field(min_length=1, max_length=100), COMPOSED, AfterValidator(one_line)]
    wallet_id: Reference | None = Field(
        default=None, description="A wallet of its own, for what it sells on checkout pages."
    )


class BotChanges(BotInput):
    """What may be changed about a bot; what is left out stays."""

    name: Annotated[
        str, Field(min_length=1, max_length=100), COMPOSED, AfterValidator(one_line)
    ] = ""


class ApiKeyInput(Input):
    """A key as it is created: what it may do, and until when."""

    name: Annotated[str, Field(max_length=100), COMPOSED, AfterValidator(one_line)] = ""
    permissions: Annotated[list[str], Field(min_length=1), AfterValidator(_permissions)]
    expires_at: Instant | None = Field(
        default=None, description="When it stops to open anything; never, when left out."
    )


class InvitationInput(Input):
    """Whom to invite to the team, and as what."""

    email: Annotated[Email, Field(min_length=3)]
    role: Literal["owner", "admin", "accountant", "viewer"]


def _event_types(names: list[str]) -> list[str]:
    for name in names:
        if name != "*" and name not in event_types.TYPES and name not in event_types.FAMILIES:
            raise ValueError(
                f'{name!r} is not an event type; use "*", a family such as "invoice.*", '
                "or a type such as invoice.paid"
            )
    return sorted(set(names))


def _dialect(name: str) -> str:
    if name and name not in event_dialects.registered:
        systems = ", ".join(f'"{system}"' for system in sorted(event_dialects.registered))
        raise ValueError(f'must be "" for our own events, or one of {systems}')
    return name


class WebhookEndpointInput(Input):
    """An endpoint as it is created."""

    url: Annotated[str, Field(min_length=1, max_length=2000)]
    description: Name = ""
    event_types: Annotated[list[str], Field(min_length=1), AfterValidator(_event_types)] = Field(
        default=["*"],
        description="Types such as `invoice.paid`, families such as `invoice.*`, or `*` for all.",
    )
    dialect: Annotated[str, Field(max_length=20), AfterValidator(_dialect)] = Field(
        default="",
        description="Tell it in the words of another system, such as `wallgent`: of the events "
        "which that system knows, under its names and in its shape. Signed as always.",
    )


class WebhookEndpointChanges(WebhookEndpointInput):
    """What may be changed about an endpoint; what is left out stays."""

    url: Annotated[str, Field(min_length=1, max_length=2000)] = ""
    enabled: bool = Field(default=True, strict=True)
