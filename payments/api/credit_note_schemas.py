"""The shape of what the API answers about credit notes, for its documentation and its tests."""

from typing import Annotated, Any, Literal

from pydantic import Field

from invoicing.api.invoice_schemas import TaxTotal
from invoicing.api.shapes import Amount, Currency, Instant, InvoiceId, LineId, Number, Shape

CreditNoteId = Annotated[
    str, Field(pattern="^cn_[0-9a-f]{24}$", examples=["cn_9f86d081884c7d659a2feaa0"])
]
Reason = Literal[
    "requested_by_customer",
    "duplicate",
    "fraudulent",
    "order_change",
    "product_unsatisfactory",
    "other",
]


class CreditNoteLine(Shape):
    """What is credited: a quantity of one line of the invoice, or an amount."""

    description: Annotated[str, Field(examples=["Design hours"])]
    quantity: Number
    unit_price: Annotated[Number, Field(examples=["40"])]
    discount: Annotated[Amount, Field(examples=["0.00"])]
    amount: Annotated[Amount, Field(examples=["100.00"])]
    line_id: Annotated[
        LineId | None, Field(description="The invoice's line; null where an amount is credited.")
    ]


class CreditNote(Shape):
    """What takes back some of what an issued invoice asked for."""

    id: CreditNoteId
    object: Literal["credit_note"]
    number: Annotated[str, Field(examples=["CN-0007"])]
    livemode: bool
    invoice_id: InvoiceId
    invoice_number: Annotated[str, Field(examples=["INV-0042"])]
    reason: Reason
    memo: str
    currency: Currency
    line_items: list[CreditNoteLine]
    subtotal: Annotated[Amount, Field(examples=["100.00"])]
    discount: Annotated[Amount, Field(examples=["0.00"])]
    tax: Annotated[Amount, Field(examples=["19.00"])]
    taxes: list[TaxTotal]
    total: Amount
    off_due: Annotated[
        Amount, Field(examples=["19.00"], description="How much less the invoice asks for.")
    ]
    to_give_back: Annotated[
        Amount, Field(examples=["100.00"], description="The rest, which had been paid.")
    ]
    given_back_before: Annotated[
        Amount,
        Field(
            examples=["0.00"],
            description="How much of that had been refunded without a credit note, and does not "
            "go back again.",
        ),
    ]
    refunds: Annotated[
        list[dict[str, Any]],
        Field(
            description="What goes back for it; what had been refunded before does not go twice."
        ),
    ]
    issued_at: Instant


class CreditNotePreview(CreditNote):
    """What a credit note would be: worked out, and kept nowhere."""

    id: None  # type: ignore[assignment]
    number: None  # type: ignore[assignment]
    issued_at: None  # type: ignore[assignment]
    to_refund: Annotated[
        Amount, Field(examples=["100.00"], description="How much its refunds would send back.")
    ]
