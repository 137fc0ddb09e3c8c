"""What an invoice adds up to: worked examples, and laws that hold for every invoice."""

import random
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.money import MAX_MINOR
from invoicing.totals import Discount, DoesNotAddUp, Line, Tax, Totals, compute, spread

VAT19 = Tax(Decimal("19"), "VAT")
VAT7 = Tax(Decimal("7"), "VAT")
NONE = ((False, ()),)


def line(
    price: str,
    quantity: str = "1",
    *taxes: Tax,
    discount: Discount | None = None,
    inclusive: bool = False,
) -> Line:
    return Line(Decimal(quantity), Decimal(price), discount, taxes, inclusive)


def percent(value: str) -> Discount:
    return Discount(percent=Decimal(value))


def amount(minor: int) -> Discount:
    return Discount(amount=minor)


# Worked examples


def test_a_plain_invoice() -> None:
    totals = compute([line("19.99", "3"), line("5")], 2)
    assert [part.amount for part in totals.lines] == [5997, 500]
    assert (totals.subtotal, totals.discount, totals.tax, totals.total) == (6497, 0, 0, 6497)


def test_fractional_quantities_and_prices_finer_than_a_cent_are_rounded_once_per_line() -> None:
    # 1 234 567 requests at 0.000042 are 51.851814; 2.5 hours at 33.333 are 83.3325.
    totals = compute([line("0.000042", "1234567"), line("33.333", "2.5")], 2)
    assert [part.amount for part in totals.lines] == [5185, 8333]


def test_tax_is_rounded_once_for_all_lines_that_bear_it() -> None:
    # Line by line 0.05 × 10 % would round to 0.01 three times.
    totals = compute([line("0.05", "1", Tax(Decimal("10"), "VAT")) for _ in range(3)], 2)
    assert (totals.tax, totals.total) == (2, 17)
    assert [(tax.base, tax.amount) for tax in totals.taxes] == [(15, 2)]


def test_several_rates_stand_apart_highest_first() -> None:
    totals = compute([line("100", "1", VAT7), line("200", "1", VAT19), line("50", "1", VAT7)], 2)
    assert [(tax.tax, tax.base, tax.amount) for tax in totals.taxes] == [
        (VAT19, 20000, 3800),
        (VAT7, 15000, 1050),
    ]
    assert totals.total == 35000 + 4850


def test_two_taxes_on_one_line_are_both_taken_of_the_same_base() -> None:
    gst, qst = Tax(Decimal("5"), "GST"), Tax(Decimal("9.975"), "QST")
    totals = compute([line("100", "1", gst, qst)], 2)
    assert {tax.tax.name: tax.amount for tax in totals.taxes} == {"GST": 500, "QST": 998}
    assert totals.total == 11498


def test_the_same_rate_in_two_categories_is_two_taxes() -> None:
    zero, exempt = Tax(Decimal(0), "VAT", "Z"), Tax(Decimal(0), "VAT", "E")
    totals = compute([line("10", "1", zero), line("20", "1", exempt)], 2)
    assert {(tax.tax.category, tax.base) for tax in totals.taxes} == {("Z", 1000), ("E", 2000)}


def test_tax_included_in_the_price_is_taken_out_of_it() -> None:
    totals = compute([line("119", "1", VAT19, inclusive=True)], 2)
    assert (totals.subtotal, totals.tax, totals.total) == (11900, 1900, 11900)
    assert totals.total_excluding_tax == 10000
    assert [(tax.base, tax.amount, tax.inclusive) for tax in totals.taxes] == [(10000, 1900, True)]


def test_two_included_taxes_share_what_is_taken_out_by_their_rates() -> None:
    state, city = Tax(Decimal("6"), "State"), Tax(Decimal("2.5"), "City")
    totals = compute([line("100", "1", state, city, inclusive=True)], 2)
    # 100 / 1.085 = 92.1659; the 7.83 left are split 6 : 2.5.
    assert {tax.tax.name: (tax.base, tax.amount) for tax in totals.taxes} == {
        "State": (9217, 553),
        "City": (9217, 230),
    }
    assert totals.total == 10000


