"""Which ways to pay an invoice are open to its payer."""

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from invoicing.models import Invoice
from payments.rails.stripe import amounts
from payments.rails.stripe.client import account

# Ways on which a payer can only ever pay what was asked for: anything else fits nothing.
EXACT: Final = frozenset({"card", "ach"})


def rails_of(invoice: Invoice) -> list[str]:
    """The ways this invoice can be paid online, best first; none while it is not asked for."""
    merchant, due = invoice.merchant, invoice.amount_due
    rails = [] if merchant.livemode else ["sandbox"]
    if account(merchant.livemode) is not None:
        rails += [rail for rail in ("card", "ach") if _takes(rail, due, invoice.currency)]
    return rails


def _takes(rail: str, amount: int, currency: str) -> bool:
    """Whether a page is sure to open: what is exchanged may turn out to be too little."""
    least = amounts.least(rail, currency)
    return least is not None and least <= amount <= amounts.most(currency)


def pages_of(rails: Collection[str]) -> list[str]:
    """The origins elsewhere that a payer is sent to: a page's policy must let its form lead there.

    Source: Stripe's Content Security Policy guide for Checkout.
    """
    if not EXACT.intersection(rails):
        return []
    base = urlsplit(settings.STRIPE_API_BASE)
    return [f"{base.scheme}://{base.netloc}" if base.netloc else "https://checkout.stripe.com"]
