"""Invoices as their merchant sees them: the list, one of them with its history, and its verbs."""

from typing import Annotated, Any

from django.contrib import messages
from django.db.models import Q, QuerySet, prefetch_related_objects
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe
from pydantic import Field

from invoicing import archive, pdf
from invoicing.actions import invoices as actions
from invoicing.credit_notes import CREDITABLE
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import InputForm, Text, posted, seen_by
from invoicing.dashboard.history import history_of
from invoicing.dashboard.lists import between, page_of
from invoicing.dashboard.once import once
from invoicing.dashboard.reminder_state import state_of
from invoicing.errors import BillhookError, NotFound
from invoicing.fields import Email, Input
from invoicing.models import Invoice, Merchant
from invoicing.models.invoice import Status
from invoicing.representations import public_url

# The list's tabs: what stands in the address, its name, and whom it keeps.
TABS: list[tuple[str, Any, Q]] = [
    ("", gettext_lazy("All"), Q()),
    ("draft", gettext_lazy("Drafts"), Q(status=Status.DRAFT)),
    ("open", gettext_lazy("Open"), Q(status__in=[Status.OPEN, Status.PAYING])),
    (
        "overdue",
        gettext_lazy("Overdue"),
        Q(status__in=[Status.OPEN, Status.PAYING], overdue_at__isnull=False),
    ),
    ("paid", gettext_lazy("Paid"), Q(status=Status.PAID)),
    ("void", gettext_lazy("Void"), Q(status=Status.VOID)),
    ("expired", gettext_lazy("Expired"), Q(status=Status.EXPIRED)),
    ("uncollectible", gettext_lazy("Uncollectible"), Q(status=Status.UNCOLLECTIBLE)),
]
SENDABLE = {"draft", "open", "paying", "paid", "uncollectible"}
MARKABLE = {"open", "expired", "uncollectible"}
MOST_SEEN = 50


@require_safe
@merchant_page("invoices:read")
def index(request: MerchantRequest) -> HttpResponse:
    """Every invoice, newest first, by state, text, customer and dates."""
    merchant = request.merchant
    tab = request.GET.get("status", "")
    rows = merchant.invoices.filter(next((q for key, _name, q in TABS if key == tab), Q(pk=None)))
    customer = merchant.customers.filter(public_id=request.GET.get("customer", "")).first()
    if "customer" in request.GET and customer is None and request.GET["customer"]:
        raise Http404
    if customer is not None:
        rows = rows.filter(customer=customer)
    rows = rows.filter(
        **between(request, merchant, "created_at", "created"),
        **between(request, merchant, "due_at", "due"),
    )
    found = page_of(request, matching(rows, request.GET.get("q", "")).select_related("customer"))
    tabs = [
        {"name": name, "current": key == tab, "href": _tab_address(request, key)}
        for key, name, _q in TABS
    ]
    dated = any(
        request.GET.get(name) for name in ("created_from", "created_to", "due_from", "due_to")
    )
    context = {"found": found, "tabs": tabs, "tab": tab, "customer": customer, "dated": dated}
    return page(request, "invoices/list.html", "invoices", context)


def _tab_address(request: MerchantRequest, tab: str) -> str:
    """The other filters stay when the tab is changed; the page begins anew."""
    query = request.GET.copy()
    for name in ("status", "before", "after"):
        query.pop(name, None)
    if tab:
        query["status"] = tab
    return f"?{query.urlencode()}"


def matching(rows: QuerySet[Invoice], text: str) -> QuerySet[Invoice]:
    """Those whose number, recipient, customer, memo or id contains the text."""
    text = text.strip()[:100].replace("\x00", "")
    if not text:
        return rows
    return rows.filter(
        Q(number__icontains=text)
        | Q(recipient_name__icontains=text)
        | Q(recipient_email__icontains=text)
        | Q(customer__name__icontains=text)
        | Q(customer__email__icontains=text)
        | Q(title__icontains=text)
        | Q(memo__icontains=text)
        | Q(purchase_order__icontains=text)
        | Q(public_id=text)
    )


