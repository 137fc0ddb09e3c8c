"""What may be asked for: every field a door accepts, with its limits and its message.

The API, the dashboard, dialects and tools all validate here, so that a limit stands once. Models
are pydantic's; numbers are accepted as JSON text or JSON numbers read as Decimal, never as
floats, never as true, and always in plain ASCII digits.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, Self, TypeVar
from zoneinfo import available_timezones

from babel import Locale
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import validate_email
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from invoicing import event_types, money, permissions
from invoicing.errors import ValidationFailed

MAX_LINES = 500
METADATA_KEYS, METADATA_DEPTH, METADATA_BYTES, METADATA_KEY_LENGTH = 50, 5, 8192, 64

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class Input(BaseModel):
    """Base of all inputs: unknown fields are refused by name, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def _composed(value: Any) -> Any:
    """Text in Unicode's composed form, before its length is measured: composing may lengthen."""
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


def _one_line(text: str) -> str:
    if _CONTROL.search(text) or "\n" in text or "\t" in text:
        raise ValueError("must be one line without control characters")
    return text


def _many_lines(text: str) -> str:
    text = text.replace("\r\n", "\n")
    if _CONTROL.search(text):
        raise ValueError("must not contain control characters")
    return text


def _email(text: str) -> str:
    if not text:
        return text
    try:
        validate_email(text)
    except DjangoValidationError:
        raise ValueError("must be an email address such as name@example.com") from None
    return text


def _plain_number(value: Any) -> Any:
    """Text, int or Decimal as text; anything else, true included, is not a number here."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError('must be a decimal number such as "12.50"')
    if isinstance(value, Decimal):
        # Written out, 1E+999999999 would fill the memory.
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int) or not -60 <= exponent <= 0:
            raise ValueError('must be a plain decimal number such as "12.50"')
    return value if isinstance(value, str) else format(value, "f")


def _decimal(places: int, minimum: str, maximum: str, *, above: bool = False) -> Any:
    least, most = Decimal(minimum), Decimal(maximum)

    def read(value: Any) -> Decimal:
        number = money.parse_decimal(_plain_number(value), places=places)
        if number < least or (above and number == least):
            raise ValueError(f"must be {'more than' if above else 'at least'} {least}")
        if number > most:
            raise ValueError(f"must be at most {most}")
        return number

    return BeforeValidator(read)


def _number_schema(example: str) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}, {"type": "number"}],
            "examples": [example],
        }
    )


def _currency(code: Any) -> Any:
    if not isinstance(code, str):
        raise ValueError("must be a currency code such as USD")
    return money.asset(code.strip().upper()).code


@cache
def _countries() -> frozenset[str]:
    codes = map(str, Locale("en").territories)
    return frozenset(code for code in codes if re.fullmatch("[A-Z]{2}", code)) - {"ZZ", "EU"}


def _country(code: str) -> str:
    code = code.upper()
    if code and code not in _countries():
        raise ValueError("must be a two-letter ISO 3166 country code such as DE")
    return code


def _language(code: str) -> str:
    if not re.fullmatch(r"([A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,2})?", code):
        raise ValueError("must be a language code such as en or pt-BR")
    return code.replace("_", "-").lower()


def _instant(value: Any) -> Any:
    """ISO 8601 text: a date, or a date and time with its offset. Numbers are not dates."""
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or not value.isascii():
        raise ValueError("must be an ISO 8601 date or time such as 2026-12-31T12:00:00Z")
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            return _in_our_time(date.fromisoformat(value))
        if re.match(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}", value):
            instant = datetime.fromisoformat(value)
            if instant.tzinfo is None:
                raise ValueError("must say its time zone, as in 2026-12-31T12:00:00Z")
            return _in_our_time(instant)
    except ValueError as error:
        if str(error).startswith("must"):
            raise
    raise ValueError("must be an ISO 8601 date or time such as 2026-12-31T12:00:00Z")


D = TypeVar("D", bound=date)


def _in_our_time(day: D) -> D:
    if not 2000 <= day.year <= 2200:
        raise ValueError("must lie between the years 2000 and 2200")
    return day


def _metadata(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("must be an object of names and values")
    if len(value) > METADATA_KEYS:
        raise ValueError(f"must have at most {METADATA_KEYS} keys")
    _check_depth(value, 1)
    text = json.dumps(value, ensure_ascii=False, default=str)
    if "\\u0000" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("must not contain NUL or unpaired surrogates")
    if len(text.encode()) > METADATA_BYTES:
        raise ValueError(f"must be at most {METADATA_BYTES} bytes as JSON")
    return json.loads(json.dumps(value, default=_json_number, allow_nan=False))


def _json_number(value: Any) -> Any:
    """Metadata is the merchant's own and is not billed: its numbers may be JSON floats."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)  # noqa: money
    raise TypeError(f"{type(value).__name__} is not JSON")


