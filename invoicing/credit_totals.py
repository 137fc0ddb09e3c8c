"""What a credit note takes back: parts of an invoice's amounts that add up to it exactly.

Pure arithmetic on whole minor units. Every note is a part of what the notes before it have left,
never more of any tax than is left of it, so notes that credit a whole invoice, in whatever steps,
add up to exactly its taxes and its total.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from fractions import Fraction

from invoicing.money import EXACT, round_half_up
from invoicing.totals import TaxTotal, Totals


@dataclass(frozen=True, slots=True)
class Amounts:
    """A document's money in minor units: what is no tax, and each tax."""

    untaxed: int
    taxes: tuple[TaxTotal, ...] = ()

    @property
    def tax(self) -> int:
        return sum(tax.amount for tax in self.taxes)

    @property
    def total(self) -> int:
        return self.untaxed + self.tax

    @property
    def net(self) -> int:
        """What lines and discounts come to: the total without the taxes added to the prices."""
        return self.total - sum(tax.amount for tax in self.taxes if not tax.inclusive)

    def less(self, taken: Sequence[TaxTotal], total: int) -> "Amounts":
        """What is left of it when these taxes and this total have been taken."""
        gone = {(tax.tax, tax.inclusive): tax for tax in taken}
        taxes = []
        for tax in self.taxes:
            part = gone.get((tax.tax, tax.inclusive))
            if part is not None:
                tax = replace(tax, base=tax.base - part.base, amount=tax.amount - part.amount)
            taxes.append(tax)
        untaxed = self.untaxed - (total - sum(tax.amount for tax in taken))
        return Amounts(untaxed, tuple(taxes))


def part_of(left: Amounts, total: int) -> Amounts:
    """A part of what is left, of this total; each tax in proportion."""
    weights = [left.untaxed, *(tax.amount for tax in left.taxes)]
    untaxed, *amounts = apportion(total, weights)
    taxes = tuple(
        replace(tax, base=tax.base * total // left.total, amount=amount)
        for tax, amount in zip(left.taxes, amounts, strict=True)
    )
    return Amounts(untaxed, taxes)


def of_lines(left: Amounts, worked_out: Totals) -> Amounts:
    """What lines come to, as far as that is left."""
    if worked_out.total >= left.total:
        return left
    net = min(worked_out.subtotal - worked_out.discount, left.net)
    asked = {(tax.tax, tax.inclusive): tax for tax in worked_out.taxes}
    taxes = []
    for tax in left.taxes:
        part = asked.get((tax.tax, tax.inclusive))
        base, amount = (part.base, part.amount) if part else (0, 0)
        taxes.append(replace(tax, base=min(base, tax.base), amount=min(amount, tax.amount)))
    # What the prices contain is tax or not, and of neither more is taken than is left.
    contained = sum(tax.amount for tax in taxes if tax.inclusive)
    moving = min(max(contained, net - left.untaxed), net) - contained
    contained += moving
    for place, (tax, whole) in enumerate(zip(taxes, left.taxes, strict=True)):
        if tax.inclusive:
            moved = max(min(moving, whole.amount - tax.amount), -tax.amount)
            taxes[place] = replace(tax, amount=tax.amount + moved)
            moving -= moved
    return Amounts(net - contained, tuple(taxes))


def apportion(amount: int, weights: Sequence[int]) -> list[int]:
    """Split a whole amount in proportion to the weights, rounding to the nearest (Webster).

    No part shrinks when the amount grows, so that no part exceeds its weight while the amount
    does not exceed their sum. Ties go to the first.
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    places = range(len(weights))
    parts = [(2 * amount * weight + whole) // (2 * whole) for weight in weights]
    while sum(parts) < amount:
        parts[max(places, key=lambda k: (Fraction(weights[k], 2 * parts[k] + 1), -k))] += 1
    while sum(parts) > amount:
        had = [k for k in places if parts[k]]
        parts[min(had, key=lambda k: (Fraction(weights[k], 2 * parts[k] - 1), -k))] -= 1
    return parts


def share(amount: int, before: Decimal, after: Decimal, whole: Decimal) -> int:
    """What falls on the quantity between two counts of a whole, so that all of it adds up."""
    with localcontext(EXACT):
        return round_half_up(amount * after / whole) - round_half_up(amount * before / whole)
