"""What bots ask a person for: looked at, approved, declined."""

import json
from collections.abc import Iterator
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from invoicing import approving, clock, money
from invoicing.actions import approvals as actions
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import InputForm, Text, posted
from invoicing.dashboard.lists import page_of
from invoicing.dashboard.objects import address_of_id
from invoicing.dashboard.once import once
from invoicing.errors import NotFound
from invoicing.leashes import DeclineInput
from invoicing.models import Approval, Merchant
from invoicing.models.leash import ApprovalStatus

WISHES: Final[dict[str, Any]] = {
    "charge": gettext_lazy("Charge %(amount)s"),
    "refund": gettext_lazy("Send back %(amount)s"),
    "settle": gettext_lazy("Declare that %(amount)s has come from elsewhere"),
}
# The page has them in words.
SAID: Final = frozenset({"amount", "currency", "customer_id", "invoice_id"})
MOST_LINKS: Final = 10


class DeclineForm(InputForm):
    """What the bot is told."""

    reads = DeclineInput
    note = Text(
        gettext_lazy("Why"),
        lines=3,
        help_text=gettext_lazy("The bot is told, so that it can do better."),
    )


@require_safe
@merchant_page("payments:read")
def index(request: MerchantRequest) -> HttpResponse:
    """What waits for a decision, or any other state; the newest first."""
    state = request.GET.get("status", "") or ApprovalStatus.PENDING
    rows = request.merchant.approvals.select_related("merchant", "bot", "intent", "decided_by")
    if state != "all":
        rows = rows.filter(status=state)
    found = page_of(request, rows)
    about = approving.subjects_of(request.merchant, found.rows)
    context = {
        "found": found,
        "told": [
            (row, wish_of(row), about[row.pk].name or row.intent.payee, has_failed(row))
            for row in found.rows
        ],
        "states": ApprovalStatus.choices,
        "state": state,
    }
    return page(request, "approvals/list.html", "approvals", context)


@require_safe
@merchant_page("payments:read")
def show(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One request, and what has become of it."""
    approval = _approval_of(request.merchant, public_id)
    may_decide = approving.PERMISSION in request.permissions
    context = {**told(approval), "can_decide": may_decide and is_open(approval)}
    return page(request, "approvals/detail.html", "approvals", context)


@require_http_methods(["GET", "POST"])
@merchant_page(approving.PERMISSION, back="dashboard:approval")
def approve(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Let it be done, once that is confirmed."""
    approval = _approval_of(request.merchant, public_id)
    where = reverse("dashboard:approval", args=[public_id])
    if request.method == "POST":
        done = once(
            request,
            lambda: actions.approve(request.merchant, public_id, request.user),
            lambda _row: where,
        )
        if done.result is not None:
            messages.success(request, _("Approved. It is being done now."))
        return redirect(done.where)
    if not is_open(approval):
        messages.error(request, _("This was decided before, or has lapsed."))
        return redirect(where)
    context = {
        "heading": _("%(wish)s?") % {"wish": wish_of(approval)},
        "explanation": _(
            "%(bot)s does it at once, just as it asked for it. Money that has moved comes back "
            "only by a payment or refund the other way."
        )
        % {"bot": approval.bot.name},
        "button": _("Approve"),
        "back": where,
        "back_name": _("Approval"),
        **told(approval),
    }
    return page(request, "approvals/approve.html", "approvals", context)


@require_http_methods(["GET", "POST"])
@merchant_page(approving.PERMISSION, back="dashboard:approval")
def decline(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Do not let it be done, and say why."""
    approval = _approval_of(request.merchant, public_id)
    where = reverse("dashboard:approval", args=[public_id])
    form = DeclineForm(posted(request))
    if form.is_bound and form.is_valid():
        note = form.input.note
        done = once(
            request,
            lambda: actions.decline(request.merchant, public_id, request.user, note),
            lambda _row: where,
        )
        if done.result is not None:
            messages.success(request, _("Declined. Nothing was done."))
        return redirect(done.where)
    if not is_open(approval):
        messages.error(request, _("This was decided before, or has lapsed."))
        return redirect(where)
    context = {
        "form": form,
        "heading": _("Decline this request"),
        "explanation": _("Nothing is done, and the bot is told not to ask for it again."),
        "button": _("Decline"),
        "back": where,
        "back_name": _("Approval"),
    }
    status = 422 if form.is_bound else 200
    return page(request, "form.html", "approvals", context, status=status)


def is_open(approval: Approval) -> bool:
    """Whether there is still something to decide."""
    in_time = approval.expires_at > clock.now(approval.merchant)
    return approval.status == ApprovalStatus.PENDING and in_time


def has_failed(approval: Approval) -> bool:
    """Whether it was approved, and then refused when it was to be done."""
    return approval.status == ApprovalStatus.DONE and (approval.intent.answer_status or 0) >= 400


def wish_of(approval: Approval) -> str:
    """What a bot wants, in a person's words."""
    intent = approval.intent
    amount = money.format_money(intent.amount, intent.currency)
    wish = str(WISHES[intent.kind]) % {"amount": amount}
    return f"{wish} {approving.rhythm_of(approval)}".strip()


def told(approval: Approval) -> dict[str, Any]:
    """What a page about one request says."""
    answer = json.loads(approval.intent.answer_body or "null")
    failed = has_failed(approval)
    return {
        "approval": approval,
        "intent": approval.intent,
        "subject_of": approving.subject_of(approval),
        "payee_address": address_of_id(approval.intent.payee),
        "wish": wish_of(approval),
        "tool": approval.tool.replace("_", " "),
        "words": approving.words_of(approval),
        "asked": [(name.replace("_", " "), _text(value)) for name, value in _asked(approval)],
        "open": is_open(approval),
        "lapsed": approval.status == ApprovalStatus.PENDING and not is_open(approval),
        "failed": failed,
        "why": _why(answer) if failed else "",
        "results": list(_things_in(answer))[:MOST_LINKS]
        if approval.status == ApprovalStatus.DONE
        else [],
    }


def _why(answer: Any) -> str:
    """What a refusal says, in whatever dialect the bot had asked."""
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    return str(error.get("message", "") if isinstance(error, dict) else error)


def _asked(approval: Approval) -> Iterator[tuple[str, Any]]:
    """What the body says besides what the page says in words already."""
    said = approving.words_of(approval)
    for name, value in approving.request_of(approval).items():
        if name not in SAID and value != said:
            yield name, value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _things_in(answer: Any) -> Iterator[tuple[str, str, str]]:
    """Each object of an answer that has a page: what it is, its name, where it is."""
    if isinstance(answer, list):
        for each in answer:
            yield from _things_in(each)
    elif isinstance(answer, dict):
        where = address_of_id(str(answer.get("id", "")))
        if where and "object" in answer:
            yield answer["object"].replace("_", " "), answer.get("number") or answer["id"], where
        for value in answer.values():
            if isinstance(value, dict | list):
                yield from _things_in(value)


def _approval_of(merchant: Merchant, public_id: str) -> Approval:
    rows = merchant.approvals.select_related("merchant", "bot", "intent", "decided_by")
    found = rows.filter(public_id=public_id).first()
    if found is None:
        raise NotFound(_("There is no such request."))
    return found
