"""Recurring charges as their merchant sees them: schedules, periods, failures, and every verb."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.customers import customer_of
from invoicing.dashboard.forms import posted
from invoicing.dashboard.history import MOST, moment_of
from invoicing.dashboard.lists import page_of
from invoicing.errors import BillhookError, NotFound
from invoicing.models import Merchant
from invoicing.templatetags.dashboard import when
from payments.actions import recurring as actions
from payments.dashboard.dunning_forms import in_words
from payments.dashboard.methods import named
from payments.dashboard.recurring_forms import CancelForm, PauseForm
from payments.dashboard.recurring_preview import coming_of
from payments.models import RecurringCharge, RecurringStatus
from payments.recurring import rules_of
from payments.recurring_inputs import PauseInput

PERIODS_SHOWN = 24


@require_safe
@merchant_page("payments:read")
def index(request: MerchantRequest) -> HttpResponse:
    """Every schedule, newest first, by state and customer."""
    state, named_customer = request.GET.get("status", ""), request.GET.get("customer", "")
    rows, customer = _rows(request.merchant), None
    if state:
        rows = rows.filter(status=state)
    if named_customer:
        customer = customer_of(request.merchant, named_customer)
        rows = rows.filter(customer=customer)
    context = {
        "found": page_of(request, rows),
        "states": RecurringStatus.choices,
        "state": state,
        "customer": customer,
    }
    return page(request, "recurring/list.html", "recurring", context)


@require_safe
@merchant_page("payments:read")
def show(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One schedule: what comes next, what was asked for, why it failed, and what happened."""
    row = schedule_of(request.merchant, public_id)
    # Each period is announced, and stands among the periods when it comes.
    happened = request.merchant.events.filter(object_id=public_id).exclude(type="invoice.upcoming")
    events = happened.order_by("-id")[:MOST]
    periods = row.periods.select_related("invoice", "failed_method").order_by("-number")
    context = {
        "row": row,
        "method": row.payment_method and named(row.payment_method),
        "periods": periods[: PERIODS_SHOWN + 1],
        "most": PERIODS_SHOWN,
        **_coming(row),
        "rules": in_words(rules_of(row)),
        "history": [moment_of(event) for event in events],
        "may_change": "payments:write" in request.permissions,
    }
    return page(request, "recurring/detail.html", "recurring", context)


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:recurring_charge")
def pause(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Ask for nothing for a while."""
    row = schedule_of(request.merchant, public_id)
    form = PauseForm(posted(request))
    if request.method == "POST" and form.is_valid():
        wanted: PauseInput = form.input
        try:
            paused = actions.pause_recurring(request.merchant, public_id, wanted)
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            if paused.resumes_at:
                until = {"until": when(paused.resumes_at)}
                messages.success(request, _("Paused until %(until)s; then it goes on.") % until)
            else:
                messages.success(request, _("Paused. Nothing is charged until it is resumed."))
            return redirect("dashboard:recurring_charge", public_id)
    words = {
        "heading": _("Pause this schedule?"),
        "explanation": _(
            "Periods that begin meanwhile are left out, and what has failed is not tried again "
            "until it is resumed."
        ),
        "button": _("Pause"),
    }
    return _form(request, row, form, words)


@require_POST
@merchant_page("payments:write", back="dashboard:recurring_charge")
def resume(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Go on with the next period that begins."""
    schedule_of(request.merchant, public_id)
    actions.resume_recurring(request.merchant, public_id)
    messages.success(request, _("It goes on with the next period."))
    return redirect("dashboard:recurring_charge", public_id)


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:recurring_charge")
def cancel(request: MerchantRequest, public_id: str) -> HttpResponse:
    """End it, now or with the running period."""
    row = schedule_of(request.merchant, public_id)
    form = CancelForm(posted(request), initial={"at": "period_end" if row.next_at else "now"})
    if request.method == "POST" and form.is_valid():
        try:
            ended = actions.cancel_recurring(request.merchant, public_id, form.input)
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            if ended.status == RecurringStatus.ENDED:
                messages.success(request, _("It has ended."))
            else:
                messages.success(request, _("It ends with the running period."))
            return redirect("dashboard:recurring_charge", public_id)
    words = {
        "heading": _("End this schedule?"),
        "explanation": _(
            "Nothing is refunded, and invoices that are open stay open. An end now cannot be "
            "undone; an end with the period can, until then."
        ),
        "button": _("End it"),
    }
    return _form(request, row, form, words)


def address_of(row: RecurringCharge) -> str:
    """Where a schedule's page is."""
    return reverse("dashboard:recurring_charge", args=[row.public_id])


def schedule_of(merchant: Merchant, public_id: str) -> RecurringCharge:
    """This merchant's schedule. Raises NotFound."""
    row = _rows(merchant).filter(public_id=public_id).first()
    if row is None:
        raise NotFound(_("There is no such recurring charge."))
    return row


def _coming(row: RecurringCharge) -> dict[str, Any]:
    """The next period, or why its invoice cannot be made."""
    if row.next_at is None:
        return {}
    try:
        return {"coming": coming_of(row, row.next_number)}
    except BillhookError as trouble:
        return {"trouble": str(trouble)}


def _form(
    request: MerchantRequest, row: RecurringCharge, form: Any, words: dict[str, Any]
) -> HttpResponse:
    context = {"form": form, **words, "back": address_of(row), "back_name": row.description}
    return page(request, "form.html", "recurring", context, status=422 if form.is_bound else 200)


def _rows(merchant: Merchant) -> QuerySet[RecurringCharge]:
    return merchant.recurring_charges.select_related("customer", "payment_method", "merchant")
