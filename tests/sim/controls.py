"""The product with one of its guards taken away, each as others have been seen to go without."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import transaction
from django.db.models import F

from invoicing.models import Invoice
from payments import bookings, flows, intake, ledger, refunding, settling
from payments.actions import pay
from payments.models import Deposit, Payment
from payments.rails.rail import NoAnswer, Outcome, State
from tests.fakes.stripe.inprocess import InProcessClient
from tests.sim.stories import (
    AT_THE_DESK,
    GIVEN_BACK,
    TAKEN_EARLY,
    UNASKED_TAKEN_EARLY,
    UNHEARD,
    VOIDED,
    Story,
)


@contextmanager
def fresh_key_for_each_retry() -> Iterator[None]:
    """What had no answer is sent again as if it were something new."""
    ask, count = InProcessClient.request, itertools.count()

    def request(
        self: InProcessClient, method: str, url: str, headers: Any, data: Any = None, **how: Any
    ) -> Any:
        fresh = {**(headers or {}), "Idempotency-Key": f"fresh-{next(count)}"}
        return ask(self, method, url, fresh, data, **how)

    with mock.patch.object(InProcessClient, "request", request):
        yield


@contextmanager
def row_deleted_when_no_answer_comes() -> Iterator[None]:
    """No answer is taken for a failure, and the attempt is forgotten."""

    def carry_out(payment_pk: int) -> Payment:
        payment = flows._payment(payment_pk)
        try:
            outcome = flows.RAILS[payment.rail].charge(payment)
        except NoAnswer:
            with transaction.atomic():
                settling.end(payment.invoice, payment, Outcome(State.FAILED))
                Payment.objects.filter(pk=payment_pk).delete()
            return payment
        return pay.apply_outcome(payment.pk, outcome)

    with mock.patch.object(flows, "carry_out", carry_out):
        yield


@contextmanager
def no_answer_taken_for_a_failure() -> Iterator[None]:
    """What a provider did not say is booked as if it had said no."""
    apply = pay.apply_outcome

    def carry_out(payment_pk: int) -> Payment:
        payment = flows._payment(payment_pk)
        try:
            outcome = flows.RAILS[payment.rail].charge(payment)
        except NoAnswer:
            outcome = Outcome(State.FAILED, failure_code="no_answer")
        return apply(payment.pk, outcome)

    def apply_outcome(payment_pk: int, outcome: Outcome) -> Payment:
        payment = Payment.objects.get(pk=payment_pk)
        return payment if payment.status == "failed" else apply(payment_pk, outcome)

    with (
        mock.patch.object(flows, "carry_out", carry_out),
        mock.patch.object(pay, "apply_outcome", apply_outcome),
    ):
        yield


@contextmanager
def success_applied_twice() -> Iterator[None]:
    """A success that is told again is booked again."""

    def learn(payment: Payment, outcome: Outcome) -> None:
        clearing, times = bookings.clearing_of(payment), itertools.count()
        available = ledger.wallet_account(payment.wallet, ledger.Kind.AVAILABLE)
        posting = ledger.Posting(clearing, available, outcome.received)
        name = f"again:{payment.public_id}:{next(times)}:{payment.ledger_entries.count()}"
        ledger.post(name, "payment", payment.merchant, [posting], payment)

    with mock.patch.object(settling, "learn", learn):
        yield


@contextmanager
def late_success_ignored() -> Iterator[None]:
    """Money for an invoice that asks for nothing any more is not noticed."""
    apply = pay.apply_outcome

    def apply_outcome(payment_pk: int, outcome: Outcome) -> Payment:
        payment = Payment.objects.select_related("invoice").get(pk=payment_pk)
        if payment.invoice.status in ("void", "expired", "paid") and not payment.received:
            outcome = Outcome(State.CANCELED)
        return apply(payment_pk, outcome)

    with mock.patch.object(pay, "apply_outcome", apply_outcome):
        yield


@contextmanager
def refund_without_reserve() -> Iterator[None]:
    """A refund is promised without keeping its amount from being promised again."""
    begin = refunding._begin

    def careless(refund: Any, wanted: Any) -> Any:
        made = begin(refund, wanted)
        less = F("amount_refunded") - made.amount
        Payment.objects.filter(pk=made.payment_id).update(amount_refunded=less)
        Invoice.objects.filter(pk=made.invoice_id).update(amount_refunded=less)
        return made

    with mock.patch.object(refunding, "_begin", careless):
        yield


@contextmanager
def missed_notices_not_asked_for() -> Iterator[None]:
    """What a provider could not deliver is never heard."""
    with mock.patch.object(intake, "take_missed", lambda provider: 0):
        yield


@contextmanager
def disputes_of_unheard_money_dropped() -> Iterator[None]:
    """A bank takes money back before we have heard that it came, and nobody follows it up."""

    behind = flows.money_behind

    def known(provider: str, money_reference: str, livemode: bool) -> Payment | Deposit | None:
        rows = Payment.objects.filter(money_reference=money_reference, received__gt=0)
        if rows.exists() or Deposit.objects.filter(provider_reference=money_reference).exists():
            return behind(provider, money_reference, livemode)
        return None

    with mock.patch.object(flows, "money_behind", known):
        yield


@contextmanager
def disputes_of_unmatched_money_dropped() -> Iterator[None]:
    """Nobody follows up what a bank takes of money that nobody had asked for."""
    behind = flows.money_behind

    def payments_only(provider: str, money_reference: str, livemode: bool) -> Any:
        came = behind(provider, money_reference, livemode)
        return came if isinstance(came, Payment) else None

    with mock.patch.object(flows, "money_behind", payments_only):
        yield


Control = Callable[[], Any]
# Each with the story in which it matters.
CONTROLS: dict[Control, Story] = {
    fresh_key_for_each_retry: UNHEARD,
    row_deleted_when_no_answer_comes: UNHEARD,
    no_answer_taken_for_a_failure: UNHEARD,
    success_applied_twice: GIVEN_BACK,
    late_success_ignored: VOIDED,
    refund_without_reserve: GIVEN_BACK,
    missed_notices_not_asked_for: AT_THE_DESK,
    disputes_of_unheard_money_dropped: TAKEN_EARLY,
    disputes_of_unmatched_money_dropped: UNASKED_TAKEN_EARLY,
}
