"""The sandbox's hosted card page, where test cards are used."""

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from invoicing import money
from payments.models import SandboxSession
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
            return _page(request, session, "This card number is not right; check its digits.", 422)
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
    return render(request, "sandbox/authenticate.html", _context(session))


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
    return render(
        request, "sandbox/checkout.html", {**_context(session), "error": error}, status=status
    )


def _context(session: SandboxSession) -> dict[str, object]:
    return {
        "session": session,
        "merchant_name": session.merchant.name,
        "description": session.description,
        "amount_text": money.format_money(session.amount, session.currency),
        "cards": CARDS,
    }
