"""Mail as rows: queued in the transaction that wants it told, sent by a worker, never forgotten.

Every mail of the instance goes this way, the sign-up confirmation too, so that a mail server
that is down delays mails and breaks nothing.
"""

from collections.abc import Sequence
from typing import Any

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import Max

from invoicing import clock, documents
from invoicing.doorbell import ring
from invoicing.models import Invoice, Merchant, Message


def queue_for_invoice(invoice: Invoice, kind: str) -> Message:
    """Queue an invoice's mail of this kind to its recipient, in the caller's transaction.

    The text is frozen now; the PDF is attached when it is sent.
    """
    merchant = invoice.merchant
    previous = invoice.messages.filter(kind=kind).aggregate(last=Max("repeat"))["last"]
    language = documents.language_of(invoice)
    rendered = documents.render_mail(kind, documents.mail_context(invoice), language)
    return _queue(
        merchant=merchant,
        invoice=invoice,
        kind=kind,
        repeat=0 if previous is None else previous + 1,
        to=invoice.recipient_email,
        reply_to=merchant.email,
        from_name=merchant.name,
        language=language,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        attach_pdf=True,
    )


def queue(
    kind: str,
    to: str,
    context: dict[str, Any],
    *,
    merchant: Merchant | None = None,
    language: str = "en",
) -> Message:
    """Queue a mail that is not about one invoice, in the caller's transaction."""
    rendered = documents.render_mail(kind, context, language)
    return _queue(
        merchant=merchant,
        kind=kind,
        to=to,
        language=language,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
    )


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
