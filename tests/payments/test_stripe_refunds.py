"""Money back by card and bank account: promised once, sent once, believed as the provider says."""

from decimal import Decimal
from typing import Any

import pytest

from invoicing.errors import InvalidState, ValidationFailed
from invoicing.models import Merchant
from payments import flows, tasks, waiting
from payments.actions.pay import mark_paid
from payments.audit import audit
from payments.inputs import MarkPaidInput, RefundInput
from payments.models import LedgerAccount, Notice, Payment, Refund
from payments.rails.rail import NoAnswer
from tests.factories import again, balances, given_an_open_invoice, told
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db

PENDING_REFUND = "4000000000007726"
REFUND_FAILS_LATER = "4000000000005126"


def paid(
    here: Stripe, merchant: Merchant, card: str = "4242424242424242", **fields: Any
) -> Payment:
    payment = flows.start(given_an_open_invoice(merchant, "100.00", **fields).pk, "card")
    here.pay(payment, card)
    here.deliver()
    return again(payment)


def refunded(payment: Payment, amount: str | None = None, **fields: Any) -> list[Refund]:
    wanted = RefundInput(amount=amount, **fields)
    return flows.refund(payment.merchant, payment.invoice.public_id, wanted)


def given_back(here: Stripe) -> list[int]:
    return [one["amount"] for one in here.fake.control("state").get("refund", [])]


def under_way(merchant: Merchant) -> int:
    return LedgerAccount.objects.get(merchant=merchant, kind="refunding").balance


def test_all_of_it_goes_back(stripe_account: Stripe, test_merchant: Merchant) -> None:
    payment = paid(stripe_account, test_merchant)
    (refund,) = refunded(payment)
    stripe_account.deliver()
    refund = again(refund)
    assert (refund.status, refund.amount, refund.destination) == ("succeeded", 10000, "original")
    invoice = again(payment.invoice)
    assert (invoice.status, invoice.amount_refunded, invoice.amount_due) == ("paid", 10000, 0)
    assert balances(payment.wallet) == {"pending": 9630, "debt": -10000}
    assert given_back(stripe_account) == [10000]
    assert told(refund) == ["refund.created", "refund.succeeded"]
    with pytest.raises(InvalidState):
        refunded(payment)


