"""Bank debits: days between the payer's part and the money, and weeks until it is sure."""

import pytest

from invoicing.models import Merchant
from payments import flows, tasks
from payments.inputs import RefundInput
from payments.models import Dispute, LedgerAccount, Payment
from tests.factories import again, balances, given_an_open_invoice, told
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db

RETURNED = "000555555559"


def begun(here: Stripe, merchant: Merchant, account: str = "000123456789") -> Payment:
    payment = flows.start(given_an_open_invoice(merchant, "100.00").pk, "ach")
    here.pay_by_bank(payment, account)
    here.deliver()
    return again(payment)


def test_it_is_in_flight_for_days_and_costs_what_the_provider_says(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = begun(stripe_account, test_merchant)
    assert (payment.status, payment.method["type"]) == ("processing", "ach")
    assert (again(payment.invoice).status, balances(payment.wallet)) == ("paying", {})
    stripe_account.let_pass(days=7)
    stripe_account.deliver()
    payment = again(payment)
    assert (payment.status, payment.provider_fee, payment.platform_fee) == ("succeeded", 80, 25)
    assert balances(payment.wallet) == {"pending": 9895}
    assert told(payment.invoice)[-2:] == ["invoice.payment_started", "invoice.paid"]


@pytest.mark.parametrize(
    ("account", "code", "advice"),
    [
        ("000222222227", "insufficient_funds", "retry"),
        ("000111111113", "account_closed", "never"),
        ("000111111116", "no_account", "never"),
        ("000333333335", "debit_not_authorized", "never"),
    ],
)
def test_it_fails_days_later(
    stripe_account: Stripe, test_merchant: Merchant, account: str, code: str, advice: str
) -> None:
    payment = begun(stripe_account, test_merchant, account)
    assert payment.status == "processing"
    stripe_account.let_pass(days=7)
    stripe_account.deliver()
    payment, invoice = again(payment), again(payment.invoice)
    assert (payment.status, payment.failure_code, payment.failure_advice) == (
        "failed",
        code,
        advice,
    )
    assert (invoice.status, invoice.amount_due, balances(payment.wallet)) == ("open", 10000, {})
    assert told(invoice)[-1] == "invoice.payment_failed"
    assert told(invoice).count("invoice.payment_failed") == 1


@pytest.mark.parametrize("by_itself", [True, False])
def test_it_comes_back_after_it_had_succeeded(
    stripe_account: Stripe, test_merchant: Merchant, by_itself: bool
) -> None:
    payment = begun(stripe_account, test_merchant, RETURNED if by_itself else "000123456789")
    stripe_account.let_pass(days=8)
    stripe_account.deliver()
    if not by_itself:
        tasks.release_funds()
        stripe_account.fake.control("debits/return", session=payment.provider_reference)
        stripe_account.deliver()
    payment, invoice = again(payment), again(payment.invoice)
    dispute = Dispute.objects.get()
    assert (dispute.status, dispute.reversed, dispute.withdrawn) == ("lost", 10000, 10000)
    assert (payment.status, payment.amount_reversed) == ("reversed", 10000)
    assert (invoice.status, invoice.amount_due, invoice.amount_paid) == ("open", 10000, 0)
    assert sum(balances(payment.wallet).values()) == 9895 - 10000 - dispute.fee
    held = LedgerAccount.objects.get(merchant=test_merchant, kind="disputed")
    assert held.balance == 0
    assert told(dispute)[-1] == "dispute.closed"
    assert told(invoice)[-1] == "invoice.reopened"
    # Another way to pay is open again.
    second = flows.start(invoice.pk, "card")
    stripe_account.pay(second)
    stripe_account.deliver()
    assert again(invoice).status == "paid"


def test_it_goes_back_and_that_takes_days_as_well(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = begun(stripe_account, test_merchant)
    stripe_account.let_pass(days=7)
    stripe_account.deliver()
    (refund,) = flows.refund(test_merchant, payment.invoice.public_id, RefundInput())
    stripe_account.deliver()
    assert again(refund).status == "pending"
    stripe_account.let_pass(days=7)
    stripe_account.deliver()
    assert again(refund).status == "succeeded"
    assert again(payment.invoice).amount_refunded == 10000


def test_days_of_lost_notices_are_made_up_for(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    stripe_account.fake.control("delivery", drop=1.0)
    payment = begun(stripe_account, test_merchant)
    assert payment.status == "pending"
    stripe_account.fake.clock.advance(3600)
    tasks.look_at_payments()
    assert again(payment).status == "processing"
    stripe_account.fake.clock.advance(7 * 86_400)
    stripe_account.fake.control("clock")
    tasks.look_at_payments()
    assert again(payment).status == "succeeded"
