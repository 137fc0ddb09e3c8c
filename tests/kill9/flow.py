"""The main job as one process does it: a bot that bills, a payer who pays, a worker that tells.

It may be killed anywhere and run again: the bot repeats its Idempotency-Keys, the payer looks at
the page again, the worker finds its rows.
"""

import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from invoicing import archive, clock, doorbell, failpoints, idempotency, stepping, tasks
from invoicing.actions import clocks, customers, invoices
from invoicing.errors import Conflict
from invoicing.inputs import CustomerInput, InvoiceChanges, InvoiceInput, read
from invoicing.models import Invoice, Merchant
from payments import flows
from payments.actions import pay
from payments.inputs import MarkPaidInput
from payments.models import Payment
from payments.sandbox import provider
from tests.factories import DECLINED, VISA, session_of, work

doorbell._send = lambda task: None
# WeasyPrint takes a second to start in each new process, and is not what is killed here.
PDF = b"%PDF-1.7 stands in for a document"


def run(merchant_pk: int, real_pdf: bool = False, die_after_ms: float = 0) -> None:
    """Bill three times: one is paid by card at the second try, one in cash, one is voided."""
    if not real_pdf:
        archive.pdf.render = lambda html, **_: PDF  # type: ignore[assignment]
    if die_after_ms:
        # Nothing in Python hears this signal: the kernel ends the process.
        signal.setitimer(signal.ITIMER_REAL, die_after_ms / 1000)
    merchant = Merchant.objects.get(pk=merchant_pk)
    bot = Bot(merchant)
    customer = bot.once("customer", lambda: customers.create_customer(merchant, CLEO))
    first = bot.once("first", lambda: invoices.create_invoice(merchant, invoice("100", customer)))
    bot.once("memo", lambda: invoices.update_invoice(merchant, first, MEMO))
    bot.once("send", lambda: invoices.send_invoice(merchant, first))
    invoices.record_view(_invoice(first).pk)
    cash = bot.once("cash", lambda: invoices.create_invoice(merchant, invoice("70", customer)))
    bot.once("issue", lambda: invoices.finalize_invoice(merchant, cash))
    bot.once("paid", lambda: pay.mark_paid(merchant, cash, MarkPaidInput()))
    wrong = bot.once("wrong", lambda: invoices.create_invoice(merchant, invoice("1", customer)))
    bot.once("issue wrong", lambda: invoices.finalize_invoice(merchant, wrong))
    bot.once("void", lambda: invoices.void_invoice(merchant, wrong))
    payment = bot.in_steps("pay", lambda: flows.start(_invoice(first).pk, "sandbox"))
    the_payer_pays(payment)
    work()
    days_pass(merchant)
    # One round tells what the round before has caused.
    work()
    work()


def visited(merchant_pk: int) -> dict[str, int]:
    """How often an undisturbed run comes by each failpoint."""
    seen: dict[str, int] = {}

    class Watching(dict[str, Callable[[], None]]):
        def get(self, name: str, default: Any = None) -> Any:
            if name != "*":
                seen[name] = seen.get(name, 0) + 1
            return default

    failpoints.hooks = Watching(on=lambda: None)
    run(merchant_pk)
    return seen


CLEO = read(CustomerInput, {"name": "Cleo Payer", "email": "cleo@example.com"})
MEMO = read(InvoiceChanges, {"memo": "As agreed"})


def invoice(amount: str, customer_id: str) -> InvoiceInput:
    line = {"description": "Work", "unit_price": amount}
    return read(InvoiceInput, {"currency": "USD", "customer_id": customer_id, "line_items": [line]})


class Bot:
    """A client that repeats a request with the same key until it has the answer."""

    def __init__(self, merchant: Merchant) -> None:
        self.merchant = merchant

    def once(self, key: str, do: Callable[[], Any]) -> str:
        """A request of one action; the answer is the public id of what came of it."""
        return self._ask(key, do, lambda row: idempotency.Answer(200, row.public_id))

    def in_steps(self, key: str, do: Callable[[], Any]) -> str:
        """A request that talks to a provider between two actions."""
        return self._ask(key, do, None)

    def _ask(self, key: str, do: Callable[[], Any], render: Any) -> str:
        guard = idempotency.Guard(self.merchant.pk, "bot_1", key, key, render)
        with idempotency.guarded(guard):
            try:
                row = do()
            except idempotency.Replay as replay:
                return replay.answer.body
        if render is None:
            guard.finish(idempotency.Answer(200, row.public_id))
        return str(row.public_id)


def the_payer_pays(payment_id: str) -> None:
    """Cleo's first card is refused; the second is good."""
    session = session_of(Payment.objects.get(public_id=payment_id))
    if session.status == "open" and not session.declines:
        provider.submit_card(session.public_id, DECLINED)
    # She reads why before she tries another.
    work()
    provider.submit_card(session.public_id, VISA)


def days_pass(merchant: Merchant) -> None:
    """Until all that was paid has cleared."""
    then = merchant.created_at + timedelta(days=4)
    merchant = Merchant.objects.get(pk=merchant.pk)
    if clock.now(merchant) < then:
        # Whoever has died on the way has left the clock to the worker.
        with suppress(Conflict):
            stepping.move(lambda: clocks.move_clock(merchant, then))
    tasks.advance_clocks()


def _invoice(public_id: str) -> Invoice:
    return Invoice.objects.get(public_id=public_id)
