"""Refunds, disputes and payouts."""

from io import BytesIO
from typing import Any

import pytest
import stripe

from tests.fakes.stripe.asking import charge, event_types
from tests.fakes.stripe.inprocess import InProcessStripe


@pytest.fixture
def paid(client: stripe.StripeClient, customer: str) -> Any:
    return charge(client, customer)


@pytest.fixture
def disputed(client: stripe.StripeClient, customer: str) -> stripe.Dispute:
    found = charge(client, customer, "pm_card_createDispute")
    return client.v1.disputes.list({"payment_intent": found.id}).data[0]


# Refunds


def test_a_charge_is_refunded_in_parts(client: stripe.StripeClient, paid: Any) -> None:
    first = client.v1.refunds.create({"payment_intent": paid.id, "amount": 500})
    kept = client.v1.charges.retrieve(paid.latest_charge.id)
    assert (first.status, kept.amount_refunded, kept.refunded) == ("succeeded", 500, False)
    client.v1.refunds.create({"charge": kept.id})
    kept = client.v1.charges.retrieve(kept.id)
    assert (kept.amount_refunded, kept.refunded) == (2000, True)
    moved = client.v1.balance_transactions.list({"type": "refund"}).data
    assert [(each.amount, each.fee) for each in moved] == [(-1500, 0), (-500, 0)]
    assert event_types(client)[-2:] == ["refund.created", "charge.refunded"]
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"charge": kept.id})
    assert refusal.value.code == "charge_already_refunded"


def test_more_than_is_left_is_refused(client: stripe.StripeClient, paid: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=r"\$20\.01") as refusal:
        client.v1.refunds.create({"payment_intent": paid.id, "amount": 2001})
    assert refusal.value.param == "amount"
    assert client.v1.refunds.list().data == []


def test_a_refund_that_is_pending_first(
    fake: InProcessStripe, client: stripe.StripeClient, customer: str
) -> None:
    found = charge(client, customer, "pm_card_pendingRefund")
    made = client.v1.refunds.create({"payment_intent": found.id})
    assert made.status == "pending"
    fake.control("clock", days=1)
    assert client.v1.refunds.retrieve(made.id).status == "succeeded"
    assert event_types(client)[-2:] == ["refund.updated", "charge.refund.updated"]


def test_a_refund_that_fails_after_it_succeeded(
    fake: InProcessStripe, client: stripe.StripeClient, customer: str
) -> None:
    found = charge(client, customer, "pm_card_refundFail")
    made = client.v1.refunds.create({"payment_intent": found.id})
    assert made.status == "succeeded"
    fake.control("clock", days=1)
    failed: Any = client.v1.refunds.retrieve(
        made.id, {"expand": ["failure_balance_transaction", "charge"]}
    )
    assert (failed.status, failed.failure_reason) == ("failed", "lost_or_stolen_card")
    assert failed.failure_balance_transaction.amount == 2000
    assert (failed.charge.amount_refunded, failed.charge.refunded) == (0, False)
    assert "refund.failed" in event_types(client)


def test_a_refund_that_waits_for_the_payer_may_be_canceled(
    fake: InProcessStripe, client: stripe.StripeClient, customer: str
) -> None:
    found = charge(client, customer, "pm_card_pendingRefund")
    made = client.v1.refunds.create({"payment_intent": found.id})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.cancel(made.id)
    fake.control("refunds/require_action", refund=made.id)
    assert client.v1.refunds.cancel(made.id).status == "canceled"
    assert client.v1.charges.retrieve(found.latest_charge.id).amount_refunded == 0


def test_what_was_charged_back_cannot_be_refunded(
    client: stripe.StripeClient, disputed: stripe.Dispute
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"charge": str(disputed.charge)})
    assert refusal.value.code == "charge_disputed"


# Disputes


def test_a_dispute_takes_the_money_and_a_fee(
    client: stripe.StripeClient, disputed: stripe.Dispute
) -> None:
    moved = client.v1.balance_transactions.list({"type": "adjustment"}).data[0]
    assert (moved.amount, moved.fee, moved.net) == (-2000, 1500, -3500)
    assert (moved.reporting_category, moved.source) == ("dispute", disputed.id)
    assert event_types(client)[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]


def evidence(client: stripe.StripeClient) -> Any:
    paper = BytesIO(b"%PDF-1.7 a signed receipt")
    paper.name = "receipt.pdf"
    return client.v1.files.create({"purpose": "dispute_evidence", "file": paper})


