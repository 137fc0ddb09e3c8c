"""The sandbox's hosted card pages, where test cards are used and left for later."""

import re
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from invoicing import languages
from invoicing.models import Merchant
from invoicing.templatetags.money import money as shown
from payments.models import MethodSetup, Payment, SandboxSession, SandboxSetup
from payments.sandbox import provider, saving
from payments.sandbox.cards import CARDS, SAVED_CARDS, passes_luhn
from payments.sandbox.provider import Expiry

WRONG_NUMBER = gettext_noop("This card number is not right; check its digits.")
WRONG_EXPIRY = gettext_noop("This expiry date is not right; write month and year.")


@never_cache
@require_http_methods(["GET", "POST"])
def checkout(request: HttpRequest, session_id: str) -> HttpResponse:
    """The card form; what a card does is said beside it."""
    session = _session(session_id)
    error = provider.decline_message(session.decline_code) if session.status == "open" else ""
    if request.method == "POST":
        number, expiry, wrong = _card(request)
        if wrong:
            return _page(request, session, wrong, 422)
        session = provider.submit_card(session_id, number, expiry)
        error = provider.decline_message(session.decline_code)
    if session.status == "authenticating":
        return redirect("sandbox-authenticate", session_id)
    if session.status != "open":
        return redirect(session.return_url)
    return _page(request, session, error, 402 if request.method == "POST" and error else 200)


@never_cache
def authenticate(request: HttpRequest, session_id: str) -> HttpResponse:
    """The bank's page, on which the cardholder approves or refuses."""
    session = _session(session_id)
    if session.status != "authenticating":
        return redirect("sandbox-checkout", session_id)
    return _say(request, "sandbox/authenticate.html", session)


@never_cache
@require_POST
def answer(request: HttpRequest, session_id: str) -> HttpResponse:
    """The cardholder's word."""
    _session(session_id)
    provider.answer_authentication(session_id, approved=request.POST.get("answer") == "approve")
    return redirect("sandbox-checkout", session_id)


@never_cache
@require_POST
def leave(request: HttpRequest, session_id: str) -> HttpResponse:
    """Back to the invoice without paying; the page stays open for later."""
    return redirect(_session(session_id).return_url)


@never_cache
@require_http_methods(["GET", "POST"])
def setup(request: HttpRequest, setup_id: str) -> HttpResponse:
    """The page on which a payer leaves a card, and agrees that it is charged later."""
    visit = saving.get_setup(public_id=setup_id)
    if visit is None:
        raise Http404
    error, status = "", 200
    if request.method == "POST" and visit.status == "open":
        number, expiry, error = _card(request)
        if error:
            return _say_of_setup(request, visit, error, 422)
        visit = saving.leave_card(setup_id, number, expiry)
        error, status = provider.decline_message(visit.decline_code), 402
        if not error:
            return redirect("sandbox-setup", setup_id)
    return _say_of_setup(request, visit, error, status)


def _card(request: HttpRequest) -> tuple[str, Expiry | None, str]:
    """The card number that was typed or chosen, its last month if typed, and what is wrong."""
    number = re.sub(r"[\s-]", "", request.POST.get("number") or request.POST.get("card", ""))
    typed = re.sub(r"\s", "", request.POST.get("expiry", ""))
    found = re.fullmatch(r"(0?[1-9]|1[0-2])/?(?:20)?([0-9]{2})", typed)
    expiry = (int(found[1]), 2000 + int(found[2])) if found else None
    if not (number.isascii() and number.isdecimal() and passes_luhn(number)):
        return "", None, WRONG_NUMBER
    return number, expiry, WRONG_EXPIRY if typed and not expiry else ""


def _session(session_id: str) -> SandboxSession:
    session = provider.open_session(session_id)
    if session is None:
        raise Http404
    return session


def _page(request: HttpRequest, session: SandboxSession, error: str, status: int) -> HttpResponse:
    context = {"description": session.description, "cards": CARDS, "error": error}
    context["expiry"] = _new(session.merchant)
    return _say(request, "sandbox/checkout.html", session, status, **context)


def _say(
    request: HttpRequest, template: str, session: SandboxSession, status: int = 200, **context: Any
) -> HttpResponse:
    """The page in the payer's language, as a provider would be told it."""
    payment = Payment.objects.select_related("invoice").filter(public_id=session.key).first()
    known = languages.of_payer(payment.invoice) if payment else ""
    with _spoken(known):
        context["amount_text"] = shown(session.amount, session.currency)
        context |= {"session": session, "merchant_name": session.merchant.name}
        return _rendered(request, template, context, status)


def _say_of_setup(
    request: HttpRequest, visit: SandboxSetup, error: str, status: int
) -> HttpResponse:
    asked = MethodSetup.objects.select_related("customer").filter(public_id=visit.key).first()
    context = {
        "visit": visit,
        "main_class": "pay-page" if visit.status == "open" else "narrow-main",
        "merchant_name": visit.merchant.name,
        "cards": (*CARDS, *SAVED_CARDS),
        "error": error,
        "expiry": _new(visit.merchant),
    }
    with _spoken(languages.spoken(asked.customer.language) if asked else ""):
        return _rendered(request, "sandbox/setup.html", context, status)


def _new(merchant: Merchant) -> str:
    """The last month of a new card as it is typed."""
    month, year = provider.last_valid(merchant)
    return f"{month:02} / {year % 100:02}"


def _spoken(known: str) -> translation.override:
    """The payer's language, or else the browser's."""
    return translation.override(known or translation.get_language() or "en")


def _rendered(
    request: HttpRequest, template: str, context: dict[str, Any], status: int
) -> HttpResponse:
    context["error"] = _(context["error"]) if context.get("error") else ""
    response = render(request, template, context, status=status)
    response["Content-Language"] = translation.get_language() or "en"
    return response
