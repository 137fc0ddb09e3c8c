"""A schedule as it is written: what a period costs, by an amount or by lines, and when it is."""

import re
from datetime import datetime
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoicing.dashboard import choices
from invoicing.dashboard.editor_lines import LinesForm
from invoicing.dashboard.editor_rows import LineForm
from invoicing.dashboard.forms import Choice, Day, Text, whole
from invoicing.errors import ValidationFailed
from invoicing.inputs import LineItemInput, read
from invoicing.models import Customer
from invoicing.templatetags.dashboard import when
from payments.dashboard.methods import named
from payments.dashboard.recurring_start import initial_of, lines_of
from payments.models import RecurringCharge
from payments.recurring_inputs import RecurringChanges, RecurringInput

COLLECTIONS = [
    ("charge", gettext_lazy("Charge a saved card or bank account")),
    ("send", gettext_lazy("Send an invoice to be paid by hand")),
]
# What a new schedule's input takes as it was typed, where something was.
_PLAINLY_READ = (
    "description",
    "currency",
    "interval",
    "start_at",
    "anchor",
    "proration",
    "end_at",
    "collection",
    "payment_method_id",
)
NEW_LINE = {"quantity": "1", "discount_kind": "percent"}


class CostForm(LinesForm):
    """What a period costs: an amount and what it is for, or lines."""

    field_order = ("description", "amount")
    description = Text(
        gettext_lazy("For what"),
        help_text=gettext_lazy("It stands on each invoice, unless its lines say more."),
    )
    amount = Text(
        gettext_lazy("Amount of a period"),
        attrs={"inputmode": "decimal"},
        help_text=gettext_lazy("As it is billed. Empty where there are lines below."),
    )
    collection = Choice(gettext_lazy("How it is collected"), COLLECTIONS)
    payment_method_id = Choice(gettext_lazy("Charged to"))
    end_at = Day(gettext_lazy("Ends on"), help_text=gettext_lazy("Empty: until it is ended."))

    aliases: ClassVar[dict[str, str]] = {**LinesForm.aliases, "line_items": "amount"}
    customer: Customer

    def clean(self) -> dict[str, Any]:
        # Said first, in the words of the page: what the input says of the same is left out.
        if not self.cleaned_data.get("description"):
            self.add_error("description", _("Say what it is for."))
        lines, amount = self.own_lines(), self.cleaned_data.get("amount")
        if not lines and not amount:
            self.add_error("amount", _("Say what it costs: an amount, or lines."))
        elif lines and amount:
            self.add_error("amount", _("Give either an amount or lines, and leave the other out."))
        return super().clean()

    def own_lines(self) -> list[LineForm]:
        """The lines that were written."""
        return super().written_lines()

    def written_lines(self) -> list[LineForm]:
        """The lines that were written; the one that an amount stands for, where there are none."""
        lines, amount = self.own_lines(), self.cleaned.get("amount", "")
        if lines or not amount:
            return lines
        line = LineForm(0, {"line-0-quantity": "1", "line-0-unit_price": amount})
        try:
            read(LineItemInput, {**line.wanted(), "description": "·"})
        except ValidationFailed:
            return []
        return [line]

    def cost(self) -> dict[str, Any]:
        """What it costs as it was asked for: an amount or lines, and what is taken off."""
        self.kept = self.own_lines()
        discount = self.money_wanted()["discount"]
        if not self.kept:
            return {"amount": self.cleaned_data.get("amount") or None, "discount": discount}
        return {
            "line_items": [line.wanted() for line in self.kept],
            "discount": discount,
            "tax_behavior": self.cleaned_data.get("tax_behavior") or "exclusive",
        }

    def refuse_field(self, path: str, message: str) -> None:
        if not self.kept and path.startswith("line_items["):
            path = "amount"
        super().refuse_field(path, moments_in_words(message))

    def as_posted(self) -> dict[str, Any]:
        """The form as it would be sent if nothing were typed."""
        return {
            bound.html_name: bound.value() or "" for part in (self, *self.lines) for bound in part
        }

    @property
    def has_lines(self) -> bool:
        """Whether there is something in the part that is folded away."""
        return bool(
            any(not line.is_blank() for line in self.lines) or self["discount_value"].value()
        )

    def offer_methods(self) -> None:
        """Fill the menu of what can be charged."""
        active = self.customer.payment_methods.filter(status="active")
        offered = [
            (method.public_id, named(method)) for method in active.order_by("-is_default", "-pk")
        ]
        self.offer(payment_method_id=[("", _("The default, whichever it is then")), *offered])


