"""What a rehearsal may ask for: a card used without its page."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from invoicing.fields import Input, Line, PositiveAmount
from payments.sandbox.cards import BY_NUMBER, passes_luhn


def _card(number: str) -> str:
    number = re.sub("[ -]", "", number)
    if not re.fullmatch("[0-9]{12,19}", number) or not passes_luhn(number):
        raise ValueError("must be a card number such as 4242424242424242")
    if number not in BY_NUMBER:
        raise ValueError(f"is not known here; use one of these test cards: {', '.join(BY_NUMBER)}")
    return number


class SandboxPaymentInput(Input):
    """A card used on the sandbox's page, without the page.

    `approve` is the cardholder's word where the card asks for one; left out, nobody answers.
    """

    invoice_id: Annotated[Line, Field(min_length=1, max_length=64)]
    card: Annotated[
        Line,
        Field(min_length=1, max_length=40, examples=["4242424242424242"]),
        AfterValidator(_card),
    ]
    amount: PositiveAmount | None = None
    approve: Annotated[bool, Field(strict=True)] | None = None