def test_line_discounts_come_before_tax_and_before_the_documents() -> None:
    totals = compute(
        [line("100", "1", VAT19, discount=percent("10")), line("50", discount=amount(1000))],
        2,
        percent("50"),
    )
    assert [(part.gross, part.discount, part.amount) for part in totals.lines] == [
        (10000, 1000, 9000),
        (5000, 1000, 4000),
    ]
    assert (totals.subtotal, totals.discount) == (13000, 6500)
    # Half of the first line's 90.00 is taxed.
    assert (totals.tax, totals.total) == (855, 7355)


def test_a_documents_discount_is_spread_over_the_taxes_by_largest_remainder() -> None:
    totals = compute([line("0.10", "1", VAT19), line("0.20", "1", VAT7)], 2, amount(1))
    # 1 cent over 10 and 20: the larger remainder, and so the cent, is the second's.
    assert [(tax.tax, tax.base) for tax in totals.taxes] == [(VAT19, 10), (VAT7, 19)]


def test_a_discount_of_everything_leaves_nothing_to_pay_or_tax() -> None:
    totals = compute([line("99.99", "3", VAT19)], 2, percent("100"))
    assert (totals.discount, totals.tax, totals.total) == (29997, 0, 0)


@pytest.mark.parametrize(
    ("places", "gross", "tax"),
    [(0, 12, 2), (2, 1235, 235), (3, 12346, 2346), (6, 12345679, 2345679), (8, 1234567890, None)],
)
def test_every_number_of_decimals_rounds_at_its_own_place(
    places: int, gross: int, tax: int | None
) -> None:
    totals = compute([line("12.3456789", "1", VAT19)], places)
    assert totals.lines[0].amount == gross
    assert totals.total == gross + totals.tax
    assert totals.tax == (Fraction(gross) * 19 / 100 + Fraction(1, 2)).__floor__()


# What does not add up


@pytest.mark.parametrize(
    ("lines", "discount", "field"),
    [
        ([line("1", discount=amount(101))], None, "line_items[0].discount.amount"),
        ([line("1"), line("1")], amount(201), "discount.amount"),
        ([line("10000000000000.01")], None, "line_items[0].unit_price"),
        ([line("10000", "1000000001")], None, "line_items[0].unit_price"),
        ([line("6000000000000"), line("6000000000000")], None, "line_items"),
        ([line("9000000000000", "1", VAT19)], None, "line_items"),
    ],
)
def test_what_does_not_add_up_is_refused_naming_the_field(
    lines: list[Line], discount: Discount | None, field: str
) -> None:
    with pytest.raises(DoesNotAddUp) as refusal:
        compute(lines, 2, discount)
    assert refusal.value.field == field


def test_the_largest_invoice_is_still_exact() -> None:
    totals = compute([line("10000000000000")], 2)
    assert totals.total == MAX_MINOR


# Laws

rates = st.decimals(0, 100, places=3) | st.sampled_from([Decimal("19"), Decimal("7"), Decimal("0")])
taxes = st.builds(Tax, rates, st.sampled_from(["VAT", "GST"]), st.sampled_from(["S", "Z"]))
discounts = st.none() | st.builds(Discount, percent=st.decimals(0, 100, places=2))
lines_of = st.builds(
    Line,
    quantity=st.decimals("0.000001", 100, places=6),
    unit_price=st.decimals(0, 1000, places=4),
    discount=discounts,
    taxes=st.lists(taxes, max_size=3, unique=True).map(tuple),
    tax_inclusive=st.booleans(),
)
documents = st.tuples(
    st.lists(lines_of, min_size=1, max_size=12), st.sampled_from([0, 2, 3, 6, 8]), discounts
)


def check_laws(lines: Sequence[Line], places: int, discount: Discount | None) -> Totals:
    """All that must hold for every invoice, worked out again in fractions."""
    totals = compute(lines, places, discount)
    for asked, worked in zip(lines, totals.lines, strict=True):
        exact = Fraction(asked.quantity) * Fraction(asked.unit_price) * 10**places
        assert worked.gross == (exact + Fraction(1, 2)).__floor__()
        assert 0 <= worked.discount <= worked.gross
        assert worked.amount == worked.gross - worked.discount
    added = sum(tax.amount for tax in totals.taxes if not tax.inclusive)
    contained = sum(tax.amount for tax in totals.taxes if tax.inclusive)
    assert totals.subtotal == sum(worked.amount for worked in totals.lines)
    assert 0 <= totals.discount <= totals.subtotal
    assert totals.total == totals.subtotal - totals.discount + added
    assert totals.tax == added + contained
    assert totals.total_excluding_tax == totals.total - totals.tax >= 0
    for tax in totals.taxes:
        assert tax.amount >= 0
        if not tax.inclusive:
            exact = Fraction(tax.base) * Fraction(tax.tax.rate) / 100
            assert tax.amount == (exact + Fraction(1, 2)).__floor__()
    return totals


