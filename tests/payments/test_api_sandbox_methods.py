"""Saving test cards by the API, and deciding what they do next."""

from collections.abc import Callable
from typing import Any

import pytest

from invoicing import failpoints
from invoicing.idempotency import LEASE
from invoicing.models import Customer, Event, Merchant
from payments import tasks
from payments.actions import rehearsing
from payments.models import (
    MethodSetup,
    Payment,
    PaymentMethod,
    SandboxMethod,
    SandboxSession,
    SandboxSetup,
)
from payments.sandbox import saving
from payments.sandbox.cards import REASONS
from tests.factories import (
    DECLINED,
    FIRST_TWO_DECLINED,
    LATER_DECLINED,
    VISA,
    given_a_customer,
    given_a_key,
    given_a_saved_card,
    given_an_open_invoice,
    work,
)
from tests.fixtures import Api, WallClock
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db(transaction=True)

EXPIRES = {"exp_month": 2, "exp_year": 2031}


@pytest.fixture
def cleo(test_merchant: Merchant) -> Customer:
    return given_a_customer(test_merchant)


def path_of(customer: Customer) -> str:
    return f"/v1/customers/{customer.public_id}/payment_methods"


def fields_of(answer: Any) -> list[str]:
    assert answer.status_code == 400
    return [one["field"] for one in answer.json()["error"]["details"]["fields"]]


def message_of(answer: Any) -> str:
    return str(answer.json()["error"]["details"]["fields"][0]["message"])


@pytest.mark.parametrize("number", [VISA, "4242 4242 4242 4242", "4242-4242-4242-4242"])
def test_a_test_card_is_saved_at_once(
    api: Api, clock: WallClock, cleo: Customer, number: str
) -> None:
    answer = api.post(path_of(cleo), {"type": "card", "number": number, **EXPIRES})
    assert answer.status_code == 201
    method = PaymentMethod.objects.get()
    assert answer.json() == {
        "id": method.public_id,
        "object": "payment_method",
        "status": "active",
        "livemode": False,
        "customer_id": cleo.public_id,
        "type": "sandbox",
        "details": {"brand": "visa", "last4": "4242", **EXPIRES},
        "is_default": True,
        "blocked_reason": None,
        "created_at": "2026-03-02T12:00:00.000Z",
        "detached_at": None,
    }
    assert api.get(f"{path_of(cleo)}/{method.public_id}").json() == answer.json()
    assert Event.objects.get(type="customer.payment_method_saved").object_id == method.public_id


def test_it_is_saved_once_per_key_and_can_be_charged(api: Api, cleo: Customer) -> None:
    body = {"number": VISA}
    first = api.post(path_of(cleo), body, idempotency_key="k")
    assert api.post(path_of(cleo), body, idempotency_key="k").content == first.content
    work()
    assert PaymentMethod.objects.count() == SandboxMethod.objects.count() == 1
    charge = {"customer_id": cleo.public_id, "amount": "9.00", "description": "Coffee"}
    done = api.post("/v1/invoices/charge", charge)
    assert done.status_code == 201
    payment = done.json()["payment"]
    assert (payment["status"], payment["received"]) == ("succeeded", "9.00")
    assert payment["payment_method_id"] == first.json()["id"]


def test_beside_a_real_provider_a_number_is_still_the_sandboxs(
    api: Api, cleo: Customer, stripe_account: Stripe
) -> None:
    assert api.post(path_of(cleo), {"number": VISA}).json()["type"] == "sandbox"
    assert api.post(path_of(cleo), {"type": "card"}).json()["type"] == "card"
    assert api.post(path_of(cleo), {"type": "sandbox"}).json()["type"] == "sandbox"


