"""The shape of what the API answers about money given back, taken back, saved and set aside."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, RootModel

from invoicing.api.invoice_schemas import Invoice
from invoicing.api.schemas import Credit
from invoicing.api.shapes import Amount, Currency, CustomerId, Instant, InvoiceId, Shape
from payments.api.recurring_schemas import RecurringCharge
from payments.api.schemas import Payment, PaymentId


def _id(prefix: str) -> Any:
    return Field(
        pattern=f"^{prefix}_[0-9a-f]{{24}}$", examples=[f"{prefix}_9f86d081884c7d659a2feaa0"]
    )


RefundId = Annotated[str, _id("ref")]
DisputeId = Annotated[str, _id("dis")]
DepositId = Annotated[str, _id("dep")]
MethodId = Annotated[str, _id("pm")]
SetupId = Annotated[str, _id("pms")]
PayoutId = Annotated[str, _id("po")]
RefundStatus = Literal["pending", "unknown", "succeeded", "failed"]
DisputeStatus = Literal["inquiry", "needs_response", "under_review", "won", "lost", "closed"]
DepositStatus = Literal["unmatched", "matched", "credited", "refunded", "disputed", "lost"]


class RefundFailure(Shape):
    """Why nothing went back."""

    code: Annotated[str, Field(examples=["expired_or_canceled_card"])]
    message: Annotated[str, Field(examples=["Expired or canceled card"])]


class UsdcPayout(Shape):
    """USDC that a merchant is to send from a wallet of their own."""

    object: Literal["usdc_payout"]
    status: Literal["waiting", "seen", "done", "canceled"]
    chain: str
    network: str
    address: str
    amount: Amount
    units: str
    uri: Annotated[str | None, Field(description="EIP-681: a wallet opens it.")]
    tx_hash: str | None
    transaction_url: str | None


class Refund(Shape):
    """Money given back."""

    id: RefundId
    object: Literal["refund"]
    status: Annotated[
        RefundStatus,
        Field(description="`unknown`: the provider has not answered, and is asked again."),
    ]
    livemode: bool
    invoice_id: InvoiceId | None
    payment_id: PaymentId | None
    deposit_id: DepositId | None
    credit_note_id: str | None
    currency: Currency
    amount: Amount
    excess: Annotated[
        Amount,
        Field(
            description="Part of the amount that the payment had not left to give back: somebody "
            "refunded it at the provider's own desk, and the wallet bears it.",
            examples=["0.00"],
        ),
    ]
    source: Annotated[
        Literal["wallet", "credit", "unmatched"],
        Field(description="What it is taken from: the wallet, the payer's credit, or neither."),
    ]
    destination: Literal["original", "wallet", "credit_balance", "manual"]
    to_wallet_id: str | None
    usdc_payout: Annotated[
        UsdcPayout | None,
        Field(description="What you are to sign in your own wallet, where USDC goes back."),
    ]
    reason: str
    note: str
    failure: RefundFailure | None
    created_at: Instant
    succeeded_at: Instant | None
    failed_at: Instant | None


class Refunded(Shape):
    """An invoice after a refund, and the refunds it took: one for each payment."""

    invoice: Invoice
    refunds: list[Refund]


class Charged(Shape):
    """A charge: its invoice, and the payment. `payment.status` says whether money came.

    `succeeded`, `processing`, `failed` (see its `failure`), or `unknown` while the provider has
    not answered. No payment where the customer's credit has paid for all of it.
    """

    invoice: Annotated[
        Invoice | None, Field(description="null where a recurring charge begins later.")
    ]
    payment: Payment | None
    recurring_charge: Annotated[
        RecurringCharge | None, Field(description="What `recurring` has started.")
    ]


class PaymentMethod(Shape):
    """A saved card or bank account."""

    id: MethodId
    object: Literal["payment_method"]
    status: Literal["active", "blocked", "detached"]
    livemode: bool
    customer_id: CustomerId
    type: Annotated[str, Field(examples=["card"])]
    details: Annotated[dict[str, Any], Field(examples=[{"brand": "visa", "last4": "4242"}])]
    is_default: bool
    blocked_reason: str | None
    created_at: Instant
    detached_at: Instant | None


class MethodSetup(Shape):
    """A visit to save a card or bank account; `url` is where its owner goes for it."""

    id: SetupId
    object: Literal["payment_method_setup"]
    status: Literal["pending", "succeeded", "canceled"]
    customer_id: CustomerId
    type: Annotated[str, Field(examples=["card"])]
    url: str | None
    payment_method_id: MethodId | None
    created_at: Instant


class SetupOrPaymentMethod(
    RootModel[Annotated[MethodSetup | PaymentMethod, Discriminator("object")]]
):
    """A visit to the page on which a method is left, or the method where it is saved already."""


class SandboxStep(Shape):
    """What becomes of one charge of a saved test card."""

    outcome: Literal["succeed", "decline", "authenticate", "silence"]
    code: Annotated[str, Field(examples=["insufficient_funds"])] = ""
    then: Literal["succeed", "nothing"] | None = None


class SandboxMethod(Shape):
    """What a saved test card does on its next charges, and on all after those."""

    object: Literal["sandbox_payment_method"]
    payment_method_id: MethodId
    next: list[SandboxStep]
    afterwards: SandboxStep


class Credits(Shape):
    """A customer's credit, one amount for each currency."""

    object: Literal["list"]
    data: list[Credit]


