"""Customers: who is billed, what they owe, and what stands on file about them."""

from typing import Any

from django.contrib import messages
from django.db.models import Case, Count, F, IntegerField, Q, Sum, Value, When
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from invoicing.actions import customers as actions
from invoicing.dashboard import choices
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import AddressForm, Choice, Text, posted, seen_by
from invoicing.dashboard.lists import page_of
from invoicing.dashboard.once import once
from invoicing.dashboard.reminder_state import choice_in_words
from invoicing.documents import Address, Party
from invoicing.errors import BillhookError, NotFound
from invoicing.inputs import CustomerChanges, CustomerInput
from invoicing.models import Customer, Merchant
from invoicing.templatetags.money import language, locale_of

SCHEDULES_SHOWN = 10


class CustomerForm(AddressForm):
    """What stands on file about a customer."""

    reads = CustomerInput
    name = Text(gettext_lazy("Name"))
    email = Text(gettext_lazy("Email"), attrs={"inputmode": "email"})
    phone = Text(gettext_lazy("Phone"), attrs={"inputmode": "tel"})
    tax_exempt = Choice(gettext_lazy("Tax"), Customer.TaxExempt.choices)
    currency = Choice(gettext_lazy("Currency"))
    language = Choice(gettext_lazy("Language of documents"))

    def __init__(self, *args: Any, merchant: Merchant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        default = _("As your business (%(code)s)") % {"code": merchant.currency}
        language_now = self["language"].value() or ""
        self.offer(
            currency=choices.currencies(default),
            language=choices.languages(language_now, blank=_("As your business")),
        )

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            **{name: data.get(name, "") for name in ("name", "email", "phone", "language")},
            "tax_exempt": data.get("tax_exempt") or "none",
            "currency": data.get("currency") or None,
            **self.address_wanted(),
        }


class CustomerChangesForm(CustomerForm):
    """The same, for a customer who is on file already."""

    reads = CustomerChanges


@require_safe
@merchant_page("customers:read")
def index(request: MerchantRequest) -> HttpResponse:
    """Every customer, newest first, by name or email."""
    archived = request.GET.get("archived") == "1"
    rows = request.merchant.customers.filter(archived_at__isnull=not archived)
    found = page_of(request, choices.matching(rows, request.GET.get("q", "")))
    # One page of customers and what each has open, in two queries however many there are.
    owed: dict[int, list[tuple[str, int]]] = {}
    asked = request.merchant.invoices.filter(
        status__in=["open", "paying"], customer__in=[row.pk for row in found.rows]
    )
    sums = asked.values("customer_id", "currency").annotate(due=_DUE)
    for row in sums.order_by("customer_id", "currency"):
        owed.setdefault(row["customer_id"], []).append((row["currency"], row["due"]))
    people = [(row, owed.get(row.pk, [])) for row in found.rows]
    context = {"found": found, "people": people, "archived": archived}
    return page(request, "customers/list.html", "customers", context)


