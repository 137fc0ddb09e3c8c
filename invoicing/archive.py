"""Documents kept: a PDF is rendered once for everything that went into it, then found again."""

import hashlib

from django.db import IntegrityError, transaction

from invoicing import clock, credit_documents, documents, pdf
from invoicing.models import CreditNote, Document, Invoice


def pdf_of(invoice: Invoice) -> bytes:
    """The invoice's PDF. Rendered in a child process when it is asked for the first time.

    Raises pdf.PdfFailed. Never inside an action: rendering takes as long as a provider call.
    """
    html = documents.render_html(documents.document_of(invoice))
    if invoice.status == "draft":
        return pdf.render(html)
    return _kept(invoice, html)


def pdf_of_credit_note(note: CreditNote) -> bytes:
    """A credit note's PDF, kept with its invoice. Raises pdf.PdfFailed; never inside an action."""
    return _kept(note.invoice, documents.render_html(credit_documents.document_of(note)))


def _kept(invoice: Invoice, html: str) -> bytes:
    fingerprint = hashlib.sha256(html.encode()).hexdigest()
    kept = Document.objects.filter(invoice=invoice, fingerprint=fingerprint).first()
    if kept is not None:
        return bytes(kept.content)
    content = pdf.render(html)
    try:
        with transaction.atomic():
            Document.objects.create(
                invoice=invoice, fingerprint=fingerprint, content=content, created_at=clock.wall()
            )
    except IntegrityError:
        pass  # somebody else rendered the same document meanwhile
    return content


def file_name(invoice: Invoice | CreditNote) -> str:
    """What the PDF is called when it is saved: the number, or the id of a draft."""
    name = (invoice.number or invoice.public_id).replace("/", "-")
    return f"{name}.pdf"
