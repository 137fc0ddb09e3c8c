"""Unmatched money and payouts by hand: found, told apart, and settled once."""

from collections.abc import Callable

import pytest
from pytest_django import DjangoAssertNumQueries

from invoicing.models import Invoice, Merchant
from payments import flows
from payments.models import Deposit, LedgerAccount, MerchantPayout, Refund
from payments.setting_aside import invoices_for
from tests import factories
from tests.factories import again
from tests.fixtures_dashboard import Browser, text_of
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def deposit(stripe_account: Stripe, test_merchant: Merchant) -> Deposit:
    """Seven dollars that came for an invoice over a hundred."""
    payment = flows.start(factories.given_an_open_invoice(test_merchant, "100.00").pk, "card")
    stripe_account.pay(payment, amount=700)
    stripe_account.deliver()
    return Deposit.objects.get()


def path_of(deposit: Deposit, rest: str = "") -> str:
    return f"unmatched/{deposit.public_id}/{rest}"


def invoice_of(merchant: Merchant, amount: str) -> Invoice:
    return factories.given_an_open_invoice(merchant, amount)


def test_it_is_told_and_the_likeliest_invoice_stands_first(
    ada_browser: Browser, deposit: Deposit, test_merchant: Merchant
) -> None:
    invoice_of(test_merchant, "900.00")
    likely = invoice_of(test_merchant, "7.00")
    assert deposit.payment
    assert invoices_for(deposit)[:2] == [deposit.payment.invoice, likely]
    matching = ada_browser.get(path_of(deposit, "match/")).content.decode()
    assert f'value="{deposit.payment.invoice.number}"' in matching
    assert "1 sum of money has come that fits no invoice" in text_of(ada_browser.get(""))
    assert "Not the amount that was asked for" in text_of(ada_browser.get("unmatched/"))
    page = text_of(ada_browser.get(path_of(deposit)))
    assert "$7.00 Unmatched" in page
    assert page.index(f"{likely} Cleo") < page.index("$900.00")


def test_it_pays_an_invoice_once(
    ada_browser: Browser, deposit: Deposit, test_merchant: Merchant
) -> None:
    invoice = invoice_of(test_merchant, "7.00")
    path = path_of(deposit, "match/")
    form = ada_browser.form(f"{path}?invoice={invoice.public_id}")
    assert form["invoice_id"] == invoice.public_id
    first, second = (ada_browser.post(path, form.data()) for _ in range(2))
    assert first.url == second.url
    assert again(deposit).status == "matched"
    assert again(invoice).status == "paid"
    assert "$7.00 is matched." in text_of(ada_browser.get(first.url))
    late = ada_browser.submit(path, invoice_id=invoice.public_id)
    assert late.status_code == 422
    assert "has been matched already" in text_of(late)


@pytest.mark.parametrize("wrong", ["", "inv_nobody"])
def test_a_wrong_invoice_changes_nothing(
    ada_browser: Browser, deposit: Deposit, wrong: str
) -> None:
    assert ada_browser.submit(path_of(deposit, "match/"), invoice_id=wrong).status_code == 422
    assert again(deposit).status == "unmatched"


def test_it_becomes_a_customers_credit(
    ada_browser: Browser, deposit: Deposit, test_merchant: Merchant
) -> None:
    customer = factories.given_a_customer(test_merchant)
    assert ada_browser.submit(path_of(deposit, "credit/"), customer_id="").status_code == 422
    sent = ada_browser.submit(path_of(deposit, "credit/"), customer_id=customer.public_id)
    assert "$7.00 is kept as credit." in text_of(ada_browser.get(sent.url))
    assert LedgerAccount.objects.get(kind="customer_credit", customer=customer).balance == 700


def test_it_goes_back(ada_browser: Browser, deposit: Deposit) -> None:
    assert "Came for TEST-0001" in text_of(ada_browser.get(path_of(deposit, "return/")))
    sent = ada_browser.submit(path_of(deposit, "return/"))
    refund = Refund.objects.get()
    assert (refund.amount, refund.source, again(deposit).status) == (700, "unmatched", "refunded")
    assert "$7.00" in text_of(ada_browser.get(sent.url))
    assert "Unmatched money" in text_of(ada_browser.get("refunds/"))
    assert ada_browser.get(f"refunds/{refund.public_id}/").status_code == 200


def test_an_empty_list_says_why(ada_browser: Browser) -> None:
    assert "Every cent has its place" in text_of(ada_browser.get("unmatched/"))
    assert "Nothing matches" in text_of(ada_browser.get("unmatched/?status=matched"))


def given_deposits(stripe: Stripe, merchant: Merchant, count: int) -> None:
    for _ in range(count):
        stripe.given_a_deposit(merchant)


def given_payouts(stripe: Stripe, merchant: Merchant, count: int) -> None:
    for _ in range(count):
        stripe.given_a_payout(merchant)


@pytest.mark.parametrize(
    ("path", "given", "queries"),
    [("unmatched/", given_deposits, 6), ("payouts/", given_payouts, 6)],
)
def test_a_list_costs_the_same_however_long_it_is(
    ada_browser: Browser,
    stripe_account: Stripe,
    test_merchant: Merchant,
    django_assert_num_queries: DjangoAssertNumQueries,
    path: str,
    given: Callable[[Stripe, Merchant, int], None],
    queries: int,
) -> None:
    for more, rows in ((5, 5), (20, 25)):
        given(stripe_account, test_merchant, more)
        with django_assert_num_queries(queries):
            page = ada_browser.get(path).content.decode()
        assert page.count('class="row-link"') == rows


def test_a_payout_shows_the_merchants_own_lines(
    ada_browser: Browser,
    ben_browser: Browser,
    test_merchant: Merchant,
    ben_merchant: Merchant,
    stripe_account: Stripe,
) -> None:
    assert "No payouts yet" in text_of(ada_browser.get("payouts/"))
    for merchant, amount in ((test_merchant, "100.00"), (ben_merchant, "55.00")):
        payment = flows.start(invoice_of(merchant, amount).pk, "card")
        stripe_account.pay(payment)
    stripe_account.deliver()
    stripe_account.let_pass(days=7)
    stripe_account.fake.control("payouts/create", status="paid")
    stripe_account.deliver()
    line = test_merchant.payout_lines.get()
    path = f"payouts/{MerchantPayout(line.payout, test_merchant).public_id}/"
    listed, shown = text_of(ada_browser.get("payouts/")), text_of(ada_browser.get(path))
    assert "$96.80" in listed and "Paid" in listed
    assert "$100.00" in shown and "$3.20" in shown
    assert "$55.00" not in listed + shown
    # The control: the other merchant sees the other line.
    assert "$55.00" in text_of(ben_browser.get(f"payouts/{line.payout.public_id}/"))
