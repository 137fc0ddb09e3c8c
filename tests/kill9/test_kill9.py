"""Killed at every failpoint and started again, the main job loses nothing and doubles nothing."""

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from invoicing import signing
from invoicing.models import Delivery, Event, Invoice, Merchant, Message, WebhookEndpoint
from payments.audit import audit
from payments.models import Notice, Payment, SandboxSession, Wallet
from tests.crew import Crew, Done, Job
from tests.factories import balances, given_a_merchant, given_an_endpoint
from tests.fakes.receiver import Receiver
from tests.fakes.smtp import MailServer

FLOW = "tests.kill9.flow"
# Longer than any lease: what the dead process had claimed is free again.
LATER = timedelta(minutes=10).total_seconds()
PARTS, JOBS = 4, 3
SIGALRM = -14


@dataclass
class Stage:
    """Where the job is played, with a real mail server and a real receiver looking on."""

    crew: Crew
    mail_server: MailServer
    receiver: Receiver

    def given_a_business(self) -> tuple[Merchant, WebhookEndpoint]:
        merchant = given_a_merchant()
        return merchant, given_an_endpoint(merchant, self.receiver.url())

    def play(self, merchant: Merchant, what: str = "run", **how: Any) -> Done:
        settings = {
            "MAIL_TRANSPORT": self.mail_server.transport,
            "WEBHOOK_ALLOW_PRIVATE": True,
        }
        args = {"merchant_pk": merchant.pk, **how.pop("args", {})}
        return self.crew.run(Job(f"{FLOW}:{what}", args, settings=settings, **how))

    def visited(self) -> dict[str, int]:
        """Every failpoint on the way, and how often it is passed."""
        merchant, endpoint = self.given_a_business()
        done = self.play(merchant, "visited")
        assert done.error == ""
        self.check(merchant, endpoint, copies=1)
        return dict(done.result)

    def check(self, merchant: Merchant, endpoint: WebhookEndpoint, *, copies: int) -> None:
        """All that the job was for has happened, exactly once.

        What went out and was not written down goes out again: of each mail and webhook there may
        be so many copies, each known by its id.
        """
        check_money(merchant)
        check_events(merchant, endpoint, self.receiver, copies)
        check_mails(merchant, self.mail_server, copies)
        assert audit() == []
        self.receiver.heard.clear()
        self.mail_server.envelopes.clear()


@pytest.fixture
def stage(crew: Crew, mail_server: MailServer, receiver: Receiver) -> Stage:
    return Stage(crew, mail_server, receiver)


def check_money(merchant: Merchant) -> None:
    rows = Invoice.objects.filter(merchant=merchant).order_by("number_value")
    assert [(row.number_value, row.status, row.amount_paid) for row in rows] == [
        (1, "paid", 10000),
        (2, "paid", 7000),
        (3, "void", 0),
    ]
    taken = Payment.objects.filter(merchant=merchant, status="succeeded").order_by("rail")
    assert [(row.rail, row.received, row.surplus) for row in taken] == [
        ("manual", 7000, 0),
        ("sandbox", 10000, 0),
    ]
    assert not Payment.objects.filter(
        merchant=merchant, status__in=["pending", "processing", "unknown"]
    ).exists()
    assert SandboxSession.objects.filter(merchant=merchant, status="succeeded").count() == 1
    assert balances(Wallet.objects.get(merchant=merchant)) == {"available": 9630, "external": 7000}
    assert not Notice.objects.filter(applied_at=None).exists()


def check_events(
    merchant: Merchant, endpoint: WebhookEndpoint, receiver: Receiver, copies: int
) -> None:
    events = Event.objects.filter(merchant=merchant)
    assert Counter(events.values_list("type", flat=True)) == {
        "customer.created": 1,
        "invoice.created": 3,
        "invoice.updated": 1,
        "invoice.finalized": 3,
        "invoice.sent": 1,
        "invoice.viewed": 1,
        "invoice.payment_failed": 1,
        "invoice.paid": 2,
        "invoice.voided": 1,
    }
    heard = Counter(request.id for request in receiver.heard)
    assert heard.keys() == set(events.values_list("public_id", flat=True))
    assert max(heard.values()) <= copies
    bodies = dict(events.values_list("public_id", "body"))
    for request in receiver.heard:
        assert request.body.decode() == bodies[request.id]
        at = int(request.headers["webhook-timestamp"])
        signed = signing.sign([endpoint.secret], request.id, at, request.body)
        assert request.headers["webhook-signature"] == signed
    deliveries = Delivery.objects.filter(event__merchant=merchant)
    assert deliveries.count() == events.count()
    assert set(deliveries.values_list("status", flat=True)) == {"succeeded"}


