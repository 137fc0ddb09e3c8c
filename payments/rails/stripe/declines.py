"""What Stripe's reasons for a declined charge mean for another try.

Source: Stripe's documentation of decline codes, advice codes and ACH failure codes.
"""

from typing import Final

from payments.rails.rail import Advice

# The card or the mandate is gone, or the network forbids another try.
NEVER: Final = frozenset(
    {
        "account_closed",
        "bank_account_restricted",
        "debit_not_authorized",
        "fraudulent",
        "highest_risk_level",
        "incorrect_number",
        "invalid_account",
        "lost_card",
        "merchant_blacklist",
        "no_account",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "stolen_card",
        "stop_payment_order",
        "transaction_not_allowed",
        "unchargeable",
    }
)
# Only the payer can mend it: by approving, or with other details.
CUSTOMER: Final = frozenset(
    {
        "authentication_required",
        "card_not_supported",
        "currency_not_supported",
        "expired_card",
        "incorrect_account_details",
        "incorrect_address",
        "incorrect_cvc",
        "incorrect_zip",
        "invalid_cvc",
        "invalid_expiry_month",
        "invalid_expiry_year",
        "mandate_invalid",
        "payment_method_not_available",
        "setup_intent_authentication_failure",
        "payment_intent_authentication_failure",
    }
)
# Another amount would do, and nothing else.
AMOUNT: Final = frozenset({"amount_too_large", "amount_too_small"})
_BY_ADVICE: Final = {
    "do_not_try_again": Advice.NEVER,
    "confirm_card_data": Advice.CUSTOMER,
    "try_again_later": Advice.RETRY,
}


def advice_on(code: str, decline_code: str, advice_code: str) -> Advice:
    """Whether to retry, to ask the customer or another amount, or never to try this method again.

    What is certain from the reason outweighs the network's general advice.
    """
    reasons = {code, decline_code}
    if reasons & NEVER:
        return Advice.NEVER
    if reasons & CUSTOMER:
        return Advice.CUSTOMER
    if reasons & AMOUNT:
        return Advice.AMOUNT
    return _BY_ADVICE.get(advice_code, Advice.RETRY)


def advice_on_refusal(code: str) -> Advice:
    """The same for a request that was refused as such, before any bank was asked."""
    return Advice.AMOUNT if code in AMOUNT else Advice.CUSTOMER
