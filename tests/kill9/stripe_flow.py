"""Money by Stripe as one process moves it: a page that is paid, a card that is charged, money back,
a dispute that is answered.

It may be killed anywhere and run again: it finds by what it noted how far it had got. Stripe is a
process of its own, which remembers what the dead had asked of it.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import stripe

from invoicing import archive, doorbell, failpoints, idempotency
from invoicing.actions import invoices
from invoicing.errors import BillhookError
from invoicing.inputs import InvoiceInput, read
from invoicing.models import Merchant
from payments import flows, intake, tasks
from payments.actions import disputes
from payments.inputs import ChargeInput, EvidenceInput, RefundInput
from payments.models import Dispute, MethodSetup, Payment
from payments.rails.rail import RailError
from tests.fakes.stripe.handle import StripeFake
from tests.kill9.flow import PDF

doorbell._send = lambda task: None
ROUND: tuple[Callable[[], int], ...] = (
    tasks.apply_notices,
    tasks.look_at_payments,
    tasks.look_at_refunds,
    tasks.look_at_setups,
    tasks.look_at_disputes,
    tasks.cancel_payments_of_closed_invoices,
)


def run(
    merchant_pk: int, port: int, die_after_ms: float = 0, die_at: int = 0, watch: bool = False
) -> dict[str, Any]:
    """One merchant's day; answers how often it came by each failpoint if it is watched.

    On a busy machine Stripe may not answer in time; then the rest of the day is for the next life,
    and `put_off` says why.
    """
    archive.pdf.render = lambda html, **_: PDF  # type: ignore[assignment]
    seen: dict[str, int] = {}
    if watch or die_at:
        failpoints.hooks = _Watching(seen, die_at)
    if die_after_ms:
        signal.setitimer(signal.ITIMER_REAL, die_after_ms / 1000)
    day = Day(Merchant.objects.get(pk=merchant_pk), port)
    try:
        day.sell()
        day.charge()
        day.give_back()
        day.argue()
        day.listen()
    except (BillhookError, RailError, NotYet) as reason:
        return {"put_off": repr(reason)}
    return {"seen": seen}


def charge_again(merchant_pk: int, port: int, careless: bool) -> None:
    """The bot repeats its charge before any worker has looked; careless, under another key."""
    if careless:
        _forget_keys()
    day = Day(Merchant.objects.get(pk=merchant_pk), port)
    day.charge_once()


def recover(merchant_pk: int, port: int) -> None:
    """What the worker does after everybody is dead: it listens and looks, until all is known."""
    archive.pdf.render = lambda html, **_: PDF  # type: ignore[assignment]
    day = Day(Merchant.objects.get(pk=merchant_pk), port)
    for _ in range(2):
        day.listen()


class NotYet(Exception):
    """What the next step of the day builds on has not been heard of."""


class Day:
    """What a merchant, its bot and its payer do, each step once however often it is begun."""

    def __init__(self, merchant: Merchant, port: int) -> None:
        self.merchant = merchant
        self.fake = StripeFake(data=None)  # type: ignore[arg-type]
        self.fake.port = port
        self.customer = merchant.customers.get()

    def once(self, key: str, do: Callable[[], Any]) -> str:
        """A request under its key; a repeat goes on where the dead had got to."""
        guard = idempotency.Guard(self.merchant.pk, "bot_1", key, key, None)
        with idempotency.guarded(guard):
            try:
                said = str(do())
            except idempotency.Replay as replay:
                return replay.answer.body
            guard.finish(idempotency.Answer(200, said))
        return said

    def sell(self) -> None:
        """An invoice is paid on Stripe's page."""
        pk = self.merchant.invoices.get(public_id=self._sold).pk
        payment = self.once("start", lambda: flows.start(pk, "card"))
        row = Payment.objects.get(public_id=payment)
        self._at_stripe("pay", session=row.provider_reference, card="4242424242424242")
        self.listen()

    def charge(self) -> None:
        """A card is saved, and charged while its owner is away."""
        save = self.once("save", lambda: flows.save_method(self.merchant, self._cleo, "card"))
        setup = MethodSetup.objects.get(public_id=save)
        self._at_stripe("pay", session=setup.provider_reference, card="4242424242424242")
        self.listen()
        self.charge_once()
        self.listen()

    def charge_once(self) -> None:
        """The bot asks again under a new key only when it is told that nothing was charged."""
        failed = Payment.objects.filter(
            merchant=self.merchant, saved_method__isnull=False, status="failed"
        ).count()
        self.once(f"charge {failed}", lambda: flows.charge(self.merchant, self.fee)[1])

    def give_back(self) -> None:
        """Part of what was paid on the page goes back, in two refunds."""
        for key, amount in (("refund", "25"), ("refund more", "15")):
            wanted = RefundInput(amount=Decimal(amount))
            self.once(key, lambda wanted=wanted: flows.refund(self.merchant, self._sold, wanted)[0])
        self.listen()

    def argue(self) -> None:
        """The charged card's bank takes the money back, and gives it back for good evidence."""
        charged = Payment.objects.filter(merchant=self.merchant, saved_method__isnull=False)
        paid = charged.filter(status="succeeded").first()
        if paid is None:
            raise NotYet("the charge is not known to have succeeded")
        if not self.fake.state("dispute").get("dispute"):
            self._at_stripe("disputes/open", payment_intent=paid.money_reference)
        self.listen()
        # Whoever was to apply the notice may have been killed with it: then it is asked about.
        (opened,) = self.fake.state("dispute")["dispute"]
        dispute = Dispute.objects.filter(payment=paid).first()
        dispute = dispute or flows.check_dispute(opened["id"], "stripe", livemode=False)
        if dispute is None:
            raise NotYet("the dispute is not known")
        if dispute.can_respond and not dispute.submitted_at:
            said = EvidenceInput(uncategorized_text="winning_evidence")
            disputes.save_evidence(self.merchant, dispute.public_id, said)
            flows.answer_dispute(self.merchant, dispute.public_id)
        self.listen()

    def listen(self) -> None:
        """The worker: what Stripe has to say is taken in and applied, and every round is done."""
        intake.take_missed("stripe")
        for task in ROUND:
            task()

    @property
    def fee(self) -> ChargeInput:
        """What the bot charges."""
        return ChargeInput(
            customer_id=self._cleo, amount=Decimal(30), currency="USD", description="Fee"
        )

    @property
    def _sold(self) -> str:
        """The invoice of the day; whoever died while drafting it may have left another draft."""
        return self.once("invoice", self._invoice)

    @property
    def _cleo(self) -> str:
        return self.customer.public_id

    def _invoice(self) -> str:
        line = {"description": "Work", "unit_price": "100"}
        wanted = {"currency": "USD", "customer_id": self._cleo, "line_items": [line]}
        noted = idempotency.noted()
        if not noted:
            noted = invoices.create_invoice(self.merchant, read(InvoiceInput, wanted)).public_id
            idempotency.note(noted)
        if self.merchant.invoices.get(public_id=noted).status == "draft":
            invoices.finalize_invoice(self.merchant, noted)
        return noted

    def _at_stripe(self, verb: str, **given: Any) -> None:
        """Whoever pays or disputes does it once: their second try is refused."""
        with suppress(Exception):
            self.fake.control(verb, **given)


class _Watching(dict[str, Callable[[], None]]):
    """Counts what is passed, and kills the process at one of them."""

    def __init__(self, seen: dict[str, int], die_at: int) -> None:
        super().__init__(on=lambda: None)
        self.seen = seen
        self.left = die_at

    def get(self, name: str, default: Any = None) -> Any:
        if name != "*":
            self.seen[name] = self.seen.get(name, 0) + 1
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return default


def _forget_keys() -> None:
    """For a control: every try is something new to Stripe."""
    ask = stripe.RequestsClient.request

    def request(
        self: Any, method: str, url: str, headers: Any, data: Any = None, **how: Any
    ) -> Any:
        fresh = {**(headers or {}), "Idempotency-Key": os.urandom(8).hex()}
        return ask(self, method, url, fresh, data, **how)

    stripe.RequestsClient.request = request
