"""What browser tests stand on: the server on loopback, and pages that may not complain."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from invoicing.models import Merchant, User
from tests import factories
from tests.browser import scenes

# A machine busy with other tests is slow, not broken.
expect.set_options(timeout=15_000)


@pytest.fixture
def studio(transactional_db: None) -> Merchant:
    """Ada's test merchant, whose rows the server sees."""
    return scenes.given_a_studio()


@pytest.fixture
def ada(transactional_db: None) -> User:
    """Somebody who can sign in."""
    return factories.given_a_user("Ada Lovelace")


@pytest.fixture
def shop(ada: User) -> Merchant:
    """Ada's test twin."""
    return factories.given_an_account(ada).merchants.get(livemode=False)


@pytest.fixture
def at_work(page: Page, shop: Merchant, sign_in: Callable[[User], None]) -> Page:
    """A page of Ada's, signed in."""
    sign_in(shop.account.memberships.get().user)
    return page


@pytest.fixture(scope="session")
def base_url(live_server: Any) -> str:
    """Where the server is: `page.goto("/i/…")` needs no more."""
    return str(live_server.url)


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A browser like anyone's, in English."""
    return {**browser_context_args, "locale": "en-US", "reduced_motion": "reduce"}


@pytest.fixture(autouse=True)
def no_complaints(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Script errors and breaches of the Content-Security-Policy fail the test that met them."""
    complaints: list[str] = []
    if "page" in request.fixturenames:
        page: Page = request.getfixturevalue("page")

        def note(message: ConsoleMessage) -> None:
            # The browser also prints answers such as 402 and 404, which are the test's business.
            if message.type == "error" and "Failed to load resource" not in message.text:
                complaints.append(message.text)

        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
    yield complaints
    assert complaints == []


@pytest.fixture
def plain_page(browser: Any, base_url: str) -> Iterator[Page]:
    """A page in a browser that runs no script."""
    context = browser.new_context(base_url=base_url, java_script_enabled=False, locale="en-US")
    yield context.new_page()
    context.close()


@pytest.fixture
def sign_in(page: Page, client: Any, base_url: str) -> Callable[[User], None]:
    """Put somebody's session into the browser without typing."""

    def arrive(user: User) -> None:
        client.force_login(user)
        cookie = client.cookies["billhook"]
        page.context.add_cookies([{"name": "billhook", "value": cookie.value, "url": base_url}])

    return arrive
