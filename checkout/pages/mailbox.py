"""The mailbox page: mail that this installation keeps instead of sending it, for trying it out.

It shows everybody's mail, sign-in codes too. So it is there only where mail goes to the mailbox,
and only on a machine nobody else reaches, on a demo, or for the operator.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from csp.decorators import csp_replace
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from invoicing.models import Message

PAGE_SIZE = 50
# A mail's HTML may show itself and open links in a tab of their own, and nothing else.
MAIL_POLICY = {
    "default-src": [NONE],
    "img-src": ["data:"],
    "style-src": ["'unsafe-inline'"],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}
LINKS_OPEN_A_TAB = '<base target="_blank">'
HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)


def is_open(request: HttpRequest) -> bool:
    """Whether this visitor may read the mailbox."""
    if settings.MAIL_TRANSPORT["kind"] != "mailbox":
        return False
    return (
        settings.DEMO
        or (_is_local(settings.PUBLIC_URL) and _came_directly(request))
        or bool(getattr(request.user, "is_staff", False))
    )


def _came_directly(request: HttpRequest) -> bool:
    """Whether this machine itself asks: an address for the public may be forgotten in settings,
    but whoever comes through a proxy is somebody else."""
    forwarded = any(
        name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto")
    )
    address = str(request.META.get("REMOTE_ADDR", ""))
    return not settings.TRUSTED_PROXIES and not forwarded and _is_local(f"//{_bracketed(address)}")


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def for_visitors(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let the view be only where the mailbox is open; elsewhere there is nothing."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not is_open(request):
            raise Http404
        response = view(request, *args, **kwargs)
        response["Cache-Control"] = "private, no-store"
        response["X-Robots-Tag"] = "noindex"
        return response

    return wrapped


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a mail; `place` is its number in the mail's address."""

    place: int
    name: str
    kind: str
    content: bytes

    @property
    def size(self) -> int:
        return len(self.content)


@require_safe
@for_visitors
def index(request: HttpRequest) -> HttpResponse:
    """The newest mails."""
    mails = Message.objects.select_related("merchant").defer("raw", "html", "text").order_by("-id")
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        mails = mails.filter(pk__lt=int(before))
    page = list(mails[: PAGE_SIZE + 1])
    older = page[PAGE_SIZE - 1].pk if len(page) > PAGE_SIZE else None
    return render(request, "pages/mailbox.html", {"mails": page[:PAGE_SIZE], "older": older})


@require_safe
@for_visitors
def show(request: HttpRequest, public_id: str) -> HttpResponse:
    """One mail: its headers, its text and HTML, its attachments."""
    mail = _find(public_id)
    parsed = _parse(mail)
    shown = ("From", "To", "Reply-To", "Subject", "Date", "Message-ID")
    headers = [(name, str(parsed[name])) for name in shown if parsed and parsed[name]]
    return render(
        request,
        "pages/mail.html",
        {
            "mail": mail,
            "headers": headers or [("To", mail.to), ("Subject", mail.subject)],
            "text": _body(parsed, "plain") or mail.text,
            "has_html": bool(_body(parsed, "html") or mail.html),
            "attachments": _attachments(parsed),
        },
    )


@require_safe
@xframe_options_sameorigin
@csp_replace(MAIL_POLICY)
@for_visitors
def html(request: HttpRequest, public_id: str) -> HttpResponse:
    """The HTML of a mail, alone behind a policy that lets it run and load nothing."""
    mail = _find(public_id)
    content = _body(_parse(mail), "html") or mail.html
    if not content:
        raise Http404
    with_base, found = HEAD.subn(lambda head: head[0] + LINKS_OPEN_A_TAB, content, count=1)
    return HttpResponse(with_base if found else LINKS_OPEN_A_TAB + content)


@require_safe
@for_visitors
def raw(request: HttpRequest, public_id: str) -> HttpResponse:
    """The mail as it went out."""
    mail = _find(public_id)
    if mail.raw is None:
        raise Http404
    return _download(bytes(mail.raw), f"{mail.public_id}.eml", "message/rfc822")


@require_safe
@for_visitors
def attachment(request: HttpRequest, public_id: str, place: int) -> HttpResponse:
    """One attachment, to download."""
    found = _attachments(_parse(_find(public_id)))
    if place >= len(found):
        raise Http404
    return _download(found[place].content, found[place].name, found[place].kind)


def _find(public_id: str) -> Message:
    return get_object_or_404(Message.objects.select_related("merchant"), public_id=public_id)


def _parse(mail: Message) -> EmailMessage | None:
    if mail.raw is None:
        return None
    return message_from_bytes(bytes(mail.raw), policy=policy.default)


def _body(parsed: EmailMessage | None, kind: str) -> str:
    part = parsed.get_body(preferencelist=(kind,)) if parsed else None
    return str(part.get_content()) if part else ""


def _attachments(parsed: EmailMessage | None) -> list[Attachment]:
    return [
        Attachment(
            place=place,
            name=part.get_filename() or f"attachment-{place + 1}",
            kind=part.get_content_type(),
            content=payload if isinstance(payload := part.get_payload(decode=True), bytes) else b"",
        )
        for place, part in enumerate(parsed.iter_attachments() if parsed else [])
    ]


def _download(content: bytes, name: str, kind: str) -> HttpResponse:
    safe = "".join(letter for letter in name if letter.isalnum() or letter in "._- ") or "mail"
    response = HttpResponse(content, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{safe}"'
    return response


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
