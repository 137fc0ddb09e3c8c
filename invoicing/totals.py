"""What an invoice adds up to: lines, discounts, taxes and total, exact to the minor unit.

Pure arithmetic on whole minor units. A line is rounded once, half-up; tax is computed once per
(name, rate, category) group, as EN 16931 asks (BT-117 = BT-116 × BT-119); document discounts are
spread over the lines by largest remainder. So lines, taxes and totals always add up exactly,
in whatever order the lines stand.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext

from invoicing.money import EXACT, MAX_MINOR, round_half_up

TaxRank = tuple[str, str, Decimal]
TaxKey = tuple[bool, tuple[TaxRank, ...]]


@dataclass(frozen=True, slots=True)
class Tax:
    """One tax on a line: rate in percent, category by UNCL5305 (S, Z, E, AE, K, G, O, L, M)."""

    rate: Decimal
    name: str = ""
    category: str = "S"


# A tax of an amount that was given, not worked out: no rate of zero comes to anything.
FIXED = Tax(Decimal(0), "Tax")


@dataclass(frozen=True, slots=True)
class Discount:
    """Either a percentage or a fixed number of minor units, never both."""

    percent: Decimal | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """What is asked for: quantity × unit price (in whole units of `decimals` places)."""

    quantity: Decimal
    unit_price: Decimal
    discount: Discount | None = None
    taxes: tuple[Tax, ...] = ()
    tax_inclusive: bool = False


@dataclass(frozen=True, slots=True)
class LineTotal:
    """One line worked out, in minor units: before discount, its discount, and what remains."""

    gross: int
    discount: int
    amount: int


@dataclass(frozen=True, slots=True)
class TaxTotal:
    """One tax over the whole document: `base` is net of tax, `amount` the tax on it."""

    tax: Tax
    inclusive: bool
    base: int
    amount: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The document worked out, in minor units.

    total = subtotal − discount + the taxes that are not included in the prices.
    """

    lines: tuple[LineTotal, ...]
    subtotal: int
    discount: int
    tax: int
    total: int
    taxes: tuple[TaxTotal, ...] = field(default=())

    @property
    def total_excluding_tax(self) -> int:
        return self.total - self.tax


class DoesNotAddUp(ValueError):
    """The amounts cannot make an invoice; `field` names the one to change."""

    def __init__(self, field_name: str, message: str) -> None:
        super().__init__(message)
        self.field = field_name


def compute(
    lines: Sequence[Line],
    decimals: int,
    discount: Discount | None = None,
    tax_amount: int | None = None,
) -> Totals:
    """Work out a document whose asset has `decimals` places. Raises DoesNotAddUp.

    `tax_amount` is one tax on the whole, in minor units, for documents whose lines bear none.
    """
    with localcontext(EXACT):
        line_totals = tuple(
            _line(line, decimals, f"line_items[{position}]") for position, line in enumerate(lines)
        )
        subtotal = sum(line.amount for line in line_totals)
        document_discount = _discount(discount, subtotal, "discount")
        if subtotal > MAX_MINOR:
            raise DoesNotAddUp("line_items", "the total is larger than Billhook can bill")
        taken = spread(
            document_discount,
            [line.amount for line in line_totals],
            [tax_key(line) for line in lines],
        )
        bases = [line.amount - part for line, part in zip(line_totals, taken, strict=True)]
        taxes = _exclusive(lines, bases) + _inclusive(lines, bases)
        if tax_amount:
            if taxes:
                raise DoesNotAddUp("tax_amount", "takes no other taxes beside it")
            taxes = [TaxTotal(FIXED, False, subtotal - document_discount, tax_amount)]
        added = sum(tax.amount for tax in taxes if not tax.inclusive)
        total = subtotal - document_discount + added
        if total > MAX_MINOR:
            raise DoesNotAddUp("line_items", "the total is larger than Billhook can bill")
        return Totals(
            lines=line_totals,
            subtotal=subtotal,
            discount=document_discount,
            tax=sum(tax.amount for tax in taxes),
            total=total,
            taxes=tuple(taxes),
        )


