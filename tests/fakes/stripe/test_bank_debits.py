"""Bank debits: unpaid at first, and paid, failed or returned days later."""

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from tests.fakes.stripe.asking import event_types, session
from tests.fakes.stripe.inprocess import InProcessStripe

FAILING = [
    ("000111111113", "account_closed"),
    ("000111111116", "no_account"),
    ("000222222227", "insufficient_funds"),
    ("000333333335", "debit_not_authorized"),
    ("000444444440", "invalid_currency"),
]


def begun(fake: InProcessStripe, account: str = "000123456789", amount: int = 80_000) -> Any:
    """A session whose payer gave a bank account."""
    opened = session(fake.client(), amount)
    fake.control("pay", session=opened.id, account=account)
    return fake.client().v1.checkout.sessions.retrieve(
        opened.id, {"expand": ["payment_intent.latest_charge.balance_transaction"]}
    )


def test_a_debit_is_unpaid_until_the_bank_has_answered(
    fake: InProcessStripe, client: stripe.StripeClient
) -> None:
    done = begun(fake)
    charge = done.payment_intent.latest_charge
    own = charge.balance_transaction
    assert (done.status, done.payment_status) == ("complete", "unpaid")
    assert (done.payment_intent.status, charge.status, charge.paid) == (
        "processing",
        "pending",
        False,
    )
    assert charge.id.startswith("py_")
    assert (own.type, own.amount, own.fee, own.status) == ("payment", 80_000, 500, "pending")
    assert event_types(client) == [
        "payment_intent.created",
        "charge.pending",
        "payment_intent.processing",
        "checkout.session.completed",
    ]


def test_a_debit_succeeds_after_four_business_days(
    fake: InProcessStripe, client: stripe.StripeClient
) -> None:
    # The clock starts on a Thursday, so that a weekend lies between.
    assert datetime.fromtimestamp(fake.clock.now(), UTC).strftime("%a") == "Thu"
    done = begun(fake)
    fake.control("clock", days=6, seconds=-1)
    assert client.v1.checkout.sessions.retrieve(done.id).payment_status == "unpaid"
    fake.control("clock", seconds=1)
    assert client.v1.checkout.sessions.retrieve(done.id).payment_status == "paid"
    assert event_types(client)[-3:] == [
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.async_payment_succeeded",
    ]


@pytest.mark.parametrize(("account", "code"), FAILING)
def test_a_debit_fails(
    fake: InProcessStripe, client: stripe.StripeClient, account: str, code: str
) -> None:
    done = begun(fake, account)
    fake.control("clock", days=8)
    found: Any = client.v1.payment_intents.retrieve(
        done.payment_intent.id, {"expand": ["latest_charge"]}
    )
    assert found.status == "requires_payment_method"
    assert (found.latest_charge.status, found.latest_charge.failure_code) == ("failed", code)
    assert client.v1.checkout.sessions.retrieve(done.id).payment_status == "unpaid"
    moves = client.v1.balance_transactions.list({"source": found.latest_charge.id}).data
    assert [each.type for each in moves] == ["payment_failure_refund", "payment"]
    assert sum(each.net for each in moves) == 0
    assert [name for name in event_types(client) if "failed" in name] == [
        "charge.failed",
        "payment_intent.payment_failed",
        "checkout.session.async_payment_failed",
    ]


def test_a_debit_that_succeeded_comes_back_as_a_lost_dispute(
    fake: InProcessStripe, client: stripe.StripeClient
) -> None:
    done = begun(fake, "000555555559")
    fake.control("clock", days=8)
    found = client.v1.disputes.list({"payment_intent": done.payment_intent.id}).data[0]
    assert (found.status, found.reason) == ("lost", "insufficient_funds")
    assert [each.net for each in found.balance_transactions] == [-81_500]
    assert client.v1.payment_intents.retrieve(done.payment_intent.id).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.update(found.id, {"evidence": {"uncategorized_text": "but"}})


def test_a_debit_may_stay_open(fake: InProcessStripe, client: stripe.StripeClient) -> None:
    done = begun(fake, "000000000009")
    fake.control("clock", days=60)
    assert client.v1.payment_intents.retrieve(done.payment_intent.id).status == "processing"


@pytest.mark.parametrize(
    ("verb", "status"), [("succeed", "succeeded"), ("fail", "requires_payment_method")]
)
def test_a_test_may_end_a_debit(
    fake: InProcessStripe, client: stripe.StripeClient, verb: str, status: str
) -> None:
    done = begun(fake)
    fake.control(f"debits/{verb}", session=done.id)
    assert client.v1.payment_intents.retrieve(done.payment_intent.id).status == status
    before = event_types(client)
    fake.control("clock", days=30)
    assert event_types(client) == before


def test_a_saved_account_is_debited_again_under_its_mandate(
    fake: InProcessStripe, client: stripe.StripeClient, customer: str
) -> None:
    opened: Any = client.v1.checkout.sessions.create(
        {
            "mode": "setup",
            "customer": customer,
            "currency": "usd",
            "payment_method_types": ["us_bank_account"],
            "success_url": "http://127.0.0.1/done",
        }
    )
    fake.control("pay", session=opened.id, account="000123456789")
    saved = client.v1.customers.payment_methods.list(customer).data[0]
    asked: Any = {
        "amount": 900,
        "currency": "usd",
        "customer": customer,
        "payment_method": saved.id,
        "payment_method_types": ["us_bank_account"],
        "off_session": True,
        "confirm": True,
    }
    first: Any = client.v1.payment_intents.create({**asked, "expand": ["latest_charge"]})
    assert first.status == "processing"
    fake.control("debits/succeed", payment_intent=first.id)
    fake.control("debits/return", payment_intent=first.id, reason="debit_not_authorized")
    mandate = first.latest_charge.payment_method_details.us_bank_account.mandate
    assert client.v1.mandates.retrieve(mandate).status == "inactive"
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.create(asked)
    assert refusal.value.code == "payment_intent_mandate_invalid"


def test_no_mandate_no_debit(client: stripe.StripeClient, customer: str) -> None:
    saved = client.v1.payment_methods.attach("pm_usBankAccount_success", {"customer": customer})
    asked: Any = {
        "amount": 900,
        "currency": "usd",
        "customer": customer,
        "payment_method": saved.id,
        "payment_method_types": ["us_bank_account"],
        "confirm": True,
    }
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.create(asked)
    assert refusal.value.code == "payment_intent_mandate_invalid"
    accepted: Any = {
        **asked,
        "mandate_data": {"customer_acceptance": {"type": "offline", "offline": {}}},
    }
    assert client.v1.payment_intents.create(accepted).status == "processing"


def test_debits_are_in_dollars_only(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="only supports usd"):
        session(client, currency="eur", payment_method_types=["us_bank_account"])


def test_a_refunded_debit_takes_its_time(
    fake: InProcessStripe, client: stripe.StripeClient
) -> None:
    done = begun(fake)
    fake.control("debits/succeed", session=done.id)
    made: Any = client.v1.refunds.create({"payment_intent": done.payment_intent.id})
    assert (made.status, made.pending_reason) == ("pending", "processing")
    assert made.id.startswith("pyr_")
    moved = client.v1.balance_transactions.list({"source": made.id}).data[0]
    assert (moved.type, moved.amount) == ("payment_refund", -80_000)
    fake.control("clock", days=6)
    assert client.v1.refunds.retrieve(made.id).status == "succeeded"
