"""The fee table, to the minor unit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.money import MAX_MINOR
from payments import fees
from payments.clearing import clears_at
from payments.fees import TABLE, Fees, Rate, estimate
from payments.rails import RAILS
from tests.fixtures import NOON


@pytest.mark.parametrize(
    ("rail", "amount", "currency", "provider", "platform"),
    [
        # Card: 2.9 % + 0.30, and 0.5 %.
        ("card", 10000, "USD", 320, 50),
        ("card", 100, "USD", 33, 1),
        ("card", 1, "USD", 1, 0),
        ("card", 31, "USD", 31, 0),
        ("card", 12345, "USD", 388, 62),
        ("card", 1000, "JPY", 29, 5),
        ("card", 100_000, "BHD", 3200, 500),
        ("sandbox", 10000, "USD", 320, 50),
        # ACH: 0.8 % up to 5.00, and 0.25 %.
        ("ach", 10000, "USD", 80, 25),
        ("ach", 62500, "USD", 500, 156),
        ("ach", 62501, "USD", 500, 156),
        ("ach", 10**9, "USD", 500, 2_500_000),
        # USDC: 0.50 flat, and 0.5 %.
        ("usdc", 100_000_000, "USDC", 500_000, 500_000),
        ("usdc", 400_000, "USDC", 400_000, 0),
        # Wallet: free, and 0.25 %.
        ("wallet", 10000, "USD", 0, 25),
        ("manual", 10000, "USD", 0, 0),
    ],
)
def test_every_way_to_pay_costs_what_the_table_says(
    rail: str, amount: int, currency: str, provider: int, platform: int
) -> None:
    assert estimate(rail, amount, currency) == Fees(provider, platform)


def test_fees_are_rounded_half_up_once() -> None:
    half = Rate(Decimal("0.5"))
    assert [half.of(amount, 2) for amount in (99, 100, 299, 300)] == [0, 1, 1, 2]


@given(
    st.sampled_from(sorted(TABLE)),
    st.integers(0, MAX_MINOR),
    st.sampled_from(["JPY", "USD", "BHD", "USDC", "BTC"]),
)
def test_fees_never_take_more_than_there_is(rail: str, amount: int, currency: str) -> None:
    taken = estimate(rail, amount, currency)
    assert taken.provider >= 0
    assert taken.platform >= 0
    assert taken.provider + taken.platform <= amount
    if amount:
        assert estimate(rail, amount - 1, currency).provider <= taken.provider


def test_every_rail_has_its_fees() -> None:
    assert RAILS.keys() <= fees.TABLE.keys()


@pytest.mark.parametrize(("rail", "days"), [("card", 2), ("sandbox", 2), ("wallet", 0)])
def test_money_clears_when_its_rail_says(rail: str, days: int) -> None:
    assert (clears_at(rail, NOON) - NOON).days == days
