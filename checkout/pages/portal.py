"""A merchant's portal for payers at `/portal/{merchant}/`: asking for a link, coming in, leaving.

Somebody is whoever reads an address's mail. Asking is answered in the same words and the same
time whether the address is known or not, since a worker finds that out afterwards; opening a
link uses nothing up, so that programs which scan mails do no harm.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from checkout import portal
from checkout.actions import portal as actions
from checkout.inputs import PortalEmailInput
from checkout.models import PortalSession
from checkout.pages import brand
from checkout.pages.invoice import see_other
from invoicing import documents, ids, inputs, languages
from invoicing.actor import Actor, acting
from invoicing.api import throttling
from invoicing.errors import NotFound, ValidationFailed
from invoicing.models import Merchant

# A page's own address may stand in the Referer of our own pages only: without any, browsers
# would send forms that do not say where they come from, and these would be refused.
HEADERS: Final = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
SALT: Final = "checkout.portal"


class PortalRequest(HttpRequest):
    """A request of a payer at a merchant; `payer` and `session` are there once they are in."""

    merchant: Merchant
    payer: portal.Payer
    session_row: PortalSession
    request_id: str


View = Callable[..., HttpResponse]


def cookie_name() -> str:
    """The cookie of a stay: the dashboard's has another name, and goes to other addresses."""
    return "__Secure-billhook-portal" if settings.SESSION_COOKIE_SECURE else "billhook-portal"


def at_merchant(view: View) -> View:
    """Find the merchant, speak the visitor's language, and keep the page to the visitor."""

    @wraps(view)
    @csrf_protect
    def run(plain: HttpRequest, merchant_id: str, **named: Any) -> HttpResponse:
        request: PortalRequest = plain  # type: ignore[assignment]
        rows = Merchant.objects.select_related("logo", "portal_settings")
        found = rows.filter(public_id=merchant_id).first()
        if found is None:
            raise Http404
        request.merchant = found
        with _spoken_to(request, ""):
            response = view(request, **named)
            response.headers.setdefault("Content-Language", translation.get_language() or "en")
        for name, value in HEADERS.items():
            response[name] = value
        return response

    return run


def for_payer(view: View) -> View:
    """Let in who has come in by a link, and act in their name; anybody else is shown the door."""

    @wraps(view)
    def run(request: PortalRequest, **named: Any) -> HttpResponse:
        if not has_come_in(request):
            return to_door(request)
        return in_their_name(view)(request, **named)

    return at_merchant(run)


def in_their_name(view: View) -> View:
    """Do it as the payer who has come in, in their language."""

    @wraps(view)
    def run(request: PortalRequest, **named: Any) -> HttpResponse:
        payer = request.payer
        who = Actor("payer", name=payer.email, request_id=getattr(request, "request_id", ""))
        with _spoken_to(request, payer.language), acting(who):
            try:
                response = view(request, **named)
            except NotFound as missing:
                raise Http404(missing.message) from missing
            response["Content-Language"] = translation.get_language() or "en"
        return response

    return run


def has_come_in(request: PortalRequest) -> bool:
    """Whether the cookie opens a stay here that lasts; it ends when the address changes hands."""
    secret = request.get_signed_cookie(
        cookie_name(),
        default="",
        salt=SALT,
        max_age=int(portal.SESSION_LIFE.total_seconds()),
    )
    session = portal.session_of(request.merchant, secret) if secret else None
    if session is None:
        return False
    payer = portal.Payer(request.merchant, session.email)
    if not portal.still_theirs(session, payer.customers):
        actions.end_sessions(request.merchant, session.email)
        return False
    request.payer, request.session_row = payer, session
    return True


@require_http_methods(["GET", "HEAD", "POST"])
@at_merchant
def ask(request: PortalRequest) -> HttpResponse:
    """Ask for a link; what is answered does not say whether the address is known."""
    if request.method != "POST":
        return to_door(request)
    typed = request.POST.get("email", "").strip()
    try:
        throttling.count(request, "portal", throttling.client_address(request))
        wanted = inputs.read(PortalEmailInput, {"email": typed})
    except throttling.Refused as refusal:
        sorry = _("That was asked for too often. Please try again in a minute.")
        response = door(request, status=429, typed=typed, error=sorry)
        response["Retry-After"] = str(refusal.seconds)
        return response
    except ValidationFailed:
        problem = _("Please write an email address such as name@example.com.")
        return door(request, status=422, typed=typed, email_error=problem)
    actions.ask_for_link(request.merchant, wanted.email, translation.get_language() or "")
    return see_other(reverse("portal_sent", args=[request.merchant.public_id]))