@require_safe
@merchant_page("invoices:read")
def show(request: MerchantRequest, reference: str) -> HttpResponse:
    """One invoice: what it says, what became of it, and what can be done with it."""
    invoice = whole_invoice(request.merchant, reference)
    issued = invoice.status != "draft"
    payments = sorted(invoice.payments.all(), key=lambda row: -row.pk)
    # Whether one is disputed now is part of how it is shown.
    prefetch_related_objects(payments, "disputes")
    context = {
        "invoice": invoice,
        "lines": invoice.lines.all(),
        "history": history_of(invoice, request.permissions),
        "mails": invoice.messages.defer("text", "html", "raw").order_by("-pk")[:20],
        "reminders": state_of(invoice),
        "inquiries": sorted(
            invoice.inquiries.all(), key=lambda row: (row.status != "open", -row.pk)
        ),
        "credit_notes": list(invoice.credit_notes.order_by("-pk")),
        "refunds": list(invoice.refunds.select_related("usdc_payout").order_by("-pk")),
        "disputes": list(invoice.disputes.order_by("-pk")),
        "payments": payments,
        **_on_chain(invoice, request.permissions),
        "payment_url": public_url(f"/i/{invoice.slug}") if issued else "",
        "can": _possible(invoice, request.permissions),
        "send_form": SendForm(initial={"to": invoice.recipient_email}),
    }
    return page(request, "invoices/detail.html", "invoices", context)


@require_safe
@merchant_page("invoices:read", back="dashboard:invoice")
def document(request: MerchantRequest, reference: str) -> HttpResponse:
    """The invoice's PDF."""
    invoice = whole_invoice(request.merchant, reference)
    try:
        content = archive.pdf_of(invoice)
    except pdf.PdfFailed:
        messages.error(request, _("The PDF could not be made just now; try again in a moment."))
        return redirect("dashboard:invoice", invoice.public_id)
    disposition = "attachment" if "download" in request.GET else "inline"
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'{disposition}; filename="{archive.file_name(invoice)}"'
    return response


class SendTo(Input):
    """Where to mail an invoice."""

    to: Annotated[Email, Field(min_length=1)]


class SendForm(InputForm):
    """Asks for the address."""

    reads = SendTo
    to = Text(
        gettext_lazy("Email address"),
        attrs={"inputmode": "email"},
    )


@require_http_methods(["GET", "POST"])
@merchant_page("invoices:write", back="dashboard:invoice")
def send(request: MerchantRequest, reference: str) -> HttpResponse:
    """Mail the invoice; a draft is issued by it."""
    invoice = whole_invoice(request.merchant, reference)
    form = SendForm(posted(request), initial={"to": invoice.recipient_email})
    if request.method == "POST" and form.is_valid():
        to = form.input.to
        try:
            done = once(
                request,
                lambda: actions.send_invoice(
                    request.merchant, invoice.public_id, to, seen=seen_by(request)
                ),
                address_of,
            )
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            if done.result is not None:
                say_sent(request, done.result)
            return redirect(done.where)
    context = {"invoice": invoice, "form": form, "seen": request.POST.get("seen", "")}
    status = 422 if form.errors else 200
    return page(request, "invoices/send.html", "invoices", context, status=status)


@require_http_methods(["GET", "POST"])
@merchant_page("invoices:write", back="dashboard:invoice")
def finalize(request: MerchantRequest, reference: str) -> HttpResponse:
    """Issue a draft, once it is confirmed that nothing can be changed afterwards."""
    invoice = whole_invoice(request.merchant, reference)
    if request.method == "GET":
        return _confirmation(
            request,
            invoice,
            heading=_("Finalize this invoice?"),
            explanation=_(
                "It gets its number and can be paid from then on. An issued invoice cannot be "
                "changed any more."
            ),
            button=_("Finalize"),
        )
    done = once(
        request,
        lambda: actions.finalize_invoice(
            request.merchant, invoice.public_id, seen=seen_by(request)
        ),
        address_of,
    )
    if done.result is not None:
        messages.success(request, _("%(number)s is issued.") % {"number": done.result.number})
    return redirect(done.where)


@require_http_methods(["GET", "POST"])
@merchant_page("invoices:write", back="dashboard:invoice")
def void(request: MerchantRequest, reference: str) -> HttpResponse:
    """Stop asking for the money, for good."""
    invoice = whole_invoice(request.merchant, reference)
    if request.method == "GET":
        return _confirmation(
            request,
            invoice,
            heading=_("Void %(number)s?") % {"number": invoice},
            explanation=_(
                "It can no longer be paid, and this cannot be undone. The number stays taken, and "
                "the document is marked as void. Late fees that were charged because of it and "
                "are not paid become void as well."
            ),
            button=_("Void invoice"),
            danger=True,
        )
    done = once(
        request, lambda: actions.void_invoice(request.merchant, invoice.public_id), address_of
    )
    if done.result is not None:
        messages.success(request, _("%(number)s is void.") % {"number": done.result.number})
    return redirect(done.where)


