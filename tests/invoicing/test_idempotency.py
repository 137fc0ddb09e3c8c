"""Doing a thing once, however often it is asked for: the guard, and the action under it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from invoicing import events, idempotency
from invoicing.actions import customers, invoices
from invoicing.actions.action import action
from invoicing.errors import IdempotencyInFlight, IdempotencyMismatch
from invoicing.idempotency import Answer, Guard, Replay, fingerprint, guarded
from invoicing.inputs import CustomerInput, InvoiceInput, read
from invoicing.models import Customer, Event, IdempotentRequest, Invoice, Merchant
from invoicing.tasks import forget_expired
from payments import flows
from payments.models import Payment
from tests.factories import given_an_open_invoice
from tests.fixtures import NOON

CLEO = read(CustomerInput, {"name": "Cleo"})


def guard(
    merchant: Merchant,
    key: str = "k1",
    asked: Any = "a",
    actor_id: str = "bot_1",
    render: Callable[[Any], Answer] | None = lambda row: Answer(201, json.dumps(row.public_id)),
) -> Guard:
    return Guard(merchant.pk, actor_id, key, fingerprint("POST", "/v1/customers", asked), render)


def create(merchant: Merchant, **how: Any) -> Answer | None:
    held = guard(merchant, **how)
    with guarded(held):
        customers.create_customer(merchant, CLEO)
    return held.answer


def test_a_repeat_is_answered_as_before_and_nothing_happens_twice(test_merchant: Merchant) -> None:
    first = create(test_merchant)
    assert first == Answer(201, json.dumps(Customer.objects.get().public_id))
    for _ in range(3):
        with pytest.raises(Replay) as replay:
            create(test_merchant)
        assert replay.value.answer == first
    assert (Customer.objects.count(), Event.objects.count()) == (1, 1)


def test_the_same_key_for_another_request_is_refused(test_merchant: Merchant) -> None:
    create(test_merchant)
    with pytest.raises(IdempotencyMismatch, match="Use a new key"):
        create(test_merchant, asked="b")
    assert Customer.objects.count() == 1


def test_keys_belong_to_one_actor_of_one_merchant(
    test_merchant: Merchant, ben_merchant: Merchant
) -> None:
    answers = {
        create(test_merchant),
        create(test_merchant, actor_id="bot_2"),
        create(test_merchant, key="k2"),
        create(ben_merchant),
    }
    assert len(answers) == Customer.objects.count() == 4


def test_a_request_that_failed_leaves_its_key_free(test_merchant: Merchant) -> None:
    @action
    def fail() -> None:
        customer = Customer.objects.create(
            merchant=test_merchant, name="x", created_at=NOON, updated_at=NOON
        )
        events.record("customer.eaten", customer)

    with pytest.raises(ValueError, match="not an event type"), guarded(guard(test_merchant)):
        fail()
    assert not IdempotentRequest.objects.exists()
    assert create(test_merchant) is not None


def test_the_answer_is_kept_in_the_actions_own_transaction(test_merchant: Merchant) -> None:
    def break_down(_: Any) -> Answer:
        raise RuntimeError("cannot be rendered")

    with pytest.raises(RuntimeError):
        create(test_merchant, render=break_down)
    assert not Customer.objects.exists()
    assert not IdempotentRequest.objects.exists()


def test_the_same_json_in_another_spelling_is_the_same_question() -> None:
    one = fingerprint("POST", "/v1/x", {"a": 1, "b": [True, None]})
    assert fingerprint("POST", "/v1/x", {"b": [True, None], "a": 1}) == one
    others = [
        fingerprint("POST", "/v1/y", {"a": 1, "b": [True, None]}),
        fingerprint("PATCH", "/v1/x", {"a": 1, "b": [True, None]}),
        fingerprint("POST", "/v1/x", {"a": "1", "b": [True, None]}),
        fingerprint("POST", "/v1/x", {"a": 1, "b": [None, True]}),
    ]
    assert len({one, *others}) == 5


# What takes several steps


def start(merchant: Merchant, invoice: Invoice) -> tuple[Payment, Guard]:
    held = guard(merchant, asked=invoice.pk, render=None)
    with guarded(held):
        return flows.start(invoice.pk, "sandbox"), held


def test_several_steps_share_one_claim_and_answer_at_the_end(
    test_merchant: Merchant, clock: Any
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment, held = start(test_merchant, invoice)
    kept = IdempotentRequest.objects.get()
    assert (kept.response_status, kept.leased_until) == (None, clock.at + idempotency.LEASE)
    held.finish(Answer(201, payment.public_id))
    with pytest.raises(Replay) as replay:
        start(test_merchant, invoice)
    assert replay.value.answer == Answer(201, payment.public_id)
    assert Payment.objects.count() == 1


def test_a_repeat_meanwhile_is_told_to_wait_and_one_after_a_crash_goes_on(
    test_merchant: Merchant, clock: Any
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment, _ = start(test_merchant, invoice)
    clock.at += idempotency.LEASE - timedelta(microseconds=1)
    with pytest.raises(IdempotencyInFlight, match="SAME key"):
        start(test_merchant, invoice)
    clock.at += timedelta(microseconds=1)
    resumed, held = start(test_merchant, invoice)
    assert resumed == payment
    held.finish(Answer(201, payment.public_id))
    assert Payment.objects.count() == 1


def test_who_gives_up_lets_a_repeat_begin_at_once(test_merchant: Merchant, clock: Any) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment, held = start(test_merchant, invoice)
    held.give_up()
    clock.move(seconds=1)
    resumed, _ = start(test_merchant, invoice)
    assert resumed == payment
    # Too late: the key is the repeat's now.
    held.give_up()
    with pytest.raises(IdempotencyInFlight):
        start(test_merchant, invoice)


def test_who_gives_up_after_answering_takes_nothing_back(test_merchant: Merchant) -> None:
    held = guard(test_merchant)
    with guarded(held):
        customers.create_customer(test_merchant, CLEO)
    held.give_up()
    with pytest.raises(Replay):
        create(test_merchant)


def test_keys_are_forgotten_after_two_days(test_merchant: Merchant, clock: Any) -> None:
    create(test_merchant)
    clock.move(hours=47)
    forget_expired()
    with pytest.raises(Replay):
        create(test_merchant)
    clock.move(hours=1, seconds=1)
    assert forget_expired() == 1
    assert create(test_merchant) is not None


def test_actions_do_not_nest(test_merchant: Merchant) -> None:
    wanted = {"line_items": [{"description": "Work", "unit_price": "1"}]}

    @action
    def outer() -> None:
        invoices.create_invoice(test_merchant, read(InvoiceInput, wanted))

    with pytest.raises(RuntimeError, match="durable"):
        outer()
    assert not Invoice.objects.exists()