@require_safe
@at_merchant
def sent(request: PortalRequest) -> HttpResponse:
    """What there is to say after asking, to everybody."""
    minutes = int(portal.LINK_LIFE.total_seconds() // 60)
    return page(request, "sent.html", {"minutes": minutes})


@require_http_methods(["GET", "HEAD", "POST"])
@at_merchant
def enter(request: PortalRequest, token: str) -> HttpResponse:
    """A mailed link: a button, and behind it the stay that begins."""
    if request.method != "POST":
        return page(request, "enter.html")
    try:
        throttling.count(request, "portal", throttling.client_address(request))
        _session, secret = actions.begin_session(request.merchant, token)
    except throttling.Refused as refusal:
        sorry = _("That was asked for too often. Please try again in a minute.")
        response = door(request, status=429, error=sorry)
        response["Retry-After"] = str(refusal.seconds)
        return response
    except NotFound:
        sorry = _("This link was used already, or is too old. Ask for a new one.")
        return door(request, status=410, error=sorry)
    response = see_other(reverse("portal", args=[request.merchant.public_id]))
    response.set_signed_cookie(
        cookie_name(),
        secret,
        salt=SALT,
        max_age=int(portal.SESSION_LIFE.total_seconds()),
        path=_cookie_path(request.merchant),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


@require_POST
@at_merchant
def leave(request: PortalRequest) -> HttpResponse:
    """Sign out: the cookie goes, and would open nothing any more."""
    if has_come_in(request):
        actions.end_session(request.session_row.pk)
    response = see_other(reverse("portal", args=[request.merchant.public_id]) + "?left=1")
    path = _cookie_path(request.merchant)
    response.delete_cookie(cookie_name(), path=path, samesite="Lax")
    return response


@require_safe
def stylesheet(request: HttpRequest, merchant_id: str) -> HttpResponse:
    """The seller's colour. Its address changes with the colour, so it can be kept for ever."""
    color = Merchant.objects.filter(public_id=merchant_id).values_list("brand_color", flat=True)
    if not color:
        raise Http404
    response = HttpResponse(brand.stylesheet(color[0]), content_type="text/css; charset=utf-8")
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


def to_door(request: PortalRequest) -> HttpResponse:
    """Go where one types one's address."""
    return see_other(reverse("portal", args=[request.merchant.public_id]))


def door(request: PortalRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    """Where one types one's address."""
    return page(request, "door.html", {"left": request.GET.get("left"), **more}, status=status)


def page(
    request: PortalRequest,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    section: str = "",
    status: int = 200,
) -> HttpResponse:
    """A page of the portal: the template with what every one of them needs."""
    merchant = request.merchant
    address = reverse("portal_brand", args=[merchant.public_id])
    told = {
        "merchant": merchant,
        "seller": documents.Party.of(documents.snapshot_of_seller(merchant)),
        "logo": merchant.logo.data_uri if merchant.logo else "",
        "brand_url": f"{address}?{urlencode({'v': merchant.brand_color.lstrip('#')})}",
        "payer": getattr(request, "payer", None),
        "main_class": "portal-page" if hasattr(request, "payer") else "narrow-main",
        "referrer": HEADERS["Referrer-Policy"],
        "section": section,
        # Makes a form that moves money count once, however often it is sent.
        "token": ids.secret_text(32),
        **(context or {}),
    }
    return render(request, f"portal/{template}", told, status=status)


def _cookie_path(merchant: Merchant) -> str:
    """Where the cookie goes: to this merchant's portal, so that others' stays are kept apart."""
    return reverse("portal", args=[merchant.public_id])


@contextmanager
def _spoken_to(request: PortalRequest, known: str) -> Iterator[None]:
    """Speak the payer's language, or else the browser's or the seller's, in the seller's zone."""
    merchant = request.merchant
    browsers = languages.spoken(translation.get_language_from_request(request))
    spoken = known or browsers or languages.spoken(merchant.language) or "en"
    with translation.override(spoken), timezone.override(portal.zone_of(merchant)):
        yield
