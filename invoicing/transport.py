"""Handing one mail to a mail server, or to the mailbox page where there is none.

Says what the server said: refused for good (5xx), not now (4xx, no answer), or taken.
"""

import smtplib
import ssl
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime, formataddr, parseaddr
from typing import Any, Final
from urllib.parse import urlsplit

import idna
from django.conf import settings

from invoicing.models import Message

# As long as a line with encoded words may be (RFC 2047 §2).
_LINE: Final = 76


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
    _write(mail, "Subject", _encoded("Subject", " ".join(message.subject.split())))
    name = " ".join((message.from_name or sender_name).split())
    _write(mail, "From", _mailbox("From", name, sender))
    mail["To"] = _address(message.to)
    if message.reply_to:
        mail["Reply-To"] = _address(message.reply_to)
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    _write(mail, "Message-ID", f"<{message.public_id}@{host}>")
    mail["Date"] = format_datetime(message.created_at)
    mail["Auto-Submitted"] = "auto-generated"
    if message.unsubscribe_url:
        _write(mail, "List-Unsubscribe", f"<{message.unsubscribe_url}>")
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


class _AsWritten(str):
    """A header's text that goes out as it is: the library would fold it anew.

    It makes encoded words of what is long and has no spaces, be it an address of the web, which
    no mail client reads then; and of a long name in quotes it forgets the quotes, so that a comma
    in it begins another address.
    """

    name: str

    def fold(self, *, policy: Policy) -> str:
        """The header with its line's end."""
        return f"{self.name}: {self}{policy.linesep}"


def _write(mail: EmailMessage, name: str, text: str) -> None:
    written = _AsWritten(text)
    written.name = name
    mail[name] = written


def _mailbox(header: str, name: str, address: str) -> str:
    """A name and an address: in quotes if they fit in a line of ASCII, else in encoded words."""
    short = formataddr((name, address))
    if _is_plain(name) and len(f"{header}: {short}") <= _LINE:
        return short
    words = Header(name, "utf-8", maxlinelen=_LINE - 1, header_name=header)
    return f"{words.encode(linesep=SMTP.linesep)}{SMTP.linesep} <{address}>"


def _encoded(header: str, text: str) -> str:
    """Free text, folded at spaces; in encoded words what is not ASCII or has too few spaces."""
    folds = all(len(f"{header}: {word}") < _LINE for word in text.split())
    charset = "us-ascii" if folds and _is_plain(text) else "utf-8"
    words = Header(text, charset, maxlinelen=_LINE - 1, header_name=header)
    return words.encode(linesep=SMTP.linesep)


def _is_plain(text: str) -> bool:
    """Whether text can stand as it is, and is not taken for an encoded word."""
    return text.isascii() and text.isprintable() and "=?" not in text


def _address(text: str) -> Address:
    """An address as mail servers read it: a name in another script in its ASCII form (RFC 5891)."""
    user, _, domain = text.rpartition("@")
    if not domain.isascii():
        domain = idna.encode(domain, uts46=True).decode()
    return Address(addr_spec=f"{user}@{domain}")


def hand_over(mail: EmailMessage, timeout_seconds: float | None = None) -> bytes | None:
    """Send by SMTP; without a server return the mail's bytes for the mailbox. Raises NotSent.

    The server may take so long for each of its answers, or as long as is configured.
    """
    how: dict[str, Any] = settings.MAIL_TRANSPORT
    if timeout_seconds is not None and how["kind"] == "smtp":
        how = {**how, "timeout": min(how["timeout"], timeout_seconds)}
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
