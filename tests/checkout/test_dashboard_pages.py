"""Checkout pages in the dashboard: made, looked at, changed and closed by forms without script."""

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from checkout.actions.checkout_pages import update_checkout_settings
from checkout.inputs import CheckoutSettingsChanges
from checkout.models import CheckoutPage
from invoicing.inputs import read
from invoicing.models import Merchant
from tests.factories import again, given_a_checkout_page, given_an_open_invoice, pay
from tests.fixtures import Api
from tests.fixtures_dashboard import Browser, Form, form_of, text_of

NEW = "checkout_pages/new/"


def typed(form: Form, **changes: Any) -> dict[str, Any]:
    return {**form.data(**changes), "do": "save"}


def test_an_empty_list_says_what_a_page_is(ada_browser: Browser) -> None:
    text = text_of(ada_browser.get("checkout_pages/"))
    assert "No checkout pages yet" in text
    assert "New checkout page" in text
    assert "No checkout page matches" in text_of(ada_browser.get("checkout_pages/?q=x"))


def test_a_page_that_sells_items_is_made_by_clicking(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    form = ada_browser.form(NEW)
    sent = form.data(title="Fair", asks="items", description="Two days of looms")
    shown = ada_browser.post(NEW, {**sent, "do": "add-item"})
    sent = form_of(shown).data(item_0_name="Day ticket", item_0_unit_price="20", item_0_stock="3")
    shown = ada_browser.post(NEW, {**sent, "do": "add-item"})
    sent = form_of(shown).data(item_1_name="Weekend", item_1_unit_price="35")
    shown = ada_browser.post(NEW, {**sent, "do": "add-question"})
    sent = form_of(shown).data(
        question_0_label="Size of shirt",
        question_0_type="choice",
        question_0_choices="S\r\nM\r\n",
        question_0_required="on",
    )
    assert sent["item_0_name"] == ["Day ticket"]
    # Taken away again, and the other keeps what was typed.
    shown = ada_browser.post(NEW, {**sent, "do": "remove-item-1"})
    sent = typed(form_of(shown))
    for _ in range(2):
        answer = ada_browser.post(NEW, sent)
        page = CheckoutPage.objects.get(merchant=test_merchant)
        assert answer.url == f"/dashboard/checkout_pages/{page.public_id}/"
    (item,) = page.on_sale
    assert (item.name, item.unit_price, item.stock, item.max_per_order) == (
        "Day ticket",
        2000,
        3,
        10,
    )
    assert page.custom_fields == [
        {
            "key": "size_of_shirt",
            "label": "Size of shirt",
            "type": "choice",
            "help": "",
            "required": True,
            "choices": ["S", "M"],
        }
    ]
    text = text_of(ada_browser.get(f"checkout_pages/{page.public_id}/"))
    for words in ("Fair", "1 item", "Day ticket", f"/pay/{page.public_id}", "No sales"):
        assert words in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"title": ""}, "Title: Must not be empty."),
        ({"amount": ""}, "Amount: Must be"),
        ({"amount": "1.005"}, "Amount: Must have at most 2 decimal places."),
        ({"asks": "items"}, "It asks for: Add an item first."),
        ({"asks": "choice", "least": "5", "most": "4"}, "At most: Must be at least as much"),
        ({"asks": "choice", "least": "5", "suggested": "1 6"}, "Suggested amounts: Must lie"),
        ({"max_uses": "none"}, "How often in all: Must be a whole number."),
        ({"success_url": "https://shop.example.com/"}, "is not one of your registered"),
        ({"embed_origins": "https://a.example/x"}, "Sites that may show it in a frame: Must be"),
    ],
)
@pytest.mark.same_everywhere
def test_what_is_wrong_is_said_beside_its_field(
    ada_browser: Browser, changes: dict[str, str], said: str
) -> None:
    sent = {"title": "x", "asks": "amount", "amount": "5", "currency": "USD", **changes}
    answer = ada_browser.post(NEW, typed(ada_browser.form(NEW), **sent))
    assert answer.status_code == 422
    assert said in text_of(answer).replace(" :", ":")
    assert not CheckoutPage.objects.exists()


def test_a_page_is_changed_and_everything_else_stays(
    ada_browser: Browser, api: Api, test_merchant: Merchant
) -> None:
    update_checkout_settings(
        test_merchant, read(CheckoutSettingsChanges, {"return_origins": ["https://shop.example"]})
    )
    page = given_a_checkout_page(
        test_merchant,
        amount=None,
        payer_amount={"least": "5", "most": "50", "suggested": ["10", "20"]},
        expires_at="2026-04-01T12:00:00Z",
        max_uses=9,
        rails=["usdc"],
        success_url="https://shop.example/thanks",
        embed_origins=["https://shop.example"],
        custom_fields=[{"key": "why", "label": "Why?", "type": "long_text"}],
    )
    path = f"checkout_pages/{page.public_id}/edit/"
    before = api.get(f"/v1/checkout_pages/{page.public_id}").json()
    stale = typed(ada_browser.form(path), title="Too late")
    ada_browser.post(path, typed(ada_browser.form(path), title="Box"))
    after = api.get(f"/v1/checkout_pages/{page.public_id}").json()
    assert {**before, "title": "Box", "updated_at": after["updated_at"]} == after
    if again(page).updated_at != page.updated_at:
        assert "Somebody else" in text_of(ada_browser.post(path, stale))


