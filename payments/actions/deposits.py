"""The verbs of unmatched money: keep it apart, match it to an invoice, keep it as credit."""

from invoicing import clock
from invoicing.actions.action import action
from invoicing.errors import InvalidState, NotFound, ValidationFailed
from invoicing.models import Merchant
from payments import quoting, setting_aside, settling
from payments.inputs import DepositMatch
from payments.models import Deposit, Payment
from payments.rails.rail import Outcome, State
from payments.setting_aside import MATCHABLE, set_aside_unknown
from payments.wallets import receiving_wallet


@action
def record_unknown(merchant: Merchant, rail: str, outcome: Outcome) -> Deposit:
    """Keep money that was taken in our name for a payment nobody here remembers."""
    return set_aside_unknown(merchant, rail, outcome)


@action
def match_deposit(merchant: Merchant, deposit_id: str, wanted: DepositMatch) -> Deposit:
    """Let unmatched money pay an invoice of the same currency; too much becomes credit.

    USDC pays an invoice of any currency that has a rate. Locks the invoice, the deposit, then its
    disputes. Raises NotFound, ValidationFailed, and InvalidState for money that was matched before.
    """
    invoice = merchant.invoices.referred_to(wanted.invoice_id).locked().first()
    deposit = _locked(merchant, deposit_id)
    if invoice is None:
        raise NotFound(f"There is no invoice {wanted.invoice_id}.")
    amount = quoting.worth_in(deposit.left, deposit.currency, invoice.currency)
    if amount is None:
        raise ValidationFailed(
            [("invoice_id", f"must be an invoice in {deposit.currency}, as the money is")]
        )
    if not amount:
        raise ValidationFailed(
            [("invoice_id", f"must be in {deposit.currency}: this is too little of anything else")]
        )
    if invoice.status not in MATCHABLE:
        raise InvalidState(
            f"This invoice is {invoice.status}, so no money can be matched to it.",
            details={"status": invoice.status},
        )
    at = clock.now(merchant)
    payment = Payment(
        merchant=merchant,
        invoice=invoice,
        wallet=receiving_wallet(invoice),
        rail=deposit.rail,
        currency=invoice.currency,
        amount=amount,
        money_reference=deposit.provider_reference,
        note=wanted.note,
        created_at=at,
        updated_at=at,
    )
    payment.save(force_insert=True)
    deposit.matched_payment = payment
    deposit.amount_used = deposit.left
    # A question that has taken nothing goes with the money, to be asked of its payment.
    for dispute in deposit.disputes.filter(withdrawn=0).select_for_update().order_by("pk"):
        dispute.deposit, dispute.payment, dispute.invoice = None, payment, invoice
        dispute.save()
    setting_aside.resolve(deposit, Deposit.Status.MATCHED)
    settling.succeed(
        invoice,
        payment,
        Outcome(State.SUCCEEDED, payment.amount, payment.currency, provider_fee=0),
        from_deposit=deposit,
    )
    return deposit


@action
def credit_deposit(merchant: Merchant, deposit_id: str, customer_id: str) -> Deposit:
    """Keep unmatched money as a customer's credit for later invoices."""
    deposit = _locked(merchant, deposit_id)
    customer = merchant.customers.filter(public_id=customer_id).first()
    if customer is None:
        raise NotFound(f"There is no customer {customer_id}.")
    setting_aside.keep_as_credit(deposit, customer)
    return deposit


def _locked(merchant: Merchant, deposit_id: str) -> Deposit:
    deposit = (
        Deposit.objects.select_related("merchant", "payment")
        .select_for_update(of=("self",))
        .filter(merchant=merchant, public_id=deposit_id)
        .first()
    )
    if deposit is None:
        raise NotFound(f"There is no deposit {deposit_id}.")
    if deposit.status != Deposit.Status.UNMATCHED:
        raise InvalidState(
            f"This money has been {deposit.status} already.", details={"status": deposit.status}
        )
    if deposit.amount_used:
        raise InvalidState(
            "Part of this money has been used already, so the rest can only be given back.",
            details={"status": deposit.status},
        )
    return deposit
