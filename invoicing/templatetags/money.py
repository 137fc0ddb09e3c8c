"""Amounts, quantities, rates and dates as people of the active language write them."""

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import format_percent
from django import template
from django.utils import timezone, translation

from invoicing.money import format_money, format_number, format_price

register = template.Library()


def language() -> str:
    """The active language, or English where translation is switched off."""
    return translation.get_language() or "en"


@lru_cache(maxsize=64)
def locale_of(code: str) -> Locale:
    """The CLDR locale of a Django language code; English where there is none."""
    try:
        return Locale.parse(code, sep="-")
    except (ValueError, UnknownLocaleError):
        return Locale("en")


@register.filter
def money(amount: int, currency: str) -> str:
    """Minor units as an amount: `{{ invoice.total|money:invoice.currency }}`."""
    return format_money(amount, currency, language())


@register.filter
def price(value: Decimal, currency: str) -> str:
    """A unit price, which may be finer than the currency's minor unit."""
    return format_price(value, currency, language())


@register.filter
def quantity(value: Decimal) -> str:
    """How many, without trailing zeros."""
    return format_number(value, language())


@register.filter
def rate(value: Decimal) -> str:
    """A rate in percent: Decimal("19.5") is "19.5%"."""
    locale = locale_of(language())
    pattern = locale.percent_formats[None].pattern.replace("0", "0.############", 1)
    return str(format_percent(value / 100, format=pattern, locale=locale))


@register.filter
def long_date(value: date | None) -> str:
    """A day with the name of its month, in the active time zone; nothing for None."""
    if value is None:
        return ""
    return str(format_date(_day(value), "long", locale=locale_of(language())))


@register.filter
def short_date(value: date | None) -> str:
    """A day in few letters, in the active time zone; nothing for None."""
    if value is None:
        return ""
    return str(format_date(_day(value), "medium", locale=locale_of(language())))


@register.filter
def moment(value: datetime | None) -> str:
    """A day and time of day in the active time zone; nothing for None."""
    if value is None:
        return ""
    local = timezone.localtime(value)
    return str(format_datetime(local, "medium", locale=locale_of(language())))


def _day(value: date) -> date:
    """The date itself, or the day an instant falls on in the active time zone."""
    return timezone.localtime(value).date() if isinstance(value, datetime) else value
