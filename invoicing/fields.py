"""What a single field may hold, and how it is told when it holds something else.

Numbers are accepted as JSON text or JSON numbers read as Decimal, never as floats, never as
true, and always in plain ASCII digits. Texts are composed (NFC) and free of control characters.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, TypeVar

from babel import Locale, UnknownLocaleError
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
)

from invoicing import money
from invoicing.errors import ValidationFailed

METADATA_KEYS, METADATA_DEPTH, METADATA_BYTES, METADATA_KEY_LENGTH = 50, 5, 8192, 64

# Metadata's numbers are kept as they are and never billed; larger ones belong into text.
METADATA_DIGITS = 60

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
# Letters and signs by Unicode's word, but drawn as nothing: the fillers of Hangul, and of Braille.
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


class Input(BaseModel):
    """Base of all inputs: unknown fields are refused by name, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def _composed(value: Any) -> Any:
    """Text in Unicode's composed form, before its length is measured: composing may lengthen."""
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


def one_line(text: str) -> str:
    if _CONTROL.search(text) or "\n" in text or "\t" in text:
        raise ValueError("must be one line without control characters")
    return _seen(text)


def _seen(text: str) -> str:
    if text and not any(map(_is_visible, text)):
        raise ValueError("must not be empty: it has only invisible characters")
    return text


def _is_visible(char: str) -> bool:
    """Whether a character shows by itself; a mark needs a letter to stand on."""
    return unicodedata.category(char)[0] not in "CMZ" and char not in _FILLERS


def many_lines(text: str) -> str:
    text = text.replace("\r\n", "\n")
    if _CONTROL.search(text):
        raise ValueError("must not contain control characters")
    return _seen(text)


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
        return format(value, "f")
    if isinstance(value, int) and abs(value) >= 10**60:
        raise ValueError(money.TOO_MANY_DIGITS)
    return str(value)


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


def _evm_address(text: str) -> str:
    """An address with its EIP-55 checksum; letters of one case carry none and are accepted."""
    if not text:
        return text
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        raise ValueError("must be an address: 0x and 40 hexadecimal digits")
    # Hashing comes with imports that a process need not pay for before it meets an address.
    from eth_utils.address import to_checksum_address

    right = str(to_checksum_address(text.lower()))
    if text != right and text[2:] not in (text[2:].lower(), text[2:].upper()):
        raise ValueError("must be an address whose checksum is right: copy it again")
    return right


def _language(code: str) -> str:
    if not re.fullmatch(r"([A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,2})?", code):
        raise ValueError("must be a language code such as en or pt-BR")
    code = code.replace("_", "-").lower()
    try:
        if code:
            Locale.parse(code, sep="-")
    except (ValueError, UnknownLocaleError):
        raise ValueError(
            f"must be the code of a known language, such as en or pt-BR; {code} is none"
        ) from None
    return code


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
    return json.loads(json.dumps(value, default=json_number, allow_nan=False))


def json_number(value: Any) -> Any:
    """What is no amount of money, metadata or a quantity, may be a JSON number: int or float."""
    if isinstance(value, Decimal):
        # Written out, 1E+999999999 would fill the memory.
        if not value.is_finite() or abs(value.adjusted()) > METADATA_DIGITS:
            raise ValueError(f"must have numbers of at most {METADATA_DIGITS} digits")
        return int(value) if value == value.to_integral_value() else float(value)
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
Line = Annotated[str, COMPOSED, AfterValidator(one_line)]
Name = Annotated[str, Field(max_length=200), COMPOSED, AfterValidator(one_line)]
RequiredName = Annotated[
    str, Field(min_length=1, max_length=200), COMPOSED, AfterValidator(one_line)
]
Reference = Annotated[str, Field(max_length=40), AfterValidator(one_line)]
Text = Annotated[str, Field(max_length=2000), COMPOSED, AfterValidator(many_lines)]
Email = Annotated[str, Field(max_length=254), AfterValidator(one_line), AfterValidator(_email)]
CurrencyCode = Annotated[
    str, BeforeValidator(_currency), WithJsonSchema({"type": "string", "examples": ["USD"]})
]
EvmAddress = Annotated[str, Field(max_length=42), AfterValidator(_evm_address)]
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


I = TypeVar("I", bound=BaseModel)  # noqa: E741


class WrongField(ValueError):
    """What a check of a whole input raises about one of its fields."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def read(model: type[I], data: Any) -> I:
    """Validate a door's data. Raises ValidationFailed naming every field that is wrong."""
    if not isinstance(data, Mapping):
        raise ValidationFailed([("", "The request must be a JSON object.")])
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        raise ValidationFailed(
            [(_path(_location(item), data), _sentence(item)) for item in error.errors()]
        ) from None


def _location(item: Any) -> tuple[int | str, ...]:
    error = item.get("ctx", {}).get("error")
    return (*item["loc"], error.field) if isinstance(error, WrongField) else tuple(item["loc"])


def _path(location: tuple[int | str, ...], data: Any) -> str:
    """`("line_items", 0, "unit_price")` as `line_items[0].unit_price`."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not part.startswith(("function-", "literal[", "constrained-")):
            path += f".{part}" if path else part
    return path


NO_FIELD = "is not a field here"
_SENTENCES = {
    "missing": "is required",
    "extra_forbidden": NO_FIELD,
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
    if kind == "too_short" and isinstance(item["input"], str):
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
