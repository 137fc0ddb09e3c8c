"""The forms about recurring charges."""

import re
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from invoicing import money
from invoicing.dashboard.forms import Check, Choice, Day, InputForm, Text, whole
from payments import dunning
from payments.models import DunningPolicy, RecurringCharge
from payments.recurring import ANNOUNCE_DAYS
from payments.recurring_inputs import (
    CancelInput,
    DunningPolicyInput,
    PauseInput,
    RecurringChanges,
    RecurringInput,
)

COLLECTIONS = [
    ("charge", _("Charge a saved card or bank account")),
    ("send", _("Send an invoice to be paid by hand")),
]
THEN = [
    ("end", _("The schedule ends")),
    ("pause", _("The schedule is paused")),
    ("keep", _("The schedule goes on")),
]
AFTERWARDS = [("uncollectible", _("Is written off")), ("open", _("Stays open"))]


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


class DunningForm(InputForm):
    """Tries after a failure, as days in a row, and what comes in the end."""

    reads = DunningPolicyInput
    aliases: ClassVar[dict[str, str]] = {"retries.days": "days", "retries.at": "at"}
    days = Text(
        _("Try again after so many days"),
        help_text=_("Each counted from the failure before it, such as 2, 5, 7, 7. Empty: never."),
    )
    at = Text(
        _("At this time of day"),
        attrs={"type": "time"},
        help_text=_("Empty: at the time of the failure."),
    )
    then = Choice(_("After the last try"), THEN)
    invoice = Choice(_("The unpaid invoice"), AFTERWARDS)
    mail_payer = Check(_("Mail the customer about each failure"))
    announce_days = Text(
        _("Announce a period so many days before"),
        attrs={"inputmode": "numeric"},
        help_text=_("To your systems, as the event invoice.upcoming."),
    )

    def __init__(self, policy: DunningPolicy | None, data: Any) -> None:
        rules = dunning.read_rules(policy.rules if policy else None)
        times = {retry.at for retry in rules.retries if retry.at}
        before = {
            "days": ", ".join(str(retry.days) for retry in rules.retries),
            "at": min(times).isoformat("minutes") if times else "",
            "then": rules.then,
            "invoice": rules.invoice,
            "mail_payer": rules.mail_payer,
            "announce_days": str(policy.announce_days if policy else ANNOUNCE_DAYS),
        }
        super().__init__(data, initial=before)

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        days = [part for part in re.split(r"[\s,;]+", data["days"]) if part]
        at = {"at": data["at"]} if data["at"] else {}
        return {
            "retries": [{"days": whole(part), **at} for part in days],
            "then": data["then"],
            "invoice": data["invoice"],
            "mail_payer": data["mail_payer"],
            "announce_days": whole(data["announce_days"] or "0"),
        }
