"""What racing processes do. Each meets the others between looking and writing, where a race would
be lost; in the controls, which go without the guard, it is."""

import os
import random
import signal
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from invoicing import (
    clock,
    doorbell,
    events,
    failpoints,
    idempotency,
    mail,
    reminder_mails,
    tasks,
)
from invoicing.actions import access, customers, invoices, reminders
from invoicing.inputs import CustomerInput, read
from invoicing.models import Account, Invoice, Membership, Merchant, NumberSeries
from payments import bookings, fees, flows
from payments.actions import notices, pay, wallets
from payments.inputs import MarkPaidInput, WalletInput
from payments.models import Payment, Wallet
from payments.rails.rail import Outcome, State
from tests.crew_process import expect_all, meet, meeting_in, without_locks

# Nobody listens, and the broker is not what races here.
doorbell._send = lambda task: None


def _racing(guarded: bool, module: Any, *names: str) -> ExitStack:
    """Meet in these functions, with the guard or without it."""
    if not guarded:
        without_locks()
        expect_all(len(names))
    stack = ExitStack()
    for name in names:
        stack.enter_context(meeting_in(module, name))
    return stack


def _in_order(second: bool, module: Any, name: str) -> ExitStack:
    """Whoever is second begins when the first has got to this function and holds its locks."""
    expect_all(1)
    stack = ExitStack()
    if second:
        meet()
    else:
        stack.enter_context(meeting_in(module, name))
    return stack


def finalize_many(merchant_pk: int, references: list[str], seed: int, one_in: int) -> None:
    """Issue these drafts one by one; one time in so many be killed, before or after the commit."""
    chance = random.Random(seed)
    merchant = Merchant.objects.get(pk=merchant_pk)

    def maybe_die() -> None:
        if chance.randrange(2 * one_in) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    for place in ("before_commit", "after_commit"):
        failpoints.hooks[f"finalize_invoice:{place}"] = maybe_die
    for reference in references:
        invoices.finalize_invoice(merchant, reference)


def finalize(merchant_pk: int, reference: str, guarded: bool = True) -> str | None:
    merchant = Merchant.objects.get(pk=merchant_pk)
    with _racing(guarded, NumberSeries, "save"):
        return invoices.finalize_invoice(merchant, reference).number


def begin(invoice_pk: int, guarded: bool = True) -> str:
    with _racing(guarded, pay, "receiving_wallet"):
        return pay.begin_payment(invoice_pk, "sandbox").public_id


def start(invoice_pk: int) -> str:
    """Press "pay" for good, page and all."""
    return flows.start(invoice_pk, "sandbox").url


def take(payment_pk: int, guarded: bool = True) -> str:
    """Hear from the provider that all of this payment has arrived.

    They meet before anything is written: a control's writes are seen by the others at once.
    """
    with _racing(guarded, fees, "estimate"):
        return _take(payment_pk)


def take_in_order(payment_pk: int, second: bool) -> str:
    with _in_order(second, bookings, "book_payment"):
        return _take(payment_pk)


def take_before_they_write(payment_pk: int) -> str:
    """For a control: the others look before this is written, and write after it."""
    with _racing(False, bookings, "book_payment"):
        expect_all(2)
        status = _take(payment_pk)
    meet()
    return status


def _take(payment_pk: int) -> str:
    payment = Payment.objects.get(pk=payment_pk)
    outcome = Outcome(State.SUCCEEDED, payment.amount, payment.currency)
    return str(pay.apply_outcome(payment_pk, outcome).status)


def mark_paid(merchant_pk: int, reference: str, guarded: bool = True) -> str:
    """Declare all that is due as received elsewhere."""
    merchant = Merchant.objects.get(pk=merchant_pk)
    with _racing(guarded, bookings, "book_payment"):
        return pay.mark_paid(merchant, reference, MarkPaidInput()).public_id


def void(merchant_pk: int, reference: str, guarded: bool = True) -> str:
    with _racing(guarded, clock, "now"):
        return _void(merchant_pk, reference)