@pytest.mark.parametrize(
    ("text", "status", "net"),
    [("winning_evidence", "won", -1500), ("losing_evidence", "lost", -3500)],
)
def test_evidence_decides(
    client: stripe.StripeClient, disputed: stripe.Dispute, text: str, status: str, net: int
) -> None:
    paper = evidence(client)
    assert paper.size == 25
    given: Any = {"receipt": paper.id, "uncategorized_text": text}
    staged = client.v1.disputes.update(disputed.id, {"evidence": given, "submit": False})
    assert (staged.status, staged.evidence_details.submission_count) == ("needs_response", 0)
    assert staged.evidence_details.has_evidence is True
    assert client.v1.disputes.update(disputed.id, {"submit": True}).status == "under_review"
    closed = client.v1.disputes.retrieve(disputed.id)
    assert closed.status == status
    assert sum(each.net for each in closed.balance_transactions) == net
    assert event_types(client)[-1] == "charge.dispute.closed"


def test_evidence_must_be_a_file_that_was_sent(
    client: stripe.StripeClient, disputed: stripe.Dispute
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.disputes.update(disputed.id, {"evidence": {"receipt": "file_unknown"}})
    assert (refusal.value.code, refusal.value.param) == ("resource_missing", "evidence[receipt]")


@pytest.mark.parametrize(
    ("method", "status"),
    [("pm_card_createDispute", "lost"), ("pm_card_createDisputeInquiry", "warning_closed")],
)
def test_nobody_answers(
    fake: InProcessStripe, client: stripe.StripeClient, customer: str, method: str, status: str
) -> None:
    charge(client, customer, method)
    found = client.v1.disputes.list().data[0]
    fake.control("clock", days=9)
    late = client.v1.disputes.retrieve(found.id)
    assert (late.status, late.evidence_details.past_due) == (status, True)


def test_an_inquiry_becomes_a_chargeback(
    fake: InProcessStripe, client: stripe.StripeClient, customer: str
) -> None:
    charge(client, customer, "pm_card_createDisputeInquiry")
    found = client.v1.disputes.list().data[0]
    fake.control("disputes/withdraw", dispute=found.id)
    now = client.v1.disputes.retrieve(found.id)
    assert (now.status, len(now.balance_transactions)) == ("needs_response", 1)
    fake.control("disputes/win", dispute=found.id)
    assert event_types(client)[-2:] == [
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ]


def test_a_merchant_gives_in(client: stripe.StripeClient, disputed: stripe.Dispute) -> None:
    assert client.v1.disputes.close(disputed.id).status == "lost"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.close(disputed.id)


def test_any_charge_may_be_disputed(
    fake: InProcessStripe, client: stripe.StripeClient, paid: Any
) -> None:
    made = fake.control("disputes/open", payment_intent=paid.id, reason="duplicate", amount=300)
    found = client.v1.disputes.retrieve(made["id"])
    assert (found.reason, found.amount, found.charge) == ("duplicate", 300, paid.latest_charge.id)


# Payouts


def test_a_payout_holds_what_was_available(
    fake: InProcessStripe, client: stripe.StripeClient, paid: Any, customer: str
) -> None:
    fake.control("clock", days=2)
    still_pending = charge(client, customer)
    client.v1.refunds.create({"payment_intent": paid.id, "amount": 100})
    made = fake.control("payouts/create")
    found = client.v1.payouts.retrieve(made["id"])
    assert (found.amount, found.status) == (1812, "paid")
    assert found.reconciliation_status == "completed"
    inside = client.v1.balance_transactions.list({"payout": found.id}).data
    assert sorted(each.type for each in inside) == ["charge", "payout", "refund"]
    assert sum(each.net for each in inside) == 0
    assert still_pending.latest_charge.balance_transaction.id not in [each.id for each in inside]
    assert event_types(client)[-3:] == [
        "payout.created",
        "payout.paid",
        "payout.reconciliation_completed",
    ]


def test_a_payout_arrives_or_comes_back(
    fake: InProcessStripe, client: stripe.StripeClient, paid: Any
) -> None:
    fake.control("clock", days=2)
    first = fake.control("payouts/create", status="in_transit")
    assert first["status"] == "in_transit"
    fake.control("clock", days=2)
    assert client.v1.payouts.retrieve(first["id"]).status == "paid"
    fake.control("payouts/fail", payout=first["id"], code="no_account")
    failed = client.v1.payouts.retrieve(first["id"])
    assert (failed.status, failed.failure_code) == ("failed", "no_account")
    assert fake.control("payouts/create")["amount"] == 1912


def test_the_balance_is_the_sum_of_its_transactions(
    fake: InProcessStripe, client: stripe.StripeClient, disputed: stripe.Dispute, customer: str
) -> None:
    charge(client, customer, amount=90_000)
    fake.control("clock", days=3)
    fake.control("payouts/create")
    moved = client.v1.balance_transactions.list({"limit": 100}).data
    held = client.v1.balance.retrieve()
    assert sum(each.net for each in moved) == held.available[0].amount + held.pending[0].amount
    totals = fake.control("totals")["usd"]
    assert sum(each["net"] for each in totals.values()) == sum(each.net for each in moved)
