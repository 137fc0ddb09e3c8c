"""The verbs of what payers say: ask, promise, answer, settle, and see what became of a promise.

Each locks the invoice first, then the inquiry.
"""

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from invoicing import clock, events, mail, reminding, representations
from invoicing.actions.action import action
from invoicing.errors import Conflict, InvalidState, NotFound, ValidationFailed
from invoicing.models import Inquiry, Invoice, Merchant
from invoicing.reminder_inputs import AnswerInput, PromiseInput, QuestionInput
from invoicing.representations import public_url

# An open question silences reminders, and each mails the merchant: neither may be had for ever.
OPEN_QUESTIONS: Final = 3
QUESTIONS_A_DAY: Final = 5
PROMISES: Final = 3
LONGEST_PROMISE: Final = timedelta(days=30)


@action
def ask_question(invoice_pk: int, wanted: QuestionInput) -> Inquiry:
    """Keep what the payer asks, and tell the merchant; reminders wait until it is answered.

    Raises ValidationFailed without an address to answer to, Conflict for too many of them.
    """
    invoice = Invoice.objects.locked().get(pk=invoice_pk)
    if invoice.status == "draft":
        raise InvalidState("This invoice is draft; only an issued one has a payer.")
    reply_to = "" if invoice.recipient_email else wanted.reply_to
    if not invoice.recipient_email and not reply_to:
        raise ValidationFailed([("reply_to", "must say where the answer goes")])
    at = clock.now(invoice.merchant)
    asked = invoice.inquiries.filter(kind=Inquiry.Kind.QUESTION)
    if (
        asked.filter(status="open").count() >= OPEN_QUESTIONS
        or asked.filter(created_at__gt=at - timedelta(days=1)).count() >= QUESTIONS_A_DAY
    ):
        raise Conflict("There are enough questions about this invoice that wait for an answer.")
    inquiry = Inquiry.objects.create(
        merchant=invoice.merchant,
        invoice=invoice,
        kind=Inquiry.Kind.QUESTION,
        text=wanted.text,
        reply_to=reply_to,
        created_at=at,
    )
    _follow(invoice, "invoice.question_asked", inquiry)
    context = {
        "merchant_name": invoice.merchant.name,
        "number": str(invoice),
        "question": inquiry.text,
        "asked_by": invoice.recipient_name or reply_to or invoice.recipient_email,
        "url": public_url(f"/dashboard/questions/{inquiry.public_id}/"),
    }
    mail.queue_to_owners(invoice.merchant, "question", context)
    return inquiry


@action
def make_promise(invoice_pk: int, wanted: PromiseInput) -> Inquiry:
    """Keep the day by which the payer says they will pay; reminders wait until it is over.

    Another day replaces the one before. Raises ValidationFailed for a day that has passed or is
    too far off, Conflict for the fourth, InvalidState where nothing is asked for.
    """
    invoice = Invoice.objects.locked().get(pk=invoice_pk)
    if not reminding.asks(invoice):
        raise InvalidState(
            f"This invoice is {invoice.status}; there is nothing to promise.",
            details={"status": invoice.status},
        )
    at = clock.now(invoice.merchant)
    zone = ZoneInfo(invoice.merchant.timezone)
    today = at.astimezone(zone).date()
    if not today <= wanted.on <= today + LONGEST_PROMISE:
        problem = f"must be from today on, and within {LONGEST_PROMISE.days} days"
        raise ValidationFailed([("on", problem)])
    promises = list(invoice.inquiries.filter(kind=Inquiry.Kind.PROMISE).select_for_update())
    if len(promises) >= PROMISES:
        raise Conflict("This invoice was promised to be paid often enough; write to the seller.")
    for earlier in promises:
        if earlier.status == "open":
            earlier.replace(at)
            earlier.save()
    inquiry = Inquiry.objects.create(
        merchant=invoice.merchant,
        invoice=invoice,
        kind=Inquiry.Kind.PROMISE,
        promised_on=wanted.on,
        holds_until=_end_of(wanted.on, zone),
        created_at=at,
    )
    _follow(invoice, "invoice.promise_made", inquiry)
    return inquiry


@action
def answer_question(merchant: Merchant, public_id: str, wanted: AnswerInput) -> Inquiry:
    """Mail an answer to the payer. Raises NotFound, InvalidState unless the question is open."""
    invoice, inquiry = _open_question(merchant, public_id)
    to = inquiry.reply_to or invoice.recipient_email
    if not to:
        raise InvalidState("There is no address to answer to; settle it without an answer.")
    inquiry.reply(wanted.text, clock.now(merchant))
    inquiry.save()
    more = {"question": inquiry.text, "answer": inquiry.answer}
    mail.queue_for_invoice(invoice, "answer", more, to=to)
    _follow(invoice, "invoice.question_answered", inquiry)
    return inquiry


@action
def close_question(merchant: Merchant, public_id: str) -> Inquiry:
    """Settle a question without an answer from here. Raises NotFound, InvalidState."""
    invoice, inquiry = _open_question(merchant, public_id)
    inquiry.finish(clock.now(merchant))
    inquiry.save()
    _follow(invoice, "invoice.question_answered", inquiry)
    return inquiry


@action
def judge_promise(inquiry_pk: int) -> bool:
    """When the promised day is over: kept if nothing is asked for any more, broken otherwise."""
    invoice_pk = Inquiry.objects.values_list("invoice_id", flat=True).get(pk=inquiry_pk)
    invoice = Invoice.objects.locked().get(pk=invoice_pk)
    inquiry = _locked(invoice, inquiry_pk)
    at = clock.now(invoice.merchant)
    if inquiry.status != "open" or inquiry.holds_until is None or inquiry.holds_until > at:
        return False
    if invoice.status == "paying":
        # Whether the money comes is known soon; a promise is not broken while it is on its way.
        return False
    if reminding.asks(invoice):
        inquiry.break_off(at)
        inquiry.save()
        _follow(invoice, "invoice.promise_broken", inquiry)
    else:
        inquiry.keep(at)
        inquiry.save()
    return True


def _open_question(merchant: Merchant, public_id: str) -> tuple[Invoice, Inquiry]:
    found = merchant.inquiries.filter(public_id=public_id).values_list("invoice_id", "pk").first()
    if found is None:
        raise NotFound(f"There is no inquiry {public_id}.")
    invoice_pk, inquiry_pk = found
    invoice = Invoice.objects.locked().get(pk=invoice_pk)
    inquiry = _locked(invoice, inquiry_pk)
    if inquiry.kind != Inquiry.Kind.QUESTION or inquiry.status != "open":
        what = "promise" if inquiry.kind == Inquiry.Kind.PROMISE else "question"
        raise InvalidState(
            f"This {what} is {inquiry.status}; only a question that waits can be answered.",
            details={"status": inquiry.status},
        )
    return invoice, inquiry


def _locked(invoice: Invoice, inquiry_pk: int) -> Inquiry:
    inquiry = Inquiry.objects.select_for_update(of=("self",)).get(pk=inquiry_pk)
    inquiry.invoice, inquiry.merchant = invoice, invoice.merchant
    return inquiry


def _follow(invoice: Invoice, event_type: str, inquiry: Inquiry) -> None:
    """Let the reminders follow, and tell of it."""
    reminding.reschedule(invoice)
    events.record(event_type, invoice, inquiry=representations.inquiry(inquiry))


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time.min, zone)
