"""The payer's saved cards and bank accounts: leave one, choose the default, remove one."""

from contextlib import suppress
from typing import Any, Final

from csp.decorators import csp_update
from django.conf import settings
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from checkout import portal
from checkout.pages.invoice import see_other
from checkout.pages.portal import PortalRequest, for_payer, page
from checkout.pages.portal_paying import named
from invoicing import clock
from invoicing.errors import BillhookError
from invoicing.models import Customer, Merchant
from payments import flows
from payments.actions import methods as actions
from payments.methods import keeping_rail
from payments.models import RUNNING, MethodSetup, PaymentMethod, RecurringCharge, RecurringStatus
from payments.offered import pages_of
from payments.rails.rail import RailError

# Whoever tries stolen cards would leave one after the other.
VISITS_A_DAY: Final = 10
LOOKED_AT: Final = 3


@require_safe
@for_payer
def index(request: PortalRequest) -> HttpResponse:
    """What can be charged, and leaving something new."""
    return _leading_on(request, _page(request))


@require_POST
@for_payer
def add(request: PortalRequest) -> HttpResponse:
    """Open the provider's page, on which a card or a bank account is left."""
    merchant, customer = request.merchant, _customer(request, request.POST.get("customer", ""))
    since = clock.now(merchant) - portal.SESSION_LIFE * 2
    if customer.method_setups.filter(created_at__gt=since).count() >= VISITS_A_DAY:
        return _sorry(request, _("That was tried too often today. Please try again tomorrow."), 429)
    rail = request.POST.get("rail", "")
    back = reverse("portal_methods_return", args=[merchant.public_id])
    try:
        setup = flows.save_method(merchant, customer.public_id, rail, back)
    except (BillhookError, RailError):
        sorry = _("The page could not be opened, and nothing was saved. Try again in a minute.")
        return _sorry(request, sorry, 502)
    response = see_other(setup.url.removeprefix(settings.PUBLIC_URL))
    return _leading_on(request, response)


@require_safe
@for_payer
def returned(request: PortalRequest) -> HttpResponse:
    """Where the provider sends the payer back to: ask it what was left there."""
    waiting = MethodSetup.objects.filter(
        customer__in=request.payer.ids, status=MethodSetup.Status.PENDING
    ).order_by("-pk")
    for setup in waiting[:LOOKED_AT]:
        with suppress(RailError):
            flows.look_at_setup(setup.pk)
    return _back(request)


@require_POST
@for_payer
def choose(request: PortalRequest) -> HttpResponse:
    """Let this one be charged wherever none is named."""
    method = _method(request, request.POST.get("method", ""))
    try:
        actions.choose_default(request.merchant, method.customer.public_id, method.public_id)
    except BillhookError:
        return _sorry(request, _("This one cannot be charged at present."), 409)
    return _back(request, "chosen")


@require_http_methods(["GET", "HEAD", "POST"])
@for_payer
def remove(request: PortalRequest, method_id: str) -> HttpResponse:
    """Charge it no more, once that is confirmed."""
    method = _method(request, method_id)
    if request.method == "POST":
        flows.remove_method(request.merchant, method.customer.public_id, method.public_id)
        return _back(request, "removed")
    context = {
        "heading": _("Remove this card or bank account?"),
        "subject": named(method),
        "explanation": _("It cannot be charged any more, until you save it anew."),
        "needed_for": _used_by(method, list(request.payer.recurring)),
        "button": _("Remove"),
        "danger": True,
        "back": reverse("portal_methods", args=[request.merchant.public_id]),
    }
    return page(request, "confirm.html", context, section="methods")


def _page(request: PortalRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    payer, merchant = request.payer, request.merchant
    recurring = list(payer.recurring)
    done = {
        "chosen": _("It is charged from now on wherever nothing else is named."),
        "removed": _("It is removed."),
    }
    context = {
        "methods": [(one, named(one), _used_by(one, recurring)) for one in payer.methods],
        "customers": payer.customers,
        "rails": _rails(merchant),
        "done": done.get(request.GET.get("done", "")),
        **more,
    }
    return page(request, "methods.html", context, section="methods", status=status)


def _used_by(method: PaymentMethod, recurring: list[RecurringCharge]) -> list[str]:
    """What recurs that is charged to it."""
    return [
        row.description
        for row in recurring
        if row.status in (*RUNNING, RecurringStatus.PAUSED)
        and row.collection == RecurringCharge.Collection.CHARGE
        and row.customer_id == method.customer_id
        and (
            row.payment_method_id == method.pk
            or (row.payment_method_id is None and method.is_default)
        )
    ]


def _rails(merchant: Merchant) -> list[str]:
    """What can be left here: a card, an American bank account, or a test card."""
    found: list[str] = [rail for rail in ("card", "ach") if keeping_rail(merchant, rail) == rail]
    return found if merchant.livemode else [*found, "sandbox"]


def _leading_on(request: PortalRequest, response: HttpResponse) -> HttpResponse:
    """Let the form lead to the provider's page: the policy is for the site."""
    elsewhere = pages_of(_rails(request.merchant))
    if not elsewhere:
        return response
    csp_update({"form-action": elsewhere})(lambda _request: response)(request)
    return response


def _customer(request: PortalRequest, public_id: str) -> Customer:
    found = [row for row in request.payer.customers if row.public_id == public_id]
    if not found:
        raise Http404
    return found[0]


def _method(request: PortalRequest, public_id: str) -> PaymentMethod:
    found = [one for one in request.payer.methods if one.public_id == public_id]
    if not found:
        raise Http404
    return found[0]


def _back(request: PortalRequest, done: str = "") -> HttpResponse:
    where = reverse("portal_methods", args=[request.merchant.public_id])
    return see_other(f"{where}?done={done}" if done else where)


def _sorry(request: PortalRequest, error: str, status: int) -> HttpResponse:
    return _leading_on(request, _page(request, status=status, error=error))
