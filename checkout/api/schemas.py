"""The shapes of checkout pages and sales, for the documentation and the tests."""

from typing import Annotated, Literal

from pydantic import Field

from invoicing.api.invoice_schemas import Recipient
from invoicing.api.shapes import (
    Amount,
    CheckoutPageId,
    Currency,
    Instant,
    InvoiceId,
    MerchantId,
    Shape,
    WalletId,
)


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
        Field(examples=["49.00"], description="Null where each invoice says how much."),
    ]
    wallet_id: WalletId | None
    active: bool
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
