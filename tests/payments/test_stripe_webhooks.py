"""What Stripe tells us: only what is genuine is kept, and any order of it ends the same."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import stripe
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invoicing.models import Event, Merchant
from payments import flows, hearing, tasks
from payments.actions.payouts import apply_payout
from payments.inputs import RefundInput
from payments.models import (
    Deposit,
    Dispute,
    LedgerEntry,
    MerchantPayout,
    Notice,
    Payment,
    PaymentMethod,
    Payout,
    PayoutLine,
    Refund,
)
from payments.rails import PROVIDERS
from tests.factories import again, given_a_customer, given_a_merchant, given_an_open_invoice, told
from tests.fixtures_stripe import SECRET, Stripe

pytestmark = pytest.mark.django_db


def event(here: Stripe, **changes: Any) -> dict[str, Any]:
    return {
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "livemode": False,
        "account": None,
        "data": {"object": {"id": "pi_1", "object": "payment_intent", "metadata": {}}},
        **changes,
    }


def signed(here: Stripe, body: str, *, secret: str = SECRET, age: int = 0) -> dict[str, str]:
    at = int(here.wall().timestamp()) - age
    return {
        "Stripe-Signature": stripe.WebhookSignature.generate_signature_header(
            body, secret, timestamp=at
        )
    }


def post(body: str | bytes, headers: dict[str, str]) -> int:
    client = Client(raise_request_exception=False)
    return client.post(
        "/webhooks/stripe", data=body, content_type="application/json", headers=headers
    ).status_code


def begun(here: Stripe, merchant: Merchant, rail: str = "card") -> Payment:
    return flows.start(given_an_open_invoice(merchant, "100.00").pk, rail)


def test_a_genuine_event_is_kept_once(stripe_account: Stripe) -> None:
    body = json.dumps(event(stripe_account))
    headers = signed(stripe_account, body)
    assert [post(body, headers), post(body, headers)] == [200, 200]
    notice = Notice.objects.get()
    assert (notice.rail, notice.provider_id, notice.body) == ("stripe", "evt_1", body)


@pytest.mark.parametrize(("age", "status"), [(299, 200), (301, 400), (-299, 200), (-301, 400)])
def test_an_old_signature_is_somebody_repeating(
    stripe_account: Stripe, age: int, status: int
) -> None:
    body = json.dumps(event(stripe_account))
    assert post(body, signed(stripe_account, body, age=age)) == status
    assert Notice.objects.count() == (status == 200)


@pytest.mark.parametrize(("age", "says"), [(301, "too old"), (-301, "in the future")])
def test_a_signature_of_another_time_is_told_which(
    stripe_account: Stripe, age: int, says: str
) -> None:
    body = json.dumps(event(stripe_account))
    answer = Client().post(
        "/webhooks/stripe",
        data=body,
        content_type="application/json",
        headers=signed(stripe_account, body, age=age),
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], sorted(error)) == (
        400,
        "bad_signature",
        ["code", "details", "message", "request_id"],
    )
    assert says in error["message"]


def test_a_body_larger_than_any_event_is_refused_in_json(stripe_account: Stripe) -> None:
    body = " " * 3_000_000
    answer = Client().post(
        "/webhooks/stripe",
        data=body,
        content_type="application/json",
        headers=signed(stripe_account, body),
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert not Notice.objects.exists()


BAD: dict[str, Callable[[Stripe], tuple[str | bytes, dict[str, str]]]] = {
    "unsigned": lambda here: (json.dumps(event(here)), {}),
    "signed with another secret": lambda here: (
        json.dumps(event(here)),
        signed(here, json.dumps(event(here)), secret="whsec_other"),
    ),
    "changed after it was signed": lambda here: (
        json.dumps(event(here, id="evt_2")),
        signed(here, json.dumps(event(here))),
    ),
    "about another account": lambda here: _signed(here, event(here, account="acct_other")),
    "of the other mode": lambda here: _signed(here, event(here, livemode=True)),
    "no JSON": lambda here: ("{", signed(here, "{")),
    "no event": lambda here: _signed(here, {"id": "evt_1"}),
    "nested without end": lambda here: ("[" * 100_000, signed(here, "[" * 100_000)),
    "a list": lambda here: _signed(here, []),
    "no text": lambda here: (b"\xff\xfe", {"Stripe-Signature": "t=1,v1=00"}),
    "nothing": lambda here: ("", signed(here, "")),
    "huge": lambda here: _signed(here, event(here, more="x" * 4_000_000)),
    "a signature of nonsense": lambda here: (json.dumps(event(here)), {"Stripe-Signature": "t="}),
    "a signature without a time": lambda here: (
        json.dumps(event(here)),
        {"Stripe-Signature": "v1=00"},
    ),
}


def _signed(here: Stripe, said: Any) -> tuple[str, dict[str, str]]:
    body = json.dumps(said)
    return body, signed(here, body)


@pytest.mark.parametrize("what", BAD)
def test_what_is_not_genuine_is_not_kept(stripe_account: Stripe, what: str) -> None:
    body, headers = BAD[what](stripe_account)
    assert post(body, headers) == (413 if what == "huge" else 400)
    assert not Notice.objects.exists()


def test_without_a_secret_nothing_is_believed(stripe_account: Stripe, settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = ""
    body = json.dumps(event(stripe_account))
    assert post(body, signed(stripe_account, body, secret="")) == 400


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), copies=st.integers(0, 2))
def test_every_order_of_events_ends_the_same(
    stripe_account: Stripe, test_merchant: Merchant, seed: int, copies: int
) -> None:
    stripe_account.fake.control("delivery", hold=True, duplicate=0)
    payment = begun(stripe_account, test_merchant)
    stripe_account.pay(payment, "4000000000000002")
    stripe_account.pay(payment)
    flows.check(payment.pk)
    (refund,) = flows.refund(test_merchant, payment.invoice.public_id, RefundInput(amount="25"))
    stripe_account.fake.control("disputes/open", session=payment.provider_reference)
    dispute = stripe_account.fake.control("state")["dispute"][-1]["id"]
    stripe_account.fake.control("disputes/lose", dispute=dispute)
    app = stripe_account.fake.app
    app.delivery.set_script(hold=False, duplicate=copies)
    app.delivery.release(shuffle=seed, send=lambda url, headers, body: post(body, headers))
    tasks.apply_notices()
    tasks.apply_notices()
    payment, invoice = again(payment), again(payment.invoice)
    assert (payment.status, payment.received, payment.amount_reversed) == ("succeeded", 10000, 7500)
    assert (again(refund).status, invoice.status, invoice.amount_due) == ("succeeded", "open", 7500)
    assert Dispute.objects.get(payment=payment).status == "lost"
    assert told(invoice).count("invoice.paid") == 1
    assert told(invoice).count("invoice.reopened") == 1
    assert not Notice.objects.filter(applied_at=None).exists()


def test_when_everything_is_lost_the_janitor_heals_it(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    stripe_account.fake.control("delivery", drop=1.0)
    card, bank = begun(stripe_account, test_merchant), begun(stripe_account, test_merchant, "ach")
    stripe_account.pay(card)
    stripe_account.pay_by_bank(bank)
    stripe_account.deliver()
    assert not Notice.objects.exists()
    stripe_account.fake.clock.advance(3600)
    tasks.look_at_payments()
    assert (again(card).status, again(bank).status) == ("succeeded", "processing")


def test_events_that_could_not_be_delivered_are_fetched(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = begun(stripe_account, test_merchant)
    stripe_account.pay(payment)
    stripe_account.fake.pump(lambda url, headers, body: 500)
    assert tasks.hear_missed_notices() > 0
    assert tasks.hear_missed_notices() == 0
    tasks.apply_notices()
    assert again(payment).status == "succeeded"
    # Delivered after all, it is known already.
    before = LedgerEntry.objects.count()
    stripe_account.let_pass(seconds=600)
    stripe_account.deliver()
    assert LedgerEntry.objects.count() == before


def test_a_poisonous_notice_is_set_aside_and_holds_nobody_up(
    stripe_account: Stripe, test_merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = json.dumps(event(stripe_account, id="evt_poison"))
    assert post(poison, signed(stripe_account, poison)) == 200
    hear = hearing.hear

    def choke(provider: str, word: Any) -> None:
        if word.reference == "pi_1":
            raise ZeroDivisionError
        hear(provider, word)

    monkeypatch.setattr(hearing, "hear", choke)
    payment = begun(stripe_account, test_merchant)
    stripe_account.pay(payment)
    stripe_account.deliver()
    assert again(payment).status == "succeeded"
    for _ in range(12):
        stripe_account.fake.clock.advance(5 * 4**8)
        tasks.apply_notices()
    notice = Notice.objects.get(provider_id="evt_poison")
    assert (notice.attempts_made, notice.applied_at, notice.next_attempt_at) == (8, None, None)
    assert "ZeroDivisionError" in notice.error


def test_an_event_that_means_nothing_to_us_is_done_with(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    for number, (name, kind) in enumerate(
        [("customer", "customer.created"), ("review", "review.opened"), ("gizmo", "gizmo.made")]
    ):
        body = json.dumps(
            event(
                stripe_account,
                id=f"evt_{number}",
                type=kind,
                data={"object": {"id": "x_1", "object": name}},
            )
        )
        assert post(body, signed(stripe_account, body)) == 200
    tasks.apply_notices()
    assert Notice.objects.filter(applied_at=None).count() == 0


def test_money_of_ours_that_nobody_remembers_is_set_aside(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = begun(stripe_account, test_merchant)
    stripe_account.pay(payment)
    Payment.objects.all().delete()
    stripe_account.deliver()
    stripe_account.deliver()
    deposit = Deposit.objects.get()
    assert (deposit.reason, deposit.amount, deposit.payment_id) == ("unknown_payment", 10000, None)
    assert (deposit.merchant_id, deposit.rail) == (test_merchant.pk, "card")
    assert told(deposit) == ["deposit.unmatched"]


def test_money_of_others_in_the_same_account_is_none_of_ours(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    stripe_account.library.v1.payment_intents.create(
        {
            "amount": 5000,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "return_url": "http://127.0.0.1/done",
        }
    )
    before = Event.objects.count()
    stripe_account.deliver()
    assert (Deposit.objects.count(), Event.objects.count()) == (0, before)
    assert not Notice.objects.filter(applied_at=None).exists()


def test_a_forged_word_takes_nothing(stripe_account: Stripe, test_merchant: Merchant) -> None:
    """Even with a right signature an event only says where to look."""
    payment = begun(stripe_account, test_merchant)
    said = event(
        stripe_account,
        type="checkout.session.completed",
        data={
            "object": {
                "id": payment.provider_reference,
                "object": "checkout.session",
                "mode": "payment",
                "payment_status": "paid",
                "amount_total": 10000,
                "metadata": {"payment_id": payment.public_id},
            }
        },
    )
    body, headers = _signed(stripe_account, said)
    assert post(body, headers) == 200
    tasks.apply_notices()
    assert again(payment).status == "pending"


def test_a_payout_is_itemised_for_each_merchant(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    rival = given_a_merchant(name="Ben & Sons")
    for merchant in (test_merchant, rival):
        stripe_account.pay(begun(stripe_account, merchant))
    stripe_account.deliver()
    stripe_account.let_pass(days=3)
    stripe_account.fake.control("payouts/create", status="paid")
    stripe_account.deliver()
    payout = Payout.objects.get()
    assert (payout.status, payout.amount, payout.is_itemised) == ("paid", 2 * 9680, True)
    assert [
        (line.merchant_id, line.amount, line.fee, line.net)
        for line in PayoutLine.objects.order_by("merchant_id")
    ] == [(test_merchant.pk, 10000, 320, 9680), (rival.pk, 10000, 320, 9680)]
    for merchant in (test_merchant, rival):
        assert Event.objects.filter(merchant=merchant, type="payout.paid").count() == 1
    stripe_account.deliver()
    assert PayoutLine.objects.count() == 2


def test_a_payout_is_shown_and_told_while_it_is_on_its_way(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    stripe_account.given_a_payment(test_merchant)
    stripe_account.let_pass(days=3)
    made = stripe_account.fake.control("payouts/create", status="in_transit")
    early = PROVIDERS["stripe"].look_at_payout(made["id"], False)
    stripe_account.deliver()
    payout = Payout.objects.get()
    assert (payout.status, payout.is_itemised, payout.lines.count()) == ("in_transit", False, 1)
    mine = MerchantPayout(payout, test_merchant)
    assert told(mine) == ["payout.created"]
    stripe_account.let_pass(days=3)
    stripe_account.deliver()
    payout = Payout.objects.get()
    assert (payout.status, payout.is_itemised, payout.lines.count()) == ("paid", True, 1)
    assert told(mine) == ["payout.created", "payout.paid"]
    apply_payout("stripe", early, livemode=False)
    assert Payout.objects.get().status == "paid"
    stripe_account.fake.control("payouts/fail", payout=made["id"])
    stripe_account.deliver()
    assert Payout.objects.get().status == "failed"
    assert told(mine) == ["payout.created", "payout.paid", "payout.failed"]


def test_what_a_payout_is_made_of_is_believed_when_it_is_sorted_out(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    rival = given_a_merchant(name="Ben & Sons")
    for merchant in (test_merchant, rival):
        stripe_account.given_a_payment(merchant)
    stripe_account.let_pass(days=3)
    made = stripe_account.fake.control("payouts/create", status="in_transit")
    whole = PROVIDERS["stripe"].look_at_payout(made["id"], False)
    assert whole.items is not None
    for known in (whole.items[:1], whole.items[:1], whole.items):
        payout = apply_payout("stripe", replace(whole, items=known), livemode=False)
    final = replace(whole, status="paid", items=whole.items[1:], is_final=True)
    for outcome in (final, whole):
        apply_payout("stripe", outcome, livemode=False)
    assert payout.lines.count() == 1
    events = Event.objects.filter(object_id=payout.public_id).order_by("id")
    assert sorted(events.values_list("type", flat=True)) == [
        "payout.created",
        "payout.created",
        "payout.paid",
    ]


def test_a_payout_shows_money_that_fitted_nothing(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    stripe_account.given_a_payment(test_merchant)
    stripe_account.given_a_deposit(test_merchant)
    stripe_account.let_pass(days=3)
    stripe_account.fake.control("payouts/create", status="paid")
    stripe_account.deliver()
    payout = Payout.objects.get()
    lines = payout.lines.filter(merchant=test_merchant)
    assert sum(line.net for line in lines) == payout.amount
    assert sorted(line.amount for line in lines) == [7000, 10000]
    assert lines.get(amount=7000).payment is None


def test_a_payout_fails(stripe_account: Stripe, test_merchant: Merchant) -> None:
    stripe_account.pay(begun(stripe_account, test_merchant))
    stripe_account.deliver()
    stripe_account.let_pass(days=3)
    stripe_account.fake.control("payouts/create", status="failed")
    stripe_account.deliver()
    payout = Payout.objects.get()
    assert (payout.status, payout.failure_code) == ("failed", "account_closed")
    assert Event.objects.filter(merchant=test_merchant, type="payout.failed").count() == 1


def test_a_restored_backup_charges_nobody(stripe_account: Stripe, test_merchant: Merchant) -> None:
    cleo = given_a_customer(test_merchant)
    setup = flows.save_method(test_merchant, cleo.public_id, "card")
    stripe_account.fake.control("pay", session=setup.provider_reference, card="4242424242424242")
    stripe_account.deliver()
    assert PaymentMethod.objects.count() == 1
    invoices = [
        given_an_open_invoice(test_merchant, "10.00", customer_id=cleo.public_id) for _ in range(20)
    ]
    backup = transaction.savepoint()
    for invoice in invoices:
        flows.charge_invoice(test_merchant, invoice.public_id)
    assert Payment.objects.filter(status="succeeded").count() == 20
    transaction.savepoint_rollback(backup)
    assert not Payment.objects.exists()
    before = len(stripe_account.fake.control("state")["payment_intent"])
    assert before == 20
    for _ in range(4):
        stripe_account.fake.clock.advance(7200)
        tasks.hear_missed_notices()
        for task in (
            tasks.apply_notices,
            tasks.look_at_payments,
            tasks.look_at_refunds,
            tasks.look_at_setups,
            tasks.look_at_disputes,
            tasks.release_funds,
            tasks.cancel_payments_of_closed_invoices,
        ):
            task()
    stripe_account.deliver()
    assert len(stripe_account.fake.control("state")["payment_intent"]) == before
    # What the provider has taken is told of, and waits for somebody to say what it was for.
    assert Deposit.objects.filter(reason="unknown_payment").count() == 20
    assert not Refund.objects.exists()
