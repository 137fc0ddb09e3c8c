"""Stripe's test cards and test bank accounts, and how each behaves."""

from dataclasses import dataclass

# Source: Stripe's testing page; advice codes: its page on declines.


@dataclass(frozen=True)
class Decline:
    """Why a bank says no."""

    code: str
    message: str
    decline_code: str | None = None
    advice_code: str | None = None


@dataclass(frozen=True)
class Card:
    """One test card. `attaches` says whether it may be saved although a charge fails."""

    number: str
    brand: str = "visa"
    decline: Decline | None = None
    attaches: bool = True
    # "always", or "unless_set_up": for payments without the payer, once saved with authentication.
    authenticates: str = ""
    dispute: str | None = None
    inquiry: bool = False
    fraud_warning: bool = False
    refund: str = "succeeded"
    bypass_pending: bool = False
    funding: str = "credit"
    country: str = "US"

    @property
    def last4(self) -> str:
        return self.number[-4:]


@dataclass(frozen=True)
class BankAccount:
    """One test account at routing number 110000000. A debit from it ends as `ends` says."""

    number: str
    ends: str = "succeeded"
    code: str | None = None
    message: str = ""
    blocks: bool = False


ROUTING_NUMBER = "110000000"

GENERIC = Decline("card_declined", "Your card was declined.", "generic_decline", "try_again_later")
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    "authentication_required",
)
INCORRECT_NUMBER = Decline("incorrect_number", "Your card number is incorrect.")


def _declined(number: str, code: str, message: str, *codes: str | None) -> Card:
    return Card(number, decline=Decline(code, message, *codes), attaches=False)


_CARDS = [
    Card("4242424242424242"),
    Card("4000056655665556", funding="debit"),
    Card("5555555555554444", "mastercard"),
    Card("5200828282828210", "mastercard", funding="debit"),
    Card("378282246310005", "amex"),
    Card("6011111111111117", "discover"),
    Card("4000000000000077", bypass_pending=True),
    _declined(
        "4000000000000002", "card_declined", GENERIC.message, "generic_decline", "try_again_later"
    ),
    _declined(
        "4000000000009995",
        "card_declined",
        "Your card has insufficient funds.",
        "insufficient_funds",
        "try_again_later",
    ),
    _declined(
        "4000000000009987",
        "card_declined",
        "Your card was declined.",
        "lost_card",
        "do_not_try_again",
    ),
    _declined(
        "4000000000009979",
        "card_declined",
        "Your card was declined.",
        "stolen_card",
        "do_not_try_again",
    ),
    _declined(
        "4000000000000069",
        "expired_card",
        "Your card has expired.",
        "expired_card",
        "confirm_card_data",
    ),
    _declined(
        "4000000000000127",
        "incorrect_cvc",
        "Your card's security code is incorrect.",
        "incorrect_cvc",
        "confirm_card_data",
    ),
    _declined(
        "4000000000000119",
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
        "processing_error",
        "try_again_later",
    ),
    Card("4000000000000341", decline=GENERIC),
    Card("4000002500003155", authenticates="unless_set_up"),
    Card("4000002760003184", authenticates="always"),
    Card("4000000000003220", authenticates="always"),
    Card("4000000000000259", dispute="fraudulent"),
    Card("4000000000002685", dispute="product_not_received"),
    Card("4000000000001976", dispute="fraudulent", inquiry=True),
    Card("4000000000005423", fraud_warning=True),
    Card("4000000000007726", refund="pending"),
    Card("4000000000005126", refund="failed_later"),
]
CARDS = {card.number: card for card in _CARDS}

_ACCOUNTS = [
    BankAccount("000123456789"),
    BankAccount("000111111113", "failed", "account_closed", "The bank account has been closed."),
    BankAccount("000111111116", "failed", "no_account", "No bank account could be found."),
    BankAccount(
        "000222222227",
        "failed",
        "insufficient_funds",
        "The customer's account has insufficient funds to cover this payment.",
    ),
    BankAccount(
        "000333333335",
        "failed",
        "debit_not_authorized",
        "The customer has notified their bank that this payment was unauthorized.",
        blocks=True,
    ),
    BankAccount(
        "000444444440",
        "failed",
        "invalid_currency",
        "The bank was unable to process this payment because of its currency.",
    ),
    BankAccount("000555555559", "disputed", "insufficient_funds"),
    BankAccount("000000000009", "processing"),
]
ACCOUNTS = {account.number: account for account in _ACCOUNTS}

# The ready-made payment methods, each standing for one of the numbers above.
TOKENS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_visa_debit": "4000056655665556",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_mastercard_debit": "5200828282828210",
    "pm_card_amex": "378282246310005",
    "pm_card_discover": "6011111111111117",
    "pm_card_us": "4242424242424242",
    "pm_card_bypassPending": "4000000000000077",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_threeDSecure2Required": "4000000000003220",
    "pm_card_createDispute": "4000000000000259",
    "pm_card_createDisputeProductNotReceived": "4000000000002685",
    "pm_card_createDisputeInquiry": "4000000000001976",
    "pm_card_createIssuerFraudRecord": "4000000000005423",
    "pm_card_pendingRefund": "4000000000007726",
    "pm_card_refundFail": "4000000000005126",
    "pm_usBankAccount": "000123456789",
    "pm_usBankAccount_success": "000123456789",
    "pm_usBankAccount_accountClosed": "000111111113",
    "pm_usBankAccount_noAccount": "000111111116",
    "pm_usBankAccount_insufficientFunds": "000222222227",
    "pm_usBankAccount_debitNotAuthorized": "000333333335",
    "pm_usBankAccount_invalidCurrency": "000444444440",
    "pm_usBankAccount_dispute": "000555555559",
    "pm_usBankAccount_processing": "000000000009",
}


def luhn(number: str) -> bool:
    """Whether the check digit of a card number is right."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return bool(number) and total % 10 == 0
