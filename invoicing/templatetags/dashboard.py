"""Words of the dashboard's pages: when something was, and how long it lasts."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, get_datetime_format
from django import template
from django.utils import timezone

from invoicing.templatetags.money import language, locale_of

register = template.Library()


@register.filter
def when(value: datetime | None) -> str:
    """A day and time of day to the minute, in the active time zone; nothing for None."""
    if value is None:
        return ""
    local, locale = timezone.localtime(value), locale_of(language())
    pattern = str(get_datetime_format("medium", locale=locale))
    day = str(format_date(local.date(), "medium", locale=locale))
    time = str(format_time(local.time(), "short", locale=locale))
    return pattern.replace("{1}", day).replace("{0}", time).replace("'", "")


@register.simple_tag
def span(starts: datetime, ends: datetime, zone: str) -> str:
    """A period's first and last day; the day on which the next one begins is the next one's."""
    locale = locale_of(language())
    first = starts.astimezone(ZoneInfo(zone)).date()
    last = max(first, ends.astimezone(ZoneInfo(zone)).date() - timedelta(days=1))
    return f"{format_date(first, locale=locale)} – {format_date(last, locale=locale)}"
