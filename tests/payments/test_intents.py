"""Money moves once per wish, under however many Idempotency-Keys it is asked for."""

from typing import Any

import pytest

from invoicing.models import Intent, Invoice, Merchant
from payments.models import Payment, Refund
from payments.rails import RAILS
from tests.factories import (
    LATER_DECLINED,
    given_a_customer,
    given_a_key,
    given_a_saved_card,
    given_an_open_invoice,
    pay,
)
from tests.fixtures import Api

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cleo(test_merchant: Merchant) -> str:
    """A customer with a card that can be charged."""
    customer = given_a_customer(test_merchant)
    given_a_saved_card(customer)
    return customer.public_id


def wish(customer: str, **other: Any) -> dict[str, Any]:
    return {"customer_id": customer, "amount": "25.00", "description": "Coffee", **other}


def refused(answer: Any) -> dict[str, Any]:
    """The details of a duplicate that was refused."""
    assert answer.status_code == 409, answer.content
    error = answer.json()["error"]
    assert error["code"] == "duplicate_intent"
    assert isinstance(error["details"], dict)
    return error["details"]


@pytest.mark.parametrize("keys", [("a", "b", "c"), ("", "", "")], ids=["fresh keys", "no keys"])
def test_a_charge_asked_for_three_times_is_made_once(
    api: Api, cleo: str, keys: tuple[str, ...]
) -> None:
    first, *others = (
        api.post("/v1/invoices/charge", wish(cleo), **({"idempotency_key": key} if key else {}))
        for key in keys
    )
    assert first.status_code == 201
    for other in others:
        assert refused(other) == {
            "first": first.json(),
            "status": "done",
            "idempotency_key": keys[0] or None,
            "look": f"/v1/invoices?customer={cleo}",
        }
    assert (Payment.objects.count(), Invoice.objects.count()) == (1, 1)
    # The control: without the wish being known each of them is a charge.
    Intent.objects.all().delete()
    assert api.post("/v1/invoices/charge", wish(cleo)).status_code == 201
    assert Payment.objects.count() == 2


def test_the_same_key_is_told_the_same_again(api: Api, cleo: str) -> None:
    first = api.post("/v1/invoices/charge", wish(cleo), idempotency_key="a")
    again = api.post("/v1/invoices/charge", wish(cleo), idempotency_key="a")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Intent.objects.count() == 1


@pytest.mark.parametrize(
    ("other", "status"),
    [
        ({"description": "  coffee! "}, 409),
        ({"amount": "25"}, 409),
        ({"amount": "25.01"}, 201),
        ({"description": "Tea"}, 201),
        ({"allow_duplicate": True}, 201),
        ({"allow_duplicate": False}, 409),
        ({"allow_duplicate": "yes"}, 400),
    ],
)
def test_what_is_the_same_wish(api: Api, cleo: str, other: dict[str, Any], status: int) -> None:
    assert api.post("/v1/invoices/charge", wish(cleo)).status_code == 201
    assert api.post("/v1/invoices/charge", wish(cleo, **other)).status_code == status


def test_a_day_later_it_is_another_wish(api: Api, cleo: str) -> None:
    assert api.post("/v1/invoices/charge", wish(cleo)).status_code == 201
    api.post("/v1/sandbox/clock", {"advance": "PT23H59M"})
    assert api.post("/v1/invoices/charge", wish(cleo)).status_code == 409
    api.post("/v1/sandbox/clock", {"advance": "PT1M"})
    assert api.post("/v1/invoices/charge", wish(cleo)).status_code == 201


def test_another_bot_has_wishes_of_its_own(api: Api, cleo: str, test_merchant: Merchant) -> None:
    assert api.post("/v1/invoices/charge", wish(cleo)).status_code == 201
    assert (
        Api(given_a_key(test_merchant)).post("/v1/invoices/charge", wish(cleo)).status_code == 201
    )


def test_what_was_refused_may_be_asked_for_again(api: Api, test_merchant: Merchant) -> None:
    customer = given_a_customer(test_merchant)
    without = api.post("/v1/invoices/charge", wish(customer.public_id))
    assert (without.status_code, without.json()["error"]["code"]) == (409, "invalid_state")
    assert Intent.objects.count() == 0
    given_a_saved_card(customer)
    assert api.post("/v1/invoices/charge", wish(customer.public_id)).status_code == 201


def test_a_declined_charge_of_an_invoice_may_be_tried_again(
    api: Api, test_merchant: Merchant
) -> None:
    customer = given_a_customer(test_merchant)
    given_a_saved_card(customer, "4000000000001018")
    invoice = given_an_open_invoice(test_merchant, customer_id=customer.public_id)
    for _ in range(2):
        answer = api.post(f"/v1/invoices/{invoice.public_id}/charge")
        assert (answer.status_code, answer.json()["payment"]["status"]) == (200, "failed")
    assert set(Intent.objects.values_list("status", flat=True)) == {"dropped"}


