"""What a notice leads to: whatever it is about is looked up, and what is found is applied."""

from collections.abc import Callable

from payments import flows
from payments.actions import payouts, refunds
from payments.models import Deposit, MethodSetup, Payment, PaymentMethod, Refund
from payments.rails import PROVIDERS, RAILS
from payments.rails.rail import About, Word


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
        found = PROVIDERS[provider].find_payment(word.money_reference, word.livemode)
        flows.adopt_unknown(found, word.livemode)


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
    came = flows.money_behind(provider, word.money_reference, word.livemode)
    if came is None:
        return
    found = PROVIDERS[provider].find_refund(word.reference, word.livemode)
    if isinstance(came, Deposit):
        refunds.adopt_deposit_refund(came.pk, found)
    else:
        refunds.adopt_refund(came.pk, found)


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
