"""Giving money back by hand: the forms, what they say happens, and what does."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from invoicing.models import Invoice, Merchant
from payments import flows
from payments.actions.pay import mark_paid
from payments.inputs import MarkPaidInput, RefundInput
from payments.models import Payment, Refund
from tests import factories
from tests.factories import again, balances
from tests.fixtures_dashboard import Browser, text_of
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def paid(test_merchant: Merchant) -> Payment:
    return factories.pay(factories.given_an_open_invoice(test_merchant, "100.00"))


def paid_by_stripe(stripe: Stripe, merchant: Merchant) -> Payment:
    payment = flows.start(factories.given_an_open_invoice(merchant, "100.00").pk, "card")
    stripe.pay(payment)
    stripe.deliver()
    return again(payment)


def page_of(payment: Payment) -> str:
    return f"payments/{payment.public_id}/"


def test_part_of_an_invoice_goes_back_by_clicking(ada_browser: Browser, paid: Payment) -> None:
    invoice = f"invoices/{paid.invoice.public_id}/"
    assert f"/dashboard/{invoice}refund/" in ada_browser.get(invoice).content.decode()
    form = ada_browser.form(f"{invoice}refund/")
    assert form["amount"] == "100.00"
    assert '<span class="affix">USD</span>' in ada_browser.get(f"{invoice}refund/").content.decode()
    sent = ada_browser.submit(f"{invoice}refund/", amount="40", note="Broken")
    refund = Refund.objects.get()
    assert (refund.amount, refund.note, refund.reason) == (4000, "Broken", "requested_by_customer")
    assert sent.url == f"/dashboard/refunds/{refund.public_id}/"
    page = text_of(ada_browser.get(sent.url))
    assert "$40.00" in page and "Broken" in page
    assert "Refunds" in text_of(ada_browser.get(invoice))
    assert ada_browser.form(f"{invoice}refund/")["amount"] == "60.00"


def test_a_payment_is_called_what_became_of_its_money(
    ada_browser: Browser, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    invoice = factories.given_an_open_invoice(test_merchant, "100.00", allow_partial=True)
    whole, part, disputed, partly_lost, won = (
        stripe_account.given_a_part(invoice, 2000) for _ in range(5)
    )
    flows.refund(test_merchant, invoice.public_id, RefundInput(payment_id=whole.public_id))
    flows.refund(
        test_merchant, invoice.public_id, RefundInput(payment_id=part.public_id, amount=Decimal(5))
    )
    stripe_account.given_a_dispute(disputed)
    lost = stripe_account.given_a_dispute(partly_lost, amount=500)
    stripe_account.fake.control("disputes/lose", dispute=lost.provider_reference)
    kept = stripe_account.given_a_dispute(won)
    stripe_account.fake.control("disputes/win", dispute=kept.provider_reference)
    stripe_account.deliver()
    rows = Payment.objects.order_by("pk")
    expected = ["refunded", "partly_refunded", "disputed", "partly_reversed", "succeeded"]
    assert [row.standing for row in rows] == expected
    words = ["Refunded", "Partly refunded", "Disputed", "Partly reversed", "Succeeded"]
    for path in (f"invoices/{invoice.public_id}/", "payments/"):
        page = text_of(ada_browser.get(path))
        for word in words:
            assert f"Visa ···· 4242 {word} $20.00" in page


@pytest.mark.parametrize("path", ["payments/", "invoices/{}/"])
def test_many_payments_ask_as_often_as_one(
    path: str, ada_browser: Browser, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    invoice = factories.given_an_open_invoice(test_merchant, "100.00", allow_partial=True)
    path = path.format(invoice.public_id)
    counts = []
    for more in (1, 4):
        for _ in range(more):
            stripe_account.given_a_part(invoice, 1000)
        with CaptureQueriesContext(connection) as queries:
            assert ada_browser.get(path).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_form_sent_twice_refunds_once(ada_browser: Browser, paid: Payment) -> None:
    path = f"{page_of(paid)}refund/"
    data = ada_browser.form(path).data(amount="10")
    first, second = ada_browser.post(path, data), ada_browser.post(path, data)
    assert first.url == second.url
    assert again(paid).amount_refunded == 1000
    # The control: another form is another refund.
    ada_browser.submit(path, amount="10")
    assert again(paid).amount_refunded == 2000


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("100.01", "Must be at most what can still be refunded, 100.00."),
        ("0", "Amount"),
        ("ten", "Amount"),
        ("", "Must say how much."),
    ],
)
def test_a_wrong_amount_is_explained_and_nothing_goes_back(
    ada_browser: Browser, paid: Payment, amount: str, said: str
) -> None:
    answer = ada_browser.submit(f"{page_of(paid)}refund/", amount=amount)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert not Refund.objects.exists()


def test_a_wallet_needs_its_id(ada_browser: Browser, paid: Payment) -> None:
    answer = ada_browser.submit(f"{page_of(paid)}refund/", destination="wallet")
    assert answer.status_code == 422
    assert 'Is needed for the destination "wallet"' in text_of(answer)


def test_nothing_is_offered_where_nothing_was_paid(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    invoice = factories.given_an_open_invoice(test_merchant, "100.00")
    path = f"invoices/{invoice.public_id}/"
    assert "/refund/" not in ada_browser.get(path).content.decode()
    assert ada_browser.get(f"{path}refund/").status_code == 302
    assert "Nothing has been paid on this invoice" in text_of(ada_browser.get(path))


def test_each_outcome_is_told_as_it_is(
    ada_browser: Browser, test_merchant: Merchant, stripe_account: Stripe
) -> None:
    payment = paid_by_stripe(stripe_account, test_merchant)
    sent = ada_browser.submit(f"{page_of(payment)}refund/", amount="10")
    assert "$10.00 " in text_of(ada_browser.get(sent.url))
    stripe_account.fake.control(
        "faults", do="commit_then_drop", method="POST", path="/v1/refunds", times=9
    )
    sent = ada_browser.submit(f"{page_of(payment)}refund/", amount="20")
    assert "do not refund it a second time" in text_of(ada_browser.get(sent.url))
    stripe_account.fake.control("faults", clear=True)
    refund = Refund.objects.get(amount=2000)
    assert refund.status == "unknown"
    look = ada_browser.submit(sent.url, action="/look/")
    assert again(refund).status == "succeeded"
    assert "has gone back" in text_of(ada_browser.get(look.url))


def test_an_overpayment_is_given_back(ada_browser: Browser, test_merchant: Merchant) -> None:
    customer = factories.given_a_customer(test_merchant)
    invoice = factories.given_an_open_invoice(
        test_merchant, "100.00", customer_id=customer.public_id
    )
    payment = overpaid(invoice)
    assert "Give the overpayment back" in text_of(ada_browser.get(page_of(payment)))
    form = ada_browser.form(f"{page_of(payment)}overpayment/")
    assert (form["amount"], form["reason"]) == ("50.00", "overpayment")
    before = balances(payment.wallet)
    ada_browser.submit(f"{page_of(payment)}overpayment/", amount="30", destination="manual")
    assert again(payment).surplus_returned == 3000
    assert balances(payment.wallet) == before


def overpaid(invoice: Invoice) -> Payment:
    """Paid by card while half of it came in cash."""
    payment = factories.start_paying(invoice)
    mark_paid(invoice.merchant, invoice.public_id, MarkPaidInput(amount="50"))
    factories.use_card(payment)
    factories.work()
    return again(payment)


def test_the_list_says_what_it_has_and_what_it_lacks(
    ada_browser: Browser, paid: Payment, test_merchant: Merchant
) -> None:
    assert "No refunds yet" in text_of(ada_browser.get("refunds/"))
    flows.refund(test_merchant, paid.invoice.public_id, RefundInput(amount="5"))
    assert "$5.00" in text_of(ada_browser.get("refunds/"))
    assert "No refund matches" in text_of(ada_browser.get("refunds/?status=unknown"))


def test_the_list_costs_the_same_however_long_it_is(
    ada_browser: Browser,
    paid: Payment,
    test_merchant: Merchant,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    flows.refund(test_merchant, paid.invoice.public_id, RefundInput(amount="1"))
    with django_assert_num_queries(5):
        ada_browser.get("refunds/")
    for _ in range(5):
        flows.refund(test_merchant, paid.invoice.public_id, RefundInput(amount="1"))
    with django_assert_num_queries(5):
        assert ada_browser.get("refunds/").content.decode().count("$1.00") == 6
