"""Which ways to pay an invoice are open to its payer."""

from collections.abc import Collection
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings

from invoicing.models import Invoice, Merchant
from payments import quoting, receiving
from payments.chain.networks import Network
from payments.models import ReceivingKey
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
    return [rail for rail in rails if _is_allowed(rail, invoice)]


def usdc_chains(invoice: Invoice) -> list[Network]:
    """The chains on which an invoice can be paid in USDC now; none where it cannot be.

    It has a page of its own, so it is none of `rails_of`. Takes two queries at most.
    """
    if invoice.status not in {"open", "paying"} or invoice.amount_due <= 0:
        return []
    return _usdc_chains(invoice)


def takes_usdc(merchant: Merchant, currency: str, address: str = "") -> bool:
    """Whether an invoice in this currency, to be paid at this address if any, can be in USDC."""
    return bool(_usdc_chains(Invoice(merchant=merchant, currency=currency, wallet_address=address)))


def _is_allowed(rail: str, invoice: Invoice) -> bool:
    """Whether the checkout page that the invoice belongs to, if any, takes this rail.

    In test mode the sandbox stands for cards.
    """
    page = invoice.checkout_page if invoice.checkout_page_id else None
    return page is None or not page.rails or {"sandbox": "card"}.get(rail, rail) in page.rails


def _usdc_chains(invoice: Invoice) -> list[Network]:
    if not _is_allowed("usdc", invoice):
        return []
    found = receiving.networks_for(invoice.merchant)
    if not found or not _has_somewhere_to_receive(invoice):
        return []
    return found if _has_a_rate(invoice) else []


def _has_somewhere_to_receive(invoice: Invoice) -> bool:
    if invoice.wallet_address or not invoice.merchant.livemode:
        return True
    by_wallet, by_currency = _receiving(invoice.merchant)
    if invoice.wallet_id:
        return invoice.wallet_id in by_wallet
    return invoice.currency in by_currency


def _has_a_rate(invoice: Invoice) -> bool:
    known: dict[str, bool] = invoice.merchant.__dict__.setdefault("_rated", {})
    if invoice.currency not in known:
        known[invoice.currency] = quoting.rate_of(invoice.currency) is not None
    return known[invoice.currency]


def _receiving(merchant: Merchant) -> tuple[frozenset[int], frozenset[str]]:
    """The wallets that can receive USDC, and the currencies whose default wallet can.

    Asked once for each merchant that was loaded: a list of invoices asks for every one of them.
    """
    kept: dict[str, Any] = merchant.__dict__
    if "_receiving" not in kept:
        rows = ReceivingKey.objects.filter(merchant=merchant, retired_at=None)
        found = list(rows.values_list("wallet_id", "wallet__currency", "wallet__is_default"))
        kept["_receiving"] = (
            frozenset(pk for pk, _, _ in found),
            frozenset(currency for _, currency, is_default in found if is_default),
        )
    return kept["_receiving"]  # type: ignore[no-any-return]


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
