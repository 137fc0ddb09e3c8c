"""What documents say of a payer: name, address, tax ids and language, as they want them."""

from typing import Any, Final

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from checkout.pages.invoice import see_other
from checkout.pages.portal import PortalRequest, for_payer, page
from invoicing.actions.customers import update_customer
from invoicing.dashboard import choices
from invoicing.dashboard.forms import AddressForm, Choice, Text, posted, seen_by
from invoicing.errors import Conflict, ValidationFailed
from invoicing.inputs import CustomerChanges
from invoicing.models import Customer

NOTHING: Final = [("", "–")]


class DetailsForm(AddressForm):
    """What a payer may say of themselves. Their address for mail is who they are here."""

    reads = CustomerChanges
    name = Text(gettext_lazy("Name"), attrs={"autocomplete": "name"})
    phone = Text(gettext_lazy("Phone"), attrs={"inputmode": "tel", "autocomplete": "tel"})
    address_line1 = Text(gettext_lazy("Street and number"), attrs={"autocomplete": "address-line1"})
    address_line2 = Text(gettext_lazy("Floor, suite, c/o"), attrs={"autocomplete": "address-line2"})
    postal_code = Text(gettext_lazy("Postal code"), attrs={"autocomplete": "postal-code"})
    address_city = Text(gettext_lazy("City"), attrs={"autocomplete": "address-level2"})
    address_state = Text(gettext_lazy("State or region"), attrs={"autocomplete": "address-level1"})
    address_country = Choice(gettext_lazy("Country"))
    language = Choice(gettext_lazy("Language"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [*choices.TAX_ID_TYPES[:-1]]
        named = [(key, key.replace("_", " ").upper()) for key, _label in kinds]
        self.offer(
            address_country=[*NOTHING, *choices.countries()[1:]],
            language=choices.languages(str(self["language"].value() or ""), "–"),
            **{
                f"tax_id_{place}_type": [*named, ("other", _("Other"))]
                for place in self.tax_id_places
            },
        )
        for place in self.tax_id_places:
            self.fields[f"tax_id_{place}_type"].label = _("Kind of tax id")
            self.fields[f"tax_id_{place}_value"].label = _("Tax id")

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        plain = {name: data.get(name, "").strip() for name in ("name", "phone", "language")}
        return {**plain, **self.address_wanted()}

    def refuse_field(self, path: str, message: str) -> None:
        """Beside its field, in the payer's language: the domain's own words are for bots."""
        name = self.field_for(path)
        sentence = _("Please write your name, in up to 200 characters.")
        if name != "name":
            sentence = _("This cannot be kept as it is written. Please check it.")
        if not self.errors.get(name or "__all__"):
            self.add_error(name, sentence)


@require_http_methods(["GET", "HEAD", "POST"])
@for_payer
def edit(request: PortalRequest) -> HttpResponse:
    """Show and change them; invoices issued from then on say so."""
    customers = request.payer.customers
    if not customers:
        return page(request, "details.html", {"customers": []}, section="details")
    customer = _chosen(request, customers)
    initial = {name: getattr(customer, name) for name in ("name", "phone", "language", "tax_ids")}
    initial |= DetailsForm.address_initial(customer.address)
    form = DetailsForm(posted(request), initial=initial)
    context: dict[str, Any] = {"form": form, "customer": customer, "customers": customers}
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                changed = _changes(form.input, customer)
                update_customer(
                    request.merchant, customer.public_id, changed, seen=seen_by(request)
                )
            except Conflict:
                context["error"] = _("Something has changed since you looked. Please look again.")
                status = 409
            except ValidationFailed as refusal:
                form.refuse(refusal)
            else:
                where = reverse("portal_details", args=[request.merchant.public_id])
                return see_other(f"{where}?customer={customer.public_id}&done=1")
    if request.GET.get("done") and request.method != "POST":
        context["done"] = _("Saved.")
    return page(request, "details.html", context, section="details", status=status)


def _changes(wanted: CustomerChanges, customer: Customer) -> CustomerChanges:
    """Only what is another now, so that what is told names what the payer has changed."""
    said = wanted.model_dump(include=wanted.model_fields_set)
    kept = {name for name, value in said.items() if getattr(customer, name) != value}
    return CustomerChanges.model_validate(wanted.model_dump(include=kept))


def _chosen(request: PortalRequest, customers: list[Customer]) -> Customer:
    wanted = request.POST.get("customer") or request.GET.get("customer", "")
    found = [row for row in customers if row.public_id == wanted] if wanted else customers
    if not found:
        raise Http404
    return found[0]