class RecurringForm(CostForm):
    """Whom to bill for what, how often, and how it is collected."""

    reads = RecurringInput
    currency = Choice(gettext_lazy("Currency"))
    interval = Choice(gettext_lazy("How often"), RecurringCharge.Interval.choices)
    interval_count = Text(
        gettext_lazy("Every so many of them"), initial="1", attrs={"inputmode": "numeric"}
    )
    start_at = Day(
        gettext_lazy("First day"), help_text=gettext_lazy("Empty: now. A later day is a trial.")
    )
    anchor = Day(
        gettext_lazy("Day that periods begin on"),
        help_text=gettext_lazy("Empty: the first day. The 31st is the last day of shorter months."),
    )
    proration = Choice(
        gettext_lazy("Time before that day"),
        [("none", gettext_lazy("Costs nothing")), ("prorate", gettext_lazy("Costs its part"))],
    )

    def __init__(self, customer: Customer, data: Any = None) -> None:
        self.customer, self.merchant = customer, customer.merchant
        currency = customer.currency or customer.merchant.currency
        super().__init__(data, initial={"currency": currency, "interval": "monthly"})
        self.lines = self.posted_lines() if self.is_bound else [LineForm(0, initial=NEW_LINE)]
        self.offer(currency=choices.currencies())
        self.offer_methods()

    def money_wanted(self) -> dict[str, Any]:
        return {
            **super().money_wanted(),
            "customer_id": self.customer.public_id,
            "currency": self.cleaned.get("currency") or None,
        }

    def wanted(self) -> dict[str, Any]:
        typed = {name: self.cleaned_data.get(name) for name in _PLAINLY_READ}
        data = {name: value for name, value in typed.items() if value}
        if data.get("collection") == "send":
            data.pop("payment_method_id", None)
        data["interval_count"] = whole(self.cleaned_data.get("interval_count") or "1")
        return {**data, **self.cost(), "customer_id": self.customer.public_id}


class ChangeForm(CostForm):
    """What may be changed about a schedule; only what was changed is asked for."""

    reads = RecurringChanges

    def __init__(self, row: RecurringCharge, data: Any = None) -> None:
        self.row, self.customer, self.merchant = row, row.customer, row.merchant
        self.before = initial_of(row)
        super().__init__(data, initial=self.before)
        self.started = [LineForm(place, initial=line) for place, line in enumerate(lines_of(row))]
        fresh = self.started or [LineForm(0, initial=NEW_LINE)]
        self.lines = self.posted_lines() if self.is_bound else fresh
        self.offer_methods()

    def money_wanted(self) -> dict[str, Any]:
        return {
            **super().money_wanted(),
            "customer_id": self.customer.public_id,
            "wallet_id": self.row.wallet.public_id if self.row.wallet else None,
            "currency": self.row.currency,
        }

    def wanted(self) -> dict[str, Any]:
        names = ("description", "collection", "payment_method_id", "end_at")
        data = {
            name: self.cleaned_data[name]
            for name in names
            if self.cleaned_data.get(name, self.before[name]) != self.before[name]
        }
        if data.get("end_at") == "":
            data["end_at"] = None
        if data.get("collection") == "send":
            data.pop("payment_method_id", None)
        cost = self.cost()
        # Beside an amount, what it is for is what its one line says.
        renamed = "amount" in cost and "description" in data
        if renamed or self._costs_otherwise():
            # A line says its own taxes here, and an amount has none.
            data = {"description": self.cleaned_data.get("description", ""), **data}
            return {"tax_behavior": None, **data, **cost, "taxes": None}
        return data

    def _costs_otherwise(self) -> bool:
        names = ["amount", "discount_value"]
        names += ["discount_kind"] if self.before["discount_value"] else []
        names += ["tax_behavior"] if self.started or self.kept else []
        if any(self.cleaned_data.get(name, "") != self.before[name] for name in names):
            return True
        before = [
            LineForm(line.index, {bound.html_name: bound.value() or "" for bound in line}).wanted()
            for line in self.started
        ]
        return [line.wanted() for line in self.kept] != before


def moments_in_words(message: str) -> str:
    """A message with its instants as people write them."""

    def worded(found: re.Match[str]) -> str:
        return when(datetime.fromisoformat(found[0]))

    instant = r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)"
    return re.sub(instant, worded, message)
