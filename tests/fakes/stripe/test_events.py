"""Events are told of every change, signed, again until heard, and badly where a test says so."""

import json
from typing import Any

import pytest
import stripe

from tests.fakes.stripe.asking import charge
from tests.fakes.stripe.inprocess import InProcessStripe

SECRET = "whsec_merchant"


class Ear:
    """A receiver that is a function: it verifies, remembers, and answers `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.heard: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []

    def __call__(self, url: str, headers: dict[str, str], body: bytes) -> int:
        # The fake's clock stands in the past, so only the signature is looked at.
        stripe.WebhookSignature.verify_header(body, headers["Stripe-Signature"], SECRET)
        self.heard.append(json.loads(body))
        self.headers.append(headers)
        return self.status

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.heard]


@pytest.fixture
def ear(fake: InProcessStripe) -> Ear:
    fake.app.set_webhook("http://127.0.0.1:1/hook", SECRET)
    return Ear()


def undelivered(client: stripe.StripeClient) -> list[str]:
    asked: Any = {"delivery_success": False, "limit": 100}
    return [each.id for each in client.v1.events.list(asked).data][::-1]


def test_an_event_holds_the_object_as_it_was(
    fake: InProcessStripe, client: stripe.StripeClient, ear: Ear
) -> None:
    made = client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    client.v1.customers.update(made.id, {"name": "Ben"})
    fake.pump(ear)
    first, second = ear.heard
    assert (first["type"], first["api_version"]) == ("customer.created", "2026-08-26.dahlia")
    assert (first["livemode"], first["pending_webhooks"]) == (False, 1)
    assert first["request"]["idempotency_key"] == "k"
    assert first["request"]["id"] == made.last_response.request_id  # type: ignore[union-attr]
    assert first["data"]["object"]["name"] == "Ada"
    assert second["data"]["object"]["name"] == "Ben"
    assert second["data"]["previous_attributes"] == {"name": "Ada"}
    assert client.v1.events.retrieve(first["id"]).pending_webhooks == 0


def test_what_happens_by_itself_has_no_request(
    fake: InProcessStripe, client: stripe.StripeClient, customer: str
) -> None:
    charge(client, customer, "pm_card_createDispute")
    fake.control("clock", days=9)
    closed: Any = client.v1.events.list({"type": "charge.dispute.closed"}).data[0]
    assert closed["request"].to_dict() == {"id": None, "idempotency_key": None}


def test_what_is_not_heard_is_told_again(
    fake: InProcessStripe, client: stripe.StripeClient, ear: Ear
) -> None:
    ear.status = 500
    client.v1.customers.create({"name": "Ada"})
    assert fake.pump(ear) == 1
    assert fake.pump(ear) == 0
    assert undelivered(client) == ear.ids
    ear.status = 200
    fake.control("clock", seconds=5)
    assert fake.pump(ear) == 1
    assert ear.ids[0] == ear.ids[1]
    assert undelivered(client) == []


def test_after_enough_tries_it_gives_up(
    fake: InProcessStripe, client: stripe.StripeClient, ear: Ear
) -> None:
    ear.status = 500
    client.v1.customers.create({"name": "Ada"})
    for _ in range(20):
        fake.pump(ear)
        fake.control("clock", days=1)
    assert len(ear.heard) == 11
    assert len(undelivered(client)) == 1


def test_dropped_events_are_listed_as_undelivered(
    fake: InProcessStripe, client: stripe.StripeClient, ear: Ear
) -> None:
    fake.control("delivery", drop=0.3, seed=7)
    made = [client.v1.customers.create({"name": f"{n}"}).id for n in range(40)]
    fake.pump(ear)
    lost = undelivered(client)
    assert 0 < len(lost) < 40
    assert len(ear.heard) + len(lost) == len(made)
    again = InProcessStripe()
    again.app.set_webhook("http://127.0.0.1:1/hook", SECRET)
    again.control("delivery", drop=0.3, seed=7)
    for n in range(40):
        again.client().v1.customers.create({"name": f"{n}"})
    other = Ear()
    again.pump(other)
    assert other.ids == ear.ids


def test_all_may_be_dropped_and_found_in_the_list(
    fake: InProcessStripe, client: stripe.StripeClient, ear: Ear, customer: str
) -> None:
    fake.control("delivery", drop=1)
    charge(client, customer)
    fake.pump(ear)
    assert ear.heard == []
    asked: Any = {"delivery_success": False, "types": ["payment_intent.succeeded"]}
    found = list(client.v1.events.list(asked).auto_paging_iter())
    assert [each.type for each in found] == ["payment_intent.succeeded"]


def test_duplicates(fake: InProcessStripe, client: stripe.StripeClient, ear: Ear) -> None:
    fake.control("delivery", duplicate=2)
    client.v1.customers.create({"name": "Ada"})
    fake.pump(ear)
    assert len(ear.ids) == 3
    assert len(set(ear.ids)) == 1


def test_held_events_come_shuffled(
    fake: InProcessStripe, client: stripe.StripeClient, ear: Ear, customer: str
) -> None:
    fake.pump(ear)
    ear.heard.clear()
    fake.control("delivery", hold=True)
    charge(client, customer)
    assert fake.pump(ear) == 0
    held = undelivered(client)
    assert fake.app.delivery.release(shuffle=3, send=ear) == len(held)
    assert ear.ids != held
    assert sorted(ear.ids) == sorted(held)


def test_a_foreign_account_and_a_stale_time(
    fake: InProcessStripe, client: stripe.StripeClient, ear: Ear
) -> None:
    fake.control("delivery", account="acct_other", stale=600)
    client.v1.customers.create({"name": "Ada"})
    fake.pump(ear)
    assert ear.heard[0]["account"] == "acct_other"
    assert f"t={int(fake.clock.now()) - 600}," in ear.headers[0]["Stripe-Signature"]
    fake.control("delivery", reset=True)
    client.v1.customers.create({"name": "Ben"})
    fake.pump(ear)
    assert "account" not in ear.heard[1]


def test_endpoints_of_the_api_hear_what_they_asked_for(
    fake: InProcessStripe, client: stripe.StripeClient
) -> None:
    asked: Any = {"url": "http://127.0.0.1:1/own", "enabled_events": ["customer.updated"]}
    made: Any = client.v1.webhook_endpoints.create(asked)
    owner = client.v1.customers.create({"name": "Ada"})
    client.v1.customers.update(owner.id, {"name": "Ben"})
    heard = []

    def hear(url: str, headers: dict[str, str], body: bytes) -> int:
        stripe.WebhookSignature.verify_header(body, headers["Stripe-Signature"], made.secret)
        heard.append((url, json.loads(body)["type"]))
        return 200

    fake.pump(hear)
    assert heard == [("http://127.0.0.1:1/own", "customer.updated")]
    assert client.v1.webhook_endpoints.delete(made.id).deleted is True


def test_events_are_read_from_where_one_left_off(
    client: stripe.StripeClient,
) -> None:
    for n in range(4):
        client.v1.customers.create({"name": f"{n}"})
    events = client.v1.events.list().data[::-1]
    newer = client.v1.events.list({"ending_before": events[1].id}).data
    older = client.v1.events.list({"starting_after": events[1].id}).data
    assert [each.id for each in newer] == [events[3].id, events[2].id]
    assert [each.id for each in older] == [events[0].id]