@pytest.mark.parametrize("number", [VISA, "4111111111111111", "1"])
def test_no_card_number_goes_to_the_live_api(
    live: Merchant, stripe_account: Stripe, number: str
) -> None:
    customer = given_a_customer(live)
    answer = Api(given_a_key(live)).post(path_of(customer), {"number": number})
    assert fields_of(answer) == ["number"]
    assert "card numbers never go to the live API" in message_of(answer)
    assert number not in answer.content.decode() or number == "1"
    assert not MethodSetup.objects.exists()


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"number": "4111111111111111"}, "number", "is not known here"),
        ({"number": "4242424242424241"}, "number", "must be a card number"),
        ({"number": 4242424242424242}, "number", ""),
        ({"number": DECLINED}, "number", "is refused when it is saved (The card was declined)"),
        ({"number": "4000000000000069"}, "number", "(The card has expired)"),
        ({"number": VISA, "type": "ach"}, "number", "must be left out"),
        ({"number": VISA, "return_url": "https://a.example/"}, "return_url", "no page is opened"),
        ({"number": VISA, "exp_month": 13}, "exp_month", ""),
        ({"number": VISA, "exp_month": "12"}, "exp_month", ""),
        ({"number": VISA, "exp_year": 2025}, "exp_year", "must not be in the past"),
        ({"number": VISA, "exp_year": 30}, "exp_year", ""),
        ({"number": VISA, "exp_month": 2, "exp_year": 2026}, "exp_month", "it is 03/2026"),
        ({"exp_month": 12}, "exp_month", 'give its "number" too'),
        ({"exp_year": 2030}, "exp_year", 'give its "number" too'),
        ({"number": VISA, "cvc": "123"}, "cvc", ""),
        ({"type": "visa"}, "type", ""),
    ],
)
def test_a_card_must_be_given_rightly(
    api: Api, clock: WallClock, cleo: Customer, body: dict[str, Any], field: str, said: str
) -> None:
    answer = api.post(path_of(cleo), body)
    assert fields_of(answer) == [field]
    assert said in message_of(answer)
    assert not MethodSetup.objects.exists()


def test_what_is_left_out_of_the_expiry_is_as_on_a_new_card(
    api: Api, clock: WallClock, cleo: Customer
) -> None:
    saved = api.post(path_of(cleo), {"number": VISA, "exp_month": 2}).json()["details"]
    assert (saved["exp_month"], saved["exp_year"]) == (2, 2030)


def test_without_a_number_a_page_of_the_sandbox_is_opened(api: Api, cleo: Customer) -> None:
    thanks = "https://shop.example/thanks"
    opened = api.post(path_of(cleo), {"type": "card", "return_url": thanks}).json()
    page = SandboxSetup.objects.get()
    assert (opened["object"], opened["type"]) == ("payment_method_setup", "sandbox")
    assert opened["url"].endswith(f"/sandbox/setup/{page.public_id}")
    assert page.return_url == thanks
    saving.leave_card(page.public_id, VISA)
    work()
    seen = api.get(f"/v1/payment_method_setups/{opened['id']}").json()
    assert (seen["status"], seen["url"]) == ("succeeded", None)
    assert seen["payment_method_id"] == PaymentMethod.objects.get().public_id


def test_what_a_card_does_next_is_decided_and_shown(api: Api, cleo: Customer) -> None:
    method = given_a_saved_card(cleo)
    path = f"/v1/sandbox/payment_methods/{method.public_id}"
    nothing = {
        "object": "sandbox_payment_method",
        "payment_method_id": method.public_id,
        "next": [],
        "afterwards": {"outcome": "succeed"},
    }
    assert api.get(path).json() == nothing
    wanted: list[dict[str, str]] = [
        {"outcome": "decline", "code": "insufficient_funds"},
        {"outcome": "decline"},
        {"outcome": "authenticate"},
        {"outcome": "silence"},
        {"outcome": "silence", "then": "nothing"},
        {"outcome": "succeed"},
    ]
    decided = api.post(path, {"next": wanted})
    kept = [
        {"outcome": "decline", "code": "insufficient_funds"},
        {"outcome": "decline", "code": "card_declined"},
        {"outcome": "authenticate"},
        {"outcome": "silence", "then": "succeed"},
        {"outcome": "silence", "then": "nothing"},
        {"outcome": "succeed"},
    ]
    assert decided.status_code == 200
    assert decided.json() == api.get(path).json() == {**nothing, "next": kept}
    assert api.post(path, {"next": []}).json() == nothing


