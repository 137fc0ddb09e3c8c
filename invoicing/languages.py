"""The languages that payers are written to in, and which of them answers a wish."""

from functools import cache
from pathlib import Path

from django.conf import settings
from django.utils import translation

from invoicing.models import Invoice


@cache
def spoken(wanted: str) -> str:
    """The language, or its nearest relative, if there are words in it; else nothing.

    A page that says it is Arabic and speaks English helps nobody, least of all a screen reader.
    """
    try:
        found = translation.get_supported_language_variant(wanted)
    except LookupError:
        return ""
    catalogue = Path(translation.to_locale(found), "LC_MESSAGES", "django.po")
    written = any((Path(folder) / catalogue).exists() for folder in settings.LOCALE_PATHS)
    return found if written or found == settings.LANGUAGE_CODE else ""


def of_payer(invoice: Invoice) -> str:
    """The language the payer of an issued invoice is known to read, if there are words in it."""
    return spoken(invoice.language or invoice.buyer_snapshot.get("language") or "")


def nearest(code: str) -> str:
    """The code that finds words for a document in this language: "zh-cn" is written as "zh-hans".

    A regional form such as "de-at" finds the words of its language by itself and keeps figures
    and dates of its own; so does a language without words.
    """
    return code if code.partition("-")[0] in dict(settings.LANGUAGES) else spoken(code) or code
