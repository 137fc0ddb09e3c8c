"""The outbox: what happened is told exactly as it was, and only what happened."""

import json
from typing import Any

import pytest

from invoicing import actor, events, representations
from invoicing.actions import customers, invoices, webhooks
from invoicing.actions.action import action
from invoicing.actor import Actor, acting
from invoicing.event_types import FAMILIES, TYPES
from invoicing.inputs import CustomerChanges, read
from invoicing.models import Delivery, Event, Invoice, Merchant, WebhookEndpoint
from payments.tasks import look_at_payments
from tests import factories
from tests.factories import again, given_a_customer, given_a_draft, given_an_open_invoice, told


def last(invoice: Invoice) -> Event:
    return Event.objects.filter(object_id=invoice.public_id).order_by("-id")[0]


def rendered(invoice: Invoice) -> dict[str, Any]:
    """The invoice as the API shows it, in the API's own number of queries."""
    row = Invoice.objects.whole().get(pk=invoice.pk)
    return json.loads(json.dumps(representations.invoice(row)))


def test_an_event_says_what_the_api_says_at_that_moment(
    test_merchant: Merchant, clock: Any
) -> None:
    cleo = given_a_customer(test_merchant)
    steps = [
        lambda i: i,
        lambda i: invoices.send_invoice(test_merchant, i.public_id),
        lambda i: invoices.record_view(i.pk),
        lambda i: factories.pay(i, amount=4000),
        lambda i: factories.pay(i, factories.SILENT_THEN_PAID),
        lambda i: (factories.let_pass(test_merchant, "00:10:01"), look_at_payments()),
    ]
    invoice = given_a_draft(
        test_merchant,
        line_items=[
            {"description": "One", "quantity": "1.50", "unit_price": "50.00"},
            {"description": "Two", "unit_price": "25", "discount": {"amount": "1"}},
        ],
        customer_id=cleo.public_id,
        tax_rate="19",
        allow_partial=True,
        metadata={"a": [1, {"b": None}]},
    )
    for step in steps:
        step(invoice)
        event = last(invoice)
        body = json.loads(event.body)
        assert body["data"] == rendered(invoice)
        assert body["id"] == event.public_id
        assert body["type"] == event.type
        assert body["livemode"] is False
        assert body["merchant_id"] == test_merchant.public_id
        assert body["timestamp"] == representations.instant(event.created_at)
    assert told(invoice) == [
        "invoice.created",
        "invoice.finalized",
        "invoice.sent",
        "invoice.viewed",
        "invoice.partially_paid",
        "invoice.payment_started",
        "invoice.paid",
    ]


def test_an_events_body_stays_what_it_was(test_merchant: Merchant) -> None:
    cleo = given_a_customer(test_merchant)
    before = Event.objects.get(object_id=cleo.public_id).body
    changes = read(CustomerChanges, {"name": "Cleopatra"})
    customers.update_customer(test_merchant, cleo.public_id, changes)
    created, updated = Event.objects.filter(object_id=cleo.public_id).order_by("id")
    assert created.body == before
    assert json.loads(updated.body)["data"]["name"] == "Cleopatra"
    assert told(cleo) == ["customer.created", "customer.updated"]


def test_what_was_rolled_back_is_not_told(test_merchant: Merchant) -> None:
    draft = given_a_draft(test_merchant)

    @action
    def change_its_mind() -> None:
        row = Invoice.objects.get(pk=draft.pk)
        row.memo = "changed"
        row.save()
        events.record("invoice.updated", row)
        raise RuntimeError("on second thoughts")

    with pytest.raises(RuntimeError):
        change_its_mind()
    assert again(draft).memo == ""
    assert told(draft) == ["invoice.created"]


def test_an_event_knows_who_did_it(test_merchant: Merchant) -> None:
    ada = Actor("user", "usr_1", "Ada", "req_1")
    with acting(ada):
        draft = given_a_draft(test_merchant)
    given = last(draft)
    assert (given.actor_kind, given.actor_id, given.actor_name, given.request_id) == (
        "user",
        "usr_1",
        "Ada",
        "req_1",
    )
    invoices.finalize_invoice(test_merchant, draft.public_id)
    assert last(draft).actor_kind == "system"
    assert actor.current() == actor.SYSTEM


def test_only_known_things_are_told(test_merchant: Merchant) -> None:
    draft = given_a_draft(test_merchant)
    with pytest.raises(ValueError, match=r"invoice\.eaten is not an event type"):
        events.record("invoice.eaten", draft)
    assert FAMILIES == [
        "approval.*",
        "bot.*",
        "credit_note.*",
        "customer.*",
        "deposit.*",
        "dispute.*",
        "invoice.*",
        "payout.*",
        "recurring_charge.*",
        "refund.*",
        "wallet.*",
    ]
    assert all(text[0].isupper() and not text.endswith(".") for text in TYPES.values())


def test_every_history_is_a_legal_one(test_merchant: Merchant) -> None:
    """The auditor's I8 reads it from the events, after this test as after every other."""
    invoice = given_an_open_invoice(test_merchant, allow_partial=True)
    factories.pay(invoice, factories.SILENT_THEN_NOTHING)
    factories.let_pass(test_merchant, "00:11:00")
    factories.work()
    factories.pay(invoice)
    statuses = Event.objects.filter(object_id=invoice.public_id).order_by("id")
    assert list(statuses.values_list("object_status", flat=True)) == [
        "draft",
        "open",
        "paying",
        "open",
        "paid",
    ]


# Who is told


@pytest.fixture
def endpoint(test_merchant: Merchant) -> WebhookEndpoint:
    return factories.given_an_endpoint(test_merchant, "https://ada.example/hook")


def test_every_event_becomes_one_delivery_for_every_endpoint_that_asked(
    test_merchant: Merchant, ben_merchant: Merchant, endpoint: WebhookEndpoint
) -> None:
    some = factories.given_an_endpoint(
        test_merchant, "https://ada.example/paid", ["invoice.paid", "customer.*"]
    )
    others = factories.given_an_endpoint(ben_merchant, "https://ben.example/hook")
    invoice = given_an_open_invoice(
        test_merchant, customer_id=given_a_customer(test_merchant).public_id
    )
    assert webhooks.fan_out() == 3
    assert webhooks.fan_out() == 0

    def heard(by: WebhookEndpoint) -> list[str]:
        rows = Delivery.objects.filter(endpoint=by).order_by("event_id")
        return list(rows.values_list("event__type", flat=True))

    assert heard(endpoint) == ["customer.created", "invoice.created", "invoice.finalized"]
    assert heard(some) == ["customer.created"]
    assert heard(others) == []
    factories.pay(invoice)
    webhooks.fan_out()
    assert heard(some) == ["customer.created", "invoice.paid"]


def test_fanning_out_in_small_batches_forgets_nothing(
    test_merchant: Merchant, endpoint: WebhookEndpoint
) -> None:
    for _ in range(7):
        given_a_customer(test_merchant)
    assert [webhooks.fan_out(3) for _ in range(4)] == [3, 3, 1, 0]
    assert Delivery.objects.filter(endpoint=endpoint).count() == 7


def test_what_happened_before_an_endpoint_was_there_is_not_sent_to_it(
    test_merchant: Merchant,
) -> None:
    given_a_customer(test_merchant)
    webhooks.fan_out()
    factories.given_an_endpoint(test_merchant, "https://ada.example/hook")
    webhooks.fan_out()
    assert Delivery.objects.count() == 0
