"""Handing one mail to a mail server, or to the mailbox page where there is none.

Says what the server said: refused for good (5xx), not now (4xx, no answer), or taken.
"""

import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import urlsplit

import idna
from django.conf import settings

from invoicing.models import Message


class NotSent(Exception):
    """The server did not take the mail. `permanent` says that trying again cannot help."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent


def compose(message: Message, pdf: tuple[str, bytes] | None = None) -> EmailMessage:
    """The mail as it goes over the wire. Its Message-ID is the row's, however often it is sent."""
    mail = EmailMessage(policy=SMTP)
    sender_name, sender = parseaddr(settings.DEFAULT_FROM_EMAIL)
    mail["Subject"] = " ".join(message.subject.split())
    mail["From"] = Address(message.from_name or sender_name, addr_spec=sender)
    mail["To"] = _address(message.to)
    if message.reply_to:
        mail["Reply-To"] = _address(message.reply_to)
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    mail["Message-ID"] = f"<{message.public_id}@{host}>"
    mail["Date"] = format_datetime(message.created_at)
    mail["Auto-Submitted"] = "auto-generated"
    if message.unsubscribe_url:
        mail["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
        # One click without a page takes https (RFC 8058 §3.1); otherwise the link has to do.
        if message.unsubscribe_url.startswith("https:"):
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(message.text)
    if message.html:
        mail.add_alternative(message.html, subtype="html")
    if pdf:
        name, content = pdf
        mail.add_attachment(content, maintype="application", subtype="pdf", filename=name)
    return mail


def _address(text: str) -> Address:
    """An address as mail servers read it: a name in another script in its ASCII form (RFC 5891)."""
    user, _, domain = text.rpartition("@")
    if not domain.isascii():
        domain = idna.encode(domain, uts46=True).decode()
    return Address(addr_spec=f"{user}@{domain}")


def hand_over(mail: EmailMessage) -> bytes | None:
    """Send by SMTP; without a server return the mail's bytes for the mailbox. Raises NotSent."""
    how: dict[str, Any] = settings.MAIL_TRANSPORT
    if how["kind"] == "mailbox":
        return mail.as_bytes()
    try:
        with _connect(how) as server:
            if how["user"]:
                server.login(how["user"], how["password"])
            server.send_message(mail)
    except smtplib.SMTPRecipientsRefused as refusal:
        code, text = next(iter(refusal.recipients.values()))
        raise NotSent(_said(code, text), permanent=500 <= code < 600) from None
    except smtplib.SMTPResponseException as refusal:
        # A login that is refused is the operator's to mend: the mail itself may be fine.
        permanent = 500 <= refusal.smtp_code < 600 and not isinstance(
            refusal, smtplib.SMTPAuthenticationError
        )
        raise NotSent(_said(refusal.smtp_code, refusal.smtp_error), permanent=permanent) from None
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent(f"The mail server did not answer: {error}", permanent=False) from None
    return None


def _connect(how: dict[str, Any]) -> smtplib.SMTP:
    if how["tls"] == "implicit":
        return smtplib.SMTP_SSL(
            how["host"],
            how["port"],
            timeout=how["timeout"],
            context=ssl.create_default_context(),
        )
    server = smtplib.SMTP(how["host"], how["port"], timeout=how["timeout"])
    if how["tls"] == "starttls":
        server.starttls(context=ssl.create_default_context())
    return server


def _said(code: int, text: bytes | str) -> str:
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"The mail server answered {code}: {words}"
