"""A payer's statement: looked at, printed, and mailed to oneself."""

from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from checkout import statement_documents
from checkout.actions import portal as actions
from checkout.pages.invoice import see_other
from checkout.pages.portal import PortalRequest, for_payer, page
from checkout.statements import LONGEST, Period, Statement, periods, statement_of, today_of
from invoicing.errors import Conflict
from invoicing.pdf import PdfFailed

NAMES: Final = {
    "this_month": gettext_lazy("This month"),
    "last_month": gettext_lazy("Last month"),
    "this_year": gettext_lazy("This year"),
}


@require_safe
@for_payer
def show(request: PortalRequest) -> HttpResponse:
    """What happened in a period, and what is open at its end."""
    chosen, error = _chosen(request, request.GET)
    done = _("The statement is on its way to you.") if request.GET.get("done") else ""
    return _page(request, chosen, error=error, done=done, status=422 if error else 200)


@require_safe
@for_payer
def pdf(request: PortalRequest) -> HttpResponse:
    """The same as a PDF."""
    chosen, _error = _chosen(request, request.GET)
    statement = statement_of(request.payer, chosen)
    try:
        content = statement_documents.pdf_of(statement)
    except PdfFailed:
        sorry = _("The PDF could not be made just now. Try again in a minute.")
        return _page(request, chosen, error=sorry, status=503)
    response = HttpResponse(content, content_type="application/pdf")
    name = f"{chosen.first}_{chosen.last}.pdf"
    response["Content-Disposition"] = content_disposition_header(False, name) or "inline"
    return response


@require_POST
@for_payer
def mail(request: PortalRequest) -> HttpResponse:
    """Send it to the payer's own address."""
    chosen, _error = _chosen(request, request.POST)
    statement = statement_of(request.payer, chosen)
    where = _address(request, "portal_statement", chosen)
    try:
        actions.mail_statement(statement, get_language() or "en", where)
    except Conflict:
        sorry = _("That was asked for too often. Please try again in a minute.")
        return _page(request, chosen, error=sorry, status=429)
    return see_other(f"{where}&done=1")


def _chosen(request: PortalRequest, asked: Any) -> tuple[Period, str]:
    """The period that is asked for, and what is wrong with it; this month without any."""
    first, last = _day(asked.get("from", "")), _day(asked.get("to", ""))
    usual = periods(request.payer)["this_month"]
    if first is None and last is None and not asked.get("from") and not asked.get("to"):
        return usual, ""
    problem = _("Please choose two days, the first before the last, at most ten years apart.")
    if first is None:
        return usual, problem
    last = last or today_of(request.payer)
    if not first <= last or last - first > LONGEST or last.year > 9000:
        return usual, problem
    return Period(first, last), ""


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _page(
    request: PortalRequest, chosen: Period, *, status: int = 200, **more: Any
) -> HttpResponse:
    offered = [
        (NAMES[key], _address(request, "portal_statement", one), one == chosen)
        for key, one in periods(request.payer).items()
    ]
    statement: Statement = statement_of(request.payer, chosen)
    context = {
        "statement": statement,
        "offered": offered,
        "pdf_url": _address(request, "portal_statement_pdf", chosen),
        # A browser's picker takes no day after it.
        "latest": today_of(request.payer) + timedelta(days=366),
        **more,
    }
    return page(request, "statement.html", context, section="statement", status=status)


def _address(request: PortalRequest, name: str, chosen: Period) -> str:
    query = urlencode({"from": chosen.first.isoformat(), "to": chosen.last.isoformat()})
    return f"{reverse(name, args=[request.merchant.public_id])}?{query}"
