"""The sandbox's cards: each does one thing, always, and Billhook hears of it as from outside."""

import json
from datetime import timedelta
from typing import Any

import pytest

from invoicing.models import Merchant
from payments import tasks
from payments.models import Notice, Payment
from payments.rails import RAILS
from payments.rails.rail import BadNotice
from payments.sandbox import provider
from payments.sandbox.cards import CARDS, DECLINES, Behaviour, passes_luhn
from tests import factories
from tests.factories import (
    again,
    given_an_open_invoice,
    let_pass,
    session_of,
    start_paying,
    told,
    use_card,
)

BY = {behaviour: [card for card in CARDS if card.behaviour == behaviour] for behaviour in Behaviour}


def card_ids(card: Any) -> str:
    return card.number


def test_every_card_passes_luhn_and_is_one_of_a_kind() -> None:
    assert all(passes_luhn(card.number) for card in CARDS)
    assert len({card.last4 for card in CARDS}) == len(CARDS)
    assert {card.decline_code for card in CARDS if card.decline_code} <= DECLINES.keys()
    assert all(BY.values())
    assert not passes_luhn("4242424242424241")


@pytest.mark.parametrize("card", BY[Behaviour.SUCCEED], ids=card_ids)
def test_a_good_card_pays(card: Any, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment = factories.pay(invoice, card.number)
    assert (again(invoice).status, payment.status) == ("paid", "succeeded")
    assert payment.method == {"type": "card", "brand": card.brand, "last4": card.last4}


@pytest.mark.parametrize("card", BY[Behaviour.DECLINE], ids=card_ids)
def test_a_refused_card_says_why_and_another_may_be_tried(
    card: Any, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment = factories.pay(invoice, card.number)
    assert (again(invoice).status, payment.status) == ("open", "pending")
    assert payment.failure_code == card.decline_code
    assert payment.failure_message == DECLINES[card.decline_code]
    assert told(invoice)[-1] == "invoice.payment_failed"
    use_card(payment, factories.VISA)
    tasks.apply_notices()
    assert (again(invoice).status, again(payment).status) == ("paid", "succeeded")
    assert told(invoice)[-2:] == ["invoice.payment_failed", "invoice.paid"]


def test_each_refusal_is_told_once(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment = start_paying(invoice)
    for _ in range(2):
        use_card(payment, factories.DECLINED)
        for _ in range(2):
            tasks.apply_notices()
            factories.work()
    assert again(payment).declines == 2
    assert told(invoice).count("invoice.payment_failed") == 2


def test_a_card_of_somebody_elses_is_refused(test_merchant: Merchant) -> None:
    payment = start_paying(given_an_open_invoice(test_merchant))
    use_card(payment, "4111111111111111")
    tasks.apply_notices()
    assert again(payment).failure_code == "unknown_card"


@pytest.mark.parametrize("approved", [True, False])
def test_a_cardholder_who_is_asked_approves_or_refuses(
    approved: bool, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment = start_paying(invoice)
    assert use_card(payment, factories.ASKS_APPROVAL).status == "authenticating"
    factories.work()
    assert (again(invoice).status, again(payment).status) == ("open", "pending")
    provider.answer_authentication(session_of(payment).public_id, approved=approved)
    tasks.apply_notices()
    if approved:
        assert (again(invoice).status, again(payment).status) == ("paid", "succeeded")
    else:
        assert again(payment).failure_code == "authentication_failed"
        assert session_of(payment).status == "open"
        use_card(payment)
        tasks.apply_notices()
        assert again(invoice).status == "paid"


@pytest.mark.parametrize(
    ("number", "status", "event"),
    [
        (factories.SILENT_THEN_PAID, "paid", "invoice.paid"),
        (factories.SILENT_THEN_NOTHING, "open", "invoice.payment_failed"),
    ],
)
def test_a_silent_card_is_found_out_ten_minutes_later(
    number: str, status: str, event: str, test_merchant: Merchant, clock: Any
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment = factories.pay(invoice, number)
    assert (again(invoice).status, payment.status) == ("paying", "unknown")
    assert told(invoice)[-1] == "invoice.payment_started"
    let_pass(test_merchant, "00:09:59")
    factories.work()
    assert again(payment).status == "unknown"
    let_pass(test_merchant, "01:00:00")
    factories.work()
    assert again(invoice).status == status
    assert told(invoice)[-1] == event
    if status == "open":
        assert (again(payment).status, again(payment).failure_code) == ("failed", "timed_out")
        assert factories.pay(invoice).status == "succeeded"


def test_a_page_that_nobody_uses_closes_after_a_day(test_merchant: Merchant, clock: Any) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment = start_paying(invoice)
    let_pass(test_merchant, "23:59:59")
    factories.work()
    assert again(payment).status == "pending"
    let_pass(test_merchant, "06:00:00")
    factories.work()
    assert again(payment).status == "canceled"
    # Whoever merely left has not failed at anything.
    assert told(invoice)[-1] == "invoice.finalized"
    assert use_card(payment).status == "canceled"
    assert start_paying(invoice) != payment


def test_a_refusal_before_leaving_is_not_told_again_when_the_page_closes(
    test_merchant: Merchant, clock: Any
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment = factories.pay(invoice, factories.DECLINED)
    let_pass(test_merchant, "2 00:00:00")
    factories.work()
    assert again(payment).status == "canceled"
    assert told(invoice).count("invoice.payment_failed") == 1


# The provider's word


def test_one_key_is_one_session_however_often_it_is_asked_for(test_merchant: Merchant) -> None:
    payment = start_paying(given_an_open_invoice(test_merchant))
    asked = Payment.objects.select_related("merchant", "invoice").get(pk=payment.pk)
    rail = RAILS["sandbox"]
    assert rail.start(asked) == rail.start(asked)
    assert rail.start(asked).url == payment.url


@pytest.mark.parametrize("number", [card.number for card in CARDS])
def test_a_session_is_paid_at_most_once(number: str, test_merchant: Merchant) -> None:
    payment = start_paying(given_an_open_invoice(test_merchant))
    for _ in range(2):
        use_card(payment)
    use_card(payment, number)
    assert session_of(payment).status == "succeeded"
    assert Notice.objects.count() == 1


def test_a_session_that_is_paid_cannot_be_closed(test_merchant: Merchant) -> None:
    payment = start_paying(given_an_open_invoice(test_merchant))
    use_card(payment)
    closed = provider.cancel_session(payment.public_id)
    assert closed is not None and closed.status == "succeeded"
    tasks.apply_notices()


@pytest.mark.parametrize(
    "tamper",
    [
        lambda body, signature: (body + b" ", signature),
        lambda body, signature: (body, signature[:-1] + ("0" if signature[-1] != "0" else "1")),
        lambda body, signature: (body, ""),
        lambda body, signature: (body.replace(b"succeeded", b"canceled."), signature),
    ],
)
def test_a_notice_that_its_signature_does_not_vouch_for_is_refused(
    tamper: Any, test_merchant: Merchant
) -> None:
    use_card(start_paying(given_an_open_invoice(test_merchant)))
    notice = Notice.objects.get()
    body, signature = tamper(notice.body.encode(), notice.headers["Sandbox-Signature"])
    with pytest.raises(BadNotice):
        RAILS["sandbox"].read(body, {"Sandbox-Signature": signature})
    word = RAILS["sandbox"].read(notice.body.encode(), notice.headers)
    assert word.id == json.loads(notice.body)["key"]
    tasks.apply_notices()


def test_a_forged_notice_is_set_aside_and_holds_nobody_up(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment = start_paying(invoice)
    forged = json.dumps({"id": "sbn_x", "type": "payment.succeeded", "key": payment.public_id})
    Notice.objects.create(
        rail="sandbox",
        provider_id="sbn_x",
        headers={"Sandbox-Signature": "0" * 64},
        body=forged,
        received_at=payment.created_at,
        next_attempt_at=payment.created_at - timedelta(days=1),
    )
    use_card(payment)
    tasks.apply_notices()
    aside = Notice.objects.get(provider_id="sbn_x")
    assert (aside.applied_at, aside.next_attempt_at) == (None, None)
    assert aside.error == "The notice's signature is wrong."
    assert again(invoice).status == "paid"
