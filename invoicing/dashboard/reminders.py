"""Reminders in the dashboard: the rules with their mails, a customer's own, and an invoice's."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from invoicing import clock, reminder_mails, reminder_rules
from invoicing.actions import customers as customer_actions
from invoicing.actions import reminders as actions
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.customers import customer_of
from invoicing.dashboard.forms import Day, InputForm, posted
from invoicing.dashboard.invoices import address_of, whole_invoice
from invoicing.dashboard.once import once
from invoicing.dashboard.reminder_rows import (
    CustomerRemindersForm,
    RemindersForm,
    repeats_of,
    row_of,
    words,
)
from invoicing.errors import BillhookError
from invoicing.inputs import CustomerChanges
from invoicing.models import Merchant
from invoicing.reminder_inputs import PauseInput, stored


@require_http_methods(["GET", "POST"])
@merchant_page("settings:write")
def rules(request: MerchantRequest) -> HttpResponse:
    """The merchant's rules, and what their mails say."""
    merchant = request.merchant
    chosen = reminder_rules.settings_of(merchant.reminders)
    initial = {**repeats_of(chosen["rules"]), "enabled": chosen["enabled"], "hour": chosen["hour"]}
    rows = [row_of(rule) for rule in chosen["rules"]]
    reshaped = RemindersForm.reshaped(request.POST, initial)
    form = reshaped or RemindersForm(posted(request), rows=rows, initial=initial)
    shown = chosen["rules"]
    if form.is_bound and form.is_valid():
        try:
            if "preview" not in request.POST:
                actions.set_reminders(merchant, form.input)
                messages.success(request, _("Saved."))
                return redirect("dashboard:settings_reminders")
            shown = stored(form.input.rules, merchant.currency, "rules")
        except BillhookError as refusal:
            form.refuse(refusal)
    context = {
        "form": form,
        "tab": "reminders",
        "mails": _mails(merchant, shown),
        "previewed": "preview" in request.POST and not form.errors,
    }
    status = 422 if form.errors else 200
    return page(request, "settings/reminders.html", "settings", context, status=status)


def _mails(merchant: Merchant, rows: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """What each rule's mail would say, and when."""
    at = clock.now(merchant)
    return [
        (words(rule.days), reminder_mails.sample(merchant, rule, at))
        for rule in reminder_rules.rules_of(rows)
    ]


@require_http_methods(["GET", "POST"])
@merchant_page("customers:write")
def customers(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Whether the merchant's rules hold for a customer."""
    merchant, customer = request.merchant, customer_of(request.merchant, public_id)
    choice = reminder_rules.choice_of(customer.reminders)
    offered = choice["rules"] or reminder_rules.settings_of(merchant.reminders)["rules"]
    initial = {**repeats_of(offered), "mode": choice["mode"]}
    rows = [row_of(rule) for rule in offered]
    reshaped = CustomerRemindersForm.reshaped(request.POST, initial, merchant=merchant)
    form = reshaped or CustomerRemindersForm(
        posted(request), rows=rows, initial=initial, merchant=merchant
    )
    if form.is_bound and form.is_valid():
        changes = CustomerChanges.model_construct({"reminders"}, reminders=form.input)
        try:
            customer_actions.update_customer(merchant, public_id, changes)
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect("dashboard:customer", public_id)
    context = {"form": form, "customer": customer}
    status = 422 if form.errors else 200
    return page(request, "customers/reminders.html", "customers", context, status=status)


class PauseForm(InputForm):
    """Until when."""

    reads = PauseInput
    until = Day(
        gettext_lazy("Until the end of"),
        help_text=gettext_lazy("Empty: until you resume them."),
    )

    def wanted(self) -> dict[str, Any]:
        return {"until": self.cleaned_data.get("until") or None}


@require_http_methods(["GET", "POST"])
@merchant_page("invoices:write", back="dashboard:invoice")
def pause(request: MerchantRequest, reference: str) -> HttpResponse:
    """Send none of this invoice for a while."""
    invoice = whole_invoice(request.merchant, reference)
    form = PauseForm(posted(request))
    if form.is_bound and form.is_valid():
        try:
            actions.pause_reminders(request.merchant, invoice.public_id, form.input)
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Reminders are paused."))
            return redirect("dashboard:invoice", invoice.public_id)
    context = {
        "form": form,
        "heading": _("Pause reminders of %(number)s") % {"number": invoice},
        "explanation": _("What falls into the pause comes as one reminder on the morning after."),
        "button": _("Pause"),
        "back": reverse("dashboard:invoice", args=[invoice.public_id]),
        "back_name": str(invoice),
    }
    status = 422 if form.errors else 200
    return page(request, "form.html", "invoices", context, status=status)


@require_POST
@merchant_page("invoices:write", back="dashboard:invoice")
def resume(request: MerchantRequest, reference: str) -> HttpResponse:
    """Let them go on."""
    done = once(request, lambda: actions.resume_reminders(request.merchant, reference), address_of)
    if done.result is not None:
        messages.success(request, _("Reminders go on."))
    return redirect(done.where)


@require_POST
@merchant_page("invoices:write", back="dashboard:invoice")
def send(request: MerchantRequest, reference: str) -> HttpResponse:
    """Remind the payer now."""
    done = once(request, lambda: actions.send_reminder(request.merchant, reference), address_of)
    if done.result is not None:
        to = {"to": done.result.recipient_email}
        messages.success(request, _("A reminder is on its way to %(to)s.") % to)
    return redirect(done.where)