@require_http_methods(["GET", "POST"])
@merchant_page("invoices:write", back="dashboard:invoice")
def write_off(request: MerchantRequest, reference: str) -> HttpResponse:
    """Give up expecting the money."""
    invoice = whole_invoice(request.merchant, reference)
    if request.method == "GET":
        return _confirmation(
            request,
            invoice,
            heading=_("Write off %(number)s?") % {"number": invoice},
            explanation=_(
                "You no longer expect this money, and this cannot be undone. Should the payer "
                "come back, it can still be marked as paid."
            ),
            button=_("Write off"),
            danger=True,
        )
    done = once(
        request, lambda: actions.write_off_invoice(request.merchant, invoice.public_id), address_of
    )
    if done.result is not None:
        messages.success(request, _("%(number)s is written off.") % {"number": done.result.number})
    return redirect(done.where)


@require_http_methods(["GET", "POST"])
@merchant_page("invoices:write", back="dashboard:invoice")
def delete(request: MerchantRequest, reference: str) -> HttpResponse:
    """Remove a draft for good."""
    invoice = whole_invoice(request.merchant, reference)
    if request.method == "GET":
        return _confirmation(
            request,
            invoice,
            heading=_("Delete this draft?"),
            explanation=_("It was never issued. This cannot be undone."),
            button=_("Delete draft"),
            danger=True,
        )
    actions.delete_invoice(request.merchant, invoice.public_id)
    messages.success(request, _("The draft is deleted."))
    return redirect("dashboard:invoices")


def whole_invoice(merchant: Merchant, reference: str) -> Invoice:
    """This merchant's invoice with all that showing it takes. Raises NotFound."""
    invoice = merchant.invoices.referred_to(reference).whole().first()
    if invoice is None:
        raise NotFound(_("There is no such invoice."))
    return invoice


def say_sent(request: MerchantRequest, invoice: Invoice) -> None:
    """Say honestly whether there is a mail on its way."""
    about = {"number": invoice.number, "to": invoice.recipient_email}
    if invoice.recipient_email:
        messages.success(request, _("%(number)s is on its way to %(to)s.") % about)
    else:
        messages.warning(
            request,
            _("%(number)s is issued. There is no email address, so share its link yourself.")
            % about,
        )


def _possible(invoice: Invoice, permissions: frozenset[str]) -> dict[str, bool]:
    """What this person can do with the invoice as it stands."""
    writes, status = "invoices:write" in permissions, invoice.status
    unpaid = invoice.amount_paid == invoice.amount_refunded
    return {
        "edit": writes and status == "draft",
        "finalize": writes and status == "draft",
        "delete": writes and status == "draft",
        "send": writes and status in SENDABLE,
        "mark_paid": "settle" in permissions and status in MARKABLE,
        "void": writes and status in {"open", "uncollectible"} and unpaid,
        "refund": "payments:write" in permissions and not unpaid,
        "credit": "payments:write" in permissions and status in CREDITABLE,
        "write_off": writes and status == "open",
        "duplicate": writes,
        "rehearse": "sandbox:write" in permissions
        and not invoice.merchant.livemode
        and status != "draft",
    }


def _on_chain(invoice: Invoice, permissions: frozenset[str]) -> dict[str, Any]:
    """The address at which it is paid in USDC, and what was seen for it, the latest first."""
    if "payments:read" not in permissions:
        return {}
    rows = invoice.merchant.transfers.order_by()
    seen = rows.filter(address__invoice=invoice).values_list("pk", flat=True)
    paid = rows.filter(payment__invoice=invoice).values_list("pk", flat=True)
    transfers = rows.filter(pk__in=set(seen.union(paid))).order_by("-pk")
    found = list(transfers.select_related("address", "payment__invoice", "deposit")[:MOST_SEEN])
    return {
        "asked": invoice.usdc_requests.select_related("address").order_by("-pk").first(),
        "transfers": found,
        "chain_unsure": any(row.status in {"detected", "confirmed"} for row in found),
    }


def _confirmation(request: MerchantRequest, invoice: Invoice, **words: Any) -> HttpResponse:
    context = {"invoice": invoice, "back": address_of(invoice), **words}
    return page(request, "invoices/confirm.html", "invoices", context)


def address_of(invoice: Invoice) -> str:
    """Where an invoice's page is."""
    return reverse("dashboard:invoice", args=[invoice.public_id])
