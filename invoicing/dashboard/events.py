"""The event feed: all that has happened, exactly as it is told to webhooks."""

import json

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from invoicing import event_types
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.history import title_of, who_did
from invoicing.dashboard.lists import page_of
from invoicing.dashboard.objects import address_of_object
from invoicing.errors import NotFound


@require_safe
@merchant_page("events:read")
def index(request: MerchantRequest) -> HttpResponse:
    """Every event, newest first, by type."""
    rows = request.merchant.events.defer("body")
    wanted = request.GET.get("type", "")
    if wanted:
        rows = rows.filter(type=wanted)
    about = request.GET.get("object", "")
    if about:
        rows = rows.filter(object_id=about)
    found = page_of(request, rows)
    told = [(row, title_of(row.type), who_did(row), address_of_object(row)) for row in found.rows]
    context = {
        "found": found,
        "told": told,
        "types": sorted(event_types.TYPES),
        "wanted": wanted,
        "about": about,
    }
    return page(request, "events/list.html", "events", context)


@require_safe
@merchant_page("events:read")
def show(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One event with its JSON, and whom it was delivered to."""
    event = request.merchant.events.filter(public_id=public_id).first()
    if event is None:
        raise NotFound(_("There is no such event."))
    context = {
        "event": event,
        "object_address": address_of_object(event),
        "title": title_of(event.type),
        "who": who_did(event),
        "body": json.dumps(json.loads(event.body), indent=2, ensure_ascii=False),
        "deliveries": event.deliveries.select_related("endpoint").order_by("pk")[:50],
    }
    return page(request, "events/detail.html", "events", context)
