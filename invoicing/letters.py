"""How a mail reads: its subject, its plain text, and HTML that says the same."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation

from invoicing import documents, languages

# What each mail tells; a mail that lacks any of it is a mistake to find before it is sent.
_ABOUT_INVOICE = frozenset({
    "merchant_name", "brand_color", "recipient_name", "number", "currency", "total", "title",
    "message", "lines", "payment_url", "document",
})  # fmt: skip
_FAILURE = frozenset({"amount_due", "description", "method", "why"})
MAILS: dict[str, frozenset[str]] = {
    "invoice": _ABOUT_INVOICE | {"amount_due", "due_on"},
    "receipt": _ABOUT_INVOICE | {"amount_paid", "paid_on", "period"},
    "credit_note": _ABOUT_INVOICE | {"invoice_number"},
    "refund": _ABOUT_INVOICE | {"amount", "destination"},
    "charge_failed": _ABOUT_INVOICE | _FAILURE | {"retry_on", "needs_payer"},
    "charge_given_up": _ABOUT_INVOICE | _FAILURE | {"can_be_paid", "schedule"},
    "reminder": _ABOUT_INVOICE | {"amount_due", "due_on", "tone", "days", "late_fees", "stop_url"},
    "answer": _ABOUT_INVOICE | {"question", "answer"},
    "question": frozenset({"merchant_name", "number", "question", "asked_by", "url"}),
    "claim": frozenset({"merchant_name", "number", "asked_by", "address", "chain", "note", "url"}),
    "approval": frozenset(
        {
            "merchant_name",
            "bot_name",
            "tool",
            "amount",
            "currency",
            "payee",
            "subject_url",
            "purpose",
            "until",
            "livemode",
            "url",
        }
    ),
    "webhook_disabled": frozenset({"merchant_name", "endpoint_url", "reason", "url"}),
    "dispute": frozenset(
        {
            "merchant_name",
            "number",
            "amount",
            "currency",
            "reason",
            "status",
            "answer_by",
            "url",
        }
    ),
    "portal_link": frozenset({"merchant_name", "brand_color", "minutes", "url"}),
    "statement": frozenset({"merchant_name", "brand_color", "statement", "url"}),
    "invitation": frozenset({"account_name", "inviter_name", "role", "url", "days"}),
}


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it will be read: one line, plain text, and HTML that says the same."""

    subject: str
    text: str
    html: str


def render_mail(kind: str, context: Mapping[str, Any], language: str) -> Mail:
    """The mail of this kind in this language. Raises KeyError naming what the context lacks."""
    missing = MAILS[kind] - context.keys()
    if missing:
        raise KeyError(f"a mail of kind {kind} needs {', '.join(sorted(missing))}")
    spoken = languages.nearest(language)
    with translation.override(spoken):
        told = {
            **context,
            "language": spoken,
            "direction": "rtl" if translation.get_language_bidi() else "ltr",
            "brand": documents.readable(context.get("brand_color", documents.INK)),
        }
        subject = _one_line(render_to_string(f"mails/{kind}/subject.txt", told))
        text = render_to_string(f"mails/{kind}/text.txt", told)
        html = render_to_string(f"mails/{kind}/html.html", {**told, "subject": subject})
    return Mail(subject, re.sub(r"\n{3,}", "\n\n", text).strip() + "\n", html)


def _one_line(text: str) -> str:
    """A subject: nothing a name holds may begin another header."""
    words = " ".join(text.split())
    return "".join(char for char in words if char.isprintable())[:250]
