"""Doing a thing once over the API, however often and however crookedly it is asked for."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from config.docs import document
from invoicing import failpoints
from invoicing.idempotency import LEASE
from invoicing.models import Customer, Event, IdempotentRequest, Invoice, Merchant
from payments import flows
from payments.models import Payment, SandboxSession
from payments.rails import RAILS
from payments.rails.rail import NoAnswer, RailError
from tests.factories import (
    VISA,
    again,
    given_a_draft,
    given_a_key,
    given_an_open_invoice,
    pay,
    work,
)
from tests.fixtures import Api, WallClock

BILL = {"line_items": [{"description": "x", "unit_price": "10"}], "memo": "Zwölf – 12 €"}
CLEO = {"name": "Cleo"}


class Crash(BaseException):
    """The process dies here: nothing that handles errors gets to see it."""


@pytest.fixture
def crash_at() -> Iterator[Callable[[str], None]]:
    def arm(name: str) -> None:
        def die() -> None:
            failpoints.hooks.clear()
            raise Crash(name)

        failpoints.hooks[name] = die

    yield arm
    failpoints.hooks.clear()


def test_a_repeat_is_answered_byte_for_byte_and_marked(api: Api) -> None:
    first = api.post("/v1/invoices", BILL, idempotency_key="k")
    assert "Idempotent-Replayed" not in first.headers
    for key in ("k", '"k"', "k"):
        repeat = api.post("/v1/invoices", BILL, idempotency_key=key)
        assert repeat["Idempotent-Replayed"] == "true"
        assert (repeat.status_code, repeat.content) == (first.status_code, first.content)
        assert repeat["Content-Type"] == first["Content-Type"]
    assert (Invoice.objects.count(), Event.objects.count()) == (1, 1)


def test_a_repeat_tells_what_was_answered_not_what_has_become_of_it(api: Api) -> None:
    first = api.post("/v1/invoices", BILL, idempotency_key="k")
    api.patch(f"/v1/invoices/{first.json()['id']}", {"memo": "changed"})
    assert api.post("/v1/invoices", BILL, idempotency_key="k").content == first.content


def test_with_and_without_a_key_the_answer_is_the_same(api: Api) -> None:
    one = api.post("/v1/customers", CLEO)
    other = api.post("/v1/customers", CLEO, idempotency_key="k")
    ids = [answer.json()["id"].encode() for answer in (one, other)]
    assert len(one.content) == len(other.content)
    assert one.content[:10] == other.content[:10]
    assert ids[0] != ids[1]


def test_the_same_question_in_another_spelling_is_the_same_question(api: Api) -> None:
    first = api.post("/v1/customers", '{"name": "Cleo", "phone": "1"}', idempotency_key="k")
    repeat = api.post("/v1/customers", '{"phone":"1",  "name":"Cl\\u0065o"}', idempotency_key="k")
    assert repeat.content == first.content


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/customers", {"name": "Dora"}),
        ("/v1/customers", {"name": "Cleo", "phone": "1"}),
        ("/v1/bots", {"name": "Cleo"}),
    ],
)
def test_the_same_key_for_another_request_is_refused(
    api: Api, path: str, body: dict[str, str]
) -> None:
    api.post("/v1/customers", CLEO, idempotency_key="k")
    answer = api.post(path, body, idempotency_key="k")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "idempotency_mismatch")
    assert Customer.objects.count() == 1


def test_keys_are_each_bots_own(api: Api, ben_api: Api, test_merchant: Merchant) -> None:
    second = Api(given_a_key(test_merchant, bot="Second"))
    ids = {
        who.post("/v1/customers", CLEO, idempotency_key="k").json()["id"]
        for who in (api, second, ben_api)
    }
    assert len(ids) == 3
    assert Customer.objects.count() == 3


def test_two_keys_of_one_bot_share(api: Api, test_merchant: Merchant) -> None:
    bot = test_merchant.bots.get()
    made = api.post(f"/v1/bots/{bot.public_id}/api_keys", {"permissions": ["customers:write"]})
    first = api.post("/v1/customers", CLEO, idempotency_key="k")
    repeat = Api(made.json()["key"]).post("/v1/customers", CLEO, idempotency_key="k")
    assert repeat.content == first.content


@pytest.mark.parametrize("key", ["", "with space", "ü", "x" * 256, "a\tb", '""'])
def test_a_key_is_visible_ascii_and_not_too_long(api: Api, key: str) -> None:
    answer = api.post("/v1/customers", CLEO, idempotency_key=key)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["fields"] == [
        {"field": "Idempotency-Key", "message": "must have 1 to 255 visible ASCII characters"}
    ]
    assert not Customer.objects.exists()


def test_the_longest_key_is_taken(api: Api) -> None:
    for _ in range(2):
        answer = api.post("/v1/customers", CLEO, idempotency_key="x" * 255)
        assert answer.status_code == 201
    assert Customer.objects.count() == 1


def test_a_refusal_is_not_kept(api: Api, test_merchant: Merchant) -> None:
    draft = given_a_draft(test_merchant)
    path = f"/v1/invoices/{draft.public_id}"
    assert api.post(f"{path}/void", idempotency_key="k").status_code == 409
    assert not IdempotentRequest.objects.exists()
    api.post(f"{path}/finalize")
    done = api.post(f"{path}/void", idempotency_key="k")
    assert (done.status_code, done.json()["status"]) == (200, "void")
    assert api.post(f"{path}/void", idempotency_key="k").content == done.content
    # Put right, even another body may come with the key of a refused request.
    assert api.post("/v1/customers", {}, idempotency_key="fix").status_code == 400
    assert api.post("/v1/customers", CLEO, idempotency_key="fix").status_code == 201


def test_only_posts_have_keys(api: Api) -> None:
    customer = api.post("/v1/customers", CLEO).json()["id"]
    for name in ("A", "B"):
        answer = api.patch(f"/v1/customers/{customer}", {"name": name}, idempotency_key="k")
        assert answer.json()["name"] == name
    assert not IdempotentRequest.objects.exists()


def test_a_preview_needs_no_key_and_keeps_nothing(api: Api) -> None:
    for _ in range(2):
        assert api.post("/v1/invoices/preview", BILL, idempotency_key="k").status_code == 200
    assert not IdempotentRequest.objects.exists()
    for name in ("invoices", "credit_notes"):
        said = document()["paths"][f"/v1/{name}/preview"]["post"]
        assert (said["parameters"], "422" in said["responses"]) == ([], False)


def test_a_checkout_of_several_steps_is_repeated_without_a_second_payment(
    api: Api, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    path = f"/v1/invoices/{invoice.public_id}/checkout"
    first = api.post(path, idempotency_key="k")
    assert first.status_code == 200
    pay(invoice)
    # The invoice is paid by now; the answer is still the first one.
    repeat = api.post(path, idempotency_key="k")
    assert (repeat.status_code, repeat.content) == (200, first.content)
    assert repeat["Idempotent-Replayed"] == "true"
    assert Payment.objects.count() == 1


STEPS = [
    "begin_payment:before_commit",
    "begin_payment:after_commit",
    "start:after_begin",
    "start:after_provider",
    "record_instructions:before_commit",
    "record_instructions:after_commit",
]


@pytest.mark.parametrize("place", STEPS)
@pytest.mark.parametrize("door", ["bot", "payer"])
def test_a_crash_between_the_steps_is_resumed_by_the_repeat(
    api: Api,
    anonymous_api: Api,
    test_merchant: Merchant,
    clock: WallClock,
    crash_at: Callable[[str], None],
    place: str,
    door: str,
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    reference = invoice.public_id if door == "bot" else f"pay/{invoice.slug}"
    who, path = (api if door == "bot" else anonymous_api), f"/v1/invoices/{reference}/checkout"
    crash_at(place)
    with pytest.raises(Crash):
        who.post(path, idempotency_key="k")
    if place != "begin_payment:before_commit":
        # Whoever is at work may still be: nobody takes over before the lease has ended.
        waiting = who.post(path, idempotency_key="k")
        assert waiting.status_code == 409
        assert waiting.json()["error"]["code"] == "idempotency_in_flight"
        # The first may answer at any time, so it is worth asking before the lease ends.
        assert waiting["Retry-After"] == "2"
        assert waiting.json()["error"]["details"] == {"taken_over_after": 60}
        clock.move(seconds=LEASE.total_seconds() - 0.5)
        later = who.post(path, idempotency_key="k").json()["error"]
        assert later["details"] == {"taken_over_after": 1}
        assert later["message"].endswith("that takes it over in 1 s.")
        clock.move(seconds=1)
    resumed = who.post(path, idempotency_key="k")
    assert resumed.status_code == 200
    assert "Idempotent-Replayed" not in resumed.headers
    assert who.post(path, idempotency_key="k").content == resumed.content
    assert (Payment.objects.count(), SandboxSession.objects.count()) == (1, 1)
    payment = Payment.objects.get()
    assert resumed.json()["payment"]["id"] == payment.public_id
    assert resumed.json()["url"] == payment.url


@pytest.mark.parametrize(
    "place",
    [
        "begin_payment:after_commit",
        "start:after_provider",
        "record_instructions:after_commit",
        "check:after_look",
        "apply_outcome:before_commit",
        "payment:booked",
        "apply_outcome:after_commit",
    ],
)
def test_a_card_payment_that_died_half_way_is_told_by_its_repeat(
    api: Api,
    test_merchant: Merchant,
    clock: WallClock,
    crash_at: Callable[[str], None],
    place: str,
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    path, body = "/v1/sandbox/payments", {"invoice_id": invoice.public_id, "card": VISA}
    crash_at(place)
    with pytest.raises(Crash):
        api.post(path, body, idempotency_key="k")
    assert api.post(path, body, idempotency_key="k").json()["error"]["code"] == (
        "idempotency_in_flight"
    )
    clock.move(seconds=LEASE.total_seconds() + 1)
    # Meanwhile the worker may have heard of it.
    work()
    resumed = api.post(path, body, idempotency_key="k")
    assert (resumed.status_code, resumed.json()["status"]) == (201, "succeeded")
    assert api.post(path, body, idempotency_key="k").content == resumed.content
    other = {**body, "card": "5555555555554444"}
    assert api.post(path, other, idempotency_key="k").status_code == 422
    assert (Payment.objects.count(), SandboxSession.objects.count()) == (1, 1)
    assert again(invoice).amount_paid == invoice.total
    # The control: without the key it is another request, and nothing is due any more.
    assert api.post(path, body).status_code == 409


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (NoAnswer("The provider is silent."), "The provider is silent."),
        (RailError("No more cards today.", permanent=True), "No more cards today."),
    ],
)
def test_a_failure_that_was_told_gives_the_key_back_at_once(
    api: Api,
    test_merchant: Merchant,
    monkeypatch: pytest.MonkeyPatch,
    failure: RailError,
    message: str,
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    path = f"/v1/invoices/{invoice.public_id}/checkout"

    def refuse(payment: Payment) -> None:
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(RAILS["sandbox"], "start", refuse)
        answer = api.post(path, idempotency_key="k")
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "provider_failed")
    assert message in answer.json()["error"]["message"]
    assert answer["Retry-After"] == "5"
    assert IdempotentRequest.objects.get().response_status is None
    again = api.post(path, idempotency_key="k")
    assert again.status_code == 200
    assert Payment.objects.count() == 1


def test_whoever_was_overtaken_does_not_take_the_key_back(
    api: Api, test_merchant: Merchant, clock: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    path = f"/v1/invoices/{invoice.public_id}/checkout"
    real = flows.start
    overtaken: list[Any] = []

    def slow(*args: Any) -> Payment:
        monkeypatch.setattr(flows, "start", real)
        real(*args)
        clock.move(seconds=LEASE.total_seconds() + 1)
        overtaken.append(api.post(path, idempotency_key="k"))
        raise NoAnswer("too late")

    monkeypatch.setattr(flows, "start", slow)
    assert api.post(path, idempotency_key="k").status_code == 502
    assert overtaken[0].status_code == 200
    assert IdempotentRequest.objects.get().response_status == 200
    assert api.post(path, idempotency_key="k").content == overtaken[0].content


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_with_one_key_make_one_invoice(
    api: Api, test_merchant: Merchant, settings: Any
) -> None:
    settings.RATE_LIMITS = {}
    answers = at_once(api, 20, "race")
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    replayed = [answer.headers.get("Idempotent-Replayed") for answer in answers]
    assert (replayed.count("true"), replayed.count(None)) == (19, 1)
    assert (Invoice.objects.count(), Event.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_without_a_key_twenty_at_once_make_twenty(
    api: Api, test_merchant: Merchant, settings: Any
) -> None:
    """The control: it is the key that makes them one."""
    settings.RATE_LIMITS = {}
    assert {answer.status_code for answer in at_once(api, 20, None)} == {201}
    assert Invoice.objects.count() == 20


@pytest.mark.django_db(transaction=True)
def test_at_once_a_payment_of_several_steps_begins_once(
    api: Api, test_merchant: Merchant, settings: Any
) -> None:
    settings.RATE_LIMITS = {}
    invoice = given_an_open_invoice(test_merchant)
    answers = at_once(api, 8, "race", f"/v1/invoices/{invoice.public_id}/checkout", {})
    assert {answer.status_code for answer in answers} <= {200, 409}
    done = {answer.content for answer in answers if answer.status_code == 200}
    assert len(done) == 1
    waiting = [answer.json() for answer in answers if answer.status_code == 409]
    assert {each["error"]["code"] for each in waiting} <= {"idempotency_in_flight"}
    assert (Payment.objects.count(), SandboxSession.objects.count()) == (1, 1)


def at_once(
    api: Api, count: int, key: str | None, path: str = "/v1/invoices", body: Any = BILL
) -> list[Any]:
    """The answers to one request that is made by this many threads at the same moment."""
    barrier = threading.Barrier(count)
    answers: list[Any] = []

    def ask() -> None:
        try:
            own = Api(api.key, Client(raise_request_exception=False))
            barrier.wait(20)
            answers.append(own.post(path, body, idempotency_key=key))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == count
    return answers
