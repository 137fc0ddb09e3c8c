"""Which ways to pay an invoice are open to its payer."""

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from invoicing.models import Invoice
from payments.rails.stripe.client import account

# What Stripe takes by card, and the least it takes, in minor units. Source: its table of minimum
# charge amounts; other currencies it exchanges, so their minimum depends on the day.
_CARD_MINIMUM: Final = {
    "USD": 50, "AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50, "EUR": 50, "INR": 50, "NZD": 50,
    "SGD": 50, "GBP": 30, "DKK": 250, "NOK": 300, "SEK": 300, "HKD": 400, "PLN": 200,
    "RON": 200, "AED": 200, "BGN": 100, "CZK": 1500, "MXN": 1000, "MYR": 200, "THB": 1000,
    "HUF": 17500, "JPY": 50,
}  # fmt: skip
_ACH_MINIMUM: Final = 50
# Ways on which a payer can only ever pay what was asked for: anything else fits nothing.
EXACT: Final = frozenset({"card", "ach"})


def rails_of(invoice: Invoice) -> list[str]:
    """The ways this invoice can be paid online, best first; none while it is not asked for."""
    merchant, due = invoice.merchant, invoice.amount_due
    rails = [] if merchant.livemode else ["sandbox"]
    if account(merchant.livemode) is not None:
        if due >= _CARD_MINIMUM.get(invoice.currency, due + 1):
            rails.append("card")
        if invoice.currency == "USD" and due >= _ACH_MINIMUM:
            rails.append("ach")
    return rails


def pages_of(rails: Collection[str]) -> list[str]:
    """The origins elsewhere that a payer is sent to: a page's policy must let its form lead there.

    Source: Stripe's Content Security Policy guide for Checkout.
    """
    if not EXACT.intersection(rails):
        return []
    base = urlsplit(settings.STRIPE_API_BASE)
    return [f"{base.scheme}://{base.netloc}" if base.netloc else "https://checkout.stripe.com"]
