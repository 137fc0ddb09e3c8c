"""Checkout pages in the dashboard: what there is, one with its sales, made and changed."""

from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import segno
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from checkout import ordering, sales
from checkout.actions import checkout_pages as actions
from checkout.dashboard.page_form import PageChangesForm, PageForm, initial_of, reshaped, rows_of
from checkout.dashboard.page_words import api_call, button_snippet, frame_snippet
from checkout.inputs import CheckoutItemInput, CheckoutPageChanges, CheckoutSettingsChanges
from checkout.models import CheckoutItem, CheckoutPage
from checkout.page_writing import origins_of, set_money, set_plain
from checkout.pages import brand
from checkout.pages.order_form import OrderForm
from invoicing import clock, documents
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import InputForm, Text, posted, seen_by
from invoicing.dashboard.lists import page_of
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError, NotFound
from invoicing.models import Merchant
from invoicing.representations import public_url

SECTION: Final = "checkout_pages"
STATES: Final = ("active", "inactive", "archived")
FRAME: Final = "dashboard/checkout_pages/_frame.html"
LATELY: Final = timedelta(days=30)


@require_safe
@merchant_page("checkout:read")
def index(request: MerchantRequest) -> HttpResponse:
    """Every page, newest first, by title or state, with what was sold there."""
    state = request.GET.get("state", "")
    rows = request.merchant.checkout_pages.select_related("merchant").prefetch_related("items")
    rows = rows.filter(archived_at__isnull=state != "archived")
    if state in ("active", "inactive"):
        rows = rows.filter(active=state == "active")
    search = request.GET.get("q", "").strip()[:100].replace("\x00", "")
    if search:
        rows = rows.filter(title__icontains=search)
    found = page_of(request, rows)
    sold = sales.totals_of_pages(request.merchant, [row.pk for row in found.rows])
    pages = [(row, sold.get(row.pk, [])) for row in found.rows]
    context = {"found": found, "pages": pages, "state": state, "states": STATES}
    return page(request, "checkout_pages/list.html", SECTION, context)


