"""A payer in a merchant's portal: asks for a link, finds it in the mail, and comes in."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.test import Client

from checkout import tasks
from checkout.actions.portal import ask_for_link
from invoicing.models import Merchant, Message
from tests.fixtures_dashboard import Form, form_of


@dataclass
class Payer:
    """Somebody in a browser without script, at one merchant's portal."""

    merchant: Merchant
    email: str
    client: Client = field(default_factory=Client)

    def get(self, path: str = "", *, follow: bool = False, **query: Any) -> Any:
        return self.client.get(at_portal(self.merchant, path), query, follow=follow)

    def post(self, path: str, data: dict[str, Any] | None = None, **how: Any) -> Any:
        return self.client.post(at_portal(self.merchant, path), data or {}, **how)

    def form(self, path: str, action: str | None = None, **query: Any) -> Form:
        """The form of this page that goes to this action."""
        return form_of(self.get(path, **query), action)


def at_portal(merchant: Merchant, path: str = "") -> str:
    return f"/portal/{merchant.public_id}/{path}"


def link_for(merchant: Merchant, email: str) -> str:
    """The path of the link that is mailed to this address."""
    ask_for_link(merchant, email, "en")
    tasks.send_portal_links()
    mail = Message.objects.filter(kind="portal_link").latest("pk")
    assert mail.to == email.lower()
    found = re.search(r"http\S+/open/\S+", mail.text)
    assert found
    return urlsplit(found[0]).path


def come_in(merchant: Merchant, email: str) -> Payer:
    """Somebody who has opened the link in their mail."""
    payer = Payer(merchant, email.lower())
    response = payer.client.post(link_for(merchant, email))
    assert response.status_code == 303
    return payer
