"""Who may see a dashboard page: a signed-in member, at one merchant, with the permission for it.

Every page of the dashboard stands behind `merchant_page`, in whichever room it lives.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from invoicing import clock, ids
from invoicing.actor import Actor, acting
from invoicing.errors import BillhookError, NotFound
from invoicing.models import Membership, Merchant, User
from invoicing.permissions import PERMISSIONS

# Where the session remembers which merchant is at work: its public id.
AT_WORK = "merchant"

P = ParamSpec("P")


class MerchantRequest(HttpRequest):
    """A request of somebody who works for a merchant."""

    user: User
    merchant: Merchant
    membership: Membership
    memberships: list[Membership]
    permissions: frozenset[str]
    request_id: str
    htmx: Any


View = Callable[Concatenate[MerchantRequest, P], HttpResponse]


def merchant_page(
    permission: str | None, *, back: str | None = None
) -> Callable[[View[P]], Callable[Concatenate[HttpRequest, P], HttpResponse]]:
    """Let in members whose role has the permission (None: every member), and act in their name.

    What an action refuses is said at the top of the page named `back`, about the same object or a
    list; NotFound is a 404.
    """

    def decorate(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @wraps(view)
        def run(plain: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not plain.user.is_authenticated:
                return _to_login(plain)
            request = _entered(plain)
            if request is None:
                return redirect("dashboard:welcome")
            if permission is not None and permission not in request.permissions:
                return _forbidden(request, permission)
            user = request.user
            who = Actor("user", user.public_id, str(user), getattr(request, "request_id", ""))
            with timezone.override(ZoneInfo(request.merchant.timezone)), acting(who):
                try:
                    response = view(request, *args, **kwargs)
                except NotFound as missing:
                    raise Http404(missing.message) from missing
                except BillhookError as refusal:
                    response = _refused(request, refusal, back, kwargs)
            if not response.has_header("Cache-Control"):
                patch_cache_control(response, private=True, no_cache=True)
            return response

        run.permission = permission  # type: ignore[attr-defined]
        return run

    return decorate


def login_needed(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Let in whoever is signed in, whether they are in a team yet or not."""

    @wraps(view)
    def run(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            return _to_login(request)
        return view(request, *args, **kwargs)

    run.permission = None  # type: ignore[attr-defined]
    return run


def page(
    request: MerchantRequest,
    template: str,
    section: str,
    context: dict[str, Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """A dashboard page: the template with what every page of the shell needs."""
    return render(
        request,
        f"dashboard/{template}",
        {
            "merchant": request.merchant,
            "membership": request.membership,
            "memberships": request.memberships,
            "permissions": request.permissions,
            "section": section,
            "now": clock.now(request.merchant),
            # Makes every form on the page count once, however often it is sent.
            "token": ids.secret_text(32),
            **(context or {}),
        },
        status=status,
    )


def memberships_of(user: User) -> list[Membership]:
    """The teams a person is in, with each account's two merchants at hand."""
    rows = user.memberships.select_related("account").prefetch_related("account__merchants")
    return list(rows.order_by("pk"))


def _entered(plain: HttpRequest) -> MerchantRequest | None:
    """The request with the merchant the person was at last; the first test twin for a new one."""
    request: MerchantRequest = plain  # type: ignore[assignment]
    memberships = memberships_of(request.user)
    if not memberships:
        return None
    places = [
        (merchant, membership)
        for membership in memberships
        for merchant in sorted(membership.account.merchants.all(), key=lambda row: row.livemode)
    ]
    wanted = request.session.get(AT_WORK)
    at_work = next((place for place in places if place[0].public_id == wanted), places[0])
    request.merchant, request.membership = at_work
    request.memberships = memberships
    request.permissions = request.membership.permissions
    return request


def _to_login(request: HttpRequest) -> HttpResponse:
    # What was posted cannot be posted again after signing in, so that leads to the start.
    wanted = request.get_full_path() if request.method == "GET" else resolve_url("dashboard:home")
    if getattr(request, "htmx", False):
        whole_page: HttpResponse = HttpResponseClientRedirect(resolve_url("account_login"))
        return whole_page
    return redirect_to_login(wanted)


def _forbidden(request: MerchantRequest, permission: str) -> HttpResponse:
    context = {"permission": permission, "meaning": PERMISSIONS[permission]}
    return page(request, "forbidden.html", "", context, status=403)


def _refused(
    request: MerchantRequest, refusal: BillhookError, back: str | None, kwargs: Any
) -> HttpResponse:
    messages.error(request, said(refusal))
    back = back or "dashboard:home"
    try:
        where = reverse(back, kwargs=kwargs)
    except NoReverseMatch:  # a list, which is about no object
        where = reverse(back)
    return HttpResponseRedirect(where)


def said(refusal: BillhookError) -> str:
    """What an action's refusal says to a person."""
    return refusal.message or _("That was not possible.")
