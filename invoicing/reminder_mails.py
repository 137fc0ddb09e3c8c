"""What a reminder says: how late it is, what is due, and where to pay, ask or have it stopped."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core import signing

from invoicing import late_fees, letters, mail
from invoicing.documents import INK, Party
from invoicing.models import Invoice, Merchant, Message
from invoicing.reminder_rules import Rule
from invoicing.representations import public_url

_SALT = "invoicing.reminders.stop"
_SAMPLE_TOTAL = 10_000


def stop_url(invoice: Invoice) -> str:
    """The address at which this payer's reminders are stopped, which opens nothing else."""
    return public_url(f"/reminders/stop/{signing.Signer(salt=_SALT).sign(invoice.public_id)}")


def invoice_of(token: str) -> Invoice | None:
    """The invoice whose reminders a link may stop; None for a token that is not ours."""
    try:
        public_id = signing.Signer(salt=_SALT).unsign(token)
    except signing.BadSignature:
        return None
    rows = Invoice.objects.select_related("merchant", "customer")
    return rows.filter(public_id=public_id).first()


def is_stopped(invoice: Invoice) -> bool:
    """Whether this invoice's payer has asked for no more reminders."""
    who = invoice.customer or invoice
    return who.reminders_stopped_at is not None


def queue_reminder(invoice: Invoice, at: datetime) -> Message:
    """Queue a reminder with the invoice's PDF, in the caller's transaction.

    It also tells of the late fees that are open, the one that was just charged among them.
    """
    fees = invoice.late_fees.filter(status__in=["open", "paying"]).order_by("pk")
    link = stop_url(invoice)
    more = {
        **_timing(invoice.due_at, at, ZoneInfo(invoice.merchant.timezone)),
        "late_fees": [_fee(fee.number, fee.amount_due, f"/i/{fee.slug}") for fee in fees],
        "stop_url": link,
    }
    return mail.queue_for_invoice(invoice, "reminder", more, unsubscribe_url=link)


def sample(merchant: Merchant, rule: Rule, at: datetime) -> letters.Mail:
    """A reminder as a merchant's rule would have it written, about an invoice that is not there."""
    due_at = at - timedelta(days=rule.days)
    zone = ZoneInfo(merchant.timezone)
    like = Invoice(merchant=merchant, currency=merchant.currency, total=_SAMPLE_TOTAL)
    charged = late_fees.fee_of(like, rule)
    context = {
        **_timing(due_at, at, zone),
        "merchant_name": merchant.name,
        "brand_color": merchant.brand_color or INK,
        "recipient_name": "Cleo Marsh",
        "number": "INV-0042",
        "currency": merchant.currency,
        "total": _SAMPLE_TOTAL,
        "amount_due": _SAMPLE_TOTAL,
        "due_on": due_at.astimezone(zone).date(),
        "title": "",
        "message": "",
        "lines": (),
        "payment_url": public_url("/i/…"),
        "document": {"seller": Party(name=merchant.name, email=merchant.email)},
        "late_fees": [_fee("INV-0043", charged, "/i/…")] if charged else [],
        "stop_url": public_url("/reminders/stop/…"),
    }
    return letters.render_mail("reminder", context, merchant.language)


def _fee(number: str | None, amount: int, path: str) -> dict[str, Any]:
    return {"number": number, "amount": amount, "url": public_url(path)}


def _timing(due_at: datetime | None, at: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """Before, on or after the due day, by the calendar where the merchant is."""
    today: date = at.astimezone(zone).date()
    days = (today - due_at.astimezone(zone).date()).days if due_at else 0
    return {"tone": "before" if days < 0 else "after" if days else "on", "days": abs(days)}
