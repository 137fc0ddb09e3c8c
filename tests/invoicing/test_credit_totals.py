"""Credit notes add up: whatever the steps, all of them together are the invoice, to the unit."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.credit_totals import Amounts, apportion, of_lines, part_of, share
from invoicing.money import ASSETS
from invoicing.totals import Discount, DoesNotAddUp, Line, Tax, TaxTotal, Totals, compute

VAT = Tax(Decimal(19), "VAT")
PLACES = sorted({asset.decimals for asset in ASSETS.values()})
names = st.sampled_from(["VAT", "GST", "City"])
taxes = st.builds(Tax, rate=st.decimals(0, 30, places=3), name=names)
discounts = st.none() | st.builds(Discount, percent=st.decimals(0, 90, places=2))
lines_of = st.builds(
    Line,
    quantity=st.decimals("0.5", 20, places=2),
    unit_price=st.decimals(0, 50, places=4),
    discount=discounts,
    taxes=st.lists(taxes, max_size=3, unique_by=lambda tax: tax.name).map(tuple),
    tax_inclusive=st.booleans(),
)
documents = st.tuples(
    st.lists(lines_of, min_size=1, max_size=6), st.sampled_from(PLACES), discounts
)


def amounts_of(totals: Totals) -> Amounts:
    return Amounts(totals.total_excluding_tax, totals.taxes)


def add(notes: list[Amounts], whole: Amounts) -> Amounts:
    """What notes come to together, tax by tax."""
    zero = [replace(tax, base=0, amount=0) for tax in whole.taxes]
    for note in notes:
        zero = [
            replace(sum_, base=sum_.base + tax.base, amount=sum_.amount + tax.amount)
            for sum_, tax in zip(zero, note.taxes, strict=True)
        ]
    return Amounts(sum(note.untaxed for note in notes), tuple(zero))


def is_sane(note: Amounts) -> bool:
    return note.untaxed >= 0 and all(tax.amount >= 0 and tax.base >= 0 for tax in note.taxes)


@given(documents, st.lists(st.integers(0, 10**6), max_size=8))
def test_notes_over_amounts_add_up_to_the_invoice(
    document: tuple[list[Line], int, Discount | None], steps: list[int]
) -> None:
    whole = left = amounts_of(compute(*document))
    notes: list[Amounts] = []
    for step in steps:
        if left.total:
            note = part_of(left, 1 + step % left.total)
            assert note.total == 1 + step % left.total
            notes.append(note)
            left = left.less(note.taxes, note.total)
    assert all(map(is_sane, [*notes, left]))
    if left.total:
        notes.append(part_of(left, left.total))
    if notes:
        assert add(notes, whole) == whole


@given(documents, st.lists(st.tuples(st.booleans(), st.integers(0, 10**6)), max_size=8))
def test_lines_and_amounts_in_turn_add_up_to_the_invoice(
    document: tuple[list[Line], int, Discount | None], steps: list[tuple[bool, int]]
) -> None:
    lines, places, discount = document
    totals = compute(lines, places, discount)
    whole = left = amounts_of(totals)
    notes: list[Amounts] = []
    for by_line, step in steps:
        if not left.total:
            break
        if by_line:
            line = lines[step % len(lines)]
            price = Decimal(totals.lines[step % len(lines)].amount).scaleb(-places)
            one = Line(Decimal(1), price, None, line.taxes, line.tax_inclusive)
            note = of_lines(left, compute([one], places))
        else:
            note = part_of(left, 1 + step % left.total)
        notes.append(note)
        left = left.less(note.taxes, note.total)
    assert all(map(is_sane, [*notes, left]))
    if left.total:
        notes.append(part_of(left, left.total))
    if notes:
        together = add(notes, whole)
        assert together.untaxed == whole.untaxed
        assert [tax.amount for tax in together.taxes] == [tax.amount for tax in whole.taxes]


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=6), st.data())
def test_no_part_shrinks_when_more_is_split(weights: list[int], data: st.DataObject) -> None:
    whole = sum(weights)
    amount = data.draw(st.integers(0, max(whole - 1, 0)))
    if not whole:
        return
    parts, more = apportion(amount, weights), apportion(amount + 1, weights)
    assert (sum(parts), sum(more)) == (amount, amount + 1)
    assert all(0 <= one <= other for one, other in zip(parts, more, strict=True))
    assert apportion(whole, weights) == weights


def test_rounding_each_part_by_itself_would_not_add_up() -> None:
    """Control: what the laws above would find in the simpler way."""
    weights = [1, 1, 1]
    assert sum(round(2 * weight / 3) for weight in weights) == 3
    assert sum(apportion(2, weights)) == 2


def test_a_tax_is_credited_in_proportion() -> None:
    whole = amounts_of(compute([Line(Decimal(1), Decimal(100), None, (VAT,))], 2))
    note = part_of(whole, 5950)
    assert (note.untaxed, note.net, note.tax, note.total) == (5000, 5000, 950, 5950)
    assert note.taxes == (TaxTotal(VAT, False, 5000, 950),)


def test_a_tax_in_the_price_stays_in_it() -> None:
    whole = amounts_of(compute([Line(Decimal(1), Decimal(119), None, (VAT,), True)], 2))
    note = part_of(whole, 5950)
    assert (note.untaxed, note.net, note.tax, note.total) == (5000, 5950, 950, 5950)


def test_a_quantity_in_steps_comes_to_the_whole_line() -> None:
    parts = [share(100, Decimal(n), Decimal(n + 1), Decimal(3)) for n in range(3)]
    assert parts == [33, 34, 33]


def test_a_discount_beyond_its_base_is_still_refused() -> None:
    with pytest.raises(DoesNotAddUp):
        compute([Line(Decimal(1), Decimal(1))], 2, Discount(amount=101))
