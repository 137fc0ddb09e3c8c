"""What takes several steps: an action commits, a provider is asked, another action applies.

Nothing here holds a transaction while it waits for a provider, and every step is safe to repeat:
the payment's public id is the provider's idempotency key, and what was not heard is looked up.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from invoicing import clock, idempotency
from invoicing.failpoints import failpoint
from invoicing.models import Invoice, Merchant
from payments.actions import charges, deposits, disputes, methods, pay, refunds
from payments.charging import chargeable
from payments.inputs import ChargeInput, DepositRefundInput, MarkPaidInput, RefundInput
from payments.methods import KEEPERS
from payments.models import (
    UNFINISHED,
    Deposit,
    Dispute,
    DisputeSubmission,
    MethodSetup,
    Payment,
    PaymentMethod,
    ProviderCustomer,
    Refund,
)
from payments.rails import PROVIDERS, RAILS
from payments.rails.rail import (
    NoAnswer,
    Outcome,
    Rail,
    RailError,
    RefundOutcome,
    State,
)

# Pages close after 23 hours, keys are forgotten after 24: what is older is looked up first.
FRESH_FOR: Final = timedelta(hours=22)


def start(invoice_pk: int, rail: str, amount: int | None = None) -> Payment:
    """Begin paying and learn where the payer goes. Raises RailError if the provider refuses.

    Older attempts that still wait for their payer are closed, so only one page can be paid.
    """
    payment = pay.begin_payment(invoice_pk, rail, amount)
    failpoint("start:after_begin")
    if _is_stale(payment.asked_at) and check(payment.pk).status != "pending":
        payment = pay.begin_payment(invoice_pk, rail, amount)
    if not payment.url:
        if payment.keeps_method:
            enroll(
                ProviderCustomer.objects.get(
                    customer__invoices=invoice_pk, provider=KEEPERS[payment.rail]
                )
            )
        instructions = RAILS[rail].start(payment)
        failpoint("start:after_provider")
        payment = pay.record_instructions(payment.pk, instructions)
    # Of two that begin at the same moment the later one stays open.
    waiting = Payment.objects.filter(invoice_id=invoice_pk, status="pending", pk__lt=payment.pk)
    for older in waiting.only("pk"):
        cancel(older.pk)
    return payment


def charge(merchant: Merchant, wanted: ChargeInput) -> tuple[Invoice, Payment | None]:
    """Make an invoice and charge it to a saved method at once; no payment where credit paid it.

    What the provider does not answer is unknown, and the janitor finds it out.
    """
    payment: Payment | None
    begun = idempotency.noted()
    if begun:
        invoice = merchant.invoices.get(public_id=begun)
        payment = invoice.payments.filter(saved_method__isnull=False, url="").first()
    else:
        invoice, payment = charges.begin_charge(merchant, wanted)
    return invoice, carry_out(payment.pk) if payment else None


def charge_invoice(merchant: Merchant, reference: str, method_id: str = "") -> Payment:
    """Charge an open invoice to a saved method of its customer."""
    begun = idempotency.noted()
    if begun:
        payment = merchant.payments.get(public_id=begun)
    else:
        wanted = merchant.invoices.referred_to(reference).select_related("customer").first()
        chargeable(wanted, reference, method_id)
        # A page that is still open could be paid as well; one that was paid is found out by this.
        open_pages = merchant.payments.filter(
            invoice__in=merchant.invoices.referred_to(reference), status="pending"
        )
        for waiting in open_pages.only("pk"):
            cancel(waiting.pk)
        payment = charges.begin_charge_of(merchant, reference, method_id)
    return carry_out(payment.pk)


def mark_paid(merchant: Merchant, reference: str, wanted: MarkPaidInput) -> Payment:
    """Declare money received elsewhere; a transaction that is named is verified on its chain."""
    if not wanted.tx_hash:
        return pay.mark_paid(merchant, reference, wanted)
    from payments import proofs  # which brings in what reads chains: few processes need it

    return proofs.mark_paid_by_transfer(merchant, reference, wanted)


def carry_out(payment_pk: int) -> Payment:
    """Ask the provider to charge what a committed attempt says. Never done twice under its key."""
    failpoint("charge:after_begin")
    payment = _payment(payment_pk)
    if payment.status not in UNFINISHED:
        return payment
    if _is_stale(payment.asked_at):
        return check(payment.pk)
    try:
        outcome = RAILS[payment.rail].charge(payment)
    except RailError as error:
        if not error.permanent:
            # Not heard, or told to come back: the janitor asks what became of it.
            return payment
        outcome = _refused(error)
    failpoint("charge:after_provider")
    return pay.apply_outcome(payment.pk, outcome)


def check(payment_pk: int) -> Payment:
    """Ask the provider what became of a payment, and apply the answer if there is one."""
    try:
        return look_at_payment(payment_pk)
    except RailError:
        return _payment(payment_pk)


def look_at_payment(payment_pk: int) -> Payment:
    """Ask the provider what became of a payment, and apply the answer. Raises NoAnswer."""
    payment = _payment(payment_pk)
    outcome = RAILS[payment.rail].look(payment)
    failpoint("check:after_look")
    return pay.apply_outcome(payment.pk, outcome)


def cancel(payment_pk: int) -> Payment:
    """Close an attempt at the provider; if money got through first, that is what counts."""
    payment = _payment(payment_pk)
    try:
        outcome = RAILS[payment.rail].cancel(payment)
    except RailError:
        return payment
    return pay.apply_outcome(payment.pk, outcome)


def refund(merchant: Merchant, reference: str, wanted: RefundInput) -> list[Refund]:
    """Promise money back for an invoice, and ask its providers to send it."""
    rows = _begun_refunds(merchant) or refunds.refund_invoice(merchant, reference, wanted)
    return [send_back(row.pk) for row in rows]


def refund_overpayment(merchant: Merchant, payment_id: str, wanted: RefundInput) -> Refund:
    """Promise an overpayment's surplus back, and ask its provider to send it."""
    begun = _begun_refunds(merchant)
    row = begun[0] if begun else refunds.refund_overpayment(merchant, payment_id, wanted)
    return send_back(row.pk)


