"""Every tool × every object × everybody who may not: what a tool is asked is its endpoint's."""

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from checkout.bots.mcp_projection import Tool
from checkout.bots.mcp_server import by_name
from invoicing.models import Merchant
from invoicing.permissions import FOR_BOTS
from tests.factories import given_a_key
from tests.fixtures_api import everything
from tests.fixtures_mcp import Model, error_of, text_of
from tests.fixtures_stripe import Stripe
from tests.matrix.declared import ANY_KEY, expired, filled, key_of, revoked
from tests.matrix.dialects import DIALECTS
from tests.matrix.native import NATIVE
from tests.matrix.world import world

pytestmark = pytest.mark.same_everywhere

DECLARED = NATIVE | DIALECTS
TOOLS = list(by_name().values())
WITH_OBJECTS = [tool for tool in TOOLS if DECLARED[tool.asks].things]


def arguments(tool: Tool, things: dict[str, str]) -> dict[str, Any]:
    """What the matrix asks of the tool's endpoint, as the tool takes it."""
    said = DECLARED[tool.asks]
    ids = {tool.id_argument(place): things[thing] for place, thing in said.uses.items()}
    body = filled(said.body, things)
    return {**ids, **{tool.field_argument(name): value for name, value in body.items()}}


def names(who: Model) -> list[str]:
    """The tools that are listed for this key."""
    return [tool["name"] for tool in who.tools()]


def told_of(things: dict[str, str], result: dict[str, Any], but: str = "") -> list[str]:
    """Which of these things' ids stand in a result."""
    text = str(result).replace(but, "") if but else str(result)
    ids = {value for kind, value in things.items() if not kind.endswith("number")}
    return [value for value in ids if value in text]


def test_every_tool_is_declared() -> None:
    assert {tool.asks for tool in TOOLS} <= set(DECLARED)


def test_who_has_the_permission_gets_what_the_tool_promises(
    subtests: pytest.Subtests,
    test_merchant: Merchant,
    adas: dict[str, str],
    stripe_account: Stripe,
) -> None:
    """The control of all that follows."""
    wanted = {DECLARED[tool.asks].needs for tool in TOOLS}
    keys = {
        needs: given_a_key(test_merchant, ["events:read" if needs == ANY_KEY else needs])
        for needs in wanted
    }
    listed = {needs: names(Model(key)) for needs, key in keys.items()}
    for tool in TOOLS:
        needs = DECLARED[tool.asks].needs
        with subtests.test(tool.name), stripe_account.tried_out():
            who = Model(keys[needs])
            assert tool.name in listed[needs]
            if "approval" in DECLARED[tool.asks].things:
                # Without bots:read a bot sees the approvals that it has asked for itself.
                who = Model(key_of(test_merchant, {"bot": adas["asker"]}, [needs]))
            result = who.call(tool.name, arguments(tool, adas))
            assert not result.get("isError"), text_of(result)
            # What a client was told holds as well, in fewer words.
            told = tool.listed
            Draft202012Validator(told.input_schema).validate(arguments(tool, adas))
            for schema in (tool.output_schema, told.output_schema):
                Draft202012Validator(schema or {}).validate(result["structuredContent"])
            # Ids and amounts are Billhook's own words; nothing of them needs a fence.
            places = " ".join(result["_meta"].get("billhook/untrusted", []))
            assert not re.search(r"\.(id|status|total|amount\w*|currency|object)\b", places)


def test_a_key_without_the_permission_neither_sees_nor_uses_a_tool(
    subtests: pytest.Subtests, test_merchant: Merchant, adas: dict[str, str]
) -> None:
    keys = {needs: given_a_key(test_merchant, FOR_BOTS - {needs}) for needs in FOR_BOTS}
    listed = {needs: names(Model(key)) for needs, key in keys.items()}
    before = everything()
    for tool in TOOLS:
        needs = tool.endpoint.needs
        if needs is None:
            continue
        assert needs == DECLARED[tool.asks].needs
        with subtests.test(tool.name):
            who = Model(keys[needs])
            assert tool.name not in listed[needs]
            result = who.call(tool.name, arguments(tool, adas))
            assert error_of(result)["code"] == "missing_permission"
            assert error_of(result)["details"] == {"permission": needs}
            assert told_of(adas, result) == []
    assert everything() == before


def test_without_a_key_that_holds_no_tool_is_seen_or_used(
    subtests: pytest.Subtests, test_merchant: Merchant, adas: dict[str, str]
) -> None:
    keys = {"no key": "", "revoked": revoked(test_merchant), "expired": expired(test_merchant)}
    before = everything()
    for whose, key in keys.items():
        who = Model(key)
        assert who.ask("tools/list").status_code == 401
        for tool in TOOLS:
            with subtests.test(tool.name, key=whose):
                asked = {"name": tool.name, "arguments": arguments(tool, adas)}
                answer = who.ask("tools/call", asked, Mcp_Name=tool.name)
                assert answer.status_code == 401
                assert answer.json()["error"]["data"]["code"] == "unauthorized"
                assert told_of(adas, answer.json()) == []
    assert everything() == before


def test_another_merchants_objects_do_not_exist(
    subtests: pytest.Subtests,
    ben_merchant: Merchant,
    adas: dict[str, str],
    stripe_account: Stripe,
) -> None:
    bens = world(ben_merchant, stripe_account)
    who = Model(given_a_key(ben_merchant))
    nothing = dict.fromkeys(adas, "inv_" + "0" * 24)
    before = everything()
    for tool in WITH_OBJECTS:
        with subtests.test(tool.name):
            error = error_of(who.call(tool.name, arguments(tool, adas)))
            unknown = error_of(who.call(tool.name, arguments(tool, nothing)))
            assert (error["code"], error["details"]) == (unknown["code"], unknown["details"])
            assert error["code"] == "not_found"
            assert told_of(adas, error, but=error["message"]) == []
    assert everything() == before
    for tool in TOOLS:
        if tool.endpoint.page and not tool.places:
            with subtests.test(tool.name, lists=True):
                result = who.call(tool.name)
                assert told_of(adas, result) == []
                # The control: one's own are there.
                assert told_of(bens, result) != []