@given(documents)
def test_lines_taxes_and_totals_always_add_up(
    document: tuple[list[Line], int, Discount | None],
) -> None:
    check_laws(*document)


@given(documents, st.randoms(use_true_random=False))
def test_the_order_of_the_lines_changes_nothing(
    document: tuple[list[Line], int, Discount | None], chance: random.Random
) -> None:
    lines, places, discount = document
    before = compute(lines, places, discount)
    shuffled = list(lines)
    chance.shuffle(shuffled)
    after = compute(shuffled, places, discount)
    assert after.taxes == before.taxes
    assert (after.subtotal, after.discount, after.tax, after.total) == (
        before.subtotal,
        before.discount,
        before.tax,
        before.total,
    )


@given(st.integers(0, 10**12), st.decimals(0, 100, places=3), st.sampled_from([0, 2, 3]))
def test_taking_included_tax_out_and_putting_it_back_gives_the_same_price(
    gross: int, rate: Decimal, places: int
) -> None:
    price = Decimal(gross).scaleb(-places)
    tax = Tax(rate, "VAT")
    inside = compute([Line(Decimal(1), price, None, (tax,), tax_inclusive=True)], places)
    assert inside.total == gross
    net = Decimal(inside.total_excluding_tax).scaleb(-places)
    outside = compute([Line(Decimal(1), net, None, (tax,))], places)
    # A net price is a whole number of minor units, so the way back may miss by at most one.
    assert abs(outside.total - gross) <= 1
    if outside.total == gross:
        assert outside.tax == inside.tax


@given(
    st.lists(st.integers(0, 10**9), min_size=1, max_size=30).flatmap(
        lambda weights: st.tuples(st.just(weights), st.integers(0, sum(weights)))
    )
)
def test_a_spread_amount_is_neither_lost_nor_made(case: tuple[list[int], int]) -> None:
    weights, whole = case
    parts = spread(whole, weights, NONE * len(weights))
    assert sum(parts) == (whole if sum(weights) else 0)
    for part, weight in zip(parts, weights, strict=True):
        assert 0 <= part <= weight
        if sum(weights):
            # Never a whole unit away from its exact share.
            assert abs(part - Fraction(whole * weight, sum(weights))) < 1


def random_line(chance: random.Random, place: int) -> Line:
    kinds = [VAT19, VAT7, Tax(Decimal("8.875"), "Sales tax"), Tax(Decimal(0), "VAT", "Z")]
    return Line(
        quantity=Decimal(chance.randrange(1, 10**3)).scaleb(-chance.randrange(4)),
        unit_price=Decimal(chance.randrange(10**5)).scaleb(-chance.randrange(7)),
        discount=chance.choice([None, None, percent(str(chance.randrange(101)))]),
        taxes=tuple(chance.sample(kinds, chance.randrange(3))),
        tax_inclusive=chance.random() < 0.4,
    )


def test_random_invoices_add_up(pytestconfig: pytest.Config) -> None:
    """A thousand by default; `--examples 100000` for as many as one likes."""
    for seed in range(pytestconfig.getoption("--examples") or 1000):
        chance = random.Random(seed)
        lines = [random_line(chance, place) for place in range(chance.randrange(1, 15))]
        discount = chance.choice([None, percent(str(chance.randrange(101)))])
        try:
            check_laws(lines, chance.choice([0, 2, 3, 6]), discount)
        except AssertionError as broken:
            raise AssertionError(f"seed {seed} does not add up") from broken


def test_rounding_tax_line_by_line_would_give_another_sum() -> None:
    """A control: the law of one rounding per tax is one that can be broken."""
    totals = compute([line("0.05", "1", Tax(Decimal("10"), "VAT")) for _ in range(40)], 2)
    one_by_one = sum(compute([line("0.05", "1", Tax(Decimal("10")))], 2).tax for _ in range(40))
    assert (totals.tax, one_by_one) == (20, 40)
