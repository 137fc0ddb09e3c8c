"""The verbs of charging a saved method while the payer is away."""

from typing import Any

from invoicing import clock, drafts, events, idempotency, issuing
from invoicing.actions.action import action
from invoicing.errors import Conflict, InvalidState, NotFound
from invoicing.inputs import InvoiceInput, read
from invoicing.models import Customer, Invoice, LineItem, Merchant
from payments.actions.pay import LOOK_AGAIN, MAX_ATTEMPTS
from payments.inputs import ChargeInput, in_minor_units
from payments.methods import default_of
from payments.models import Payment, PaymentMethod
from payments.wallets import receiving_wallet


@action
def begin_charge(merchant: Merchant, wanted: ChargeInput) -> tuple[Invoice, Payment | None]:
    """An invoice for one amount, issued, and the attempt to charge it to a saved method.

    No attempt where the customer's credit has paid for all of it. Raises NotFound for an unknown
    customer or method, InvalidState for a customer without a method that can be charged,
    ValidationFailed for an amount finer than the currency.
    """
    customer = merchant.customers.filter(public_id=wanted.customer_id, archived_at=None).first()
    if customer is None:
        raise NotFound(f"There is no customer {wanted.customer_id}.")
    method = _method(customer, wanted.payment_method_id)
    currency = wanted.currency or customer.currency or merchant.currency
    in_minor_units(wanted.amount, currency)  # a charge is never of a rounded amount
    asked: dict[str, Any] = {
        "customer_id": customer.public_id,
        "currency": currency,
        "line_items": [
            {"description": wanted.description, "quantity": "1", "unit_price": str(wanted.amount)}
        ],
    }
    invoice, lines = drafts.draft(merchant, read(InvoiceInput, asked))
    invoice.save(force_insert=True)
    LineItem.objects.bulk_create(lines)
    invoice.begin_with(lines)
    issuing.issue(invoice)
    idempotency.note(invoice.public_id)
    return invoice, _attempt(invoice, method) if invoice.status == "open" else None


@action
def begin_charge_of(merchant: Merchant, reference: str, method_id: str = "") -> Payment:
    """The attempt to charge an open invoice to its customer's saved method.

    Raises InvalidState for an invoice that cannot be paid now or a method that cannot be charged.
    """
    invoice = merchant.invoices.referred_to(reference).locked().first()
    if invoice is None:
        raise NotFound(f"There is no invoice {reference}.")
    if invoice.status != "open":
        raise InvalidState(
            f"This invoice is {invoice.status}, so it cannot be charged.",
            details={"status": invoice.status},
        )
    if invoice.customer is None:
        raise InvalidState("This invoice names no customer, so there is no saved method.")
    if invoice.payments.count() >= MAX_ATTEMPTS:
        raise Conflict("There were too many attempts to pay this invoice.")
    payment = _attempt(invoice, _method(invoice.customer, method_id))
    idempotency.note(payment.public_id)
    return payment


def _attempt(invoice: Invoice, method: PaymentMethod) -> Payment:
    """The row that is committed before the provider is asked. The invoice waits for the answer."""
    at = clock.now(invoice.merchant)
    payment = Payment(
        merchant=invoice.merchant,
        invoice=invoice,
        wallet=receiving_wallet(invoice),
        rail=method.rail,
        saved_method=method,
        currency=invoice.currency,
        amount=invoice.amount_due,
        method={"type": method.rail, **method.details},
        created_at=at,
        updated_at=at,
        asked_at=clock.wall(),
        next_look_at=at + LOOK_AGAIN[1],
    )
    payment.lose_sight()
    payment.save(force_insert=True)
    invoice.start_paying()
    invoice.updated_at = at
    invoice.save()
    events.record("invoice.payment_started", invoice)
    return payment


def _method(customer: Customer, method_id: str) -> PaymentMethod:
    if method_id:
        method = customer.payment_methods.filter(public_id=method_id).first()
        if method is None:
            raise NotFound(f"This customer has no payment method {method_id}.")
    else:
        method = default_of(customer)
        saved = customer.payment_methods.filter(status=PaymentMethod.Status.ACTIVE)
        if method is None and saved.exists():
            raise InvalidState(
                "None of this customer's saved methods is the default: name one as "
                '"payment_method_id", or make one the default.'
            )
        if method is None:
            raise InvalidState(
                "This customer has no saved card or bank account; ask them to save one first."
            )
    if method.status != PaymentMethod.Status.ACTIVE:
        raise InvalidState(
            f"This payment method is {method.get_status_display().lower()}, so it cannot be "
            "charged.",
            details={"status": method.status},
        )
    return method
