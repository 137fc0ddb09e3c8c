"""What comes back for a payer: when next and how much, its periods, and what they may change."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from checkout import portal
from checkout.pages.invoice import see_other
from checkout.pages.portal import PortalRequest, for_payer, page
from checkout.pages.portal_paying import named
from invoicing.errors import BillhookError, InvalidState
from payments.actions import recurring as actions
from payments.models import RUNNING, RecurringCharge, RecurringStatus
from payments.recurring_inputs import CancelInput, PauseInput
from payments.upcoming import Upcoming

PERIODS_SHOWN: Final = 24
ASKED_BY_PAYER: Final = "Cancelled by the payer."


@dataclass(frozen=True, slots=True)
class Coming:
    """One schedule as its payer sees it."""

    row: RecurringCharge
    pause_allowed: bool
    cancel_allowed: bool

    @property
    def rhythm(self) -> str:
        """How often it comes back."""
        count = self.row.interval_count
        texts = {
            "weekly": ngettext("Every %(count)s week", "Every %(count)s weeks", count),
            "monthly": ngettext("Every %(count)s month", "Every %(count)s months", count),
            "quarterly": ngettext("Every %(count)s quarter", "Every %(count)s quarters", count),
            "yearly": ngettext("Every %(count)s year", "Every %(count)s years", count),
        }
        if count == 1:
            texts = {
                "weekly": _("Every week"),
                "monthly": _("Every month"),
                "quarterly": _("Every quarter"),
                "yearly": _("Every year"),
            }
        return texts[self.row.interval] % {"count": count}

    @property
    def next_on(self) -> datetime | None:
        """When money is asked for next, as things stand."""
        following = Upcoming.of(self.row)
        return self.row.begins(following.number) if following else None

    @property
    def charged_to(self) -> str:
        """The method that is named for it; "" where it is the default, or an invoice is sent."""
        return named(self.row.payment_method) if self.row.payment_method else ""

    @property
    def is_over(self) -> bool:
        return bool(self.row.status == RecurringStatus.ENDED)

    @property
    def is_ending(self) -> bool:
        """Whether it goes on for now, and stops by itself."""
        return not self.is_over and self.row.end_at is not None

    @property
    def verbs(self) -> list[str]:
        """What the payer may do with it now.

        What has failed is not paused: it would not be asked for any more.
        """
        row, found = self.row, []
        if self.pause_allowed and row.status == RecurringStatus.ACTIVE:
            found.append("pause")
        if self.pause_allowed and row.status == RecurringStatus.PAUSED:
            found.append("resume")
        if self.cancel_allowed and row.status in RUNNING and self.next_on is not None:
            found.append("cancel")
        if self.cancel_allowed and row.status == RecurringStatus.PAUSED:
            found.append("cancel")
        return found


@require_safe
@for_payer
def index(request: PortalRequest) -> HttpResponse:
    """Everything that recurs, or did."""
    rows = [_coming(request, row) for row in request.payer.recurring]
    rows.sort(key=lambda one: one.is_over)
    return page(request, "recurring.html", {"rows": rows}, section="recurring")


@require_safe
@for_payer
def show(request: PortalRequest, recurring_id: str) -> HttpResponse:
    """One schedule and its periods."""
    return _show(request, _own(request, recurring_id))


@require_http_methods(["GET", "HEAD", "POST"])
@for_payer
def change(request: PortalRequest, recurring_id: str, verb: str) -> HttpResponse:
    """Pause, resume or cancel, once that is confirmed, where the merchant lets payers do it."""
    coming = _own(request, recurring_id)
    if verb not in coming.verbs:
        return _show(request, coming, status=409, error=_("That is not possible just now."))
    where = reverse("portal_recurring_one", args=[request.merchant.public_id, recurring_id])
    if request.method == "POST":
        try:
            _do(request, recurring_id, verb)
        except BillhookError:
            coming = _own(request, recurring_id)
            return _show(request, coming, status=409, error=_("That is not possible just now."))
        return see_other(f"{where}?done={verb}")
    texts = {
        "pause": (
            _("Pause this?"),
            _("Nothing is asked for until you let it go on. Periods in between are left out."),
            _("Pause"),
        ),
        "resume": (_("Let this go on?"), _("It goes on with the next period."), _("Go on")),
        "cancel": (
            _("Cancel this?"),
            _("It ends with the period that is paid for, and is not asked for again after that.")
            if coming.row.status in RUNNING
            else _("It ends now, and is not asked for again."),
            _("Cancel it"),
        ),
    }
    heading, explanation, button = texts[verb]
    context = {
        "heading": heading,
        "subject": coming.row.description,
        "explanation": explanation,
        "button": button,
        "danger": verb == "cancel",
        "back": where,
    }
    return page(request, "confirm.html", context, section="recurring")


def _do(request: PortalRequest, recurring_id: str, verb: str) -> None:
    merchant = request.merchant
    if verb == "pause":
        actions.pause_recurring(merchant, recurring_id, PauseInput())
    elif verb == "resume":
        actions.resume_recurring(merchant, recurring_id)
    elif verb == "cancel":
        wanted = CancelInput(at="period_end", reason=ASKED_BY_PAYER)
        actions.cancel_recurring(merchant, recurring_id, wanted)
    else:
        raise InvalidState("There is no such thing to do with what recurs.")


def _show(
    request: PortalRequest, coming: Coming, *, status: int = 200, **more: Any
) -> HttpResponse:
    done = {
        "pause": _("It is paused."),
        "resume": _("It goes on."),
        "cancel": _("It is cancelled."),
    }
    periods = coming.row.periods.select_related("invoice").order_by("-number")
    context = {
        "one": coming,
        # The day on which the next one begins is the next one's.
        "periods": [(row, row.ends_at - timedelta(days=1)) for row in periods[:PERIODS_SHOWN]],
        "done": done.get(request.GET.get("done", "")),
        **more,
    }
    return page(request, "recurring_one.html", context, section="recurring", status=status)


def _coming(request: PortalRequest, row: RecurringCharge) -> Coming:
    allowed = portal.settings_of(request.merchant)
    return Coming(row, allowed.pause_recurring, allowed.cancel_recurring)


def _own(request: PortalRequest, recurring_id: str) -> Coming:
    row = request.payer.recurring.filter(public_id=recurring_id).first()
    if row is None:
        raise Http404
    return _coming(request, row)
