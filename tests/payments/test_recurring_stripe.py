"""What recurs by Stripe: cards and bank accounts charged while their owner is away."""

import pytest

from invoicing.models import Customer, Invoice, Merchant, Message
from payments import flows, tasks
from payments.audit import audit
from payments.models import Payment, PaymentMethod, RecurringCharge, RecurringPeriod
from tests.factories import again, given_a_customer, given_an_open_invoice, subscribe, told
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db

LATER_DECLINED = "4000000000000341"
ASKS_ITS_OWNER = "4000002760003184"


@pytest.fixture
def cleo(test_merchant: Merchant) -> Customer:
    return given_a_customer(test_merchant)


def given_an_account(here: Stripe, customer: Customer) -> PaymentMethod:
    """A bank account that a customer has left on the hosted page."""
    setup = flows.save_method(customer.merchant, customer.public_id, "ach")
    here.fake.control("pay", session=setup.provider_reference, account="000123456789")
    here.deliver()
    return PaymentMethod.objects.filter(customer=customer).latest("pk")


def live(here: Stripe, days: int) -> None:
    """Let days pass, and everything that they bring happen each day."""
    for _ in range(days):
        here.let_pass(days=1)
        here.deliver()
        tasks.charge_recurring()
        here.deliver()


def periods(row: RecurringCharge) -> list[tuple[str, str]]:
    found = row.periods.order_by("number").select_related("invoice")
    return [(one.status, one.invoice.status) for one in found]


def charges() -> list[tuple[str, str]]:
    """What became of each charge, the oldest first, and the method's last digits."""
    rows = Payment.objects.filter(url="").order_by("pk")
    return [(one.failure_code or one.status, one.charged.details["last4"]) for one in rows]


def returned(here: Stripe, payment: Payment, reason: str) -> None:
    """The bank returns a debit that had succeeded."""
    here.fake.control("debits/return", payment_intent=payment.money_reference, reason=reason)
    here.deliver()


def test_a_card_is_charged_each_month(stripe_account: Stripe, cleo: Customer) -> None:
    stripe_account.given_a_method(cleo)
    row = subscribe(cleo)
    live(stripe_account, 62)
    assert periods(row) == [("paid", "paid")] * 3
    intents = stripe_account.library.v1.payment_intents.list({"limit": 100}).data
    assert [(one.status, one.amount_received) for one in intents] == [("succeeded", 9900)] * 3
    invoices = Invoice.objects.order_by("-pk").values_list("public_id", flat=True)
    assert [one.metadata.to_dict()["invoice_id"] for one in intents] == list(invoices)
    assert audit() == []


def test_a_card_left_while_paying_is_charged_from_then_on(
    stripe_account: Stripe, cleo: Customer
) -> None:
    bad = stripe_account.given_a_method(cleo, LATER_DECLINED)
    row = subscribe(cleo)
    assert (again(row).status, periods(row)) == ("past_due", [("open", "open")])
    page = flows.start(Invoice.objects.get().pk, "card")
    assert page.keeps_method
    stripe_account.pay(page, "5555555555554444")
    stripe_account.deliver()
    row, page = again(row), again(page)
    left = page.saved_method
    assert left is not None
    assert (left.details["last4"], left.status, row.payment_method) == ("4444", "active", left)
    assert (row.status, periods(row)) == ("active", [("paid", "paid")])
    assert told(left) == ["customer.payment_method_saved"]
    live(stripe_account, 31)
    assert charges() == [("generic_decline", "0341"), ("succeeded", "4444")]
    assert PaymentMethod.objects.exclude(pk=left.pk).get() == bad
    assert audit() == []


@pytest.mark.parametrize("paid_by", ["a bank account", "nothing that recurs"])
def test_what_is_kept(stripe_account: Stripe, cleo: Customer, paid_by: str) -> None:
    """Where nothing is charged later, nothing is kept; what takes days is kept when it came."""
    if paid_by == "nothing that recurs":
        invoice = given_an_open_invoice(cleo.merchant, customer_id=cleo.public_id)
        page = flows.start(invoice.pk, "card")
        stripe_account.pay(page)
        stripe_account.deliver()
        assert (page.keeps_method, again(page).saved_method) == (False, None)
        return
    stripe_account.given_a_method(cleo, LATER_DECLINED)
    row = subscribe(cleo)
    page = flows.start(Invoice.objects.get().pk, "ach")
    stripe_account.pay_by_bank(page)
    live(stripe_account, 8)
    left = again(page).saved_method
    assert left is not None
    assert (left.rail, again(row).payment_method, periods(row)) == ("ach", left, [("paid", "paid")])


