"""Webhook endpoints, deliveries and the event feed over the API."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from invoicing import feed, tasks
from invoicing.models import Delivery, Event, IdempotentRequest, Merchant, WebhookEndpoint
from tests.factories import given_a_customer, given_a_draft, given_an_endpoint, work
from tests.fakes.receiver import Receiver
from tests.fixtures import Api

URL = "https://example.com/hooks"


def ids(answer: Any) -> list[str]:
    return [row["id"] for row in answer.json()["data"]]


def test_an_endpoint_is_made_changed_and_deleted(api: Api) -> None:
    answer = api.post("/v1/webhook_endpoints", {"url": URL, "event_types": ["invoice.*"]})
    assert answer.status_code == 201
    made = answer.json()
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    path = f"/v1/webhook_endpoints/{made['id']}"
    assert api.get(path).json() == made
    assert api.get("/v1/webhook_endpoints").json()["data"] == [made]
    off = api.patch(path, {"enabled": False, "description": "Books"}).json()
    assert (off["enabled"], off["description"], off["url"]) == (False, "Books", URL)
    assert off["disabled_reason"] == "Disabled by the merchant"
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    assert api.get("/v1/webhook_endpoints").json()["data"] == []


def test_a_secret_is_shown_once_and_kept_with_no_answer(api: Api) -> None:
    body = {"url": URL}
    first = api.post("/v1/webhook_endpoints", body, idempotency_key="hook").json()
    repeat = api.post("/v1/webhook_endpoints", body, idempotency_key="hook").json()
    assert repeat == {**first, "secret": None}
    rotate = f"/v1/webhook_endpoints/{first['id']}/rotate_secret"
    rotated = api.post(rotate, idempotency_key="turn").json()
    assert rotated["secret"] not in (first["secret"], None)
    assert api.post(rotate, idempotency_key="turn").json()["secret"] is None
    kept = str(list(IdempotentRequest.objects.values_list("response_body", flat=True)))
    assert first["secret"] not in kept
    assert rotated["secret"] not in kept
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.secret, endpoint.previous_secret) == (rotated["secret"], first["secret"])


def test_what_was_delivered_is_on_record_and_can_be_delivered_again(
    api: Api, receiver: Receiver
) -> None:
    made = api.post("/v1/webhook_endpoints", {"url": receiver.url()}).json()
    customer = api.post("/v1/customers", {"name": "Cleo"}).json()
    work()
    path = f"/v1/webhook_endpoints/{made['id']}/deliveries"
    (delivery,) = api.get(path).json()["data"]
    assert (delivery["event_type"], delivery["status"]) == ("customer.created", "succeeded")
    whole = api.get(f"{path}/{delivery['id']}").json()
    (attempt,) = whole.pop("attempts")
    assert whole == delivery
    assert (attempt["status_code"], attempt["error"]) == (204, None)
    again = api.post(f"{path}/{delivery['id']}/redeliver").json()
    assert again["status"] == "pending"
    work()
    assert len(api.get(f"{path}/{delivery['id']}").json()["attempts"]) == 2
    bodies = [heard.verified(made["secret"]) for heard in receiver.heard]
    assert [body["id"] for body in bodies] == [delivery["event_id"]] * 2
    assert bodies[0]["data"] == customer
    event = api.get(f"/v1/events/{delivery['event_id']}").json()
    assert {**bodies[0], "object": "event", "actor": event["actor"]} == event


def test_deliveries_are_found_by_status_type_and_event(
    api: Api, test_merchant: Merchant, settings: Any
) -> None:
    endpoint = given_an_endpoint(test_merchant, URL)
    given_a_customer(test_merchant)
    draft = given_a_draft(test_merchant)
    tasks.fan_out_events()
    Delivery.objects.filter(event__object_id=draft.public_id).update(attempts_made=2)
    path = f"/v1/webhook_endpoints/{endpoint.public_id}/deliveries"
    assert len(ids(api.get(path))) == 2
    (one,) = api.get(path, {"event_type": "invoice.created"}).json()["data"]
    assert one["attempts_made"] == 2
    assert ids(api.get(path, {"event_id": one["event_id"]})) == [one["id"]]
    assert ids(api.get(path, {"status": "failed"})) == []
    assert len(ids(api.get(path, {"status": "pending"}))) == 2
    assert api.get(path, {"status": "lost"}).status_code == 400


def test_a_disabled_endpoint_is_not_delivered_to(api: Api, test_merchant: Merchant) -> None:
    endpoint = given_an_endpoint(test_merchant, URL)
    given_a_customer(test_merchant)
    tasks.fan_out_events()
    path = f"/v1/webhook_endpoints/{endpoint.public_id}"
    api.patch(path, {"enabled": False})
    (delivery,) = ids(api.get(f"{path}/deliveries"))
    refused = api.post(f"{path}/deliveries/{delivery}/redeliver")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "invalid_state")


def test_another_endpoints_delivery_is_not_found_under_this_one(
    api: Api, test_merchant: Merchant
) -> None:
    one, other = (given_an_endpoint(test_merchant, f"{URL}/{name}") for name in "ab")
    given_a_customer(test_merchant)
    tasks.fan_out_events()
    delivery = other.deliveries.get().public_id
    path = f"/v1/webhook_endpoints/{one.public_id}/deliveries/{delivery}"
    assert api.get(path).status_code == 404
    assert api.post(f"{path}/redeliver").status_code == 404


@pytest.fixture
def history(test_merchant: Merchant) -> list[str]:
    """Six events, the oldest first: three customers, three drafts."""
    for number in range(3):
        given_a_customer(test_merchant, name=f"Customer {number}")
        given_a_draft(test_merchant)
    return list(Event.objects.order_by("id").values_list("public_id", flat=True))


def test_events_are_listed_newest_first(api: Api, history: list[str]) -> None:
    assert ids(api.get("/v1/events")) == history[::-1]
    assert ids(api.get("/v1/events", {"type": "customer.created"})) == history[-2::-2]
    assert ids(api.get("/v1/events", {"type": "invoice.*"})) == history[::-2]
    subject = Event.objects.get(public_id=history[3]).object_id
    assert ids(api.get("/v1/events", {"object_id": subject})) == [history[3]]
    assert api.get("/v1/events", {"type": "invoice.lost"}).status_code == 400
    assert ids(api.get("/v1/events", {"created_before": "2020-01-01"})) == []


def test_the_feed_is_followed_oldest_first(api: Api, history: list[str]) -> None:
    assert ids(api.get("/v1/events", {"after": ""})) == history
    assert ids(api.get("/v1/events", {"after": history[3]})) == history[4:]
    assert ids(api.get("/v1/events", {"after": history[-1]})) == []
    assert ids(api.get("/v1/events", {"after": history[1], "type": "invoice.*"})) == history[3::2]
    page = api.get("/v1/events", {"after": history[0], "limit": "2"})
    assert ids(page) == history[1:3]
    assert page.json()["has_more"] is True
    rest = {"after": history[0], "cursor": page.json()["next_cursor"]}
    assert ids(api.get("/v1/events", rest)) == history[3:]


def test_the_feed_does_not_begin_at_another_merchants_event(
    api: Api, ben_merchant: Merchant, history: list[str]
) -> None:
    given_a_customer(ben_merchant)
    foreign = Event.objects.get(merchant=ben_merchant).public_id
    refused = api.get("/v1/events", {"after": foreign})
    assert refused.status_code == 404
    assert refused.json()["error"]["details"] == {"field": "after"}


@contextmanager
def an_event_being_written(merchant: Merchant, finish: threading.Event) -> Iterator[None]:
    """Elsewhere, an event has its number and is not committed until `finish` is set."""
    written = threading.Event()

    def write() -> None:
        try:
            with transaction.atomic():
                given_a_customer_uncommitted(merchant)
                written.set()
                finish.wait(10)
        finally:
            connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    assert written.wait(10)
    yield
    finish.set()
    thread.join(10)


def given_a_customer_uncommitted(merchant: Merchant) -> None:
    Event.objects.create(
        merchant=merchant,
        type="customer.created",
        object_id="cus_slow",
        body='{"id": "slow"}',
        actor_kind="system",
        created_at=merchant.created_at,
    )


@pytest.mark.django_db(transaction=True)
def test_the_feed_waits_for_an_event_that_is_still_being_written(
    api: Api, test_merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor != "postgresql":
        # One writer at a time: nobody can commit a later event while an earlier one is open.
        given_a_customer(test_merchant)
        assert feed.settled_up_to() == Event.objects.latest("pk").pk
        return
    finish = threading.Event()
    with an_event_being_written(test_merchant, finish):
        given_a_customer(test_merchant)
        later = Event.objects.latest("pk")
        # The control: to whoever does not wait, the earlier event is not there.
        assert Event.objects.count() == 1
        monkeypatch.setattr(feed, "PATIENCE_SECONDS", 0.2)
        assert feed.settled_up_to() == 0
        assert api.get("/v1/events?after=").json()["data"] == []
        monkeypatch.setattr(feed, "PATIENCE_SECONDS", 10)
        threading.Timer(0.2, finish.set).start()
        assert feed.settled_up_to() == later.pk
        assert Event.objects.filter(pk__lte=later.pk).count() == 2
    Event.objects.filter(object_id="cus_slow").delete()
