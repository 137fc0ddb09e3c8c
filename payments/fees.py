"""What each way of paying costs: the fee table, in whole minor units.

Estimates until the provider says what it really took. Flat fees and caps are in whole units of
whatever currency is paid.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from invoicing import money


@dataclass(frozen=True, slots=True)
class Rate:
    """A percentage plus a flat amount, at most a cap; amounts are in whole currency units."""

    percent: Decimal = Decimal(0)
    flat: Decimal = Decimal(0)
    cap: Decimal | None = None

    def of(self, amount: int, decimals: int) -> int:
        """The fee on this many minor units, never more than the amount itself."""
        fee = money.round_half_up(Decimal(amount) * self.percent / 100 + self.flat.scaleb(decimals))
        if self.cap is not None:
            fee = min(fee, int(self.cap.scaleb(decimals)))
        return min(fee, amount)


@dataclass(frozen=True, slots=True)
class Fees:
    """What the provider and the platform take of one payment, in minor units."""

    provider: int
    platform: int


FREE: Final = Rate()
# rail → (provider, platform)
TABLE: Final[dict[str, tuple[Rate, Rate]]] = {
    "card": (Rate(Decimal("2.9"), Decimal("0.30")), Rate(Decimal("0.5"))),
    "ach": (Rate(Decimal("0.8"), cap=Decimal("5.00")), Rate(Decimal("0.25"))),
    "usdc": (Rate(flat=Decimal("0.50")), Rate(Decimal("0.5"))),
    # Whoever submits a signed authorization pays for it: nothing is left of a cent otherwise.
    "x402": (FREE, Rate(Decimal("0.5"))),
    "wallet": (FREE, Rate(Decimal("0.25"))),
    "manual": (FREE, FREE),
    "credit": (FREE, FREE),
}
# The sandbox plays a card, so that a rehearsal shows what the real thing will cost.
TABLE["sandbox"] = TABLE["card"]


def estimate(rail: str, amount: int, currency: str) -> Fees:
    """The fees on an amount of minor units. Together never more than the amount."""
    decimals = money.asset(currency).decimals
    provider_rate, platform_rate = TABLE[rail]
    provider = provider_rate.of(amount, decimals)
    platform = min(platform_rate.of(amount, decimals), amount - provider)
    return Fees(provider, platform)
