"""Asking the operator's source for exchange rates."""

from typing import Final
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from payments import rates
from payments.actions.rates import keep_rates

TIMEOUT_SECONDS: Final = 10.0


def fetch_rates() -> int:
    """Ask the source for its rates and keep them; how many there are, 0 where there is no source.

    Raises BadRates, and httpx.HTTPError.
    """
    source = settings.USDC_RATES
    if not rates.is_address(source):
        return 0
    answer = httpx.get(source, timeout=TIMEOUT_SECONDS, follow_redirects=False)
    answer.raise_for_status()
    return keep_rates(rates.from_answer(answer.text), urlsplit(source).hostname or "")
