"""What has happened to an object, told as people would: what, when, and who did it."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoicing import money
from invoicing.histories import events_about
from invoicing.models import Event, Invoice
from invoicing.templatetags.money import language

# An invoice is viewed, paid and mailed a few dozen times at most; the rest is in the event feed.
MOST = 100

WORDS: Final[dict[str, Any]] = {
    "invoice.created": gettext_lazy("Draft created"),
    "invoice.updated": gettext_lazy("Draft changed"),
    "invoice.deleted": gettext_lazy("Draft deleted"),
    "invoice.finalized": gettext_lazy("Issued"),
    "invoice.sent": gettext_lazy("Sent"),
    "invoice.viewed": gettext_lazy("Opened by the payer for the first time"),
    "invoice.payment_started": gettext_lazy("Payment started"),
    "invoice.partially_paid": gettext_lazy("Paid in part"),
    "invoice.paid": gettext_lazy("Paid"),
    "invoice.overpaid": gettext_lazy("Overpaid"),
    "invoice.payment_failed": gettext_lazy("A payment did not succeed"),
    "invoice.overdue": gettext_lazy("Due date passed"),
    "invoice.reminder_sent": gettext_lazy("Reminder sent"),
    "invoice.reminders_paused": gettext_lazy("Reminders paused"),
    "invoice.reminders_resumed": gettext_lazy("Reminders resumed"),
    "invoice.question_asked": gettext_lazy("Question asked"),
    "invoice.question_answered": gettext_lazy("Question settled"),
    "invoice.promise_made": gettext_lazy("Promised to pay"),
    "invoice.promise_broken": gettext_lazy("Promise broken"),
    "invoice.voided": gettext_lazy("Voided"),
    "invoice.uncollectible": gettext_lazy("Written off"),
    "invoice.expired": gettext_lazy("Expired"),
    "invoice.refunded": gettext_lazy("Refunded"),
    "invoice.reopened": gettext_lazy("Due again: the payer's bank or the chain took money back"),
    "invoice.usdc_unmatched": gettext_lazy("USDC, or another token, came that fits no invoice"),
    "invoice.refund_claimed": gettext_lazy("The payer asks for money back"),
    "invoice.upcoming": gettext_lazy("Next period announced"),
    "recurring_charge.created": gettext_lazy("Set up"),
    "recurring_charge.updated": gettext_lazy("Changed"),
    "recurring_charge.past_due": gettext_lazy("A charge has failed"),
    "recurring_charge.recovered": gettext_lazy("All is paid again"),
    "recurring_charge.paused": gettext_lazy("Paused"),
    "recurring_charge.resumed": gettext_lazy("Resumed"),
    "recurring_charge.ended": gettext_lazy("Ended"),
    "refund.created": gettext_lazy("Refund begun"),
    "refund.succeeded": gettext_lazy("Refund gone back"),
    "refund.exceeded": gettext_lazy("More refunded than was left"),
    "refund.failed": gettext_lazy("Refund failed"),
    "credit_note.created": gettext_lazy("Credit note issued"),
    "dispute.created": gettext_lazy("Dispute opened"),
    "dispute.updated": gettext_lazy("Dispute moved on"),
    "dispute.closed": gettext_lazy("Dispute closed"),
    "deposit.unmatched": gettext_lazy("Money came that fits nothing"),
    "deposit.disputed": gettext_lazy("Unmatched money disputed"),
    "deposit.resolved": gettext_lazy("Unmatched money settled"),
    "wallet.receiving_key_changed": gettext_lazy("USDC goes somewhere else from now on"),
    "payout.created": gettext_lazy("Payout on its way to the bank"),
    "payout.paid": gettext_lazy("Paid out to the bank"),
    "payout.failed": gettext_lazy("A payout failed"),
    "bot.leash_set": gettext_lazy("Leash of a bot set"),
    "bot.leash_removed": gettext_lazy("Leash of a bot removed"),
    "approval.requested": gettext_lazy("A bot asks for approval"),
    "approval.approved": gettext_lazy("Approved"),
    "approval.done": gettext_lazy("What was approved is carried out"),
    "approval.declined": gettext_lazy("Declined"),
    "approval.expired": gettext_lazy("Nobody has decided in time"),
    "customer.payment_method_saved": gettext_lazy("Card or bank account saved"),
    "customer.payment_method_updated": gettext_lazy("Saved card or bank account changed"),
    "customer.payment_method_removed": gettext_lazy("Saved card or bank account removed"),
    "customer.reminders_stopped": gettext_lazy("Asked for no more reminders"),
    "customer.created": gettext_lazy("Customer created"),
    "customer.updated": gettext_lazy("Customer changed"),
    "customer.deleted": gettext_lazy("Customer deleted or archived"),
}
TONES: Final = {
    "invoice.paid": "good",
    "invoice.partially_paid": "good",
    "invoice.payment_started": "now",
    "invoice.sent": "now",
    "invoice.finalized": "now",
    "invoice.payment_failed": "bad",
    "invoice.overdue": "bad",
    "invoice.question_asked": "now",
    "invoice.promise_broken": "bad",
    "invoice.reopened": "bad",
    "invoice.usdc_unmatched": "now",
    "invoice.refund_claimed": "now",
    "refund.exceeded": "bad",
    "refund.failed": "bad",
    "dispute.created": "bad",
    "deposit.unmatched": "now",
    "payout.failed": "bad",
    "approval.requested": "now",
}
# Where a dispute stood by then.
_STANDS: Final[dict[str, Any]] = {
    "inquiry": gettext_lazy("an inquiry"),
    "needs_response": gettext_lazy("waiting for your answer"),
    "under_review": gettext_lazy("under review at the bank"),
    "won": gettext_lazy("won"),
    "lost": gettext_lazy("lost"),
    "closed": gettext_lazy("dropped"),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened."""

    title: str
    who: str
    at: datetime
    tone: str
    event_id: str
    detail: str = ""


