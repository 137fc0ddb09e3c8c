"""Disputes: what the bank takes, what it is told, and what becomes of the money."""

from typing import Any

import pytest

from invoicing.errors import InvalidState
from invoicing.models import Merchant, Message
from payments import flows, tasks
from payments.actions import disputes
from payments.actions.pay import mark_paid
from payments.inputs import EvidenceInput, MarkPaidInput, RefundInput
from payments.models import Dispute, LedgerAccount, Payment
from tests.factories import again, balances, given_an_open_invoice, told
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def paid(here: Stripe, merchant: Merchant, **fields: Any) -> Payment:
    payment = flows.start(given_an_open_invoice(merchant, "100.00", **fields).pk, "card")
    here.pay(payment)
    here.deliver()
    return again(payment)


def opened(here: Stripe, payment: Payment, **given: Any) -> Dispute:
    here.fake.control("disputes/open", session=payment.provider_reference, **given)
    here.deliver()
    return Dispute.objects.get(payment=payment)


def ended(here: Stripe, dispute: Dispute, verb: str) -> Dispute:
    here.fake.control(f"disputes/{verb}", dispute=dispute.provider_reference)
    here.deliver()
    return again(dispute)


def disputed(merchant: Merchant) -> int:
    rows = LedgerAccount.objects.filter(merchant=merchant, kind="disputed")
    return sum(rows.values_list("balance", flat=True))


def submitted(here: Stripe, dispute: Dispute) -> int:
    found = here.library.v1.disputes.retrieve(dispute.provider_reference)
    return found.evidence_details.submission_count


def test_an_inquiry_takes_nothing(stripe_account: Stripe, test_merchant: Merchant) -> None:
    payment = paid(stripe_account, test_merchant)
    dispute = opened(stripe_account, payment, inquiry=True)
    assert (dispute.status, dispute.withdrawn, dispute.fee) == ("inquiry", 0, 0)
    assert balances(payment.wallet) == {"pending": 9630}
    assert told(dispute) == ["dispute.created"]
    dispute = ended(stripe_account, dispute, "close_warning")
    assert (dispute.status, dispute.next_look_at) == ("closed", None)
    assert again(payment.invoice).status == "paid"


def test_an_inquiry_becomes_a_demand(stripe_account: Stripe, test_merchant: Merchant) -> None:
    payment = paid(stripe_account, test_merchant)
    dispute = opened(stripe_account, payment, inquiry=True)
    dispute = ended(stripe_account, dispute, "withdraw")
    assert (dispute.status, dispute.withdrawn, dispute.fee) == ("needs_response", 10000, 1500)
    assert balances(payment.wallet) == {"pending": 9630, "debt": -11500}
    assert disputed(test_merchant) == 10000


