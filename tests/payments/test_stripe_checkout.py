"""The hosted page: opened once, closed when nobody should pay it, and checked on the way back."""

from datetime import timedelta
from typing import Any

import pytest
import stripe
from django.test import Client, TestCase

from invoicing import clock, doorbell
from invoicing.actions.invoices import expire_invoice, void_invoice, write_off_invoice
from invoicing.errors import InvalidState, NotConfigured
from invoicing.models import Invoice, Merchant
from payments import flows, tasks
from payments.actions import deposits
from payments.actions.pay import mark_paid
from payments.audit import audit
from payments.inputs import DepositMatch, MarkPaidInput
from payments.models import Deposit, LedgerAccount, Notice, Payment, Wallet
from payments.offered import rails_of
from payments.rails.rail import RailError
from payments.wallets import default_wallet
from tests.factories import again, balances, given_a_customer, given_an_open_invoice, told
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db

DECLINED = "4000000000000002"
ASKS_APPROVAL = "4000002760003184"


def session_of(here: Stripe, payment: Payment) -> Any:
    return here.library.v1.checkout.sessions.retrieve(
        payment.provider_reference, {"expand": ["payment_intent"]}
    )


def sessions(here: Stripe) -> list[Any]:
    return here.library.v1.checkout.sessions.list({"limit": 100}).data


def unmatched(merchant: Merchant) -> int:
    rows = LedgerAccount.objects.filter(merchant=merchant, kind="unmatched")
    return sum(rows.values_list("balance", flat=True))


def begun(merchant: Merchant, rail: str = "card", **fields: Any) -> Payment:
    return flows.start(given_an_open_invoice(merchant, "100.00", **fields).pk, rail)


def test_a_page_says_what_it_is_for(
    stripe_account: Stripe, test_merchant: Merchant, settings: Any
) -> None:
    payment = begun(test_merchant)
    found = session_of(stripe_account, payment)
    assert (found.amount_total, found.currency, found.mode) == (10000, "usd", "payment")
    assert payment.url == found.url
    assert found.client_reference_id == payment.public_id
    assert found.metadata.to_dict() == {
        "billhook": settings.PUBLIC_URL,
        "payment_id": payment.public_id,
        "invoice_id": payment.invoice.public_id,
        "merchant_id": test_merchant.public_id,
    }
    assert found.customer_email == "cleo@example.com"
    stripe_account.pay(payment)
    intent = session_of(stripe_account, payment).payment_intent
    assert intent.metadata.to_dict() == found.metadata.to_dict()
    assert found.expires_at - int(again(payment).asked_at.timestamp()) == 23 * 3600


