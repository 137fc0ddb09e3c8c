"""What happens in the demo: stories of invoices and of what recurs, each step on its day.

A story yields how long it is until its next step, and goes on then as it would have: by the
ordinary actions, on a clock that is set to that moment.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from heapq import heapify, heappop, heappush
from random import Random
from typing import Any, Final

from invoicing import clock, inputs
from invoicing.actions import inquiries, invoices, messages, reminders
from invoicing.actor import SYSTEM, Actor, acting
from invoicing.models import Customer, Invoice, Merchant, Message
from invoicing.reminder_inputs import PromiseInput, QuestionInput
from payments import flows, recurring_flow, rehearsed
from payments import tasks as payment_tasks
from payments.actions import pay, receiving, recurring, rehearsing
from payments.chain.rehearsal import BLOCKS_TO_FINALITY
from payments.inputs import MarkPaidInput
from payments.models import RecurringCharge
from payments.recurring_inputs import PauseInput, RecurringInput
from payments.sandbox import provider, saving

# Of USDC: what an exchange keeps of what it sends, and blocks after which nothing changes.
FEE_UNITS: Final = 1_500_000
FINAL: Final = BLOCKS_TO_FINALITY
GOOD, DECLINED, SILENT = "4242424242424242", "4000000000009995", "4000000000005126"
PAYER: Final = Actor("payer", name="Payer")

WORK: Final = [
    ("Brand identity, phase two", "1", "2400"),
    ("Website care, monthly", "1", "180"),
    ("Illustration for the spring catalogue", "3", "320"),
    ("Design hours", "12.5", "95"),
    ("Photography, half a day", "1", "650"),
    ("Print supervision", "4", "85"),
    ("Icon set", "24", "18.50"),
    ("Workshop: writing for the web", "1", "900"),
]


Story = Generator[timedelta, None, None]


def tell(stories: list[tuple[datetime, Story]]) -> None:
    """Let every story happen as far as the present, a step at a time, in the order of the days."""
    now = clock.wall()
    waiting = [(day, place, story) for place, (day, story) in enumerate(stories)]
    heapify(waiting)
    while waiting:
        day, place, story = heappop(waiting)
        with on(day):
            pause = next(story, None)
        if pause is not None and day + pause < now:
            heappush(waiting, (day + pause, place, story))


def ordinary(merchant: Merchant, customer: Customer, random: Random) -> Story:
    invoice = sent(merchant, customer, random)
    yield timedelta(days=random.randrange(1, 18), minutes=random.randrange(600))
    _viewed(invoice)
    yield timedelta(minutes=random.randrange(2, 30))
    _pay_by_card(invoice, GOOD)
    yield timedelta(days=2, minutes=1)
    with acting(SYSTEM):
        payment_tasks.release_funds()


def overdue(merchant: Merchant, customer: Customer, random: Random) -> Story:
    invoice = sent(merchant, customer, random)
    yield timedelta(days=4)
    _viewed(invoice)
    _pay_by_card(invoice, DECLINED)
    yield from reminded(invoice, timedelta(days=17, hours=1))
    with acting(SYSTEM):
        invoices.mark_overdue(invoice.pk)
    yield from reminded(invoice)


def promised(merchant: Merchant, customer: Customer, random: Random, **extra: Any) -> Story:
    invoice = sent(merchant, customer, random, **extra)
    yield timedelta(days=4)
    _viewed(invoice)
    yield from reminded(invoice, timedelta(days=17, hours=1))
    with acting(SYSTEM):
        invoices.mark_overdue(invoice.pk)
    yield from reminded(invoice, timedelta(days=20))
    with acting(PAYER):
        soon = (clock.wall() + timedelta(days=6)).date()
        inquiries.make_promise(invoice.pk, PromiseInput(on=soon))


def given_up(merchant: Merchant, customer: Customer, random: Random) -> Story:
    invoice = sent(merchant, customer, random)
    yield timedelta(days=21, hours=1)
    with acting(SYSTEM):
        invoices.mark_overdue(invoice.pk)
    yield from reminded(invoice, timedelta(days=13))
    invoices.write_off_invoice(merchant, invoice.public_id)


def mistaken(merchant: Merchant, customer: Customer, random: Random) -> Story:
    invoice = sent(merchant, customer, random)
    yield timedelta(hours=2)
    invoices.void_invoice(merchant, invoice.public_id)


def paid_in_part(merchant: Merchant, customer: Customer, random: Random) -> Story:
    invoice = sent(merchant, customer, random, allow_partial=True)
    yield timedelta(days=2)
    received = MarkPaidInput(
        amount=Decimal("150.00"), method="bank_transfer", reference="Sable 4471"
    )
    pay.mark_paid(merchant, invoice.public_id, received)
    yield from reminded(invoice, timedelta(days=19, hours=1))
    with acting(SYSTEM):
        invoices.mark_overdue(invoice.pk)
    yield from reminded(invoice)


def paid_in_usdc(merchant: Merchant, customer: Customer, random: Random) -> Story:
    """In two parts: the first was short of an exchange's fee."""
    invoice = sent(merchant, customer, random)
    yield timedelta(days=1)
    _viewed(invoice)
    with acting(PAYER):
        asked = receiving.request_usdc(invoice.pk)
        rehearsed.send(asked.address, asked.units - FEE_UNITS, confirmations=FINAL)
    yield timedelta(minutes=25)
    with acting(PAYER):
        rehearsed.send(asked.address, FEE_UNITS, confirmations=FINAL)
    yield timedelta(minutes=1)
    with acting(SYSTEM):
        payment_tasks.release_funds()


