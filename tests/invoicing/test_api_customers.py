"""Customers over the API."""

from typing import Any

import pytest

from invoicing.models import Customer, Event, Merchant
from tests.factories import given_a_customer, given_a_draft, told
from tests.fixtures import Api

CLEO = {
    "name": "Cleo Marsh",
    "email": "cleo@marsh.example",
    "phone": "+44 1904 000000",
    "address": {"line1": "3 Mill Lane", "city": "York", "country": "gb"},
    "tax_ids": [{"type": "gb_vat", "value": "GB123456789"}],
    "currency": "gbp",
    "language": "en-GB",
    "metadata": {"crm": 17},
}


def names(answer: Any) -> list[str]:
    return [row["name"] for row in answer.json()["data"]]


def test_a_customer_is_put_on_file_and_read_back(api: Api, test_merchant: Merchant) -> None:
    answer = api.post("/v1/customers", CLEO)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["name"], made["email"]) == ("Cleo Marsh", "cleo@marsh.example")
    assert (made["currency"], made["language"]) == ("GBP", "en-gb")
    assert made["address"] == {
        "line1": "3 Mill Lane",
        "line2": "",
        "city": "York",
        "state": "",
        "postal_code": "",
        "country": "GB",
    }
    assert api.get(f"/v1/customers/{made['id']}").json() == made
    customer = Customer.objects.get()
    assert customer.merchant == test_merchant
    assert told(customer) == ["customer.created"]
    assert api.get("/v1/events").json()["data"][0]["data"] == made


def test_only_what_is_named_changes(api: Api) -> None:
    made = api.post("/v1/customers", CLEO).json()
    changed = api.patch(f"/v1/customers/{made['id']}", {"email": "", "metadata": {}}).json()
    differing = {name for name in made if made[name] != changed[name]}
    assert differing == {"email", "metadata", "updated_at"}
    assert (changed["email"], changed["metadata"]) == ("", {})


def test_one_who_was_never_billed_goes_one_who_was_is_archived(
    api: Api, test_merchant: Merchant
) -> None:
    new, old = given_a_customer(test_merchant), given_a_customer(test_merchant, name="Old")
    draft = given_a_draft(test_merchant, customer_id=old.public_id)
    for customer in (new, old):
        answer = api.delete(f"/v1/customers/{customer.public_id}")
        assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(f"/v1/customers/{new.public_id}").status_code == 404
    assert api.get(f"/v1/customers/{old.public_id}").json()["archived_at"] is not None
    assert names(api.get("/v1/customers")) == []
    assert names(api.get("/v1/customers", {"archived": "true"})) == ["Old"]
    bill = {"customer_id": old.public_id, "line_items": [{"description": "x", "unit_price": "1"}]}
    refused = api.post("/v1/invoices", bill)
    assert (refused.status_code, refused.json()["error"]["details"]["fields"][0]["field"]) == (
        400,
        "customer_id",
    )
    restored = api.post(f"/v1/customers/{old.public_id}/restore").json()
    assert restored["archived_at"] is None
    assert api.post("/v1/invoices", bill).status_code == 201
    assert api.get(f"/v1/invoices/{draft.public_id}").json()["customer_id"] == old.public_id


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["Dora", "Cleo Marsh"]),
        ({"q": "marsh"}, ["Cleo Marsh"]),
        ({"q": "example"}, ["Dora", "Cleo Marsh"]),
        ({"q": "%"}, []),
        ({"email": "CLEO@marsh.example"}, ["Cleo Marsh"]),
        ({"email": "cleo@marsh"}, []),
        ({"created_after": "2999-01-01"}, None),
        ({"created_after": "2199-01-01"}, []),
        ({"created_before": "2199-01-01", "limit": "1"}, ["Dora"]),
        ({"archived": "yes"}, None),
        ({"name": "Cleo"}, None),
    ],
)
def test_customers_are_found(
    api: Api, test_merchant: Merchant, query: dict[str, str], expected: list[str] | None
) -> None:
    given_a_customer(test_merchant, name="Cleo Marsh", email="cleo@marsh.example")
    given_a_customer(test_merchant, name="Dora", email="dora@example.com")
    answer = api.get("/v1/customers", query)
    if expected is None:
        assert answer.status_code == 400
    else:
        assert names(answer) == expected


def test_two_may_share_an_address(api: Api) -> None:
    for _ in range(2):
        assert api.post("/v1/customers", CLEO).status_code == 201
    assert Event.objects.count() == 2
