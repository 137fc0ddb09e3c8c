"""What was sold on checkout pages."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import TruncDate

from invoicing.models import Merchant
from invoicing.models.invoice import InvoiceQuerySet, Status
from payments.models import Payment

# A table of totals has at most this many rows.
MOST_ROWS: Final = 400


def sales_of(merchant: Merchant, checkout_page_id: str = "") -> InvoiceQuerySet:
    """A merchant's sales, or those of one page, with all that showing them takes."""
    rows = _paid(merchant)
    if checkout_page_id:
        rows = rows.filter(checkout_page__public_id=checkout_page_id)
    return rows.select_related("checkout_page").prefetch_related("payments")


def totals_of_pages(merchant: Merchant, pages: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    """How much was sold on each of these pages, by the page's key, one row for each currency."""
    rows = _paid(merchant).filter(checkout_page__in=list(pages))
    found: dict[int, list[dict[str, Any]]] = {}
    for row in _summed(rows, "checkout_page", "currency"):
        found.setdefault(row["checkout_page"], []).append(row)
    return found


def totals(sales: InvoiceQuerySet) -> list[dict[str, Any]]:
    """How many sales and how much, for each currency."""
    return _summed(_bare(sales), "currency")


def totals_by_page(sales: InvoiceQuerySet) -> list[dict[str, Any]]:
    """The same for each page, those with the most sales first."""
    return _summed(_bare(sales), "checkout_page__public_id", "checkout_page__title", "currency")


def totals_by_rail(sales: InvoiceQuerySet) -> list[dict[str, Any]]:
    """The same for each way the last money came; None where nothing had to be paid."""
    last = Payment.objects.filter(invoice=OuterRef("pk"), status="succeeded").order_by("-pk")
    return _summed(
        _bare(sales).annotate(rail=Subquery(last.values("rail")[:1])), "rail", "currency"
    )


def totals_by_day(sales: InvoiceQuerySet, timezone: str) -> list[dict[str, Any]]:
    """The same for each day on which something was paid, the newest first."""
    day = TruncDate("paid_at", tzinfo=ZoneInfo(timezone))
    return _summed(_bare(sales).annotate(day=day), "day", "currency", newest_first=True)


def _summed(rows: QuerySet[Any], *names: str, newest_first: bool = False) -> list[dict[str, Any]]:
    sums = rows.order_by().values(*names)
    sums = sums.annotate(
        count=Count("pk"), paid=Sum("amount_paid"), refunded=Sum("amount_refunded")
    )
    order = ("-day", "currency") if newest_first else ("-count", *names)
    return list(sums.order_by(*order)[:MOST_ROWS])


def _bare(sales: InvoiceQuerySet) -> QuerySet[Any]:
    return sales.select_related(None).prefetch_related(None)


def _paid(merchant: Merchant) -> InvoiceQuerySet:
    return merchant.invoices.filter(status=Status.PAID, checkout_page__isnull=False)


def since(sales: InvoiceQuerySet, at: datetime) -> InvoiceQuerySet:
    """Those that were paid at or after this instant."""
    return sales.filter(paid_at__gte=at)
