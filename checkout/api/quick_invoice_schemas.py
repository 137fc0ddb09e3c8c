"""The shape of what an invoice from a sentence is answered with."""

from typing import Annotated, Literal

from pydantic import Field

from invoicing.api.invoice_schemas import Invoice, InvoicePreview
from invoicing.api.shapes import Shape

SENTENCE = "Invoice Acme $250 for API work, due in 30 days"
_START = "Where the words begin in `message`, in characters; null for what no words said."


class UnderstoodPart(Shape):
    """One thing that was understood, and the words that it came from."""

    what: Annotated[
        Literal[
            "customer",
            "recipient",
            "email",
            "currency",
            "amount",
            "quantity",
            "unit_price",
            "item",
            "total",
            "tax",
            "discount",
            "due_at",
            "memo",
            "purchase_order",
            "send",
        ],
        Field(examples=["amount"]),
    ]
    value: Annotated[
        str | bool | dict[str, str | bool] | None,
        Field(
            examples=["250"],
            description="Text; `send` is true or false; the customer, the "
            "tax and the discount are objects, and no tax is null.",
        ),
    ]
    text: Annotated[str | None, Field(examples=["$250"])]
    start: Annotated[int | None, Field(examples=[13], description=_START)]
    end: Annotated[int | None, Field(examples=[17])]
    because: Annotated[
        str | None,
        Field(
            examples=["$ may be several currencies, and USD is your own currency"],
            description="Why, where the words alone do not say it.",
        ),
    ]


class OpenQuestion(Shape):
    """Something that matters and was not understood surely."""

    about: Annotated[str, Field(examples=["customer"])]
    question: Annotated[str, Field(examples=["Which customer is “Acme”? None was chosen."])]
    text: Annotated[str | None, Field(examples=["Acme"])]
    start: Annotated[int | None, Field(examples=[8], description=_START)]
    end: Annotated[int | None, Field(examples=[12])]
    choices: Annotated[
        list[dict[str, str]], Field(description="What there is to choose from, if that is known.")
    ]


class _QuickInvoice(Shape):
    """How a sentence was understood."""

    object: Literal["quick_invoice"]
    message: Annotated[str, Field(examples=[SENTENCE])]
    dry_run: bool
    sent: Annotated[
        bool, Field(description="Whether it was issued and is on its way; a draft if not.")
    ]
    understood: list[UnderstoodPart]
    not_understood: list[OpenQuestion]


class QuickInvoicePreview(_QuickInvoice):
    """What would be made of a sentence."""

    invoice: InvoicePreview


class QuickInvoice(_QuickInvoice):
    """What was made of a sentence."""

    invoice: Invoice
