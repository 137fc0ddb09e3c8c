"""Idempotency keys behave as Stripe documents them."""

from typing import Any

import pytest
import stripe

from tests.fakes.stripe.asking import charge
from tests.fakes.stripe.inprocess import InProcessStripe

KEY: Any = {"idempotency_key": "attempt-1"}
ADA: Any = {"email": "ada@merchant.example"}


def customers(client: stripe.StripeClient) -> int:
    return len(client.v1.customers.list().data)


def raw(fake: InProcessStripe, body: bytes, key: str, path: str = "/v1/customers") -> Any:
    headers = {"Authorization": f"Bearer {fake.api_key}", "Idempotency-Key": key}
    return fake.app.handle("POST", path, headers, body)


def test_the_same_request_gets_the_same_bytes(fake: InProcessStripe) -> None:
    first = raw(fake, b"email=ada@merchant.example", "k")
    again = raw(fake, b"email=ada@merchant.example", "k")
    assert again[0] == 200
    assert again[2] == first[2]
    assert "Idempotent-Replayed" not in first[1]
    assert again[1]["Idempotent-Replayed"] == "true"
    assert again[1]["Original-Request"] == first[1]["Request-Id"] != again[1]["Request-Id"]
    assert customers(fake.client()) == 1


def test_without_a_key_everything_happens_again(client: stripe.StripeClient) -> None:
    for _ in range(2):
        client.v1.customers.create(ADA)
    assert customers(client) == 2


@pytest.mark.parametrize(
    ("body", "path"),
    [(b"email=ben@rival.example", "/v1/customers"), (b"email=ada@merchant.example", "/v1/refunds")],
)
def test_a_key_that_meant_something_else_is_refused(
    fake: InProcessStripe, body: bytes, path: str
) -> None:
    raw(fake, b"email=ada@merchant.example", "k")
    status, _, answer = raw(fake, body, "k", path)
    assert status == 400
    assert b'"idempotency_error"' in answer
    assert customers(fake.client()) == 1


def test_a_decline_is_given_again(client: stripe.StripeClient, customer: str) -> None:
    saved = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    asked: Any = {
        "amount": 900,
        "currency": "usd",
        "customer": customer,
        "payment_method": saved.id,
        "off_session": True,
        "confirm": True,
    }
    heard = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as refusal:
            client.v1.payment_intents.create(asked, KEY)
        heard.append(refusal.value.http_body)
    assert heard[0] == heard[1]
    assert len(client.v1.payment_intents.list().data) == 1


def test_an_error_of_the_server_is_kept_and_the_deed_is_done(
    fake: InProcessStripe, client: stripe.StripeClient
) -> None:
    fake.control("faults", do="error_500_after")
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failure:
            client.v1.customers.create(ADA, KEY)
        assert failure.value.http_status == 500
    assert customers(client) == 1


def test_an_error_before_the_deed_leaves_nothing_behind(
    fake: InProcessStripe, client: stripe.StripeClient
) -> None:
    fake.control("faults", do="error_500_before")
    with pytest.raises(stripe.APIError):
        client.v1.customers.create(ADA, KEY)
    assert customers(client) == 0
    client.v1.customers.create(ADA, KEY)
    assert customers(client) == 1


def test_wrong_parameters_do_not_use_a_key_up(client: stripe.StripeClient) -> None:
    wrong: Any = {"emial": "ada@merchant.example"}
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.customers.create(wrong, KEY)
    assert refusal.value.code == "parameter_unknown"
    assert client.v1.customers.create(ADA, KEY).email == ADA["email"]


def test_what_is_refused_while_it_is_carried_out_is_kept(
    client: stripe.StripeClient, customer: str
) -> None:
    paid = charge(client, customer)
    too_much: Any = {"payment_intent": paid.id, "amount": 2001}
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            client.v1.refunds.create(too_much, KEY)
    assert refusal.value.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(("hours", "made"), [(23, 1), (24, 2)])
def test_keys_are_forgotten_after_a_day(
    fake: InProcessStripe, client: stripe.StripeClient, hours: int, made: int
) -> None:
    client.v1.customers.create(ADA, KEY)
    fake.control("clock", seconds=hours * 3600)
    client.v1.customers.create(ADA, KEY)
    assert customers(client) == made


def test_reading_takes_no_key(fake: InProcessStripe, client: stripe.StripeClient) -> None:
    client.v1.customers.list({}, KEY)
    client.v1.customers.create(ADA, KEY)
    assert customers(client) == 1


def test_a_cut_connection_tells_nothing_and_the_key_tells_all(
    fake: InProcessStripe, client: stripe.StripeClient
) -> None:
    for do in ("drop_before", "commit_then_drop", "cut_mid_body"):
        fake.control("faults", do=do, method="POST", path="/v1/customers")
    made = []
    for _ in range(3):
        with pytest.raises(stripe.APIConnectionError):
            client.v1.customers.create(ADA, KEY)
        made.append(customers(client))
    assert made == [0, 1, 1]
    assert client.v1.customers.create(ADA, KEY).email == ADA["email"]
    assert customers(client) == 1


def test_a_stall_outlasts_the_client_and_the_deed_is_done(
    fake: InProcessStripe, client: stripe.StripeClient
) -> None:
    fake.http.timeout = 80
    fake.control("faults", do="stall", seconds=81)
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create(ADA, KEY)
    assert customers(client) == 1


def test_a_fresh_key_for_each_try_would_do_it_twice(
    fake: InProcessStripe, client: stripe.StripeClient
) -> None:
    """The control: what keys protect from does happen without them."""
    fake.control("faults", do="commit_then_drop", method="POST", path="/v1/customers")
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create(ADA, {"idempotency_key": "try-1"})
    client.v1.customers.create(ADA, {"idempotency_key": "try-2"})
    assert customers(client) == 2