def _check_depth(value: Any, depth: int) -> None:
    if depth > METADATA_DEPTH:
        raise ValueError(f"must be at most {METADATA_DEPTH} levels deep")
    if isinstance(value, dict):
        for key, item in value.items():
            if not 1 <= len(key) <= METADATA_KEY_LENGTH:
                raise ValueError(f"keys must have 1 to {METADATA_KEY_LENGTH} characters")
            if isinstance(item, dict | list):
                _check_depth(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict | list):
                _check_depth(item, depth + 1)


COMPOSED = BeforeValidator(_composed)
Line = Annotated[str, COMPOSED, AfterValidator(_one_line)]
Name = Annotated[str, Field(max_length=200), COMPOSED, AfterValidator(_one_line)]
RequiredName = Annotated[
    str, Field(min_length=1, max_length=200), COMPOSED, AfterValidator(_one_line)
]
Reference = Annotated[str, Field(max_length=40), AfterValidator(_one_line)]
Text = Annotated[str, Field(max_length=2000), COMPOSED, AfterValidator(_many_lines)]
Email = Annotated[str, Field(max_length=254), AfterValidator(_one_line), AfterValidator(_email)]
CurrencyCode = Annotated[
    str, BeforeValidator(_currency), WithJsonSchema({"type": "string", "examples": ["USD"]})
]
Language = Annotated[str, Field(max_length=10), AfterValidator(_language)]
Country = Annotated[str, Field(max_length=2), AfterValidator(_country)]
Metadata = Annotated[dict[str, Any], BeforeValidator(_metadata)]
Instant = Annotated[
    datetime | date,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "examples": ["2026-12-31T12:00:00Z", "2026-12-31"]}),
]
Quantity = Annotated[
    Decimal,
    _decimal(money.MAX_QUANTITY_PLACES, "0", "1000000000", above=True),
    _number_schema("2.5"),
]
UnitPrice = Annotated[
    Decimal,
    _decimal(money.MAX_UNIT_PRICE_PLACES, "0", "1000000000000"),
    _number_schema("19.99"),
]
Percent = Annotated[Decimal, _decimal(4, "0", "100"), _number_schema("19")]
Amount = Annotated[Decimal, _decimal(8, "0", "1000000000000"), _number_schema("25.00")]
PositiveAmount = Annotated[
    Decimal, _decimal(8, "0", "1000000000000", above=True), _number_schema("25.00")
]


class Address(Input):
    """A postal address; every part may be left out."""

    line1: Name = ""
    line2: Name = ""
    city: Name = ""
    state: Name = ""
    postal_code: Annotated[str, Field(max_length=20), COMPOSED, AfterValidator(_one_line)] = ""
    country: Country = ""


class TaxId(Input):
    """A tax registration: its kind (eu_vat, us_ein, gb_vat …) and value."""

    type: Annotated[str, Field(min_length=1, max_length=30, pattern=r"^[a-z0-9_]+$")]
    value: Annotated[str, Field(min_length=1, max_length=50), COMPOSED, AfterValidator(_one_line)]


class CustomerInput(Input):
    """A customer as it is created."""

    name: RequiredName
    email: Email = ""
    phone: Annotated[str, Field(max_length=40), COMPOSED, AfterValidator(_one_line)] = ""
    address: Address = Address()
    tax_ids: Annotated[list[TaxId], Field(max_length=10)] = []
    tax_exempt: Literal["none", "exempt", "reverse"] = "none"
    currency: CurrencyCode | None = None
    language: Language = ""
    metadata: Metadata = {}


