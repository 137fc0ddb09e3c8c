"""The shape of all that the API answers about money, for its documentation and its tests.

What is answered is made in payments/representations.py; the tests hold the two together.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from invoicing.api.shapes import Amount, Currency, Instant, InvoiceId, Shape, WalletId

PaymentId = Annotated[
    str, Field(pattern="^pay_[0-9a-f]{24}$", examples=["pay_9f86d081884c7d659a2feaa0"])
]
PaymentStatus = Literal[
    "pending", "processing", "unknown", "succeeded", "failed", "canceled", "reversed"
]


class Failure(Shape):
    """Why nothing was taken, or why the last card was refused."""

    code: Annotated[str, Field(examples=["insufficient_funds"])]
    message: Annotated[str, Field(examples=["The card has insufficient funds."])]
    advice: Annotated[
        Literal["retry", "customer", "never"] | None,
        Field(description="For another try: later, by the customer, or never with this method."),
    ]


class Payment(Shape):
    """One attempt to pay an invoice: what was asked for, what came, and what it cost."""

    id: PaymentId
    object: Literal["payment"]
    status: Annotated[PaymentStatus, Field(examples=["succeeded"])]
    livemode: bool
    invoice_id: InvoiceId
    wallet_id: WalletId
    rail: Annotated[str, Field(examples=["sandbox"])]
    currency: Currency
    amount: Amount
    received: Amount
    surplus: Annotated[Amount, Field(examples=["0.00"], description="Beyond what was due.")]
    provider_fee: Annotated[Amount, Field(examples=["3.75"])]
    platform_fee: Annotated[Amount, Field(examples=["0.60"])]
    net: Annotated[Amount, Field(examples=["114.65"], description="What the wallet gets.")]
    amount_refunded: Annotated[Amount, Field(examples=["0.00"])]
    amount_reversed: Annotated[
        Amount, Field(examples=["0.00"], description="Taken back by the payer's bank.")
    ]
    fee_is_final: Annotated[
        bool, Field(description="Whether the provider has said what it took, or it is estimated.")
    ]
    method: Annotated[
        dict[str, Any] | None,
        Field(examples=[{"type": "card", "brand": "visa", "last4": "4242"}]),
    ]
    payment_method_id: Annotated[
        str | None, Field(description="The saved method that was charged, or was saved by it.")
    ]
    note: str
    url: Annotated[str | None, Field(description="Where the payer goes on, while it is pending.")]
    failure: Failure | None
    created_at: Instant
    succeeded_at: Annotated[Instant | None, Field(examples=["2026-03-02T12:00:09.000Z"])]
    available_at: Annotated[
        Instant | None,
        Field(examples=["2026-03-04T12:00:09.000Z"], description="When its money can be spent."),
    ]
    released_at: Instant | None


class Checkout(Shape):
    """A payment that has begun, and where the payer goes now."""

    url: Annotated[
        str,
        Field(examples=["https://bills.example.com/sandbox/checkout/sbx_9f86d081884c7d659a2feaa0"]),
    ]
    payment: Payment


class PublicPayment(Shape):
    """A payment as its payer may see it."""

    id: PaymentId
    object: Literal["payment"]
    status: PaymentStatus
    rail: Annotated[str, Field(examples=["sandbox"])]
    currency: Currency
    amount: Amount


class PublicCheckout(Shape):
    """A payment that has begun, and where to go now."""

    url: Annotated[
        str,
        Field(examples=["https://bills.example.com/sandbox/checkout/sbx_9f86d081884c7d659a2feaa0"]),
    ]
    payment: PublicPayment


class Wallet(Shape):
    """Where a merchant's money of one currency is kept."""

    id: WalletId
    object: Literal["wallet"]
    livemode: bool
    name: Annotated[str, Field(examples=["USD wallet"])]
    currency: Currency
    is_default: Annotated[bool, Field(description="Receives where an invoice names no wallet.")]
    pending: Annotated[Amount, Field(description="Has not cleared yet.")]
    available: Annotated[Amount, Field(description="Can be spent.")]
    external: Annotated[Amount, Field(description="Declared as received outside Billhook.")]
    owed: Annotated[
        Amount,
        Field(
            examples=["0.00"],
            description="Taken from the wallet that it did not have; what comes in pays it first.",
        ),
    ]
    created_at: Instant
    archived_at: Instant | None


class WalletEntry(Shape):
    """What one movement of money did to a wallet."""

    id: Annotated[str, Field(examples=["payment:pay_9f86d081884c7d659a2feaa0"])]
    object: Literal["wallet_entry"]
    kind: Annotated[str, Field(examples=["payment"], description="payment or release.")]
    currency: Currency
    gross: Amount
    provider_fee: Annotated[Amount, Field(examples=["3.75"])]
    platform_fee: Annotated[Amount, Field(examples=["0.60"])]
    net: Annotated[Amount, Field(examples=["114.65"])]
    pending: Annotated[Amount, Field(description="How much this part of the wallet has changed.")]
    available: Annotated[Amount, Field(examples=["0.00"])]
    external: Annotated[Amount, Field(examples=["0.00"])]
    owed: Annotated[Amount, Field(examples=["0.00"])]
    payment_id: Annotated[PaymentId | None, Field(examples=["pay_9f86d081884c7d659a2feaa0"])]
    invoice_id: Annotated[InvoiceId | None, Field(examples=["inv_9f86d081884c7d659a2feaa0"])]
    created_at: Instant


class Happening(Shape):
    """An event on the way of a clock that was moved."""

    at: Instant
    type: str
    object_id: str
    event_id: str


class Clock(Shape):
    """What time it is for this merchant, and what happened when its clock was last moved.

    While it is `advancing` to `target`, a worker carries on: ask again. `happened` is in order;
    if it `has_more`, the rest of it is in the feed of events.
    """

    object: Literal["clock"]
    now: Instant
    status: Literal["ready", "advancing"]
    target: Instant | None
    happened: list[Happening]
    happened_count: int
    has_more: bool
