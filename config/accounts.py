"""How signing up and in behaves here, told to django-allauth."""

import re
from typing import Any, Final

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest
from django.template.loader import render_to_string

from invoicing import documents
from invoicing.representations import public_url

# Where a mail leads, by the name that allauth gives the address, and what its button says.
WAYS_ON: Final = {
    "password_reset_url": "Choose a new password",
    "activate_url": "Confirm my address",
    "signup_url": "Sign up",
}


class AccountAdapter(DefaultAccountAdapter):
    """Closes sign-up where the operator says so, and writes mails in the house's own look."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Whether strangers may open an account (SIGNUP_OPEN)."""
        return bool(settings.SIGNUP_OPEN)

    def format_email_subject(self, subject: str) -> str:
        """A sentence, as all our subjects are: allauth writes Title Case."""
        return subject.capitalize() if subject.istitle() else subject

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMultiAlternatives:
        """The mail's text from its template, and HTML that says the same."""
        plain = super().render_mail(template_prefix, email, context, headers)
        text = re.sub(r"\n{3,}", "\n\n", str(plain.body)).strip()
        home = public_url("/")
        mail = EmailMultiAlternatives(
            plain.subject, f"{text}\n\nBillhook\n{home}\n", plain.from_email, plain.to
        )
        way = next((name for name in WAYS_ON if name in context and context[name] in text), "")
        told = {
            "language": "en",
            "direction": "ltr",
            "brand": documents.readable(documents.INK),
            "subject": plain.subject,
            "paragraphs": text.split("\n\n"),
            "code": context.get("code"),
            "url": context.get(way),
            "label": WAYS_ON.get(way, ""),
            "home": home,
        }
        mail.attach_alternative(render_to_string("account/email/message.html", told), "text/html")
        return mail