def void_in_order(merchant_pk: int, reference: str, second: bool) -> str:
    with _in_order(second, clock, "now"):
        return _void(merchant_pk, reference)


def _void(merchant_pk: int, reference: str) -> str:
    merchant = Merchant.objects.get(pk=merchant_pk)
    return str(invoices.void_invoice(merchant, reference).status)


def expire(invoice_pk: int) -> bool:
    with _racing(True, clock, "now"):
        return bool(invoices.expire_invoice(invoice_pk))


def expire_in_order(invoice_pk: int, second: bool) -> bool:
    with _in_order(second, clock, "now"):
        return bool(invoices.expire_invoice(invoice_pk))


def expire_after_looking(invoice_pk: int) -> bool:
    """For a control: looks when the others do and writes when they have written."""
    with _racing(False, clock, "now"), meeting_in(Invoice, "save"):
        expect_all(2)
        return bool(invoices.expire_invoice(invoice_pk))


def remind(invoice_pk: int, guarded: bool = True) -> bool:
    """The sweep has found an invoice whose reminder is due."""
    with _racing(guarded, reminder_mails, "queue_reminder"):
        return reminders.send_due_reminder(invoice_pk)


def create_customer(merchant_pk: int, key: str, guarded: bool = True) -> str:
    """Create a customer under an Idempotency-Key; in the control without one."""
    guard = idempotency.Guard(
        merchant_id=merchant_pk,
        actor_id="bot_1",
        key=key,
        fingerprint="the same request",
        render=lambda row: idempotency.Answer(201, row.public_id),
    )
    merchant = Merchant.objects.get(pk=merchant_pk)
    wanted = read(CustomerInput, {"name": "Cleo"})
    with meeting_in(events, "record"), idempotency.guarded(guard if guarded else None):
        try:
            return customers.create_customer(merchant, wanted).public_id
        except idempotency.Replay as replay:
            return replay.answer.body


def create_wallet(merchant_pk: int, guarded: bool = True) -> str:
    merchant = Merchant.objects.get(pk=merchant_pk)
    wanted = read(WalletInput, {"name": "Till", "currency": "USD", "is_default": True})
    with _racing(guarded, Wallet.objects, "create"):
        return wallets.create_wallet(merchant, wanted).public_id


def leave(account_pk: int, membership_pk: int, guarded: bool = True) -> None:
    account = Account.objects.get(pk=account_pk)
    with _racing(guarded, Membership, "delete"):
        access.remove_member(account, membership_pk)


def step_down(account_pk: int, membership_pk: int, guarded: bool = True) -> str:
    account = Account.objects.get(pk=account_pk)
    with _racing(guarded, Membership, "save"):
        return str(access.change_role(account, membership_pk, "viewer").role)


def release(payment_pk: int, guarded: bool = True) -> bool:
    with _racing(guarded, clock, "now"):
        return bool(pay.release_payment(payment_pk))


def deliver(guarded: bool = True) -> int:
    """A worker's round of webhooks."""
    with _racing(guarded, QuerySet, "update"):
        # Deliveries are there once each, however many make them: a control has no use for that.
        if guarded:
            tasks.fan_out_events()
        return int(tasks.deliver_webhooks())


def send_mails(guarded: bool = True) -> int:
    """A worker's round of mails."""
    with _racing(guarded, QuerySet, "update"):
        return int(tasks.send_mails())


def claim_notices(limit: int, guarded: bool = True) -> list[int]:
    """A worker takes so many of the waiting notices."""
    with _racing(guarded, QuerySet, "update"):
        return [notice.pk for notice in notices.claim_notices(limit, timedelta(minutes=1))]


def queue_mails(count: int) -> None:
    """Put plain mails in the queue."""
    context = {"merchant_name": "x", "endpoint_url": "x", "reason": "x", "url": "x"}
    for number in range(count):
        mail.queue("webhook_disabled", f"cleo{number}@example.com", context)
