"""The verbs of reminders: choose the rules, send what is due, send by hand, pause, resume, stop.

Each locks the invoice first; a late fee locks the merchant's counter after it.
"""

from datetime import datetime, timedelta

from invoicing import clock, drafts, events, late_fees, reminder_mails, reminding
from invoicing.actions.action import action
from invoicing.errors import InvalidState, NotFound, ValidationFailed
from invoicing.models import Customer, Invoice, Merchant, Reminder
from invoicing.reminder_inputs import PauseInput, RemindersInput, stored
from invoicing.reminder_rules import Moment

LONGEST_PAUSE = timedelta(days=366)


@action
def set_reminders(merchant: Merchant, wanted: RemindersInput) -> Merchant:
    """Choose whether, when and how often payers are reminded, for all who have no rules of theirs.

    What the new rules would have asked for before now is not asked for. Raises ValidationFailed.
    """
    row = Merchant.objects.select_for_update().get(pk=merchant.pk)
    before = row.reminders
    row.reminders = {
        "enabled": wanted.enabled,
        "hour": wanted.hour,
        "rules": stored(wanted.rules, row.currency, "rules"),
    }
    if row.reminders != before:
        reminding.rules_have_changed(row, clock.now(row))
        row.save(update_fields=["reminders", "reminders_changed_at"])
    return row


@action
def apply_rules(merchant_pk: int) -> bool:
    """Let a merchant's changed rules hold for its open invoices."""
    row = Merchant.objects.select_for_update(no_key=True).get(pk=merchant_pk)
    if row.reminders_changed_at is None:
        return False
    reminding.begin_anew(row.invoices.all(), row.reminders_changed_at)
    row.reminders_changed_at = None
    row.save(update_fields=["reminders_changed_at"])
    return True


@action
def apply_customers_rules(customer_pk: int) -> bool:
    """Let what a customer has instead of the merchant's rules hold for their open invoices."""
    row = Customer.objects.select_for_update(no_key=True, of=("self",)).get(pk=customer_pk)
    if row.reminders_changed_at is None:
        return False
    reminding.begin_anew(row.invoices.all(), row.reminders_changed_at)
    row.reminders_changed_at = None
    row.save(update_fields=["reminders_changed_at"])
    return True


@action
def send_due_reminder(invoice_pk: int) -> bool:
    """Send the reminder that is due, if it still is; the latest one stands for all that were.

    Whatever has happened to the invoice meanwhile decides, under its lock.
    """
    invoice = Invoice.objects.locked().get(pk=invoice_pk)
    at = clock.now(invoice.merchant)
    if invoice.next_reminder_at is None or invoice.next_reminder_at > at:
        return False
    if invoice.status == "paying":
        # It waits until it is known what becomes of the money on its way.
        return False
    coming = reminding.next_at(invoice)
    rules = reminding.schedule_of(invoice)
    if coming is None or coming > at or rules is None:
        reminding.reschedule(invoice)
        return False
    moment = [found for found in reminding.to_come(invoice, rules) if found.at <= at][-1]
    # While the invoice that a late fee is for asks itself, its reminders tell of the fee as well.
    if invoice.late_fee_of is not None and reminding.asks(invoice.late_fee_of):
        invoice.reminded_until = at
        invoice.next_reminder_at = reminding.next_at(invoice)
        invoice.save(update_fields=["reminded_until", "next_reminder_at"])
        return False
    _send(invoice, moment, at)
    return True


@action
def send_reminder(merchant: Merchant, reference: str) -> Invoice:
    """Remind the payer now, by hand; a rule's reminder that was due by now will not come as well.

    Raises InvalidState where there is nothing to ask for, nobody to ask, or where they have asked
    for no more reminders.
    """
    invoice = _asking(merchant, reference)
    if invoice.status == "paying":
        raise _refusal(invoice, "Money for this invoice is on its way, so nobody is reminded.")
    if not invoice.recipient_email:
        raise _refusal(invoice, "This invoice has no email address to send a reminder to.")
    customer = invoice.customer
    if invoice.reminders_stopped_at or (customer and customer.reminders_stopped_at):
        raise _refusal(
            invoice,
            "The payer has asked for no more reminders. "
            + ("Resume them first." if customer is None else "Allow them at the customer first."),
        )
    _send(invoice, None, clock.now(merchant))
    return invoice


