"""The rules of reminders as a form without script: a row for each, one to add, one to take away."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from invoicing.dashboard.forms import Check, Choice, Text, whole
from invoicing.dashboard.rows import Row, RowsForm
from invoicing.models import Merchant
from invoicing.reminder_inputs import MAX_RULES, CustomerReminders, RemindersInput

WHEN = [
    ("before", gettext_lazy("days before it is due")),
    ("on", gettext_lazy("on the day it is due")),
    ("after", gettext_lazy("days after it is due")),
]
FEES = [
    ("", gettext_lazy("No late fee")),
    ("percent", gettext_lazy("Percent of what is due")),
    ("amount", gettext_lazy("An amount")),
]


def row_of(rule: dict[str, Any]) -> Row:
    """A stored rule as it is typed."""
    days, fee = rule["days"], rule["late_fee"] or {}
    kind = next((kind for kind in ("percent", "amount") if kind in fee), "")
    return {
        "when": "before" if days < 0 else "after" if days else "on",
        "days": str(abs(days)) if days else "",
        "fee_kind": kind,
        "fee": fee.get(kind, ""),
    }


def words(days: int) -> str:
    """When a rule reminds, as people say it."""
    if days < 0:
        return ngettext(
            "%(n)s day before the due date", "%(n)s days before the due date", -days
        ) % {"n": -days}
    if days > 0:
        return ngettext("%(n)s day after the due date", "%(n)s days after the due date", days) % {
            "n": days
        }
    return _("On the due date")


class RulesForm(RowsForm):
    """Rules, of which the last may come again."""

    row_name = "rule"
    parts = ("when", "days", "fee_kind", "fee")
    new_row: ClassVar[Row] = {"when": "after", "days": "", "fee_kind": "", "fee": ""}
    most_rows = MAX_RULES
    repeat_every_days = Text(
        gettext_lazy("Repeat the last one every … days"), attrs={"inputmode": "numeric"}
    )
    repeat_at_most = Text(gettext_lazy("At most … times"), attrs={"inputmode": "numeric"})
    fee_repeats = Check(gettext_lazy("Charge its late fee again each time"))

    def row_fields(self, number: int) -> Iterable[tuple[str, Any]]:
        which, whole_number = {"number": number}, {"inputmode": "numeric"}
        yield "days", Text(_("Reminder %(number)s: days") % which, attrs=whole_number)
        yield "when", Choice(_("Reminder %(number)s: when") % which, WHEN)
        yield "fee_kind", Choice(_("Reminder %(number)s: late fee") % which, FEES)
        yield (
            "fee",
            Text(_("Reminder %(number)s: how much") % which, attrs={"inputmode": "decimal"}),
        )

    def rules_wanted(self) -> list[dict[str, Any]]:
        """The rules that were typed, the earliest first as far as they can be told."""
        found: list[tuple[int, dict[str, Any]]] = []
        for place in self.places:
            row = self.cleaned_row(place)
            days = 0 if row["when"] == "on" else whole(row["days"])
            if row["when"] == "before" and isinstance(days, int):
                days = -days
            fee = {row["fee_kind"]: row["fee"]} if row["fee_kind"] else None
            found.append((place, {"days": days, "late_fee": fee}))
        if all(isinstance(rule["days"], int) for _place, rule in found):
            found.sort(key=lambda item: item[1]["days"])
        self.kept = [place for place, _rule in found]
        rules: list[dict[str, Any]] = [rule for _place, rule in found]
        if rules:
            for name in ("repeat_every_days", "repeat_at_most"):
                typed = self.cleaned_data.get(name, "")
                rules[-1][name] = whole(typed) if typed else None
            rules[-1]["fee_repeats"] = bool(self.cleaned_data.get("fee_repeats"))
        return rules

    def field_for(self, path: str) -> str | None:
        name = re.match(r"rules\[(\d+)\]\.(\w+)", path)
        if name is None:
            return super().field_for(path)
        if name[2] in self.fields:
            return name[2]
        return f"rule_{self.kept[int(name[1])]}_{'fee' if name[2] == 'late_fee' else name[2]}"


def repeats_of(rules: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the last rule says of coming again, as initial values."""
    last = rules[-1] if rules else {}
    names = ("repeat_every_days", "repeat_at_most", "fee_repeats")
    return {name: last.get(name) or "" for name in names}


class RemindersForm(RulesForm):
    """A merchant's rules."""

    reads = RemindersInput
    aliases: ClassVar[dict[str, str]] = {}
    enabled = Check(gettext_lazy("Remind payers of unpaid invoices by email"))
    hour = Choice(
        gettext_lazy("Hour"), [(str(hour), f"{hour:02}:00") for hour in range(24)], initial="9"
    )

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            "enabled": bool(data.get("enabled")),
            "hour": whole(data.get("hour", "")),
            "rules": self.rules_wanted(),
        }


class CustomerRemindersForm(RulesForm):
    """What a customer has instead."""

    reads = CustomerReminders
    mode = Choice(gettext_lazy("Reminders to this customer"))

    def __init__(self, *args: Any, merchant: Merchant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        on = merchant.reminders.get("enabled")
        usual = _("As your business: on") if on else _("As your business: off")
        self.offer(
            mode=[("inherit", usual), ("off", _("None")), ("own", _("By rules of their own"))]
        )

    def wanted(self) -> dict[str, Any]:
        mode = self.cleaned_data.get("mode", "")
        # Rows that are hidden behind another choice are no mistake.
        return {"mode": mode, "rules": self.rules_wanted() if mode == "own" else []}
