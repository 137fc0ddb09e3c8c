"""Checkout pages: on the API, on their own page, and the sales that come of them."""

import re
from typing import Any

import pytest
from django.test import Client

from checkout.actions.checkout_pages import archive_checkout_page
from invoicing.models import Invoice, Merchant
from payments.models import Wallet
from tests.factories import (
    again,
    given_a_checkout_page,
    given_a_draft,
    given_an_open_invoice,
    pay,
    work,
)
from tests.fixtures import Api, WallClock

CLEO = {"name": "Cleo Payer", "email": "cleo@example.com"}


def test_a_page_is_created_shown_changed_and_archived(
    api: Api, test_merchant: Merchant, clock: WallClock
) -> None:
    wallet = api.post("/v1/wallets", {"name": "Tickets", "currency": "EUR"}).json()["id"]
    made = api.post(
        "/v1/checkout_pages",
        {"title": "Ticket", "description": "One day", "amount": "49", "wallet_id": wallet},
    )
    assert made.status_code == 201
    page = made.json()
    assert page == {
        "id": page["id"],
        "object": "checkout_page",
        "livemode": False,
        "merchant_id": test_merchant.public_id,
        "title": "Ticket",
        "description": "One day",
        "item_description": "",
        "currency": "EUR",
        "amount": "49.00",
        "payer_amount": None,
        "items": [],
        "wallet_id": wallet,
        "active": True,
        "max_uses": None,
        "expires_at": None,
        "custom_fields": [],
        "success_url": "",
        "cancel_url": "",
        "rails": [],
        "embed_origins": [],
        "url": f"http://127.0.0.1:8000/pay/{page['id']}",
        "archived_at": None,
        "created_at": "2026-03-02T12:00:00.000Z",
        "updated_at": "2026-03-02T12:00:00.000Z",
    }
    assert re.fullmatch("cp_[0-9a-f]{24}", page["id"])
    path = f"/v1/checkout_pages/{page['id']}"
    assert api.get(path).json() == page
    clock.move(minutes=1)
    changed = api.patch(path, {"amount": None, "active": False}).json()
    later = "2026-03-02T12:01:00.000Z"
    assert changed == {**page, "amount": None, "active": False, "updated_at": later}
    yen = api.patch(path, {"wallet_id": None, "currency": "JPY", "amount": "500"}).json()
    assert (yen["currency"], yen["amount"], yen["wallet_id"]) == ("JPY", "500", None)
    assert api.get("/v1/checkout_pages").json()["data"] == [yen]
    assert api.delete(path).status_code == 204
    assert api.delete(path).status_code == 204
    assert api.get(path).json()["archived_at"] == later
    assert api.get("/v1/checkout_pages").json()["data"] == []
    archived = api.get("/v1/checkout_pages", {"archived": "true"}).json()["data"]
    assert [row["id"] for row in archived] == [page["id"]]
    refused = api.patch(path, {"title": "x"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "invalid_state")


@pytest.mark.parametrize(
    ("fields", "field", "status"),
    [
        ({"title": ""}, "title", 400),
        ({"title": "x", "amount": "0"}, "amount", 400),
        ({"title": "x", "amount": "1.005", "currency": "USD"}, "amount", 400),
        ({"title": "x", "currency": "XXQ"}, "currency", 400),
        ({"title": "x", "wallet_id": "wal_none"}, "wallet_id", 404),
        ({"title": "x", "colour": "red"}, "colour", 400),
        ({"title": "x", "active": "yes"}, "active", 400),
    ],
)
@pytest.mark.same_everywhere
def test_what_is_wrong_with_a_page_is_named(
    api: Api, fields: dict[str, Any], field: str, status: int
) -> None:
    answer = api.post("/v1/checkout_pages", fields)
    details = answer.json()["error"]["details"]
    assert answer.status_code == status
    assert details.get("field", details.get("fields", [{}])[0].get("field")) == field
    assert api.get("/v1/checkout_pages").json()["data"] == []


def test_a_wallet_of_another_currency_does_not_fit(api: Api) -> None:
    wallet = api.post("/v1/wallets", {"name": "Yen", "currency": "JPY"}).json()["id"]
    body = {"title": "x", "currency": "USD", "wallet_id": wallet}
    answer = api.post("/v1/checkout_pages", body)
    assert answer.status_code == 400
    assert "wallet_id: holds JPY" in answer.json()["error"]["message"]


def test_an_invoice_names_its_page_and_takes_what_it_does_not_say(
    api: Api, test_merchant: Merchant, ben_merchant: Merchant
) -> None:
    wallet = api.post("/v1/wallets", {"name": "Euro", "currency": "EUR"}).json()["id"]
    page = given_a_checkout_page(test_merchant, wallet_id=wallet, currency="EUR")
    lines = [{"description": "x", "unit_price": "1"}]
    body = {"checkout_page_id": page.public_id, "line_items": lines}
    invoice = api.post("/v1/invoices", body).json()
    assert invoice["checkout_page_id"] == page.public_id
    assert (invoice["currency"], invoice["wallet_id"]) == ("EUR", wallet)
    other = api.post("/v1/invoices", {**body, "currency": "USD"}).json()
    assert (other["currency"], other["wallet_id"]) == ("USD", None)
    path = f"/v1/invoices/{invoice['id']}"
    assert api.patch(path, {"memo": "y"}).json()["checkout_page_id"] == page.public_id
    copy = api.post(f"{path}/duplicate").json()
    assert copy["checkout_page_id"] == page.public_id
    plain = api.patch(path, {"checkout_page_id": None}).json()
    assert plain["checkout_page_id"] is None
    found = api.get("/v1/invoices", {"checkout_page_id": page.public_id}).json()["data"]
    assert [row["id"] for row in found] == [copy["id"], other["id"]]
    archive_checkout_page(test_merchant, page.public_id)
    assert api.post(f"/v1/invoices/{other['id']}/duplicate").json()["checkout_page_id"] is None
    bens = given_a_checkout_page(ben_merchant)
    for refused, status in ((page, 400), (bens, 404)):
        answer = api.post("/v1/invoices", {**body, "checkout_page_id": refused.public_id})
        assert answer.status_code == status


def test_sales_are_the_paid_invoices_of_pages(
    api: Api, test_merchant: Merchant, clock: WallClock
) -> None:
    one, two = given_a_checkout_page(test_merchant), given_a_checkout_page(test_merchant)
    first, second = (
        given_an_open_invoice(test_merchant, checkout_page_id=page.public_id) for page in (one, two)
    )
    given_an_open_invoice(test_merchant, checkout_page_id=one.public_id)
    pay(given_an_open_invoice(test_merchant))
    pay(first)
    clock.move(hours=1)
    pay(second)
    sales = api.get("/v1/sales").json()["data"]
    assert [sale["id"] for sale in sales] == [second.public_id, first.public_id]
    assert sales[1] == {
        "id": first.public_id,
        "object": "sale",
        "livemode": False,
        "checkout_page_id": one.public_id,
        "invoice_number": first.number,
        "currency": "USD",
        "amount": "100.00",
        "amount_refunded": "0.00",
        "rail": "sandbox",
        "payer": {**CLEO, "type": "human"},
        "custom_fields": [],
        "paid_at": "2026-03-02T12:00:00.000Z",
        "created_at": "2026-03-02T12:00:00.000Z",
    }

    def listed(**query: str) -> list[str]:
        return [sale["id"] for sale in api.get("/v1/sales", query).json()["data"]]

    assert listed(checkout_page_id=one.public_id) == [first.public_id]
    assert listed(paid_after="2026-03-02T12:30:00Z") == [second.public_id]
    assert listed(paid_before="2026-03-02T12:30:00Z") == [first.public_id]
    page = api.get("/v1/sales", {"limit": "1"}).json()
    assert page["has_more"]
    assert listed(cursor=page["next_cursor"]) == [first.public_id]


@pytest.mark.same_everywhere
def test_lists_ask_the_database_as_often_for_many_as_for_one(
    api: Api, test_merchant: Merchant, django_assert_max_num_queries: Any
) -> None:
    wallet = Wallet.objects.get(
        public_id=api.post("/v1/wallets", {"name": "x", "currency": "USD"}).json()["id"]
    )
    for _ in range(3):
        page = given_a_checkout_page(test_merchant, wallet_id=wallet.public_id)
        pay(given_an_open_invoice(test_merchant, checkout_page_id=page.public_id))
    api.get("/v1/me")
    for path, queries in (("/v1/checkout_pages", 3), ("/v1/sales", 3)):
        with django_assert_max_num_queries(queries):
            assert len(api.get(path).json()["data"]) == 3


# The page itself


def test_a_payer_begins_on_the_page_and_gets_an_invoice(
    client: Client, test_merchant: Merchant, clock: WallClock
) -> None:
    page = given_a_checkout_page(test_merchant, description="A <b>day</b> of looms")
    shown = client.get(f"/pay/{page.public_id}")
    text = shown.content.decode()
    assert shown.status_code == 200
    for words in ("Workshop ticket", "A &lt;b&gt;day&lt;/b&gt; of looms", "Ada", "$49.00"):
        assert words in text
    assert not shown.cookies
    assert shown["Cache-Control"] == "private, no-store"
    assert client.get(f"/pay/{page.public_id}/brand.css").status_code == 200
    begun = client.post(f"/pay/{page.public_id}", CLEO)
    invoice = Invoice.objects.get(checkout_page=page)
    assert (begun.status_code, begun["Location"]) == (303, f"/i/{invoice.slug}")
    assert (invoice.status, invoice.total, invoice.currency) == ("open", 4900, "USD")
    assert (invoice.recipient_name, invoice.recipient_email) == tuple(CLEO.values())
    assert client.get(begun["Location"]).status_code == 200
    # Whoever went away is asked for nothing any more.
    clock.move(hours=24)
    work()
    assert again(invoice).status == "expired"
    assert invoice.messages.count() == 0


@pytest.mark.parametrize(("name", "email"), [("", "a@b.example"), ("Cleo", "nobody"), ("Cleo", "")])
@pytest.mark.same_everywhere
def test_the_form_says_what_is_wrong_and_keeps_what_was_typed(
    client: Client, test_merchant: Merchant, name: str, email: str
) -> None:
    page = given_a_checkout_page(test_merchant)
    answer = client.post(f"/pay/{page.public_id}", {"name": name, "email": email})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.content.decode()
    assert f'value="{name or email}"' in answer.content.decode()
    assert not Invoice.objects.exists()


def test_only_the_slug_of_its_issued_invoice_opens_it(
    client: Client, test_merchant: Merchant
) -> None:
    page, other = given_a_checkout_page(test_merchant), given_a_checkout_page(test_merchant)
    invoice = given_an_open_invoice(test_merchant, checkout_page_id=page.public_id)
    draft = given_a_draft(test_merchant, checkout_page_id=page.public_id)
    elsewhere = given_an_open_invoice(test_merchant, checkout_page_id=other.public_id)
    path = f"/pay/{page.public_id}"
    opened = client.get(path, {"ref": invoice.number, "key": invoice.slug})
    assert (opened.status_code, opened["Location"]) == (303, f"/i/{invoice.slug}")
    plain = client.get(path).content
    for query in (
        {"ref": invoice.number},
        {"ref": "TEST-9999"},
        {"ref": invoice.number, "key": "0" * 32},
        {"ref": invoice.number, "key": invoice.public_id},
        {"ref": draft.public_id, "key": draft.slug},
        {"key": elsewhere.slug},
        {"key": "\x00"},
    ):
        answer = client.get(path, query)
        assert (answer.status_code, answer.content) == (200, plain), query


def test_an_archived_page_is_gone_but_its_invoices_are_not(
    client: Client, test_merchant: Merchant
) -> None:
    page = given_a_checkout_page(test_merchant)
    invoice = given_an_open_invoice(test_merchant, checkout_page_id=page.public_id)
    archive_checkout_page(test_merchant, page.public_id)
    path = f"/pay/{page.public_id}"
    assert client.get(path).status_code == 404
    assert client.post(path, CLEO).status_code == 404
    assert client.get("/pay/cp_000000000000000000000000").status_code == 404
    assert client.get(path, {"key": invoice.slug}).status_code == 303


@pytest.mark.parametrize("fields", [{"active": False}, {"amount": None}])
def test_where_nobody_can_begin_the_page_says_so(
    client: Client, test_merchant: Merchant, fields: dict[str, Any]
) -> None:
    page = given_a_checkout_page(test_merchant, **fields)
    text = client.get(f"/pay/{page.public_id}").content.decode()
    assert "<form" not in text
    answer = client.post(f"/pay/{page.public_id}", CLEO)
    assert (answer.status_code, answer["Location"]) == (303, f"/pay/{page.public_id}")
    assert not Invoice.objects.exists()


@pytest.mark.same_everywhere
def test_beginning_too_often_is_refused(
    client: Client, test_merchant: Merchant, settings: Any
) -> None:
    settings.RATE_LIMITS = {"public": (1, 60)}
    page = given_a_checkout_page(test_merchant)
    answers = [client.post(f"/pay/{page.public_id}", CLEO) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 429]
    assert int(answers[1]["Retry-After"]) <= 60
    assert Invoice.objects.count() == 1