def test_a_second_press_shows_the_same_page(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    first = begun(test_merchant)
    second = flows.start(first.invoice_id, "card")
    assert (second.pk, second.url) == (first.pk, first.url)
    assert [one.id for one in sessions(stripe_account)] == [first.provider_reference]


def test_a_page_whose_address_was_never_heard_is_opened_once(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    stripe_account.fake.control(
        "faults", do="commit_then_drop", method="POST", path="/v1/checkout/sessions"
    )
    with pytest.raises(RailError):
        flows.start(invoice.pk, "card")
    payment = flows.start(invoice.pk, "card")
    assert [one.id for one in sessions(stripe_account)] == [payment.provider_reference]
    assert invoice.payments.count() == 1


@pytest.mark.parametrize("how", ["paid otherwise", "voided"])
def test_a_page_is_closed_when_nobody_should_pay_it(
    stripe_account: Stripe, test_merchant: Merchant, how: str
) -> None:
    payment = begun(test_merchant)
    if how == "voided":
        void_invoice(test_merchant, payment.invoice.public_id)
    else:
        mark_paid(test_merchant, payment.invoice.public_id, MarkPaidInput())
    assert session_of(stripe_account, payment).status == "open"
    tasks.cancel_payments_of_closed_invoices()
    assert session_of(stripe_account, payment).status == "expired"
    assert again(payment).status == "canceled"
    stripe_account.deliver()
    assert again(payment).status == "canceled"
    assert "invoice.payment_failed" not in told(payment.invoice)
    with pytest.raises(InvalidState):
        flows.start(payment.invoice_id, "card")


@pytest.mark.parametrize("how", ["paid otherwise", "voided", "written off", "expired"])
def test_whoever_closes_pages_is_woken_at_once_when_there_is_one_to_close(
    how: str, stripe_account: Stripe, test_merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = clock.now(test_merchant) + timedelta(hours=1)
    payment = begun(test_merchant, expires_at=window.isoformat())
    asked: list[str] = []
    monkeypatch.setattr(doorbell, "_ask", asked.append)
    with TestCase.captureOnCommitCallbacks(execute=True):
        if how == "voided":
            void_invoice(test_merchant, payment.invoice.public_id)
        elif how == "written off":
            write_off_invoice(test_merchant, payment.invoice.public_id)
        elif how == "expired":
            stripe_account.let_pass(seconds=7200)
            expire_invoice(payment.invoice_id)
        else:
            mark_paid(test_merchant, payment.invoice.public_id, MarkPaidInput())
    assert "payments.tasks.cancel_payments_of_closed_invoices" in asked


def test_another_way_or_amount_closes_the_page_before(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    card = begun(test_merchant, allow_partial=True)
    bank = flows.start(card.invoice_id, "ach")
    part = flows.start(card.invoice_id, "card", 4000)
    statuses = {one.id: one.status for one in sessions(stripe_account)}
    assert statuses == {
        card.provider_reference: "expired",
        bank.provider_reference: "expired",
        part.provider_reference: "open",
    }
    assert [again(one).status for one in (card, bank, part)] == ["canceled", "canceled", "pending"]


def test_who_paid_before_the_page_was_closed_has_paid(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = begun(test_merchant)
    stripe_account.pay(payment)
    void_invoice(test_merchant, payment.invoice.public_id)
    tasks.cancel_payments_of_closed_invoices()
    payment = again(payment)
    assert (payment.status, payment.received, payment.surplus) == ("succeeded", 10000, 10000)
    assert again(payment.invoice).status == "void"
    assert told(payment.invoice)[-1] == "invoice.overpaid"
    assert balances(payment.wallet) == {"debt": -320}
    before = told(payment.invoice)
    stripe_account.deliver()
    assert told(payment.invoice) == before


def test_a_decline_on_the_page_is_told_once_and_another_card_pays(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = begun(test_merchant)
    stripe_account.pay(payment, DECLINED)
    stripe_account.deliver()
    stripe_account.deliver()
    tasks.look_at_payments()
    payment = again(payment)
    assert (payment.status, payment.failure_code) == ("pending", "generic_decline")
    assert told(payment.invoice).count("invoice.payment_failed") == 1
    assert again(payment.invoice).status == "open"
    stripe_account.pay(payment)
    stripe_account.deliver()
    assert again(payment).status == "succeeded"
    assert balances(payment.wallet) == {"pending": 9630}


@pytest.mark.parametrize(("approve", "becomes"), [(True, "succeeded"), (False, "pending")])
def test_a_card_that_asks_for_approval(
    stripe_account: Stripe, test_merchant: Merchant, approve: bool, becomes: str
) -> None:
    payment = begun(test_merchant)
    stripe_account.pay(payment, ASKS_APPROVAL, authenticate=approve)
    stripe_account.deliver()
    payment = again(payment)
    assert payment.status == becomes
    assert again(payment.invoice).status == ("paid" if approve else "open")
    assert told(payment.invoice).count("invoice.payment_failed") == (not approve)


def test_a_page_that_nobody_used_expires(stripe_account: Stripe, test_merchant: Merchant) -> None:
    payment = begun(test_merchant)
    stripe_account.let_pass(days=1)
    stripe_account.deliver()
    assert again(payment).status == "canceled"
    assert again(payment.invoice).status == "open"
    assert told(payment.invoice) == ["invoice.created", "invoice.finalized"]
    assert flows.start(payment.invoice_id, "card").pk != payment.pk


def test_a_page_that_expired_unheard_is_not_shown_again(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = begun(test_merchant)
    stripe_account.fake.control("delivery", drop=1.0)
    stripe_account.fake.clock.advance(86_400)
    stripe_account.fake.control("clock")
    another = flows.start(payment.invoice_id, "card")
    assert another.pk != payment.pk
    assert session_of(stripe_account, another).status == "open"
    assert again(payment).status == "canceled"


def test_the_payer_is_back_before_the_notice(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = begun(test_merchant)
    stripe_account.pay(payment)
    answer = Client().get(f"/i/{payment.invoice.slug}/return?session={payment.provider_reference}")
    assert answer.status_code == 303
    assert again(payment).status == "succeeded"
    stripe_account.deliver()
    assert balances(payment.wallet) == {"pending": 9630}
    assert told(payment.invoice).count("invoice.paid") == 1


@pytest.mark.parametrize(
    ("given", "reason", "currency", "amount"),
    [
        ({"amount": 7000}, "another_amount", "USD", 7000),
        ({"amount": 10001}, "another_amount", "USD", 10001),
        ({"currency": "eur"}, "another_currency", "EUR", 10000),
    ],
)
def test_what_was_not_asked_for_is_set_aside(
    stripe_account: Stripe,
    test_merchant: Merchant,
    given: dict[str, Any],
    reason: str,
    currency: str,
    amount: int,
) -> None:
    payment = begun(test_merchant)
    stripe_account.pay(payment, **given)
    stripe_account.deliver()
    stripe_account.deliver()
    deposit = Deposit.objects.get()
    assert (deposit.reason, deposit.currency, deposit.amount) == (reason, currency, amount)
    assert (deposit.status, deposit.payment_id) == ("unmatched", payment.pk)
    payment, invoice = again(payment), again(payment.invoice)
    assert (payment.status, payment.failure_code, payment.received) == (
        "failed",
        "another_amount",
        0,
    )
    assert (invoice.status, invoice.amount_due) == ("open", 10000)
    assert told(deposit) == ["deposit.unmatched"]
    assert unmatched(test_merchant) == amount
    # What Stripe took for it is known, and the wallet owes it until it has something.
    assert deposit.provider_fee == sum(charge_fees(stripe_account)) > 0
    wallet = default_wallet(test_merchant, currency)
    assert balances(wallet) == {"debt": -deposit.provider_fee}
    assert audit() == []


def charge_fees(here: Stripe) -> list[int]:
    moved = here.fake.control("state", kinds=["balance_transaction"])["balance_transaction"]
    return [one["fee"] for one in moved if one["type"] in ("charge", "payment")]


@pytest.mark.parametrize("is_known", [True, False])
def test_what_set_aside_money_cost_may_be_said_later(
    stripe_account: Stripe, test_merchant: Merchant, is_known: bool
) -> None:
    payment = begun(test_merchant)
    stripe_account.fake.control("null_balance_transaction")
    stripe_account.pay(payment, amount=7000)
    if not is_known:
        Payment.objects.filter(pk=payment.pk).delete()
    stripe_account.deliver()
    deposit = Deposit.objects.get()
    assert (deposit.provider_fee, deposit.payment_id) == (None, payment.pk if is_known else None)
    stripe_account.fake.clock.advance(120)
    stripe_account.fake.control("clock")
    stripe_account.deliver()
    (fee,) = charge_fees(stripe_account)
    assert again(deposit).provider_fee == fee
    assert balances(default_wallet(test_merchant, "USD")) == {"debt": -fee}
    assert audit() == []
    Deposit.objects.update(provider_fee=1)
    assert [(found.table, found.row) for found in audit()] == [("payments_deposit", deposit.pk)]
    Deposit.objects.update(provider_fee=fee)


def given_too_little(here: Stripe, merchant: Merchant) -> Deposit:
    payment = begun(merchant)
    here.pay(payment, amount=7000)
    here.deliver()
    return Deposit.objects.get()


def test_what_was_set_aside_pays_an_invoice_later(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    deposit = given_too_little(stripe_account, test_merchant)
    assert deposit.payment is not None
    invoice = deposit.payment.invoice
    deposits.match_deposit(
        test_merchant, deposit.public_id, DepositMatch(invoice_id=invoice.public_id)
    )
    invoice = again(invoice)
    assert (invoice.status, invoice.amount_paid, invoice.amount_due) == ("open", 7000, 3000)
    assert unmatched(test_merchant) == 0
    stripe_account.deliver()
    tasks.look_at_payments()
    assert again(invoice).amount_paid == 7000
    # What is left can still be paid, and the matched money goes back by card like any other.
    rest = flows.start(invoice.pk, "card")
    stripe_account.pay(rest)
    stripe_account.deliver()
    assert again(invoice).status == "paid"


def test_what_was_set_aside_goes_back(stripe_account: Stripe, test_merchant: Merchant) -> None:
    deposit = given_too_little(stripe_account, test_merchant)
    refund = flows.refund_deposit(test_merchant, deposit.public_id)
    stripe_account.deliver()
    assert (again(refund).status, again(refund).amount) == ("succeeded", 7000)
    assert (again(deposit).status, unmatched(test_merchant)) == ("refunded", 0)
    assert told(deposit) == ["deposit.unmatched", "deposit.resolved"]
    assert sum(one["amount"] for one in stripe_account.fake.control("state")["refund"]) == 7000


def test_what_was_set_aside_becomes_credit(stripe_account: Stripe, test_merchant: Merchant) -> None:
    deposit = given_too_little(stripe_account, test_merchant)
    cleo = given_a_customer(test_merchant)
    deposits.credit_deposit(test_merchant, deposit.public_id, cleo.public_id)
    credit = LedgerAccount.objects.get(kind="customer_credit", customer=cleo)
    assert (credit.balance, unmatched(test_merchant)) == (7000, 0)
    assert told(deposit) == ["deposit.unmatched", "deposit.resolved"]


def test_a_live_merchant_is_never_served_by_a_test_key(
    stripe_account: Stripe, live: Merchant, test_merchant: Merchant, settings: Any
) -> None:
    invoice = given_an_open_invoice(live)
    assert rails_of(invoice) == []
    with pytest.raises(NotConfigured):
        flows.start(invoice.pk, "card")
    settings.STRIPE_SECRET_KEY = "sk_live_fake"
    assert rails_of(invoice) == ["card", "ach"]
    assert rails_of(given_an_open_invoice(test_merchant)) == ["sandbox"]


def test_without_a_key_nothing_is_offered(
    stripe_account: Stripe, test_merchant: Merchant, settings: Any
) -> None:
    payment = begun(test_merchant)
    settings.STRIPE_SECRET_KEY = ""
    invoice: Invoice = given_an_open_invoice(test_merchant)
    assert rails_of(invoice) == ["sandbox"]
    with pytest.raises(NotConfigured, match="cannot be paid by card"):
        flows.start(invoice.pk, "card")
    with pytest.raises(RailError, match="Stripe is not configured"):
        flows.look_at_payment(payment.pk)
    # Nothing is concluded from that, and nobody else is kept waiting.
    tasks.look_at_payments()
    assert again(payment).status == "pending"


def test_an_error_of_the_provider_is_no_payment(
    stripe_account: Stripe, test_merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = begun(test_merchant)
    stripe_account.fake.control("faults", do="error_500_before", method="GET", times=1)
    with pytest.raises(RailError):
        flows.look_at_payment(payment.pk)
    assert again(payment).status == "pending"
    assert isinstance(stripe_account.library, stripe.StripeClient)


def test_a_desk_refund_of_what_was_set_aside_takes_it_from_there(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    deposit = given_too_little(stripe_account, test_merchant)
    for amount, status in ((2500, "unmatched"), (4500, "refunded")):
        stripe_account.library.v1.refunds.create(
            {"payment_intent": deposit.provider_reference, "amount": amount}
        )
        stripe_account.deliver()
        stripe_account.deliver()
        assert again(deposit).status == status
        assert unmatched(test_merchant) == again(deposit).left
        assert audit() == []
    assert [(row.amount, row.status, row.source) for row in deposit.refunds.order_by("pk")] == [
        (2500, "succeeded", "unmatched"),
        (4500, "succeeded", "unmatched"),
    ]


def test_what_is_left_after_a_desk_refund_pays_an_invoice(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    deposit = given_too_little(stripe_account, test_merchant)
    stripe_account.library.v1.refunds.create(
        {"payment_intent": deposit.provider_reference, "amount": 2500}
    )
    stripe_account.deliver()
    assert deposit.payment is not None
    invoice = deposit.payment.invoice
    wanted = DepositMatch(invoice_id=invoice.public_id)
    deposits.match_deposit(test_merchant, deposit.public_id, wanted)
    assert (again(invoice).amount_paid, unmatched(test_merchant)) == (4500, 0)
    assert audit() == []


def dispute_of(here: Stripe, deposit: Deposit, **how: Any) -> str:
    charges = here.fake.control("state")["charge"]
    (charge,) = [one for one in charges if one["payment_intent"] == deposit.provider_reference]
    opened: str = here.fake.control("disputes/open", charge=charge["id"], **how)["id"]
    here.deliver()
    here.deliver()
    return opened


@pytest.mark.parametrize(
    ("verdict", "status", "left"), [("win", "unmatched", 7000), ("lose", "lost", 0)]
)
def test_a_dispute_takes_what_was_set_aside(
    stripe_account: Stripe, test_merchant: Merchant, verdict: str, status: str, left: int
) -> None:
    deposit = given_too_little(stripe_account, test_merchant)
    dispute = dispute_of(stripe_account, deposit)
    assert (again(deposit).status, unmatched(test_merchant)) == ("disputed", 0)
    assert audit() == []
    with pytest.raises(InvalidState, match="disputed already"):
        deposits.credit_deposit(test_merchant, deposit.public_id, "cus_any")
    wallet = Wallet.objects.get(merchant=test_merchant, is_default=True)
    assert balances(wallet) == {"debt": -1733}
    stripe_account.fake.control(f"disputes/{verdict}", dispute=dispute)
    stripe_account.deliver()
    stripe_account.deliver()
    deposit = again(deposit)
    assert (deposit.status, deposit.left, unmatched(test_merchant)) == (status, left, left)
    assert told(deposit)[:2] == ["deposit.unmatched", "deposit.disputed"]
    assert audit() == []


def test_what_is_taken_back_once_matched_is_the_payments(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    deposit = given_too_little(stripe_account, test_merchant)
    assert deposit.payment is not None
    wanted = DepositMatch(invoice_id=deposit.payment.invoice.public_id)
    deposits.match_deposit(test_merchant, deposit.public_id, wanted)
    dispute_of(stripe_account, deposit)
    payment = again(deposit).matched_payment
    assert payment is not None
    assert [row.withdrawn for row in payment.disputes.all()] == [7000]
    assert again(deposit).status == "matched"
    assert audit() == []


def test_a_question_that_becomes_a_dispute_once_matched_is_the_payments(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    deposit = given_too_little(stripe_account, test_merchant)
    dispute = dispute_of(stripe_account, deposit, inquiry=True)
    assert (again(deposit).status, again(deposit).left) == ("unmatched", 7000)
    assert deposit.payment is not None
    wanted = DepositMatch(invoice_id=deposit.payment.invoice.public_id)
    deposits.match_deposit(test_merchant, deposit.public_id, wanted)
    stripe_account.fake.control("disputes/withdraw", dispute=dispute)
    stripe_account.deliver()
    stripe_account.deliver()
    payment = again(deposit).matched_payment
    assert payment is not None
    assert [row.withdrawn for row in payment.disputes.all()] == [7000]
    assert not Notice.objects.exclude(error="").exists()
