"""What a person let a bot do happens exactly once, wherever whoever does it is killed."""

from datetime import timedelta
from typing import Any

import pytest

from invoicing.actions.leashes import set_leash
from invoicing.inputs import read
from invoicing.leashes import LeashInput
from invoicing.models import Approval, Bot, Event, Invoice, Merchant, Message
from payments.audit import audit
from payments.models import Refund
from tests.crew import Crew, Done, Job
from tests.factories import given_a_key, given_a_merchant, given_an_open_invoice, pay

FLOW = "tests.kill9.leash_flow"
# Longer than any lease: what the dead process had claimed is free again.
LATER = timedelta(minutes=10).total_seconds()
JOBS = 3
LIMIT = {"kind": "refund", "currency": "USD", "per_day": "100", "approval_above": "50"}
# Where it would hurt: between what was decided, what was done, and what was written down.
WHERE = {
    "begin_intent:before_commit",
    "once_per_wish:after_begin",
    "approve:before_commit",
    "approve:after_commit",
    "refund:after_begin",
    "refund:after_provider",
    "carry_out:answered",
    "record_outcome:before_commit",
    "record_outcome:after_commit",
}


class Stage:
    """A bot on a leash, and two hundred that were paid: enough to send sixty back twice."""

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        self.merchant: Merchant = given_a_merchant()
        self.key = given_a_key(self.merchant)
        bot = Bot.objects.get(merchant=self.merchant)
        set_leash(self.merchant, bot.public_id, read(LeashInput, {"limits": [LIMIT]}))
        self.invoice = pay(given_an_open_invoice(self.merchant, "200.00")).invoice

    def play(self, what: str = "run", *, turn: int = 0, failpoint: str = "", **args: Any) -> Done:
        path = f"/v1/invoices/{self.invoice.public_id}/refund"
        told = {"key": self.key, "path": path, **args}
        job = Job(
            f"{FLOW}:{what}",
            told,
            failpoint=failpoint,
            ahead_seconds=turn * LATER,
            settings={"ALLOWED_HOSTS": ["testserver"]},
        )
        return self.crew.run(job)

    def check(self) -> None:
        """It was asked once, approved once, done once, and told once."""
        approval = Approval.objects.get(merchant=self.merchant)
        assert (approval.status, approval.intent.answer_status) == ("done", 200)
        types = Event.objects.filter(object_id=approval.public_id).order_by("pk")
        assert list(types.values_list("type", flat=True)) == [
            "approval.requested",
            "approval.approved",
            "approval.done",
        ]
        assert Message.objects.filter(merchant=self.merchant, kind="approval").count() == 1
        assert [
            (row.amount, row.status) for row in Refund.objects.filter(merchant=self.merchant)
        ] == [(6000, "succeeded")]
        assert Invoice.objects.get(pk=self.invoice.pk).amount_refunded == 6000
        assert audit() == []


def visited(crew: Crew) -> list[str]:
    stage = Stage(crew)
    done = stage.play("visited")
    assert done.error == ""
    stage.check()
    return list(done.result)


def test_killed_at_every_failpoint_it_is_done_once(
    crew: Crew, transactional_db: None, pytestconfig: pytest.Config
) -> None:
    """Several kills to a job; with `--kills` a job of its own for each."""
    places = visited(crew)
    assert set(places) >= WHERE
    jobs = len(places) if pytestconfig.getoption("--kills") else JOBS
    for job in range(jobs):
        mine, stage = places[job::jobs], Stage(crew)
        for turn, failpoint in enumerate(mine):
            killed = stage.play(turn=turn, failpoint=failpoint)
            assert killed.killed, f"{failpoint} of {mine}: {killed}"
        last = stage.play(turn=len(mine))
        assert (last.status, last.error) == (0, ""), mine
        stage.check()


@pytest.mark.tampers
def test_a_control_shows_that_without_its_key_it_would_be_done_twice(
    crew: Crew, transactional_db: None
) -> None:
    stage = Stage(crew)
    assert stage.play(failpoint="carry_out:answered", keyless=True).killed
    assert stage.play(turn=1, keyless=True).error == ""
    assert Refund.objects.filter(merchant=stage.merchant).count() == 2
    with pytest.raises(AssertionError):
        stage.check()
