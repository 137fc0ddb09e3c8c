"""What a merchant says of itself, how its documents look, and how its invoices are numbered."""

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from invoicing.actions import merchants as actions
from invoicing.dashboard import choices
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import AddressForm, Check, Choice, InputForm, Text, posted, whole
from invoicing.dashboard.logo import read_logo
from invoicing.errors import BillhookError
from invoicing.inputs import MerchantChanges, NumberingInput
from invoicing.models import Merchant, NumberSeries


class BusinessForm(AddressForm):
    """Who the merchant is, and what it begins an invoice with."""

    reads = MerchantChanges
    name = Text(gettext_lazy("Name"), attrs={"autocomplete": "organization"})
    legal_name = Text(
        gettext_lazy("Legal name"), help_text=gettext_lazy("Where it differs from the name.")
    )
    email = Text(
        gettext_lazy("Email"),
        attrs={"inputmode": "email", "autocomplete": "email"},
        help_text=gettext_lazy("Answers to your invoices go here."),
    )
    phone = Text(gettext_lazy("Phone"), attrs={"inputmode": "tel", "autocomplete": "tel"})
    website = Text(gettext_lazy("Website"), attrs={"inputmode": "url", "autocomplete": "url"})
    currency = Choice(gettext_lazy("Currency"))
    due_days = Text(
        gettext_lazy("Days until an invoice is due"),
        attrs={"inputmode": "numeric"},
        help_text=gettext_lazy("Where the invoice itself names no due date. 0 to 365."),
    )
    timezone = Choice(gettext_lazy("Time zone"))
    language = Choice(
        gettext_lazy("Language of documents"),
        help_text=gettext_lazy("A customer's own language goes first."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(
            currency=choices.currencies(),
            timezone=choices.timezones(),
            language=choices.languages(str(self["language"].value())),
        )

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        plain = ("name", "legal_name", "email", "phone", "website", "currency", "timezone")
        return {
            **{name: data.get(name, "") for name in (*plain, "language")},
            "due_days": whole(data.get("due_days", "")),
            **self.address_wanted(),
        }


class BrandingForm(InputForm):
    """How documents and payment pages look."""

    reads = MerchantChanges
    brand_color = Text(
        gettext_lazy("Brand colour"), widget=forms.TextInput(attrs={"type": "color"})
    )
    logo = forms.FileField(
        label=gettext_lazy("Logo"),
        required=False,
        help_text=gettext_lazy("PNG, JPEG, GIF or WebP, up to 1 MB. Transparency is kept."),
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/gif,image/webp"}),
    )
    remove_logo = Check(gettext_lazy("Remove the logo"))
    paper = Choice(gettext_lazy("Paper"), Merchant.Paper.choices)
    footer = Text(
        gettext_lazy("Footer of documents"),
        lines=3,
        help_text=gettext_lazy("Bank details or registration, for example."),
    )
    # The logo as it is to be kept; None leaves it as it is.
    new_logo: str | None = None

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            "brand_color": data.get("brand_color", "").lower(),
            "paper": data.get("paper", ""),
            "footer": data.get("footer", ""),
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("logo"):
            try:
                self.new_logo = read_logo(cleaned["logo"])
            except BillhookError as refusal:
                self.refuse(refusal)
        elif cleaned.get("remove_logo"):
            self.new_logo = ""
        return cleaned


class NumberingForm(InputForm):
    """How the next number is printed."""

    reads = NumberingInput
    aliases: ClassVar[dict[str, str]] = {"prefix": "number_prefix"}
    # A form has a prefix of its own, so the field is not called that.
    number_prefix = Text(
        gettext_lazy("Prefix"),
        attrs={"autocapitalize": "characters"},
        help_text=gettext_lazy(
            "Up to 12 capital letters, digits and . _ / -, not ending in a digit."
        ),
    )
    padding = Text(
        gettext_lazy("Digits"),
        attrs={"inputmode": "numeric"},
        help_text=gettext_lazy("Shorter numbers are filled up with zeros. 1 to 12."),
    )

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {"prefix": data.get("number_prefix", ""), "padding": whole(data.get("padding", ""))}


@require_http_methods(["GET", "POST"])
@merchant_page("settings:write")
def business(request: MerchantRequest) -> HttpResponse:
    """Name, address, tax ids, and the defaults of a new invoice."""
    merchant = request.merchant
    fields = ("name", "legal_name", "email", "phone", "website", "currency", "timezone")
    initial = {name: getattr(merchant, name) for name in (*fields, "language", "due_days")}
    initial |= {"tax_ids": merchant.tax_ids, **BusinessForm.address_initial(merchant.address)}
    form = BusinessForm(posted(request), initial=initial)
    if request.method == "POST" and form.is_valid():
        actions.update_merchant(merchant, form.input)
        return _saved(request, "dashboard:settings")
    return _page(request, "settings/business.html", "business", form)


@require_http_methods(["GET", "POST"])
@merchant_page("settings:write")
def branding(request: MerchantRequest) -> HttpResponse:
    """Colour, logo, paper and footer."""
    merchant = request.merchant
    initial = {name: getattr(merchant, name) for name in ("brand_color", "paper", "footer")}
    form = BrandingForm(posted(request), request.FILES or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        actions.update_merchant(merchant, form.input)
        if form.new_logo is not None:
            actions.set_logo(merchant, form.new_logo)
        return _saved(request, "dashboard:settings_branding")
    return _page(request, "settings/branding.html", "branding", form)


@require_http_methods(["GET", "POST"])
@merchant_page("settings:write")
def numbering(request: MerchantRequest) -> HttpResponse:
    """Prefix and padding of each kind of number, with the next one as it would be printed."""
    shown = {each.kind: _numbers(request, each) for each in _series(request.merchant)}
    chosen = shown.get(request.POST.get("kind", ""))
    if chosen and chosen["form"].is_valid() and request.POST.get("do") != "preview":
        kind = NumberSeries.Kind(chosen["series"].kind)
        actions.set_numbering(request.merchant, chosen["form"].input, kind)
        return _saved(request, "dashboard:settings_numbering")
    if request.htmx and chosen:
        return page(request, "settings/_next_number.html", "settings", {"numbers": chosen})
    wrong = chosen is not None and bool(chosen["form"].errors)
    context = {"tab": "numbering", "all_numbers": list(shown.values())}
    return page(
        request, "settings/numbering.html", "settings", context, status=422 if wrong else 200
    )


def _series(merchant: Merchant) -> list[NumberSeries]:
    return sorted(merchant.number_series.all(), key=lambda series: series.kind, reverse=True)


def _numbers(request: MerchantRequest, series: NumberSeries) -> dict[str, Any]:
    """One counter, its form, and the next number as the form would have it printed."""
    is_meant = request.method == "POST" and request.POST.get("kind") == series.kind
    form = NumberingForm(
        posted(request) if is_meant else None,
        initial={"number_prefix": series.prefix, "padding": series.padding},
        auto_id="id_%s" if series.kind == NumberSeries.Kind.INVOICE else f"id_{series.kind}_%s",
    )
    wanted = form.input if is_meant and form.is_valid() else series
    following = NumberSeries(
        prefix=wanted.prefix, padding=wanted.padding, last_value=series.last_value + 1
    )
    return {"series": series, "form": form, "next": str(following)}


def _page(
    request: MerchantRequest,
    template: str,
    tab: str,
    form: InputForm,
    more: dict[str, Any] | None = None,
) -> HttpResponse:
    context = {"form": form, "tab": tab, **(more or {})}
    status = 422 if form.errors else 200
    return page(request, template, "settings", context, status=status)


def _saved(request: MerchantRequest, where: str) -> HttpResponse:
    messages.success(request, _("Saved."))
    return redirect(where)