def paid_after_all(merchant: Merchant, customer: Customer, random: Random) -> Story:
    """In USDC, when its invoice was void already: it waits for the merchant."""
    invoice = sent(merchant, customer, random)
    yield timedelta(hours=3)
    _viewed(invoice)
    with acting(PAYER):
        asked = receiving.request_usdc(invoice.pk)
    invoices.void_invoice(merchant, invoice.public_id)
    yield timedelta(hours=20)
    with acting(PAYER):
        rehearsed.send(asked.address, asked.units, confirmations=FINAL)


def too_late(merchant: Merchant, customer: Customer, random: Random) -> Story:
    closing = clock.wall() + timedelta(days=10)
    invoice = sent(merchant, customer, random, expires_at=closing.isoformat())
    yield timedelta(days=10, minutes=1)
    with acting(SYSTEM):
        invoices.expire_invoice(invoice.pk)


def looked_at(
    merchant: Merchant, customer: Customer, random: Random, question: str = "", **extra: Any
) -> Story:
    invoice = sent(merchant, customer, random, **extra)
    yield timedelta(days=1, hours=3)
    _viewed(invoice)
    if question:
        yield timedelta(minutes=4)
        with acting(PAYER):
            inquiries.ask_question(invoice.pk, QuestionInput(text=question))
        as_if_delivered(merchant)


def bounced(merchant: Merchant, customer: Customer, random: Random) -> Story:
    made = draft(merchant, customer, random)
    invoice = invoices.send_invoice(merchant, made.public_id)
    for mail in invoice.messages.all():
        messages.record_refused(
            mail.pk, "The mail server answered 550: mailbox unavailable", permanent=True
        )
    yield from ()


def just_paid(merchant: Merchant, customer: Customer, random: Random) -> Story:
    invoice = sent(merchant, customer, random)
    yield timedelta(days=3)
    _viewed(invoice)
    _pay_by_card(invoice, GOOD)


def on_its_way(merchant: Merchant, customer: Customer, random: Random) -> Story:
    invoice = sent(merchant, customer, random)
    _pay_by_card(invoice, SILENT)
    yield from ()


def subscribed(
    merchant: Merchant,
    customer: Customer,
    card: str,
    *,
    fails_at: int = 0,
    paused_after: int = 0,
    **wanted: Any,
) -> Story:
    """What recurs is charged to a saved card on its days, and tried again where that fails.

    The charge of period `fails_at` and its first retry are declined.
    """
    with acting(PAYER):
        setup = flows.save_method(merchant, customer.public_id, "sandbox")
        saving.leave_card(setup.provider_reference, card)
        payment_tasks.apply_notices()
    row = recurring_flow.start(merchant, inputs.read(RecurringInput, _asked(customer, wanted)))
    while (at := _next_step(row.pk)) is not None:
        as_if_delivered(merchant)
        yield at - clock.wall()
        if fails_at and row.periods.count() + 1 == fails_at:
            _declines(merchant, customer)
            fails_at = 0
        with acting(SYSTEM):
            for period in row.periods.filter(status="open", retry_at__lte=clock.wall()):
                recurring_flow.retry_when_due(period.pk)
            recurring_flow.charge_when_due(row.pk)
            payment_tasks.release_funds()
        if paused_after and row.periods.count() == paused_after:
            recurring.pause_recurring(merchant, row.public_id, PauseInput())
            return


