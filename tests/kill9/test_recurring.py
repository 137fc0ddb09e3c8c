"""Eight workers tick together over a year of schedules, and most of them are killed on the way."""

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Count, Q

from invoicing import clock
from invoicing.models import Merchant
from payments.audit import audit
from payments.models import Payment, RecurringCharge, RecurringPeriod, SandboxSession
from tests.crew import KILLED, Crew, Job
from tests.factories import (
    FIRST_TWO_DECLINED,
    VISA,
    given_a_customer,
    given_a_merchant,
    given_a_saved_card,
    subscribe,
)
from tests.kill9.test_kill9 import SIGALRM

TICK = "tests.kill9.recurring_flow:tick"
# In the ordinary suite; `--kills` plays a business of five hundred.
SCHEDULES, MANY = 6, 500
WORKERS, MONTHS = 8, 12
MONTH = timedelta(days=31).total_seconds()
# Where dying hurts: between the invoice, the attempt, the provider's answer and what follows.
WHERE = (
    "begin_period:asked",
    "begin_period:before_commit",
    "recurring:after_begin",
    "charge:after_provider",
    "apply_outcome:before_commit",
)
# Longer than a worker's lease, so that what the dead had claimed is free again.
LATER = 120


@pytest.fixture
def business(transactional_db: None, pytestconfig: pytest.Config) -> Merchant:
    """Members who pay by cards that work, and some by cards that fail at first."""
    merchant = given_a_merchant()
    chance = random.Random("members")
    count = MANY if pytestconfig.getoption("--kills") else SCHEDULES
    for number in range(count):
        customer = given_a_customer(merchant, name=f"Member {number}", email="")
        given_a_saved_card(customer, FIRST_TWO_DECLINED if number % 4 == 0 else VISA)
        subscribe(customer, trial_days=chance.randint(1, 28))
    return merchant


def test_a_year_is_charged_once_whoever_dies(crew: Crew, business: Merchant) -> None:
    chance = random.Random("a year of deaths")
    begun, died = clock.now(business), Counter[str]()
    for month in range(1, MONTHS + 1):
        # First two who die in the midst of it, then eight who follow them and die whenever.
        places = chance.sample(WHERE, 2)
        deaths = [chance.uniform(5, 400) for _ in range(WORKERS)]
        for turn, jobs in enumerate(
            (
                [(place, 0.0) for place in places],
                [("", after_ms) for after_ms in deaths],
            )
        ):
            ahead = month * MONTH + turn * LATER
            done = crew.together(
                [Job(TICK, {"die_after_ms": ms}, place, ahead_seconds=ahead) for place, ms in jobs]
            )
            assert {one.status for one in done} <= {0, KILLED, SIGALRM}
            assert {one.error for one in done} == {""}
            died.update(
                place for (place, _), one in zip(jobs, done, strict=True) if one.status != 0
            )
        _come_to_rest(crew, month * MONTH + 2 * LATER)
    assert died[""] >= MONTHS // 2
    assert died.keys() >= set(WHERE)
    # The last retries are some days later than the last month.
    end = MONTHS * MONTH + timedelta(days=8).total_seconds()
    _come_to_rest(crew, end)
    _nothing_is_missed(begun + timedelta(seconds=end))
    assert audit() == []


def _come_to_rest(crew: Crew, ahead: float) -> None:
    """One worker, undisturbed, until nothing more is due."""
    for turn in range(20):
        done = crew.run(Job(TICK, ahead_seconds=ahead + turn * LATER))
        assert (done.status, done.error) == (0, "")
        if not done.result:
            return
    raise AssertionError("there was always more to do")


def _nothing_is_missed(now: Any) -> None:
    """Every period that has begun was asked for and charged once, here and at the provider."""
    for row in RecurringCharge.objects.all():
        begun = [number for number in range(1, 14) if row.begins(number) <= now]
        paid = row.periods.filter(status=RecurringPeriod.Status.PAID).order_by("number")
        assert list(paid.values_list("number", flat=True)) == begun
        assert row.next_number == begun[-1] + 1
    succeeded = Count("invoice__payments", filter=Q(invoice__payments__status="succeeded"))
    counts = RecurringPeriod.objects.annotate(times=succeeded).values_list("times", flat=True)
    assert set(counts) == {1}
    taken = SandboxSession.objects.filter(status="succeeded").count()
    assert taken == RecurringPeriod.objects.count()
    assert not Payment.objects.filter(status__in=["pending", "processing", "unknown"]).exists()