def test_evidence_is_handed_in_once_although_nobody_heard(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    dispute = opened(stripe_account, paid(stripe_account, test_merchant))
    disputes.save_evidence(
        test_merchant, dispute.public_id, EvidenceInput(uncategorized_text="She has it.")
    )
    disputes.attach_file(test_merchant, dispute.public_id, "receipt", "receipt.pdf", PDF)
    stripe_account.fake.control(
        "faults", do="commit_then_drop", method="POST", path="/v1/disputes/"
    )
    flows.answer_dispute(test_merchant, dispute.public_id)
    assert again(dispute).submissions.get().status == "pending"
    for _ in range(3):
        stripe_account.fake.clock.advance(3600)
        tasks.look_at_disputes()
        stripe_account.deliver()
    dispute = again(dispute)
    assert (dispute.status, dispute.submissions.get().status) == ("under_review", "succeeded")
    assert submitted(stripe_account, dispute) == 1
    assert len(stripe_account.fake.control("state")["file"]) == 1
    with pytest.raises(InvalidState):
        flows.answer_dispute(test_merchant, dispute.public_id)


def test_evidence_whose_key_was_forgotten_is_not_handed_in_again(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    dispute = opened(stripe_account, paid(stripe_account, test_merchant))
    disputes.save_evidence(
        test_merchant, dispute.public_id, EvidenceInput(uncategorized_text="She has it.")
    )
    stripe_account.fake.control("delivery", drop=1.0)
    stripe_account.fake.control(
        "faults", do="commit_then_drop", method="POST", path="/v1/disputes/"
    )
    flows.answer_dispute(test_merchant, dispute.public_id)
    stripe_account.fake.clock.advance(25 * 3600)
    stripe_account.fake.control("clock")
    tasks.look_at_disputes()
    dispute = again(dispute)
    assert (dispute.status, dispute.submissions.get().status) == ("under_review", "succeeded")
    assert submitted(stripe_account, dispute) == 1


def test_a_dispute_is_won(stripe_account: Stripe, test_merchant: Merchant) -> None:
    payment = paid(stripe_account, test_merchant)
    dispute = opened(stripe_account, payment)
    disputes.save_evidence(
        test_merchant, dispute.public_id, EvidenceInput(uncategorized_text="winning_evidence")
    )
    flows.answer_dispute(test_merchant, dispute.public_id)
    stripe_account.deliver()
    dispute = again(dispute)
    # The money is back; the fee is not.
    assert (dispute.status, dispute.withdrawn, dispute.fee) == ("won", 0, 1500)
    assert balances(payment.wallet) == {"pending": 9630, "debt": -1500}
    assert disputed(test_merchant) == 0
    assert again(payment.invoice).status == "paid"
    assert told(dispute)[0] == "dispute.created"
    assert told(dispute)[-1] == "dispute.closed"
    assert told(dispute).count("dispute.closed") == 1


def test_a_dispute_is_lost_and_turned_round(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = paid(stripe_account, test_merchant)
    dispute = ended(stripe_account, opened(stripe_account, payment), "lose")
    invoice = again(payment.invoice)
    assert (dispute.status, invoice.status, invoice.amount_due) == ("lost", "open", 10000)
    assert again(payment).status == "reversed"
    assert balances(payment.wallet) == {"pending": 9630, "debt": -11500}
    assert disputed(test_merchant) == 0
    world = stripe_account.fake.app.world
    found = world.get("dispute", dispute.provider_reference)
    found["status"] = "needs_response"
    world.save(found)
    dispute = ended(stripe_account, dispute, "win")
    assert (dispute.status, dispute.withdrawn, dispute.reversed) == ("won", 0, 0)
    assert again(payment).status == "succeeded"
    assert (again(invoice).status, again(invoice).amount_due) == ("paid", 0)
    assert balances(payment.wallet) == {"pending": 9630, "debt": -1500}


def test_what_was_refunded_before_is_not_lost_twice(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = paid(stripe_account, test_merchant)
    flows.refund(test_merchant, payment.invoice.public_id, RefundInput(amount="40"))
    stripe_account.deliver()
    dispute = opened(stripe_account, payment)
    assert (dispute.amount, dispute.withdrawn) == (6000, 6000)
    assert balances(payment.wallet) == {"pending": 9630, "debt": -4000 - 7500}
    dispute = ended(stripe_account, dispute, "lose")
    invoice, payment = again(payment.invoice), again(payment)
    assert (dispute.reversed, dispute.reopened) == (6000, 6000)
    assert (invoice.status, invoice.amount_paid, invoice.amount_due) == ("open", 4000, 6000)
    assert payment.refundable == 0


def test_a_dispute_of_more_than_was_left_after_a_refund(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = paid(stripe_account, test_merchant)
    flows.refund(test_merchant, payment.invoice.public_id, RefundInput(amount="40"))
    stripe_account.deliver()
    dispute = opened(stripe_account, payment, amount=10000)
    dispute = ended(stripe_account, dispute, "lose")
    invoice = again(payment.invoice)
    # What had been given back already is not asked for twice.
    assert (dispute.reversed, dispute.reopened) == (10000, 6000)
    assert (invoice.amount_due, again(payment).status) == (6000, "reversed")
    assert sum(balances(payment.wallet).values()) == 9630 - 4000 - 11500


def test_a_dispute_on_a_payment_that_was_too_much(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = flows.start(given_an_open_invoice(test_merchant, "100.00").pk, "card")
    mark_paid(test_merchant, payment.invoice.public_id, MarkPaidInput(amount="30"))
    stripe_account.pay(payment)
    stripe_account.deliver()
    payment = again(payment)
    assert (payment.status, payment.surplus) == ("succeeded", 3000)
    dispute = ended(stripe_account, opened(stripe_account, payment), "lose")
    invoice = again(payment.invoice)
    assert (dispute.reversed, dispute.reopened) == (10000, 7000)
    assert (invoice.status, invoice.amount_due) == ("open", 7000)
    credit = LedgerAccount.objects.get(merchant=test_merchant, kind="customer_credit")
    assert credit.balance == 0


def test_nobody_answers_in_time(stripe_account: Stripe, test_merchant: Merchant) -> None:
    payment = paid(stripe_account, test_merchant)
    dispute = opened(stripe_account, payment)
    assert dispute.evidence_due_at is not None
    assert (dispute.evidence_due_at - stripe_account.wall()).days == 9
    stripe_account.let_pass(days=10)
    stripe_account.deliver()
    assert again(dispute).status == "lost"
    assert again(payment.invoice).status == "open"


def test_a_dispute_that_nobody_heard_of_is_found(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = paid(stripe_account, test_merchant)
    dispute = opened(stripe_account, payment)
    stripe_account.fake.control("delivery", drop=1.0)
    stripe_account.fake.control("disputes/lose", dispute=dispute.provider_reference)
    stripe_account.fake.clock.advance(7 * 3600)
    tasks.look_at_disputes()
    assert again(dispute).status == "lost"


def test_owners_are_told_by_mail(stripe_account: Stripe, test_merchant: Merchant) -> None:
    dispute = opened(stripe_account, paid(stripe_account, test_merchant))
    assert Message.objects.filter(kind="dispute").count() == 1
    ended(stripe_account, dispute, "lose")
    stripe_account.deliver()
    assert Message.objects.filter(kind="dispute").count() == 2


def test_nothing_is_refunded_while_the_bank_holds_it(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = paid(stripe_account, test_merchant)
    opened(stripe_account, payment)
    with pytest.raises(InvalidState, match="disputes this payment"):
        flows.refund(test_merchant, payment.invoice.public_id, RefundInput())


def test_a_verdict_turned_round_after_the_invoice_was_paid_anew(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = paid(stripe_account, test_merchant)
    dispute = ended(stripe_account, opened(stripe_account, payment), "lose")
    second = flows.start(payment.invoice_id, "card")
    stripe_account.pay(second)
    stripe_account.deliver()
    assert again(payment.invoice).status == "paid"
    world = stripe_account.fake.app.world
    found = world.get("dispute", dispute.provider_reference)
    found["status"] = "needs_response"
    world.save(found)
    ended(stripe_account, dispute, "win")
    payment = again(payment)
    assert (payment.status, payment.surplus, payment.refundable) == ("succeeded", 0, 0)
    credit = LedgerAccount.objects.get(merchant=test_merchant, kind="customer_credit")
    assert credit.balance == 10000
    assert sum(balances(payment.wallet).values()) == 2 * 9630 - 1500 - 10000
