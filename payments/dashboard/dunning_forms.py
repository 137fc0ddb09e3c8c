"""What happens after a failed charge, as a form: a row for each try, and what comes in the end."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from invoicing.dashboard.forms import Check, Choice, Text, whole
from invoicing.dashboard.rows import Row, RowsForm
from payments.dunning import Retry, Rules
from payments.recurring_inputs import MAX_RETRIES, DunningPolicyInput, RecurringChanges

THEN = [
    ("end", gettext_lazy("The schedule ends")),
    ("pause", gettext_lazy("The schedule is paused")),
    ("keep", gettext_lazy("The schedule goes on")),
]
AFTERWARDS = [
    ("uncollectible", gettext_lazy("Is written off")),
    ("open", gettext_lazy("Stays open")),
]
_ENDS = {
    "end": gettext_lazy("After the last try the schedule ends."),
    "pause": gettext_lazy("After the last try the schedule is paused."),
    "keep": gettext_lazy("After the last try the schedule goes on."),
}
_LEFT = {
    "uncollectible": gettext_lazy("The unpaid invoice is written off."),
    "open": gettext_lazy("The unpaid invoice stays open."),
}
USUAL, OWN = "usual", "own"


def rows_of(rules: Rules) -> list[Row]:
    """Retries as they are typed."""
    return [
        {"days": str(retry.days), "at": retry.at.isoformat("minutes") if retry.at else ""}
        for retry in rules.retries
    ]


def initial_of(rules: Rules) -> dict[str, Any]:
    """What comes in the end, as initial values."""
    return {"then": rules.then, "invoice": rules.invoice, "mail_payer": rules.mail_payer}


def words(retry: Retry) -> str:
    """When a retry comes, as people say it."""
    days = ngettext("%(n)s day", "%(n)s days", retry.days) % {"n": retry.days}
    if retry.at is None:
        return days
    return _("%(days)s at %(time)s") % {"days": days, "time": retry.at.isoformat("minutes")}


def in_words(rules: Rules) -> str:
    """What happens after a failed charge, in a few sentences."""
    if rules.retries:
        tries = ", ".join(words(retry) for retry in rules.retries)
        tried = _("Tried again after %(tries)s.") % {"tries": tries}
    else:
        tried = _("Not tried again.")
    return f"{tried} {_ENDS[rules.then]} {_LEFT[rules.invoice]}"


class DunningForm(RowsForm):
    """Tries after a failure, each so long after the one before it, and what comes in the end."""

    row_name = "retry"
    parts = ("days", "at")
    new_row: ClassVar[Row] = {"days": "", "at": ""}
    most_rows = MAX_RETRIES
    then = Choice(gettext_lazy("After the last try"), THEN)
    invoice = Choice(gettext_lazy("The unpaid invoice"), AFTERWARDS)
    mail_payer = Check(gettext_lazy("Mail the customer about each failure"))

    def row_fields(self, number: int) -> Iterable[tuple[str, Any]]:
        which = {"number": number}
        yield "days", Text(_("Try %(number)s: days") % which, attrs={"inputmode": "numeric"})
        yield "at", Text(_("Try %(number)s: time of day") % which, attrs={"type": "time"})

    def rules_wanted(self) -> dict[str, Any]:
        """The rules that were typed."""
        data = self.cleaned_data
        rows = [self.cleaned_row(place) for place in self.places]
        return {
            "retries": [{"days": whole(row["days"]), "at": row["at"] or None} for row in rows],
            **{name: data.get(name, "") for name in ("then", "invoice")},
            "mail_payer": data.get("mail_payer", False),
        }

    def refuse_field(self, path: str, message: str) -> None:
        if path.endswith(".days") and '"at"' in message:
            message = _("must be at least 1, unless a time of day is given")
        super().refuse_field(path, message)

    def field_for(self, path: str) -> str | None:
        path = path.removeprefix("dunning.")
        place, _dot, part = path.removeprefix("retries[").partition("].")
        if place.isdecimal() and part in self.parts:
            return self.name_of(int(place), part)
        return super().field_for(path)


class PolicyForm(DunningForm):
    """What holds where a schedule has no rules of its own."""

    reads = DunningPolicyInput
    announce_days = Text(
        gettext_lazy("Announce a period so many days before"),
        attrs={"inputmode": "numeric"},
        help_text=gettext_lazy("To your systems, as the event invoice.upcoming."),
    )

    def wanted(self) -> dict[str, Any]:
        announced = whole(self.cleaned_data.get("announce_days") or "0")
        return {**self.rules_wanted(), "announce_days": announced}


class OwnRulesForm(DunningForm):
    """What holds for one schedule."""

    reads = RecurringChanges
    mode = Choice(
        gettext_lazy("When a charge fails"),
        [(USUAL, gettext_lazy("As usual")), (OWN, gettext_lazy("By rules of its own"))],
    )

    def wanted(self) -> dict[str, Any]:
        # Rows that are hidden behind the other choice are no mistake.
        own = self.cleaned_data.get("mode") == OWN
        return {"dunning": self.rules_wanted() if own else None}