def refund_deposit(
    merchant: Merchant, deposit_id: str, wanted: DepositRefundInput | None = None
) -> Refund:
    """Promise unmatched money back, and ask its provider to send it."""
    begun = _begun_refunds(merchant)
    row = begun[0] if begun else refunds.refund_deposit(merchant, deposit_id, wanted)
    return send_back(row.pk)


def _begun_refunds(merchant: Merchant) -> list[Refund]:
    """What an earlier run of the same request had promised before it died."""
    begun = idempotency.noted()
    return list(merchant.refunds.filter(public_id__in=begun.split(","))) if begun else []


def send_back(refund_pk: int) -> Refund:
    """Ask the provider to send back what a committed refund says. Never done twice."""
    failpoint("refund:after_begin")
    row = _refund(refund_pk)
    if row.status not in {"pending", "unknown"} or row.provider_reference:
        return row
    rail = _rail_of(row)
    try:
        outcome = rail.look_at_refund(row) if _is_stale(row.asked_at) else rail.refund(row)
    except NoAnswer:
        outcome = RefundOutcome(State.UNKNOWN)
    except RailError as error:
        if not error.permanent:
            return row
        outcome = RefundOutcome(State.FAILED, failure_code=error.code, failure_message=str(error))
    failpoint("refund:after_provider")
    return refunds.apply_refund_outcome(row.pk, outcome)


def look_at_refund(refund_pk: int) -> Refund:
    """Ask the provider what became of a refund, and apply the answer. Raises NoAnswer.

    A refund that the provider has never heard of is asked for then.
    """
    row = _refund(refund_pk)
    try:
        outcome = _rail_of(row).look_at_refund(row)
    except RailError as error:
        if not error.permanent:
            raise
        outcome = RefundOutcome(State.FAILED, failure_code=error.code, failure_message=str(error))
    failpoint("check_refund:after_look")
    return refunds.apply_refund_outcome(row.pk, outcome)


def save_method(
    merchant: Merchant, customer_id: str, rail: str, return_path: str = ""
) -> MethodSetup:
    """Open a page on which a customer leaves a card or bank account for next time."""
    begun = idempotency.noted()
    if begun:
        setup = MethodSetup.objects.get(merchant=merchant, public_id=begun)
        known = ProviderCustomer.objects.get(customer=setup.customer, provider=KEEPERS[setup.rail])
    else:
        setup, known = methods.begin_setup(merchant, customer_id, rail, return_path)
    known = enroll(known)
    failpoint("save_method:after_enroll")
    instructions = RAILS[setup.rail].save(setup, known)
    failpoint("save_method:after_provider")
    return methods.record_setup_page(setup.pk, instructions)


def enroll(known: ProviderCustomer) -> ProviderCustomer:
    """Make a customer known to the provider, unless they are."""
    if known.reference:
        return known
    rail = PROVIDERS[known.provider]
    return methods.record_enrolled(known.pk, rail.enroll(known))


def look_at_setup(setup_pk: int) -> MethodSetup:
    """Ask the provider what became of a visit to save a method. Raises NoAnswer."""
    setup = MethodSetup.objects.select_related("merchant").get(pk=setup_pk)
    state, found = RAILS[setup.rail].look_at_setup(setup)
    return methods.apply_setup(setup.pk, state, found)


def check_method(method_pk: int) -> PaymentMethod:
    """Ask the provider how a saved method stands, and apply the answer."""
    method = PaymentMethod.objects.select_related("merchant").get(pk=method_pk)
    return methods.apply_method(method.pk, RAILS[method.rail].look_at_method(method))


def remove_method(merchant: Merchant, customer_id: str, method_id: str) -> PaymentMethod:
    """Charge a saved method no more, and tell the provider to forget it."""
    method = methods.remove_method(merchant, customer_id, method_id)
    # It is not charged any more, whether or not the provider hears of it.
    with suppress(RailError):
        RAILS[method.rail].detach(method)
    return method


