"""Killed wherever it hurts while it speaks to Stripe, and started again: nothing is doubled."""

import itertools
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from invoicing.models import Merchant
from payments.audit import audit
from payments.models import Dispute, Payment, Refund
from tests.crew import Crew, Done, Job
from tests.factories import given_a_customer, given_a_merchant
from tests.fakes.stripe.handle import StripeFake
from tests.kill9.test_kill9 import LATER, SIGALRM

FLOW = "tests.kill9.stripe_flow"
# Kills in the ordinary suite, spread over so many jobs that each of them dies again and again.
KILLS = 150
PARTS, LIVES = 4, 24
# How often an undisturbed day may be put off because the machine is too busy to answer in time.
PATIENCE = 5
WHOLE = ("start", "charge", "check", "refund", "hand_in", "save_method", "check_dispute")


class Stage:
    """A merchant, and a Stripe of its own that outlives everybody who speaks to it."""

    def __init__(self, crew: Crew, fake: StripeFake) -> None:
        self.crew = crew
        self.fake = fake
        self.merchant: Merchant

    def opens(self) -> "Stage":
        """A new business at the same Stripe, which starts with empty books."""
        self.fake.stop()
        for path in self.fake.data.parent.glob(f"{self.fake.data.name}*"):
            path.unlink()
        self.fake.start()
        self.merchant = given_a_merchant()
        given_a_customer(self.merchant, name="Cleo", email="")
        return self

    def play(self, what: str = "run", turn: int = 0, failpoint: str = "", **args: Any) -> Done:
        settings = {
            "STRIPE_SECRET_KEY": self.fake.api_key,
            "STRIPE_WEBHOOK_SECRET": "whsec_fake",
            "STRIPE_API_BASE": self.fake.url,
        }
        of = {"merchant_pk": self.merchant.pk, "port": self.fake.port, **args}
        # Stripe's clock goes with the job's: what the dead had leased is free again.
        if turn:
            self.fake.advance(int(LATER))
        job = Job(
            f"{FLOW}:{what}", of, failpoint=failpoint, ahead_seconds=turn * LATER, settings=settings
        )
        return self.crew.run(job)

    def check(self) -> None:
        """All that the day was for has happened once, here and at Stripe."""
        paid = Payment.objects.filter(merchant=self.merchant, status="succeeded").order_by("pk")
        back = Refund.objects.filter(merchant=self.merchant).order_by("amount")
        assert [row.received for row in paid] == [10000, 3000]
        assert [(row.amount, row.status, row.failure_code) for row in back] == [
            (1500, "succeeded", ""),
            (2500, "succeeded", ""),
        ]
        assert (
            Payment.objects.filter(merchant=self.merchant)
            .exclude(status__in=["succeeded", "failed", "canceled"])
            .count()
            == 0
        )
        (dispute,) = Dispute.objects.filter(merchant=self.merchant)
        assert (dispute.status, dispute.withdrawn, dispute.fee) == ("won", 0, 1500)
        totals = self.fake.totals()["usd"]
        sums = {kind: (of["amount"], of["count"]) for kind, of in totals.items()}
        assert sums == {"charge": (13000, 2), "refund": (-4000, 2), "adjustment": (0, 2)}
        assert audit() == []


@pytest.fixture
def stage(crew: Crew, tmp_path: Path) -> Iterator[Stage]:
    # Nobody answers there, so every event is one that was missed.
    with StripeFake(tmp_path / "stripe.sqlite", webhook_url="http://127.0.0.1:9/nobody") as fake:
        yield Stage(crew, fake)
    shutil.rmtree(tmp_path, ignore_errors=True)


def visits_of(stage: Stage) -> list[str]:
    """Every visit to a failpoint on an undisturbed day, as `name:number`."""
    done = stage.opens().play(watch=True)
    assert done.error == ""
    stage.check()
    seen: dict[str, int] = done.result["seen"]
    return [f"{name}:{number + 1}" for name, times in seen.items() for number in range(times)]


def killed_again_and_again(stage: Stage, plan: list[dict[str, Any]]) -> int:
    """One day, which dies as the plan says; how often it did. In the end all is right."""
    stage.opens()
    died = 0
    for turn, how in enumerate(plan):
        done = stage.play(turn=turn, **how)
        assert done.status in (0, -9, SIGALRM) and not done.error, (how, done)
        died += done.status != 0
    turns = itertools.count(len(plan))
    for turn in itertools.islice(turns, PATIENCE):
        last = stage.play(turn=turn)
        assert (last.status, last.error) == (0, "")
        if "put_off" not in last.result:
            break
    assert "put_off" not in last.result, last.result
    for turn in itertools.islice(turns, 2):
        assert stage.play("recover", turn=turn).error == ""
    stage.check()
    return died


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_while_it_speaks_to_stripe(
    part: int, stage: Stage, pytestconfig: pytest.Config
) -> None:
    """At every failpoint, at random visits and after random milliseconds; `--kills N` for N."""
    wanted = (pytestconfig.getoption("--kills") or KILLS) // PARTS
    chance = random.Random(f"kills {pytestconfig.getoption('--lot')}.{part}")
    visits = visits_of(stage)
    due = visits[part::PARTS]
    chance.shuffle(due)
    died = 0
    while died < wanted:
        plan: list[dict[str, Any]] = []
        if due:
            plan.append({"failpoint": due.pop()})
        for _ in range(LIVES):
            if chance.random() < 0.8:
                plan.append({"die_at": chance.randint(1, 12)})
            else:
                plan.append({"die_after_ms": chance.uniform(1, 200)})
        try:
            died += killed_again_and_again(stage, plan)
        except AssertionError as broken:
            raise AssertionError(f"killed as planned: {plan}") from broken


def test_the_day_comes_by_every_failpoint_of_the_flows(stage: Stage) -> None:
    marked = re.findall(r'failpoint\("([^"]+)"\)', Path("payments/flows.py").read_text())
    seen = {visit.rpartition(":")[0] for visit in visits_of(stage)}
    assert {name.partition(":")[0] for name in marked} >= set(WHOLE)
    assert set(marked) - seen == set()


@pytest.mark.tampers
@pytest.mark.parametrize("careless", [False, True])
def test_a_fresh_key_for_each_try_is_found_out(stage: Stage, careless: bool) -> None:
    """A control: Stripe is asked anew for what the dead had asked for."""
    stage.opens()
    assert stage.play(failpoint="charge:after_provider").killed
    assert stage.play("charge_again", turn=1, careless=careless).error == ""
    assert stage.play(turn=2).error == ""
    if careless:
        with pytest.raises(AssertionError):
            stage.check()
    else:
        stage.check()