@require_safe
@merchant_page("customers:read")
def show(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One customer: what they were billed, what they owe, what stands on file."""
    customer = customer_of(request.merchant, public_id)
    issued = customer.invoices.exclude(status__in=["draft", "void"])
    totals = (
        issued.values("currency")
        .annotate(count=Count("pk"), billed=Sum("total"), paid=Sum(F("amount_paid")), due=_DUE)
        .order_by("currency")
    )
    party = Party(
        name=customer.name,
        address=Address(**customer.address),
        tax_ids=tuple((row["type"], row["value"]) for row in customer.tax_ids),
    )
    schedules = list(customer.recurring_charges.order_by("-pk")[: SCHEDULES_SHOWN + 1])
    context = {
        "customer": customer,
        "schedules": schedules[:SCHEDULES_SHOWN],
        "more_schedules": len(schedules) > SCHEDULES_SHOWN,
        "totals": totals,
        "address": party.address.lines(locale_of(language())),
        "tax_ids": party.labelled_tax_ids,
        "methods": list(customer.payment_methods.exclude(status="detached").order_by("-pk")),
        "setup": customer.method_setups.filter(status="pending").exclude(url="").last(),
        "credits": list(customer.ledger_accounts.filter(balance__gt=0).order_by("asset")),
        "latest": customer.invoices.order_by("-pk")[:10],
        "reminders": choice_in_words(customer),
        "metadata": sorted(customer.metadata.items()),
    }
    return page(request, "customers/detail.html", "customers", context)


@require_http_methods(["GET", "POST"])
@merchant_page("customers:write")
def create(request: MerchantRequest) -> HttpResponse:
    """Put a customer on file."""
    initial = {
        "tax_exempt": "none",
        "name": request.GET.get("name", "")[:200],
        "email": request.GET.get("email", "")[:254],
    }
    form = CustomerForm(posted(request), merchant=request.merchant, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            done = once(
                request, lambda: actions.create_customer(request.merchant, form.input), _address_of
            )
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            if done.result is not None:
                messages.success(request, _("%(name)s is on file.") % {"name": done.result.name})
            return redirect(done.where)
    context = {"form": form}
    status = 422 if form.is_bound else 200
    return page(request, "customers/edit.html", "customers", context, status=status)


@require_http_methods(["GET", "POST"])
@merchant_page("customers:write")
def edit(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Change what stands on file, unless somebody else has since it was opened."""
    customer = customer_of(request.merchant, public_id)
    fields = ("name", "email", "phone", "tax_exempt", "currency", "language", "tax_ids")
    initial = {name: getattr(customer, name) for name in fields}
    initial |= CustomerForm.address_initial(customer.address)
    form = CustomerChangesForm(posted(request), merchant=request.merchant, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            actions.update_customer(
                request.merchant,
                public_id,
                form.input,
                seen=seen_by(request),
            )
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect(_address_of(customer))
    seen = request.POST.get("seen") or customer.updated_at.isoformat()
    context = {"form": form, "customer": customer, "seen": seen}
    status = 422 if form.is_bound else 200
    return page(request, "customers/edit.html", "customers", context, status=status)


@require_http_methods(["GET", "POST"])
@merchant_page("customers:write", back="dashboard:customer")
def delete(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Remove a customer who was never billed, or archive one who was."""
    customer = customer_of(request.merchant, public_id)
    if request.method == "GET":
        context = {"customer": customer, "was_billed": customer.invoices.exists()}
        return page(request, "customers/delete.html", "customers", context)
    kept = actions.delete_customer(request.merchant, public_id)
    if kept is None:
        messages.success(request, _("%(name)s is deleted.") % {"name": customer.name})
        return redirect("dashboard:customers")
    messages.success(request, _("%(name)s is archived.") % {"name": customer.name})
    return redirect(_address_of(customer))


@require_POST
@merchant_page("customers:write", back="dashboard:customer")
def restore(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Take an archived customer back."""
    customer = actions.restore_customer(request.merchant, public_id)
    messages.success(request, _("%(name)s is back.") % {"name": customer.name})
    return redirect(_address_of(customer))


def customer_of(merchant: Merchant, public_id: str) -> Customer:
    """This merchant's customer. Raises NotFound."""
    customer = merchant.customers.filter(public_id=public_id).first()
    if customer is None:
        raise NotFound(_("There is no such customer."))
    return customer


# What is still asked for: nothing once an invoice is void, expired or written off.
_DUE = Sum(
    Case(
        When(
            Q(status__in=["open", "paying"], total__gt=F("amount_paid") + F("amount_credited")),
            then=F("total") - F("amount_paid") - F("amount_credited"),
        ),
        default=Value(0),
        output_field=IntegerField(),
    )
)


def _address_of(customer: Customer) -> str:
    return reverse("dashboard:customer", args=[customer.public_id])
