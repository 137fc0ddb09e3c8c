"""Speaking to Stripe: which account, by which client, and what its errors mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import stripe
from django.conf import settings

from payments.rails.rail import NoAnswer, RailError
from payments.rails.stripe.declines import advice_on_refusal

# Both the library and the endpoint that receives events must speak it: shapes change with it.
API_VERSION: Final = "2026-08-26.dahlia"
TIMEOUT_SECONDS: Final = 20
# A request that had no answer is sent once more at once, under the same idempotency key.
RETRIES: Final = 1


@dataclass(frozen=True, slots=True)
class Account:
    """One Stripe account in one mode: a live key bills live merchants, a test key their twins."""

    secret_key: str
    webhook_secret: str

    @property
    def livemode(self) -> bool:
        return "_live_" in self.secret_key


def accounts() -> list[Account]:
    """The accounts that the operator has configured, at most one for each mode."""
    pairs = (
        (settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET),
        (settings.STRIPE_TEST_SECRET_KEY, settings.STRIPE_TEST_WEBHOOK_SECRET),
    )
    return [Account(key, secret) for key, secret in pairs if key]


def account(livemode: bool) -> Account | None:
    """The account for live or for test money."""
    return next((one for one in accounts() if one.livemode == livemode), None)


def client(livemode: bool) -> stripe.StripeClient:
    """A client of the account for live or for test money. Raises RailError without one."""
    found = account(livemode)
    if found is None:
        raise RailError("Stripe is not configured.", permanent=False, code="not_configured")
    return _client(found.secret_key, settings.STRIPE_API_BASE)


@lru_cache(maxsize=8)
def _client(secret_key: str, base: str) -> stripe.StripeClient:
    return stripe.StripeClient(
        secret_key,
        stripe_version=API_VERSION,
        base_addresses={"api": base, "files": base} if base else None,
        max_network_retries=RETRIES,
        http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
    )


@contextmanager
def speaking() -> Iterator[None]:
    """Turn the library's errors into the rails' own, and doubt what was not heard.

    A card that was declined is left as it is: that is an answer.
    """
    try:
        yield
    except stripe.CardError:
        raise
    except (stripe.APIConnectionError, stripe.APIError) as error:
        raise NoAnswer(f"Stripe did not answer: {error.user_message or error}") from error
    except stripe.RateLimitError as error:
        raise RailError("Stripe asks to slow down.", permanent=False, code="rate_limit") from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise RailError(
            "Stripe does not accept the configured key.", permanent=False, code="bad_key"
        ) from error
    except stripe.IdempotencyError as error:
        # The key is in use, or was used with other words, as after a change of PUBLIC_URL: what
        # was asked for before may well have been done.
        raise NoAnswer("Stripe knows this request already.") from error
    except stripe.StripeError as error:
        if error.http_status == 409 or (error.http_status or 500) >= 500:
            raise NoAnswer("Stripe is still busy with the same request.") from error
        message = error.user_message or "Stripe refused the request."
        code = error.code or "refused"
        advice = advice_on_refusal(code)
        raise RailError(message, permanent=True, code=code, advice=advice) from error