@action
def pause_reminders(merchant: Merchant, reference: str, wanted: PauseInput) -> Invoice:
    """Send no reminders of this invoice, until a moment or until they are resumed."""
    invoice = _asking(merchant, reference)
    at = clock.now(merchant)
    until = drafts.end_of_day(wanted.until, merchant)
    if until is not None and not at < until <= at + LONGEST_PAUSE:
        raise ValidationFailed([("until", "must be in the future, and within a year")])
    invoice.reminders_paused_at, invoice.reminders_paused_until = at, until
    _keep_pause(invoice)
    events.record("invoice.reminders_paused", invoice)
    return invoice


@action
def resume_reminders(merchant: Merchant, reference: str) -> Invoice:
    """Let reminders go on; what fell into the pause comes as one, on the next morning."""
    invoice = _asking(merchant, reference)
    was_paused = invoice.reminders_paused_at or invoice.reminders_stopped_at
    if was_paused:
        at = clock.now(merchant)
        # Not a minute after the button, perhaps at night: see `reminding.next_at`.
        invoice.reminders_paused_at, invoice.reminders_paused_until = None, at
        invoice.reminders_stopped_at = None
        _keep_pause(invoice)
        events.record("invoice.reminders_resumed", invoice)
    return invoice


@action
def stop_reminders(invoice_pk: int) -> bool:
    """The payer asks for no more reminders: none goes to this customer until somebody allows it.

    Where the payer is no customer on file, none goes out for this invoice. False if that was so
    already.
    """
    invoice = Invoice.objects.select_related("merchant").get(pk=invoice_pk)
    at = clock.now(invoice.merchant)
    if invoice.customer_id is not None:
        rows = Customer.objects.select_related("merchant").select_for_update(of=("self",))
        customer = rows.get(pk=invoice.customer_id)
        if customer.reminders_stopped_at is not None:
            return False
        customer.reminders = {"mode": "off", "rules": []}
        customer.reminders_stopped_at = customer.updated_at = at
        reminding.rules_have_changed(customer, at)
        customer.save()
        events.record("customer.reminders_stopped", customer)
        return True
    invoice = Invoice.objects.locked().get(pk=invoice_pk)
    if invoice.reminders_stopped_at is not None:
        return False
    invoice.reminders_stopped_at, invoice.next_reminder_at = at, None
    invoice.save(update_fields=["reminders_stopped_at", "next_reminder_at"])
    events.record("invoice.reminders_paused", invoice)
    return True


def _send(invoice: Invoice, moment: Moment | None, at: datetime) -> None:
    """Queue the mail, with the late fee that its rule charges, and tell of it."""
    fee = late_fees.charge(invoice, moment, at) if moment is not None else None
    Reminder.objects.create(
        invoice=invoice,
        days=moment.days if moment else None,
        message=reminder_mails.queue_reminder(invoice, at),
        late_fee=fee,
        created_at=at,
    )
    invoice.reminders_sent += 1
    invoice.reminded_until = at
    invoice.next_reminder_at = reminding.next_at(invoice)
    invoice.save(update_fields=["reminders_sent", "reminded_until", "next_reminder_at"])
    events.record("invoice.reminder_sent", invoice)


def _asking(merchant: Merchant, reference: str) -> Invoice:
    """This merchant's invoice, locked. Raises NotFound, InvalidState where nothing is asked for."""
    invoice = merchant.invoices.referred_to(reference).locked().first()
    if invoice is None:
        raise NotFound(f"There is no invoice {reference}.")
    if not reminding.asks(invoice):
        raise _refusal(
            invoice, f"This invoice is {invoice.status}; only one that asks for money is reminded."
        )
    return invoice


def _refusal(invoice: Invoice, message: str) -> InvalidState:
    return InvalidState(message, details={"status": invoice.status})


def _keep_pause(invoice: Invoice) -> None:
    invoice.next_reminder_at = reminding.next_at(invoice)
    invoice.save(
        update_fields=[
            "reminders_paused_at",
            "reminders_paused_until",
            "reminders_stopped_at",
            "next_reminder_at",
        ]
    )
