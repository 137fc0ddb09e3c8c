"""What payers may do by themselves in the portal, and where it is."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from checkout import portal
from checkout.actions.portal import set_portal
from checkout.inputs import PortalSettingsInput
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import Check, InputForm, posted


class PortalForm(InputForm):
    """What the merchant lets payers do."""

    reads = PortalSettingsInput
    pause_recurring = Check(gettext_lazy("Pause what recurs for them, and let it go on"))
    cancel_recurring = Check(
        gettext_lazy("Cancel what recurs for them, at the end of the period"),
        help_text=gettext_lazy("You are told by the event recurring_charge.updated or ended."),
    )


@require_http_methods(["GET", "POST"])
@merchant_page("settings:write")
def edit(request: MerchantRequest) -> HttpResponse:
    """The portal's address, and what payers may do there besides looking and paying."""
    chosen = portal.settings_of(request.merchant)
    names = ("pause_recurring", "cancel_recurring")
    form = PortalForm(posted(request), initial={name: getattr(chosen, name) for name in names})
    if request.method == "POST" and form.is_valid():
        set_portal(request.merchant, form.input)
        messages.success(request, _("Saved."))
        return redirect("dashboard:settings_portal")
    context = {"form": form, "tab": "portal", "url": portal.address_of(request.merchant)}
    return page(request, "settings/portal.html", "settings", context)
