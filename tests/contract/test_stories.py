"""Calls that follow from each other, along the document's links: the books hold after each run."""

import random
from contextlib import ExitStack
from typing import Any
from zlib import crc32

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import Case, Response

from invoicing.models import Invoice, Merchant
from payments import tasks
from payments.audit import audit
from payments.models import Wallet
from tests.contract.callers import OFF, told
from tests.contract.calls import ID, World, contract, in_this_transaction
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
    settings: Any,
) -> None:
    """A few runs; `--calls 200` for that many, others each time."""
    settings.RATE_LIMITS = {}
    many: int = pytestconfig.getoption("--calls")
    there = business(test_merchant)
    headers = {"Authorization": f"Bearer {ada_key}"}
    statuses: list[int] = []
    machine: Any = contract().exclude(method="GET").as_state_machine()

    class Story(machine):  # type: ignore[misc]
        def setup(self) -> None:
            self.undone = ExitStack()
            self.undone.enter_context(stripe_account.tried_out())

        def before_call(self, case: Case) -> None:
            # Ids are others each time, and what is drawn next may not depend on them.
            same = ID.sub("id", told(case))
            there.fill(case, random.Random(crc32(same.encode())))

        def call(self, case: Case, **how: Any) -> Response:
            with in_this_transaction():
                answer = case.call(headers=headers)
            statuses.append(answer.status_code)
            return answer

        def validate_response(self, response: Response, case: Case, **how: Any) -> None:
            with in_this_transaction():
                case.validate_response(response, headers=headers, excluded_checks=OFF_HERE)

        def teardown(self) -> None:
            with self.undone:
                tasks.apply_notices()
                assert list(map(str, audit())) == []

    class Wrong(Story):
        def after_call(self, response: Response, case: Case) -> None:
            Invoice.objects.filter(public_id=there.things["open"]).update(amount_paid=1)

    settings_of_all = hypothesis.settings(
        max_examples=many or RUNS,
        stateful_step_count=STEPS,
        derandomize=not many,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    Story.run(settings=settings_of_all)
    # The controls: not all was refused at the door, and what is not paid for is found.
    assert sum(status < 300 for status in statuses) > len(statuses) / 10
    with pytest.raises(AssertionError, match="I3"):
        Wrong.run(settings=hypothesis.settings(settings_of_all, max_examples=1))
