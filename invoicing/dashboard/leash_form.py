"""A leash as a form without script: a row for each limit, its customers, its tools."""

import re
from collections.abc import Iterable
from typing import Any, ClassVar, Final, Self

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoicing import leashes, money
from invoicing.api.tools import Tool, allowable, names
from invoicing.dashboard import choices
from invoicing.dashboard.forms import Choice, Text
from invoicing.dashboard.rows import Row, RowsForm
from invoicing.leashes import AMOUNTS, LeashInput
from invoicing.models import Leash, Merchant

KINDS: Final[list[tuple[str, Any]]] = [
    ("refund", gettext_lazy("Refund")),
    ("charge", gettext_lazy("Charge")),
    ("settle", gettext_lazy("Declare paid")),
]
VERBS: Final[dict[str, Any]] = {
    "refund": gettext_lazy("May refund"),
    "charge": gettext_lazy("May charge"),
    "settle": gettext_lazy("May declare paid"),
}
MOST: Final[dict[str, Any]] = {
    "per_action": gettext_lazy("%(amount)s at once"),
    "per_day": gettext_lazy("%(amount)s a day"),
    "per_payee": gettext_lazy("%(amount)s a day for one customer"),
}
HEADS: Final[dict[str, Any]] = {
    "kind": gettext_lazy("What"),
    "currency": gettext_lazy("Currency"),
    "approval_above": gettext_lazy("Ask a person above"),
    "per_action": gettext_lazy("At most at once"),
    "per_day": gettext_lazy("At most a day"),
    "per_payee": gettext_lazy("For one customer a day"),
}


def row_of(limit: leashes.Limit) -> Row:
    """A stored limit as it is typed."""
    amounts = {name: getattr(limit, name) for name in AMOUNTS}
    return {
        "kind": limit.kind,
        "currency": limit.currency,
        **{
            name: "" if amount is None else money.to_text(amount, limit.currency)
            for name, amount in amounts.items()
        },
    }


def words_of(leash: Leash) -> list[str]:
    """What a leash allows, a sentence for each limit, and one each for customers and tools."""
    said = [_sentence(limit) for limit in leashes.limits_of(leash)]
    if leash.customers:
        said.append(_("Deals with %(n)s named customers only.") % {"n": len(leash.customers)})
    if leash.tools:
        said.append(_("Uses %(n)s named tools only.") % {"n": len(leash.tools)})
    return said


def _sentence(limit: leashes.Limit) -> str:
    """ "May refund up to $50.00 by itself, at most $200.00 a day." """
    parts = []
    above = limit.approval_above
    if above is not None:
        shown = money.format_money(above, limit.currency)
        own = _("up to %(amount)s by itself") % {"amount": shown}
        parts.append(own if above else _("only what you approve"))
    most = [
        str(words) % {"amount": money.format_money(getattr(limit, name), limit.currency)}
        for name, words in MOST.items()
        if getattr(limit, name) is not None
    ]
    if most:
        parts.append(_("at most %(amounts)s") % {"amounts": ", ".join(most)})
    what = ", ".join(parts) or _("any amount of %(currency)s") % {"currency": limit.currency}
    return f"{VERBS[limit.kind]} {what}."


class LeashForm(RowsForm):
    """What a bot may do by itself."""

    reads = LeashInput
    row_name = "limit"
    parts = ("kind", "currency", "approval_above", "per_action", "per_day", "per_payee")
    new_row: ClassVar[Row] = dict.fromkeys(parts, "") | {"kind": "refund", "currency": "USD"}
    most_rows = 50
    customers = Text(
        gettext_lazy("Customers"),
        lines=3,
        attrs={"spellcheck": "false"},
        help_text=gettext_lazy(
            "Ids or email addresses, one to a line. Left empty, it may deal with everybody."
        ),
    )
    tools = forms.MultipleChoiceField(
        label=gettext_lazy("Tools"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, merchant: Merchant, leash: Leash, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.merchant, self.leash = merchant, leash
        self.allowable = allowable()
        self.gone = [name for name in leash.tools if name not in names()]
        box: Any = self.fields["tools"]
        box.choices = [(name, name) for name in [*self.allowable, *leash.tools]]

    @classmethod
    def reshaped(cls, data: QueryDict, initial: dict[str, Any], **kwargs: Any) -> Self | None:
        form = super().reshaped(data, initial, **kwargs)
        if form is not None:
            form.initial["tools"] = data.getlist("tools")
        return form

    def row_fields(self, number: int) -> Iterable[tuple[str, Any]]:
        for part, head in HEADS.items():
            label = _("Limit %(number)s: %(what)s") % {"number": number, "what": str(head).lower()}
            if part == "kind":
                yield part, Choice(label, KINDS)
            elif part == "currency":
                yield part, Choice(label, choices.currencies())
            else:
                yield part, Text(label, attrs={"inputmode": "decimal"})

    def wanted(self) -> dict[str, Any]:
        rows = [self.cleaned_row(place) for place in self.places]
        return {
            "limits": [{name: text or None for name, text in row.items()} for row in rows],
            "customers": self._named(self.cleaned_data.get("customers", "")),
            "tools": self.cleaned_data.get("tools", []),
        }

    def field_for(self, path: str) -> str | None:
        found = re.match(r"limits\[(\d+)\](?:\.(\w+))?", path)
        if found is None:
            return super().field_for(path)
        return self.name_of(int(found[1]), found[2] or "kind")

    @property
    def shown_rows(self) -> list[dict[str, Any]]:
        """The fields of each limit in their order, and what was used of it today."""
        stored = {(limit.kind, limit.currency): limit for limit in leashes.limits_of(self.leash)}
        rows = []
        for place in self.places:
            fields = {part: self[self.name_of(place, part)] for part in self.parts}
            limit = stored.get((fields["kind"].value(), fields["currency"].value()))
            used = leashes.used_today(self.leash.bot, limit) if limit else 0
            rows.append(
                {
                    "place": place,
                    "fields": [(HEADS[part], field) for part, field in fields.items()],
                    "used": money.format_money(used, limit.currency) if limit else "",
                }
            )
        return rows

    @property
    def tool_groups(self) -> list[tuple[str, list[tuple[Any, Tool]], int]]:
        """Each group's boxes with what they stand for, and how many of them are ticked."""
        groups: dict[str, list[tuple[Any, Tool]]] = {}
        for box in self["tools"]:
            tool = self.allowable.get(box.data["value"])
            if tool is not None:
                groups.setdefault(tool.tag, []).append((box, tool))
        return [
            (tag, boxes, sum(box.data["selected"] for box, _tool in boxes))
            for tag, boxes in sorted(groups.items())
        ]

    @property
    def other_boxes(self) -> list[tuple[Any, bool]]:
        """Names in the leash that are no box of their own, and whether there is no such tool."""
        return [
            (box, box.data["value"] in self.gone)
            for box in self["tools"]
            if box.data["value"] not in self.allowable
        ]

    def _named(self, text: str) -> list[str]:
        """The ids of the customers that are named here by id or address; says who is unknown."""
        names = list(dict.fromkeys(re.split(r"[\s,;]+", text.strip()))) if text.strip() else []
        found = []
        for name in names:
            by = {"email__iexact": name} if "@" in name else {"public_id": name}
            rows = list(
                self.merchant.customers.filter(**by).values_list("public_id", flat=True)[:2]
            )
            if len(rows) == 1:
                found += rows
            elif rows:
                problem = _("several customers have the address %(name)s: name them by id")
                self.refuse_field("customers", problem % {"name": name})
            else:
                self.refuse_field("customers", _("no customer is %(name)s") % {"name": name})
        return found
