"""Beginning to bill somebody again and again, and changing what is billed."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from invoicing import money
from invoicing.dashboard import choices
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.customers import customer_of
from invoicing.dashboard.editor_steps import is_step, take_line_step
from invoicing.dashboard.editor_totals import worked_out
from invoicing.dashboard.forms import Choice, PlainForm, Text
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError
from invoicing.templatetags.dashboard import when
from payments import recurring_flow
from payments.actions import recurring as actions
from payments.dashboard.recurring import address_of, schedule_of
from payments.dashboard.recurring_editor import ChangeForm, CostForm, RecurringForm
from payments.dashboard.recurring_preview import first_of
from payments.models import RecurringCharge
from payments.upcoming import Upcoming


class CustomerForm(PlainForm):
    """Whom to bill."""

    customer_search = Text(
        gettext_lazy("Find a customer"), attrs={"type": "search", "enterkeyhint": "search"}
    )
    customer_id = Choice(gettext_lazy("Customer"))


@require_safe
@merchant_page("payments:write")
def new(request: MerchantRequest) -> HttpResponse:
    """Choose whom to bill again and again."""
    search, chosen = request.GET.get("customer_search", ""), request.GET.get("customer_id", "")[:40]
    offered = choices.customers(request.merchant, search, chosen, str(choices.NOBODY_YET))
    searching = request.GET.get("do") == "find"
    if chosen in dict(offered) and chosen and not searching:
        return redirect("dashboard:customer_recurring", chosen)
    meant = choices.meant(offered, search, chosen)
    form = CustomerForm(initial={"customer_search": search, "customer_id": meant})
    form.offer(customer_id=offered)
    context = {
        "form": form,
        "nobody": len(offered) == 1,
        "missing": "customer_id" in request.GET and not searching,
    }
    return page(request, "recurring/new.html", "recurring", context)


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:customer")
def create(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Begin to charge or bill a customer again and again."""
    customer = customer_of(request.merchant, public_id)
    if request.method == "GET":
        form = RecurringForm(customer, RecurringForm(customer).as_posted())
        return _shown(request, form, forgiven=True)
    form = RecurringForm(customer, request.POST)
    if is_step(request):
        return take_line_step(request, form) or _step(request, form)
    if form.is_valid():
        try:
            done = once(
                request, lambda: actions.create_recurring(request.merchant, form.input), address_of
            )
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            if done.result is not None:
                recurring_flow.charge_period(done.result.pk)
                _say_begun(request, schedule_of(request.merchant, done.result.public_id))
            return redirect(done.where)
    return _shown(request, form)


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:recurring_charge")
def edit(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Change what the periods to come ask for, and how."""
    row = schedule_of(request.merchant, public_id)
    if request.method == "GET":
        form = ChangeForm(row, ChangeForm(row).as_posted())
        return _shown(request, form, row, forgiven=True)
    form = ChangeForm(row, request.POST)
    if is_step(request):
        return take_line_step(request, form) or _step(request, form, row)
    if form.is_valid():
        try:
            actions.update_recurring(request.merchant, public_id, form.input)
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Saved. It holds from the next period on."))
            return redirect("dashboard:recurring_charge", public_id)
    return _shown(request, form, row)


def _step(
    request: MerchantRequest, form: CostForm, row: RecurringCharge | None = None
) -> HttpResponse:
    """What a button that saves nothing asks for: the totals, or the whole form again."""
    if request.htmx:
        return page(request, "recurring/_foreseen.html", "", _context(form, row))
    return _shown(request, form, row, forgiven=True)


def _shown(
    request: MerchantRequest,
    form: CostForm,
    row: RecurringCharge | None = None,
    *,
    forgiven: bool = False,
) -> HttpResponse:
    context = _context(form, row)
    if forgiven:
        form.forgive()
    if not form.lines:
        form.add_line()
    status = 200 if forgiven else 422
    return page(request, "recurring/edit.html", "recurring", context, status=status)


def _context(form: CostForm, row: RecurringCharge | None) -> dict[str, Any]:
    context: dict[str, Any] = {"form": form, "row": row, "preview": worked_out(form)}
    if isinstance(form, RecurringForm):
        context["first"] = first_of(form)
    elif row is not None and (upcoming := Upcoming.of(row)):
        context["holds_from"] = row.begins(upcoming.number)
    return {**context, "customer": form.customer}


def _say_begun(request: MerchantRequest, row: RecurringCharge) -> None:
    """Say what became of the first period."""
    first = row.periods.select_related("invoice").first()
    if first is None:
        begins = when(row.next_at) if row.next_at else ""
        messages.success(request, _("Saved. The first period begins on %(at)s.") % {"at": begins})
        return
    about = {"amount": money.format_money(first.invoice.total, row.currency)}
    if row.collection == RecurringCharge.Collection.SEND:
        messages.success(request, _("It has begun, and the first invoice is sent."))
    elif first.status == "paid":
        messages.success(request, _("It has begun: %(amount)s is paid.") % about)
    elif first.failure_code and first.needs_payer:
        messages.error(
            request,
            _("It has begun, but charging %(amount)s failed; your customer is asked to pay.")
            % about,
        )
    elif first.failure_code:
        messages.error(
            request, _("It has begun, but charging %(amount)s failed; it is tried again.") % about
        )
    else:
        messages.info(request, _("It has begun; what became of the charge is not known yet."))
