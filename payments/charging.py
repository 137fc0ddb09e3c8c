"""Whether something can be charged to a saved method; nothing here writes."""

from invoicing import money
from invoicing.errors import InvalidState, NotFound
from invoicing.models import Customer, Invoice
from payments.methods import default_of
from payments.models import PaymentMethod
from payments.rails.stripe import amounts


def chargeable(
    invoice: Invoice | None, reference: str, method_id: str
) -> tuple[Invoice, PaymentMethod]:
    """An invoice that can be charged now, and the saved method that it is charged to.

    Raises NotFound, or InvalidState saying why it cannot be.
    """
    if invoice is None:
        raise NotFound(f"There is no invoice {reference}.")
    if invoice.status != "open":
        raise InvalidState(
            f"This invoice is {invoice.status}, so it cannot be charged.",
            details={"status": invoice.status},
        )
    if invoice.customer is None:
        raise InvalidState("This invoice names no customer, so there is no saved method.")
    method = method_of(invoice.customer, method_id)
    if problem := outside(invoice.amount_due, invoice.currency, method):
        due = money.to_text(invoice.amount_due, invoice.currency)
        raise InvalidState(
            f"{due} {invoice.currency} is due, and what is charged {problem}.",
            details={"status": invoice.status},
        )
    return invoice, method


def outside(amount: int, currency: str, method: PaymentMethod) -> str:
    """What is wrong with charging this much to this method, as far as it is known beforehand."""
    least, most = amounts.least(method.rail, currency), amounts.most(currency)
    named = {"ach": "a bank account"}.get(method.rail, "a card")
    if least is not None and amount < least:
        return f"must be at least {money.to_text(least, currency)} {currency} for {named}"
    if amount > most:
        return f"must be at most {money.to_text(most, currency)} {currency} for {named}"
    return ""


def method_of(customer: Customer, method_id: str) -> PaymentMethod:
    """A customer's saved method by its id, or their default. Raises NotFound, InvalidState."""
    if method_id:
        method = customer.payment_methods.filter(public_id=method_id).first()
        if method is None:
            raise NotFound(
                f"This customer has no payment method {method_id}.",
                details={"field": "payment_method_id"},
            )
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
