"""Fixtures for the dashboard: a browser without script, and the people of a team."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from invoicing.dashboard.access import AT_WORK
from invoicing.models import Membership, Merchant, User
from tests import factories


@dataclass
class Form:
    """A form as a browser without script would send it."""

    action: str = ""
    method: str = "get"
    values: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def data(self, **changes: Any) -> dict[str, Any]:
        """What is sent, with some fields filled in otherwise; None leaves a field out."""
        sent: dict[str, Any] = {}
        for name, value in self.values:
            sent.setdefault(name, []).append(value)
        for name, value in changes.items():
            sent.pop(name, None)
            if value is not None:
                sent[name] = value
        return sent

    def __getitem__(self, name: str) -> str:
        return next(value for key, value in self.values if key == name)


class _Reader(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.select: str | None = None
        self.options: list[tuple[str, bool]] = []
        self.area: str | None = None
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get").lower()))
        if not self.forms:
            return
        form, name = self.forms[-1], given.get("name", "")
        if tag == "input" and name:
            kind = given.get("type", "text")
            if kind in ("checkbox", "radio"):
                if "checked" in given:
                    form.values.append((name, given.get("value", "on")))
            elif kind != "file":
                form.values.append((name, given.get("value", "")))
        elif tag == "button" and name:
            form.buttons.append((name, given.get("value", "")))
        elif tag == "select":
            self.select, self.options = name, []
        elif tag == "option":
            self.options.append((given.get("value", ""), "selected" in given))
        elif tag == "textarea":
            self.area, self.text = name, ""

    def handle_data(self, data: str) -> None:
        if self.area is not None:
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self.select and self.forms:
            chosen = [value for value, selected in self.options if selected]
            first = [value for value, _ in self.options[:1]]
            self.forms[-1].values += [(self.select, value) for value in chosen[:1] or first]
            self.select = None
        elif tag == "textarea" and self.area and self.forms:
            self.forms[-1].values.append((self.area, self.text.removeprefix("\n")))
            self.area = None


@dataclass
class Browser:
    """Somebody signed in, in a browser without script, working for a merchant."""

    user: User | None
    merchant: Merchant | None = None
    client: Client = field(default_factory=lambda: Client(raise_request_exception=True))

    def __post_init__(self) -> None:
        if self.user is not None:
            self.client.force_login(self.user)
        if self.merchant is not None:
            session = self.client.session
            session[AT_WORK] = self.merchant.public_id
            session.save()

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(self._path(path), headers=headers)

    def post(self, path: str, data: dict[str, Any] | None = None, **headers: str) -> Any:
        return self.client.post(self._path(path), data or {}, headers=headers)

    def form(self, path: str, action: str | None = None) -> Form:
        """The form on this page that goes to this action, else the one with most to fill in."""
        response = self.get(path)
        assert response.status_code == 200, (path, response.status_code)
        return form_of(response, action)

    def submit(self, path: str, action: str | None = None, **changes: Any) -> Any:
        """Open a page, fill in its form and send it."""
        form = self.form(path, action)
        return self.post(form.action or path, form.data(**changes))

    def _path(self, path: str) -> str:
        return path if path.startswith("/") else f"/dashboard/{path}"


def given_a_colleague(merchant: Merchant, role: str) -> Browser:
    """Somebody else of the team, in this role, signed in at the merchant."""
    user = factories.given_a_user(f"{role.capitalize()} Person")
    Membership.objects.create(
        account=merchant.account, user=user, role=role, created_at=merchant.created_at
    )
    return Browser(user, merchant)


def form_of(response: Any, action: str | None = None) -> Form:
    """The form of a page that goes to this action, else the one with most to fill in."""
    reader = _Reader()
    reader.feed(response.content.decode())
    posting = [form for form in reader.forms if form.method == "post"]
    if action is not None:
        return next(form for form in posting if form.action.endswith(action))
    return max(posting, key=lambda form: len(form.values) + 2 * (not form.action))


def text_of(response: Any) -> str:
    """What a page says: its words without tags, head and icons, in one line."""
    body = re.sub(r"(?s)<head>.*?</head>|<svg.*?</svg>", " ", response.content.decode())
    words: list[str] = []
    reader = HTMLParser()
    reader.handle_data = words.append  # type: ignore[method-assign]
    reader.feed(body)
    return " ".join(" ".join(words).split())


@pytest.fixture
def ada_browser(ada: User, test_merchant: Merchant) -> Browser:
    """Ada, the owner, at her test twin."""
    return Browser(ada, test_merchant)


@pytest.fixture
def ben_browser(ben: User, ben_merchant: Merchant) -> Browser:
    return Browser(ben, ben_merchant)


@pytest.fixture
def browser_of(test_merchant: Merchant) -> Callable[[User], Browser]:
    """Somebody else of the team, at Ada's test twin."""
    return lambda user: Browser(user, test_merchant)
