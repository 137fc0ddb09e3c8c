"""The dashboard's home: what needs attention, what came in, what is owed, what happened last."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, F, Min, Q, QuerySet, Sum
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from checkout.dashboard.quick import QuickInvoiceForm
from invoicing import clock
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.history import about, title_of, who_did
from invoicing.models import ApiKey, Merchant
from invoicing.templatetags.dashboard import when

# Counting further than anyone will act on would only make the page slow.
COUNTED = 100
LATELY = timedelta(days=30)
MAILS_LATELY = timedelta(days=14)
ASKED_FOR = Q(status__in=["open", "paying"])


@dataclass(frozen=True, slots=True)
class Matter:
    """Something that waits for a person."""

    icon: str
    tone: str
    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Step:
    """One of the first things to do in a new account."""

    title: str
    text: str
    href: str
    done: bool


@require_safe
@merchant_page(None)
def home(request: MerchantRequest) -> HttpResponse:
    """Where a working day begins."""
    merchant = request.merchant
    asked = merchant.invoices.filter(ASKED_FOR)
    received = merchant.payments.filter(
        status="succeeded", succeeded_at__gte=clock.now(merchant) - LATELY
    )
    due = F("total") - F("amount_paid") - F("amount_credited")
    steps = first_steps(merchant)
    context = {
        "quick_form": QuickInvoiceForm(),
        "matters": matters_of(merchant),
        "received": _by_currency(received, F("received") - F("amount_refunded")),
        "outstanding": _by_currency(asked, due),
        "overdue": _by_currency(asked.filter(overdue_at__isnull=False), due),
        "steps": [] if all(step.done for step in steps) else steps,
        "steps_done": sum(step.done for step in steps),
        "invoices": merchant.invoices.order_by("-pk")[:6],
        "events": [
            (row, title_of(row.type), about(row), who_did(row))
            for row in merchant.events.order_by("-pk")[:8]
        ],
    }
    return page(request, "home.html", "home", context)


def matters_of(merchant: Merchant) -> list[Matter]:
    """What needs attention, the most pressing first."""
    at = clock.wall()
    failed = merchant.messages.filter(status="failed", created_at__gte=at - MAILS_LATELY)
    endpoints = merchant.webhook_endpoints.filter(deleted_at=None)
    switched_off = endpoints.filter(enabled=False).exclude(
        disabled_reason__in=["", "Disabled by the merchant"]
    )
    disputes = merchant.disputes.filter(
        status__in=["inquiry", "needs_response"], submitted_at__isnull=True
    )
    found = [
        _matter(
            merchant.approvals.filter(status="pending_approval"),
            lambda n, text: (
                ngettext(
                    "%(n)s request of a bot waits for your approval",
                    "%(n)s requests of bots wait for your approval",
                    n,
                )
                % {"n": text}
            ),
            "bot",
            "warn",
            reverse("dashboard:approvals"),
        ),
        _matter(
            disputes,
            lambda n, text: _to_answer(n, text, disputes),
            "shield",
            "bad",
            reverse("dashboard:disputes"),
        ),
        _matter(
            merchant.inquiries.filter(kind="question", status="open"),
            lambda n, text: (
                ngettext(
                    "%(n)s question of a payer waits for an answer",
                    "%(n)s questions of payers wait for an answer",
                    n,
                )
                % {"n": text}
            ),
            "mail",
            "warn",
            reverse("dashboard:questions"),
        ),
        _matter(
            merchant.deposits.filter(status="unmatched"),
            lambda n, text: (
                ngettext(
                    "%(n)s sum of money has come that fits no invoice",
                    "%(n)s sums of money have come that fit no invoice",
                    n,
                )
                % {"n": text}
            ),
            "coin",
            "warn",
            reverse("dashboard:unmatched") + "?status=unmatched",
        ),
        _matter(
            merchant.transfers.filter(match="wrong_token", dismissed_at=None),
            lambda n, text: (
                ngettext(
                    "%(n)s transfer of another token than USDC came to your addresses",
                    "%(n)s transfers of other tokens than USDC came to your addresses",
                    n,
                )
                % {"n": text}
            ),
            "coin",
            "info",
            reverse("dashboard:transfers") + "?show=other_tokens",
        ),
        _matter(
            merchant.refund_claims.filter(status="open"),
            lambda n, text: (
                ngettext("%(n)s payer asks for money back", "%(n)s payers ask for money back", n)
                % {"n": text}
            ),
            "undo",
            "warn",
            reverse("dashboard:claims") + "?status=open",
        ),
        _matter(
            merchant.usdc_payouts.filter(status="waiting"),
            lambda n, text: (
                ngettext(
                    "%(n)s refund in USDC waits for you to sign it",
                    "%(n)s refunds in USDC wait for you to sign them",
                    n,
                )
                % {"n": text}
            ),
            "undo",
            "warn",
            reverse("dashboard:refunds_to_sign"),
        ),
        _matter(
            merchant.payments.filter(status="unknown"),
            lambda n, text: (
                ngettext(
                    "%(n)s payment whose outcome is not known yet",
                    "%(n)s payments whose outcome is not known yet",
                    n,
                )
                % {"n": text}
            ),
            "clock",
            "warn",
            reverse("dashboard:payments") + "?status=unknown",
        ),
        _matter(
            merchant.recurring_charges.filter(status="past_due"),
            lambda n, text: (
                ngettext(
                    "%(n)s recurring charge is past due: charging it failed",
                    "%(n)s recurring charges are past due: charging them failed",
                    n,
                )
                % {"n": text}
            ),
            "calendar",
            "bad",
            reverse("dashboard:recurring") + "?status=past_due",
        ),
        _matter(
            failed,
            lambda n, text: (
                ngettext(
                    "%(n)s mail could not be delivered", "%(n)s mails could not be delivered", n
                )
                % {"n": text}
            ),
            "mail",
            "bad",
            reverse("dashboard:mails") + "?status=failed",
        ),
        _matter(
            switched_off,
            lambda n, text: (
                ngettext(
                    "%(n)s webhook endpoint was switched off after failing",
                    "%(n)s webhook endpoints were switched off after failing",
                    n,
                )
                % {"n": text}
            ),
            "webhook",
            "bad",
            reverse("dashboard:webhooks"),
        ),
        _matter(
            endpoints.filter(enabled=True, failing_since__isnull=False),
            lambda n, text: (
                ngettext(
                    "%(n)s webhook endpoint is failing", "%(n)s webhook endpoints are failing", n
                )
                % {"n": text}
            ),
            "webhook",
            "warn",
            reverse("dashboard:webhooks"),
        ),
        _matter(
            merchant.invoices.filter(ASKED_FOR, overdue_at__isnull=False),
            lambda n, text: (
                ngettext("%(n)s invoice is overdue", "%(n)s invoices are overdue", n) % {"n": text}
            ),
            "alert",
            "bad",
            reverse("dashboard:invoices") + "?status=overdue",
        ),
        _matter(
            merchant.invoices.filter(status="draft"),
            lambda n, text: (
                ngettext("%(n)s draft waits to be finished", "%(n)s drafts wait to be finished", n)
                % {"n": text}
            ),
            "edit",
            "info",
            reverse("dashboard:invoices") + "?status=draft",
        ),
    ]
    return [matter for matter in found if matter is not None]


def first_steps(merchant: Merchant) -> list[Step]:
    """What a new account does first; done for good once the first money has come in."""
    invoices = merchant.invoices
    return [
        Step(
            _("Say who you are"),
            _("Your address and tax id stand on every invoice."),
            reverse("dashboard:settings"),
            bool(merchant.address.get("line1") or merchant.address.get("city")),
        ),
        Step(
            _("Write an invoice"),
            _("A draft can be changed until it looks right."),
            reverse("dashboard:invoice_new"),
            invoices.exists(),
        ),
        Step(
            _("Send it"),
            _("It gets its number, and a mail with the document and a link to pay."),
            reverse("dashboard:invoices") + "?status=draft",
            invoices.filter(sent_at__isnull=False).exists(),
        ),
        Step(
            _("Get paid"),
            _("On the test side, pay it yourself with the card 4242 4242 4242 4242.")
            if not merchant.livemode
            else _("Share its link, or mark it as paid when the money has come."),
            reverse("dashboard:invoices") + "?status=open",
            merchant.payments.filter(status="succeeded").exists(),
        ),
        Step(
            _("Let a bot do it"),
            _("An API key does all of this by program."),
            reverse("dashboard:api_keys"),
            ApiKey.objects.filter(bot__merchant=merchant).exists(),
        ),
    ]


def _matter(rows: QuerySet[Any], words: Any, icon: str, tone: str, href: str) -> Matter | None:
    count = rows.order_by()[: COUNTED + 1].count()
    if not count:
        return None
    return Matter(icon, tone, words(count, f"{COUNTED}+" if count > COUNTED else str(count)), href)


def _to_answer(n: int, text: str, disputes: QuerySet[Any]) -> str:
    """How many disputes wait, and until when the first of them does."""
    first = disputes.aggregate(first=Min("evidence_due_at"))["first"]
    said = ngettext("%(n)s dispute needs your answer", "%(n)s disputes need your answer", n)
    by = _(" by %(date)s") % {"date": when(first)} if first else ""
    return said % {"n": text} + by


def _by_currency(rows: QuerySet[Any], amount: Any) -> list[dict[str, Any]]:
    """Amounts do not add up across currencies, so there is one sum for each."""
    summed = rows.order_by().values("currency").annotate(amount=Sum(amount), count=Count("pk"))
    return list(summed.order_by("-count", "currency")[:6])
