"""Writing an invoice: the editor's pages, its rows and its live totals."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from invoicing import drafts
from invoicing.actions import invoices as actions
from invoicing.dashboard import choices
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.editor import InvoiceForm
from invoicing.dashboard.editor_steps import is_step, take_line_step
from invoicing.dashboard.editor_totals import preview_of
from invoicing.dashboard.forms import seen_by
from invoicing.dashboard.invoices import address_of, say_sent, whole_invoice
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError, InvalidState
from invoicing.inputs import InvoiceInput
from invoicing.models import Invoice


@require_http_methods(["GET", "POST"])
@merchant_page("invoices:write")
def create(request: MerchantRequest) -> HttpResponse:
    """Write a new invoice; a second sending of the same form leads to the same invoice."""
    if request.method == "GET":
        customer = request.GET.get("customer", "")[:40]
        return _editor(request, InvoiceForm(request.merchant, customer=customer))
    form = InvoiceForm(request.merchant, request.POST)
    if is_step(request):
        return _step(request, form)
    if not form.is_valid():
        return _editor(request, form)
    try:
        done = once(
            request, lambda: actions.create_invoice(request.merchant, form.input), address_of
        )
    except BillhookError as refusal:
        form.refuse(refusal)
        return _editor(request, form)
    if done.result is None:
        messages.info(request, _("This invoice had been saved already; here it is."))
        return redirect(done.where)
    return _go_on(request, done.result, _("Draft saved."))


@require_http_methods(["GET", "POST"])
@merchant_page("invoices:write", back="dashboard:invoice")
def edit(request: MerchantRequest, reference: str) -> HttpResponse:
    """Change a draft, unless somebody else has changed it since it was opened."""
    invoice = whole_invoice(request.merchant, reference)
    if invoice.status != "draft":
        raise InvalidState(
            _("%(invoice)s has been issued and can no longer be changed.") % {"invoice": invoice}
        )
    if request.method == "GET":
        return _editor(request, InvoiceForm(request.merchant, invoice=invoice))
    form = InvoiceForm(request.merchant, request.POST, invoice)
    if is_step(request):
        return _step(request, form)
    if not form.is_valid():
        return _editor(request, form)
    try:
        done = once(
            request,
            lambda: actions.update_invoice(
                request.merchant, invoice.public_id, form.input, seen=seen_by(request)
            ),
            address_of,
        )
    except InvalidState:
        raise
    except BillhookError as refusal:
        form.refuse(refusal)
        return _editor(request, form)
    if done.result is None:
        messages.info(request, _("These changes had been saved already; here they are."))
        return redirect(done.where)
    return _go_on(request, done.result, _("Draft saved."))


@require_GET
@merchant_page("customers:read")
def customer_options(request: MerchantRequest) -> HttpResponse:
    """The customers that match what is typed, as the options of the editor's menu."""
    search = request.GET.get("customer_search", "")
    chosen = request.GET.get("customer_id", "")
    blank = choices.NOBODY_YET if "required" in request.GET else choices.NOBODY_ON_FILE
    options = choices.customers(request.merchant, search, chosen[:40], str(blank))
    context = {"options": options, "chosen": choices.meant(options, search, chosen)}
    return page(request, "invoices/_customer_options.html", "", context)


@require_POST
@merchant_page("invoices:write", back="dashboard:invoice")
def duplicate(request: MerchantRequest, reference: str) -> HttpResponse:
    """Make another draft like this invoice, without its dates."""
    invoice = whole_invoice(request.merchant, reference)
    done = once(
        request,
        lambda: actions.create_invoice(request.merchant, _like(invoice)),
        lambda row: reverse("dashboard:invoice_edit", args=[row.public_id]),
    )
    if done.result is not None:
        messages.success(
            request, _("This is a new draft, copied from %(invoice)s.") % {"invoice": invoice}
        )
    return redirect(done.where)


def _step(request: MerchantRequest, form: InvoiceForm) -> HttpResponse:
    """Do what a button of the form asks, and show the form, or only what has changed of it."""
    part = take_line_step(request, form)
    if part is not None:
        return part
    if request.POST["do"] == "add_metadata":
        row = form.add_metadata()
        if request.htmx:
            return page(request, "invoices/_metadata.html", "", {"form": form, "row": row})
    preview = preview_of(form)
    if request.htmx:
        return page(request, "invoices/_totals.html", "", {"form": form, "preview": preview})
    form.forgive()
    return _editor(request, form, status=200)


def _editor(request: MerchantRequest, form: InvoiceForm, status: int | None = None) -> HttpResponse:
    preview = preview_of(form)
    if not form.lines:
        form.add_line()
    if status is None:
        status = 422 if form.is_bound else 200
    invoice = form.invoice
    # A form that was sent once keeps what it had seen: showing it again must not pretend that
    # its reader has seen what somebody else has saved meanwhile.
    seen = request.POST.get("seen") or (invoice.updated_at.isoformat() if invoice else "")
    context = {"form": form, "invoice": invoice, "preview": preview, "seen": seen}
    return page(request, "invoices/edit.html", "invoices", context, status=status)


def _go_on(request: MerchantRequest, invoice: Invoice, saved: str) -> HttpResponse:
    """What the button said beyond saving. If that is refused the draft stays as it was saved.

    Whoever changed the draft in this very moment must not see it issued.
    """
    wanted, seen = request.POST.get("do"), invoice.updated_at
    try:
        if wanted == "finalize":
            invoice = actions.finalize_invoice(request.merchant, invoice.public_id, seen=seen)
            messages.success(request, _("%(number)s is issued.") % {"number": invoice.number})
        elif wanted == "send":
            invoice = actions.send_invoice(request.merchant, invoice.public_id, seen=seen)
            say_sent(request, invoice)
        else:
            messages.success(request, saved)
    except BillhookError as refusal:
        messages.warning(
            request, _("The draft is saved, but: %(reason)s") % {"reason": refusal.message}
        )
        return redirect("dashboard:invoice", invoice.public_id)
    return redirect(address_of(invoice))


def _like(invoice: Invoice) -> InvoiceInput:
    """What would make this invoice again today; an archived customer is billed no more."""
    wanted = drafts.as_input(invoice)
    changes: dict[str, Any] = {"due_at": None, "expires_at": None}
    if invoice.customer and invoice.customer.archived_at:
        changes["customer_id"] = None
    return wanted.model_copy(update=changes)
