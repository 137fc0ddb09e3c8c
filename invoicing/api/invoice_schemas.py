"""The shape of an invoice as the API answers it, for its documentation and its tests.

What is answered is made in representations.py, of this room and of the rooms above; the tests
hold the two together.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from invoicing.api.reminder_schemas import InvoiceReminders
from invoicing.api.shapes import (
    Amount,
    CheckoutPageId,
    Currency,
    CustomerId,
    Instant,
    InvoiceId,
    LineId,
    Link,
    MerchantId,
    Metadata,
    Number,
    Percent,
    Shape,
    Slug,
    WalletId,
)

InvoiceStatus = Literal["draft", "open", "paying", "paid", "void", "expired", "uncollectible"]


class Discount(Shape):
    """What was asked for: a percentage or an amount."""

    percent: Percent | None = None
    amount: Amount | None = None


class Tax(Shape):
    """One tax of a line."""

    name: Annotated[str, Field(examples=["VAT"])]
    rate: Percent
    category: Annotated[
        str, Field(examples=["S"], description="EN 16931: S, Z, E, AE, K, G, O, L or M.")
    ]


class TaxTotal(Tax):
    """One tax over the whole document."""

    inclusive: bool
    base: Amount
    amount: Amount


class LineItem(Shape):
    """One line: quantity × unit price, less its discount."""

    id: LineId
    description: Annotated[str, Field(examples=["Design hours"])]
    quantity: Number
    unit_price: Annotated[Number, Field(examples=["40"])]
    discount: Discount | None
    discount_amount: Annotated[Amount, Field(examples=["0.00"])]
    tax_rate: Annotated[Percent, Field(description="The sum of its taxes' rates.")]
    taxes: list[Tax]
    tax_behavior: Literal["exclusive", "inclusive"]
    amount: Annotated[Amount, Field(examples=["100.00"], description="After its discount.")]


class Recipient(Shape):
    """Whom the invoice is for."""

    name: Annotated[str, Field(examples=["Cleo Marsh"])]
    email: Annotated[str, Field(examples=["cleo@example.com"])]
    type: Literal["human", "bot", "agent"]


class EmailState(Shape):
    """The latest mail of the invoice, and the truth about it."""

    to: Annotated[str, Field(examples=["cleo@example.com"])]
    status: Literal["queued", "sent", "failed"]
    reason: str | None
    sent_at: Instant | None


class Fee(Shape):
    """What a payment of the invoice cost."""

    kind: Literal["provider", "platform"]
    rail: Annotated[str, Field(examples=["card"])]
    amount: Annotated[Amount, Field(examples=["3.75"])]


class Retry(Shape):
    """Whether asking again helps, and how."""

    strategy: Literal["none", "fixed_interval"]
    retry_after_seconds: int
    max_attempts: int


class NextAction(Shape):
    """A request to make next."""

    method: Literal["GET", "POST"]
    path: Annotated[
        str, Field(examples=["/v1/invoices/pay/5f4dcc3b5aa765d61d8327deb882cf99/checkout"])
    ]
    body_template: dict[str, Any]
    expect_status: list[int]
    retry: Retry


class CompletionCheck(Shape):
    """How to see that the goal has been reached."""

    method: Literal["GET"]
    path: Annotated[str, Field(examples=["/v1/invoices/pay/5f4dcc3b5aa765d61d8327deb882cf99"])]
    field: Literal["status"]
    success_value: Literal["paid"]


NEXT_ACTION = {
    "method": "POST",
    "path": "/v1/invoices/pay/5f4dcc3b5aa765d61d8327deb882cf99/checkout",
    "body_template": {},
    "expect_status": [200],
    "retry": {"strategy": "fixed_interval", "retry_after_seconds": 3, "max_attempts": 5},
}


class AgentProtocol(Shape):
    """What a bot can do with the invoice now. Paths are relative to this instance."""

    version: Literal["1.0"]
    flow: Literal["invoice_checkout"]
    state: Annotated[
        Literal[
            "invoice_created",
            "invoice_open",
            "payment_required",
            "invoice_paying",
            "invoice_paid",
            "invoice_unavailable",
        ],
        Field(examples=["invoice_open"]),
    ]
    goal: Annotated[str, Field(examples=["Pay 119.00 USD."])]
    steps: Annotated[list[str], Field(examples=[["Open the url in the answer and pay there."]])]
    next_action: Annotated[NextAction | None, Field(examples=[NEXT_ACTION])]
    completion_check: CompletionCheck


class CustomField(Shape):
    """What a payer was asked on a checkout page; a number, a date or `yes` are text as well."""

    key: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$", examples=["size"])]
    label: str
    type: str
    value: str


class Invoice(Shape):
    """A request for money: what is owed, by whom, and where it stands."""

    id: InvoiceId
    uuid: Annotated[
        str,
        Field(
            json_schema_extra={"format": "uuid"},
            examples=["0b1c6d1e-5f0c-4b34-9a4e-6a1d0f8c2b77"],
        ),
    ]
    number: Annotated[str | None, Field(examples=["INV-0042"], description="Given at finalize.")]
    object: Literal["invoice"]
    status: Annotated[InvoiceStatus, Field(examples=["open"])]
    livemode: bool
    merchant_id: MerchantId
    wallet_id: WalletId | None
    wallet_address: Annotated[
        str | None, Field(description="Where it is to be paid in USDC, if it says so itself.")
    ]
    customer_id: Annotated[CustomerId | None, Field(examples=["cus_9f86d081884c7d659a2feaa0"])]
    checkout_page_id: CheckoutPageId | None
    recurring_charge_id: Annotated[
        str | None, Field(description="The schedule whose period this invoice is for.")
    ]
    recipient: Recipient
    currency: Currency
    line_items: list[LineItem]
    subtotal: Annotated[Amount, Field(examples=["100.00"])]
    discount: Annotated[Amount, Field(examples=["0.00"])]
    document_discount: Discount | None
    tax: Annotated[Amount, Field(examples=["19.00"])]
    taxes: list[TaxTotal]
    total: Amount
    amount_paid: Annotated[Amount, Field(examples=["0.00"])]
    amount_credited: Annotated[
        Amount, Field(examples=["0.00"], description="Taken off what is due by credit notes.")
    ]
    amount_refunded: Annotated[Amount, Field(examples=["0.00"])]
    amount_due: Amount
    allow_partial: bool
    title: str
    message: str
    memo: str
    notes: str
    purchase_order: str
    language: str
    due_at: Annotated[Instant | None, Field(examples=["2026-04-01T21:59:59.000Z"])]
    overdue: bool
    expires_at: Instant | None
    payment_url: Annotated[
        Link | None,
        Field(
            examples=["https://bills.example.com/i/5f4dcc3b5aa765d61d8327deb882cf99"],
            description="Where the payer pays; null for a draft.",
        ),
    ]
    pdf_url: Annotated[
        str,
        Field(examples=["https://bills.example.com/v1/invoices/inv_9f86d081884c7d659a2feaa0/pdf"]),
    ]
    slug: Annotated[Slug | None, Field(examples=["5f4dcc3b5aa765d61d8327deb882cf99"])]
    sent_at: Instant | None
    email: EmailState | None
    viewed_at: Instant | None
    finalized_at: Annotated[Instant | None, Field(examples=["2026-03-02T12:00:00.000Z"])]
    paid_at: Instant | None
    voided_at: Instant | None
    created_at: Instant
    updated_at: Instant
    metadata: Metadata
    metadata_public: bool
    custom_fields: list[CustomField]
    late_fee_of: Annotated[
        InvoiceId | None, Field(description="The invoice for whose lateness this one charges.")
    ]
    reminders: InvoiceReminders
    fees: list[Fee]
    agent_protocol: AgentProtocol


class SentInvoice(Invoice):
    """An invoice that was sent, and whether a mail has gone out with it."""

    email_sent: Annotated[
        bool,
        Field(examples=[False], description="Whether the mail server has taken the mail already."),
    ]
    email_reason: Annotated[
        Literal["queued", "no_recipient_email", "email_error"] | None,
        Field(
            examples=["queued"],
            description="Why not: it is on its way, there is nobody to mail it to, or it failed.",
        ),
    ]


class PreviewLine(LineItem):
    """A line of an invoice that is not there yet."""

    id: None  # type: ignore[assignment]


class InvoicePreview(Invoice):
    """What an invoice would be: worked out, and kept nowhere."""

    id: None  # type: ignore[assignment]
    uuid: None  # type: ignore[assignment]
    line_items: list[PreviewLine]  # type: ignore[assignment]
    pdf_url: None  # type: ignore[assignment]
    created_at: None  # type: ignore[assignment]
    updated_at: None  # type: ignore[assignment]
    agent_protocol: None  # type: ignore[assignment]


class Seller(Shape):
    """Who bills, as it stands on the document."""

    name: Annotated[str, Field(examples=["Fernhill Studio"])]
    email: str
    website: str


class PayerRecipient(Shape):
    """Who is billed, as it stands on the document."""

    name: Annotated[str, Field(examples=["Cleo Marsh"])]
    type: Literal["human", "bot", "agent"]


class PublicLine(Shape):
    """One line, as the payer sees it."""

    description: Annotated[str, Field(examples=["Design hours"])]
    quantity: Number
    unit_price: Annotated[Number, Field(examples=["40"])]
    discount_amount: Annotated[Amount, Field(examples=["0.00"])]
    taxes: list[Tax]
    tax_behavior: Literal["exclusive", "inclusive"]
    amount: Annotated[Amount, Field(examples=["100.00"])]


class PublicInvoice(Shape):
    """An issued invoice as its payer may see it."""

    id: InvoiceId
    number: Annotated[str, Field(examples=["INV-0042"])]
    object: Literal["invoice"]
    status: Literal["open", "paying", "paid", "void", "expired", "uncollectible"]
    livemode: bool
    seller: Seller
    recipient: PayerRecipient
    currency: Currency
    line_items: list[PublicLine]
    subtotal: Annotated[Amount, Field(examples=["100.00"])]
    discount: Annotated[Amount, Field(examples=["0.00"])]
    tax: Annotated[Amount, Field(examples=["19.00"])]
    taxes: list[TaxTotal]
    total: Amount
    amount_paid: Annotated[Amount, Field(examples=["0.00"])]
    amount_credited: Annotated[
        Amount, Field(examples=["0.00"], description="Taken off what is due by credit notes.")
    ]
    amount_refunded: Annotated[Amount, Field(examples=["0.00"])]
    amount_due: Amount
    allow_partial: bool
    title: str
    message: str
    memo: str
    notes: str
    purchase_order: str
    issued_at: Instant
    due_at: Instant | None
    overdue: bool
    expires_at: Instant | None
    paid_at: Instant | None
    payment_url: Link
    pdf_url: Annotated[
        str, Field(examples=["https://bills.example.com/i/5f4dcc3b5aa765d61d8327deb882cf99/pdf"])
    ]
    slug: Slug
    rails: Annotated[
        list[str], Field(examples=[["sandbox"]], description="Ways to pay now, best first.")
    ]
    usdc_chains: Annotated[
        list[str],
        Field(
            examples=[["base"]],
            description="Chains on which it can be paid in USDC now: POST …/usdc says where to.",
        ),
    ]
    metadata: Annotated[
        dict[str, Any] | None, Field(description="Null unless the merchant made it public.")
    ]
    custom_fields: list[CustomField]
    agent_protocol: AgentProtocol
