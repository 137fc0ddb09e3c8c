"""Every field of every body with all that it may not be: refused by name, nothing changed."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from invoicing.inputs import (
    CustomerChanges,
    CustomerInput,
    InvoiceChanges,
    InvoiceInput,
    WebhookEndpointChanges,
    WebhookEndpointInput,
)
from invoicing.models import Invoice, Merchant
from payments.actions.wallets import create_wallet
from payments.inputs import MarkPaidInput, WalletChanges, WalletInput
from payments.models import Wallet
from tests.factories import (
    given_a_customer,
    given_a_draft,
    given_an_endpoint,
    given_an_open_invoice,
)
from tests.fixtures import Api
from tests.fixtures_api import everything


@dataclass(frozen=True)
class Raw:
    """A piece of JSON exactly as it goes over the wire."""

    text: str


@dataclass(frozen=True)
class Kind:
    """What a field of this kind refuses, and whether it takes null."""

    bad: tuple[Any, ...]
    null: bool = False

    @property
    def refused(self) -> list[Any]:
        return [*self.bad, *([] if self.null else [None])]


def optional(kind: Kind) -> Kind:
    return Kind(kind.bad, null=True)


NOT_TEXT = (5, Raw("1.5"), True, [], {}, ["x"])
NOT_JSON_NUMBERS = (
    Raw("NaN"),
    Raw("Infinity"),
    Raw("-Infinity"),
    Raw("1e3"),
    Raw("1E-2"),
    Raw("1e999999999"),
    Raw("1" * 70),
)
NOT_A_NUMBER = (
    *NOT_JSON_NUMBERS,
    *("NaN", "Infinity", "-inf", "1e3", "１２", "1_000", "1,5", "1 000", "0x10", "", "+1"),
    *("01", ".5", "1.", "٣", "-0.5", -1, Raw("-0.01"), True, False, [], {}),
)


def text(length: int, *, lines: bool = False) -> Kind:
    control = ("a\x00b", "a\x1bb", "a\x7fb", "a\u2028b", Raw('"a\\ud800b"'))
    return Kind((*NOT_TEXT, "x" * (length + 1), *control, *(() if lines else ("a\nb", "a\tb"))))


def named(length: int, *, lines: bool = False) -> Kind:
    return Kind((*text(length, lines=lines).bad, "", "   "))


def decimal(places: int, most: str, *, zero: bool = True) -> Kind:
    too_fine = "0." + "0" * places + "1"
    too_much = str(int(most) + 1)
    nothing = () if zero else ("0", "0.00", 0)
    return Kind((*NOT_A_NUMBER, too_fine, Raw(too_fine), too_much, Raw(too_much), *nothing))


CHOICE = Kind((*NOT_TEXT, "", "other thing", "EXCLUSIVE"))
YES_OR_NO = Kind(("true", "yes", 1, 0, Raw("1.0"), "", [], {}))
CURRENCY = Kind((*NOT_TEXT, "", "US", "XXZ", "USDX", "ＵＳＤ", "U\x00D", "XAU"))
LANGUAGE = Kind((*NOT_TEXT, "english", "e", "de_", "d\x00", "日本", "x" * 11, "xx", "de-XX"))
COUNTRY = Kind((*NOT_TEXT, "XX", "D", "DEU", "ＤＥ", "ZZ"))
EMAIL = Kind(
    (
        *NOT_TEXT,
        *("cleo", "cleo@", "@example.com", "a b@example.com", "a@b@c.com", "a@exa mple.com"),
        *("a@example.com\nBcc: ben@example.com", "a@example.com\x00", "x" * 250 + "@example.com"),
    )
)
INSTANT = Kind(
    (
        *(1767225600, Raw("1767225600.5"), True, [], {}, "", "soon", "2026", "2026-13-01"),
        *("2026-02-30", "01.02.2026", "2026-12-31T12:00:00", "２０２６-01-01", "1999-12-31"),
        *("2201-01-01", "2026-01-01T25:00:00Z", "2026-12-31T12:00:00+99:00", Raw("1e9")),
    )
)
METADATA = Kind(
    (
        *("x", 5, True, [], [1]),
        {f"key{number}": 1 for number in range(51)},
        {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}},
        {"a": [[[[[1]]]]]},
        {"long": "x" * 8200},
        {"umlauts": "ü" * 4200},
        {"k" * 65: 1},
        {"": 1},
        {"a": "\x00"},
        {"a\x00": 1},
        {"a": Raw("NaN")},
        {"a": [Raw("1e400")]},
        {"a": Raw('"\\ud800"')},
    )
)
OBJECT = Kind(("x", 5, True, [], [{}]))
EVENT_TYPES = Kind(("*", 5, {}, [], ["invoice.lost"], ["invoice"], [5], ["*", None]))
URL = Kind(
    (
        *NOT_TEXT,
        *("", "example.com", "ftp://example.com/", "https://", "https://user:pw@example.com/"),
        *("http://127.0.0.1/", "http://localhost:9/", "http://10.0.0.1/", "http://[::1]/"),
        *("http://169.254.169.254/", "http://2130706433/", "http://0x7f.1/", "javascript:alert(1)"),
        *(
            "https://example.com/" + "x" * 2000,
            "https://exa\nmple.com/",
            "https://example.com/\x00",
        ),
    )
)

EVM_ADDRESS = Kind(
    (
        *NOT_TEXT,
        *("0x", "0x12", "somebody.eth", "70997970C51812dc3A010C7d01b50e0d17dc79C8"),
        *("0x70997970c51812dc3A010C7d01b50e0d17dc79C8", "0x" + "g" * 40, "0x" + "1" * 41),
    )
)
UNIT_PRICE = decimal(12, "1000000000000")
PERCENT = decimal(4, "100")
AMOUNT = decimal(8, "1000000000000")
TAXES = {
    "taxes": optional(Kind(("19", 19, {}, [19], [{"rate": "19"}] * 2, [{"rate": "1"}] * 6))),
    "taxes[0].rate": PERCENT,
    "taxes[0].name": text(50),
    "taxes[0].category": CHOICE,
    "tax_rate": optional(PERCENT),
    "tax_behavior": optional(CHOICE),
}
DISCOUNT = {
    "discount": optional(Kind((*OBJECT.bad, {}, {"percent": "1", "amount": "1"}))),
    # Null is as good as left out, and then neither of the two is there.
    "discount.percent": optional(PERCENT),
    "discount.amount": optional(Kind((*AMOUNT.bad, "0.001", "1000000"))),
}
ADDRESS = {
    **{f"address.{name}": text(200) for name in ("line1", "line2", "city", "state")},
    "address.postal_code": text(20),
    "address.country": COUNTRY,
}
INVOICE: dict[str, Kind] = {
    "customer_id": optional(text(40)),
    "wallet_id": optional(text(40)),
    "wallet_address": EVM_ADDRESS,
    "checkout_page_id": optional(text(40)),
    "tax_amount": optional(AMOUNT),
    "recipient": optional(OBJECT),
    "recipient.name": text(200),
    "recipient.email": EMAIL,
    "recipient.type": CHOICE,
    "currency": optional(CURRENCY),
    "line_items": Kind(
        ([], {}, "x", [5], [[]], [None], [{"description": "x", "unit_price": "1"}] * 501)
    ),
    "line_items[0].description": named(500, lines=True),
    "line_items[0].quantity": decimal(6, "1000000000", zero=False),
    "line_items[0].unit_price": UNIT_PRICE,
    **{f"line_items[0].{name}": kind for name, kind in {**TAXES, **DISCOUNT}.items()},
    **TAXES,
    **DISCOUNT,
    "title": text(200),
    "message": text(2000, lines=True),
    "memo": text(2000, lines=True),
    "notes": text(2000, lines=True),
    "purchase_order": text(100),
    "language": LANGUAGE,
    "allow_partial": YES_OR_NO,
    "due_at": optional(INSTANT),
    "expires_at": optional(Kind((*INSTANT.bad, "2020-01-01", "2020-01-01T00:00:00Z"))),
    "metadata": METADATA,
    "metadata_public": YES_OR_NO,
}
WHOLE = (*NOT_TEXT[1:], "7", "x")
RULE = "reminders.rules[0]"
REMINDERS: dict[str, Kind] = {
    "reminders": OBJECT,
    "reminders.mode": CHOICE,
    "reminders.rules": Kind(("x", {}, [5], [None], [{"days": day} for day in range(11)])),
    f"{RULE}.days": Kind((*WHOLE, -61, 366)),
    f"{RULE}.late_fee": optional(Kind((*OBJECT.bad, {}, {"percent": "1", "amount": "1"}))),
    f"{RULE}.late_fee.percent": optional(Kind((*decimal(4, "100").bad, "0"))),
    f"{RULE}.late_fee.amount": optional(decimal(8, "1000000000000", zero=False)),
    f"{RULE}.late_fee.currency": optional(CURRENCY),
    f"{RULE}.fee_repeats": YES_OR_NO,
    f"{RULE}.repeat_every_days": optional(Kind((*WHOLE, 0, 91))),
    f"{RULE}.repeat_at_most": optional(Kind((*WHOLE, 0, 25))),
}
CUSTOMER: dict[str, Kind] = {
    **REMINDERS,
    "name": named(200),
    "email": EMAIL,
    "phone": text(40),
    "address": OBJECT,
    **ADDRESS,
    "tax_ids": Kind(("x", {}, [5], [None], [{"type": "eu_vat", "value": "1"}] * 11)),
    "tax_ids[0].type": Kind((*NOT_TEXT, "", "EU VAT", "x" * 31, "eu-vat", "ｅｕ")),
    "tax_ids[0].value": named(50),
    "tax_exempt": CHOICE,
    "currency": optional(CURRENCY),
    "language": LANGUAGE,
    "metadata": METADATA,
}
ENDPOINT: dict[str, Kind] = {
    "url": URL,
    "description": text(200),
    "event_types": EVENT_TYPES,
    "dialect": Kind((*NOT_TEXT, "wayout", "Wallgent", "x" * 21)),
}
WALLET: dict[str, Kind] = {"name": named(100), "currency": CURRENCY, "is_default": YES_OR_NO}
MARK_PAID: dict[str, Kind] = {
    "amount": optional(Kind((*decimal(8, "1000000000000", zero=False).bad, "0.001", "100.01"))),
    "method": CHOICE,
    "reference": text(200),
    "tx_hash": Kind((*NOT_TEXT, "0x12", "0x" + "g" * 64, "0x" + "a" * 65)),
    "chain": Kind((*NOT_TEXT, "base", "x" * 33)),
    "note": text(500),
}

LINE = {"description": "Work", "unit_price": "10", "taxes": [{"rate": "19"}]}


@dataclass(frozen=True)
class Door:
    """A body's way in: method, address, the least it takes, and what each field refuses."""

    name: str
    method: str
    path: str
    body: dict[str, Any]
    fields: dict[str, Kind]
    model: type[BaseModel]


