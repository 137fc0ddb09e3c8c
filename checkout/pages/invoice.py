"""The hosted invoice: what the payer sees at `/i/{slug}`, and what they can do there.

The slug is all that authorises, so these pages set no cookies, are kept by no cache and tell no
other site where the payer came from.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from csp.decorators import csp_update
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from checkout.pages import brand, hosted, visitors
from checkout.pages.hosted import Hosted
from checkout.pages.usdc_view import UsdcSide
from invoicing import archive
from invoicing.actions.invoices import record_view
from invoicing.actor import Actor, acting
from invoicing.errors import BillhookError, Conflict, InvalidState, ValidationFailed
from invoicing.pdf import PdfFailed
from payments import flows
from payments.offered import pages_of
from payments.rails.rail import RailError

View = Callable[..., HttpResponse]


def payer_page(view: View) -> View:
    """Find the invoice, speak its payer's language, and keep the page to the payer."""

    @wraps(view)
    def wrapped(request: HttpRequest, slug: str, **named: Any) -> HttpResponse:
        invoice = hosted.find(slug)
        payer = Actor("payer", name="Payer", request_id=getattr(request, "request_id", ""))
        with hosted.spoken_to(request, invoice), acting(payer):
            page = Hosted(invoice)
            response = _leading_on(page)(view)(request, page, **named)
            response["Content-Language"] = translation.get_language() or "en"
        response.headers.setdefault("Cache-Control", "private, no-store")
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        return response

    return wrapped


@require_safe
@payer_page
def show(request: HttpRequest, page: Hosted) -> HttpResponse:
    """The invoice, what is due and how to pay it; once paid, its receipt."""
    invoice = page.invoice
    if invoice.viewed_at is None and visitors.is_payer(request, invoice.merchant):
        record_view(invoice.pk)
    return render_page(request, page)


@require_safe
@payer_page
def status(request: HttpRequest, page: Hosted) -> HttpResponse:
    """Asked again and again while money is in flight: nothing new, or "load the page again"."""
    if not request.headers.get("HX-Request"):
        return _back(page)
    if request.GET.get("seen") == page.mark:
        return HttpResponse(status=204)
    return HttpResponse(headers={"HX-Refresh": "true"})


# A forged request could do no more than open the card page of an invoice whose secret address
# the forger already knows; a token would only keep out payers whose browsers refuse cookies.
@csrf_exempt
@require_POST
@payer_page
def pay(request: HttpRequest, page: Hosted) -> HttpResponse:
    """Begin paying, and send the payer where the chosen rail wants them."""
    invoice = page.invoice
    rail = request.POST.get("rail") or next(iter(page.ways), "")
    if rail == "usdc" and rail in page.ways:
        return see_other(reverse("hosted_invoice_usdc", args=[invoice.slug]))
    typed = request.POST.get("amount", "").strip()
    try:
        amount = page.amount_from(typed) if typed and invoice.status == "open" else None
    except ValidationFailed as refusal:
        _field, problem = refusal.fields[0]
        return render_page(request, page, status=422, typed=typed, amount_error=problem)
    try:
        payment = flows.start(invoice.pk, rail, amount)
    except (InvalidState, ValidationFailed):
        # It was paid, voided or is being paid meanwhile: the page says which.
        return _back(page)
    except Conflict:
        sorry = _("There were too many attempts to pay this invoice. Please ask %(seller)s.")
        seller = {"seller": page.document.seller.name}
        return render_page(request, page, status=409, error=sorry % seller)
    except BillhookError:
        sorry = _("This invoice cannot be paid this way just now. Nothing was taken.")
        return render_page(request, page, status=409, error=sorry)
    except RailError:
        sorry = _("The payment could not be started, and nothing was taken. Try again in a minute.")
        return render_page(request, page, status=502, error=sorry)
    # A page of this installation is shown at the address the payer came by: to the policy on
    # where forms may lead, "localhost" and "127.0.0.1" are two different sites.
    return see_other(payment.url.removeprefix(settings.PUBLIC_URL))


@require_safe
@payer_page
def returned(request: HttpRequest, page: Hosted) -> HttpResponse:
    """Where a rail sends the payer back to: ask it what happened, then show that."""
    for payment in page.unfinished[:3]:
        flows.check(payment.pk)
    now = Hosted(hosted.find(page.invoice.slug))
    if now.invoice.status == "paid" and now.back is not None:
        # Not a redirect: a browser lets a form, such as the provider's, lead to no other site.
        return render_page(request, now, template="pages/leaving.html")
    return _back(page)


@require_safe
@payer_page
def pdf(request: HttpRequest, page: Hosted) -> HttpResponse:
    """The invoice as the PDF that was mailed."""
    return _document(
        request, page, archive.file_name(page.invoice), lambda: archive.pdf_of(page.invoice)
    )


@require_safe
@payer_page
def credit_note_pdf(request: HttpRequest, page: Hosted, value: int) -> HttpResponse:
    """One of the invoice's credit notes as a PDF, by its place in the seller's series."""
    note = next((note for note in page.credit_notes if note.number_value == value), None)
    if note is None:
        raise Http404
    return _document(
        request, page, archive.file_name(note), lambda: archive.pdf_of_credit_note(note)
    )


def _document(
    request: HttpRequest, page: Hosted, name: str, make: Callable[[], bytes]
) -> HttpResponse:
    try:
        content = make()
    except PdfFailed:
        sorry = _("The PDF could not be made just now. Try again in a minute.")
        return render_page(request, page, status=503, error=sorry)
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = content_disposition_header(False, name) or "inline"
    return response


@require_safe
def stylesheet(request: HttpRequest, slug: str) -> HttpResponse:
    """The seller's colour. Its address changes with the colour, so it can be kept for ever."""
    invoice = hosted.find(slug)
    color = invoice.seller_snapshot.get("brand_color", "")
    response = HttpResponse(brand.stylesheet(color), content_type="text/css; charset=utf-8")
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


def render_page(
    request: HttpRequest,
    page: Hosted,
    *,
    status: int = 200,
    template: str = "pages/invoice.html",
    **context: Any,
) -> HttpResponse:
    """The invoice's page, or another about it, with what else it has to say this time."""
    invoice = page.invoice
    color = invoice.seller_snapshot.get("brand_color", "")
    brand_url = reverse("hosted_invoice_brand", args=[invoice.slug])
    return render(
        request,
        template,
        {
            "usdc": UsdcSide(page),
            "page": page,
            "invoice": invoice,
            "merchant": invoice.merchant,
            "document": page.document,
            "currency": invoice.currency,
            "brand_url": f"{brand_url}?{urlencode({'v': color.lstrip('#')})}",
            "is_member": visitors.is_member(request, invoice.merchant),
            **context,
        },
        status=status,
    )


def _leading_on(page: Hosted) -> Callable[[View], View]:
    """Let the form that begins paying lead to the provider's page: the policy is for the site."""
    elsewhere = pages_of(page.rails)
    return csp_update({"form-action": elsewhere} if elsewhere else {})  # type: ignore[return-value]


def _back(page: Hosted) -> HttpResponse:
    return see_other(reverse("hosted_invoice", args=[page.invoice.slug]))


def see_other(url: str) -> HttpResponse:
    """After a form, and however often it is sent: go and look there."""
    response = HttpResponseRedirect(url)
    response.status_code = 303
    return response
