"""A checkout page at `/pay/{id}`: what is sold there, and where a payer begins.

Anybody may see it, and it tells nothing of anybody's invoice: an invoice is opened by its slug,
which a link may bring along as `key`. As on other payers' pages no cookie is set.
"""

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from checkout import sales
from checkout.inputs import PayerInput
from checkout.models import CheckoutPage
from checkout.pages import brand
from checkout.pages.invoice import see_other
from invoicing import documents, inputs, languages
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
    merchant = page.merchant
    browsers = languages.spoken(translation.get_language_from_request(request))
    with translation.override(browsers or merchant.language or "en"):
        response = _begin(request, page) if request.method == "POST" else _page(request, page)
        response["Content-Language"] = translation.get_language() or "en"
    return _kept_private(response)


@require_safe
def stylesheet(request: HttpRequest, page_id: str) -> HttpResponse:
    """The seller's colour. Its address changes with the colour, so it can be kept for ever."""
    color = _find(page_id).merchant.brand_color
    response = HttpResponse(brand.stylesheet(color), content_type="text/css; charset=utf-8")
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


def slug_of(page: CheckoutPage, key: str) -> str | None:
    """The slug of this page's issued invoice that a link brings; None if it is no such thing."""
    if not key.isascii() or not key.isalnum():
        return None
    invoices = Invoice.objects.filter(checkout_page=page, slug=key).exclude(status="draft")
    return invoices.values_list("slug", flat=True).first()


def _find(page_id: str) -> CheckoutPage:
    rows = CheckoutPage.objects.select_related("merchant__logo")
    page = rows.filter(public_id=page_id).first()
    if page is None:
        raise Http404
    return page


def _begin(request: HttpRequest, page: CheckoutPage) -> HttpResponse:
    typed = {name: request.POST.get(name, "").strip() for name in ("name", "email")}
    payer = Actor("payer", name="Payer", request_id=getattr(request, "request_id", ""))
    try:
        throttling.count(request, "public", throttling.client_address(request))
        wanted = inputs.read(PayerInput, typed)
        with acting(payer):
            invoice = sales.begin(page, wanted)
    except throttling.Refused as refusal:
        sorry = _("That was asked for too often. Please try again in a minute.")
        response = _page(request, page, status=429, typed=typed, error=sorry)
        response["Retry-After"] = str(refusal.seconds)
        return response
    except ValidationFailed as refusal:
        problems = {
            "name": _("Please write your name, in up to 200 characters."),
            "email": _("Please write an email address such as name@example.com."),
        }
        errors = {name: problems[name] for name, _message in refusal.fields if name in problems}
        return _page(request, page, status=422, typed=typed, errors=errors)
    except InvalidState:
        # It was closed meanwhile: the page says so.
        return see_other(reverse("checkout_page", args=[page.public_id]))
    return see_other(reverse("hosted_invoice", args=[invoice.slug]))


def _page(
    request: HttpRequest, page: CheckoutPage, *, status: int = 200, **more: Any
) -> HttpResponse:
    merchant = page.merchant
    address = reverse("checkout_page_brand", args=[page.public_id])
    context = {
        "page": page,
        "merchant": merchant,
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
