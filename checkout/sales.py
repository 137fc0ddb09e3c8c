"""Selling on checkout pages: how a payer begins, and what was sold."""

from datetime import timedelta
from typing import Final

from checkout.inputs import PayerInput
from checkout.models import CheckoutPage
from invoicing import clock, money
from invoicing.actions.invoices import issue_invoice
from invoicing.errors import InvalidState
from invoicing.inputs import InvoiceInput, LineItemInput, RecipientInput
from invoicing.models import Invoice, Merchant
from invoicing.models.invoice import InvoiceQuerySet, Status

# Whoever goes away without paying is not asked again: the address may be a stranger's.
WINDOW: Final = timedelta(hours=24)


def begin(page: CheckoutPage, payer: PayerInput) -> Invoice:
    """Issue the invoice that a payer on a checkout page is to pay, within a day.

    Raises InvalidState where nobody can begin now, or there is no fixed amount.
    """
    if page.archived_at or not page.active or page.amount is None:
        raise InvalidState("Nobody can begin to pay on this checkout page now.")
    ends = clock.now(page.merchant) + WINDOW
    line = LineItemInput(
        description=page.item_description or page.title,
        unit_price=money.to_decimal(page.amount, page.currency),
    )
    wanted = InvoiceInput(
        checkout_page_id=page.public_id,
        recipient=RecipientInput(name=payer.name, email=payer.email),
        currency=page.currency,
        line_items=[line],
        due_at=ends,
        expires_at=ends,
    )
    return issue_invoice(page.merchant, wanted)


def sales_of(merchant: Merchant, checkout_page_id: str = "") -> InvoiceQuerySet:
    """A merchant's sales, or those of one page, with all that showing them takes."""
    rows = merchant.invoices.filter(status=Status.PAID, checkout_page__isnull=False)
    if checkout_page_id:
        rows = rows.filter(checkout_page__public_id=checkout_page_id)
    return rows.select_related("checkout_page").prefetch_related("payments")
