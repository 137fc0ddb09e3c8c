"""The sandbox's cards: each does one thing, always."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.utils.translation import gettext_noop as _


class Behaviour(StrEnum):
    """What happens when a card is used."""

    SUCCEED = "succeed"
    DECLINE = "decline"
    AUTHENTICATE = "authenticate"
    SILENT_THEN_SUCCEED = "silent_then_succeed"
    SILENT_THEN_NOTHING = "silent_then_nothing"


@dataclass(frozen=True, slots=True)
class Card:
    """A card number and what it does."""

    number: str
    brand: str
    behaviour: Behaviour
    label: str
    decline_code: str = ""

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def spaced(self) -> str:
        """The number in groups of four, as it is printed on cards."""
        return " ".join(self.number[at : at + 4] for at in range(0, len(self.number), 4))


CARDS: Final = (
    Card("4242424242424242", "visa", Behaviour.SUCCEED, _("Succeeds")),
    Card("5555555555554444", "mastercard", Behaviour.SUCCEED, _("Succeeds")),
    Card(
        "4000000000000002",
        "visa",
        Behaviour.DECLINE,
        _("Is declined without a reason"),
        "card_declined",
    ),
    Card(
        "4000000000009995",
        "visa",
        Behaviour.DECLINE,
        _("Is declined: insufficient funds"),
        "insufficient_funds",
    ),
    Card("4000000000000069", "visa", Behaviour.DECLINE, _("Is declined: expired"), "expired_card"),
    Card(
        "4000000000000127",
        "visa",
        Behaviour.DECLINE,
        _("Is declined: wrong security code"),
        "incorrect_cvc",
    ),
    Card(
        "4000002500003155",
        "visa",
        Behaviour.AUTHENTICATE,
        _("Asks the cardholder to approve"),
    ),
    Card(
        "4000000000005126",
        "visa",
        Behaviour.SILENT_THEN_SUCCEED,
        _("Gets no answer; ten minutes later it turns out to have been paid"),
    ),
    Card(
        "4000000000007726",
        "visa",
        Behaviour.SILENT_THEN_NOTHING,
        _("Gets no answer; ten minutes later it turns out that nothing was taken"),
    ),
)
BY_NUMBER: Final = {card.number: card for card in CARDS}

# In English for whoever asks the provider; the payer's pages translate it.
DECLINES: Final = {
    "card_declined": _("The card was declined."),
    "insufficient_funds": _("The card has insufficient funds."),
    "expired_card": _("The card has expired."),
    "incorrect_cvc": _("The card's security code is wrong."),
    "authentication_failed": _("The cardholder did not approve the payment."),
    "unknown_card": _("This is not one of the sandbox's test cards."),
    "more_than_was_paid": _("More than the card has paid cannot be given back."),
    "timed_out": _("The bank never took the payment."),
}


def passes_luhn(number: str) -> bool:
    """Whether a card number's check digit is right (ISO/IEC 7812-1)."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = [sum(divmod(digit * 2, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