def check_mails(merchant: Merchant, server: MailServer, copies: int) -> None:
    rows = Message.objects.filter(merchant=merchant)
    assert Counter(rows.values_list("kind", flat=True)) == {"invoice": 1, "receipt": 2}
    assert set(rows.values_list("status", flat=True)) == {"sent"}
    taken = Counter(str(mail["Message-ID"]).strip("<>").split("@")[0] for mail in server.mails)
    assert taken.keys() == set(rows.values_list("public_id", flat=True))
    assert max(taken.values()) <= copies


def kill_and_go_on(stage: Stage, failpoints: Sequence[str]) -> None:
    """One job, killed at each of these in turn, as its way comes by them, and finished at last."""
    merchant, endpoint = stage.given_a_business()
    for turn, failpoint in enumerate(failpoints):
        killed = stage.play(merchant, failpoint=failpoint, ahead_seconds=turn * LATER)
        assert killed.killed, f"{failpoint}: {killed}"
    last = stage.play(merchant, ahead_seconds=len(failpoints) * LATER)
    assert (last.status, last.error) == (0, "")
    stage.check(merchant, endpoint, copies=1 + len(failpoints))


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_every_failpoint_and_started_again(
    part: int, stage: Stage, pytestconfig: pytest.Config
) -> None:
    """Several kills to a job; with `--kills` a job of its own for each."""
    mine = list(stage.visited())[part::PARTS]
    jobs = len(mine) if pytestconfig.getoption("--kills") else JOBS
    for job in range(jobs):
        try:
            kill_and_go_on(stage, mine[job::jobs])
        except AssertionError as broken:
            raise AssertionError(f"killed at {mine[job::jobs]}") from broken


def test_the_main_job_comes_by_every_failpoint_that_is_marked(stage: Stage) -> None:
    marked = {
        name
        for room in ("invoicing", "payments", "checkout")
        for path in Path(room).rglob("*.py")
        # What a provider is asked for is passed in test_stripe.py and in the simulator, what
        # recurs in test_recurring.py, what chains bring in test_usdc.py, what was signed in
        # test_x402.py.
        if path.name
        not in (
            *("flows.py", "credit_flow.py", "recurring_flow.py", "periods.py"),
            *("watching.py", "x402_flow.py"),
        )
        for name in re.findall(r'failpoint\("([^"]+)"\)', path.read_text())
        # What bots on a leash ask for is passed in test_leashes.py, what they mail at once in
        # tests/dialects/test_creditclaw.py, and what a payer pays in one go in
        # tests/races/test_portal.py.
        if name.split(":")[0] not in ("once_per_wish", "carry_out", "send_draft_now", "bundle")
    }
    seen = stage.visited()
    assert marked
    assert marked <= seen.keys()
    actions = {name.split(":")[0] for name in seen if name.endswith(":after_commit")}
    assert {f"{name}:before_commit" for name in actions} <= seen.keys()
    assert len(actions) >= 15


def test_killed_anywhere_again_and_again(stage: Stage, pytestconfig: pytest.Config) -> None:
    """At a random visit of a random failpoint or after random milliseconds, up to three times in
    one job: a few jobs by default, `--kills N` for N."""
    seed = 20260302
    chance = random.Random(seed)
    visits = [
        f"{name}:{number + 1}" for name, count in stage.visited().items() for number in range(count)
    ]
    asked = pytestconfig.getoption("--kills")
    died = 0
    for number in range(asked or 4):
        merchant, endpoint = stage.given_a_business()
        plan = []
        for turn in range(chance.randrange(1, 4)):
            how: dict[str, Any] = {"ahead_seconds": turn * LATER}
            if chance.random() < 0.5:
                how["failpoint"] = chance.choice(visits)
            else:
                how["args"] = {"die_after_ms": chance.uniform(1, 600)}
            if asked and number % 20 == 0:
                how.setdefault("args", {})["real_pdf"] = True
            plan.append(how)
        ends = [stage.play(merchant, **how).status for how in plan]
        assert set(ends) <= {0, -9, SIGALRM}, (seed, number, plan, ends)
        died += sum(end != 0 for end in ends)
        last = stage.play(merchant, ahead_seconds=len(plan) * LATER)
        assert (last.status, last.error) == (0, "")
        try:
            stage.check(merchant, endpoint, copies=1 + len(plan))
        except AssertionError as broken:
            raise AssertionError(f"seed {seed}, job {number}: {plan}") from broken
    assert died


@pytest.mark.tampers
def test_a_control_shows_that_starting_afresh_would_double(stage: Stage) -> None:
    """Without its keys the bot would bill again: the checks above can fail."""
    from invoicing.models import IdempotentRequest

    merchant, endpoint = stage.given_a_business()
    assert stage.play(merchant, failpoint="send_invoice:after_commit").killed
    IdempotentRequest.objects.all().delete()
    assert stage.play(merchant, ahead_seconds=LATER).error == ""
    with pytest.raises(AssertionError):
        stage.check(merchant, endpoint, copies=2)