class CustomerChanges(CustomerInput):
    """What may be changed about a customer; what is left out stays."""

    name: RequiredName = ""


class TaxInput(Input):
    """One tax: rate in percent, a name the payer knows, and its EN 16931 category."""

    rate: Percent
    name: Annotated[str, Field(max_length=50), COMPOSED, AfterValidator(_one_line)] = "Tax"
    category: Literal["S", "Z", "E", "AE", "K", "G", "O", "L", "M"] = "S"


class DiscountInput(Input):
    """A percentage or an amount, one of the two."""

    percent: Percent | None = None
    amount: Amount | None = None

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if (self.percent is None) == (self.amount is None):
            raise ValueError('takes either "percent" or "amount"')
        return self


def _taxes_once(taxes: list[TaxInput]) -> list[TaxInput]:
    names = [(tax.name, tax.category, tax.rate) for tax in taxes]
    if len(set(names)) != len(names):
        raise ValueError("must not contain the same tax twice")
    return taxes


Taxes = Annotated[list[TaxInput], Field(max_length=5), AfterValidator(_taxes_once)]


class Taxed(Input):
    """Taxes by a bare `tax_rate` or, named, in `taxes`."""

    tax_rate: Percent | None = None
    taxes: Taxes | None = None
    tax_behavior: Literal["exclusive", "inclusive"] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.tax_rate is not None and self.taxes is not None:
            raise ValueError('takes either "tax_rate" or "taxes"')
        return self

    def own_taxes(self) -> list[TaxInput] | None:
        """The taxes given here, or None where the document's apply."""
        if self.tax_rate is not None:
            return [TaxInput(rate=self.tax_rate)] if self.tax_rate else []
        return self.taxes


class LineItemInput(Taxed):
    """One line: description, quantity × unit price, discount and taxes."""

    description: Annotated[
        str, Field(min_length=1, max_length=500), COMPOSED, AfterValidator(_many_lines)
    ]
    quantity: Quantity = Decimal(1)
    unit_price: UnitPrice
    discount: DiscountInput | None = None


class RecipientInput(Input):
    """Whom the invoice is for, when that is no customer on file."""

    name: Name = ""
    email: Email = ""
    type: Literal["human", "bot", "agent"] = "human"


class InvoiceInput(Taxed):
    """An invoice as it is drafted; `tax_*` and `discount` here hold for the whole document."""

    customer_id: Reference | None = None
    recipient: RecipientInput | None = None
    wallet_id: Reference | None = None
    currency: CurrencyCode | None = None
    line_items: Annotated[list[LineItemInput], Field(min_length=1, max_length=MAX_LINES)]
    discount: DiscountInput | None = None
    title: Name = ""
    message: Text = ""
    memo: Text = ""
    notes: Text = ""
    purchase_order: Annotated[str, Field(max_length=100), COMPOSED, AfterValidator(_one_line)] = ""
    language: Language = ""
    allow_partial: bool = Field(default=False, strict=True)
    due_at: Instant | None = None
    expires_at: Instant | None = None
    metadata: Metadata = {}
    metadata_public: bool = Field(default=False, strict=True)


class InvoiceChanges(InvoiceInput):
    """What may be changed about a draft; what is left out stays, lists are replaced whole."""

    line_items: Annotated[
        list[LineItemInput] | None, Field(default=None, min_length=1, max_length=MAX_LINES)
    ]  # type: ignore[assignment]


def _timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("must be a time zone such as Europe/Berlin")
    return name


class MerchantChanges(Input):
    """What a merchant may say of itself; what is left out stays."""

    name: RequiredName = ""
    legal_name: Name = ""
    email: Email = ""
    phone: Annotated[str, Field(max_length=40), COMPOSED, AfterValidator(_one_line)] = ""
    website: Annotated[str, Field(max_length=200, pattern=r"^(https?://\S+)?$")] = ""
    address: Address = Address()
    tax_ids: Annotated[list[TaxId], Field(max_length=10)] = []
    currency: CurrencyCode = "USD"
    language: Language = "en"
    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"
    paper: Literal["A4", "Letter"] = "A4"
    brand_color: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")] = "#2f5d50"
    footer: Annotated[str, Field(max_length=1000), COMPOSED, AfterValidator(_many_lines)] = ""
    due_days: Annotated[int, Field(ge=0, le=365, strict=True)] = 30


