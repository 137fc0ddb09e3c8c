"""The test twin's clock: a year of billing, rehearsed in a minute."""

import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from isodate import Duration

from invoicing import clock, stepping
from invoicing.actions.clocks import move_clock
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.forms import Choice, PlainForm, Text, posted, sentence
from invoicing.dashboard.history import title_of
from invoicing.dashboard.objects import address_of_object
from invoicing.errors import Conflict, ValidationFailed
from invoicing.models import Merchant
from invoicing.templatetags.dashboard import when

UNITS = [
    ("hours", gettext_lazy("hours")),
    ("days", gettext_lazy("days")),
    ("months", gettext_lazy("months")),
]


class ClockForm(PlainForm):
    """How far to go, or to when."""

    count = Text(gettext_lazy("How many"), attrs={"inputmode": "numeric"})
    unit = Choice(gettext_lazy("Of what"), UNITS)
    to = Text(gettext_lazy("To a day and time"), attrs={"type": "datetime-local"})

    def __init__(self, now: datetime, zone: ZoneInfo, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now, self.zone = now, zone
        # Where the clock is to go, once the form is valid.
        self.target: datetime | None = None

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        count, to = data.get("count", ""), data.get("to", "")
        if bool(count) == bool(to):
            self.add_error("count", _("Say either how far to go or to when."))
        elif count:
            self._ahead(count, data.get("unit", ""))
        else:
            self._at(to)
        return data

    def _ahead(self, count: str, unit: str) -> None:
        if not re.fullmatch(r"[1-9][0-9]{0,3}", count, re.ASCII) or unit not in dict(UNITS):
            self.add_error("count", _("Must be a whole number from 1 to 9999."))
        elif unit == "months":
            self.target = self.now.astimezone(self.zone) + Duration(months=int(count))
        else:
            self.target = self.now + timedelta(**{unit: int(count)})

    def _at(self, text: str) -> None:
        try:
            instant = parse_datetime(text)
        except ValueError:
            instant = None
        if instant is None or not 2000 <= instant.year <= 2200:
            self.add_error("to", _("Must be a day and time between the years 2000 and 2200."))
        else:
            self.target = instant.replace(tzinfo=instant.tzinfo or self.zone)


@require_http_methods(["GET", "POST"])
@merchant_page("sandbox:write")
def test_clock(request: MerchantRequest) -> HttpResponse:
    """Where the test clock stands, and moving it forward once that is confirmed."""
    merchant = request.merchant
    if merchant.livemode:
        messages.info(request, _("The live side keeps real time. Go over to the test side first."))
        return redirect("dashboard:home")
    if "target" in request.POST:
        return _move(request)
    now = clock.now(merchant)
    form = ClockForm(now, ZoneInfo(merchant.timezone), posted(request), initial={"unit": "days"})
    if form.is_valid() and form.target is not None:
        if form.target > now:
            return page(request, "clock/confirm.html", "clock", {"target": form.target})
        form.add_error("to", _("The clock only moves forward, and it is past that already."))
    context = {"form": form, "moved": merchant.clock_offset, **_last_move(merchant)}
    return page(request, "clock/move.html", "clock", context, status=422 if form.errors else 200)


def _last_move(merchant: Merchant) -> dict[str, Any]:
    """Where the clock is on its way to, or came last, and what happened on the way."""
    last = merchant.clock_moves.order_by("-pk").first()
    if last is None:
        return {"last": None}
    told, count = stepping.happened(last)
    way = last.to_at - last.from_at
    gone = clock.now(merchant) - last.from_at
    return {
        "last": last,
        "percent": min(100, 100 * gone // way) if way else 100,
        "told": [(event, title_of(event.type), address_of_object(event)) for event in told],
        "more": count - len(told),
    }


def _move(request: MerchantRequest) -> HttpResponse:
    """Do what was confirmed."""
    try:
        target = parse_datetime(request.POST["target"])
        if target is None or target.tzinfo is None:
            raise ValidationFailed([("to", _("is not a day and time"))])
        moved = stepping.move(lambda: move_clock(request.merchant, target))
    except ValueError:
        messages.error(request, _("That is not a day and time."))
    except ValidationFailed as refusal:
        messages.error(request, sentence(refusal.fields[0][1]))
    except Conflict as refusal:
        messages.error(request, refusal.message)
    else:
        if moved.finished_at:
            now = when(clock.now(moved.merchant))
            messages.success(request, _("It is now %(now)s on the test side.") % {"now": now})
    return redirect("dashboard:clock")
