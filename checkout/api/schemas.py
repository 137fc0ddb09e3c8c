"""The shapes of checkout pages and sales, for the documentation and the tests."""

from typing import Annotated, Literal

from pydantic import Field

from checkout.inputs import FieldType, Rail
from invoicing.api.invoice_schemas import CustomField, Recipient
from invoicing.api.shapes import (
    Amount,
    CheckoutPageId,
    Currency,
    Instant,
    InvoiceId,
    MerchantId,
    Percent,
    Shape,
    WalletId,
)

ItemId = Annotated[
    str, Field(pattern="^ci_[0-9a-f]{24}$", examples=["ci_9f86d081884c7d659a2feaa0"])
]


class PayerAmount(Shape):
    """Between what the payer chooses an amount."""

    least: Amount
    most: Amount | None
    suggested: list[Amount]


class CheckoutItem(Shape):
    """Something that a page sells."""

    id: ItemId
    name: Annotated[str, Field(examples=["Day ticket"])]
    description: str
    unit_price: Amount
    tax_rate: Percent | None
    max_per_order: int
    stock: Annotated[
        int | None,
        Field(description="How many there are in all, with those that are sold already."),
    ]


class CustomFieldAsked(Shape):
    """Something that a payer is asked besides."""

    key: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$", examples=["size"])]
    label: Annotated[str, Field(examples=["Size of your shirt"])]
    type: FieldType
    help: str
    required: bool
    choices: list[str]


class CheckoutPage(Shape):
    """Where payers come in: what is sold there, and for how much."""

    id: CheckoutPageId
    object: Literal["checkout_page"]
    livemode: bool
    merchant_id: MerchantId
    title: Annotated[str, Field(examples=["Workshop ticket"])]
    description: str
    item_description: str
    currency: Currency
    amount: Annotated[
        Amount | None,
        Field(examples=["49.00"], description="Null where not everybody pays the same."),
    ]
    payer_amount: PayerAmount | None
    items: list[CheckoutItem]
    wallet_id: WalletId | None
    active: bool
    max_uses: int | None
    expires_at: Instant | None
    custom_fields: list[CustomFieldAsked]
    success_url: str
    cancel_url: str
    rails: list[Rail]
    embed_origins: list[str]
    url: Annotated[
        str, Field(examples=["https://bills.example.com/pay/cp_9f86d081884c7d659a2feaa0"])
    ]
    archived_at: Instant | None
    created_at: Instant
    updated_at: Instant


class Sale(Shape):
    """A paid invoice, seen from its checkout page."""

    id: Annotated[InvoiceId, Field(description="The invoice's own id.")]
    object: Literal["sale"]
    livemode: bool
    checkout_page_id: CheckoutPageId
    invoice_number: Annotated[str, Field(examples=["INV-0042"])]
    currency: Currency
    amount: Annotated[Amount, Field(examples=["49.00"], description="What was paid.")]
    amount_refunded: Annotated[Amount, Field(examples=["0.00"])]
    rail: Annotated[
        str | None,
        Field(examples=["card"], description="How the last money came; null where none did."),
    ]
    payer: Recipient
    custom_fields: list[CustomField]
    paid_at: Instant
    created_at: Instant


class PortalSettings(Shape):
    """Where payers get in by a mailed link, and what they may do there by themselves."""

    object: Literal["portal_settings"]
    livemode: bool
    merchant_id: MerchantId
    url: Annotated[
        str, Field(examples=["https://bills.example.com/portal/mer_9f86d081884c7d659a2feaa0/"])
    ]
    pause_recurring: Annotated[bool, Field(description="Pause and resume what recurs for them.")]
    cancel_recurring: Annotated[bool, Field(description="Cancel it at the end of its period.")]


class CheckoutSettings(Shape):
    """What holds for all checkout pages."""

    object: Literal["checkout_settings"]
    livemode: bool
    return_origins: Annotated[list[str], Field(examples=[["https://shop.example.com"]])]


class Total(Shape):
    """How many sales in one currency, and how much."""

    currency: Currency
    sales: Annotated[int, Field(examples=[3])]
    amount: Annotated[Amount, Field(examples=["147.00"], description="What was paid.")]
    amount_refunded: Amount


class PageTotal(Total):
    """The same for one checkout page."""

    checkout_page_id: CheckoutPageId
    title: str


class RailTotal(Total):
    """The same for one way to pay."""

    rail: Annotated[
        str | None, Field(examples=["card"], description="Null where nothing had to be paid.")
    ]


class DayTotal(Total):
    """The same for one day where the merchant is."""

    day: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", examples=["2026-03-02"])]


class SalesTotals(Shape):
    """What was sold in a time: in all, by page, by rail and by day."""

    object: Literal["sales_totals"]
    livemode: bool
    paid_after: Instant
    paid_before: Instant
    timezone: Annotated[str, Field(examples=["Europe/Berlin"])]
    totals: list[Total]
    by_page: list[PageTotal]
    by_rail: list[RailTotal]
    by_day: list[DayTotal]
