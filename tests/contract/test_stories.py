"""Calls that follow from each other, along the document's links: the books hold after each run."""

import random
from contextlib import ExitStack, suppress
from typing import Any
from zlib import crc32

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import Case, Response

from invoicing import ids
from invoicing.models import Invoice, Merchant
from payments import tasks
from payments.audit import audit
from payments.models import Wallet
from tests.contract.callers import OFF, problems, told
from tests.contract.calls import World, contract, in_this_transaction
from tests.factories import (
    given_a_checkout_page,
    given_a_customer,
    given_a_saved_card,
    given_an_open_invoice,
    pay,
)
from tests.fixtures_stripe import Stripe

RUNS, STEPS = 6, 12
OFF_HERE = [
    *OFF,
    # What is deleted is archived, where invoices name it: whoever has its id may still read it.
    schemathesis.checks.use_after_free,
]


@pytest.fixture(autouse=True)
def _same_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn next depends on what was answered, so ids are the same each time."""
    monkeypatch.setattr(ids, "random_bytes", random.Random(0).randbytes)


def business(merchant: Merchant) -> World:
    """A customer with a card, and what was billed and paid."""
    saver = given_a_customer(merchant)
    return World(
        {
            "saver": saver.public_id,
            "customer": saver.public_id,
            "test_card": given_a_saved_card(saver).public_id,
            "savers": given_an_open_invoice(merchant, customer_id=saver.public_id).public_id,
            "open": given_an_open_invoice(merchant).public_id,
            "paid": pay(given_an_open_invoice(merchant)).invoice.public_id,
            "checkout_page": given_a_checkout_page(merchant).public_id,
            "wallet": Wallet.objects.get(merchant=merchant).public_id,
        }
    )


def test_after_whatever_follows_from_each_other_the_books_hold(
    pytestconfig: pytest.Config,
    test_merchant: Merchant,
    ada_key: str,
    stripe_account: Stripe,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    """A few runs; `--calls 200` for that many, others each time."""
    settings.RATE_LIMITS = {}
    many: int = pytestconfig.getoption("--calls")
    there = business(test_merchant)
    headers = {"Authorization": f"Bearer {ada_key}"}
    statuses: list[int] = []
    found: list[str] = []
    machine: Any = contract().exclude(method="GET").as_state_machine()

    class Story(machine):  # type: ignore[misc]
        def setup(self) -> None:
            # In each run again, or they would be no runs of the same thing.
            monkeypatch.setattr(ids, "random_bytes", random.Random(1).randbytes)
            self.undone = ExitStack()
            self.undone.enter_context(stripe_account.tried_out())

        def before_call(self, case: Case) -> None:
            there.fill(case, random.Random(crc32(told(case).encode())))

        def call(self, case: Case, **how: Any) -> Response:
            with in_this_transaction():
                answer = case.call(headers=headers)
            statuses.append(answer.status_code)
            return answer

        def validate_response(self, response: Response, case: Case, **how: Any) -> None:
            with in_this_transaction():
                found.extend(problems(case, response, headers, OFF_HERE))

        def teardown(self) -> None:
            with self.undone:
                tasks.apply_notices()
                found.extend(map(str, audit()))

    class Wrong(Story):
        def after_call(self, response: Response, case: Case) -> None:
            Invoice.objects.filter(public_id=there.things["open"]).update(amount_paid=1)

    how = hypothesis.settings(
        max_examples=RUNS,
        stateful_step_count=STEPS,
        derandomize=not many,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for _ in range(max(1, many // RUNS)):
        # What the stand-in for Stripe remembers may lead a run elsewhere than one before it:
        # then hypothesis draws no more of this lot, and the API is not to blame.
        with suppress(hypothesis.errors.FlakyStrategyDefinition):
            Story.run(settings=how)
    assert found == []
    # The controls: not all was refused at the door, and what is not paid for is found.
    assert sum(status < 300 for status in statuses) > max(10, len(statuses) / 10)
    Wrong.run(settings=hypothesis.settings(how, max_examples=1))
    assert any("I3" in each for each in found)