def test_a_card_says_what_its_number_does(api: Api, cleo: Customer) -> None:
    method = given_a_saved_card(cleo, FIRST_TWO_DECLINED)
    told = api.get(f"/v1/sandbox/payment_methods/{method.public_id}").json()
    assert told["next"] == [{"outcome": "decline", "code": "insufficient_funds"}] * 2
    assert told["afterwards"] == {"outcome": "succeed"}
    method = given_a_saved_card(cleo, LATER_DECLINED)
    told = api.get(f"/v1/sandbox/payment_methods/{method.public_id}").json()
    assert told["afterwards"] == {"outcome": "decline", "code": "card_declined"}


def test_each_outcome_is_used_once(api: Api, cleo: Customer) -> None:
    method = given_a_saved_card(cleo)
    path = f"/v1/sandbox/payment_methods/{method.public_id}"
    api.post(path, {"next": [{"outcome": "decline", "code": "lost_card"}]}, idempotency_key="p")
    invoice = given_an_open_invoice(cleo.merchant, customer_id=cleo.public_id)
    charge = f"/v1/invoices/{invoice.public_id}/charge"
    first = api.post(charge, {}, idempotency_key="c")
    assert api.post(charge, {}, idempotency_key="c").content == first.content
    assert first.json()["payment"]["failure"] == {
        "code": "lost_card",
        "message": "The card was reported lost.",
        "advice": "never",
    }
    # What was decided under the same key is not decided again.
    api.post(path, {"next": [{"outcome": "decline", "code": "lost_card"}]}, idempotency_key="p")
    assert api.get(path).json()["next"] == []
    assert api.post(charge, {}).json()["payment"]["status"] == "succeeded"
    assert SandboxSession.objects.count() == Payment.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "next"),
        ({"next": None}, "next"),
        ({"next": {"outcome": "succeed"}}, "next"),
        ({"next": ["succeed"]}, "next[0]"),
        ({"next": [{}]}, "next[0].outcome"),
        ({"next": [{"outcome": "explode"}]}, "next[0].outcome"),
        ({"next": [{"outcome": "succeed"}, {"outcome": "DECLINE"}]}, "next[1].outcome"),
        ({"next": [{"outcome": "decline", "code": "bad_luck"}]}, "next[0].code"),
        ({"next": [{"outcome": "decline", "code": "timed_out"}]}, "next[0].code"),
        ({"next": [{"outcome": "succeed", "code": "lost_card"}]}, "next[0].code"),
        ({"next": [{"outcome": "decline", "then": "nothing"}]}, "next[0].then"),
        ({"next": [{"outcome": "silence", "then": "decline"}]}, "next[0].then"),
        ({"next": [{"outcome": "succeed", "times": 2}]}, "next[0].times"),
        ({"next": [{"outcome": "succeed"}] * 51}, "next"),
        ({"next": [], "first": []}, "first"),
    ],
)
def test_what_cannot_be_decided_is_named(
    api: Api, cleo: Customer, body: dict[str, Any], field: str
) -> None:
    method = given_a_saved_card(cleo, FIRST_TWO_DECLINED)
    path = f"/v1/sandbox/payment_methods/{method.public_id}"
    assert fields_of(api.post(path, body)) == [field]
    assert len(api.get(path).json()["next"]) == 2


def test_an_unknown_reason_is_told_those_that_are_known(api: Api, cleo: Customer) -> None:
    path = f"/v1/sandbox/payment_methods/{given_a_saved_card(cleo).public_id}"
    answer = api.post(path, {"next": [{"outcome": "decline", "code": "x"}]})
    assert message_of(answer) == f"must be one of these: {', '.join(REASONS)}"