DOORS = [
    Door("invoice", "POST", "/v1/invoices", {"line_items": [LINE]}, INVOICE, InvoiceInput),
    Door("preview", "POST", "/v1/invoices/preview", {"line_items": [LINE]}, INVOICE, InvoiceInput),
    Door(
        "change of a draft",
        "PATCH",
        "/v1/invoices/{draft}",
        {"line_items": [LINE]},
        INVOICE,
        InvoiceChanges,
    ),
    Door("customer", "POST", "/v1/customers", {"name": "Cleo"}, CUSTOMER, CustomerInput),
    Door(
        "change of a customer", "PATCH", "/v1/customers/{customer}", {}, CUSTOMER, CustomerChanges
    ),
    Door(
        "webhook endpoint",
        "POST",
        "/v1/webhook_endpoints",
        {"url": "https://example.com/"},
        ENDPOINT,
        WebhookEndpointInput,
    ),
    Door(
        "change of an endpoint",
        "PATCH",
        "/v1/webhook_endpoints/{endpoint}",
        {},
        {**ENDPOINT, "enabled": YES_OR_NO},
        WebhookEndpointChanges,
    ),
    Door("wallet", "POST", "/v1/wallets", {"name": "Till", "currency": "USD"}, WALLET, WalletInput),
    Door(
        "change of a wallet",
        "PATCH",
        "/v1/wallets/{wallet}",
        {},
        {name: WALLET[name] for name in ("name", "is_default")},
        WalletChanges,
    ),
    Door("declared payment", "POST", "/v1/invoices/{open}/mark_paid", {}, MARK_PAID, MarkPaidInput),
]


