"""Disputes as their merchant sees them: what is at stake, until when, and the answer."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from invoicing import money
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import InputForm, Text, posted
from invoicing.dashboard.history import MOST, moment_of
from invoicing.dashboard.lists import page_of
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError, NotFound, ValidationFailed
from invoicing.models import Merchant
from payments import flows
from payments.actions import disputes as actions
from payments.evidence import FILES, MAX_FILE_BYTES, TEXTS
from payments.inputs import EvidenceInput
from payments.models import Dispute, DisputeFile, DisputeStatus, DisputeSubmission

# What is told in a line; the rest is told in paragraphs.
SHORT = {
    "customer_name",
    "customer_email_address",
    "customer_purchase_ip",
    "service_date",
    "shipping_date",
    "shipping_carrier",
    "shipping_tracking_number",
    "duplicate_charge_id",
}


class EvidenceForm(InputForm):
    """What the merchant tells the bank: a field for each of its questions, none of them needed."""

    reads = EvidenceInput

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in TEXTS.items():
            self.fields[name] = Text(label, lines=1 if name in SHORT else 3)


@dataclass(frozen=True, slots=True)
class Place:
    """A kind of document that the bank takes, and the one that is there."""

    field: str
    label: Any
    file: DisputeFile | None


@require_safe
@merchant_page("payments:read")
def index(request: MerchantRequest) -> HttpResponse:
    """Every dispute, newest first, by state."""
    state = request.GET.get("status", "")
    rows = request.merchant.disputes.select_related("invoice", "payment", "deposit")
    if state:
        rows = rows.filter(status=state)
    context = {"found": page_of(request, rows), "states": DisputeStatus.choices, "state": state}
    return page(request, "disputes/list.html", "disputes", context)


@require_safe
@merchant_page("payments:read")
def show(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One dispute: what is held back, what has been said to the bank, and what happened."""
    dispute = _dispute_of(request.merchant, public_id)
    events = request.merchant.events.filter(object_id=public_id).order_by("-id")[:MOST]
    files = {row.field: row for row in dispute.files.defer("content")}
    submissions = list(dispute.submissions.order_by("-pk"))
    waiting = any(row.status == "pending" for row in submissions)
    context = {
        "dispute": dispute,
        "said": [(label, dispute.evidence.get(name)) for name, label in TEXTS.items()],
        "places": [Place(name, label, files.get(name)) for name, label in FILES.items()],
        "files": files,
        "refusal": next((row.failure_message for row in submissions if row.failure_message), ""),
        "waiting": waiting,
        "history": [moment_of(row) for row in events],
        "can_answer": _takes_answers(dispute)
        and not waiting
        and "payments:write" in request.permissions,
    }
    return page(request, "disputes/detail.html", "disputes", context)


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:dispute")
def evidence(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Write what the bank is told, as often as it takes; nothing is handed in by it."""
    dispute = _dispute_of(request.merchant, public_id)
    form = EvidenceForm(posted(request), initial=dispute.evidence)
    if request.method == "POST" and form.is_valid():
        try:
            actions.save_evidence(request.merchant, public_id, form.input)
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Saved. The bank has not been sent anything yet."))
            return redirect("dashboard:dispute", public_id)
    context = {"dispute": dispute, "form": form}
    status = 422 if form.is_bound else 200
    return page(request, "disputes/evidence.html", "disputes", context, status=status)


@require_POST
@merchant_page("payments:write", back="dashboard:dispute")
def attach(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Keep a document for the bank."""
    _dispute_of(request.merchant, public_id)
    field, file = request.POST.get("field", ""), request.FILES.get("file")
    if file is None or isinstance(file, list):
        messages.error(request, _("Choose a file first."))
    elif (file.size or 0) > MAX_FILE_BYTES:
        messages.error(request, _("The file is larger than 4.5 MB."))
    else:
        try:
            actions.attach_file(
                request.merchant, public_id, field, file.name or "", file.read(MAX_FILE_BYTES + 1)
            )
        except ValidationFailed as refusal:
            messages.error(request, _("The file %(problem)s.") % {"problem": refusal.fields[0][1]})
        else:
            messages.success(request, _("%(name)s is attached.") % {"name": file.name})
    return redirect("dashboard:dispute", public_id)


@require_POST
@merchant_page("payments:write", back="dashboard:dispute")
def remove(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Take a document out of the answer again."""
    actions.remove_file(request.merchant, public_id, request.POST.get("field", ""))
    messages.success(request, _("The document is removed."))
    return redirect("dashboard:dispute", public_id)


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:dispute")
def submit(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Hand the answer to the bank, once and for all."""
    dispute = _dispute_of(request.merchant, public_id)
    if request.method == "GET":
        return _confirmation(
            request,
            dispute,
            heading=_("Send your answer to the bank?"),
            explanation=_(
                "The bank reads it once: after this, nothing can be added or changed. It decides "
                "within some weeks or months, and you are told by mail."
            ),
            button=_("Send the answer"),
        )
    return _answer(request, dispute, concede=False)


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:dispute")
def concede(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Let the payer have the money."""
    dispute = _dispute_of(request.merchant, public_id)
    if request.method == "GET":
        return _confirmation(
            request,
            dispute,
            heading=_("Accept this dispute?"),
            explanation=_(
                "The payer keeps the money and the bank keeps its fee. The invoice asks for the "
                "money again; void it or write it off if you do not. This cannot be undone."
            )
            if dispute.invoice
            else _("The payer keeps the money and the bank keeps its fee. This cannot be undone."),
            button=_("Accept the dispute"),
            danger=True,
        )
    return _answer(request, dispute, concede=True)


def _answer(request: MerchantRequest, dispute: Dispute, *, concede: bool) -> HttpResponse:
    """Commit the answer, let the provider have it, and say what came of that."""
    where = reverse("dashboard:dispute", args=[dispute.public_id])
    done = once(
        request,
        lambda: actions.begin_submission(request.merchant, dispute.public_id, concede=concede),
        lambda _submission: where,
    )
    if done.result is not None:
        flows.hand_in(done.result.pk)
        submission = DisputeSubmission.objects.get(pk=done.result.pk)
        if submission.status == "failed":
            messages.error(
                request,
                _("The bank did not take it: %(why)s") % {"why": submission.failure_message},
            )
        elif submission.status == "pending":
            messages.warning(
                request, _("The provider has not answered. It is handed in again by itself.")
            )
        elif concede:
            messages.success(request, _("The dispute is accepted."))
        else:
            messages.success(request, _("The bank has your answer."))
    return redirect(done.where)


def _confirmation(request: MerchantRequest, dispute: Dispute, **words: Any) -> HttpResponse:
    what = dispute.invoice or _("Unmatched money")
    context = {
        "subject": f"{money.format_money(dispute.amount, dispute.currency)} · {what}",
        "back": reverse("dashboard:dispute", args=[dispute.public_id]),
        "back_name": _("Dispute"),
        **words,
    }
    return page(request, "confirm.html", "disputes", context)


def _takes_answers(dispute: Dispute) -> bool:
    return dispute.can_respond and dispute.submitted_at is None


def _dispute_of(merchant: Merchant, public_id: str) -> Dispute:
    rows = merchant.disputes.select_related("invoice", "payment", "deposit")
    dispute = rows.filter(public_id=public_id).first()
    if dispute is None:
        raise NotFound(_("There is no such dispute."))
    return dispute
