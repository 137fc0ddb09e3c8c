"""What was sold: the paid invoices of checkout pages."""

from invoicing.models import Merchant
from invoicing.models.invoice import InvoiceQuerySet, Status


def sales_of(merchant: Merchant, checkout_page_id: str = "") -> InvoiceQuerySet:
    """A merchant's sales, or those of one page, with all that showing them takes."""
    rows = merchant.invoices.filter(status=Status.PAID, checkout_page__isnull=False)
    if checkout_page_id:
        rows = rows.filter(checkout_page__public_id=checkout_page_id)
    return rows.select_related("checkout_page").prefetch_related("payments")
