"""What an amount is in USDC: one for a dollar, and by a recorded rate for other currencies.

Everything here happens in the caller's transaction, under the invoice's lock.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Final

from django.conf import settings

from invoicing import clock, money
from invoicing.errors import NotConfigured
from invoicing.models import Invoice, Merchant
from payments.models import DepositAddress, ExchangeRate, UsdcPolicy, UsdcRequest
from payments.rates import PEGGED, from_setting, is_address

USDC: Final = "USDC"
# A rate that its source has not renewed for so long is nobody's rate any more.
STALE_AFTER: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Rate:
    """USDC for one whole unit of a currency, and who said so."""

    value: Decimal
    source: str


def rate_of(currency: str) -> Rate | None:
    """The rate of a currency now; None where no source gives one."""
    if currency in PEGGED:
        return Rate(Decimal(1), "one to one")
    if not is_address(settings.USDC_RATES):
        by_hand = from_setting(settings.USDC_RATES).get(currency)
        if by_hand:
            return Rate(by_hand, "set by the operator")
    row = ExchangeRate.objects.filter(currency=currency).first()
    if row is None or clock.wall() - row.fetched_at > STALE_AFTER:
        return None
    return Rate(row.rate, row.source)


def units_for(amount: int, currency: str, rate: Rate) -> int:
    """Units of USDC that pay an amount of minor units: rounded up, so that they always do."""
    decimals = money.asset(currency).decimals
    exact = Decimal(amount).scaleb(money.asset(USDC).decimals - decimals, money.EXACT)
    units = money.EXACT.multiply(exact, rate.value)
    return int(units.to_integral_value(ROUND_CEILING))


def convert(units: int, currency: str, rate: Rate) -> int:
    """Minor units of a currency that these units of USDC are worth, rounded down."""
    decimals = money.asset(currency).decimals
    exact = Decimal(units).scaleb(decimals - money.asset(USDC).decimals, money.EXACT)
    return int(money.EXACT.divide(exact, rate.value))


def worth_in(amount: int, asset: str, currency: str) -> int | None:
    """Minor units of a currency that an amount of an asset is worth now; None without a rate.

    Only USDC is ever exchanged.
    """
    if asset == currency:
        return amount
    rate = rate_of(currency) if asset == USDC else None
    return convert(amount, currency, rate) if rate else None


def policy_of(merchant: Merchant) -> UsdcPolicy:
    """How this merchant takes USDC; the defaults where nothing was chosen."""
    return UsdcPolicy.objects.filter(merchant=merchant).first() or UsdcPolicy(merchant=merchant)


def request_for(invoice: Invoice, address: DepositAddress, amount: int) -> UsdcRequest:
    """What the payer is to send for an amount of minor units: as before while that still holds.

    Raises NotConfigured where nobody gives a rate for the invoice's currency.
    """
    at = clock.now(invoice.merchant)
    last = invoice.usdc_requests.order_by("-pk").first()
    fits = last is not None and last.address_id == address.pk and last.amount == amount
    if last is not None and fits and last.holds_at(at):
        return last
    rate = rate_of(invoice.currency)
    if rate is None:
        raise NotConfigured(
            f"There is no exchange rate from {invoice.currency} to USDC, so this invoice cannot "
            "be paid in USDC.",
            details={"rail": "usdc"},
        )
    holds_for = timedelta(minutes=policy_of(invoice.merchant).rate_minutes)
    return UsdcRequest.objects.create(
        invoice=invoice,
        address=address,
        amount=amount,
        units=units_for(amount, invoice.currency, rate),
        rate=rate.value,
        rate_source=rate.source,
        created_at=at,
        expires_at=None if invoice.currency in PEGGED else at + holds_for,
    )
