"""What happens after a failed charge: the merchant's rules, and those of one schedule."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import posted
from invoicing.errors import BillhookError
from payments import dunning
from payments.actions import recurring as actions
from payments.dashboard.dunning_forms import (
    OWN,
    USUAL,
    OwnRulesForm,
    PolicyForm,
    initial_of,
    rows_of,
)
from payments.dashboard.recurring import schedule_of
from payments.models import DunningPolicy
from payments.recurring import ANNOUNCE_DAYS, rules_of


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write")
def policy(request: MerchantRequest) -> HttpResponse:
    """How this merchant's failed charges are tried again."""
    known = DunningPolicy.objects.filter(merchant=request.merchant).first()
    rules = dunning.read_rules(known.rules if known else None)
    announced = known.announce_days if known else ANNOUNCE_DAYS
    initial = {**initial_of(rules), "announce_days": str(announced)}
    reshaped = PolicyForm.reshaped(request.POST, initial)
    form = reshaped or PolicyForm(posted(request), rows=rows_of(rules), initial=initial)
    if form.is_bound and form.is_valid():
        actions.set_dunning(request.merchant, form.input)
        messages.success(request, _("Saved. Tries that are planned already stay so."))
        return redirect("dashboard:recurring")
    status = 422 if form.errors else 200
    return page(request, "recurring/policy.html", "recurring", {"form": form}, status=status)


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:recurring_charge")
def own(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Whether a schedule's failed charges are tried again as usual, or by rules of its own."""
    row = schedule_of(request.merchant, public_id)
    rules = rules_of(row)
    initial = {**initial_of(rules), "mode": USUAL if row.dunning is None else OWN}
    reshaped = OwnRulesForm.reshaped(request.POST, initial)
    form = reshaped or OwnRulesForm(posted(request), rows=rows_of(rules), initial=initial)
    if form.is_bound and form.is_valid():
        try:
            actions.update_recurring(request.merchant, public_id, form.input)
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Saved. Tries that are planned already stay so."))
            return redirect("dashboard:recurring_charge", public_id)
    status = 422 if form.errors else 200
    context = {"form": form, "row": row}
    return page(request, "recurring/own_rules.html", "recurring", context, status=status)
