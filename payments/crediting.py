"""A payer's credit: how much there is, and letting an invoice be paid with it.

Everything here happens in the caller's transaction, under the invoice's lock.
"""

from invoicing import clock
from invoicing.models import Invoice
from payments import ledger, settling
from payments.models import LedgerAccount, Payment
from payments.rails.rail import Outcome, State
from payments.wallets import receiving_wallet


def spend_credit(invoice: Invoice) -> Payment | None:
    """Pay an invoice with its customer's credit, as far as that reaches."""
    if invoice.customer is None or not invoice.amount_due:
        return None
    # Most customers have none: that is found out without opening an account or locking one.
    if not credit_balance(invoice):
        return None
    account = ledger.credit_account(invoice.merchant, invoice.customer, invoice.currency)
    amount = min(ledger.locked_balance(account), invoice.amount_due)
    if not amount:
        return None
    at = clock.now(invoice.merchant)
    payment = Payment(
        merchant=invoice.merchant,
        invoice=invoice,
        wallet=receiving_wallet(invoice),
        rail="credit",
        currency=invoice.currency,
        amount=amount,
        method={"type": "credit"},
        created_at=at,
        updated_at=at,
    )
    payment.save(force_insert=True)
    settling.succeed(
        invoice,
        payment,
        Outcome(State.SUCCEEDED, amount, invoice.currency, provider_fee=0, available_at=at),
    )
    return payment


def spend_at_once(invoice: Invoice) -> None:
    """What happens when an invoice is issued: the customer's credit is counted first."""
    if invoice.status == "open":
        spend_credit(invoice)


def credit_balance(invoice: Invoice) -> int:
    """The credit of an invoice's customer in its currency, in minor units."""
    rows = LedgerAccount.objects.filter(
        kind=LedgerAccount.Kind.CUSTOMER_CREDIT,
        customer=invoice.customer_id,
        asset=invoice.currency,
    )
    return rows.values_list("balance", flat=True).first() or 0
