"""The running fake: killed and started again, cut off, asked by many at once, and its pages."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import stripe

from tests.fakes.receiver import Receiver
from tests.fakes.stripe.asking import session
from tests.fakes.stripe.handle import ControlError, StripeFake

CARD = {
    "method": "card",
    "email": "cleo@payer.example",
    "name": "Cleo",
    "number": "4242 4242 4242 4242",
    "expiry": "12 / 34",
    "cvc": "123",
}
ACCOUNT = {
    "method": "us_bank_account",
    "email": "cleo@payer.example",
    "name": "Cleo",
    "routing": "110000000",
    "account": "000123456789",
}


@pytest.fixture
def client(server: StripeFake) -> stripe.StripeClient:
    return server.client()


@pytest.fixture
def payer() -> Iterator[httpx.Client]:
    with httpx.Client(follow_redirects=False) as found:
        yield found


def test_what_was_answered_survives_a_kill(server: StripeFake, client: stripe.StripeClient) -> None:
    made = client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "killed"})
    server.restart()
    assert client.v1.customers.retrieve(made.id).name == "Ada"
    again: Any = client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "killed"})
    assert (again.id, again.last_response.headers["Idempotent-Replayed"]) == (made.id, "true")


def test_who_dies_while_asking_has_asked_for_nothing(
    server: StripeFake, client: stripe.StripeClient
) -> None:
    head = (
        "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: cut off\r\n"
        f"Authorization: Bearer {server.api_key}\r\nContent-Length: 8\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as dying:
        dying.sendall(head.encode())
        dying.shutdown(socket.SHUT_WR)
        assert dying.recv(100) == b""
    before = len(client.v1.customers.list({"limit": 100}).data)
    made: Any = client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "cut off"})
    assert "Idempotent-Replayed" not in made.last_response.headers
    assert len(client.v1.customers.list({"limit": 100}).data) == before + 1


def test_a_kill_in_the_middle_does_all_or_nothing(
    server: StripeFake, client: stripe.StripeClient
) -> None:
    """Each request is whole or absent, and asking again with its key makes exactly one."""
    asked: Any = {"amount": 700, "currency": "usd", "metadata": {"round": "kill"}}
    killed = threading.Event()

    def ask(n: int) -> None:
        while True:
            try:
                client.v1.payment_intents.create(asked, {"idempotency_key": f"kill-{n}"})
                return
            except stripe.APIConnectionError:
                killed.wait(10)

    with ThreadPoolExecutor(4) as crew:
        asking = [crew.submit(ask, n) for n in range(40)]
        asking[10].result()
        server.restart()
        killed.set()
        for each in asking:
            each.result()
    found = client.v1.payment_intents.search({"query": "metadata['round']:'kill'", "limit": 100})
    assert len(found.data) == 40


def test_one_key_asked_by_many_at_once(server: StripeFake, client: stripe.StripeClient) -> None:
    server.fault("stall", "POST", "/v1/customers", seconds=0.3)
    start = threading.Barrier(8)

    def ask(_: int) -> int | None:
        start.wait()
        try:
            client.v1.customers.create({"name": "Once"}, {"idempotency_key": "many"})
        except stripe.APIError as error:
            assert error.error is not None
            assert error.error.code == "idempotency_key_in_use"
            return error.http_status
        return 200

    with ThreadPoolExecutor(8) as crew:
        heard = list(crew.map(ask, range(8)))
    assert set(heard) == {200, 409}
    named = [each for each in client.v1.customers.list({"limit": 100}).data if each.name == "Once"]
    assert len(named) == 1


@pytest.mark.parametrize(
    ("do", "error", "made"),
    [
        ("drop_before", stripe.APIConnectionError, 0),
        ("commit_then_drop", stripe.APIConnectionError, 1),
        ("cut_mid_body", stripe.APIConnectionError, 1),
        ("error_500_before", stripe.APIError, 0),
        ("error_500_after", stripe.APIError, 1),
        ("rate_limit_429", stripe.RateLimitError, 0),
    ],
)
def test_faults(
    server: StripeFake,
    client: stripe.StripeClient,
    do: str,
    error: type[stripe.StripeError],
    made: int,
) -> None:
    before = len(client.v1.refunds.list({"limit": 100}).data)
    opened = session(client)
    intent = server.pay(opened.id)["payment_intent"]
    server.fault(do, "POST", "/v1/refunds")
    asked: Any = {"payment_intent": intent}
    with pytest.raises(error):
        client.v1.refunds.create(asked)
    assert len(client.v1.refunds.list({"limit": 100}).data) - before == made
    if not made:
        assert client.v1.refunds.create(asked).status == "succeeded"


def test_a_client_that_does_not_wait(server: StripeFake) -> None:
    server.fault("stall_after", "POST", "/v1/customers", seconds=0.5)
    hasty = server.client(http_client=stripe.RequestsClient(timeout=0.1))
    with pytest.raises(stripe.APIConnectionError):
        hasty.v1.customers.create({"name": "Hasty"})
    names = [each.name for each in server.client().v1.customers.list().data]
    assert "Hasty" in names


def test_a_fault_may_wait_and_be_forgotten(server: StripeFake, client: stripe.StripeClient) -> None:
    server.fault("error_500_before", "GET", "/v1/balance", skip=1)
    client.v1.balance.retrieve()
    with pytest.raises(stripe.APIError):
        client.v1.balance.retrieve()
    server.fault("error_500_before", "GET", "/v1/balance")
    server.clear_faults()
    client.v1.balance.retrieve()
    with pytest.raises(ControlError, match="must be one of"):
        server.fault("explode")


def test_events_arrive_signed(
    server: StripeFake, client: stripe.StripeClient, receiver: Receiver
) -> None:
    made = client.v1.customers.create({"name": "Heard"})
    server.flush_events()
    found = [
        stripe.Webhook.construct_event(
            each.body, each.headers["stripe-signature"], server.webhook_secret
        )
        for each in receiver.heard
    ]
    assert made.id in [each.data.object["id"] for each in found]


def test_what_was_missed_is_sent_again(
    server: StripeFake, client: stripe.StripeClient, receiver: Receiver
) -> None:
    server.deliver_badly(drop=1)
    made = client.v1.customers.create({"name": "Missed"})
    server.flush_events()
    server.deliver_well()
    # Those before this one may have left some that nobody heard.
    found: Any = client.v1.events.list({"delivery_success": False, "limit": 100})
    missed = list(found.auto_paging_iter())
    assert made.id in [each.data.object["id"] for each in missed]
    assert server.redeliver(*[each.id for each in missed]) == len(missed)
    assert client.v1.events.list({"delivery_success": False}).data == []


# The hosted page


def test_a_payer_pays(server: StripeFake, client: stripe.StripeClient, payer: httpx.Client) -> None:
    opened = session(client)
    page = payer.get(opened.url)
    assert page.status_code == 200
    for text in ("$20.00", "Consulting", "http://127.0.0.1/back", "US bank account"):
        assert text in page.text
    assert "<script" not in page.text
    done = payer.post(opened.url, data=CARD)
    assert done.status_code == 303
    assert done.headers["location"] == f"http://127.0.0.1/done?session={opened.id}"
    assert client.v1.checkout.sessions.retrieve(opened.id).payment_status == "paid"
    assert "Nothing more will be charged" in payer.get(opened.url).text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"number": "4000000000009995"}, "insufficient funds"),
        ({"number": "4242424242424241"}, "card number is incorrect"),
        ({"expiry": "soon"}, "Enter the expiry date"),
        ({"cvc": ""}, "Enter the security code"),
        ({"name": ""}, "Enter the name"),
        ({"email": "cleo"}, "Enter your email"),
    ],
)
def test_a_refused_payer_may_try_again(
    client: stripe.StripeClient, payer: httpx.Client, changes: dict[str, str], says: str
) -> None:
    opened = session(client)
    refused = payer.post(opened.url, data={**CARD, **changes})
    assert refused.status_code == 402
    assert says in refused.text
    assert "4242" not in refused.text.replace("4242 4242 4242 4242", "")
    assert client.v1.checkout.sessions.retrieve(opened.id).status == "open"
    assert payer.post(opened.url, data=CARD).status_code == 303


def test_a_payer_is_asked_by_the_bank(client: stripe.StripeClient, payer: httpx.Client) -> None:
    opened = session(client)
    card = {**CARD, "number": "4000000000003220"}
    bank = payer.post(opened.url, data=card).headers["location"]
    assert "$20.00" in payer.get(bank).text
    back = payer.post(bank, data={"answer": "refuse"}).headers["location"]
    assert back == opened.url
    assert "unable to authenticate" in payer.get(back).text
    bank = payer.post(opened.url, data=card).headers["location"]
    done = payer.post(bank, data={"answer": "approve"}).headers["location"]
    assert done == f"http://127.0.0.1/done?session={opened.id}"


def test_a_payer_gives_a_bank_account(client: stripe.StripeClient, payer: httpx.Client) -> None:
    opened = session(client)
    assert "Routing number" in payer.get(f"{opened.url}?method=us_bank_account").text
    assert payer.post(opened.url, data=ACCOUNT).status_code == 303
    assert client.v1.checkout.sessions.retrieve(opened.id).payment_status == "unpaid"


def test_a_payer_saves_a_card(client: stripe.StripeClient, payer: httpx.Client) -> None:
    owner = client.v1.customers.create({"email": "cleo@payer.example"})
    asked: Any = {
        "mode": "setup",
        "currency": "usd",
        "customer": owner.id,
        "success_url": "http://127.0.0.1/saved",
    }
    opened: Any = client.v1.checkout.sessions.create(asked)
    assert "Save card" in payer.get(opened.url).text
    assert payer.post(opened.url, data=CARD).headers["location"] == "http://127.0.0.1/saved"
    assert len(client.v1.customers.payment_methods.list(owner.id).data) == 1


def test_an_expired_page_says_so(client: stripe.StripeClient, payer: httpx.Client) -> None:
    opened = session(client)
    client.v1.checkout.sessions.expire(opened.id)
    for answer in (payer.get(opened.url), payer.post(opened.url, data=CARD)):
        assert answer.status_code == 410
        assert "expired" in answer.text


def test_what_is_shown_is_escaped(client: stripe.StripeClient, payer: httpx.Client) -> None:
    line = {
        "price_data": {
            "currency": "usd",
            "unit_amount": 900,
            "product_data": {"name": "<b>bold</b>"},
        }
    }
    opened = session(client, line_items=[line], cancel_url='http://127.0.0.1/"><b>')
    text = payer.get(opened.url).text
    assert "<b>" not in text
    assert "&lt;b&gt;bold" in text
