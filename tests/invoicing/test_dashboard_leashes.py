"""A bot's leash in the dashboard: told in a line, changed by a form without script."""

from typing import Any

import pytest

from invoicing.actions.leashes import set_leash
from invoicing.api.tools import allowable
from invoicing.inputs import read
from invoicing.leashes import LeashInput
from invoicing.models import Bot, Event, Leash, Merchant, User
from tests.factories import again, given_a_customer, given_a_key, given_an_approval
from tests.fixtures import Api
from tests.fixtures_dashboard import Browser, form_of, given_a_colleague, text_of

LIMIT = {"kind": "refund", "currency": "USD", "per_day": "200", "approval_above": "50"}


@pytest.fixture
def bot(test_merchant: Merchant) -> Bot:
    given_a_key(test_merchant)
    return Bot.objects.filter(merchant=test_merchant).latest("pk")


def path(bot: Bot, rest: str = "") -> str:
    return f"api-keys/bots/{bot.public_id}/leash/{rest}"


def leashed(bot: Bot, **wanted: Any) -> Leash:
    return set_leash(bot.merchant, bot.public_id, read(LeashInput, wanted))


def test_a_bot_is_put_on_a_leash_by_clicking(
    ada_browser: Browser, bot: Bot, test_merchant: Merchant, ada: User
) -> None:
    cleo = given_a_customer(test_merchant)
    ben = given_a_customer(test_merchant, name="Ben", email="Ben@ben.example")
    assert "Put on a leash" in text_of(ada_browser.get("api-keys/"))
    data = ada_browser.form(path(bot)).data(
        limit_0_approval_above="50",
        limit_0_per_day="200",
        customers=f"{cleo.public_id}, ben@ben.example",
        tools=["refund_invoice", "get_invoice"],
    )
    for _ in range(2):
        assert ada_browser.post(path(bot), data).url == "/dashboard/api-keys/"
    leash = Leash.objects.get(bot=bot)
    assert leash.limits == [
        {
            "kind": "refund",
            "currency": "USD",
            "per_action": None,
            "per_day": 20000,
            "per_payee": None,
            "approval_above": 5000,
        }
    ]
    assert leash.customers == sorted([cleo.public_id, ben.public_id])
    assert leash.tools == ["get_invoice", "refund_invoice"]
    said = text_of(ada_browser.get("api-keys/"))
    assert "May refund up to $50.00 by itself, at most $200.00 a day." in said
    assert "Deals with 2 named customers only. Uses 2 named tools only." in said
    event = Event.objects.get(type="bot.leash_set")
    assert (event.object_id, event.actor_id) == (bot.public_id, ada.public_id)


def test_the_form_shows_what_holds_and_what_was_used(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    bot = given_an_approval(test_merchant, "60.00").bot
    page = ada_browser.get(path(bot))
    form = form_of(page)
    assert (form["limit_0_kind"], form["limit_0_currency"]) == ("refund", "USD")
    assert (form["limit_0_approval_above"], form["limit_0_per_day"]) == ("50.00", "")
    assert "Used today: $60.00" in text_of(page)


def test_limits_come_and_go_without_script(ada_browser: Browser, bot: Bot) -> None:
    leashed(bot, limits=[LIMIT], tools=["get_invoice"])
    data = ada_browser.form(path(bot)).data(add="1", tools=["refund_invoice"])
    more = form_of(ada_browser.post(path(bot), data))
    assert (more["limit_0_per_day"], more["limit_1_kind"]) == ("200.00", "refund")
    assert [value for name, value in more.values if name == "tools"] == ["refund_invoice"]
    fewer = form_of(ada_browser.post(path(bot), more.data(remove="0")))
    assert fewer["limit_0_per_day"] == ""
    assert again(bot.leash).tools == ["get_invoice"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"limit_0_per_day": "x"}, "Limit 1: at most a day"),
        ({"limit_0_per_day": "0.001"}, "Limit 1: at most a day"),
        ({"limit_0_currency": "XXX"}, "Limit 1: currency"),
        ({"customers": "cus_0 nobody@example.com"}, "No customer is cus_0."),
        ({"tools": ["no_such_tool"]}, "Tools"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    ada_browser: Browser, bot: Bot, changes: dict[str, Any], said: str
) -> None:
    answer = ada_browser.submit(path(bot), **changes)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert not Leash.objects.exists()


