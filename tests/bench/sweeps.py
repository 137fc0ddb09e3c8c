"""What charging all that recurs costs: beside the provider's own limit, and beside many idle rows.

    scripts/with-services python -m tests.bench.sweeps

As many workers as there are processors sweep due schedules against the stand-in for Stripe, in
turns with the same number of clients that only charge there: that is the most anybody could do.
Then one worker sweeps a thousand due schedules among ten thousand idle ones, and among a million.
"""

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

from tests.bench import database

CUSTOMERS = 50
TURNS = 5
KEY = "sk_test_bench"
# Everything began this long ago, so that a period is due.
AGO = timedelta(days=1)
_numbers = count(1)


def main() -> None:
    """Make a business, charge it in turns with the bare provider, and print both tables."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--charges", type=int, default=10_000)
    arguments.add_argument("--due", type=int, default=1_000)
    arguments.add_argument("--idle", type=int, nargs=2, default=(10_000, 1_000_000))
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder, _provider() as base:
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.settings"
        os.environ.setdefault("DATA_DIR", folder)
        os.environ["STRIPE_SECRET_KEY"] = KEY
        os.environ["STRIPE_WEBHOOK_SECRET"] = "whsec_bench"
        os.environ["STRIPE_API_BASE"] = base
        database.begin()
        from django.db import connection

        example = _business()
        print(f"\n{connection.vendor}, medians of {TURNS} turns\n")
        _beside_the_provider(example, asked.charges // TURNS)
        _beside_idle_rows(example, asked.due, *asked.idle)
        database.drop()


def _beside_the_provider(example: Any, charges: int) -> None:
    workers = os.cpu_count() or 1
    charges -= charges % workers
    _due(example, 200)
    queries = _queries(_sweep) / 200
    ours, bare = [], []
    for _ in range(TURNS):
        _due(example, charges)
        ours.append(charges / _together(workers, _sweep))
        _nothing_is_left()
        bare.append(charges / _together(workers, lambda: _charge_only(example, charges // workers)))
    ratio = statistics.median(ours) / statistics.median(bare)
    print(f"{charges} due at a time, {workers} workers, {queries:.1f} queries each")
    print(f"{'what':<34}{'per s':>8}{'spread':>9}{'ratio':>8}")
    print(f"{'charges swept':<34}{statistics.median(ours):>8.1f}{_spread(ours):>9}{ratio:>8.2f}")
    print(f"{'charges, provider alone':<34}{statistics.median(bare):>8.1f}{_spread(bare):>9}")


def _beside_idle_rows(example: Any, due: int, few: int, many: int) -> None:
    from django.db import connection

    medians = []
    print(f"\n{due} due at a time, 1 worker")
    print(f"{'beside idle schedules':<34}{'s':>8}{'spread':>9}{'ratio':>8}")
    there = 0
    for idle in (few, many):
        _idle(example, idle - there)
        there = idle
        with connection.cursor() as cursor:
            # As the server does by itself in a quiet minute.
            cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
        took = []
        for _ in range(TURNS):
            _due(example, due)
            took.append(_together(1, _sweep))
            _nothing_is_left()
        medians.append(statistics.median(took))
        ratio = f"{medians[-1] / medians[0]:>8.2f}" if len(medians) > 1 else ""
        print(f"{idle:<34}{medians[-1]:>8.2f}{_spread(took):>9}{ratio}", flush=True)


def _sweep() -> None:
    """What a worker does until nothing is due."""
    from payments import waiting

    while waiting.PERIODS.run() or _left():
        pass


def _charge_only(example: Any, charges: int) -> None:
    """The same request to the provider, again and again, and nothing else."""
    from payments.rails.stripe.client import client

    asked: Any = {
        "amount": example.amount,
        "currency": "usd",
        "customer": example.customer.provider_customers.get().reference,
        "payment_method": example.customer.payment_methods.get().provider_reference,
        "payment_method_types": ["card"],
        "confirm": True,
        "off_session": True,
        "expand": ["latest_charge.balance_transaction"],
    }
    stripe = client(False)
    for number in range(charges):
        key = f"bare-{os.getpid()}-{number}"
        stripe.v1.payment_intents.create(asked, {"idempotency_key": key})


def _together(workers: int, work: Callable[[], None]) -> float:
    """Seconds until the last of these workers is done with its part."""
    from django.db import connections

    from payments.rails.stripe.client import _client

    # A connection that two processes speak on says nothing that either understands.
    connections.close_all()
    _client.cache_clear()
    forked = multiprocessing.get_context("fork")
    crew = [forked.Process(target=work) for _ in range(workers)]
    begun = time.perf_counter()
    for each in crew:
        each.start()
    for each in crew:
        each.join()
    took = time.perf_counter() - begun
    assert not any(each.exitcode for each in crew), "a worker has failed"
    return took


def _queries(work: Callable[[], None]) -> int:
    """How many queries it takes."""
    from django.db import connection

    asked = 0

    def counted(execute: Any, *how: Any) -> Any:
        nonlocal asked
        asked += 1
        return execute(*how)

    with connection.execute_wrapper(counted):
        work()
    return asked


def _left() -> int:
    from django.utils import timezone

    from payments.models import RecurringCharge

    return RecurringCharge.objects.filter(next_at__lte=timezone.now()).count()


def _nothing_is_left() -> None:
    """A benchmark of failures is fast and worthless."""
    from payments.models import Payment, RecurringPeriod

    assert not _left()
    assert not Payment.objects.exclude(status="succeeded").exists()
    assert not RecurringPeriod.objects.exclude(status="paid").exists()


def _business() -> Any:
    """Fifty customers with a saved card each, and a schedule of the first one that waits."""
    from invoicing.inputs import read
    from payments.models import PaymentMethod, ProviderCustomer
    from payments.rails.stripe.client import client
    from payments.recurring_flow import start
    from payments.recurring_inputs import RecurringInput
    from tests import factories

    merchant = factories.given_a_merchant()
    at = merchant.created_at
    for number in range(CUSTOMERS):
        customer = factories.given_a_customer(merchant, name=f"Member {number}")
        known = client(False).v1.customers.create({"name": customer.name})
        ProviderCustomer.objects.create(
            customer=customer, provider="stripe", reference=known.id, created_at=at
        )
        card = client(False).v1.payment_methods.attach("pm_card_visa", {"customer": known.id})
        PaymentMethod.objects.create(
            merchant=merchant,
            customer=customer,
            rail="card",
            provider_reference=card.id,
            is_default=True,
            details={"brand": "visa", "last4": "4242"},
            consented_at=at,
            created_at=at,
            updated_at=at,
        )
    first = merchant.customers.order_by("id")[0]
    wanted = {
        "customer_id": first.public_id,
        "amount": "20.00",
        "description": "Membership",
        "interval": "monthly",
        "trial_days": 1,
    }
    return start(merchant, read(RecurringInput, wanted))


def _due(example: Any, charges: int) -> None:
    """Schedules whose first period begins now."""
    _write(example, charges, AGO + timedelta(days=1))


def _idle(example: Any, schedules: int) -> None:
    """Schedules that wait for a day of the next month."""
    _write(example, schedules, timedelta(days=-20))


def _write(example: Any, schedules: int, earlier: timedelta) -> None:
    from tests.bench.rows import copy, last

    customers = list(example.merchant.customers.order_by("id").values_list("pk", flat=True))
    base = last("payments_recurringcharge")
    begins = example.next_at - earlier

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(schedules):
            at = begins + timedelta(seconds=number % 3600) if earlier < AGO else begins
            yield {
                "id": base + number + 1,
                "public_id": f"rec_bench{next(_numbers):09}",
                "customer_id": customers[number % CUSTOMERS],
                "anchor_at": at.replace(tzinfo=None),
                "started_at": at.replace(tzinfo=None),
                "next_at": at.replace(tzinfo=None),
                "announce_at": None,
            }

    copy("payments_recurringcharge", example.pk, rows())


@contextmanager
def _provider() -> Iterator[str]:
    """The stand-in for Stripe, in a process of its own, which ends with this one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.stripe", "--port", "0", "--api-key", KEY]
        + ["--with-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        yield process.stdout.readline().removeprefix("ready ").strip()
    finally:
        process.stdin.close()
        process.wait(10)


def _spread(values: list[float]) -> str:
    """Half the distance between the extremes, relative to the median."""
    return f"±{(max(values) - min(values)) / 2 / statistics.median(values):.0%}"


if __name__ == "__main__":
    main()