def test_the_preview_is_the_page_and_saves_nothing(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    sent = ada_browser.form(NEW).data(title="A <b>box</b>", amount="12.50", currency="EUR")
    shown = ada_browser.post(NEW, {**sent, "do": "preview"})
    document = re.search(r'srcdoc="([^"]*)"', shown.content.decode())
    assert document
    assert "Continue to pay €12.50" in document[1]
    assert "A &amp;lt;b&amp;gt;box" in document[1]
    assert "script src" not in document[1]
    part = ada_browser.post(NEW, {**sent, "do": "preview"}, **{"HX-Request": "true"})
    assert part.content.decode().lstrip().startswith("<iframe")
    wrong = {**sent, "title": "", "do": "preview"}
    assert ada_browser.post(NEW, wrong, **{"HX-Request": "true"}).status_code == 204
    assert ada_browser.post(NEW, wrong).status_code == 422
    assert not CheckoutPage.objects.exists()
    assert "--brand" in ada_browser.get("checkout_pages/brand.css").content.decode()


def test_it_is_deactivated_activated_and_archived(
    ada_browser: Browser, client: Client, test_merchant: Merchant
) -> None:
    page = given_a_checkout_page(test_merchant)
    path = f"checkout_pages/{page.public_id}/"
    ada_browser.submit(path, "/active/")
    assert "takes no payments here" in client.get(f"/pay/{page.public_id}").content.decode()
    ada_browser.submit(path, "/active/")
    assert again(page).active
    assert "Archive Workshop ticket?" in text_of(ada_browser.get(f"{path}archive/"))
    assert again(page).archived_at is None
    ada_browser.submit(f"{path}archive/")
    assert client.get(f"/pay/{page.public_id}").status_code == 404
    assert "is archived." in text_of(ada_browser.get("checkout_pages/"))
    assert "Workshop ticket" not in text_of(ada_browser.get("checkout_pages/?state=active"))
    assert "Workshop ticket" in text_of(ada_browser.get("checkout_pages/?state=archived"))


def test_what_can_be_pasted_elsewhere_does_what_it_says(
    ada_browser: Browser, client: Client, api: Api, test_merchant: Merchant
) -> None:
    page = given_a_checkout_page(
        test_merchant,
        title='Ada\'s "box" & <more>',
        amount=None,
        items=[{"name": "It's one", "unit_price": "5", "stock": 2}],
        embed_origins=["https://shop.example"],
    )
    shown = ada_browser.get(f"checkout_pages/{page.public_id}/")
    text = text_of(shown)
    assert f"/pay/{page.public_id}/embed" in text
    call = re.search(r"-d '(.*?)' Copy", text)
    assert call
    body = json.loads(call[1].replace("'\\''", "'"))
    made = api.post("/v1/checkout_pages", body).json()
    like = {"id", "url", "created_at", "updated_at", "items"}
    assert {k: v for k, v in made.items() if k not in like} == {
        k: v
        for k, v in api.get(f"/v1/checkout_pages/{page.public_id}").json().items()
        if k not in like
    }
    button = client.get(f"/pay/{page.public_id}/button.css")
    assert ".billhook-button{" in button.content.decode()
    assert "Ada&amp;#x27;s &amp;quot;box" in shown.content.decode()


@pytest.mark.same_everywhere
def test_where_payers_may_go_is_said_on_a_page_of_its_own(
    ada_browser: Browser, api: Api, test_merchant: Merchant
) -> None:
    path = "checkout_pages/origins/"
    wrong = ada_browser.submit(path, return_origins="https://shop.example/x")
    assert wrong.status_code == 422
    assert "without path or wildcard" in text_of(wrong)
    ada_browser.submit(path, return_origins="https://shop.example\nhttp://localhost:8080/")
    told = api.get("/v1/checkout_settings").json()["return_origins"]
    assert told == ["https://shop.example", "http://localhost:8080"]


@pytest.mark.same_everywhere
def test_lists_ask_the_database_as_often_for_many_as_for_one(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    counted: list[list[int]] = []
    first = given_a_checkout_page(test_merchant)
    paths = ("checkout_pages/", f"checkout_pages/{first.public_id}/")
    for _ in range(2):
        for page in (first, given_a_checkout_page(test_merchant)):
            pay(given_an_open_invoice(test_merchant, checkout_page_id=page.public_id))
        asked = []
        for path in paths:
            with CaptureQueriesContext(connection) as seen:
                assert ada_browser.get(path).status_code == 200
            asked.append(len(seen))
        counted.append(asked)
    assert counted[0] == counted[1]
    assert "$200.00" in text_of(ada_browser.get("checkout_pages/"))
