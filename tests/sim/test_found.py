"""What the simulator has found, each told once more in the fewest steps."""

import pytest

from invoicing.models import Merchant
from payments import flows, tasks
from payments.actions import disputes
from payments.audit import audit
from payments.inputs import EvidenceInput
from payments.models import Payment, PaymentMethod
from tests.factories import again, balances, given_a_customer, given_an_open_invoice
from tests.fixtures_stripe import Stripe, post

pytestmark = pytest.mark.django_db(transaction=True)


def given_a_charge(
    stripe: Stripe, merchant: Merchant, rail: str = "card", heard: bool = True
) -> Payment:
    """100.00 that was paid on Stripe's page."""
    payment = flows.start(given_an_open_invoice(merchant, "100.00").pk, rail)
    if rail == "ach":
        stripe.pay_by_bank(payment)
    else:
        stripe.pay(payment)
    if heard:
        stripe.deliver()
    return again(payment)


def hear_only(stripe: Stripe, kind: str) -> None:
    """Of all that Stripe has to say, only this is heard."""
    stripe.fake.control("delivery", hold=True)
    world = stripe.fake.app.world.store
    wanted = [event["id"] for event in world.select("event") if event["type"] == kind]
    assert wanted
    stripe.fake.app.delivery.again(wanted, send=post)
    tasks.apply_notices()


@pytest.mark.parametrize("rail", ["card", "ach"])
def test_a_method_is_saved(stripe_account: Stripe, test_merchant: Merchant, rail: str) -> None:
    customer = given_a_customer(test_merchant)
    setup = flows.save_method(test_merchant, customer.public_id, rail)
    how = {"card": "4242424242424242"} if rail == "card" else {"account": "000123456789"}
    stripe_account.fake.control("pay", session=setup.provider_reference, **how)
    stripe_account.deliver()
    method = PaymentMethod.objects.get(customer=customer)
    assert (again(setup).status, method.rail, method.is_default) == ("succeeded", rail, True)


def test_a_dispute_is_heard_before_the_money_it_takes(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = given_a_charge(stripe_account, test_merchant, heard=False)
    stripe_account.fake.control("disputes/open", session=payment.provider_reference)
    hear_only(stripe_account, "charge.dispute.created")
    (dispute,) = payment.disputes.all()
    assert (again(payment).received, dispute.withdrawn, dispute.fee) == (10000, 10000, 1500)


def test_a_debit_is_returned_before_it_is_heard_to_have_come(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = given_a_charge(stripe_account, test_merchant, "ach")
    stripe_account.fake.control("debits/succeed", session=payment.provider_reference)
    stripe_account.fake.control("debits/return", session=payment.provider_reference)
    hear_only(stripe_account, "charge.dispute.closed")
    (dispute,) = payment.disputes.all()
    assert (dispute.status, dispute.amount, dispute.withdrawn) == ("lost", 10000, 10000)
    assert again(payment).status == "reversed"


def test_a_dispute_that_was_over_when_we_heard_of_it_has_cost_its_fee(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = given_a_charge(stripe_account, test_merchant)
    session = payment.provider_reference
    dispute = stripe_account.fake.control("disputes/open", session=session)["id"]
    stripe_account.fake.control("disputes/win", dispute=dispute)
    stripe_account.deliver()
    assert balances(payment.wallet) == {"pending": 9630, "debt": -1500}


def test_a_refund_at_the_desk_is_heard_while_the_rest_is_disputed(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = given_a_charge(stripe_account, test_merchant)
    money = payment.money_reference
    stripe_account.library.v1.refunds.create({"payment_intent": money, "amount": 4000})
    session = payment.provider_reference
    stripe_account.fake.control("disputes/open", session=session, amount=6000)
    hear_only(stripe_account, "charge.dispute.created")
    hear_only(stripe_account, "refund.created")
    (refund,) = payment.refunds.all()
    assert (refund.status, refund.amount) == ("succeeded", 4000)
    assert audit() == []


def test_an_answer_that_is_repeated_does_not_bring_back_what_was(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = given_a_charge(stripe_account, test_merchant)
    stripe_account.fake.control("disputes/open", session=payment.provider_reference)
    stripe_account.deliver()
    dispute = payment.disputes.get()
    said = EvidenceInput(uncategorized_text="winning_evidence")
    disputes.save_evidence(test_merchant, dispute.public_id, said)
    stripe_account.fake.control("faults", do="commit_then_drop", method="POST", times=2)
    flows.answer_dispute(test_merchant, dispute.public_id)
    stripe_account.deliver()
    assert (again(dispute).status, again(dispute).withdrawn) == ("won", 0)
    flows.hand_in(dispute.submissions.get().pk)
    assert (again(dispute).status, again(dispute).withdrawn) == ("won", 0)


def test_what_was_missed_for_weeks_is_heard(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = given_a_charge(stripe_account, test_merchant)
    stripe_account.fake.control("delivery", drop=1.0)
    stripe_account.fake.control("disputes/open", session=payment.provider_reference, inquiry=True)
    stripe_account.deliver()
    stripe_account.fake.control("clock", days=8)
    tasks.hear_missed_notices()
    tasks.apply_notices()
    assert payment.disputes.get().withdrawn == 0
