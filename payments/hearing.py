"""What a notice leads to: whatever it is about is looked up, and what is found is applied."""

import logging
from collections.abc import Callable
from typing import Final

from invoicing import clock
from invoicing.failpoints import failpoint
from invoicing.models import Merchant
from payments import flows
from payments.actions import deposits, notices, payouts, refunds
from payments.models import MethodSetup, Notice, Payment, PaymentMethod, Refund
from payments.rails import PROVIDERS, RAILS
from payments.rails.rail import About, RailError, State, Word

_log = logging.getLogger(__name__)

SANDBOX_NOTICES_AT_ONCE: Final = 200


def apply_notice(notice: Notice) -> None:
    """Do what a kept notice leads to; one that cannot be applied is tried again later."""
    try:
        word = PROVIDERS[notice.rail].read(notice.body.encode(), notice.headers)
        hear(notice.rail, word)
    except RailError as error:
        notices.record_trouble(notice.pk, str(error), permanent=error.permanent)
        return
    except Exception as error:  # whatever it is, the notices behind this one must not wait
        _log.exception("a notice could not be applied", extra={"notice": str(notice)})
        notices.record_trouble(notice.pk, repr(error), permanent=False)
        return
    failpoint("apply_notices:before_done")
    notices.record_applied(notice.pk)


def hear_sandbox() -> None:
    """Apply what the sandbox has just said, for a clock that is about to go on.

    Whether a worker has claimed it does not matter: it may have died, and to be applied twice
    harms no notice.
    """
    waiting = Notice.objects.filter(
        rail="sandbox", applied_at=None, next_attempt_at__lte=clock.wall()
    )
    for notice in list(waiting.order_by("next_attempt_at", "id")[:SANDBOX_NOTICES_AT_ONCE]):
        apply_notice(notice)


def hear(provider: str, word: Word) -> None:
    """Look up whatever a notice is about, and apply what is found."""
    HEARD_OF[word.about](provider, word)


def _hear_of_payment(provider: str, word: Word) -> None:
    rows = Payment.objects.all()
    payment = rows.filter(public_id=word.id).first() if word.id else None
    if payment is None and word.money_reference:
        payment = rows.filter(money_reference=word.money_reference).first()
    if payment is not None:
        if RAILS[payment.rail].provider == provider:
            flows.look_at_payment(payment.pk)
    elif word.merchant_id and _is_about_money(provider, word):
        merchant = Merchant.objects.filter(public_id=word.merchant_id).first()
        if merchant is not None and merchant.livemode == word.livemode:
            outcome = PROVIDERS[provider].find_payment(word.money_reference, word.livemode)
            if outcome.state == State.SUCCEEDED:
                rail = "ach" if outcome.method.get("type") == "ach" else "card"
                deposits.record_unknown(merchant, rail, outcome)


def _is_about_money(provider: str, word: Word) -> bool:
    """Whether money has come, or came before and this may say what it cost."""
    return word.kind == "payment_intent.succeeded" or bool(
        flows.deposit_behind(provider, word.money_reference, word.livemode)
    )


def _hear_of_refund(provider: str, word: Word) -> None:
    rows = Refund.objects.all()
    row = rows.filter(public_id=word.id).first() if word.id else None
    row = row or rows.filter(provider_reference=word.reference).first()
    if row is not None:
        flows.look_at_refund(row.pk)
        return
    payment = flows.payment_behind(provider, word.money_reference, word.livemode)
    deposit = flows.deposit_behind(provider, word.money_reference, word.livemode)
    if payment is not None:
        found = PROVIDERS[provider].find_refund(word.reference, word.livemode)
        refunds.adopt_refund(payment.pk, found)
    elif deposit is not None:
        found = PROVIDERS[provider].find_refund(word.reference, word.livemode)
        refunds.adopt_deposit_refund(deposit.pk, found)


def _hear_of_dispute(provider: str, word: Word) -> None:
    flows.check_dispute(word.reference, provider, word.livemode)


def _hear_of_setup(provider: str, word: Word) -> None:
    setup = MethodSetup.objects.filter(public_id=word.id).first()
    if setup is not None:
        flows.look_at_setup(setup.pk)


def _hear_of_method(provider: str, word: Word) -> None:
    for method in PaymentMethod.objects.filter(provider_reference=word.reference):
        flows.check_method(method.pk)


def _hear_of_payout(provider: str, word: Word) -> None:
    outcome = PROVIDERS[provider].look_at_payout(word.reference, word.livemode)
    payouts.apply_payout(provider, outcome, livemode=word.livemode)


def _hear_of_nothing(provider: str, word: Word) -> None:
    """Understood, and of no interest."""


HEARD_OF: dict[About, Callable[[str, Word], None]] = {
    About.PAYMENT: _hear_of_payment,
    About.REFUND: _hear_of_refund,
    About.DISPUTE: _hear_of_dispute,
    About.SETUP: _hear_of_setup,
    About.METHOD: _hear_of_method,
    About.PAYOUT: _hear_of_payout,
    About.NOTHING: _hear_of_nothing,
}
