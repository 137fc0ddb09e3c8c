"""Trying a mail now: what the worker does with each, and some callers while they wait."""

import logging
from datetime import timedelta
from typing import Final

from invoicing import archive, idempotency, pdf, transport
from invoicing.actions import messages
from invoicing.actions.invoices import send_draft
from invoicing.failpoints import failpoint
from invoicing.models import Invoice, Merchant, Message

_log = logging.getLogger(__name__)

# Nobody who waits for an answer waits longer for a mail server that says nothing.
PATIENCE_SECONDS: Final = 4.0
# While the caller tries, the worker leaves the mail alone; later it is the worker's.
CLAIM: Final = timedelta(seconds=60)


def send_draft_now(merchant: Merchant, reference: str) -> tuple[Invoice, Message | None]:
    """Issue a draft and try to mail it at once; None where there is nobody to mail it to.

    A mail that does not go out now stays queued for the worker, and so does one whose caller died
    before it was tried. Raises NotFound, InvalidState for what is no draft, ValidationFailed.
    """
    if begun := idempotency.noted():
        invoice = merchant.invoices.get(public_id=begun)
        return invoice, invoice.messages.order_by("-pk").first()
    invoice, mail = send_draft(merchant, reference, CLAIM)
    failpoint("send_draft_now:before_mail")
    return invoice, send(mail, PATIENCE_SECONDS) if mail else None


def send(message: Message, timeout_seconds: float | None = None) -> Message:
    """Try one mail now, and record the truth about it.

    The mail server may take `timeout_seconds` for each of its answers; as configured when None.
    """
    try:
        attachment = None
        if message.attach_pdf and message.credit_note:
            note = message.credit_note
            attachment = archive.file_name(note), archive.pdf_of_credit_note(note)
        elif message.attach_pdf and message.invoice:
            attachment = archive.file_name(message.invoice), archive.pdf_of(message.invoice)
        mail = transport.compose(message, attachment)
        failpoint("send_mail:before_smtp")
        raw = transport.hand_over(mail, timeout_seconds)
    except transport.NotSent as refusal:
        return messages.record_refused(message.pk, refusal.reason, permanent=refusal.permanent)
    except pdf.PdfFailed as failure:
        return messages.record_refused(
            message.pk, f"The PDF could not be made: {failure}", permanent=False
        )
    except Exception as error:  # whatever it is, the mails behind this one must not wait
        _log.exception("a mail could not be made", extra={"mail": message.public_id})
        return messages.record_refused(
            message.pk, f"The mail could not be made: {error!r}", permanent=False
        )
    failpoint("send_mail:after_smtp")
    return messages.record_sent(message.pk, raw)
