"""What the API refuses, how it lists, and what it expands."""

from typing import Any

import pytest
import stripe

from tests.fakes.stripe.asking import charge, session
from tests.fakes.stripe.inprocess import InProcessStripe


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"customre": "cus_1"}, "parameter_unknown", "customre"),
        ({"line_items": [{"pric": 1}]}, "parameter_unknown", "line_items[0][pric]"),
        ({"line_items": []}, "parameter_missing", "line_items"),
        ({"success_url": ""}, "parameter_missing", "success_url"),
        ({"success_url": "done"}, "url_invalid", "success_url"),
        ({"customer": "cus_unknown"}, "resource_missing", "customer"),
        ({"mode": "pay"}, None, "mode"),
        ({"expires_at": 1}, None, "expires_at"),
        ({"expires_at": "soon"}, "parameter_invalid_integer", "expires_at"),
        ({"allowed_payment_method_types": ["card"]}, "parameter_unknown",
         "allowed_payment_method_types"),
    ],
)  # fmt: skip
def test_a_session_with_something_wrong(
    client: stripe.StripeClient, changes: Any, code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        session(client, **changes)
    assert (refusal.value.code, refusal.value.param) == (code, param)
    assert client.v1.checkout.sessions.list().data == []


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (49, "usd", "amount_too_small"),
        (100_000_000, "usd", "amount_too_large"),
        (0, "usd", "parameter_invalid_integer"),
        (29, "gbp", "amount_too_small"),
        (699, "krw", "amount_too_small"),
        (500, "xyz", None),
    ],
)
def test_amounts_and_currencies_that_cannot_be(
    client: stripe.StripeClient, amount: int, currency: str, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.create({"amount": amount, "currency": currency})
    assert refusal.value.code == code


def test_a_page_opens_after_the_clock_was_moved_on(
    fake: InProcessStripe, client: stripe.StripeClient
) -> None:
    fake.control("clock", days=3)
    found = session(client, expires_at=int(fake.clock.now()) + 23 * 3600)
    assert (found.status, found.expires_at) == ("open", fake.app.world.now + 23 * 3600)


def test_least_amounts_are_taken(client: stripe.StripeClient) -> None:
    assert client.v1.payment_intents.create({"amount": 50, "currency": "USD"}).currency == "usd"
    assert session(client, 50).amount_total == 50


def test_an_object_that_is_not_there(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.retrieve("pi_unknown")
    assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")


def test_a_wrong_key(fake: InProcessStripe) -> None:
    client = stripe.StripeClient("sk_test_wrong", http_client=fake.http)
    with pytest.raises(stripe.AuthenticationError) as refusal:
        client.v1.balance.retrieve()
    assert refusal.value.http_status == 401


def test_another_account(fake: InProcessStripe) -> None:
    def of(account: str) -> Any:
        options: Any = {"stripe_account": account}
        return fake.client().v1.balance.retrieve(None, options)

    own = fake.client().v1.accounts.retrieve_current().id
    assert of(own).last_response.headers["stripe-account"] == own
    with pytest.raises(stripe.PermissionError):
        of("acct_other")


def test_headers(client: stripe.StripeClient) -> None:
    answered: Any = client.v1.balance.retrieve().last_response
    again: Any = client.v1.balance.retrieve().last_response
    assert answered.headers["stripe-version"] == "2026-08-26.dahlia"
    assert answered.request_id.startswith("req_")
    assert answered.request_id != again.request_id


def test_lists_are_read_page_by_page(client: stripe.StripeClient) -> None:
    made = [client.v1.customers.create({"name": f"{n}"}).id for n in range(5)]
    first = client.v1.customers.list({"limit": 2})
    assert ([each.id for each in first.data], first.has_more) == (made[:2:-1], True)
    assert [each.id for each in first.auto_paging_iter()] == made[::-1]
    before = client.v1.customers.list({"limit": 2, "ending_before": made[0]})
    assert [each.id for each in before.data] == [made[2], made[1]]
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.list({"limit": 101})


def test_lists_are_filtered(
    fake: InProcessStripe, client: stripe.StripeClient, customer: str
) -> None:
    first = charge(client, customer)
    fake.control("clock", seconds=100)
    other = client.v1.customers.create({"email": "ben@rival.example"}).id
    second = charge(client, other)

    def ids(**given: Any) -> list[str]:
        return [each.id for each in client.v1.payment_intents.list(given).data]

    assert ids(customer=customer) == [first.id]
    assert ids(created={"gt": first.created}) == [second.id]
    assert ids(created=first.created) == [first.id]
    by_intent = client.v1.charges.list({"payment_intent": second.id}).data
    assert [each.id for each in by_intent] == [second.latest_charge.id]
    opened = session(client)
    assert client.v1.checkout.sessions.list({"payment_intent": first.id}).data == []
    fake.control("pay", session=opened.id)
    done: Any = client.v1.checkout.sessions.retrieve(opened.id)
    found = client.v1.checkout.sessions.list({"payment_intent": done.payment_intent}).data
    assert [each.id for each in found] == [opened.id]


def test_intents_are_found_by_metadata(client: stripe.StripeClient, customer: str) -> None:
    wanted = charge(client, customer, metadata={"attempt_id": "att_1"})
    charge(client, customer, metadata={"attempt_id": "att_2"})
    found = client.v1.payment_intents.search({"query": "metadata['attempt_id']:'att_1'"}).data
    assert [each.id for each in found] == [wanted.id]


def test_expanding(fake: InProcessStripe, client: stripe.StripeClient) -> None:
    opened = session(client, payment_intent_data={"metadata": {"attempt_id": "att_1"}})
    fake.control("pay", session=opened.id)
    paths: Any = ["line_items", "payment_intent.latest_charge.balance_transaction"]
    found: Any = client.v1.checkout.sessions.retrieve(opened.id, {"expand": paths})
    assert found.line_items.data[0].description == "Consulting"
    assert found.payment_intent.metadata["attempt_id"] == "att_1"
    assert found.payment_intent.latest_charge.balance_transaction.fee == 88
    listed: Any = client.v1.charges.list({"expand": ["data.payment_intent", "data.refunds"]}).data
    assert listed[0].payment_intent.status == "succeeded"
    assert listed[0].refunds.data == []
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.charges.list({"expand": ["data.nothing"]})


def test_metadata_is_merged(client: stripe.StripeClient, customer: str) -> None:
    client.v1.customers.update(customer, {"metadata": {"a": "1", "b": "2"}})
    found: Any = client.v1.customers.update(customer, {"metadata": {"a": ""}})
    assert found.metadata.to_dict() == {"b": "2"}
    found = client.v1.customers.update(customer, {"metadata": ""})
    assert found.metadata.to_dict() == {}


def test_a_session_expires(fake: InProcessStripe, client: stripe.StripeClient) -> None:
    opened, other = session(client), session(client)
    assert client.v1.checkout.sessions.expire(opened.id).status == "expired"
    with pytest.raises(stripe.InvalidRequestError, match="status of expired"):
        client.v1.checkout.sessions.expire(opened.id)
    with pytest.raises(ValueError, match="is expired"):
        fake.control("pay", session=opened.id)
    fake.control("clock", days=1)
    assert client.v1.checkout.sessions.retrieve(other.id).status == "expired"


def test_a_session_that_fails_takes_its_intent_along(
    fake: InProcessStripe, client: stripe.StripeClient
) -> None:
    opened = session(client)
    fake.control("pay", session=opened.id, card="4000000000000002")
    intent: Any = client.v1.checkout.sessions.retrieve(opened.id).payment_intent
    with pytest.raises(stripe.InvalidRequestError, match="created by Checkout"):
        client.v1.payment_intents.cancel(intent)
    client.v1.checkout.sessions.expire(opened.id)
    assert client.v1.payment_intents.retrieve(intent).status == "canceled"


def test_a_session_paid_with_another_amount(
    fake: InProcessStripe, client: stripe.StripeClient
) -> None:
    opened = session(client, 2000)
    paid = fake.control("pay", session=opened.id, amount=1999, currency="eur")
    assert (paid["amount_total"], paid["currency"]) == (1999, "eur")
    intent = client.v1.payment_intents.retrieve(paid["payment_intent"])
    assert (intent.amount_received, intent.currency) == (1999, "eur")


def test_a_session_makes_a_customer_only_when_told(
    fake: InProcessStripe, client: stripe.StripeClient
) -> None:
    for creation, made in (("if_required", False), ("always", True)):
        opened = session(client, customer_creation=creation)
        paid = fake.control("pay", session=opened.id, email="cleo@payer.example")
        assert (paid["customer"] is not None) is made
        assert paid["customer_details"]["email"] == "cleo@payer.example"