def test_it_goes_back_in_parts_and_never_more(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = paid(stripe_account, test_merchant)
    for amount in ("30", "20.50", "49.50"):
        refunded(payment, amount)
        stripe_account.deliver()
    assert sorted(given_back(stripe_account)) == [2050, 3000, 4950]
    with pytest.raises((InvalidState, ValidationFailed)):
        refunded(payment, "0.01")
    assert again(payment).amount_refunded == 10000


def test_it_goes_back_over_two_payments(stripe_account: Stripe, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, "100.00", allow_partial=True)
    for amount in (6000, None):
        payment = flows.start(invoice.pk, "card", amount)
        stripe_account.pay(payment)
        stripe_account.deliver()
    refunds = refunded(payment, "70")
    stripe_account.deliver()
    assert [(again(one).amount, again(one).status) for one in refunds] == [
        (4000, "succeeded"),
        (3000, "succeeded"),
    ]
    assert again(invoice).amount_refunded == 7000


def test_a_refund_that_takes_its_time(stripe_account: Stripe, test_merchant: Merchant) -> None:
    payment = paid(stripe_account, test_merchant, PENDING_REFUND)
    (refund,) = refunded(payment, "40")
    stripe_account.deliver()
    assert (again(refund).status, under_way(test_merchant)) == ("pending", 4000)
    stripe_account.let_pass(days=2)
    stripe_account.deliver()
    assert (again(refund).status, under_way(test_merchant)) == ("succeeded", 0)
    assert told(refund).count("refund.succeeded") == 1


def test_a_refund_that_fails_days_after_it_succeeded(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = paid(stripe_account, test_merchant, REFUND_FAILS_LATER)
    (refund,) = refunded(payment, "40")
    stripe_account.deliver()
    assert again(refund).status == "succeeded"
    before = balances(payment.wallet)
    assert before == {"pending": 9630, "debt": -4000}
    stripe_account.let_pass(days=2)
    stripe_account.deliver()
    refund = again(refund)
    assert (refund.status, bool(refund.failure_code)) == ("failed", True)
    assert balances(payment.wallet) == {"pending": 9630}
    assert again(payment.invoice).amount_refunded == 0
    assert again(payment).refundable == 10000
    assert told(refund) == ["refund.created", "refund.succeeded", "refund.failed"]


def test_a_refund_that_the_provider_refuses(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = paid(stripe_account, test_merchant)
    # Unheard here, all but 10.00 has gone back already.
    stripe_account.fake.control("delivery", drop=1.0)
    stripe_account.library.v1.refunds.create(
        {"payment_intent": payment.money_reference, "amount": 9000}
    )
    (refund,) = refunded(payment, "40")
    refund = again(refund)
    assert refund.status == "failed"
    assert "greater than unrefunded amount" in refund.failure_message
    assert balances(payment.wallet) == {"pending": 9630}
    assert again(payment.invoice).amount_refunded == 0


def test_a_refund_made_at_the_providers_own_desk(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = paid(stripe_account, test_merchant)
    stripe_account.library.v1.refunds.create(
        {"payment_intent": payment.money_reference, "amount": 2500}
    )
    stripe_account.deliver()
    stripe_account.deliver()
    refund = Refund.objects.get()
    assert (refund.status, refund.amount) == ("succeeded", 2500)
    assert again(payment.invoice).amount_refunded == 2500
    assert balances(payment.wallet) == {"pending": 9630, "debt": -2500}


def test_a_refund_whose_row_an_older_backup_does_not_have(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = paid(stripe_account, test_merchant)
    stripe_account.library.v1.refunds.create(
        {
            "payment_intent": payment.money_reference,
            "amount": 2500,
            "metadata": {"refund_id": "ref_before_the_backup"},
        }
    )
    stripe_account.deliver()
    assert Refund.objects.get().amount == 2500
    assert again(payment).refundable == 7500


@pytest.mark.parametrize("fault", ["commit_then_drop", "drop_before", "error_500_before"])
def test_a_refund_that_was_not_heard_is_sent_once(
    stripe_account: Stripe, test_merchant: Merchant, fault: str
) -> None:
    payment = paid(stripe_account, test_merchant)
    stripe_account.fake.control("faults", do=fault, method="POST", path="/v1/refunds")
    (refund,) = refunded(payment, "40")
    assert again(refund).status == "unknown"
    assert under_way(test_merchant) == 4000
    for _ in range(3):
        stripe_account.fake.clock.advance(3600)
        tasks.look_at_refunds()
    assert again(refund).status == "succeeded"
    assert given_back(stripe_account) == [4000]
    assert balances(payment.wallet) == {"pending": 9630, "debt": -4000}


def test_an_error_that_is_kept_under_the_key_holds_nobody_else_up(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    stuck, other = paid(stripe_account, test_merchant), paid(stripe_account, test_merchant)
    stripe_account.fake.control("faults", do="error_500_after", method="POST", path="/v1/refunds")
    (first,) = refunded(stuck, "40")
    stripe_account.fake.control("faults", do="drop_before", method="POST", path="/v1/refunds")
    (second,) = refunded(other, "10")
    stripe_account.fake.clock.advance(3600)
    tasks.look_at_refunds()
    assert again(second).status == "succeeded"
    stripe_account.fake.clock.advance(25 * 3600)
    stripe_account.fake.control("clock")
    tasks.look_at_refunds()
    assert again(first).status == "succeeded"
    assert sorted(given_back(stripe_account)) == [1000, 4000]


def test_a_refund_whose_key_was_forgotten_is_looked_up(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = paid(stripe_account, test_merchant)
    stripe_account.fake.control("delivery", drop=1.0)
    stripe_account.fake.control("faults", do="commit_then_drop", method="POST", path="/v1/refunds")
    (refund,) = refunded(payment, "40")
    stripe_account.fake.clock.advance(25 * 3600)
    stripe_account.fake.control("clock")
    flows.send_back(refund.pk)
    tasks.look_at_refunds()
    assert again(refund).status == "succeeded"
    assert given_back(stripe_account) == [4000]


def test_a_refund_asked_for_again_in_other_words_is_not_called_failed(
    stripe_account: Stripe, test_merchant: Merchant, settings: Any
) -> None:
    """Stripe refuses the key with other parameters; the refund it stands for may have been made."""
    payment = paid(stripe_account, test_merchant)
    stripe_account.fake.control("delivery", drop=1.0)
    stripe_account.fake.control("faults", do="commit_then_drop", method="POST", path="/v1/refunds")
    (refund,) = refunded(payment, "40")
    settings.PUBLIC_URL = "https://moved.example"
    flows.send_back(refund.pk)
    assert again(refund).status == "unknown"
    stripe_account.fake.clock.advance(3600)
    stripe_account.fake.control("clock")
    tasks.look_at_refunds()
    assert again(refund).status == "succeeded"
    assert given_back(stripe_account) == [4000]


def test_one_refund_that_is_never_answered_holds_nobody_up(
    stripe_account: Stripe, test_merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = paid(stripe_account, test_merchant), paid(stripe_account, test_merchant)
    stripe_account.fake.control(
        "faults", do="drop_before", method="POST", path="/v1/refunds", times=2
    )
    (first,) = refunded(stuck, "40")
    (second,) = refunded(other, "10")
    look = flows.look_at_refund

    def silent_on_the_first(pk: int) -> Refund:
        if pk == first.pk:
            raise NoAnswer("an error is kept under its key")
        return look(pk)

    monkeypatch.setattr(waiting.REFUNDS, "act", silent_on_the_first)
    stripe_account.fake.clock.advance(3600)
    assert tasks.look_at_refunds() == 1
    assert (again(first).status, again(second).status) == ("unknown", "succeeded")


def refund_at_the_desk(here: Stripe, payment: Payment, amount: int) -> Refund:
    money = payment.money_reference
    made = here.library.v1.refunds.create({"payment_intent": money, "amount": amount})
    here.deliver()
    here.deliver()
    assert not Notice.objects.exclude(error="").exists()
    return Refund.objects.get(provider_reference=made.id)


def test_more_goes_back_at_the_desk_than_credit_for_later_had_left(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = paid(stripe_account, test_merchant)
    refunded(payment, "30", destination="credit_balance")
    refund = refund_at_the_desk(stripe_account, payment, 10000)
    assert (refund.status, refund.amount, refund.excess) == ("succeeded", 10000, 3000)
    assert refund.of_credit == 0
    assert again(payment).amount_refunded == again(payment.invoice).amount_refunded == 10000
    assert (again(payment.invoice).status, again(payment).refundable) == ("paid", 0)
    assert balances(payment.wallet) == {"pending": 9630, "debt": -13000}
    assert told(refund) == ["refund.created", "refund.exceeded", "refund.succeeded"]
    assert audit() == []


def test_what_went_back_at_the_desk_takes_the_surplus_from_the_payers_credit(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant, "100.00", allow_partial=True)
    payment = flows.start(invoice.pk, "card")
    mark_paid(test_merchant, invoice.public_id, MarkPaidInput(amount=Decimal(40)))
    stripe_account.pay(payment)
    stripe_account.deliver()
    payment = again(payment)
    assert (payment.received, payment.surplus) == (10000, 4000)
    refund = refund_at_the_desk(stripe_account, payment, 10000)
    assert (refund.excess, refund.of_credit) == (4000, 4000)
    payment = again(payment)
    assert (payment.amount_refunded, payment.surplus_returned) == (6000, 4000)
    credit = LedgerAccount.objects.get(merchant=test_merchant, kind="customer_credit")
    assert credit.balance == 0
    assert balances(payment.wallet)["debt"] == -6000
    assert audit() == []


def test_a_desk_refund_that_fails_gives_everything_back_to_where_it_was(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = paid(stripe_account, test_merchant, REFUND_FAILS_LATER)
    refunded(payment, "30", destination="credit_balance")
    refund = refund_at_the_desk(stripe_account, payment, 8000)
    assert refund.excess == 1000
    stripe_account.let_pass(days=2)
    stripe_account.deliver()
    assert again(refund).status == "failed"
    assert again(payment).amount_refunded == again(payment.invoice).amount_refunded == 3000
    assert balances(payment.wallet) == {"pending": 9630, "debt": -3000}
    assert audit() == []


def test_the_desk_is_counted_once_our_own_refund_of_the_same_money_is_refused(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = paid(stripe_account, test_merchant)
    stripe_account.fake.control("faults", do="drop_before", method="POST", path="/v1/refunds")
    (ours,) = refunded(payment, "60")
    desk = refund_at_the_desk(stripe_account, payment, 9000)
    assert (again(ours).status, desk.excess) == ("unknown", 5000)
    assert audit() == []
    stripe_account.fake.clock.advance(3600)
    tasks.look_at_refunds()
    assert (again(ours).status, again(desk).excess) == ("failed", 0)
    assert again(payment).amount_refunded == again(payment.invoice).amount_refunded == 9000
    assert balances(payment.wallet) == {"pending": 9630, "debt": -9000}
    assert audit() == []