@pytest.fixture
def world(test_merchant: Merchant) -> dict[str, str]:
    """One of everything that an address may name."""
    return {
        "draft": given_a_draft(test_merchant).public_id,
        "open": given_an_open_invoice(test_merchant).public_id,
        "customer": given_a_customer(test_merchant).public_id,
        "endpoint": given_an_endpoint(test_merchant, "https://example.com/").public_id,
        "wallet": create_wallet(test_merchant, WalletInput(name="Main", currency="USD")).public_id,
    }


def with_value(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The body with this value at `line_items[0].taxes[0].rate`."""
    changed = copy.deepcopy(body)
    steps = path.replace("[0]", ".0").split(".")
    here: Any = changed
    for step, following in zip(steps, steps[1:], strict=False):
        empty: Any = [{}] if following == "0" else {}
        if step == "0":
            here = here[0]
        else:
            here = here.setdefault(step, empty)
    here[0 if steps[-1] == "0" else steps[-1]] = value
    _make_room(changed, path)
    return changed


def _make_room(body: dict[str, Any], path: str) -> None:
    """Take out what would be refused beside the field that is tried."""
    line = body.get("line_items")
    if path.endswith(("tax_rate",)):
        if path.startswith("line_items"):
            line[0].pop("taxes", None)
        else:
            body.pop("taxes", None)
    for entry in body.get("tax_ids") or []:
        if path.startswith("tax_ids["):
            entry.setdefault("type", "eu_vat")
            entry.setdefault("value", "DE1")
    rules = (body.get("reminders") or {}).get("rules") if path.startswith(RULE) else None
    for rule in rules or []:
        body["reminders"].setdefault("mode", "own")
        rule.setdefault("days", 7)
        if path.endswith("currency") and "late_fee" in rule:
            rule["late_fee"].setdefault("amount", "5")
    for holder in [body, *(line if isinstance(line, list) else [])]:
        if isinstance(holder, dict) and path.endswith(("taxes[0].name", "taxes[0].category")):
            for tax in holder.get("taxes") or []:
                tax.setdefault("rate", "19")


def written(body: Any) -> str:
    """JSON with its raw pieces as they are."""
    raws: list[Raw] = []

    def hold(value: Any) -> Any:
        if isinstance(value, Raw):
            raws.append(value)
            return f"raw:{len(raws) - 1}:"
        if isinstance(value, dict):
            return {name: hold(item) for name, item in value.items()}
        return [hold(item) for item in value] if isinstance(value, list) else value

    text = json.dumps(hold(body))
    for place, raw in enumerate(raws):
        text = text.replace(f'"raw:{place}:"', raw.text)
    return text


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_what_a_field_may_not_be_is_refused_by_name_and_changes_nothing(
    api: Api, world: dict[str, str], settings: Any, subtests: pytest.Subtests, door: Door
) -> None:
    settings.RATE_LIMITS = {}
    address = door.path.format(**world)
    before = everything()
    for path in door.fields:
        with subtests.test(path):
            assert list(_taken(api, door, address, path)) == []
    assert everything() == before


def _taken(api: Api, door: Door, address: str, path: str) -> Iterator[tuple[Any, int, Any]]:
    """What this field refuses and was not refused, or not by the field's name."""
    for value in door.fields[path].refused:
        answer = api.send(door.method, address, written(with_value(door.body, path, value)))
        said = answer.json().get("error", {})
        names = [problem["field"] for problem in said.get("details", {}).get("fields", [])]
        by_name = bool(names) and all(name.startswith(path) for name in names)
        if (answer.status_code, said.get("code")) != (400, "validation_error") or not by_name:
            yield value, answer.status_code, said or answer.json()


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_every_field_is_in_the_table(door: Door) -> None:
    assert {path.split("[")[0].split(".")[0] for path in door.fields} == set(
        door.model.model_fields
    )
    nested = {path.replace("[0]", "") for path in door.fields}
    assert set(_paths(door.model)) <= nested


def _paths(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, info in model.model_fields.items():
        yield prefix + name
        for inner in _models(info.annotation):
            yield from _paths(inner, f"{prefix}{name}.")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_an_unknown_field_is_refused_by_name_wherever_it_stands(
    api: Api, world: dict[str, str], door: Door
) -> None:
    before = everything()
    holders = {path.rpartition(".")[0] for path in door.fields if "." in path}
    for holder in ("", *holders):
        path = f"{holder}.status" if holder else "status"
        body = with_value(door.body, path, "paid")
        answer = api.send(door.method, door.path.format(**world), body)
        assert answer.status_code == 400, path
        problems = answer.json()["error"]["details"]["fields"]
        assert {"field": path, "message": "is not a field here"} in problems
    assert everything() == before


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_what_is_no_json_or_too_much_of_it_changes_nothing(
    api: Api, world: dict[str, str], door: Door
) -> None:
    before = everything()
    address = door.path.format(**world)
    name = next(iter(door.fields))
    for body, status, code in (
        (f'{{"{name}": "a", "{name}": "b"}}', 400, "invalid_json"),
        ('{"a": ' * 500 + "1" + "}" * 500, 400, "invalid_json"),
        (json.dumps({name: "x" * 1_000_001}), 413, "too_large"),
        ("[]", 400, "validation_error"),
        ("{", 400, "invalid_json"),
    ):
        answer = api.send(door.method, address, body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert everything() == before


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_the_least_that_a_body_takes_is_taken(api: Api, world: dict[str, str], door: Door) -> None:
    """The control: what is refused above is refused for the field that was put in."""
    before = everything()
    changes = {
        CustomerChanges: {"name": "Another"},
        WebhookEndpointChanges: {"description": "Another"},
        WalletChanges: {"name": "Another"},
    }
    body = changes.get(door.model, door.body)
    answer = api.send(door.method, door.path.format(**world), body)
    assert answer.status_code in (200, 201)
    assert (everything() == before) is (door.name == "preview")


def _bill(**fields: Any) -> dict[str, Any]:
    return {"line_items": [{"description": "x", "unit_price": "1"}], **fields}


@pytest.mark.parametrize(
    ("field", "foreign"),
    [
        ("customer_id", lambda ben: given_a_customer(ben).public_id),
        ("customer_id", lambda ben: "cus_" + "0" * 24),
        ("customer_id", lambda ben: ""),
        (
            "wallet_id",
            lambda ben: create_wallet(ben, WalletInput(name="B", currency="USD")).public_id,
        ),
        ("wallet_id", lambda ben: "wal_nothing"),
    ],
)
def test_another_merchants_objects_do_not_exist(
    api: Api, ben_merchant: Merchant, field: str, foreign: Callable[[Merchant], str]
) -> None:
    body = _bill(**{field: foreign(ben_merchant)})
    before = everything()
    for path in ("/v1/invoices", "/v1/invoices/preview"):
        answer = api.post(path, body)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (404, "not_found")
        assert error["details"] == {"field": field}
    assert everything() == before


def test_a_wallet_of_another_currency_is_refused(api: Api, world: dict[str, str]) -> None:
    answer = api.post("/v1/invoices", _bill(wallet_id=world["wallet"], currency="EUR"))
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["fields"] == [
        {"field": "wallet_id", "message": "holds USD, the invoice is in EUR"}
    ]


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ([{"quantity": "1000000000", "unit_price": "1000000000000"}], "line_items[0].unit_price"),
        ([{"unit_price": "1"}, {"unit_price": "1", "discount": {"amount": "2"}}], "line_items[1]"),
        ([{"quantity": "10", "unit_price": "1000000000000"}] * 2, "line_items"),
    ],
)
def test_what_does_not_add_up_is_refused_by_name(
    api: Api, lines: list[dict[str, Any]], field: str
) -> None:
    body = {"line_items": [{"description": "x", **line} for line in lines]}
    answer = api.post("/v1/invoices", body)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["fields"][0]["field"].startswith(field)
    assert not Invoice.objects.exists()


def test_numbers_are_read_digit_by_digit(api: Api) -> None:
    body = (
        '{"currency": "JPY", "line_items": [{"description": "x", "quantity": 0.1,'
        ' "unit_price": 30.000000000001}], "metadata": {"big": 12345678901234567890, "f": 0.1}}'
    )
    made = api.post("/v1/invoices", body).json()
    assert made["line_items"][0]["unit_price"] == "30.000000000001"
    assert made["total"] == "3"
    assert made["metadata"] == {"big": 12345678901234567890, "f": 0.1}


def test_the_first_wallet_stays_the_default_when_a_second_is_refused(
    api: Api, world: dict[str, str]
) -> None:
    bad = {"name": "x", "currency": "USD", "is_default": "true"}
    assert api.post("/v1/wallets", bad).status_code == 400
    assert Wallet.objects.get().is_default
