"""The sandbox's cards: each does one thing, always, and one more thing once it is saved."""

from dataclasses import asdict, dataclass
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
class Step:
    """What becomes of one charge of a saved card.

    `code` is why it is declined; `then` what turns out after a silence, "succeed" or "nothing".
    """

    outcome: str
    code: str = ""
    then: str = ""

    def said(self) -> dict[str, str]:
        """As it is written down and shown."""
        return {name: value for name, value in asdict(self).items() if value}


PAID: Final = Step("succeed")


@dataclass(frozen=True, slots=True)
class Card:
    """A card number and what it does: with its owner there, and once it is saved, without them.

    `first` is what becomes of the first charges after it was saved, `charged` of all others.
    """

    number: str
    brand: str
    behaviour: Behaviour
    label: str
    decline_code: str = ""
    charged: Step = PAID
    first: tuple[Step, ...] = ()

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
        charged=Step("silence", then="succeed"),
    ),
    Card(
        "4000000000007726",
        "visa",
        Behaviour.SILENT_THEN_NOTHING,
        _("Gets no answer; ten minutes later it turns out that nothing was taken"),
        charged=Step("silence", then="nothing"),
    ),
)
# Cards that pay like any other while their owner is there: what they do shows once they are saved.
SAVED_CARDS: Final = (
    Card(
        "4000000000000341",
        "visa",
        Behaviour.SUCCEED,
        _("Is declined whenever it is charged later"),
        charged=Step("decline", "card_declined"),
    ),
    Card(
        "4000000000001018",
        "visa",
        Behaviour.SUCCEED,
        _("Is declined whenever it is charged later: insufficient funds"),
        charged=Step("decline", "insufficient_funds"),
    ),
    Card(
        "4000000000002016",
        "visa",
        Behaviour.SUCCEED,
        _("Is declined whenever it is charged later: expired"),
        charged=Step("decline", "expired_card"),
    ),
    Card(
        "4000000000003014",
        "visa",
        Behaviour.SUCCEED,
        _("Is declined whenever it is charged later: lost"),
        charged=Step("decline", "lost_card"),
    ),
    Card(
        "4000000000004012",
        "visa",
        Behaviour.SUCCEED,
        _("Is declined on the first two charges for insufficient funds, then succeeds"),
        first=(Step("decline", "insufficient_funds"), Step("decline", "insufficient_funds")),
    ),
    Card(
        "4000002760003184",
        "visa",
        Behaviour.AUTHENTICATE,
        _("Asks the cardholder to approve every charge, also when they are away"),
        charged=Step("authenticate"),
    ),
)
BY_NUMBER: Final = {card.number: card for card in (*CARDS, *SAVED_CARDS)}
BY_LAST4: Final = {card.last4: card for card in BY_NUMBER.values()}

# In English for whoever asks the provider; translated on the pages of payers.
DECLINES: Final = {
    "card_declined": _("The card was declined."),
    "insufficient_funds": _("The card has insufficient funds."),
    "expired_card": _("The card has expired."),
    "incorrect_cvc": _("The card's security code is wrong."),
    "lost_card": _("The card was reported lost."),
    "stolen_card": _("The card was reported stolen."),
    "fraudulent": _("The bank suspects fraud."),
    "do_not_honor": _("The bank refuses the charge and gives no reason."),
    "processing_error": _("The bank could not process the charge."),
    "authentication_required": _("The cardholder would have to approve this charge."),
    "authentication_failed": _("The cardholder did not approve the payment."),
    "unknown_card": _("This is not one of the sandbox's test cards."),
    "more_than_was_paid": _("More than the card has paid cannot be given back."),
    "timed_out": _("The bank never took the payment."),
    "amount_too_small": _("The amount is less than is charged to a card."),
    "amount_too_large": _("The amount is more than is charged to a card."),
    "never_arrived": _("The charge never reached the card's bank."),
}
# For which of these a charge can be told to be declined.
REASONS: Final = (
    "card_declined",
    "insufficient_funds",
    "expired_card",
    "incorrect_cvc",
    "lost_card",
    "stolen_card",
    "fraudulent",
    "do_not_honor",
    "processing_error",
)


def passes_luhn(number: str) -> bool:
    """Whether a card number's check digit is right (ISO/IEC 7812-1)."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = [sum(divmod(digit * 2, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
