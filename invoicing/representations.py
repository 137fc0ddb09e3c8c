"""How each object looks as JSON: in the API, in events, everywhere.

The API and the event outbox render with the same functions, so what a webhook says is what the
API said at that moment. Upper rooms add their parts of an invoice through `invoice_parts`.
"""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings

from invoicing import clock, money, reminder_rules
from invoicing.models import (
    ApiKey,
    Approval,
    Bot,
    Customer,
    Delivery,
    DeliveryAttempt,
    Event,
    Inquiry,
    Invoice,
    LineItem,
    Merchant,
    Message,
    WebhookEndpoint,
)

# Filled by the rooms above when Django starts: field name → how it is worked out.
invoice_parts: dict[str, Callable[[Invoice], Any]] = {}
# The same for customers, and what a list of them loads beforehand for it.
customer_parts: dict[str, Callable[[Customer], Any]] = {}
customer_loads: list[Any] = []


def instant(value: datetime | None) -> str | None:
    """ISO 8601 in UTC with milliseconds and Z."""
    if value is None:
        return None
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"


def public_url(path: str) -> str:
    """The absolute address of a path on this instance."""
    return f"{settings.PUBLIC_URL}{path}"


def _discount(percent: Decimal | None, amount: int | None, currency: str) -> dict[str, str] | None:
    if percent is not None:
        return {"percent": money.plain(percent)}
    if amount is not None:
        return {"amount": money.to_text(amount, currency)}
    return None


def line_item(line: LineItem, currency: str) -> dict[str, Any]:
    """One line; `tax_rate` is the sum of its taxes."""
    return {
        "id": line.public_id,
        "description": line.description,
        "quantity": money.plain(line.quantity),
        "unit_price": money.plain(line.unit_price),
        "discount": _discount(line.discount_percent, line.discount_amount, currency),
        "discount_amount": money.to_text(line.discount, currency),
        "tax_rate": money.plain(sum((Decimal(tax["rate"]) for tax in line.taxes), Decimal(0))),
        "taxes": line.taxes,
        "tax_behavior": "inclusive" if line.tax_inclusive else "exclusive",
        "amount": money.to_text(line.amount, currency),
    }


def _last_mail(row: Invoice) -> dict[str, Any] | None:
    """The latest mail of this invoice and the truth about it: queued, sent or failed, and why."""
    if row.sent_at is None:
        return None
    mails: list[Message] = (
        row.mails
        if hasattr(row, "mails")
        else list(row.messages.filter(kind="invoice").order_by("id"))
    )
    if not mails:
        return None
    mail = mails[-1]
    return {
        "to": mail.to,
        "status": mail.status,
        "reason": mail.reason or None,
        "sent_at": instant(mail.sent_at),
    }


def invoice(row: Invoice) -> dict[str, Any]:
    """An invoice with its lines; what it takes is `merchant`, `customer` and `lines`."""
    return _invoice(row, row.lines.all(), _last_mail(row))


def sent_invoice(row: Invoice) -> dict[str, Any]:
    """An invoice as its sending answers: with a word on the mail, which a worker takes along."""
    rendered = invoice(row)
    mail = rendered["email"]
    if mail is None:
        reason: str | None = "no_recipient_email"
    else:
        reason = {"queued": "queued", "failed": "email_error"}.get(mail["status"])
    return {**rendered, "email_sent": reason is None, "email_reason": reason}


def preview(row: Invoice, lines: Iterable[LineItem]) -> dict[str, Any]:
    """An invoice that was worked out but not saved: whatever saving would give it is null."""
    rendered = _invoice(row, lines, None)
    unsaved = dict.fromkeys(("id", "uuid", "pdf_url", "created_at", "updated_at"))
    line_items = [{**line, "id": None} for line in rendered["line_items"]]
    return {**rendered, **unsaved, "line_items": line_items}


