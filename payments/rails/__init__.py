"""The ways to pay, by name, and the providers behind them."""

from payments.rails.credit import CreditRail
from payments.rails.manual import ManualRail
from payments.rails.rail import Rail
from payments.rails.sandbox import SandboxRail
from payments.rails.stripe import StripeRail
from payments.rails.usdc import UsdcRail

RAILS: dict[str, Rail] = {
    rail.key: rail
    for rail in (
        StripeRail("card"),
        StripeRail("ach"),
        SandboxRail(),
        ManualRail(),
        CreditRail(),
        UsdcRail("usdc"),
        UsdcRail("x402"),
    )
}
# Any of a provider's rails speaks for it where no single payment is meant.
PROVIDERS: dict[str, Rail] = {rail.provider: rail for rail in reversed(RAILS.values())}
RAILS_BY_PROVIDER: dict[str, list[str]] = {
    provider: [rail.key for rail in RAILS.values() if rail.provider == provider]
    for provider in PROVIDERS
}