def test_two_customers_of_one_address_are_named_by_id(
    ada_browser: Browser, bot: Bot, test_merchant: Merchant
) -> None:
    given_a_customer(test_merchant)
    given_a_customer(test_merchant)
    answer = ada_browser.submit(path(bot), customers="cleo@example.com")
    assert "Several customers have the address cleo@example.com" in text_of(answer)


def test_a_tool_that_is_gone_can_be_taken_out(ada_browser: Browser, bot: Bot) -> None:
    leash = leashed(bot, limits=[LIMIT])
    leash.tools = ["get_invoice", "send_pigeon"]
    leash.save()
    form = ada_browser.form(path(bot))
    assert "send_pigeon" in text_of(ada_browser.get(path(bot)))
    refused = ada_browser.post(path(bot), form.data())
    assert "Is no tool: send_pigeon" in text_of(refused)
    ada_browser.post(path(bot), form.data(tools=["get_invoice"]))
    assert again(leash).tools == ["get_invoice"]


def test_the_leash_comes_off_once_that_is_confirmed(
    ada_browser: Browser, bot: Bot, ada: User
) -> None:
    leashed(bot, limits=[LIMIT])
    assert "Take Ada's bot off its leash?" in text_of(ada_browser.get(path(bot, "remove/")))
    assert Leash.objects.exists()
    ada_browser.submit(path(bot, "remove/"))
    assert not Leash.objects.exists()
    event = Event.objects.get(type="bot.leash_removed")
    assert event.actor_id == ada.public_id
    assert '"per_day":"200.00"' in event.body
    # Once more removes nothing and tells nothing.
    ada_browser.post(path(bot, "remove/"))
    assert Event.objects.filter(type="bot.leash_removed").count() == 1
    told = text_of(ada_browser.get("events/"))
    assert "Leash of a bot set" in told and "Leash of a bot removed" in told


@pytest.mark.parametrize("role", ["viewer", "accountant", "admin"])
def test_whoever_makes_keys_sets_leashes(role: str, bot: Bot, test_merchant: Merchant) -> None:
    browser = given_a_colleague(test_merchant, role)
    assert browser.get(path(bot)).status_code == (200 if role == "admin" else 403)
    assert ("/leash/" in browser.get("api-keys/").content.decode()) is (role == "admin")


def test_anothers_bot_is_not_there(ben_browser: Browser, bot: Bot) -> None:
    for rest in ("", "remove/"):
        assert ben_browser.get(path(bot, rest)).status_code == 404
        assert ben_browser.post(path(bot, rest)).status_code == 404


def test_the_api_refuses_tools_that_there_are_not(api: Api, bot: Bot) -> None:
    address = f"/v1/bots/{bot.public_id}/leash"
    names = ["refund_invoce", "create_invoice", "me"]
    answer = api.send("PUT", address, {"tools": names})
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["fields"] == [
        {
            "field": "tools[0]",
            "message": "is no tool: refund_invoce; did you mean refund_invoice?",
        }
    ]
    assert api.send("PUT", address, {"tools": names[1:]}).status_code == 200


def test_every_tool_that_can_be_allowed_is_offered(ada_browser: Browser, bot: Bot) -> None:
    page = ada_browser.get(path(bot)).content.decode()
    found = allowable()
    assert len(found) > 100
    assert {"refund_invoice", "charge_customer", "list_invoices"} <= found.keys()
    assert not {"create_bot", "set_bot_leash", "me"} & found.keys()
    for name, tool in found.items():
        assert f'value="{name}"' in page
        assert tool.summary and tool.tag