def _invoice(
    row: Invoice, lines: Iterable[LineItem], email: dict[str, Any] | None
) -> dict[str, Any]:
    currency = row.currency

    def text(amount: int) -> str:
        return money.to_text(amount, currency)

    issued = row.status != "draft"
    rendered: dict[str, Any] = {
        "id": row.public_id,
        "uuid": str(row.uuid),
        "number": row.number,
        "object": "invoice",
        "status": row.status,
        "livemode": row.merchant.livemode,
        "merchant_id": row.merchant.public_id,
        "wallet_id": row.wallet.public_id if row.wallet else None,
        "wallet_address": row.wallet_address or None,
        "customer_id": row.customer.public_id if row.customer else None,
        "checkout_page_id": row.checkout_page.public_id if row.checkout_page else None,
        "recurring_charge_id": row.recurring_charge_id or None,
        "recipient": {
            "name": row.recipient_name,
            "email": row.recipient_email,
            "type": row.recipient_type,
        },
        "currency": currency,
        "line_items": [line_item(line, currency) for line in lines],
        "subtotal": text(row.subtotal),
        "discount": text(row.discount),
        "document_discount": _discount(row.discount_percent, row.discount_amount, currency),
        "tax": text(row.tax),
        "taxes": [
            {**tax, "base": text(tax["base"]), "amount": text(tax["amount"])} for tax in row.taxes
        ],
        "total": text(row.total),
        "amount_paid": text(row.amount_paid),
        "amount_credited": text(row.amount_credited),
        "amount_refunded": text(row.amount_refunded),
        "amount_due": text(row.amount_due),
        "allow_partial": row.allow_partial,
        "title": row.title,
        "message": row.message,
        "memo": row.memo,
        "notes": row.notes,
        "purchase_order": row.purchase_order,
        "language": row.language,
        "due_at": instant(row.due_at),
        "overdue": row.is_overdue,
        "expires_at": instant(row.expires_at),
        # A draft can't be paid, so it has no address to pay at.
        "payment_url": public_url(f"/i/{row.slug}") if issued else None,
        "pdf_url": public_url(f"/v1/invoices/{row.public_id}/pdf"),
        "slug": row.slug if issued else None,
        "sent_at": instant(row.sent_at),
        "email": email,
        "viewed_at": instant(row.viewed_at),
        "finalized_at": instant(row.finalized_at),
        "paid_at": instant(row.paid_at),
        "voided_at": instant(row.voided_at),
        "created_at": instant(row.created_at),
        "updated_at": instant(row.updated_at),
        "metadata": row.metadata,
        "metadata_public": row.metadata_public,
        "custom_fields": row.custom_fields,
        "late_fee_of": row.late_fee_of.public_id if row.late_fee_of else None,
        "reminders": _reminders(row),
    }
    for name, part in invoice_parts.items():
        rendered[name] = part(row)
    return rendered


def _reminders(row: Invoice) -> dict[str, Any]:
    coming, dealt_with = row.next_reminder_at, row.reminded_until
    if row.status != "open" or (coming and dealt_with and coming <= dealt_with):
        # While a payment is on its way none comes, nor is it known while other rules are applied.
        coming = None
    until = row.reminders_paused_until
    paused = row.reminders_paused_at is not None and (
        until is None or until > clock.now(row.merchant)
    )
    sent = row.reminders.all() if row.reminders_sent else ()
    return {
        "next_at": instant(coming),
        "paused": paused or row.reminders_stopped_at is not None,
        "paused_until": instant(until) if paused else None,
        "sent": [
            {
                "at": instant(reminder.created_at),
                "days": reminder.days,
                "to": reminder.message.to,
                "status": reminder.message.status,
                "late_fee_id": reminder.late_fee.public_id if reminder.late_fee else None,
            }
            for reminder in sent
        ],
    }


def reminders(row: Merchant) -> dict[str, Any]:
    """A merchant's reminders: whether, at what hour, and by which rules."""
    return {
        "object": "reminders",
        **reminder_rules.settings_of(row.reminders),
        "timezone": row.timezone,
    }


def inquiry(row: Inquiry) -> dict[str, Any]:
    """A payer's question or promise; what it takes is `invoice`."""
    return {
        "id": row.public_id,
        "object": "inquiry",
        "kind": row.kind,
        "status": row.status,
        "invoice_id": row.invoice.public_id,
        "invoice_number": row.invoice.number,
        "text": row.text,
        "reply_to": row.reply_to or row.invoice.recipient_email,
        "answer": row.answer or None,
        "promised_on": row.promised_on.isoformat() if row.promised_on else None,
        "created_at": instant(row.created_at),
        "closed_at": instant(row.closed_at),
    }


