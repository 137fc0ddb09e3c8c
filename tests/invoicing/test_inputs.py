"""Every field's limits, at the limit and one beyond it, and what a refusal says."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from invoicing import money
from invoicing.errors import ValidationFailed
from invoicing.inputs import (
    ApiKeyInput,
    BotInput,
    CustomerInput,
    InvitationInput,
    InvoiceChanges,
    InvoiceInput,
    MerchantChanges,
    NumberingInput,
    WebhookEndpointInput,
    read,
)
from payments.inputs import MarkPaidInput, PaymentInput, WalletInput

LINE = {"description": "Work", "unit_price": "1"}
BASE: dict[type[BaseModel], dict[str, Any]] = {
    CustomerInput: {"name": "Cleo"},
    InvoiceInput: {"line_items": [LINE]},
    InvoiceChanges: {},
    MerchantChanges: {},
    NumberingInput: {"prefix": "INV-"},
    BotInput: {"name": "Bot"},
    ApiKeyInput: {"permissions": ["invoices:read"]},
    InvitationInput: {"email": "ben@example.com", "role": "viewer"},
    WebhookEndpointInput: {"url": "https://example.com"},
    PaymentInput: {},
    MarkPaidInput: {},
    WalletInput: {"name": "Till", "currency": "USD"},
}


def wanted(model: type[BaseModel], path: str, value: Any) -> dict[str, Any]:
    """The least this model takes, with one field put in: `a.b` in an object, `a[].b` in a list."""
    data = {**BASE[model]}
    head, dot, rest = path.partition(".")
    if head == "line_items[]":
        data["line_items"] = [{**LINE, **nested(rest, value)}]
    elif head == "tax_ids[]":
        data["tax_ids"] = [{"type": "eu_vat", "value": "DE1", **nested(rest, value)}]
    else:
        data[head] = nested(rest, value) if dot else value
    return data


def nested(path: str, value: Any) -> Any:
    if not path:
        return value
    head, dot, rest = path.partition(".")
    return {head: nested(rest, value) if dot else value}


def refusal(model: type[BaseModel], data: Any) -> tuple[str, str]:
    """The one field that is refused, and why."""
    with pytest.raises(ValidationFailed) as refused:
        read(model, data)
    assert len(refused.value.fields) == 1, refused.value.fields
    return refused.value.fields[0]


@pytest.mark.parametrize(
    ("model", "path", "limit"),
    [
        (CustomerInput, "name", 200),
        (CustomerInput, "phone", 40),
        (CustomerInput, "address.line1", 200),
        (CustomerInput, "address.line2", 200),
        (CustomerInput, "address.city", 200),
        (CustomerInput, "address.state", 200),
        (CustomerInput, "address.postal_code", 20),
        (CustomerInput, "tax_ids[].value", 50),
        (InvoiceInput, "title", 200),
        (InvoiceInput, "message", 2000),
        (InvoiceInput, "memo", 2000),
        (InvoiceInput, "notes", 2000),
        (InvoiceInput, "purchase_order", 100),
        (InvoiceInput, "recipient.name", 200),
        (InvoiceInput, "customer_id", 40),
        (InvoiceInput, "wallet_id", 40),
        (InvoiceInput, "line_items[].description", 500),
        (MerchantChanges, "name", 200),
        (MerchantChanges, "legal_name", 200),
        (MerchantChanges, "phone", 40),
        (MerchantChanges, "footer", 1000),
        (BotInput, "name", 100),
        (ApiKeyInput, "name", 100),
        (WebhookEndpointInput, "description", 200),
        (WebhookEndpointInput, "url", 2000),
        (WalletInput, "name", 100),
        (MarkPaidInput, "reference", 200),
        (MarkPaidInput, "note", 500),
    ],
)
def test_text_is_taken_up_to_its_limit_and_not_beyond(
    model: type[BaseModel], path: str, limit: int
) -> None:
    read(model, wanted(model, path, "é" * limit))
    field, message = refusal(model, wanted(model, path, "é" * (limit + 1)))
    assert field == path.replace("[]", "[0]")
    assert message == f"must have at most {limit} characters"


@pytest.mark.parametrize(
    ("model", "path"),
    [(CustomerInput, "name"), (InvoiceInput, "title"), (InvoiceInput, "memo"), (BotInput, "name")],
)
def test_the_length_that_counts_is_the_one_that_is_kept(model: type[BaseModel], path: str) -> None:
    # U+0958 is composed of two characters, so composing 200 of them makes 400.
    limit = 2000 if path == "memo" else 200 if path != "name" or model is CustomerInput else 100
    _, message = refusal(model, wanted(model, path, "\u0958" * limit))
    assert message == f"must have at most {limit} characters"
    # The other way round, 200 letters with 200 accents are 200 characters.
    kept = read(model, wanted(model, path, "e\u0301" * limit))
    assert getattr(kept, path) == "é" * limit


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\tb", "a\x00b", "a\x1bb", "a\x85b", "a\u2028b"])
@pytest.mark.parametrize(
    ("model", "path"),
    [
        (CustomerInput, "name"),
        (CustomerInput, "email"),
        (CustomerInput, "phone"),
        (InvoiceInput, "title"),
        (InvoiceInput, "recipient.name"),
        (InvoiceInput, "purchase_order"),
        (InvoiceInput, "customer_id"),
        (MerchantChanges, "name"),
        (MerchantChanges, "email"),
        (BotInput, "name"),
        (MarkPaidInput, "reference"),
        (WalletInput, "name"),
    ],
)
def test_one_line_is_one_line(model: type[BaseModel], path: str, text: str) -> None:
    """So nothing that is typed can add a header to a mail."""
    field, message = refusal(model, wanted(model, path, text))
    assert (field, message) == (path, "must be one line without control characters")


@pytest.mark.parametrize("path", ["memo", "notes", "message", "line_items[].description"])
def test_longer_text_may_have_lines_but_no_control_characters(path: str) -> None:
    data = wanted(InvoiceInput, path, "one\r\ntwo\tthree")
    kept = read(InvoiceInput, data)
    assert "one\ntwo\tthree" in (
        kept.memo,
        kept.notes,
        kept.message,
        kept.line_items[0].description,
    )
    for bad in ("\x00", "\x07", "a\rb", "\u2028x"):
        field, message = refusal(InvoiceInput, wanted(InvoiceInput, path, f"x{bad}x"))
        assert message == "must not contain control characters"


def test_text_that_no_database_can_keep_is_refused() -> None:
    assert refusal(CustomerInput, {"name": "a\ud800"}) == (
        "name",
        "must be text without unpaired surrogates",
    )


@pytest.mark.parametrize(
    ("path", "limit", "beyond"),
    [
        ("line_items[].quantity", "1000000000", "1000000000.000001"),
        ("line_items[].unit_price", "1000000000000", "1000000000000.01"),
        ("line_items[].tax_rate", "100", "100.0001"),
        ("line_items[].discount.percent", "100", "100.01"),
        ("line_items[].discount.amount", "1000000000000", "1000000000001"),
        ("tax_rate", "100", "101"),
        ("discount.percent", "100", "200"),
    ],
)
def test_numbers_are_taken_up_to_their_limit_and_not_beyond(
    path: str, limit: str, beyond: str
) -> None:
    read(InvoiceInput, wanted(InvoiceInput, path, limit))
    field, message = refusal(InvoiceInput, wanted(InvoiceInput, path, beyond))
    assert (field, message) == (path.replace("[]", "[0]"), f"must be at most {limit}")


@pytest.mark.parametrize(
    ("path", "places"),
    [
        ("line_items[].quantity", 6),
        ("line_items[].unit_price", 12),
        ("line_items[].tax_rate", 4),
        ("discount.amount", 8),
    ],
)
def test_numbers_have_as_many_places_as_are_said_and_no_more(path: str, places: int) -> None:
    read(InvoiceInput, wanted(InvoiceInput, path, "0." + "0" * (places - 1) + "1"))
    read(InvoiceInput, wanted(InvoiceInput, path, "1." + "0" * 18))
    _, message = refusal(InvoiceInput, wanted(InvoiceInput, path, "0." + "0" * places + "1"))
    assert message == f"must have at most {places} decimal places"


NOT_NUMBERS = [
    *["", " ", "１２", "1_000", "1e5", "1E5", "NaN", "Infinity", "0x10", "+1", "1,50", "½", "٣"],
    *[True, False, None, 1.5, [], {}, "1 000", "12.50 USD", "9" * 100],
    *[Decimal("NaN"), Decimal("Infinity"), Decimal("1E+3"), Decimal("1E+999999999")],
    Decimal("1E-999999999"),
]


@pytest.mark.parametrize("value", NOT_NUMBERS)
@pytest.mark.parametrize(
    ("model", "path"),
    [
        (InvoiceInput, "line_items[].unit_price"),
        (InvoiceInput, "line_items[].quantity"),
        (InvoiceInput, "line_items[].discount.amount"),
        (InvoiceInput, "tax_rate"),
        (MarkPaidInput, "amount"),
        (PaymentInput, "amount"),
    ],
)
def test_what_is_no_plain_number_is_refused(
    model: type[BaseModel], path: str, value: object
) -> None:
    if value is None and path in ("tax_rate", "amount"):
        assert read(model, wanted(model, path, None))
        return
    with pytest.raises(ValidationFailed) as refused:
        read(model, wanted(model, path, value))
    assert refused.value.fields[0][0].startswith(path.replace("[]", "[0]").split(".amount")[0])


@pytest.mark.parametrize("value", ["12.50", 12, Decimal("12.5"), Decimal("0.000000000001"), 0])
def test_a_number_may_be_text_or_a_json_number(value: object) -> None:
    line = {"description": "Work", "unit_price": value}
    asked = read(InvoiceInput, {"line_items": [line]})
    assert asked.line_items[0].unit_price == Decimal(str(value))


@pytest.mark.parametrize(
    ("model", "path", "value", "message"),
    [
        (InvoiceInput, "line_items[].quantity", "0", "must be more than 0"),
        (InvoiceInput, "line_items[].quantity", "-1", "must be more than 0"),
        (InvoiceInput, "line_items[].unit_price", "-0.01", "must be at least 0"),
        (InvoiceInput, "tax_rate", "-1", "must be at least 0"),
        (InvoiceInput, "discount.amount", "-1", "must be at least 0"),
        (MarkPaidInput, "amount", "0", "must be more than 0"),
        (PaymentInput, "amount", "-5", "must be more than 0"),
    ],
)
def test_negative_and_empty_amounts_are_refused(
    model: type[BaseModel], path: str, value: str, message: str
) -> None:
    assert refusal(model, wanted(model, path, value)) == (path.replace("[]", "[0]"), message)


@pytest.mark.parametrize(
    "value", ["1" * 19, "0." + "1" * 19, "1" * 400, 10**18, 10**60, 10**400, Decimal("1" * 19)]
)
def test_a_number_with_too_many_digits_is_said_to_have_them(value: object) -> None:
    line = {"description": "Work", "unit_price": value}
    asked = {"line_items": [line]}
    assert refusal(InvoiceInput, asked)[1] == money.TOO_MANY_DIGITS


def test_minus_nothing_is_nothing() -> None:
    asked = read(InvoiceInput, {"line_items": [{"description": "Work", "unit_price": "-0.0"}]})
    assert str(asked.line_items[0].unit_price) in ("0", "0.0")


def test_an_invoice_has_between_1_and_500_lines() -> None:
    assert refusal(InvoiceInput, {}) == ("line_items", "is required")
    assert refusal(InvoiceInput, {"line_items": []})[1] == "must have at least 1 item"
    read(InvoiceInput, {"line_items": [LINE] * 500})
    assert refusal(InvoiceInput, {"line_items": [LINE] * 501}) == (
        "line_items",
        "must have at most 500 items",
    )
    assert refusal(InvoiceInput, {"line_items": "x"}) == ("line_items", "must be a list")
    assert refusal(InvoiceInput, {"line_items": ["x"]})[0] == "line_items[0]"


@pytest.mark.parametrize(
    ("model", "data", "field"),
    [
        (InvoiceInput, {"line_items": [LINE], "unitPrice": 1}, "unitPrice"),
        (InvoiceInput, {"line_items": [{**LINE, "price": 1}]}, "line_items[0].price"),
        (InvoiceInput, {"line_items": [LINE], "status": "paid"}, "status"),
        (InvoiceInput, {"line_items": [LINE], "number": "INV-1"}, "number"),
        (InvoiceInput, {"line_items": [LINE], "merchant_id": "mer_x"}, "merchant_id"),
        (InvoiceInput, {"line_items": [LINE], "recipient": {"mail": "x"}}, "recipient.mail"),
        (CustomerInput, {"name": "Cleo", "id": "cus_x"}, "id"),
        (CustomerInput, {"name": "Cleo", "address": {"zip": "1"}}, "address.zip"),
        (MarkPaidInput, {"txHash": "0x"}, "txHash"),
    ],
)
def test_unknown_fields_are_refused_by_name(
    model: type[BaseModel], data: dict[str, Any], field: str
) -> None:
    assert refusal(model, data) == (field, "is not a field here")


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(ValidationFailed) as refused:
        read(InvoiceInput, {"line_items": [{"unit_price": "x", "quantity": "0"}], "surprise": 1})
    assert [field for field, _ in refused.value.fields] == [
        "line_items[0].description",
        "line_items[0].quantity",
        "line_items[0].unit_price",
        "surprise",
    ]


@pytest.mark.parametrize("data", [[], "x", 1, None, True])
def test_a_request_is_an_object(data: object) -> None:
    assert refusal(InvoiceInput, data) == ("", "The request must be a JSON object.")


def test_a_discount_is_a_percentage_or_an_amount() -> None:
    for both in ({}, {"percent": "5", "amount": "1"}):
        assert refusal(InvoiceInput, wanted(InvoiceInput, "discount", both)) == (
            "discount",
            'takes either "percent" or "amount"',
        )


def test_taxes_are_given_one_way_each_once_and_five_at_most() -> None:
    one = {"rate": "19", "name": "VAT"}
    read(InvoiceInput, wanted(InvoiceInput, "taxes", [{**one, "rate": str(r)} for r in range(5)]))
    six = [{**one, "rate": str(rate)} for rate in range(6)]
    assert refusal(InvoiceInput, wanted(InvoiceInput, "taxes", six))[1] == (
        "must have at most 5 items"
    )
    twice = [one, {**one, "rate": "19.0"}]
    assert refusal(InvoiceInput, wanted(InvoiceInput, "taxes", twice))[1] == (
        "must not contain the same tax twice"
    )
    both = {**wanted(InvoiceInput, "taxes", [one]), "tax_rate": "19"}
    assert refusal(InvoiceInput, both)[1] == 'takes either "tax_rate" or "taxes"'


# Metadata


def metadata(value: Any) -> str:
    return refusal(InvoiceInput, wanted(InvoiceInput, "metadata", value))[1]


def test_metadata_has_at_most_50_keys() -> None:
    fifty = {f"key{n}": n for n in range(50)}
    assert read(InvoiceInput, wanted(InvoiceInput, "metadata", fifty)).metadata == fifty
    assert metadata({**fifty, "one more": 1}) == "must have at most 50 keys"


def test_metadata_is_at_most_five_levels_deep() -> None:
    deep = {"1": {"2": [{"4": {"5": 1}}]}}
    assert read(InvoiceInput, wanted(InvoiceInput, "metadata", deep)).metadata == deep
    for deeper in ({"1": {"2": [{"4": {"5": {}}}]}}, {"1": [[[[[]]]]]}):
        assert metadata(deeper) == "must be at most 5 levels deep"


def test_metadata_is_at_most_8_kilobytes() -> None:
    # {"a": "…"} is nine bytes around the value.
    read(InvoiceInput, wanted(InvoiceInput, "metadata", {"a": "x" * (8192 - 9)}))
    assert metadata({"a": "x" * (8192 - 8)}) == "must be at most 8192 bytes as JSON"
    assert metadata({"a": "é" * 4096}) == "must be at most 8192 bytes as JSON"


def test_metadata_keys_have_1_to_64_characters() -> None:
    read(InvoiceInput, wanted(InvoiceInput, "metadata", {"k" * 64: 1}))
    for key in ("", "k" * 65):
        assert metadata({key: 1}) == "keys must have 1 to 64 characters"
        assert metadata({"outer": {key: 1}}) == "keys must have 1 to 64 characters"


@pytest.mark.parametrize("value", ["x", 1, [], True])
def test_metadata_is_an_object(value: object) -> None:
    assert metadata(value) == "must be an object of names and values"


def test_metadata_keeps_what_it_is_given_and_nothing_no_database_can_keep() -> None:
    given = {"a": Decimal("1.5"), "b": Decimal("2"), "c": None, "d": [True, "x"], "e": {"f": -1}}
    kept = read(InvoiceInput, wanted(InvoiceInput, "metadata", given)).metadata
    assert kept == {"a": 1.5, "b": 2, "c": None, "d": [True, "x"], "e": {"f": -1}}
    for bad in ("a\x00b", "\ud800"):
        assert metadata({"a": bad}) == "must not contain NUL or unpaired surrogates"
        assert metadata({bad: 1}) == "must not contain NUL or unpaired surrogates"
    for number in (float("nan"), float("inf")):
        assert "not JSON compliant" in metadata({"a": number})


@pytest.mark.parametrize(
    "number",
    [*map(Decimal, ("1e9999999", "-1e9999999", "1e-9999999", "1e400", "NaN", "Infinity"))],
)
def test_metadata_has_no_number_that_would_fill_the_memory(number: Decimal) -> None:
    assert metadata({"a": number}) == "must have numbers of at most 60 digits"
    assert metadata({"a": [{"b": number}]}) == "must have numbers of at most 60 digits"


# Names


INVISIBLE = {
    "zero width": "\u200b",
    "joiners": "\u200c\u200d\u2060\ufeff",
    "soft hyphen": "\u00ad",
    "directions": "\u2066\u2069\u200f",
    "fillers": "\u3164\uffa0\u115f\u2800",
    "a mark without a letter": "\u0301",
    "variation": "\ufe0f",
    "spaces between": "\u200b \u200b",
}


@pytest.mark.parametrize("name", INVISIBLE.values(), ids=INVISIBLE)
def test_a_name_has_something_to_see(name: str) -> None:
    said = "must not be empty: it has only invisible characters"
    assert refusal(CustomerInput, {"name": name}) == ("name", said)
    assert refusal(InvoiceInput, wanted(InvoiceInput, "title", name)) == ("title", said)
    line = {"description": name, "unit_price": "1"}
    asked = {"line_items": [line]}
    assert refusal(InvoiceInput, asked) == ("line_items[0].description", said)


@pytest.mark.parametrize("name", ["\u0928\u0940\u0932\u200d", "❤\ufe0f", "-", "Ada\u200b", "안"])
def test_a_name_may_have_invisible_characters_beside_others(name: str) -> None:
    assert read(CustomerInput, {"name": name}).name == name


# Codes, dates and addresses


@pytest.mark.parametrize("code", ["usd", " USD ", "Usd"])
def test_currency_codes_may_be_written_in_any_case(code: str) -> None:
    assert read(InvoiceInput, wanted(InvoiceInput, "currency", code)).currency == "USD"


@pytest.mark.parametrize("code", ["", "US", "DOLLAR", "XXX", "$", 840, True])
def test_unknown_currencies_are_refused(code: object) -> None:
    assert refusal(InvoiceInput, wanted(InvoiceInput, "currency", code))[0] == "currency"


@pytest.mark.parametrize(
    ("email", "good"),
    [
        ("cleo@example.com", True),
        ("", True),
        ("cleo+bills@sub.example.co.uk", True),
        ("cleo", False),
        ("cleo@", False),
        ("cleo@localhost@x.example", False),
        ("Cleo <cleo@example.com>", False),
        ("a@example.com,b@example.com", False),
        ("a@example.com;b@example.com", False),
        ("cleo@example.com\r\nBcc: ben@example.com", False),
        ("x" * 245 + "@example.com", False),
    ],
)
def test_an_email_address_is_one_address(email: str, good: bool) -> None:
    data = wanted(CustomerInput, "email", email)
    if good:
        assert read(CustomerInput, data).email == email
    else:
        assert refusal(CustomerInput, data)[0] == "email"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("2026-12-31", True),
        ("2026-12-31T12:00:00Z", True),
        ("2026-12-31T12:00:00.123+05:30", True),
        ("2026-12-31 12:00Z", True),
        ("2200-12-31", True),
        ("2026-12-31T12:00:00", False),
        ("2026-02-30", False),
        ("2026-13-01", False),
        ("1999-12-31", False),
        ("2201-01-01", False),
        ("9999-12-31", False),
        ("0001-01-01", False),
        ("9999-12-31T23:59:59Z", False),
        ("tomorrow", False),
        ("", False),
        ("20261231", False),
        ("２０２６-12-31", False),
        (1767182400, False),
        (True, False),
    ],
)
def test_a_time_is_iso_8601_and_says_its_zone(text: object, good: bool) -> None:
    data = wanted(InvoiceInput, "due_at", text)
    if good:
        assert isinstance(read(InvoiceInput, data).due_at, date)
    else:
        assert refusal(InvoiceInput, data)[0] == "due_at"


def test_a_language_that_nobody_knows_is_named() -> None:
    said = "must be the code of a known language, such as en or pt-BR; xx is none"
    for model in (CustomerInput, InvoiceInput, MerchantChanges):
        assert refusal(model, wanted(model, "language", "xx")) == ("language", said)


@pytest.mark.parametrize(
    ("model", "path", "good", "bad"),
    [
        (CustomerInput, "address.country", ["DE", "us", ""], ["EU", "ZZ", "DEU", "1"]),
        (CustomerInput, "language", ["", "en", "pt-BR", "zh_Hans"], ["e", "english!", "../x"]),
        (CustomerInput, "language", ["he", "nb", "es-419", "sr-Latn"], ["xx", "zz-DE", "de-XX"]),
        (CustomerInput, "tax_exempt", ["none", "exempt", "reverse"], ["yes", True, ""]),
        (CustomerInput, "tax_ids[].type", ["eu_vat", "us_ein"], ["", "EU VAT", "x" * 31]),
        (InvoiceInput, "tax_behavior", ["inclusive", "exclusive", None], ["both", ""]),
        (InvoiceInput, "allow_partial", [True, False], [1, 0, "true", None]),
        (InvoiceInput, "metadata_public", [True, False], [1, "yes"]),
        (InvoiceInput, "recipient.type", ["human", "bot", "agent"], ["robot", ""]),
        (MerchantChanges, "timezone", ["UTC", "Europe/Berlin"], ["Berlin", "../etc/passwd"]),
        (MerchantChanges, "website", ["", "https://a.example"], ["javascript:alert(1)", "a.b"]),
        (MerchantChanges, "brand_color", ["#2f5d50"], ["red", "#FFF", "#2f5d50;x", "#2F5D5G"]),
        (MerchantChanges, "due_days", [0, 365], [-1, 366, "30", True, 1.0]),
        (NumberingInput, "prefix", ["", "INV-", "A1/", "2026-"], ["inv", "INV-1", "1", "A" * 13]),
        (NumberingInput, "padding", [1, 12], [0, 13, "4", True]),
        (InvitationInput, "role", ["owner", "viewer"], ["god", ""]),
        (ApiKeyInput, "permissions", [["settle"]], [[], ["team:write"], ["x"], "settle"]),
        (WebhookEndpointInput, "event_types", [["*"], ["invoice.*", "invoice.paid"]], [[], ["x"]]),
        (MarkPaidInput, "method", ["cash", "bank_transfer"], ["gold", ""]),
    ],
)
def test_a_choice_is_one_of_its_values(
    model: type[BaseModel], path: str, good: list[Any], bad: list[Any]
) -> None:
    for value in good:
        read(model, wanted(model, path, value))
    for value in bad:
        assert refusal(model, wanted(model, path, value))[0].startswith(path.split("[")[0])
