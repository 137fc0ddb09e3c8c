"""What a rehearsal may ask for: a card used without its page, and what a saved one does next."""

import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from invoicing.fields import Input, Line, PositiveAmount, WrongField
from payments.sandbox.cards import BY_NUMBER, DECLINES, REASONS, passes_luhn

# What can be decided ahead for one saved card.
MAX_STEPS: Final = 50


def test_card(number: str) -> str:
    """A card of the sandbox, with or without gaps. Raises ValueError."""
    number = re.sub("[ -]", "", number)
    if not re.fullmatch("[0-9]{12,19}", number) or not passes_luhn(number):
        raise ValueError("must be a card number such as 4242424242424242")
    if number not in BY_NUMBER:
        raise ValueError(f"is not known here; use one of these test cards: {', '.join(BY_NUMBER)}")
    return number


def card_to_save(number: str) -> str:
    """A card of the sandbox that can be left for later. Raises ValueError."""
    number = test_card(number)
    refusal = DECLINES.get(BY_NUMBER[number].decline_code)
    if refusal:
        good = [card.number for card in BY_NUMBER.values() if not card.decline_code]
        raise ValueError(
            f"is refused when it is saved ({refusal[:-1]}); these can be saved: {', '.join(good)}"
        )
    return number


def _reason(code: str) -> str:
    if code and code not in REASONS:
        raise ValueError(f"must be one of these: {', '.join(REASONS)}")
    return code


class SandboxPaymentInput(Input):
    """A card used on the sandbox's page, without the page.

    `approve` is the cardholder's word where the card asks for one; left out, nobody answers.
    """

    invoice_id: Annotated[Line, Field(min_length=1, max_length=64)]
    card: Annotated[
        Line,
        Field(min_length=1, max_length=40, examples=["4242424242424242"]),
        AfterValidator(test_card),
    ]
    amount: PositiveAmount | None = None
    approve: Annotated[bool, Field(strict=True)] | None = None


class StepInput(Input):
    """What becomes of one charge."""

    outcome: Literal["succeed", "decline", "authenticate", "silence"] = Field(
        description="`authenticate` is a decline that asks for the cardholder's approval; after a "
        "`silence` of ten minutes it turns out what happened."
    )
    code: Annotated[Line, Field(max_length=60), AfterValidator(_reason)] = Field(
        default="",
        description=f"Why it is declined: {', '.join(f'`{code}`' for code in REASONS)}. "
        "`card_declined` when left out.",
    )
    then: Literal["succeed", "nothing"] | None = Field(
        default=None,
        description="What turns out after a silence: that it was paid, unless this says nothing.",
    )

    @model_validator(mode="after")
    def _each_where_it_belongs(self) -> Self:
        if self.code and self.outcome != "decline":
            raise WrongField("code", 'belongs to the outcome "decline" only')
        if self.then and self.outcome != "silence":
            raise WrongField("then", 'belongs to the outcome "silence" only')
        return self

    def said(self) -> dict[str, str]:
        """As the sandbox keeps it."""
        if self.outcome == "decline":
            return {"outcome": "decline", "code": self.code or "card_declined"}
        if self.outcome == "silence":
            return {"outcome": "silence", "then": self.then or "succeed"}
        return {"outcome": self.outcome}


class PlanInput(Input):
    """What a saved test card does on its next charges."""

    next: Annotated[list[StepInput], Field(max_length=MAX_STEPS)] = Field(
        description="One for each charge, in order; afterwards it behaves as its number says. An "
        "empty list clears what was decided before."
    )
