"""How people come in: signing up, signing in, a forgotten password, a second step, a passkey."""

import base64
import hashlib
import hmac
import re
import struct
import time
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.hashers import check_password
from playwright.sync_api import CDPSession, Page, expect
from pytest_django import Settings

from invoicing.models import Message, User
from tests import factories
from tests.browser import axe

# What a browser shows does not depend on where rows are kept.
pytestmark = pytest.mark.same_everywhere


@pytest.fixture(autouse=True)
def _mail_is_queued(settings: Settings) -> None:
    """The mailer of real life, which the test runner had replaced."""
    settings.EMAIL_BACKEND = "invoicing.mail.QueueBackend"


@pytest.fixture
def authenticator(page: Page) -> Iterator[CDPSession]:
    """A security key plugged into the browser, which always says yes."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    yield session
    session.detach()


def totp(secret: str) -> str:
    """The six digits an authenticator app shows now (RFC 6238)."""
    key = base64.b32decode(secret)
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1)
    place = digest[-1] & 15
    return f"{(struct.unpack_from('>I', digest, place)[0] & 0x7FFFFFFF) % 10**6:06}"


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def sign_in_by_typing(page: Page, user: User, password: str = factories.PASSWORD) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def confirm_it_is_me(page: Page) -> None:
    """Type the password again where something important is about to change."""
    if "/reauthenticate/" in page.url:
        page.get_by_label("Password").fill(factories.PASSWORD)
        page.get_by_role("button", name="Confirm").click()


def test_a_stranger_signs_up_with_the_code_from_the_mail(
    page: Page, transactional_db: None
) -> None:
    page.goto("/")
    assert axe.complaints_everywhere(page) == []
    page.get_by_role("link", name="Open an account").click()
    assert axe.complaints_everywhere(page) == []
    page.get_by_label("Email").fill("new@example.com")
    page.get_by_label("Password").fill("password")
    page.get_by_role("button", name="Open account").click()
    expect(page.locator(".errorlist").first).to_be_visible()
    assert axe.complaints_everywhere(page) == []
    page.get_by_label("Password").fill("coppiced-hazel-rods")
    page.get_by_role("button", name="Open account").click()
    heading(page, "Confirm your address")
    assert axe.complaints_everywhere(page) == []
    code = re.search(r"^([A-Z0-9-]{6,})$", Message.objects.get().text, re.MULTILINE)
    assert code is not None
    page.locator("input[name=code]").fill(code[1])
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url("**/dashboard/**")
    user = User.objects.get(email="new@example.com")
    assert user.emailaddress_set.get().verified


def test_signing_up_works_without_script(plain_page: Page, transactional_db: None) -> None:
    plain_page.goto("/accounts/signup/")
    plain_page.get_by_label("Email").fill("new@example.com")
    plain_page.get_by_label("Password").fill("coppiced-hazel-rods")
    plain_page.get_by_role("button", name="Open account").click()
    heading(plain_page, "Confirm your address")


def test_sign_up_can_be_closed(page: Page, transactional_db: None, settings: Settings) -> None:
    settings.SIGNUP_OPEN = False
    page.goto("/accounts/signup/")
    heading(page, "Sign-up is closed")
    assert axe.complaints_everywhere(page) == []
    page.goto("/accounts/login/")
    expect(page.get_by_role("link", name="Open an account")).to_have_count(0)


def test_ada_signs_in_and_out(page: Page, ada: User) -> None:
    page.goto("/accounts/login/")
    assert axe.complaints_everywhere(page) == []
    sign_in_by_typing(page, ada, "wrong-password")
    expect(page.get_by_role("alert").filter(has_text="not correct")).to_be_visible()
    assert axe.complaints_everywhere(page) == []
    sign_in_by_typing(page, ada)
    page.wait_for_url("**/dashboard/**")
    page.goto("/accounts/logout/")
    heading(page, "Sign out?")
    assert axe.complaints_everywhere(page) == []
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile(r"/$"))
    page.goto("/accounts/email/")
    expect(page).to_have_url(re.compile("/accounts/login/"))


def test_a_forgotten_password_is_replaced(page: Page, ada: User, base_url: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_role("link", name="Forgot your password?").click()
    heading(page, "Forgotten your password?")
    assert axe.complaints_everywhere(page) == []
    page.get_by_label("Email").fill(ada.email)
    page.get_by_role("button", name="Send the link").click()
    heading(page, "Look in your mailbox")
    assert axe.complaints_everywhere(page) == []
    link = re.search(r"https?://\S+", Message.objects.get().text)
    assert link is not None
    page.goto("/" + link[0].split("/", 3)[3])
    heading(page, "Change Password")
    assert axe.complaints_everywhere(page) == []
    page.get_by_label("New Password", exact=True).fill("laid-hedges-in-winter")
    page.get_by_label("New Password (again)").fill("laid-hedges-in-winter")
    page.get_by_role("button", name="Change Password").click()
    heading(page, "Password changed")
    assert axe.complaints_everywhere(page) == []
    assert check_password("laid-hedges-in-winter", factories.again(ada).password)


def test_an_unknown_address_is_not_given_away(page: Page, transactional_db: None) -> None:
    page.goto("/accounts/password/reset/")
    page.get_by_label("Email").fill("nobody@example.com")
    page.get_by_role("button", name="Send the link").click()
    heading(page, "Look in your mailbox")


def test_ada_turns_on_a_second_step(page: Page, ada: User, sign_in: Callable[[User], None]) -> None:
    sign_in_by_typing(page, ada)
    page.goto("/accounts/2fa/")
    heading(page, "Two-step sign-in")
    assert axe.complaints_everywhere(page) == []
    page.get_by_role("link", name="Set up").click()
    confirm_it_is_me(page)
    heading(page, "Set up an authenticator app")
    assert axe.complaints_everywhere(page) == []
    secret = page.get_by_label("Or type this secret into the app").input_value()
    page.locator("input[name=code]").fill(totp(secret))
    page.get_by_role("button", name="Turn on").click()
    heading(page, "Recovery codes")
    assert axe.complaints_everywhere(page) == []
    recovery = page.get_by_label("Unused codes").input_value().split()[0]

    page.context.clear_cookies()
    sign_in_by_typing(page, ada)
    heading(page, "Second step")
    assert axe.complaints_everywhere(page) == []
    page.locator("input[name=code]").fill("000000")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator(".errorlist")).to_be_visible()
    page.locator("input[name=code]").fill(recovery)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/dashboard/**")


def test_ada_signs_in_with_a_passkey(page: Page, ada: User, authenticator: CDPSession) -> None:
    sign_in_by_typing(page, ada)
    page.goto("/accounts/2fa/webauthn/add/")
    confirm_it_is_me(page)
    heading(page, "Add a security key")
    assert axe.complaints_everywhere(page) == []
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add key").click()
    page.wait_for_url(lambda url: "add" not in url)
    page.goto("/accounts/2fa/webauthn/")
    heading(page, "Security keys")
    expect(page.get_by_text("Passkey", exact=True)).to_be_visible()
    assert axe.complaints_everywhere(page) == []

    page.context.clear_cookies()
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/dashboard/**")


def test_a_passkey_that_does_not_fit_is_said(
    page: Page, authenticator: CDPSession, transactional_db: None
) -> None:
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert").filter(has_text="That did not work")).to_be_visible()


@pytest.mark.parametrize("path", ["email/", "password/change/", "2fa/", "2fa/webauthn/"])
def test_the_account_pages_suit_everyone(
    page: Page, ada: User, sign_in: Callable[[User], None], path: str
) -> None:
    sign_in(ada)
    page.goto(f"/accounts/{path}")
    confirm_it_is_me(page)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert axe.complaints_everywhere(page) == []


def test_a_new_address_waits_to_be_confirmed(
    page: Page, ada: User, sign_in: Callable[[User], None]
) -> None:
    sign_in_by_typing(page, ada)
    page.goto("/accounts/email/")
    confirm_it_is_me(page)
    page.get_by_label("New address").fill("ada.new@example.com")
    page.get_by_role("button", name="Change address").click()
    page.wait_for_load_state()
    page.goto("/accounts/email/")
    assert axe.complaints_everywhere(page) == []


def test_the_mailbox_shows_a_mail_and_keeps_it_caged(
    page: Page, ada: User, no_complaints: list[str]
) -> None:
    Message.objects.create(
        kind="account",
        to=ada.email,
        subject="Your code",
        text="See https://billing.example.com/i/abc",
        html="<h1>Code</h1><script>document.body.remove()</script>",
        created_at=ada.date_joined,
    )
    page.goto("/mailbox/")
    assert axe.complaints_everywhere(page) == []
    page.get_by_role("link", name="Your code").click()
    heading(page, "Your code")
    expect(page.frame_locator("iframe").get_by_role("heading", name="Code")).to_be_visible()
    assert any("Blocked script execution" in line for line in no_complaints)
    no_complaints.clear()
    page.set_viewport_size({"width": 390, "height": 800})
    assert axe.complaints(page) == []


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_the_look_can_be_chosen_without_script(plain_page: Page, ada: User, theme: str) -> None:
    plain_page.goto("/accounts/login/")
    plain_page.get_by_role("button", name=theme).click()
    expect(plain_page).to_have_url(re.compile("/accounts/login/"))
    assert plain_page.locator("html").get_attribute("data-theme") == theme.lower()
    canvas = plain_page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert canvas == {"Dark": "rgb(14, 19, 17)", "Light": "rgb(245, 246, 244)"}[theme]


def test_the_keyboard_reaches_the_content_first(page: Page, transactional_db: None) -> None:
    page.goto("/accounts/login/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_a_missing_page_suits_everyone(page: Page, transactional_db: None) -> None:
    page.goto("/i/no-such-invoice")
    heading(page, "Nothing here")
    assert axe.complaints_everywhere(page) == []