def check_dispute(reference: str, provider: str, livemode: bool) -> Dispute | None:
    """Ask the provider how a dispute stands, and apply the answer; None if it is not about us."""
    outcome = PROVIDERS[provider].look_at_dispute(reference, livemode)
    known = Dispute.objects.filter(provider_reference=reference).first()
    # What is held back of unmatched money is its own, also when the rest of it was matched since.
    came = known.came if known else money_behind(provider, outcome.money_reference, livemode)
    failpoint("check_dispute:after_look")
    if isinstance(came, Deposit):
        dispute = disputes.apply_deposit_dispute(came.pk, outcome)
        if dispute is not None:
            return dispute
        came = Payment.objects.get(matched_deposit=came)
    return disputes.apply_dispute(came.pk, outcome) if came else None


def look_at_dispute(dispute_pk: int) -> Dispute | None:
    """Ask again how an open dispute stands."""
    row = Dispute.objects.select_related("merchant", "payment", "deposit").get(pk=dispute_pk)
    provider = RAILS[row.came.rail].provider
    return check_dispute(row.provider_reference, provider, row.merchant.livemode)


def answer_dispute(merchant: Merchant, dispute_id: str, *, concede: bool = False) -> Dispute:
    """Hand the evidence in, or concede. What is not heard is handed in again under its key."""
    begun = idempotency.noted()
    submission = DisputeSubmission.objects.filter(
        dispute__merchant=merchant, public_id=begun
    ).first()
    if submission is None or submission.status == "failed":
        submission = disputes.begin_submission(merchant, dispute_id, concede=concede)
    return hand_in(submission.pk)


def hand_in(submission_pk: int) -> Dispute:
    """Ask the provider to take the answer that a committed row holds."""
    failpoint("hand_in:after_begin")
    submission = DisputeSubmission.objects.select_related(
        "dispute__merchant", "dispute__payment", "dispute__deposit"
    ).get(pk=submission_pk)
    dispute = submission.dispute
    if submission.status != "pending":
        return dispute
    try:
        RAILS[dispute.came.rail].answer(submission)
    except RailError as error:
        if error.permanent:
            disputes.record_submission(submission.pk, refused=str(error))
        return dispute
    failpoint("hand_in:after_provider")
    disputes.record_submission(submission.pk)
    # What is answered again under a key is as old as the first answer: it is asked how it stands.
    with suppress(NoAnswer):
        return look_at_dispute(dispute.pk) or dispute
    return dispute


def money_behind(provider: str, money_reference: str, livemode: bool) -> Payment | Deposit | None:
    """The payment or the deposit that is this money, by whatever name it is known.

    What a bank or the desk takes back may be told before we have heard that it came: then that is
    looked up first. None for money that never was for us; raises NoAnswer while nobody can tell.
    """
    if not money_reference:
        return None
    rows = Payment.objects.filter(merchant__livemode=livemode)
    payment = rows.filter(money_reference=money_reference).first()
    if payment is not None and payment.received:
        return payment
    deposit = deposit_behind(provider, money_reference, livemode)
    if deposit is not None:
        return deposit
    if payment is None:
        found = PROVIDERS[provider].find_payment(money_reference, livemode)
        payment = rows.filter(public_id=found.payment_id).first() if found.payment_id else None
        if payment is None:
            return adopt_unknown(found, livemode)
    payment = check(payment.pk)
    deposit = deposit_behind(provider, money_reference, livemode)
    if deposit is None and not payment.received:
        raise NoAnswer(f"It is not known yet whether the money of {payment} has come.")
    return deposit or payment


def adopt_unknown(found: Outcome, livemode: bool) -> Deposit | None:
    """Keep money that was taken in our name for a payment nobody here remembers.

    None for others' money, who use the same account; raises NoAnswer for what has not come.
    """
    merchant = Merchant.objects.filter(public_id=found.merchant_id, livemode=livemode).first()
    if merchant is None:
        return None
    if found.state != State.SUCCEEDED:
        raise NoAnswer(f"It is not known yet whether {found.money_reference} has come.")
    rail = "ach" if found.method.get("type") == "ach" else "card"
    return deposits.record_unknown(merchant, rail, found)


def deposit_behind(provider: str, money_reference: str, livemode: bool) -> Deposit | None:
    """The unmatched money that goes by this name at its provider."""
    rows = Deposit.objects.filter(
        provider_reference=money_reference, merchant__livemode=livemode, rail__in=RAILS
    )
    found = rows.first() if money_reference else None
    return found if found and RAILS[found.rail].provider == provider else None


def _refused(error: RailError) -> Outcome:
    """The request itself was refused: the same would be refused again."""
    return Outcome(
        State.FAILED, failure_code=error.code, failure_message=str(error), advice=error.advice
    )


def _is_stale(asked_at: datetime | None) -> bool:
    return asked_at is not None and clock.wall() - asked_at > FRESH_FOR


def _payment(pk: int) -> Payment:
    rows = Payment.objects.select_related("merchant", "invoice__customer", "saved_method")
    return rows.get(pk=pk)


def _refund(pk: int) -> Refund:
    rows = Refund.objects.select_related("merchant", "payment", "deposit")
    return rows.get(pk=pk)


def _rail_of(row: Refund) -> Rail:
    return RAILS[row.came.rail]
