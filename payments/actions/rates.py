"""The verb of exchange rates: keep what a source says."""

from decimal import Decimal

from invoicing import clock, money
from invoicing.actions.action import action
from payments.models import ExchangeRate


@action
def keep_rates(found: dict[str, Decimal], source: str) -> int:
    """Write down what a source says now; what it says no more goes stale."""
    now = clock.wall()
    for currency, rate in sorted(found.items()):
        ExchangeRate.objects.update_or_create(
            currency=currency,
            defaults={
                "rate": rate.quantize(Decimal(1).scaleb(-12), context=money.EXACT),
                "source": source[:60],
                "fetched_at": now,
            },
        )
    return len(found)
