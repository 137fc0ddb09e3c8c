"""An invoice from a sentence: the box on the dashboard's home, and how it was understood."""

from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.http import require_http_methods, require_safe

from checkout.bots.quick_invoice import QuickInvoiceInput, Reading, understand
from invoicing.actions.invoices import create_invoice
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import InputForm, Text, posted
from invoicing.dashboard.invoices import whole_invoice
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError
from invoicing.models import Invoice

# Where the session keeps how the last sentence was understood, until the next one.
LAST_READ: Final = "quick_invoice"
EXAMPLE: Final = "Invoice Acme $250 for API work, due in 30 days"
NAMES: Final = {
    "customer": gettext_lazy("Customer"),
    "recipient": gettext_lazy("Recipient, not on file"),
    "email": gettext_lazy("Email"),
    "currency": gettext_lazy("Currency"),
    "amount": gettext_lazy("Amount"),
    "quantity": gettext_lazy("Quantity"),
    "unit_price": gettext_lazy("Unit price"),
    "item": gettext_lazy("Line"),
    "total": gettext_lazy("Total"),
    "tax": gettext_lazy("Tax"),
    "discount": gettext_lazy("Discount"),
    "due_at": gettext_lazy("Due"),
    "memo": gettext_lazy("Memo"),
    "purchase_order": gettext_lazy("Purchase order"),
    "send": gettext_lazy("Send it"),
}


class QuickInvoiceForm(InputForm):
    """One sentence."""

    reads = QuickInvoiceInput
    message = Text(
        gettext_lazy("In one sentence"),
        attrs={"placeholder": EXAMPLE, "maxlength": 1000},
        help_text=gettext_lazy("In English. It becomes a draft; nothing is sent."),
    )


@require_http_methods(["GET", "POST"])
@merchant_page("invoices:write")
def create(request: MerchantRequest) -> HttpResponse:
    """Make a draft of a sentence. It is never sent from here, whatever it says."""
    form = QuickInvoiceForm(posted(request))
    if request.method == "GET" or not form.is_valid():
        return _box(request, form)
    try:
        reading = understand(
            request.merchant,
            form.input.message,
            sees_customers="customers:read" in request.permissions,
        )
        done = once(request, lambda: create_invoice(request.merchant, reading.wanted), _where)
    except BillhookError as refusal:
        form.refuse(refusal)
        return _box(request, form)
    if done.result is not None:
        request.session[LAST_READ] = _kept(done.result, reading)
    return redirect(done.where)


@require_safe
@merchant_page("invoices:write")
def show(request: MerchantRequest, reference: str) -> HttpResponse:
    """The draft that a sentence became, how it was understood, and what is open."""
    invoice = whole_invoice(request.merchant, reference)
    kept = request.session.get(LAST_READ) or {}
    read = kept if kept.get("invoice") == invoice.public_id else None
    parts = (
        [(NAMES[what], value, words, why) for what, value, words, why in read["parts"]]
        if read
        else []
    )
    context = {"invoice": invoice, "read": read, "parts": parts}
    return page(request, "quick/read.html", "invoices", context)


def _box(request: MerchantRequest, form: QuickInvoiceForm) -> HttpResponse:
    return page(request, "quick/new.html", "invoices", {"form": form, "example": EXAMPLE})


def _where(invoice: Invoice) -> str:
    return reverse("dashboard:quick_invoice_read", args=[invoice.public_id])


def _kept(invoice: Invoice, reading: Reading) -> dict[str, Any]:
    questions = [
        {
            "question": one.question,
            "words": one.text or "",
            "choices": [" · ".join(filter(None, _words_of(choice))) for choice in one.choices],
        }
        for one in reading.questions
        if one.about != "send"
    ]
    return {
        "invoice": invoice.public_id,
        "message": reading.message,
        "asks_to_send": any(one.what == "send" and one.value for one in reading.understood),
        "parts": [
            (one.what, _plain(one.value), one.text or "", one.because) for one in reading.understood
        ],
        "questions": questions,
    }


def _words_of(choice: dict[str, str]) -> list[str]:
    return [choice.get("value", ""), choice.get("name", ""), choice.get("email", "")]


def _plain(value: Any) -> str:
    """A value for people."""
    if isinstance(value, bool):
        return pgettext("whether to send", "Yes") if value else pgettext("whether to send", "No")
    if value is None:
        return _("None")
    if isinstance(value, str):
        return value
    if "rate" in value:
        rate = f"{value['rate']}% {value['name']}"
        return _("%(tax)s, included") % {"tax": rate} if value["included"] else rate
    if "percent" in value:
        return f"{value['percent']}%"
    return " · ".join(value[name] for name in ("amount", "name", "email") if value.get(name))
