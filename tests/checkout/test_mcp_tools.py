"""Every tool of the table is described as its endpoint says; who may use it is the matrix's."""

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from checkout.bots.mcp_lean import lean_input, lean_output
from checkout.bots.mcp_server import by_name
from config.settings import BASE_DIR

pytestmark = pytest.mark.same_everywhere

TOOLS = list(by_name().values())


def test_every_tool_is_described_well(subtests: pytest.Subtests) -> None:
    for tool in TOOLS:
        with subtests.test(tool.name):
            told = tool.listed.model_dump(mode="json", by_alias=True, exclude_none=True)
            assert re.fullmatch(r"[a-z_]{2,64}", tool.name)
            # A leash names it so as well.
            assert tool.name.removeprefix("wallgent_") in tool.endpoint.tools
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


def test_a_model_is_told_of_a_tool_in_few_words() -> None:
    told = [tool.listed.model_dump_json(by_alias=True, exclude_none=True) for tool in TOOLS]
    assert sum(map(len, told)) / len(told) < 4_200
    assert '"pattern"' not in str(told)


@pytest.mark.parametrize(
    ("whole", "lean"),
    [
        ({"anyOf": [{"type": "string", "pattern": "x"}, {"type": "null"}]}, ["string", "null"]),
        ({"anyOf": [{"type": "string", "pattern": "x"}, {"type": "number"}]}, ["string", "number"]),
        ({"type": "string", "format": "uuid"}, "string"),
    ],
)
def test_types_are_told_at_once(whole: dict[str, Any], lean: Any) -> None:
    assert lean_output(whole) == {"type": lean}


@pytest.mark.parametrize(
    ("whole", "value", "other"),
    [
        ({"anyOf": [{"enum": ["a"], "type": "string"}, {"type": "null"}]}, None, "b"),
        ({"anyOf": [{"enum": ["a"], "type": "string"}, {"type": "number"}]}, 5, "b"),
        (
            {"anyOf": [{"items": {"type": "string"}, "type": "array"}, {"type": "null"}]},
            None,
            [5],
        ),
        ({"anyOf": [{"const": "a", "type": "string"}, {"type": "null"}]}, None, "b"),
        ({"properties": {"format": {"type": "string"}}}, {"format": "a"}, {"format": 5}),
    ],
)
def test_a_lean_schema_takes_what_the_whole_one_does(
    whole: dict[str, Any], value: Any, other: Any
) -> None:
    for schema in (whole, lean_output(whole), lean_input(whole)):
        assert Draft202012Validator(schema).is_valid(value)
        assert not Draft202012Validator(schema).is_valid(other)


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