def approval(row: Approval) -> dict[str, Any]:
    """What a bot waits for; what it takes are `intent`, `bot` and `merchant`."""
    intent = row.intent
    decided = row.status in {"approved", "done", "declined"}
    return {
        "id": row.public_id,
        "object": "approval",
        "status": row.status,
        "livemode": row.merchant.livemode,
        "bot_id": row.bot.public_id,
        "tool": row.tool,
        "kind": intent.kind,
        "payee": intent.payee,
        "currency": intent.currency,
        "amount": money.to_text(intent.amount, intent.currency),
        "purpose": row.purpose,
        "url": f"/v1/approvals/{row.public_id}",
        "created_at": instant(row.created_at),
        "expires_at": instant(row.expires_at),
        "decided_at": instant(row.decided_at) if decided else None,
        "note": row.note,
        "result": {"status": intent.answer_status, "body": json.loads(intent.answer_body)}
        if row.status == "done"
        else None,
    }


def customer(row: Customer) -> dict[str, Any]:
    """A customer."""
    rendered: dict[str, Any] = {
        "id": row.public_id,
        "object": "customer",
        "livemode": row.merchant.livemode,
        "merchant_id": row.merchant.public_id,
        "name": row.name,
        "email": row.email,
        "phone": row.phone,
        "address": row.address,
        "tax_ids": row.tax_ids,
        "tax_exempt": row.tax_exempt,
        "currency": row.currency or None,
        "language": row.language,
        "metadata": row.metadata,
        "reminders": {
            **reminder_rules.choice_of(row.reminders),
            "stopped_at": instant(row.reminders_stopped_at),
        },
        "archived_at": instant(row.archived_at),
        "created_at": instant(row.created_at),
        "updated_at": instant(row.updated_at),
    }
    for name, part in customer_parts.items():
        rendered[name] = part(row)
    return rendered


def merchant(row: Merchant) -> dict[str, Any]:
    """A merchant, as its own bots see it."""
    return {
        "id": row.public_id,
        "object": "merchant",
        "livemode": row.livemode,
        "name": row.name,
        "currency": row.currency,
        "timezone": row.timezone,
        "language": row.language,
    }


def bot(row: Bot) -> dict[str, Any]:
    """A bot."""
    return {
        "id": row.public_id,
        "object": "bot",
        "name": row.name,
        "wallet_id": row.wallet.public_id if row.wallet else None,
        "created_at": instant(row.created_at),
    }


def api_key(row: ApiKey) -> dict[str, Any]:
    """An API key without its secret, which nobody can show again."""
    return {
        "id": row.public_id,
        "object": "api_key",
        "bot_id": row.bot.public_id,
        "name": row.name,
        "prefix": row.prefix,
        "permissions": row.permissions,
        "last_used_at": instant(row.last_used_at),
        "expires_at": instant(row.expires_at),
        "revoked_at": instant(row.revoked_at),
        "created_at": instant(row.created_at),
    }


def webhook_endpoint(row: WebhookEndpoint) -> dict[str, Any]:
    """A webhook endpoint without its secret."""
    return {
        "id": row.public_id,
        "object": "webhook_endpoint",
        "url": row.url,
        "description": row.description,
        "event_types": row.event_types,
        "dialect": row.dialect,
        "enabled": row.enabled,
        "disabled_at": instant(row.disabled_at),
        "disabled_reason": row.disabled_reason or None,
        "failing_since": instant(row.failing_since),
        "created_at": instant(row.created_at),
    }


def delivery(row: Delivery) -> dict[str, Any]:
    """A delivery and where it stands."""
    return {
        "id": row.public_id,
        "object": "delivery",
        "event_id": row.event.public_id,
        "event_type": row.event.type,
        "status": row.status,
        "attempts_made": row.attempts_made,
        "next_attempt_at": instant(row.next_attempt_at),
        "last_status_code": row.last_status_code,
        "last_error": row.last_error or None,
        "created_at": instant(row.created_at),
        "delivered_at": instant(row.delivered_at),
    }


def delivery_attempt(row: DeliveryAttempt) -> dict[str, Any]:
    """One try at a delivery."""
    return {
        "at": instant(row.at),
        "status_code": row.status_code,
        "duration_ms": row.duration_ms,
        "response_body": row.response_body,
        "error": row.error or None,
    }


def event(row: Event) -> dict[str, Any]:
    """An event: exactly what was delivered, and who did it."""
    body: dict[str, Any] = json.loads(row.body)
    body["object"] = "event"
    body["actor"] = {
        "kind": row.actor_kind,
        "id": row.actor_id or None,
        "name": row.actor_name or None,
    }
    return body
