"""The shape of what is answered where an invoice is paid by x402."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from invoicing.api.invoice_schemas import PublicInvoice
from invoicing.api.shapes import Shape


class X402Settlement(Shape):
    """What became of a payment, as `PAYMENT-RESPONSE` says it too."""

    success: bool
    errorReason: str | None = None
    payer: str | None = None
    transaction: Annotated[str, Field(description="Empty while none is known.")]
    network: Annotated[str, Field(description="CAIP-2.", examples=["eip155:8453"])]
    amount: Annotated[str | None, Field(description="In units of 10^-6 USDC.")] = None


class X402Payment(Shape):
    """A payment by x402, and the invoice as its payer sees it."""

    object: Literal["x402_payment"]
    status: Literal["paid", "pending"]
    settlement: Annotated[
        X402Settlement | None, Field(description="Null for what was paid by other means.")
    ]
    invoice: PublicInvoice


class X402Challenge(BaseModel):
    """What is to be paid, as version 1 has it; `PAYMENT-REQUIRED` says the same in version 2."""

    x402Version: Literal[1]
    error: Annotated[str, Field(examples=["PAYMENT-SIGNATURE header is required"])]
    accepts: Annotated[
        list[dict[str, Any]],
        Field(description="One for each network that version 1 has a name for."),
    ]
