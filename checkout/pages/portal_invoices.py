"""The portal's first page: what is due, what was paid, and every document of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from checkout import bundles, portal
from checkout.pages.portal import (
    PortalRequest,
    at_merchant,
    door,
    has_come_in,
    in_their_name,
    page,
)
from invoicing import clock
from invoicing.dashboard.lists import page_of
from invoicing.models import CreditNote, Invoice
from invoicing.models.invoice import Status

OPEN_SHOWN: Final = 50
PAGE_SIZE: Final = 20
STATES: Final[dict[str, tuple[Any, tuple[Status, ...]]]] = {
    "open": (gettext_lazy("Open"), portal.ASKING),
    "paid": (gettext_lazy("Paid"), (Status.PAID,)),
    "closed": (
        gettext_lazy("Withdrawn or closed"),
        (Status.VOID, Status.EXPIRED, Status.UNCOLLECTIBLE),
    ),
}


@dataclass(frozen=True, slots=True)
class Row:
    """An invoice in a list, at this moment."""

    invoice: Invoice
    now: datetime

    @property
    def is_late(self) -> bool:
        return portal.is_late(self.invoice, self.now)

    @property
    def can_be_chosen(self) -> bool:
        """Whether it can be paid together with others now."""
        ends = self.invoice.expires_at
        return self.invoice.status == Status.OPEN and (ends is None or ends > self.now)


@require_safe
@at_merchant
def home(request: PortalRequest) -> HttpResponse:
    """The payer's invoices; whoever has not come in yet is asked for an address."""
    if not has_come_in(request):
        return door(request)
    return in_their_name(_invoices)(request)


def _invoices(request: PortalRequest) -> HttpResponse:
    payer, now = request.payer, clock.now(request.merchant)
    state = request.GET.get("state", "")
    search = request.GET.get("q", "").strip()[:100].replace("\x00", "")
    first = not state and not search and not request.GET.keys() & {"before", "after"}
    rows, asking = payer.invoices, []
    if first:
        # What asks for money comes first, whatever its age.
        by_date = _whole(rows.filter(status__in=portal.ASKING)).order_by("due_at", "pk")
        asking = list(by_date[:OPEN_SHOWN])
        rows = rows.exclude(pk__in=[row.pk for row in asking])
    elif state in STATES:
        rows = rows.filter(status__in=STATES[state][1])
    if search:
        rows = rows.filter(Q(number__icontains=search) | Q(title__icontains=search))
    found = page_of(request, _whole(rows), PAGE_SIZE)
    shown = [Row(row, now) for row in asking]
    context: dict[str, Any] = {
        "due": payer.due,
        "credit": list(payer.credit),
        "asking": shown,
        "choosable": sum(row.can_be_chosen for row in shown),
        "others": [Row(row, now) for row in found.rows],
        "found": found,
        "first": first,
        "states": [(key, label) for key, (label, _statuses) in STATES.items()],
        "state": state,
        "search": search,
        "going_on": bundles.going_on(request.merchant, payer.email),
    }
    return page(request, "invoices.html", context, section="invoices")


def _whole(rows: QuerySet[Invoice]) -> QuerySet[Invoice]:
    notes = CreditNote.objects.only("number", "number_value", "invoice_id").order_by("pk")
    return rows.prefetch_related(Prefetch("credit_notes", notes))
