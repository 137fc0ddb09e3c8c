"""Cards and American bank debits by Stripe."""

from payments.rails.stripe.rail import StripeRail

__all__ = ["StripeRail"]
