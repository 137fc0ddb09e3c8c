"""Where reminders stand, as the pages of a customer and of an invoice say it."""

from typing import Any

from django.utils.translation import gettext as _

from invoicing import clock, reminder_rules, reminding
from invoicing.dashboard.reminder_rows import words
from invoicing.models import Customer, Invoice
from invoicing.templatetags.dashboard import when


def choice_in_words(customer: Customer) -> str:
    """What a customer's page says of their reminders."""
    mode = reminder_rules.choice_of(customer.reminders)["mode"]
    if customer.reminders_stopped_at:
        return _("None: the customer asked for that on %(date)s") % {
            "date": when(customer.reminders_stopped_at)
        }
    if mode == "own":
        days = [words(rule["days"]) for rule in customer.reminders["rules"]]
        return _("By rules of their own: %(rules)s") % {"rules": ", ".join(days).lower()}
    if mode == "off":
        return _("None")
    on = customer.merchant.reminders.get("enabled")
    return _("As your business: on") if on else _("As your business: off")


def state_of(invoice: Invoice) -> dict[str, Any]:
    """What an invoice's page says of its reminders; nothing for one that never had any."""
    if invoice.status == "draft":
        return {}
    asks = reminding.asks(invoice)
    sent = list(invoice.reminders.all())
    if not asks and not sent:
        return {}
    at = clock.now(invoice.merchant)
    until = invoice.reminders_paused_until
    paused = invoice.reminders_paused_at is not None and (until is None or until > at)
    customer = invoice.customer
    coming = invoice.next_reminder_at if invoice.status == "open" else None
    dealt_with = invoice.reminded_until
    return {
        "sent": [(row, _why(row.days)) for row in sent],
        "asks": asks,
        "paused": paused,
        "paused_until": until if paused else None,
        "stopped": invoice.reminders_stopped_at or (customer and customer.reminders_stopped_at),
        "stopped_here": invoice.reminders_stopped_at is not None,
        "held": next(
            (row for row in invoice.inquiries.all() if row.status == "open"),
            None,
        ),
        "next_at": None if coming and dealt_with and coming <= dealt_with else coming,
        "rules_hold": reminding.schedule_of(invoice) is not None,
    }


def _why(days: int | None) -> str:
    return _("By hand") if days is None else words(days)
