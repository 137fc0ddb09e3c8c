"""Selling on a checkout page: amounts of one's choice, items and their stock, what is asked."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from checkout.api.schemas import Sale
from checkout.bots.mcp_untrusted import written_by_others
from checkout.models import CheckoutPage, OrderedItem
from invoicing.models import Event, Invoice, Merchant
from tests.factories import again, given_a_checkout_page, pay, work
from tests.fixtures import Api, WallClock

CLEO = {"name": "Cleo Payer", "email": "cleo@example.com"}
TICKETS = [
    {"name": "Day ticket", "description": "One day", "unit_price": "20", "tax_rate": "19"},
    {"name": "Weekend", "unit_price": "35.50", "max_per_order": 4, "stock": 5},
]
ASKED = [
    {"key": "size", "label": "Size", "type": "choice", "choices": ["S", "M"], "required": True},
    {"key": "note", "label": "Anything else?", "type": "long_text"},
    {"key": "born", "label": "Born on", "type": "date"},
    {"key": "age", "label": "Age", "type": "number"},
    {"key": "terms", "label": "I agree", "type": "checkbox", "required": True},
]


def given_tickets(merchant: Merchant, **fields: Any) -> CheckoutPage:
    """A page that sells two kinds of tickets, five weekends at most."""
    return given_a_checkout_page(merchant, **{"amount": None, "items": TICKETS, **fields})


def quantities(page: CheckoutPage, *numbers: int | str) -> dict[str, Any]:
    """So many of each item, as the form sends it."""
    return {
        f"item_{item.public_id}": str(number)
        for item, number in zip(page.on_sale, numbers, strict=False)
    }


def test_items_become_the_lines_of_an_invoice(client: Client, test_merchant: Merchant) -> None:
    page = given_tickets(test_merchant)
    text = client.get(f"/pay/{page.public_id}").content.decode()
    for words in ("Day ticket", "$20.00", "plus 19% tax", "One day", "$35.50", "5 left"):
        assert words in text
    begun = client.post(f"/pay/{page.public_id}", CLEO | quantities(page, 2, 1))
    invoice = Invoice.objects.get(checkout_page=page)
    assert (begun.status_code, begun["Location"]) == (303, f"/i/{invoice.slug}")
    lines = [(line.description, str(line.quantity), line.amount) for line in invoice.lines.all()]
    assert lines == [("Day ticket", "2", 4000), ("Weekend", "1", 3550)]
    assert (invoice.total, invoice.tax) == (4000 + 3550 + 760, 760)
    assert list(OrderedItem.objects.values_list("item__name", "quantity")) == [
        ("Day ticket", 2),
        ("Weekend", 1),
    ]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((0, 0), "Please choose how many you want."),
        (("", ""), "Please choose how many you want."),
        (("two", 0), "Please write a whole number, such as 2."),
        ((0, 5), "You can take up to 4 of these at once."),
        ((-1, 0), "Please write a whole number, such as 2."),
    ],
)
@pytest.mark.same_everywhere
def test_an_order_that_cannot_be_is_said_beside_its_item(
    client: Client, test_merchant: Merchant, numbers: tuple[int | str, ...], said: str
) -> None:
    page = given_tickets(test_merchant)
    answer = client.post(f"/pay/{page.public_id}", CLEO | quantities(page, *numbers))
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Invoice.objects.exists()


def test_stock_is_taken_at_once_and_free_again_when_nobody_pays(
    client: Client, test_merchant: Merchant, clock: WallClock
) -> None:
    page = given_tickets(test_merchant)
    path = f"/pay/{page.public_id}"
    paid, left, late = (
        Invoice.objects.get(
            slug=client.post(path, CLEO | quantities(page, 0, number))["Location"][3:]
        )
        for number in (2, 1, 1)
    )
    pay(paid)
    text = client.get(path).content.decode()
    assert "1 left" in text
    too_many = client.post(path, CLEO | quantities(page, 1, 2))
    assert too_many.status_code == 422
    assert "Only 1 left." in too_many.content.decode()
    assert client.post(path, CLEO | quantities(page, 0, 1)).status_code == 303
    gone = client.get(path).content.decode()
    assert "Sold out" in gone
    # Day tickets have no end.
    assert "This is sold out" not in gone
    # A payment that has begun keeps its place until it is known what became of it.
    started = client.post(f"/i/{late.slug}/pay", {"rail": "sandbox"})
    assert started.status_code == 303
    clock.move(hours=24)
    assert "2 left" in client.get(path).content.decode()
    work()
    assert again(left).status == "expired"


def test_a_page_ends_by_its_uses_and_by_its_time(
    client: Client, api: Api, test_merchant: Merchant, clock: WallClock
) -> None:
    page = given_a_checkout_page(test_merchant, max_uses=1, expires_at="2026-03-04T12:00:00Z")
    path = f"/pay/{page.public_id}"
    assert client.post(path, CLEO).status_code == 303
    assert "This is sold out." in client.get(path).content.decode()
    assert client.post(path, CLEO)["Location"] == path
    assert Invoice.objects.count() == 1
    clock.move(hours=24)
    assert "Continue to pay" in client.get(path).content.decode()
    clock.move(hours=24)
    assert "This offer ended on" in client.get(path).content.decode()
    assert client.post(path, CLEO)["Location"] == path
    api.patch(f"/v1/checkout_pages/{page.public_id}", {"expires_at": None})
    assert "Continue to pay" in client.get(path).content.decode()


@pytest.mark.parametrize(
    ("sent", "total"),
    [
        ({"suggested": "2500"}, 2500),
        ({"suggested": "2500", "amount": "7.50"}, 750),
        ({"amount": "100"}, 10000),
        ({}, "Please choose an amount."),
        ({"suggested": "9900"}, "Please choose an amount."),
        ({"amount": "4.99"}, "Please choose at least $5.00."),
        ({"amount": "100.01"}, "Please choose at most $100.00."),
        ({"amount": "1e3"}, "The amount must be a number, such as 25.00."),
    ],
)
@pytest.mark.same_everywhere
def test_a_payer_chooses_an_amount(
    client: Client, test_merchant: Merchant, sent: dict[str, str], total: int | str
) -> None:
    asked = {"least": "5", "most": "100", "suggested": ["10", "25"]}
    page = given_a_checkout_page(test_merchant, amount=None, payer_amount=asked)
    answer = client.post(f"/pay/{page.public_id}", CLEO | sent)
    if isinstance(total, int):
        assert Invoice.objects.get().total == total
    else:
        assert answer.status_code == 422
        assert total in answer.content.decode()


def test_answers_are_kept_and_told_everywhere(
    client: Client, api: Api, anonymous_api: Api, test_merchant: Merchant
) -> None:
    page = given_a_checkout_page(test_merchant, custom_fields=ASKED)
    path = f"/pay/{page.public_id}"
    refused = client.post(path, {**CLEO, "field_size": "XL", "field_age": "x", "field_born": "1"})
    text = refused.content.decode()
    for said in (
        "Please choose one of these.",
        "Please write a number.",
        "Please write a date such as 2026-12-31.",
        "Please tick this to go on.",
    ):
        assert said in text
    typed = {"size": "M", "note": "<b>=1+1</b>", "born": "2001-02-03", "age": "7,50"}
    sent = {f"field_{key}": value for key, value in typed.items()} | {"field_terms": "on"}
    client.post(path, CLEO | sent)
    invoice = Invoice.objects.get()
    kept = {row["key"]: row["value"] for row in invoice.custom_fields}
    assert kept == {**typed, "age": "7.5", "terms": "yes"}
    shown = client.get(f"/i/{invoice.slug}").content.decode()
    assert "&lt;b&gt;=1+1&lt;/b&gt;" in shown
    assert "<b>=1" not in shown
    pay(invoice)
    for told in (
        api.get("/v1/sales").json()["data"][0],
        api.get(f"/v1/invoices/{invoice.public_id}").json(),
        anonymous_api.get(f"/v1/invoices/pay/{invoice.slug}").json(),
        json.loads(Event.objects.get(type="invoice.paid").body)["data"],
    ):
        assert told["custom_fields"] == invoice.custom_fields
    # A model is told that strangers wrote them.
    schema = Sale.model_json_schema()
    fenced = written_by_others(api.get("/v1/sales").json()["data"][0], schema)
    for name in ("label", "value"):
        assert ("custom_fields", 1, name) in fenced


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount": "1", "items": TICKETS}, "items"),
        ({"amount": "1", "payer_amount": {"least": "1"}}, "payer_amount"),
        ({"items": TICKETS * 11}, "items"),
        ({"items": [{"name": "x", "unit_price": "1.005"}]}, "items[0].unit_price"),
        ({"items": [{"name": "x", "unit_price": "1", "id": "ci_other"}]}, "items[0].id"),
        ({"items": [{"name": "x", "unit_price": "1", "stock": -1}]}, "items[0].stock"),
        ({"payer_amount": {"least": "5", "most": "4"}}, "payer_amount.most"),
        ({"payer_amount": {"least": "5", "suggested": ["4"]}}, "payer_amount.suggested"),
        ({"payer_amount": {"least": "1", "suggested": list("1234567")}}, "payer_amount.suggested"),
        ({"custom_fields": [{"key": "A", "label": "x"}]}, "custom_fields[0].key"),
        ({"custom_fields": [{"key": "a", "label": "x"}] * 2}, "custom_fields"),
        (
            {"custom_fields": [{"key": "a", "label": "x", "type": "choice"}]},
            "custom_fields[0].choices",
        ),
        ({"rails": ["cash"]}, "rails[0]"),
        ({"embed_origins": ["https://*.example.com"]}, "embed_origins[0]"),
        ({"success_url": "https://shop.example.com/"}, "success_url"),
        ({"max_uses": 0}, "max_uses"),
    ],
)
@pytest.mark.same_everywhere
def test_what_is_wrong_with_what_a_page_asks_for_is_named(
    api: Api, fields: dict[str, Any], field: str
) -> None:
    answer = api.post("/v1/checkout_pages", {"title": "x", "currency": "USD", **fields})
    assert answer.status_code == 400, answer.json()
    assert answer.json()["error"]["details"]["fields"][0]["field"] == field
    assert api.get("/v1/checkout_pages").json()["data"] == []


def test_items_are_changed_by_their_ids_and_keep_what_they_sold(
    client: Client, api: Api, test_merchant: Merchant
) -> None:
    page = given_tickets(test_merchant)
    client.post(f"/pay/{page.public_id}", CLEO | quantities(page, 1, 3))
    path = f"/v1/checkout_pages/{page.public_id}"
    weekend = api.get(path).json()["items"][1]
    assert (weekend["stock"], weekend["tax_rate"]) == (5, None)
    changed = api.patch(path, {"items": [{**weekend, "unit_price": "40"}]}).json()["items"]
    assert changed == [{**weekend, "unit_price": "40.00"}]
    assert "2 left" in client.get(f"/pay/{page.public_id}").content.decode()
    # Another currency reads the same figures in it; what it cannot hold is refused.
    euros = api.patch(path, {"currency": "EUR"}).json()
    assert (euros["currency"], euros["items"][0]["unit_price"]) == ("EUR", "40.00")
    fixed = api.patch(path, {"items": [], "amount": "9"}).json()
    assert (fixed["items"], fixed["amount"]) == ([], "9.00")
    assert api.patch(path, {"items": [weekend]}).json()["error"]["details"]["fields"] == [
        {
            "field": "items",
            "message": "goes without amount: a page asks for one of amount, payer_amount and items",
        }
    ]


def test_only_the_rails_of_its_page_are_offered(
    client: Client, api: Api, anonymous_api: Api, test_merchant: Merchant
) -> None:
    page = given_a_checkout_page(test_merchant, rails=["usdc"])
    slug = client.post(f"/pay/{page.public_id}", CLEO)["Location"][3:]
    seen = anonymous_api.get(f"/v1/invoices/pay/{slug}").json()
    assert (seen["rails"], seen["usdc_chains"]) == ([], ["sandbox"])
    refused = anonymous_api.post(f"/v1/invoices/pay/{slug}/checkout", {"rail": "sandbox"})
    assert refused.json()["error"]["code"] == "not_configured"
    api.patch(f"/v1/checkout_pages/{page.public_id}", {"rails": ["card"]})
    seen = anonymous_api.get(f"/v1/invoices/pay/{slug}").json()
    assert (seen["rails"], seen["usdc_chains"]) == (["sandbox"], [])


def test_totals_are_by_page_rail_and_day(
    client: Client, api: Api, test_merchant: Merchant, clock: WallClock
) -> None:
    one, two = given_a_checkout_page(test_merchant), given_a_checkout_page(test_merchant)
    for page, hours in ((one, 0), (one, 24), (two, 24)):
        clock.move(hours=hours)
        pay(Invoice.objects.get(slug=client.post(f"/pay/{page.public_id}", CLEO)["Location"][3:]))

    def row(sales: int, amount: str, **more: str) -> dict[str, Any]:
        known = {"currency": "USD", "sales": sales, "amount": amount, "amount_refunded": "0.00"}
        return {**known, **more}

    told = api.get("/v1/sales/totals").json()
    assert told["totals"] == [row(3, "147.00")]
    assert [(each["checkout_page_id"], each["sales"]) for each in told["by_page"]] == [
        (one.public_id, 2),
        (two.public_id, 1),
    ]
    assert told["by_rail"] == [row(3, "147.00", rail="sandbox")]
    assert told["by_day"] == [
        row(1, "49.00", day="2026-03-04"),
        row(1, "49.00", day="2026-03-03"),
        row(1, "49.00", day="2026-03-02"),
    ]
    assert told["paid_before"] > told["paid_after"]
    cut = api.get(
        "/v1/sales/totals", {"paid_after": "2026-03-04", "checkout_page_id": one.public_id}
    )
    assert cut.json()["totals"] == []
    for wrong in ({"paid_after": "2025-01-01"}, {"paid_after": "2026-04-01"}):
        assert api.get("/v1/sales/totals", wrong).status_code == 400


@pytest.mark.same_everywhere
def test_a_page_and_its_form_ask_the_database_as_often_for_many_items_as_for_one(
    client: Client, test_merchant: Merchant, django_assert_num_queries: Any
) -> None:
    many = [{"name": f"Item {n}", "unit_price": "1", "stock": 3} for n in range(20)]
    for items in (many[:1], many):
        page = given_tickets(test_merchant, items=items)
        with django_assert_num_queries(3):
            client.get(f"/pay/{page.public_id}")


@pytest.mark.same_everywhere
def test_beginning_is_limited_by_address_and_by_page(
    client: Client, test_merchant: Merchant, settings: Any
) -> None:
    page = given_a_checkout_page(test_merchant)
    for limits in ({"begin": (1, 60)}, {"page": (1, 60)}):
        settings.RATE_LIMITS = limits
        answers = [
            client.post(f"/pay/{page.public_id}", CLEO, REMOTE_ADDR=f"192.0.2.{last}")
            for last in (1, 1 if "begin" in limits else 2)
        ]
        assert [answer.status_code for answer in answers] == [303, 429]
    assert timedelta(seconds=int(answers[1]["Retry-After"])) <= timedelta(minutes=1)
