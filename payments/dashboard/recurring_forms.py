"""The forms about recurring charges."""

from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from invoicing import money
from invoicing.dashboard.forms import Choice, Day, InputForm, Text, whole
from payments.models import RecurringCharge
from payments.recurring_inputs import (
    CancelInput,
    PauseInput,
    RecurringChanges,
    RecurringInput,
)

COLLECTIONS = [
    ("charge", _("Charge a saved card or bank account")),
    ("send", _("Send an invoice to be paid by hand")),
]


class RecurringForm(InputForm):
    """Whom to bill for what, how often, and how it is collected."""

    reads = RecurringInput
    amount = Text(_("Amount"), attrs={"inputmode": "decimal"})
    currency = Choice(_("Currency"))
    description = Text(_("For what"), help_text=_("It stands on each invoice."))
    interval = Choice(
        _("How often"), RecurringCharge.Interval.choices, initial=RecurringCharge.Interval.MONTHLY
    )
    interval_count = Text(_("Every so many of them"), initial="1", attrs={"inputmode": "numeric"})
    collection = Choice(_("How it is collected"), COLLECTIONS)
    payment_method_id = Choice(_("Charged to"))
    start_at = Day(_("First day"), help_text=_("Empty: now. A later day is a trial."))
    anchor = Day(
        _("Day that periods begin on"),
        help_text=_("Empty: the first day. The 31st is the last day of shorter months."),
    )
    proration = Choice(
        _("Time before that day"),
        [("none", _("Costs nothing")), ("prorate", _("Costs its part"))],
    )
    end_at = Day(_("Ends on"), help_text=_("Empty: until it is ended."))
    customer_id = ""

    def wanted(self) -> dict[str, Any]:
        data = {name: value for name, value in self.cleaned_data.items() if value}
        if data.get("collection") == "send":
            data.pop("payment_method_id", None)
        data["interval_count"] = whole(self.cleaned_data.get("interval_count") or "1")
        return {**data, "customer_id": self.customer_id}


class ChangeForm(InputForm):
    """What may be changed about a schedule."""

    reads = RecurringChanges
    amount = Text(
        _("Amount of a period"),
        attrs={"inputmode": "decimal"},
        help_text=_("A new amount replaces all its lines by one."),
    )
    description = Text(_("For what"))
    collection = Choice(_("How it is collected"), COLLECTIONS)
    payment_method_id = Choice(_("Charged to"))
    end_at = Day(_("Ends on"), help_text=_("Empty: until it is ended."))

    def __init__(self, row: RecurringCharge, data: Any) -> None:
        self.before = {
            "amount": money.to_text(row.amount, row.currency),
            "description": row.description,
            "collection": row.collection,
            "payment_method_id": row.payment_method.public_id if row.payment_method else "",
            "end_at": row.end_at.astimezone(ZoneInfo(row.timezone)).date().isoformat()
            if row.end_at
            else "",
        }
        super().__init__(data, initial=self.before)

    def wanted(self) -> dict[str, Any]:
        """Only what was changed."""
        data = {
            name: value
            for name, value in self.cleaned_data.items()
            if value != self.before.get(name, "")
        }
        if data.get("end_at") == "":
            data["end_at"] = None
        if data.get("collection") == "send":
            data.pop("payment_method_id", None)
        return data


class PauseForm(InputForm):
    """For how long."""

    reads = PauseInput
    until = Day(_("Until"), help_text=_("Empty: until you resume it."))

    def wanted(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if value}


class CancelForm(InputForm):
    """When it ends, and why."""

    reads = CancelInput
    at = Choice(
        _("When"),
        [("period_end", _("When the running period is over")), ("now", _("Now"))],
    )
    reason = Text(_("Why"), help_text=_("For your own memory."))
