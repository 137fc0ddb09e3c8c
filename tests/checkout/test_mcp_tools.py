"""Every tool of the table: whom it lets, what it shows, and that it shows what it says it would.

The objects are the matrix's, where every endpoint says what it may be used on.
"""

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from checkout.bots.mcp_projection import Tool
from checkout.bots.mcp_server import by_name
from config.settings import BASE_DIR
from invoicing.models import Merchant
from invoicing.permissions import FOR_BOTS
from tests.factories import given_a_key
from tests.fixtures_api import everything
from tests.fixtures_mcp import Model, error_of, text_of
from tests.fixtures_stripe import Stripe
from tests.matrix.test_matrix import ANY_KEY, Declared, world
from tests.matrix.test_matrix import DECLARED as NATIVE

pytestmark = pytest.mark.same_everywhere

WALLGENT = "/compat/wallgent/v1/invoices"
BILL = {
    "walletId": "{wallet}",
    "customerId": "{customer}",
    "lineItems": [{"description": "x", "unitPrice": "1"}],
}
CHARGE = {
    "walletId": "{wallet}",
    "customerId": "{saver}",
    "amount": "5.00",
    "description": "x",
}
DECLARED = NATIVE | {
    f"POST {WALLGENT}": Declared("invoices:write", body=BILL),
    f"GET {WALLGENT}": Declared("invoices:read"),
    f"POST {WALLGENT}/{{reference}}/finalize": Declared("invoices:write", {"reference": "draft"}),
    f"POST {WALLGENT}/charge": Declared("payments:write", body=CHARGE),
    f"POST {WALLGENT}/{{reference}}/void": Declared("invoices:write", {"reference": "plain"}),
    f"POST {WALLGENT}/{{reference}}/refund": Declared("payments:write", {"reference": "paid"}),
}
TOOLS = list(by_name().values())
WITH_OBJECTS = [
    tool
    for tool in TOOLS
    if DECLARED[tool.asks].uses
    or any(str(value)[:1] == "{" for value in DECLARED[tool.asks].body.values())
]


def arguments(tool: Tool, things: dict[str, str]) -> dict[str, Any]:
    """What the matrix asks of the tool's endpoint, as the tool takes it."""
    said = DECLARED[tool.asks]
    ids = {tool.id_argument(place): things[thing] for place, thing in said.uses.items()}
    body = {
        tool.field_argument(name): things[value[1:-1]]
        if isinstance(value, str) and value.startswith("{")
        else value
        for name, value in said.body.items()
    }
    return {**ids, **body}


@pytest.fixture
def adas(test_merchant: Merchant, stripe_account: Stripe) -> dict[str, str]:
    return world(test_merchant, stripe_account)


def names(who: Model) -> list[str]:
    """The tools that are listed for this key."""
    return [tool["name"] for tool in who.tools()]


def told_of(things: dict[str, str], result: dict[str, Any], but: str = "") -> list[str]:
    """Which of these things' ids stand in a result."""
    text = str(result).replace(but, "") if but else str(result)
    ids = {value for kind, value in things.items() if not kind.endswith("number")}
    return [value for value in ids if value in text]


def test_every_tool_is_described_well(subtests: pytest.Subtests) -> None:
    for tool in TOOLS:
        with subtests.test(tool.name):
            told = tool.listed.model_dump(mode="json", by_alias=True, exclude_none=True)
            assert re.fullmatch(r"[a-z_]{2,64}", tool.name)
            # Another system's answers have its own document, and no shape of ours.
            assert ("outputSchema" in told) != tool.name.startswith("wallgent_")
            for schema in (told["inputSchema"], told.get("outputSchema", {"type": "object"})):
                Draft202012Validator.check_schema(schema)
                assert schema["type"] == "object"
            hints = told["annotations"]
            assert hints["readOnlyHint"] == (tool.method == "GET" or tool.name.startswith("prev"))
            assert set(hints) == {
                "readOnlyHint",
                "destructiveHint",
                "idempotentHint",
                "openWorldHint",
            }
            assert tool.text.endswith((".", "first."))
            # What can be lost on the way says how to ask again.
            if tool.makes:
                assert "SAME idempotency_key" in tool.text
                assert (
                    "48 hours"
                    in told["inputSchema"]["properties"]["idempotency_key"]["description"]
                )


def test_money_tools_say_that_they_move_money() -> None:
    destructive = {tool.name for tool in TOOLS if tool.hints.destructive_hint}
    assert destructive >= {
        "void_invoice",
        "refund_invoice",
        "charge_customer",
        "charge_invoice",
        "create_credit_note",
        "cancel_recurring_charge",
        "create_recurring_charge",
        "mark_paid",
        "mark_uncollectible",
    }
    assert not destructive & {tool.name for tool in TOOLS if tool.hints.read_only_hint}
    # No verb of a state has a key of its own making: its kept answer would soon be wrong.
    verbs = ("finalize", "void", "pause", "resume", "cancel", "send", "mark_uncollectible")
    assert not [tool.name for tool in TOOLS if tool.makes and tool.name.startswith(verbs)]


def test_the_guide_names_every_tool_and_its_permission() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (\S+) \|", (BASE_DIR / "docs/mcp.md").read_text(), re.MULTILINE
    )
    assert rows == [
        (tool.name, f"`{tool.endpoint.needs}`" if tool.endpoint.needs else "any") for tool in TOOLS
    ]


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
            result = who.call(tool.name, arguments(tool, adas))
            assert not result.get("isError"), text_of(result)
            problems = [
                f"{problem.json_path}: {problem.message[:200]}"
                for problem in Draft202012Validator(tool.output_schema or {}).iter_errors(
                    result["structuredContent"]
                )
            ]
            assert problems == []
            # Ids and amounts are Billhook's own words; nothing of them needs a fence.
            places = " ".join(result["_meta"].get("billhook/untrusted", []))
            assert not re.search(r"\.(id|status|total|amount\w*|currency|object)\b", places)


def test_an_invoice_that_is_only_worked_out_is_promised_as_well(ada_key: str) -> None:
    """Clients of the official kits refuse an answer that is not of the tool's shape."""
    (tool,) = [tool for tool in TOOLS if tool.name == "quick_invoice"]
    asked = {"message": "Invoice Acme $5 for tea", "dry_run": True}
    told = Model(ada_key).call(tool.name, asked)["structuredContent"]
    validator = Draft202012Validator(tool.output_schema or {})
    assert validator.is_valid(told)
    assert not validator.is_valid({**told, "invoice": {**told["invoice"], "total": None}})


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
