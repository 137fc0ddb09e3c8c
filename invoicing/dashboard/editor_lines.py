"""The part of a form that asks for lines, with what is taken off the whole and how taxes are."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from django.forms.utils import ErrorDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoicing import inputs
from invoicing.dashboard.editor_rows import DECIMAL, DISCOUNT_KINDS, TAX_BEHAVIORS, LineForm
from invoicing.dashboard.forms import Choice, InputForm, Problem, Text, sentence
from invoicing.models import Merchant


class LinesForm(InputForm):
    """A form with the lines of an invoice."""

    tax_behavior = Choice(gettext_lazy("Taxes are"), TAX_BEHAVIORS)
    discount_value = Text(gettext_lazy("Discount on all of it"), attrs=DECIMAL)
    discount_kind = Choice(gettext_lazy("Kind of discount"), DISCOUNT_KINDS)

    aliases: ClassVar[dict[str, str]] = {
        "discount": "discount_value",
        "discount.percent": "discount_value",
        "discount.amount": "discount_value",
        "tax_rate": "tax_behavior",
    }
    merchant: Merchant

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines: list[LineForm] = []
        # The lines that were asked for, in the order in which they were.
        self.kept: list[LineForm] = []

    def posted_lines(self) -> list[LineForm]:
        """The lines that were sent, in the order they stood on the page."""
        return [LineForm(index, self.data) for index in indexes(self.data, "line", "description")]

    def written_lines(self) -> list[LineForm]:
        """Those in which something was written."""
        return [line for line in self.lines if line.is_bound and not line.is_blank()]

    def add_line(self) -> LineForm:
        """Another line, with the taxes of the one before it."""
        initial: dict[str, Any] = {"quantity": "1", "discount_kind": "percent"}
        if self.lines:
            initial["taxes"] = [
                {
                    "rate": rate.value(),
                    "name": name.value() or "",
                    "category": category.value() or "S",
                }
                for rate, name, category in self.lines[-1].tax_rows
                if rate.value()
            ]
        index = max((line.index for line in self.lines), default=-1) + 1
        line = LineForm(index, initial=initial)
        line.fields["description"].widget.attrs["autofocus"] = True
        self.lines.append(line)
        return line

    def remove_line(self, index: int) -> None:
        """Take a line away; a form without any line gets an empty one."""
        self.lines = [line for line in self.lines if line.index != index]
        if not self.lines:
            self.add_line()

    def money_wanted(self) -> dict[str, Any]:
        """What the totals depend on, besides the lines."""
        data = self.cleaned
        discount = None
        if data.get("discount_value"):
            discount = {data.get("discount_kind") or "percent": data["discount_value"]}
        return {"discount": discount, "tax_behavior": data.get("tax_behavior") or "exclusive"}

    def is_valid(self) -> bool:
        return super().is_valid() and not any(line.errors for line in self.lines)

    def refuse_field(self, path: str, message: str) -> None:
        line = re.match(r"line_items\[(\d+)\]\.?(.*)", path)
        if line is None:
            super().refuse_field(path, message)
            return
        form = self.kept[int(line[1])]
        name = form.field_for(line[2])
        if not form.errors.get(name):
            form.add_error(name, sentence(message))

    @property
    def problems(self) -> list[Problem]:
        """Everything to put right: of the form, then of each line."""
        found = super().problems
        for place, line in enumerate(self.lines, start=1):
            if line.is_bound:
                label = _("Line %(place)d") % {"place": place}
                found += [
                    Problem(target, f"{label}, {name}", message)
                    for target, name, message in line.problems
                ]
        return found

    def forgive(self) -> None:
        """Say nothing yet about what is wrong: the form is still being written."""
        for form in (self, *self.lines):
            form._errors = ErrorDict()


def indexes(data: Mapping[str, Any], kind: str, counted: str) -> list[int]:
    """The rows of this kind that were sent, in the order they stood on the page."""
    pattern = re.compile(rf"{kind}-(\d{{1,4}})-{counted}", re.ASCII)
    found = [int(match[1]) for name in data if (match := pattern.fullmatch(str(name)))]
    return found[: inputs.MAX_LINES + 1]
