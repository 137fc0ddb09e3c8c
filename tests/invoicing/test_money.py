"""Money at the wire: what is read, what is refused, and how amounts are written."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing import money
from invoicing.money import Money, asset, format_money, format_price, from_text, to_text

PLACES = {"JPY": 0, "USD": 2, "BHD": 3, "USDC": 6, "BTC": 8}


@pytest.mark.parametrize(("code", "places"), PLACES.items())
def test_an_asset_knows_its_decimals(code: str, places: int) -> None:
    assert asset(code).decimals == places


@pytest.mark.parametrize(
    ("text", "code", "minor"),
    [
        ("0", "USD", 0),
        ("12.5", "USD", 1250),
        ("12.50", "USD", 1250),
        ("12.500", "USD", 1250),
        ("-0.01", "USD", -1),
        ("-0", "USD", 0),
        ("1200", "JPY", 1200),
        ("1200.0", "JPY", 1200),
        ("0.001", "BHD", 1),
        ("1.000001", "USDC", 1_000_001),
        ("0.00000001", "BTC", 1),
        ("10000000000000", "USD", 10**15),
    ],
)
def test_plain_decimal_text_is_read_exactly(text: str, code: str, minor: int) -> None:
    assert from_text(text, code) == minor


@pytest.mark.parametrize(
    "text",
    [
        *[
            "",
            " ",
            "1 ",
            " 1",
            "+1",
            ".5",
            "5.",
            "1.2.3",
            "1,5",
            "1_000",
            "1e3",
            "1E3",
            "0x1",
            "00",
        ],
        *[
            "01.5",
            "--1",
            "NaN",
            "nan",
            "Infinity",
            "-inf",
            "true",
            "１２",
            "٣",
            "1\n",
            "½",
            "1'000",
        ],
        "1" * 19 + ".",
    ],
)
def test_anything_but_a_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="plain decimal number"):
        from_text(text, "USD")


@pytest.mark.parametrize("text", ["9" * 19, "-" + "9" * 19, "0." + "0" * 18 + "1", "1" * 5000])
def test_more_digits_than_anything_costs_are_said_to_be_too_many(text: str) -> None:
    with pytest.raises(ValueError, match="has too many digits: at most 18 before the point"):
        from_text(text, "USD")


@pytest.mark.parametrize(
    ("text", "code", "reason"),
    [
        ("12.345", "USD", "at most 2 decimal places"),
        ("0.5", "JPY", "at most 0 decimal places"),
        ("0.0001", "BHD", "at most 3 decimal places"),
        ("0.0000001", "USDC", "at most 6 decimal places"),
        ("0.000000001", "BTC", "at most 8 decimal places"),
        ("10000000000000.01", "USD", "larger than Billhook can bill"),
        ("-10000000000000.01", "USD", "larger than Billhook can bill"),
        ("1", "XYZ", "'XYZ' is not a currency"),
        ("1", "usd", "'usd' is not a currency"),
    ],
)
def test_what_does_not_fit_the_asset_is_refused_with_the_reason(
    text: str, code: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        from_text(text, code)


@pytest.mark.parametrize("code", ["XAU", "XDR", "XTS", "XXX"])
def test_metals_and_test_codes_without_a_minor_unit_are_no_assets(code: str) -> None:
    with pytest.raises(ValueError, match="not a currency"):
        asset(code)


@pytest.mark.parametrize(
    ("minor", "code", "text"),
    [
        (0, "USD", "0.00"),
        (5, "USD", "0.05"),
        (-5, "USD", "-0.05"),
        (-123456, "USD", "-1234.56"),
        (7, "JPY", "7"),
        (-7, "JPY", "-7"),
        (12, "BHD", "0.012"),
        (1, "BTC", "0.00000001"),
        (10**15, "USDC", "1000000000.000000"),
    ],
)
def test_wire_text_has_exactly_the_assets_places(minor: int, code: str, text: str) -> None:
    assert to_text(minor, code) == text


@given(st.integers(-money.MAX_MINOR, money.MAX_MINOR), st.sampled_from(sorted(PLACES)))
def test_every_amount_survives_the_wire(minor: int, code: str) -> None:
    text = to_text(minor, code)
    assert from_text(text, code) == minor
    assert money.to_decimal(minor, code) == Decimal(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=0, max_value=10**12))
def test_plain_text_means_the_same_number_without_an_exponent(value: Decimal) -> None:
    text = money.plain(value)
    assert Decimal(text) == value
    assert "E" not in text
    assert text == "0" or not text.endswith(".")


@pytest.mark.parametrize(
    ("value", "rounded"),
    [("0.5", 1), ("1.5", 2), ("2.5", 3), ("-0.5", -1), ("-2.5", -3), ("0.4999999999999", 0)],
)
def test_halves_go_away_from_zero(value: str, rounded: int) -> None:
    assert money.round_half_up(Decimal(value)) == rounded


def test_a_fraction_just_below_a_half_is_not_lost_in_the_context_of_the_day() -> None:
    assert money.round_half_up(Decimal("123456789012345.4999999999999999999999")) == 123456789012345


def test_amounts_of_different_assets_do_not_mix() -> None:
    dollars, yen = Money(100, asset("USD")), Money(100, asset("JPY"))
    assert dollars + Money(1, asset("USD")) == Money(101, asset("USD"))
    assert dollars - Money(1, asset("USD")) == Money(99, asset("USD"))
    for mix in (lambda: dollars + yen, lambda: dollars - yen, lambda: dollars < yen):
        with pytest.raises(ValueError, match="USD and JPY do not mix"):
            mix()


@pytest.mark.parametrize("amount", [1.0, Decimal(1), "1", True])
def test_money_takes_nothing_but_whole_numbers(amount: object) -> None:
    with pytest.raises(TypeError, match="int of minor units"):
        Money(amount, asset("USD"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("minor", "code", "language", "text"),
    [
        (123456, "USD", "en", "$1,234.56"),
        (123456, "EUR", "de", "1.234,56\u00a0€"),
        (1234, "JPY", "ja", "￥1,234"),
        (1234567, "BHD", "en", "BHD\u00a01,234.567"),
        (1250000, "USDC", "en", "USDC\u00a01.250000"),
        (1, "BTC", "en", "BTC\u00a00.00000001"),
        (100, "USD", "tlh", "$1.00"),
    ],
)
def test_people_read_amounts_in_their_own_way(
    minor: int, code: str, language: str, text: str
) -> None:
    assert format_money(minor, code, language) == text


def test_a_unit_price_shows_as_many_places_as_it_has_and_no_fewer_than_the_asset() -> None:
    assert format_price(Decimal("0.0042"), "USD") == "$0.0042"
    assert format_price(Decimal("5"), "USD") == "$5.00"
    assert format_price(Decimal("5"), "JPY") == "¥5"