def test_a_card_that_asks_its_owner_waits_for_them(stripe_account: Stripe, cleo: Customer) -> None:
    stripe_account.given_a_method(cleo, ASKS_ITS_OWNER)
    row = subscribe(cleo)
    period = row.periods.get()
    assert (period.failure_code, period.failure_advice) == ("authentication_required", "customer")
    live(stripe_account, 14)
    # Never asked for again by itself; the payer has a link by mail.
    assert charges() == [("authentication_required", "3184")]
    assert Message.objects.filter(kind="charge_failed").count() >= 1
    page = flows.start(Invoice.objects.get().pk, "card")
    stripe_account.pay(page, ASKS_ITS_OWNER)
    stripe_account.deliver()
    assert (again(row).status, periods(row)) == ("active", [("paid", "paid")])


def test_a_debit_that_returns_is_tried_again_at_most_twice(
    stripe_account: Stripe, cleo: Customer
) -> None:
    given_an_account(stripe_account, cleo)
    row = subscribe(cleo, interval="yearly")
    assert periods(row) == [("open", "paying")]
    # Days until the next try, and a week until the bank has moved the money.
    for days in (8, 2 + 8, 5 + 8):
        live(stripe_account, days)
        assert periods(row) == [("paid", "paid")]
        returned(stripe_account, Payment.objects.latest("pk"), "insufficient_funds")
        period = row.periods.get()
        assert (period.status, period.failure_code) == ("open", "insufficient_funds")
        assert again(row).status == "past_due"
    assert charges() == [("reversed", "6789")] * 3
    # Nacha: a returned debit may be presented twice more, and no more often than that.
    live(stripe_account, 8)
    assert charges() == [("reversed", "6789")] * 3
    assert periods(row) == [("open", "open")]
    live(stripe_account, 8)
    assert periods(row) == [("given_up", "uncollectible")]
    assert Message.objects.filter(kind="charge_given_up").count() == 1
    assert audit() == []


def test_a_debit_from_an_account_that_is_gone_waits_for_another(
    stripe_account: Stripe, cleo: Customer
) -> None:
    given_an_account(stripe_account, cleo)
    row = subscribe(cleo)
    live(stripe_account, 8)
    returned(stripe_account, Payment.objects.get(), "incorrect_account_details")
    live(stripe_account, 4)
    assert charges() == [("reversed", "6789")]
    stripe_account.given_a_method(cleo)
    tasks.charge_recurring()
    assert charges() == [("reversed", "6789"), ("succeeded", "4242")]
    assert (again(row).status, periods(row)) == ("active", [("paid", "paid")])


@pytest.mark.parametrize("by", ["card", "ach"])
def test_what_a_payer_contests_is_not_charged_again(
    stripe_account: Stripe, cleo: Customer, by: str
) -> None:
    if by == "ach":
        given_an_account(stripe_account, cleo)
    else:
        stripe_account.given_a_method(cleo)
    row = subscribe(cleo)
    live(stripe_account, 8)
    payment = Payment.objects.get()
    if by == "ach":
        returned(stripe_account, payment, "debit_not_authorized")
    else:
        stripe_account.dispute(payment.money_reference)
        stripe_account.deliver()
        dispute = payment.disputes.get()
        stripe_account.fake.control("disputes/lose", dispute=dispute.provider_reference)
        stripe_account.deliver()
    live(stripe_account, 14)
    assert (again(row).status, periods(row)) == ("active", [("given_up", "open")])
    assert len(charges()) == 1
    assert not Message.objects.filter(kind="charge_failed").exists()
    # Paid by another way after all.
    page = flows.start(Invoice.objects.get().pk, "card")
    stripe_account.pay(page)
    stripe_account.deliver()
    assert row.periods.get().status == RecurringPeriod.Status.PAID
    assert audit() == []
