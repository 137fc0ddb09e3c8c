"""The front door, and what every page's foot can change."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from checkout.pages import mailbox

THEMES = ("light", "dark")
A_YEAR = 365 * 86400


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Where to go: a merchant to the dashboard, anyone else to the door."""
    if request.user.is_authenticated:
        return redirect("/dashboard/")
    answer = render(request, "pages/home.html", {"mailbox_is_open": mailbox.is_open(request)})
    # A bot that knows nothing but the host looks here first (RFC 9727, section 3).
    answer["Link"] = (
        '</.well-known/api-catalog>; rel="api-catalog", </llms.txt>; rel="describedby"; '
        'type="text/plain"'
    )
    return answer


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember light or dark for this browser, or follow the device again."""
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = "/"
    response = HttpResponseRedirect(back)
    chosen = request.POST.get("theme", "")
    if chosen in THEMES:
        response.set_cookie(
            "theme",
            chosen,
            max_age=A_YEAR,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response
