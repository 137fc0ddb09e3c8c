"""What the dashboard's menus offer: countries, currencies, languages, time zones, tax ids."""

import re
from functools import lru_cache
from zoneinfo import available_timezones

from babel import Locale
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoicing import money
from invoicing.languages import spoken
from invoicing.models import Customer, Merchant
from invoicing.templatetags.money import language, locale_of

Choices = list[tuple[str, str]]

# Beyond these a menu is no help, and the search above it is.
CUSTOMERS_OFFERED = 50
# What choosing none would mean.
NOBODY_ON_FILE, NOBODY_YET = gettext_lazy("Nobody on file"), gettext_lazy("Choose a customer")
# The usual suspects first: nobody should scroll past 160 currencies to find the euro.
COMMON_CURRENCIES = ("USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "USDC")

TAX_ID_TYPES = [
    ("eu_vat", gettext_lazy("EU VAT number")),
    ("gb_vat", gettext_lazy("UK VAT number")),
    ("ch_vat", gettext_lazy("Swiss VAT number")),
    ("us_ein", gettext_lazy("US EIN")),
    ("au_abn", gettext_lazy("Australian ABN")),
    ("br_cnpj", gettext_lazy("Brazilian CNPJ")),
    ("ca_bn", gettext_lazy("Canadian BN")),
    ("in_gst", gettext_lazy("Indian GSTIN")),
    ("jp_trn", gettext_lazy("Japanese registration number")),
    ("mx_rfc", gettext_lazy("Mexican RFC")),
    ("nz_gst", gettext_lazy("New Zealand GST number")),
    ("sg_gst", gettext_lazy("Singaporean GST number")),
    ("other", gettext_lazy("Other tax id")),
]


def countries() -> Choices:
    """Every ISO 3166 country, by its name in the active language."""
    return [("", _("No country")), *_countries(language())]


@lru_cache(maxsize=16)
def _countries(code: str) -> tuple[tuple[str, str], ...]:
    named = locale_of(code).territories
    codes = [str(key) for key in Locale("en").territories]
    known = [
        (code, str(named.get(code, code)))
        for code in codes
        if re.fullmatch("[A-Z]{2}", code) and code not in {"ZZ", "EU", "EZ", "UN", "XA", "XB"}
    ]
    return tuple(sorted(known, key=lambda item: item[1]))


def currencies(blank: str | None = None) -> list[tuple[str, Choices | str]]:
    """Every currency with its name; `blank` is what choosing none would mean."""
    locale = locale_of(language())

    def named(code: str) -> tuple[str, str]:
        name = locale.currencies.get(code) or money.asset(code).name
        return code, f"{code} · {name}"

    others = [named(code) for code in sorted(money.ASSETS) if code not in COMMON_CURRENCIES]
    groups: list[tuple[str, Choices | str]] = [
        (_("Common"), [named(code) for code in COMMON_CURRENCIES]),
        (_("All"), others),
    ]
    return groups if blank is None else [("", blank), *groups]


def languages(current: str = "", blank: str | None = None) -> Choices:
    """The languages that documents are written in, each by its own name."""
    offered = [(code, _own_name(code)) for code, _name in settings.LANGUAGES if spoken(code)]
    if current and current not in dict(offered):
        offered.append((current, _own_name(current)))
    return offered if blank is None else [("", blank), *offered]


def _own_name(code: str) -> str:
    locale = locale_of(code)
    return str(locale.display_name or code).capitalize() if code[:2] == locale.language else code


@lru_cache(maxsize=1)
def timezones() -> tuple[tuple[str, str], ...]:
    """Every time zone that is named for a place, and UTC."""
    names = sorted(name for name in available_timezones() if "/" in name or name == "UTC")
    places = [name for name in names if not name.startswith(("Etc/", "SystemV/", "US/"))]
    return tuple((name, name.replace("_", " ")) for name in places)


def customers(merchant: Merchant, search: str, chosen: str, blank: str = "") -> Choices:
    """The newest customers that match, and the chosen one whether it matches or not."""
    rows = merchant.customers.filter(archived_at=None)
    found = list(matching(rows, search).order_by("-pk")[:CUSTOMERS_OFFERED])
    if chosen and chosen not in {row.public_id for row in found}:
        found += list(merchant.customers.filter(public_id=chosen))
    named = sorted(found, key=lambda row: row.name.casefold())
    return [("", blank or str(NOBODY_ON_FILE)), *((row.public_id, _labelled(row)) for row in named)]


def meant(options: Choices, search: str, chosen: str) -> str:
    """The chosen customer; the only one that matches, where none was chosen."""
    if search.strip() and not chosen and len(options) == 2:
        return options[1][0]
    return chosen


def matching(rows: QuerySet[Customer], search: str) -> QuerySet[Customer]:
    """Those among the customers whose name or email contains the text."""
    text = search.strip()[:100].replace("\x00", "")
    if not text:
        return rows
    return rows.filter(Q(name__icontains=text) | Q(email__icontains=text))


def _labelled(customer: Customer) -> str:
    label = f"{customer.name} · {customer.email}" if customer.email else customer.name
    return f"{label} ({_('archived')})" if customer.archived_at else label
