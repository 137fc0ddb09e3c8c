"""The verbs of charging a saved method while the payer is away."""

from typing import Any

from invoicing import drafts, idempotency, issuing, money
from invoicing.actions.action import action
from invoicing.errors import Conflict, NotFound, ValidationFailed
from invoicing.inputs import InvoiceInput, read
from invoicing.intents import keep_to_measure
from invoicing.models import Invoice, Merchant
from payments.attempts import MAX_ATTEMPTS, attempt
from payments.charging import chargeable, method_of, outside
from payments.inputs import ChargeInput, in_minor_units
from payments.models import Payment


@action
def begin_charge(merchant: Merchant, wanted: ChargeInput) -> tuple[Invoice, Payment | None]:
    """An invoice for one amount, issued, and the attempt to charge it to a saved method.

    No attempt where the customer's credit has paid for all of it. Raises NotFound for an unknown
    customer or method, InvalidState for a customer without a method that can be charged,
    ValidationFailed for an amount finer than the currency, or that the method is not charged.
    """
    customer = merchant.customers.filter(public_id=wanted.customer_id, archived_at=None).first()
    if customer is None:
        raise NotFound(f"There is no customer {wanted.customer_id}.")
    method = method_of(customer, wanted.payment_method_id)
    wallet = merchant.wallets.filter(public_id=wanted.wallet_id).first()
    own = wallet.currency if wallet else customer.currency or merchant.currency
    currency = wanted.currency or own
    in_minor_units(wanted.amount, currency)  # a charge is never of a rounded amount
    asked: dict[str, Any] = {
        "customer_id": customer.public_id,
        "wallet_id": wanted.wallet_id,
        "currency": currency,
        "line_items": [
            {"description": wanted.description, "quantity": "1", "unit_price": str(wanted.amount)}
        ],
    }
    invoice, lines = drafts.draft(merchant, read(InvoiceInput, asked))
    drafts.keep(invoice, lines)
    issuing.issue(invoice)
    idempotency.note(invoice.public_id)
    if invoice.status != "open":
        return invoice, None
    if problem := outside(invoice.amount_due, currency, method):
        # The customer's credit was spent first, and may have left too little: all is undone.
        left = money.to_text(invoice.amount_due, currency)
        after = f", and credit leaves {left} of it" if invoice.amount_paid else ""
        raise ValidationFailed([("amount", problem + after)])
    return invoice, attempt(invoice, method)


@action
def begin_charge_of(merchant: Merchant, reference: str, method_id: str = "") -> Payment:
    """The attempt to charge an open invoice to its customer's saved method.

    Raises InvalidState for an invoice that cannot be paid now, a method that cannot be charged or
    an amount that is not charged to it.
    """
    found = merchant.invoices.referred_to(reference).locked().first()
    invoice, method = chargeable(found, reference, method_id)
    if invoice.payments.count() >= MAX_ATTEMPTS:
        raise Conflict("There were too many attempts to pay this invoice.")
    keep_to_measure("charge", invoice.currency, invoice.amount_due)
    payment = attempt(invoice, method)
    idempotency.note(payment.public_id)
    return payment
