"""Paying an invoice in USDC at `/i/{slug}/usdc`: where to send it, and what has come."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from checkout.pages import visitors
from checkout.pages.hosted import Hosted
from checkout.pages.invoice import payer_page, render_page, see_other
from checkout.pages.usdc_view import UsdcPage
from invoicing import clock
from invoicing.errors import InvalidState, NotConfigured
from payments.actions.receiving import request_usdc
from payments.chain.networks import Network
from payments.models import IN_FLIGHT, UsdcRequest
from payments.offered import usdc_chains


@require_safe
@payer_page
def show(request: HttpRequest, page: Hosted) -> HttpResponse:
    """How much to send, to which address, on which chain; asked again, the same while it holds.

    A program that only follows links gets no address: each would be one that is never paid to.
    """
    network = _chosen(request, page)
    if network is None or visitors.is_machine(request) or visitors.is_prefetch(request):
        return see_other(_invoice(page))
    try:
        usdc = UsdcPage(page, network, _asked(page))
    except NotConfigured:
        return see_other(_invoice(page))
    return render_page(request, page, template="pages/usdc.html", usdc=usdc)


@require_safe
@payer_page
def status(request: HttpRequest, page: Hosted) -> HttpResponse:
    """Asked again and again: nothing new, what is new, or "look at the invoice".

    An amount whose time is over stays until the payer asks for another.
    """
    network = _chosen(request, page)
    if not request.headers.get("HX-Request"):
        chain = urlencode({"chain": network.key}) if network else ""
        return see_other(f"{reverse('hosted_invoice_usdc', args=[page.invoice.slug])}?{chain}")
    if network is None:
        return HttpResponse(headers={"HX-Redirect": _invoice(page)})
    try:
        usdc = UsdcPage(page, network, _still_asked(page))
    except NotConfigured:
        return HttpResponse(headers={"HX-Redirect": _invoice(page)})
    if request.GET.get("seen") == usdc.mark:
        return HttpResponse(status=204)
    context: dict[str, Any] = {"page": page, "usdc": usdc, "document": page.document}
    context |= {"invoice": page.invoice, "currency": page.invoice.currency, "is_news": True}
    return render(request, "pages/_usdc.html", context)


def _asked(page: Hosted) -> UsdcRequest | None:
    """What is to be sent now; None while all that is due is on its way."""
    try:
        return request_usdc(page.invoice.pk)
    except InvalidState:
        return None


def _still_asked(page: Hosted) -> UsdcRequest | None:
    """The same, without asking for another amount because of its time alone; mostly locks nothing.

    An amount whose time is over is the payer's to renew.
    """
    flying = sum(row.amount for row in page.payments if row.status in IN_FLIGHT)
    due = page.invoice.amount_due - flying
    if due <= 0:
        return None
    last = page.invoice.usdc_requests.select_related("address").order_by("-pk").first()
    if last is None:
        return _asked(page)
    is_over = not last.holds_at(clock.now(page.merchant))
    return last if is_over or last.amount == due else _asked(page)


def _chosen(request: HttpRequest, page: Hosted) -> Network | None:
    """The chain in the address, or else the first; None where the invoice cannot be paid so."""
    offered = [] if page.window_has_closed else usdc_chains(page.invoice)
    wanted = request.GET.get("chain", "")
    return next((row for row in offered if row.key == wanted), next(iter(offered), None))


def _invoice(page: Hosted) -> str:
    return reverse("hosted_invoice", args=[page.invoice.slug])
