"""Credit notes as their merchant sees them: working one out, issuing it, and what became of it."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.forms import BoundField
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from invoicing import archive, money
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import Check, Choice, InputForm, Text, posted
from invoicing.dashboard.invoices import address_of, whole_invoice
from invoicing.dashboard.lists import between, page_of
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError, NotFound
from invoicing.models import CreditNote, Invoice, LineItem, Merchant
from invoicing.pdf import PdfFailed
from payments import credit_flow, giving_back
from payments.actions import credit_notes
from payments.dashboard.refunds import DESTINATIONS, say_refunded
from payments.inputs import CreditNoteInput
from payments.refunding import total_of


class CreditNoteForm(InputForm):
    """How much is taken back, why, and where money goes that had been paid."""

    reads = CreditNoteInput
    amount = Text(
        gettext_lazy("Amount"),
        attrs={"inputmode": "decimal"},
        help_text=gettext_lazy("Taxes included. All that is left when empty."),
    )
    reason = Choice(gettext_lazy("Reason"), CreditNote.Reason.choices)
    memo = Text(gettext_lazy("Memo"), help_text=gettext_lazy("Stands on the document."))
    destination = Choice(gettext_lazy("Where paid money goes"), DESTINATIONS)
    wallet_id = Text(
        gettext_lazy("Wallet's id"), help_text=gettext_lazy("Only for the payer's wallet here.")
    )
    send = Check(gettext_lazy("Mail it to the recipient"))

    def __init__(self, lines: Iterable[LineItem], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines = {f"quantity_{line.public_id}": line for line in lines}
        for name, line in self.lines.items():
            of = _("Of %(quantity)s.") % {"quantity": money.plain(line.quantity)}
            self.fields[name] = Text(line.description, attrs={"inputmode": "decimal"}, help_text=of)

    @property
    def quantities(self) -> list[BoundField]:
        """For each line of the invoice how much of it to credit."""
        return [self[name] for name in self.lines]

    @property
    def by_line(self) -> bool:
        """Whether it is lines that are credited."""
        return any(field.value() for field in self.quantities)

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        asked = [name for name in self.lines if data.get(name)]
        self.aliases = {  # type: ignore[misc]  # a place in the list is one form's own
            f"line_items[{place}].{part}": name
            for place, name in enumerate(asked)
            for part in ("id", "quantity")
        }
        return {
            "amount": data.get("amount") or None,
            "line_items": [
                {"id": self.lines[name].public_id, "quantity": data[name]} for name in asked
            ]
            or None,
            "reason": data.get("reason") or "requested_by_customer",
            "memo": data.get("memo", ""),
            "destination": data.get("destination") or None,
            "wallet_id": data.get("wallet_id", ""),
            "send": bool(data.get("send")),
        }


@require_safe
@merchant_page("invoices:read")
def index(request: MerchantRequest) -> HttpResponse:
    """Every credit note, newest first, by reason and day."""
    reason = request.GET.get("reason", "")
    rows = request.merchant.credit_notes.select_related("invoice")
    if reason:
        rows = rows.filter(reason=reason)
    rows = rows.filter(**between(request, request.merchant, "issued_at", "issued"))
    context = {
        "found": page_of(request, rows),
        "reasons": CreditNote.Reason.choices,
        "reason": reason,
    }
    return page(request, "credit_notes/list.html", "credit_notes", context)


@require_safe
@merchant_page("invoices:read")
def show(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One credit note: its amounts, and where they went."""
    note = _note_of(request.merchant, public_id)
    refunds = list(note.refunds.order_by("-pk"))
    goes_back = total_of(refunds)
    context = {
        "note": note,
        "refunds": refunds,
        "goes_back": goes_back,
        "given_before": note.to_give_back - goes_back,
        "mails": note.messages.defer("text", "html", "raw").order_by("-pk")[:20],
    }
    return page(request, "credit_notes/detail.html", "credit_notes", context)


@require_safe
@merchant_page("invoices:read")
def pdf(request: MerchantRequest, public_id: str) -> HttpResponse:
    """The document itself."""
    note = _note_of(request.merchant, public_id)
    try:
        content = archive.pdf_of_credit_note(note)
    except PdfFailed:
        messages.error(request, _("The PDF could not be made just now. Try again in a minute."))
        return redirect("dashboard:credit_note", public_id)
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = (
        content_disposition_header(False, archive.file_name(note)) or "inline"
    )
    return response


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:invoice")
def issue(request: MerchantRequest, reference: str) -> HttpResponse:
    """Ask what to take back, show what would happen, and do it when that has been seen."""
    invoice = whole_invoice(request.merchant, reference)
    initial = {"reason": "requested_by_customer", "send": bool(invoice.recipient_email)}
    form = CreditNoteForm(invoice.lines.all(), posted(request), initial=initial)
    if request.method != "POST" or not form.is_valid():
        return _asking(request, invoice, form)
    try:
        if "seen" not in request.POST:
            return _previewing(request, form, giving_back.draft(invoice, form.input))
        done = once(
            request,
            lambda: credit_notes.issue_credit_note(request.merchant, invoice.public_id, form.input),
            _address_of,
        )
    except BillhookError as refusal:
        form.refuse(refusal)
        return _asking(request, invoice, form)
    if done.result is not None:
        messages.success(request, _("%(number)s is issued.") % {"number": done.result.number})
        credit_flow.carry_out(done.result)
        say_refunded(request, list(done.result.refunds.order_by("pk")))
    return redirect(done.where)


def _asking(request: MerchantRequest, invoice: Invoice, form: CreditNoteForm) -> HttpResponse:
    context = {"form": form, "invoice": invoice, "back": address_of(invoice)}
    status = 422 if form.is_bound else 200
    return page(request, "credit_notes/new.html", "invoices", context, status=status)


def _previewing(request: MerchantRequest, form: CreditNoteForm, note: CreditNote) -> HttpResponse:
    back = giving_back.to_refund(note)
    context = {
        "form": form,
        "note": note,
        "invoice": note.invoice,
        "to_refund": back,
        "given_before": giving_back.given_before(note),
        "where": dict(DESTINATIONS)[form.input.destination or ""],
        "back": reverse("dashboard:invoice_credit", args=[note.invoice.public_id]),
    }
    return page(request, "credit_notes/preview.html", "invoices", context)


def _address_of(note: CreditNote) -> str:
    return reverse("dashboard:credit_note", args=[note.public_id])


def _note_of(merchant: Merchant, public_id: str) -> CreditNote:
    note = merchant.credit_notes.select_related("invoice").filter(public_id=public_id).first()
    if note is None:
        raise NotFound(_("There is no such credit note."))
    return note