def billed(merchant: Merchant, customer: Customer, **wanted: Any) -> Story:
    """What recurs is sent on its days, and paid by card a few days later."""
    asked = {**_asked(customer, wanted), "collection": "send"}
    row = recurring_flow.start(merchant, inputs.read(RecurringInput, asked))
    while (at := _next_step(row.pk)) is not None:
        as_if_delivered(merchant)
        yield timedelta(days=6, hours=3)
        _pay_by_card(row.periods.latest("number").invoice, GOOD)
        yield at - clock.wall()
        with acting(SYSTEM):
            recurring_flow.charge_when_due(row.pk)
            payment_tasks.release_funds()


def _asked(customer: Customer, wanted: dict[str, Any]) -> dict[str, Any]:
    return {"customer_id": customer.public_id, "interval": "monthly", **wanted}


def _next_step(recurring_pk: int) -> datetime | None:
    """When the next period begins, or a failed one is tried again."""
    row = RecurringCharge.objects.get(pk=recurring_pk)
    retries = row.periods.filter(status="open").values_list("retry_at", flat=True)
    return min((at for at in (row.next_at, *retries) if at is not None), default=None)


def _declines(merchant: Merchant, customer: Customer) -> None:
    """The card has no funds for a while."""
    method = customer.payment_methods.get()
    declined = {"outcome": "decline", "code": "insufficient_funds"}
    rehearsing.plan_charges(merchant, method.public_id, [declined] * 2)


def reminded(invoice: Invoice, until: timedelta | None = None) -> Story:
    """The reminders of the merchant's rules, each on its day, for so long or as long as it asks."""
    end = clock.wall() + until if until is not None else None
    while (at := Invoice.objects.get(pk=invoice.pk).next_reminder_at) is not None:
        if end is not None and at >= end:
            break
        yield at - clock.wall()
        with acting(SYSTEM):
            reminders.send_due_reminder(invoice.pk)
        as_if_delivered(invoice.merchant)
    if end is not None:
        yield end - clock.wall()


def draft(merchant: Merchant, customer: Customer, random: Random, **extra: Any) -> Invoice:
    tax = extra.pop("tax", False)
    yen = extra.get("currency") == "JPY"
    lines = [
        {
            "description": description,
            "quantity": quantity,
            "unit_price": str(int(Decimal(price) * 150)) if yen else price,
        }
        for description, quantity, price in random.sample(WORK, random.choice([1, 2, 2, 3]))
    ]
    wanted: dict[str, Any] = {"customer_id": customer.public_id, "line_items": lines, **extra}
    if tax:
        wanted["taxes"] = [{"name": "VAT", "rate": "19"}]
    if random.random() < 0.2:
        wanted["discount"] = {"percent": "5"}
    return invoices.create_invoice(merchant, inputs.read(inputs.InvoiceInput, wanted))


def sent(merchant: Merchant, customer: Customer, random: Random, **extra: Any) -> Invoice:
    made = draft(merchant, customer, random, **extra)
    invoice = invoices.send_invoice(merchant, made.public_id)
    as_if_delivered(merchant)
    return invoice


def _viewed(invoice: Invoice) -> None:
    with acting(PAYER):
        invoices.record_view(invoice.pk)


def _pay_by_card(invoice: Invoice, number: str) -> None:
    with acting(PAYER):
        payment = flows.start(invoice.pk, "sandbox")
        provider.submit_card(payment.provider_reference, number)
        payment_tasks.apply_notices()
    as_if_delivered(invoice.merchant)


def as_if_delivered(merchant: Merchant) -> None:
    """Mails of the past have long arrived; nobody real is to get one now."""
    for mail in Message.objects.filter(merchant=merchant, status="queued"):
        messages.record_sent(mail.pk)


@contextmanager
def on(instant: datetime) -> Iterator[None]:
    """Let everything inside happen at this instant."""
    before = clock.read_wall
    clock.read_wall = lambda: instant
    try:
        yield
    finally:
        clock.read_wall = before