def spread(amount: int, weights: Sequence[int], ranks: Sequence[TaxKey]) -> list[int]:
    """Split a whole amount in proportion to the weights, by largest remainder.

    The parts add up to the amount exactly and none exceeds its weight while the amount does not
    exceed their sum. Ties go to the larger weight, then to the lower rank, so that what a tax
    group gets does not depend on the order of the lines.
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    parts = [amount * weight // whole for weight in weights]
    left = amount - sum(parts)
    by_remainder = sorted(
        range(len(weights)),
        key=lambda place: (-(amount * weights[place] % whole), -weights[place], ranks[place]),
    )
    for place in by_remainder[:left]:
        parts[place] += 1
    return parts


def _line(line: Line, decimals: int, name: str) -> LineTotal:
    gross_exact = line.quantity * line.unit_price.scaleb(decimals)
    if gross_exact > MAX_MINOR:
        raise DoesNotAddUp(f"{name}.unit_price", "makes the line larger than Billhook can bill")
    gross = round_half_up(gross_exact)
    discount = _discount(line.discount, gross, f"{name}.discount")
    return LineTotal(gross=gross, discount=discount, amount=gross - discount)


def _discount(discount: Discount | None, base: int, name: str) -> int:
    if discount is None:
        return 0
    if discount.percent is not None:
        return round_half_up(base * discount.percent / 100)
    if discount.amount is not None and discount.amount > base:
        raise DoesNotAddUp(f"{name}.amount", "must not be more than what it is taken from")
    return discount.amount or 0


def _exclusive(lines: Sequence[Line], bases: Sequence[int]) -> list[TaxTotal]:
    """Taxes added to the prices: one rounding per tax over all lines that bear it."""
    groups: dict[Tax, int] = {}
    for line, base in zip(lines, bases, strict=True):
        if not line.tax_inclusive:
            for tax in line.taxes:
                groups[tax] = groups.get(tax, 0) + base
    return [
        TaxTotal(tax, False, base, round_half_up(base * tax.rate / 100))
        for tax, base in sorted(groups.items(), key=_by_rate)
    ]


def _inclusive(lines: Sequence[Line], bases: Sequence[int]) -> list[TaxTotal]:
    """Taxes contained in the prices: taken out once per set of taxes, then split by rate."""
    sets: dict[tuple[Tax, ...], int] = {}
    for line, base in zip(lines, bases, strict=True):
        if line.tax_inclusive and line.taxes:
            key = tuple(sorted(line.taxes, key=_tax_rank))
            sets[key] = sets.get(key, 0) + base
    groups: dict[Tax, tuple[int, int]] = {}
    for taxes, gross in sets.items():
        rates = sum((tax.rate for tax in taxes), Decimal(0))
        net = round_half_up(gross * 100 / (100 + rates))
        scale = 10 ** max(0, *(-int(tax.rate.as_tuple().exponent) for tax in taxes))
        weights = [int(tax.rate * scale) for tax in taxes]
        ranks = [(False, (_tax_rank(tax),)) for tax in taxes]
        for tax, amount in zip(taxes, spread(gross - net, weights, ranks), strict=True):
            base_sum, amount_sum = groups.get(tax, (0, 0))
            groups[tax] = (base_sum + net, amount_sum + amount)
    return [
        TaxTotal(tax, True, base, amount)
        for tax, (base, amount) in sorted(groups.items(), key=_by_rate)
    ]


def _tax_rank(tax: Tax) -> TaxRank:
    return (tax.name, tax.category, tax.rate)


def tax_key(line: Line) -> TaxKey:
    """How lines of the same taxes rank beside others, whatever their order."""
    return (line.tax_inclusive, tuple(sorted(_tax_rank(tax) for tax in line.taxes)))


def _by_rate(item: tuple[Tax, object]) -> tuple[Decimal, str, str]:
    tax, _ = item
    return (-tax.rate, tax.name, tax.category)
