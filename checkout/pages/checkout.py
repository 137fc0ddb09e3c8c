"""A checkout page at `/pay/{id}`: what is sold there, and where a payer begins.

Anybody may see it, and it tells nothing of anybody's invoice: an invoice is opened by its slug,
which a link may bring along as `key`. As on other payers' pages no cookie is set. Sites that the
page names may show it in a frame; what is begun there goes on in a page of its own.
"""

from typing import Any
from urllib.parse import urlencode

from csp.decorators import csp_replace
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from checkout.actions.sales import begin_sale
from checkout.models import CheckoutPage
from checkout.pages import brand
from checkout.pages.invoice import see_other
from checkout.pages.order_form import OrderForm
from checkout.returning import back_to
from invoicing import documents, languages
from invoicing.actor import Actor, acting
from invoicing.api import throttling
from invoicing.errors import InvalidState, ValidationFailed
from invoicing.models import Invoice


# Anybody may send this form, so a forged one could do no more than its sender.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, page_id: str) -> HttpResponse:
    """The page, or the invoice whose slug the link brings; a POST begins to pay."""
    page = _find(page_id)
    slug = slug_of(page, request.GET.get("key", ""))
    if slug and request.method != "POST":
        return _kept_private(see_other(reverse("hosted_invoice", args=[slug])))
    if page.archived_at:
        raise Http404
    return _spoken(request, page)


@xframe_options_exempt
@require_safe
def embed(request: HttpRequest, page_id: str) -> HttpResponse:
    """The page for a frame, of the sites that it names and of no others."""
    page = _find(page_id)
    if page.archived_at or not page.embed_origins:
        raise Http404
    framed: Any = csp_replace({"frame-ancestors": list(page.embed_origins)})
    response: HttpResponse = framed(_spoken)(request, page, is_embedded=True)
    return response


def _spoken(request: HttpRequest, page: CheckoutPage, **more: Any) -> HttpResponse:
    """The page or what comes of its form, in the payer's language."""
    browsers = languages.spoken(translation.get_language_from_request(request))
    with translation.override(browsers or page.merchant.language or "en"):
        if request.method == "POST":
            response = _begin(request, page)
        else:
            response = rendered(request, OrderForm(page), **more)
        response["Content-Language"] = translation.get_language() or "en"
    return _kept_private(response)


@require_safe
def stylesheet(request: HttpRequest, page_id: str) -> HttpResponse:
    """The seller's colour. Its address changes with the colour, so it can be kept for ever."""
    color = _find(page_id).merchant.brand_color
    response = HttpResponse(brand.stylesheet(color), content_type="text/css; charset=utf-8")
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


@require_safe
def button(request: HttpRequest, page_id: str) -> HttpResponse:
    """The look of a link on another site that leads here, in the seller's colour."""
    sheet = brand.button_stylesheet(_find(page_id).merchant.brand_color)
    response = HttpResponse(sheet, content_type="text/css; charset=utf-8")
    response["Cache-Control"] = "public, max-age=3600"
    return response


def slug_of(page: CheckoutPage, key: str) -> str | None:
    """The slug of this page's issued invoice that a link brings; None if it is no such thing."""
    if not key.isascii() or not key.isalnum():
        return None
    invoices = Invoice.objects.filter(checkout_page=page, slug=key).exclude(status="draft")
    return invoices.values_list("slug", flat=True).first()


def _find(page_id: str) -> CheckoutPage:
    rows = CheckoutPage.objects.select_related("merchant__logo").prefetch_related("items")
    page = rows.filter(public_id=page_id).first()
    if page is None:
        raise Http404
    return page


def _begin(request: HttpRequest, page: CheckoutPage) -> HttpResponse:
    form = OrderForm(page, request.POST)
    payer = Actor("payer", name="Payer", request_id=getattr(request, "request_id", ""))
    who = throttling.client_address(request)
    try:
        throttling.count(request, "public", who)
        # Whoever tries stolen cards begins again and again, on one page or from one address.
        throttling.count(request, "begin", f"{page.public_id}:{who}")
        throttling.count(request, "page", page.public_id)
        order = form.read()
        with acting(payer):
            invoice = begin_sale(page.pk, order)
    except throttling.Refused as refusal:
        sorry = _("That was asked for too often. Please try again in a few minutes.")
        response = rendered(request, form, status=429, error=sorry)
        response["Retry-After"] = str(refusal.seconds)
        return response
    except ValidationFailed as refusal:
        form.refuse(refusal)
        return rendered(request, form, status=422)
    except InvalidState:
        # It was closed meanwhile: the page says so.
        return see_other(reverse("checkout_page", args=[page.public_id]))
    return see_other(reverse("hosted_invoice", args=[invoice.slug]))


def rendered(
    request: HttpRequest, form: OrderForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    """The page with its form, as it is or with what is wrong."""
    page, merchant = form.page, form.page.merchant
    address = reverse("checkout_page_brand", args=[page.public_id])
    context = {
        "page": page,
        "form": form,
        "merchant": merchant,
        "back": back_to(page, page.cancel_url),
        "seller": documents.Party.of(documents.snapshot_of_seller(merchant)),
        "logo": merchant.logo.data_uri if merchant.logo else "",
        "brand_url": f"{address}?{urlencode({'v': merchant.brand_color.lstrip('#')})}",
        **more,
    }
    return render(request, "pages/checkout.html", context, status=status)


def _kept_private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "private, no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return response