def test_a_card_that_a_real_provider_keeps_cannot_be_told(
    api: Api, cleo: Customer, stripe_account: Stripe
) -> None:
    method = stripe_account.given_a_method(cleo)
    path = f"/v1/sandbox/payment_methods/{method.public_id}"
    for answer in (api.get(path), api.post(path, {"next": []})):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "invalid_state")
        assert answer.json()["error"]["details"] == {"type": "card"}


def test_live_keys_decide_nothing(live: Merchant) -> None:
    bot = Api(given_a_key(live))
    path = "/v1/sandbox/payment_methods/pm_000000000000000000000000"
    for answer in (bot.get(path), bot.post(path, {"next": []})):
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "test_mode_only")


class Crash(BaseException):
    """The process is gone: nothing catches this."""


@pytest.fixture
def crash_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Crash once, at this failpoint."""

    def arm(name: str) -> None:
        def crash() -> None:
            monkeypatch.delitem(failpoints.hooks, name)
            raise Crash

        monkeypatch.setitem(failpoints.hooks, name, crash)

    return arm


@pytest.mark.parametrize("heard", [False, True])
@pytest.mark.parametrize(
    "place",
    [
        "begin_setup:after_commit",
        "record_enrolled:after_commit",
        "save_method:after_enroll",
        "save_method:after_provider",
        "record_setup_page:after_commit",
        "apply_setup:before_commit",
        "apply_setup:after_commit",
    ],
)
def test_a_card_that_was_half_saved_is_saved_by_the_repeat(
    api: Api,
    clock: WallClock,
    cleo: Customer,
    crash_at: Callable[[str], None],
    place: str,
    heard: bool,
) -> None:
    crash_at(place)
    with pytest.raises(Crash):
        api.post(path_of(cleo), {"number": VISA}, idempotency_key="k")
    clock.move(seconds=LEASE.total_seconds() + 1)
    if heard:
        tasks.look_at_setups()
        work()
    resumed = api.post(path_of(cleo), {"number": VISA}, idempotency_key="k")
    assert (resumed.status_code, resumed.json()["details"]["last4"]) == (201, "4242")
    work()
    for model in (MethodSetup, SandboxSetup, SandboxMethod, PaymentMethod):
        assert model.objects.count() == 1
    assert Event.objects.filter(type="customer.payment_method_saved").count() == 1


@pytest.mark.parametrize("heard", [False, True])
@pytest.mark.parametrize(
    "place",
    [
        "begin_charge:after_commit",
        "charge:after_begin",
        "charge:after_provider",
        "apply_outcome:before_commit",
        "payment:booked",
        "apply_outcome:after_commit",
    ],
)
def test_a_charge_that_died_half_way_is_made_once(
    api: Api,
    clock: WallClock,
    cleo: Customer,
    crash_at: Callable[[str], None],
    place: str,
    heard: bool,
) -> None:
    method = given_a_saved_card(cleo)
    steps = [{"outcome": "succeed"}, {"outcome": "decline", "code": "lost_card"}]
    rehearsing.plan_charges(cleo.merchant, method.public_id, steps)
    body = {"customer_id": cleo.public_id, "amount": "9.00", "description": "Coffee"}
    crash_at(place)
    with pytest.raises(Crash):
        api.post("/v1/invoices/charge", body, idempotency_key="k")
    clock.move(seconds=LEASE.total_seconds() + 1)
    if heard:
        work()
    resumed = api.post("/v1/invoices/charge", body, idempotency_key="k").json()["payment"]
    work()
    left = SandboxMethod.objects.get().next
    # Looked up before anybody was asked, it is called off for good; nothing is used up for it.
    if heard and place in {"begin_charge:after_commit", "charge:after_begin"}:
        assert (resumed["status"], resumed["failure"]["code"]) == ("failed", "never_arrived")
        assert left == steps
    else:
        assert (resumed["status"], resumed["received"]) == ("succeeded", "9.00")
        assert left == steps[1:]
    assert Payment.objects.count() == SandboxSession.objects.count() == 1
