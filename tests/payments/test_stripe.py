"""Paying by card and bank account through the Stripe rail, as the books see it."""

import pytest

from invoicing.models import Merchant
from payments import flows, tasks
from payments.audit import audit
from payments.inputs import RefundInput
from payments.models import Payment
from tests.factories import again, balances, given_an_open_invoice, told
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db(transaction=True)


def paid_by_card(stripe: Stripe, merchant: Merchant, amount: str = "100.00") -> Payment:
    payment = flows.start(given_an_open_invoice(merchant, amount).pk, "card")
    stripe.pay(payment)
    stripe.deliver()
    return again(payment)


def test_a_card_pays(stripe_account: Stripe, test_merchant: Merchant) -> None:
    payment = paid_by_card(stripe_account, test_merchant)
    assert (payment.status, payment.received, payment.provider_fee) == ("succeeded", 10000, 320)
    assert payment.fee_is_final
    assert again(payment.invoice).status == "paid"
    assert balances(payment.wallet) == {"pending": 9630}


def test_part_of_it_goes_back(stripe_account: Stripe, test_merchant: Merchant) -> None:
    payment = paid_by_card(stripe_account, test_merchant)
    (refund,) = flows.refund(test_merchant, payment.invoice.public_id, RefundInput(amount="40"))
    stripe_account.deliver()
    refund = again(refund)
    assert (refund.status, refund.amount) == ("succeeded", 4000)
    assert balances(payment.wallet) == {"pending": 9630, "debt": -4000}
    assert again(payment.invoice).amount_refunded == 4000
    stripe_account.let_pass(days=7)
    tasks.release_funds()
    assert balances(payment.wallet) == {"available": 5630}
    assert not audit()


def test_a_bank_account_pays_days_later(stripe_account: Stripe, test_merchant: Merchant) -> None:
    payment = flows.start(given_an_open_invoice(test_merchant, "100.00").pk, "ach")
    stripe_account.pay_by_bank(payment)
    stripe_account.deliver()
    assert (again(payment).status, again(payment.invoice).status) == ("processing", "paying")
    stripe_account.let_pass(days=7)
    stripe_account.deliver()
    payment = again(payment)
    assert (payment.status, payment.provider_fee) == ("succeeded", 80)
    assert again(payment.invoice).status == "paid"


def test_a_dispute_is_lost(stripe_account: Stripe, test_merchant: Merchant) -> None:
    payment = paid_by_card(stripe_account, test_merchant)
    stripe_account.fake.control("disputes/open", session=payment.provider_reference)
    stripe_account.deliver()
    (dispute,) = payment.disputes.all()
    assert (dispute.status, dispute.withdrawn, dispute.fee) == ("needs_response", 10000, 1500)
    assert balances(payment.wallet) == {"pending": 9630, "debt": -11500}
    stripe_account.fake.control("disputes/lose", dispute=dispute.provider_reference)
    stripe_account.deliver()
    dispute = again(dispute)
    invoice = again(payment.invoice)
    assert (dispute.status, invoice.status, invoice.amount_due) == ("lost", "open", 10000)
    assert again(payment).status == "reversed"
    assert "invoice.reopened" in told(invoice)