def history_of(invoice: Invoice, permissions: Collection[str]) -> list[Moment]:
    """All that has happened to an invoice as far as it may be seen, the latest first."""
    rows = events_about(invoice, with_money_back="payments:read" in permissions)
    return [moment_of(row) for row in rows.order_by("-id")[:MOST]]


def moment_of(event: Event) -> Moment:
    """An event in a person's words."""
    return Moment(
        title=title_of(event.type),
        who=who_did(event),
        at=event.created_at,
        tone=TONES.get(event.type, ""),
        event_id=event.public_id,
        detail=_detail(event),
    )


def title_of(event_type: str) -> str:
    """What this type of event means."""
    return str(WORDS.get(event_type, event_type))


def about(event: Event) -> str:
    """What it happened to: an invoice by its number or recipient, a customer by name."""
    data = json.loads(event.body)["data"]
    if event.object_id.startswith("inv_"):
        recipient = data["recipient"]
        return data["number"] or recipient["name"] or recipient["email"] or ""
    return str(data.get("name", ""))


def who_did(event: Event) -> str:
    """Whoever it is laid to."""
    if event.actor_kind == "payer":
        return _("the payer")
    if event.actor_kind == "bot":
        return _("%(name)s (bot)") % {"name": event.actor_name}
    return event.actor_name or "Billhook"


def _detail(event: Event) -> str:
    """What the event's own data adds: to whom it was sent, how much money it is about."""
    told = json.loads(event.body)["data"]
    if event.type == "invoice.sent":
        to = told["recipient"]["email"]
        return _("to %(address)s") % {"address": to} if to else _("by link, without a mail")
    if event.type in {"invoice.partially_paid", "invoice.paid"}:
        return _("%(amount)s received so far") % {"amount": _amount(told, "amount_paid")}
    if event.type == "invoice.refunded":
        return _("%(amount)s given back so far") % {"amount": _amount(told, "amount_refunded")}
    family = event.type.split(".")[0]
    if family == "credit_note":
        return f"{told['number']}: {_amount(told, 'total')}"
    if family == "refund":
        return _amount(told, "amount")
    if family == "dispute":
        return f"{_amount(told, 'amount')}, {_STANDS[told['status']]}"
    return ""


def _amount(told: dict[str, Any], name: str) -> str:
    currency = told["currency"]
    return money.format_money(money.from_text(told[name], currency), currency, language())