@require_safe
@merchant_page("checkout:read")
def show(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One page: its address, what it asks for, and what was sold."""
    row = page_named(request.merchant, public_id)
    at = clock.now(request.merchant)
    mine = sales.sales_of(request.merchant, row.public_id)
    found = page_of(request, mine)
    lately = sales.since(mine, at - LATELY)
    sold = ordering.sold_of(row, at) if row.asks == "items" else {}
    url = public_url(f"/pay/{row.public_id}")
    context = {
        "row": row,
        "url": url,
        "qr": segno.make(url, micro=False, error="m").svg_data_uri(
            border=2, dark="#000", light="#fff"
        ),
        "button": button_snippet(row),
        "frame": frame_snippet(row),
        "api_call": api_call(row),
        "items": [(item, sold.get(item.pk, 0)) for item in row.on_sale],
        "uses": ordering.uses_of(row, at) if row.max_uses is not None else None,
        "found": found,
        "totals": sales.totals(mine),
        "by_day": sales.totals_by_day(lately, request.merchant.timezone),
        "by_rail": sales.totals_by_rail(lately),
    }
    return page(request, "checkout_pages/detail.html", SECTION, context)


@require_http_methods(["GET", "POST"])
@merchant_page("checkout:write")
def create(request: MerchantRequest) -> HttpResponse:
    """Make a page."""
    initial = {"asks": "amount", "active": True}
    return _edited(request, None, initial, {"item": [], "question": []})


@require_http_methods(["GET", "POST"])
@merchant_page("checkout:write", back="dashboard:checkout_page")
def edit(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Change a page, unless somebody else has since it was opened."""
    row = page_named(request.merchant, public_id)
    initial = initial_of(row)
    if row.expires_at:
        zone = ZoneInfo(request.merchant.timezone)
        initial |= {"expires_at": row.expires_at.astimezone(zone).date(), "ends": row.expires_at}
    return _edited(request, row, initial, rows_of(row))


def _edited(
    request: MerchantRequest,
    row: CheckoutPage | None,
    initial: dict[str, Any],
    rows: dict[str, list[dict[str, str]]],
) -> HttpResponse:
    """The editor, as one of its buttons asks."""
    reads = PageChangesForm if row else PageForm
    do = request.POST.get("do", "")
    changed = reshaped(request.POST, do) if request.method == "POST" else None
    if changed is not None:
        typed: dict[str, Any] = {name: request.POST.get(name, "") for name in PageForm.base_fields}
        typed["rails"] = request.POST.getlist("rails")
        form = reads(merchant=request.merchant, rows=changed, initial=typed)
        return _editor(request, row, form)
    form = reads(posted(request), merchant=request.merchant, rows=rows, initial=initial)
    if request.method == "POST" and do == "preview":
        shown = _preview(request, form)
        if request.htmx:
            frame = {"frame": shown}
            there = bool(shown)
            return render(request, FRAME, frame) if there else HttpResponse(status=204)
        return _editor(request, row, form, shown)
    if request.method == "POST" and form.is_valid():
        try:
            done = once(request, lambda: _saved(request, row, form.input), _address_of)
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            if done.result is not None:
                messages.success(request, _("Saved.") if row else _("Your page is ready."))
            return redirect(done.where)
    shown = rendered_page(request, row) if row and not form.is_bound else ""
    return _editor(request, row, form, shown)


def _saved(request: MerchantRequest, row: CheckoutPage | None, wanted: Any) -> CheckoutPage:
    if row is None:
        return actions.create_checkout_page(request.merchant, wanted)
    seen = seen_by(request)
    return actions.update_checkout_page(request.merchant, row.public_id, wanted, seen=seen)


def _editor(
    request: MerchantRequest, row: CheckoutPage | None, form: PageForm, shown: str = ""
) -> HttpResponse:
    seen = request.POST.get("seen") or (row.updated_at.isoformat() if row else "")
    origins = origins_of(request.merchant)
    context = {"form": form, "row": row, "seen": seen, "frame": shown, "origins": origins}
    status = 422 if form.errors else 200
    return page(request, "checkout_pages/edit.html", SECTION, context, status=status)


def _preview(request: MerchantRequest, form: PageForm) -> str:
    """The page that a form would make, as a document; nothing while something is wrong with it."""
    if not form.is_valid():
        return ""
    at = clock.now(request.merchant)
    row = CheckoutPage(merchant=request.merchant, created_at=at, updated_at=at)
    try:
        set_plain(row, form.input, set(type(form.input).model_fields))
        kept = set_money(row, form.input.model_copy(update={"items": _afresh(form.input.items)}))
    except BillhookError as refusal:
        form.refuse(refusal)
        return ""
    row.unsaved = [CheckoutItem(**one.values) for one in kept]
    return rendered_page(request, row)


def _afresh(items: list[CheckoutItemInput]) -> list[CheckoutItemInput]:
    """Items without their ids, by which only a page that is saved knows them."""
    return [item.model_copy(update={"id": None}) for item in items]


def rendered_page(request: MerchantRequest, row: CheckoutPage) -> str:
    """A page as its payers would see it, with nothing in it that does something."""
    merchant = request.merchant
    color = {"v": merchant.brand_color.lstrip("#")}
    context = {
        "page": row,
        "form": OrderForm(row, is_preview=True),
        "merchant": merchant,
        "seller": documents.Party.of(documents.snapshot_of_seller(merchant)),
        "logo": merchant.logo.data_uri if merchant.logo else "",
        "brand_url": f"{reverse('dashboard:checkout_page_colors')}?{urlencode(color)}",
    }
    return render_to_string("pages/checkout.html", context, request)


@require_safe
@merchant_page("checkout:read")
def colors(request: MerchantRequest) -> HttpResponse:
    """The merchant's colour, for a preview of a page that is not there yet."""
    sheet = brand.stylesheet(request.merchant.brand_color)
    return HttpResponse(sheet, content_type="text/css; charset=utf-8")


# What happens to it


@require_POST
@merchant_page("checkout:write", back="dashboard:checkout_page")
def activate(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Let payers begin there, or not any more, as the button says."""
    active = request.POST.get("active") == "1"
    changes = CheckoutPageChanges(active=active)
    row = actions.update_checkout_page(request.merchant, public_id, changes)
    said = _("Payers can begin there.") if active else _("Nobody can begin there now.")
    messages.success(request, said)
    return redirect(_address_of(row))


@require_http_methods(["GET", "POST"])
@merchant_page("checkout:write", back="dashboard:checkout_page")
def archive(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Close a page for good, once that is confirmed."""
    row = page_named(request.merchant, public_id)
    if request.method == "POST":
        actions.archive_checkout_page(request.merchant, public_id)
        messages.success(request, _("%(title)s is archived.") % {"title": row.title})
        return redirect("dashboard:checkout_pages")
    context = {
        "heading": _("Archive %(title)s?") % {"title": row.title},
        "explanation": _(
            "Its link leads nowhere any more, for good. Its sales stay, and what was begun there "
            "can still be paid."
        ),
        "button": _("Archive"),
        "danger": True,
        "back": _address_of(row),
        "back_name": row.title,
    }
    return page(request, "confirm.html", SECTION, context)


class OriginsForm(InputForm):
    """Where payers may be sent afterwards."""

    reads = CheckoutSettingsChanges
    return_origins = Text(
        gettext_lazy("Sites"),
        lines=4,
        attrs={"spellcheck": "false"},
        help_text=gettext_lazy(
            "One to a line, such as https://shop.example.com. Pages can lead to these sites only."
        ),
    )

    def wanted(self) -> dict[str, Any]:
        return {"return_origins": self.cleaned_data.get("return_origins", "").split()}


@require_http_methods(["GET", "POST"])
@merchant_page("checkout:write")
def origins(request: MerchantRequest) -> HttpResponse:
    """Say where payers may be sent afterwards."""
    initial = {"return_origins": "\n".join(origins_of(request.merchant))}
    form = OriginsForm(posted(request), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            actions.update_checkout_settings(request.merchant, form.input)
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect("dashboard:checkout_pages")
    context = {
        "form": form,
        "heading": _("Where payers may go afterwards"),
        "explanation": _(
            "After paying, a checkout page can lead payers back to a site of yours. So that no "
            "link can lead them anywhere else, name those sites here."
        ),
        "button": _("Save"),
        "back": reverse("dashboard:checkout_pages"),
        "back_name": _("Checkout pages"),
    }
    status = 422 if form.errors else 200
    return page(request, "form.html", SECTION, context, status=status)


def page_named(merchant: Merchant, public_id: str) -> CheckoutPage:
    """This merchant's checkout page. Raises NotFound."""
    rows = merchant.checkout_pages.select_related("merchant__logo", "wallet")
    row = rows.prefetch_related("items").filter(public_id=public_id).first()
    if row is None:
        raise NotFound(_("There is no such checkout page."))
    return row


def _address_of(row: CheckoutPage) -> str:
    return reverse("dashboard:checkout_page", args=[row.public_id])