class NumberingInput(Input):
    """How invoice numbers are printed."""

    prefix: Annotated[str, Field(max_length=12, pattern=r"^([A-Z0-9._/-]{0,11}[A-Z._/-])?$")]
    padding: Annotated[int, Field(ge=1, le=12, strict=True)] = 4


def _permissions(names: list[str]) -> list[str]:
    strange = permissions.unknown(names)
    if strange:
        raise ValueError(
            f"{strange[0]!r} is not a permission a bot can have; "
            f"choose from {', '.join(sorted(permissions.FOR_BOTS))}"
        )
    return sorted(set(names))


class BotInput(Input):
    """A bot as it is created or renamed."""

    name: Annotated[str, Field(min_length=1, max_length=100), COMPOSED, AfterValidator(_one_line)]


class ApiKeyInput(Input):
    """A key as it is created: what it may do, and until when."""

    name: Annotated[str, Field(max_length=100), COMPOSED, AfterValidator(_one_line)] = ""
    permissions: Annotated[list[str], Field(min_length=1), AfterValidator(_permissions)]
    expires_at: Instant | None = None


class InvitationInput(Input):
    """Whom to invite to the team, and as what."""

    email: Annotated[str, Field(min_length=3, max_length=254), AfterValidator(_email)]
    role: Literal["owner", "admin", "accountant", "viewer"]


def _event_types(names: list[str]) -> list[str]:
    for name in names:
        if name != "*" and name not in event_types.TYPES and name not in event_types.FAMILIES:
            raise ValueError(
                f'{name!r} is not an event type; use "*", a family such as "invoice.*", '
                "or a type such as invoice.paid"
            )
    return sorted(set(names))


class WebhookEndpointInput(Input):
    """An endpoint as it is created."""

    url: Annotated[str, Field(min_length=1, max_length=2000)]
    description: Name = ""
    event_types: Annotated[list[str], Field(min_length=1), AfterValidator(_event_types)] = ["*"]


class WebhookEndpointChanges(WebhookEndpointInput):
    """What may be changed about an endpoint; what is left out stays."""

    url: Annotated[str, Field(min_length=1, max_length=2000)] = ""
    enabled: bool = Field(default=True, strict=True)


I = TypeVar("I", bound=BaseModel)  # noqa: E741


def read(model: type[I], data: Any) -> I:
    """Validate a door's data. Raises ValidationFailed naming every field that is wrong."""
    if not isinstance(data, Mapping):
        raise ValidationFailed([("", "The request must be a JSON object.")])
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        raise ValidationFailed(
            [(_path(item["loc"], data), _sentence(item)) for item in error.errors()]
        ) from None


def _path(location: tuple[int | str, ...], data: Any) -> str:
    """`("line_items", 0, "unit_price")` as `line_items[0].unit_price`."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not part.startswith(("function-", "literal[", "constrained-")):
            path += f".{part}" if path else part
    return path


_SENTENCES = {
    "missing": "is required",
    "extra_forbidden": "is not a field here",
    "string_type": "must be text",
    "string_unicode": "must be text without unpaired surrogates",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "int_type": "must be a whole number",
}


def _sentence(item: Any) -> str:
    kind, context = item["type"], item.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_too_long":
        return f"must have at most {context['max_length']} characters"
    if kind == "string_too_short":
        return "must not be empty"
    if kind == "too_short":
        return f"must have at least {context['min_length']} item"
    if kind == "too_long":
        what = "characters" if isinstance(item["input"], str) else "items"
        return f"must have at most {context['max_length']} {what}"
    if kind == "string_pattern_mismatch":
        return f"must match {context['pattern']}"
    if kind in {"greater_than_equal", "less_than_equal"}:
        bound = context.get("ge", context.get("le"))
        return f"must be at {'least' if 'ge' in context else 'most'} {bound}"
    if kind == "literal_error":
        return f"must be one of {context['expected']}"
    return _SENTENCES.get(kind, str(item["msg"]))
