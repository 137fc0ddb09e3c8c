"""What racing processes do. Each meets the others between looking and writing, where a race would
be lost; in the controls, which go without the guard, it is."""

import os
import random
import signal
from contextlib import ExitStack
from typing import Any

from django.db.models import QuerySet

from invoicing import clock, doorbell, events, failpoints, idempotency, mail, tasks
from invoicing.actions import access, customers, invoices
from invoicing.inputs import CustomerInput, read
from invoicing.models import Account, Membership, Merchant, NumberSeries
from payments import flows, ledger
from payments.actions import pay, wallets
from payments.inputs import WalletInput
from payments.models import Payment, Wallet
from payments.rails.rail import Outcome, State
from tests.crew_process import meeting_in, without_locks

# Nobody listens, and the broker is not what races here.
doorbell._send = lambda task: None


def _racing(guarded: bool, module: Any, name: str) -> ExitStack:
    """Meet in this function, with the guard or without it."""
    if not guarded:
        without_locks()
    stack = ExitStack()
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
    """Hear from the provider that all of this payment has arrived."""
    payment = Payment.objects.get(pk=payment_pk)
    with _racing(guarded, ledger, "post_payment"):
        outcome = Outcome(State.SUCCEEDED, payment.amount, payment.currency)
        return str(pay.apply_outcome(payment_pk, outcome).status)


def void(merchant_pk: int, reference: str, guarded: bool = True) -> str:
    merchant = Merchant.objects.get(pk=merchant_pk)
    with _racing(guarded, clock, "now"):
        return str(invoices.void_invoice(merchant, reference).status)


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


def release(payment_pk: int, guarded: bool = True) -> bool:
    with _racing(guarded, clock, "now"):
        return bool(pay.release_payment(payment_pk))


def deliver(guarded: bool = True) -> int:
    """A worker's round of webhooks."""
    with _racing(guarded, QuerySet, "update"):
        tasks.fan_out_events()
        return int(tasks.deliver_webhooks())


def send_mails(guarded: bool = True) -> int:
    """A worker's round of mails."""
    with _racing(guarded, QuerySet, "update"):
        return int(tasks.send_mails())


def queue_mails(count: int) -> None:
    """Put plain mails in the queue."""
    context = {"merchant_name": "x", "endpoint_url": "x", "reason": "x", "url": "x"}
    for number in range(count):
        mail.queue("webhook_disabled", f"cleo{number}@example.com", context)