class Dispute(Shape):
    """A payer who asks their bank for the money back: of a payment, or of unmatched money."""

    id: DisputeId
    object: Literal["dispute"]
    status: DisputeStatus
    livemode: bool
    invoice_id: InvoiceId | None
    payment_id: PaymentId | None
    deposit_id: Annotated[
        DepositId | None,
        Field(description="The unmatched money that is disputed; then there is no payment."),
    ]
    reason: Annotated[str, Field(examples=["product_not_received"])]
    currency: Currency
    amount: Amount
    withdrawn: Annotated[Amount, Field(description="Held back, or gone for good once lost.")]
    fee: Annotated[Amount, Field(description="What the provider takes for the trouble.")]
    evidence_due_at: Instant | None
    evidence: dict[str, str]
    files: Annotated[
        list[str], Field(description="Which documents are attached.", examples=[["receipt"]])
    ]
    submitted_at: Instant | None
    created_at: Instant
    closed_at: Instant | None


class Deposit(Shape):
    """Money that came and fits nothing that was asked for."""

    id: DepositId
    object: Literal["deposit"]
    status: DepositStatus
    livemode: bool
    reason: Literal[
        "another_amount",
        "another_currency",
        "unknown_payment",
        "no_invoice",
        "ambiguous",
        "void_invoice",
        "too_little",
    ]
    rail: str
    provider_reference: str
    payment_id: PaymentId | None
    matched_payment_id: PaymentId | None
    currency: Currency
    amount: Amount
    amount_left: Annotated[
        Amount, Field(description="What of it still waits to be matched.", examples=["70.00"])
    ]
    provider_fee: Annotated[
        Amount | None,
        Field(description="What the provider took for it; null until it has said so."),
    ]
    created_at: Instant
    resolved_at: Instant | None


class PayoutLine(Shape):
    """One movement that a payout sums up."""

    kind: Annotated[str, Field(examples=["charge"])]
    payment_id: PaymentId | None
    amount: Amount
    fee: Amount
    net: Amount


class Payout(Shape):
    """Your share of a transfer from the provider to the bank."""

    id: PayoutId
    object: Literal["payout"]
    status: Literal["pending", "in_transit", "paid", "failed", "canceled"]
    livemode: bool
    provider: str
    currency: Currency
    amount: Amount
    fee: Amount
    net: Amount
    lines: list[PayoutLine]
    is_itemised: bool = Field(
        description="Whether the lines are final; while it is on its way, more may be added."
    )
    failure_code: str | None
    arrives_at: Instant | None
    created_at: Instant
