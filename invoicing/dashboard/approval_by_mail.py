"""Deciding by the link of a mail, without signing in.

Programs that scan mails open every link in them, so looking decides nothing. The token names one
person and one request, and is as good as their word: the page is kept by nobody, and the address
travels to no other site. It is not hidden from our own, or browsers would send forms without
saying where they come from, and these would be refused.
"""

from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from invoicing import approving
from invoicing.actions import approvals as actions
from invoicing.actor import Actor, acting
from invoicing.dashboard.approvals import DeclineForm, told
from invoicing.errors import InvalidState
from invoicing.models import Approval, User

HEADERS = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}


@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest, token: str) -> HttpResponse:
    """One request as its decider sees it; approved or declined by a form of this page."""
    found = approving.read(token)
    if found is None:
        return _sent(render(request, "dashboard/approvals/no_link.html", status=404))
    approval, user = found
    who = Actor("user", user.public_id, str(user), getattr(request, "request_id", ""))
    with timezone.override(ZoneInfo(approval.merchant.timezone)), acting(who):
        form = DeclineForm()
        if request.method == "POST":
            form = DeclineForm(request.POST)
            if _decided(request, approval, user, form):
                # So that reloading shows what came of it, and sends nothing again.
                return _sent(HttpResponseRedirect(request.path))
        context: dict[str, Any] = {**told(approval), "user": user, "form": form}
        status = 422 if form.is_bound else 200
        return _sent(render(request, "dashboard/approvals/by_mail.html", context, status=status))


# Whoever has the link; it stands beside pages that say which permission they take.
decide.permission = None  # type: ignore[attr-defined]


def _decided(request: HttpRequest, approval: Approval, user: User, form: DeclineForm) -> bool:
    """Do what the pressed button says; False for a note that cannot be kept."""
    wanted = request.POST.get("do", "")
    if not form.is_valid():
        return False
    try:
        if wanted == "approve":
            actions.approve(approval.merchant, approval.public_id, user)
        elif wanted == "decline":
            actions.decline(approval.merchant, approval.public_id, user, form.input.note)
    except InvalidState:
        pass  # somebody was quicker, or it has lapsed: the page says so
    return True


def _sent(response: HttpResponse) -> HttpResponse:
    for name, value in HEADERS.items():
        response[name] = value
    return response
