"""What payers ask and promise, as their merchant sees and answers it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from invoicing.actions import inquiries as actions
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import InputForm, Text, posted
from invoicing.dashboard.lists import page_of
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError, NotFound
from invoicing.models import Inquiry, Merchant
from invoicing.reminder_inputs import AnswerInput

SHOWN: list[tuple[str, Any, dict[str, str]]] = [
    ("", gettext_lazy("To answer"), {"kind": "question", "status": "open"}),
    ("questions", gettext_lazy("All questions"), {"kind": "question"}),
    ("promises", gettext_lazy("Promises"), {"kind": "promise"}),
]


@require_safe
@merchant_page("invoices:read")
def index(request: MerchantRequest) -> HttpResponse:
    """Questions that wait, all of them, or promises; the newest first."""
    tab = request.GET.get("show", "")
    kept = next((kept for key, _name, kept in SHOWN if key == tab), SHOWN[0][2])
    rows = request.merchant.inquiries.filter(**kept).select_related("invoice")
    context = {
        "found": page_of(request, rows),
        "tab": tab,
        "tabs": [
            {"name": name, "current": key == tab, "href": f"?show={key}" if key else "?"}
            for key, name, _kept in SHOWN
        ],
    }
    return page(request, "questions/list.html", "questions", context)


class AnswerForm(InputForm):
    """What to write back."""

    reads = AnswerInput
    text = Text(
        gettext_lazy("Your answer"),
        lines=6,
        help_text=gettext_lazy("It is mailed to the payer, together with the question."),
    )


@require_http_methods(["GET", "POST"])
@merchant_page("invoices:read")
def show(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One question, and its answer or the form for it."""
    inquiry = inquiry_of(request.merchant, public_id)
    may_answer = "invoices:write" in request.permissions
    form = AnswerForm(posted(request) if may_answer else None)
    if form.is_bound and form.is_valid():
        try:
            done = once(
                request,
                lambda: actions.answer_question(request.merchant, public_id, form.input),
                _address_of,
            )
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            if done.result is not None:
                messages.success(request, _("The answer is on its way."))
            return redirect(done.where)
    context = {
        "inquiry": inquiry,
        "invoice": inquiry.invoice,
        "form": form,
        "to": inquiry.reply_to or inquiry.invoice.recipient_email,
        "can_answer": may_answer and inquiry.kind == "question" and inquiry.status == "open",
    }
    status = 422 if form.errors else 200
    return page(request, "questions/detail.html", "questions", context, status=status)


@require_POST
@merchant_page("invoices:write", back="dashboard:question")
def close(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Settle a question without an answer from here."""
    actions.close_question(request.merchant, public_id)
    messages.success(request, _("The question is settled."))
    return redirect("dashboard:question", public_id)


def inquiry_of(merchant: Merchant, public_id: str) -> Inquiry:
    """This merchant's question or promise. Raises NotFound."""
    found = merchant.inquiries.select_related("invoice").filter(public_id=public_id).first()
    if found is None:
        raise NotFound(_("There is no such question."))
    return found


def _address_of(inquiry: Inquiry) -> str:
    return reverse("dashboard:question", args=[inquiry.public_id])