def test_while_it_is_not_known_what_became_of_it_nothing_is_done_twice(
    api: Api, cleo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(payment: Payment) -> None:
        raise RuntimeError("the process is as good as dead")

    with monkeypatch.context() as patch:
        patch.setattr(RAILS["sandbox"], "charge", dies)
        broken = api.post("/v1/invoices/charge", wish(cleo), idempotency_key="a")
        assert broken.status_code == 500
    told = refused(api.post("/v1/invoices/charge", wish(cleo), idempotency_key="b"))
    look = f"/v1/invoices?customer={cleo}"
    assert told == {"first": None, "status": "unknown", "idempotency_key": "a", "look": look}
    # The same key takes it up where it was left.
    assert api.post("/v1/invoices/charge", wish(cleo), idempotency_key="a").status_code == 201
    assert Payment.objects.get().status == "succeeded"
    assert refused(api.post("/v1/invoices/charge", wish(cleo)))["status"] == "done"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("refund", {"amount": "40.00"}),
        ("refund", {}),
        ("mark_paid", {"amount": "30.00", "reference": "Statement 3"}),
        ("charge", {}),
    ],
    ids=["refund of a part", "refund of all", "money from elsewhere", "charge"],
)
def test_each_verb_has_one_effect(
    api: Api, cleo: str, test_merchant: Merchant, path: str, body: dict[str, Any]
) -> None:
    invoice = given_an_open_invoice(test_merchant, customer_id=cleo)
    if path == "refund":
        pay(invoice)
    address = f"/v1/invoices/{invoice.public_id}/{path}"
    first = api.post(address, body, idempotency_key="1")
    assert first.status_code == 200, first.content
    rows = (Payment.objects.count(), Refund.objects.count())
    for key in ("2", "3"):
        assert refused(api.post(address, body, idempotency_key=key))["first"] == first.json()
    assert (Payment.objects.count(), Refund.objects.count()) == rows


def test_a_credit_note_and_a_schedule_are_made_once(
    api: Api, cleo: str, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant, customer_id=cleo)
    for path, body in (
        ("/v1/credit_notes", {"invoice_id": invoice.public_id}),
        ("/v1/recurring_charges", wish(cleo, interval="monthly")),
        ("/v1/invoices/charge", wish(cleo, recurring={"interval": "yearly"})),
    ):
        first = api.post(path, body)
        assert first.status_code == 201, first.content
        assert refused(api.post(path, body))["first"] == first.json()
    assert invoice.credit_notes.count() == 1
    assert test_merchant.recurring_charges.count() == 2


def test_a_wish_is_the_same_in_other_digits_and_by_a_neighbouring_tool(
    api: Api, cleo: str, test_merchant: Merchant
) -> None:
    monthly = {"customer_id": cleo, "description": "Box", "interval": "monthly"}
    lines = [{"description": "Box", "unit_price": "9.0"}]
    assert api.post("/v1/recurring_charges", {**monthly, "amount": "9"}).status_code == 201
    for said in ({"amount": "9.00"}, {"amount": 9}, {"line_items": lines}):
        refused(api.post("/v1/recurring_charges", {**monthly, **said}))
    refused(
        api.post(
            "/v1/invoices/charge",
            wish(cleo, amount="9.0", description="box", recurring={"interval": "monthly"}),
        )
    )
    # The control: another rhythm is another wish.
    weekly = {**monthly, "amount": "9", "interval": "weekly"}
    assert api.post("/v1/recurring_charges", weekly).status_code == 201
    assert test_merchant.recurring_charges.count() == 2


def test_a_credit_note_is_the_same_in_other_digits(api: Api, test_merchant: Merchant) -> None:
    invoice = pay(given_an_open_invoice(test_merchant)).invoice
    line = invoice.lines.get()
    for first, others in (
        ({"amount": "6"}, [{"amount": "6.0"}, {"amount": 6}]),
        (
            {"line_items": [{"id": line.public_id, "quantity": "0.1"}]},
            [{"line_items": [{"id": line.public_id, "quantity": "0.10"}]}],
        ),
    ):
        about = {"invoice_id": invoice.public_id}
        assert api.post("/v1/credit_notes", {**about, **first}).status_code == 201
        for other in others:
            refused(api.post("/v1/credit_notes", {**about, **other}))
    assert invoice.credit_notes.count() == 2


def test_the_only_payment_may_be_named_or_not(api: Api, test_merchant: Merchant) -> None:
    payment = pay(given_an_open_invoice(test_merchant))
    path = f"/v1/invoices/{payment.invoice.public_id}/refund"
    assert api.post(path, {"amount": "7"}).status_code == 200
    refused(api.post(path, {"amount": "7.00", "payment_id": payment.public_id}))
    assert Refund.objects.get().amount == 700


def test_money_from_elsewhere_is_the_same_whatever_it_is_called(
    api: Api, test_merchant: Merchant
) -> None:
    path = f"/v1/invoices/{given_an_open_invoice(test_merchant).public_id}/mark_paid"
    assert api.post(path, {"amount": "5"}).status_code == 200
    refused(api.post(path, {"amount": "5.00", "reference": "Statement 3"}))
    again = api.post(path, {"amount": "5", "reference": "Statement 4", "allow_duplicate": True})
    assert again.status_code == 200
    assert Payment.objects.count() == 2


def test_a_charge_that_failed_says_how_it_is_tried_again(api: Api, test_merchant: Merchant) -> None:
    customer = given_a_customer(test_merchant)
    given_a_saved_card(customer, LATER_DECLINED)
    failed = api.post("/v1/invoices/charge", wish(customer.public_id)).json()
    answer = api.post("/v1/invoices/charge", wish(customer.public_id))
    again = f"/v1/invoices/{failed['invoice']['id']}/charge"
    assert refused(answer)["first"] == failed
    assert f"to try again, POST {again}." in answer.json()["error"]["message"]
    assert api.post(again).status_code == 200
    assert Invoice.objects.count() == 1


def test_an_answer_without_a_body_is_an_answer(api: Api, test_merchant: Merchant) -> None:
    path = f"/v1/invoices/{given_an_open_invoice(test_merchant).public_id}/mark_paid"
    assert api.post(path, {"amount": "5"}).status_code == 200
    Intent.objects.update(answer_body="null")
    told = refused(api.post(path, {"amount": "5"}))
    assert (told["first"], told["status"]) == (None, "done")
    # The control: one that was not kept is not known.
    Intent.objects.update(answer_body="")
    assert refused(api.post(path, {"amount": "5"}))["status"] == "unknown"
