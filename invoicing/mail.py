"""Mail as rows: queued in the transaction that wants it told, sent by a worker, never forgotten.

Every mail of the instance goes this way, the sign-up confirmation too, so that a mail server
that is down delays mails and breaks nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import Max

from invoicing import approving, clock, credit_documents, documents, letters
from invoicing.doorbell import ring
from invoicing.models import Approval, CreditNote, Invoice, Membership, Merchant, Message
from invoicing.representations import public_url


def queue_for_invoice(
    invoice: Invoice,
    kind: str,
    more: Mapping[str, Any] | None = None,
    credit_note: CreditNote | None = None,
    *,
    to: str = "",
    unsubscribe_url: str = "",
) -> Message:
    """Queue an invoice's mail of this kind to its recipient, in the caller's transaction.

    The text is frozen now, with what `more` it tells; the PDF of the invoice, or of the credit
    note that it is about, is attached when it is sent. `to` is another address to write to.
    """
    merchant = invoice.merchant
    previous = invoice.messages.filter(kind=kind).aggregate(last=Max("repeat"))["last"]
    document = documents.document_of(invoice)
    context = {**_context(invoice, document), **(more or {})}
    rendered = letters.render_mail(kind, context, document.language)
    return _queue(
        merchant=merchant,
        invoice=invoice,
        credit_note=credit_note,
        kind=kind,
        repeat=0 if previous is None else previous + 1,
        to=to or invoice.recipient_email,
        reply_to=merchant.email,
        from_name=merchant.name,
        language=document.language,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        attach_pdf=kind in {"invoice", "credit_note", "reminder"},
        unsubscribe_url=unsubscribe_url,
    )


def queue_for_credit_note(note: CreditNote) -> Message:
    """Queue a credit note to its invoice's recipient, in the caller's transaction."""
    document = credit_documents.document_of(note)
    more = {
        "document": document,
        "number": note.number,
        "invoice_number": note.invoice.number,
        "total": note.total,
        "title": "",
        "message": note.memo,
        "lines": document.lines,
    }
    return queue_for_invoice(note.invoice, "credit_note", more, note)


def _context(invoice: Invoice, document: documents.InvoiceDocument) -> dict[str, Any]:
    """What a mail about an invoice may say."""
    zone = ZoneInfo(invoice.merchant.timezone)
    return {
        "invoice": invoice,
        "document": document,
        "merchant_name": document.seller.name,
        "brand_color": document.brand_color,
        "recipient_name": invoice.recipient_name,
        "number": invoice.number,
        "currency": invoice.currency,
        "total": invoice.total,
        "amount_due": invoice.amount_due,
        "amount_paid": invoice.amount_paid,
        "due_on": document.due_on,
        "paid_on": invoice.paid_at.astimezone(zone).date() if invoice.paid_at else None,
        "title": invoice.title,
        "message": invoice.message,
        "lines": document.lines,
        "payment_url": public_url(f"/i/{invoice.slug}"),
        "portal_url": public_url(f"/portal/{invoice.merchant.public_id}/"),
    }


def queue(
    kind: str,
    to: str,
    context: dict[str, Any],
    *,
    merchant: Merchant | None = None,
    language: str = "en",
    reply_to: str = "",
    from_name: str = "",
) -> Message:
    """Queue a mail that is not about one invoice, in the caller's transaction."""
    rendered = letters.render_mail(kind, context, language)
    return _queue(
        merchant=merchant,
        kind=kind,
        to=to,
        reply_to=reply_to,
        from_name=from_name,
        language=language,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
    )


def queue_to_owners(
    merchant: Merchant, kind: str, context: dict[str, Any], *, reply_to: str = ""
) -> None:
    """Queue a mail to everyone who answers for a merchant, in the caller's transaction."""
    owners = Membership.objects.filter(
        account=merchant.account_id, role__in=[Membership.Role.OWNER, Membership.Role.ADMIN]
    ).select_related("user")
    for owner in owners:
        queue(kind, owner.user.email, context, merchant=merchant, reply_to=reply_to)


def queue_approval(approval: Approval) -> None:
    """Ask everyone who may decide, each by a link of their own, in the caller's transaction."""
    intent, merchant = approval.intent, approval.merchant
    zone = ZoneInfo(merchant.timezone)
    subject = approving.subject_of(approval)
    rhythm = approving.rhythm_of(approval)
    told = {
        "merchant_name": merchant.name,
        "bot_name": approval.bot.name,
        "tool": approval.tool.replace("_", " ") + (f", {rhythm}" if rhythm else ""),
        "amount": intent.amount,
        "currency": intent.currency,
        "payee": subject.name or intent.payee,
        "subject_url": public_url(subject.path) if subject.path else "",
        "purpose": approving.words_of(approval),
        "until": approval.expires_at.astimezone(zone).date(),
        "livemode": merchant.livemode,
    }
    for user in approving.deciders(merchant):
        url = public_url(f"/dashboard/approvals/mail/{approving.token_for(approval, user)}/")
        queue("approval", user.email, {**told, "url": url}, merchant=merchant)


def _queue(**fields: Any) -> Message:
    at = clock.wall()
    message = Message.objects.create(**fields, created_at=at, next_attempt_at=at)
    ring("invoicing.tasks.send_mails")
    return message


class QueueBackend(BaseEmailBackend):
    """Django's mail backend here: it writes rows, so that no request ever waits for SMTP."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for email in email_messages:
            html = ""
            if isinstance(email, EmailMultiAlternatives):
                html = next(
                    (str(body) for body, kind in email.alternatives if kind == "text/html"), ""
                )
            for address in email.recipients():
                _queue(
                    kind="account",
                    to=address,
                    subject=email.subject,
                    text=email.body,
                    html=html,
                )
        return len(email_messages)
