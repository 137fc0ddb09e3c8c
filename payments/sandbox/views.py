"""The sandbox's hosted card page, where test cards are used."""

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
from invoicing.templatetags.money import money as shown
from payments.models import Payment, SandboxSession
from payments.sandbox import provider
from payments.sandbox.cards import CARDS, passes_luhn


@never_cache
@require_http_methods(["GET", "POST"])
def checkout(request: HttpRequest, session_id: str) -> HttpResponse:
    """The card form; what a card does is said beside it."""
    session = _session(session_id)
    error = provider.decline_message(session.decline_code) if session.status == "open" else ""
    if request.method == "POST":
        number = re.sub(r"[\s-]", "", request.POST.get("number") or request.POST.get("card", ""))
        if not (number.isascii() and number.isdecimal() and passes_luhn(number)):
            problem = gettext_noop("This card number is not right; check its digits.")
            return _page(request, session, problem, 422)
        session = provider.submit_card(session_id, number)
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


def _session(session_id: str) -> SandboxSession:
    session = provider.open_session(session_id)
    if session is None:
        raise Http404
    return session


def _page(request: HttpRequest, session: SandboxSession, error: str, status: int) -> HttpResponse:
    context = {"description": session.description, "cards": CARDS, "error": error}
    return _say(request, "sandbox/checkout.html", session, status, **context)


def _say(
    request: HttpRequest, template: str, session: SandboxSession, status: int = 200, **context: Any
) -> HttpResponse:
    """The page in the payer's language, as a provider would be told it, or else the browser's."""
    payment = Payment.objects.select_related("invoice").filter(public_id=session.key).first()
    known = languages.of_payer(payment.invoice) if payment else ""
    spoken = known or translation.get_language() or "en"
    with translation.override(spoken):
        context["error"] = _(context.get("error", ""))
        context["amount_text"] = shown(session.amount, session.currency)
        context["merchant_name"] = session.merchant.name
        response = render(request, template, {"session": session, **context}, status=status)
    response["Content-Language"] = spoken
    return response
