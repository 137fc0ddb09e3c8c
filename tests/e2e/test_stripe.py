"""Real cards and bank debits, as far as a stand-in can be real: in a browser, across two sites."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.running import Running, running

# Many processes on PostgreSQL are tried by the main job.
pytestmark = pytest.mark.same_everywhere


@pytest.fixture(scope="module")
def billhook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("stripe"), stripe=True) as started:
        yield started


def bill(billhook: Running, email: str) -> dict[str, Any]:
    """An issued invoice over 120.00 to this payer."""
    lines = [{"description": "Garden plan", "unit_price": "120.00"}]
    recipient = {"name": "Dora Vale", "email": email}
    with billhook.api() as api:
        draft = api.post("invoices", json={"recipient": recipient, "line_items": lines}).json()
        issued: dict[str, Any] = api.post(f"invoices/{draft['id']}/finalize", json={}).json()
    return issued


def control(page: Page, verb: str, **given: Any) -> None:
    """Make something happen at the stand-in, whose page this is."""
    there = urlsplit(page.url)
    answer = httpx.post(
        f"{there.scheme}://{there.netloc}/_control/{verb}", json=given, trust_env=False
    )
    assert answer.status_code == 200, answer.text


def test_a_payer_pays_by_card_and_part_of_it_goes_back(billhook: Running, page: Page) -> None:
    invoice = bill(billhook, "dora@example.com")
    page.goto(invoice["payment_url"])
    page.get_by_role("radio", name="Card Confirmed").check()
    page.get_by_role("button", name="Pay").click()
    page.get_by_label("Card number").fill("4000 0000 0000 0002")
    page.get_by_label("Expiry").fill("12 / 40")
    page.get_by_label("Security code").fill("123")
    page.get_by_label("Cardholder name").fill("Dora Vale")
    page.get_by_role("button", name="Pay $120.00").click()
    expect(page.get_by_role("alert")).to_contain_text("declined")
    page.get_by_label("Card number").fill("4242 4242 4242 4242")
    page.get_by_label("Security code").fill("123")
    page.get_by_role("button", name="Pay $120.00").click()
    expect(page.get_by_text("Paid, thank you")).to_be_visible()

    page.goto(f"{billhook.url}/accounts/login/")
    page.get_by_label("Email").fill(billhook.email)
    page.get_by_label("Password", exact=True).fill(billhook.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.goto(f"{billhook.url}/dashboard/invoices/{invoice['id']}/")
    page.get_by_role("link", name="Refund", exact=True).click()
    page.locator("[name=amount]").fill("40")
    page.get_by_role("main").get_by_role("button", name="Refund").click()
    expect(page.get_by_text("$40.00").first).to_be_visible()

    page.goto(invoice["payment_url"])
    expect(page.get_by_text("$40.00").first).to_be_visible()
    with billhook.api() as api:
        (refund,) = api.get(f"invoices/{invoice['id']}/refunds").json()["data"]
    assert (refund["amount"], refund["status"]) == ("40.00", "succeeded")


def test_a_payer_pays_from_a_bank_account_and_the_money_comes_days_later(
    billhook: Running, page: Page
) -> None:
    invoice = bill(billhook, "eve@example.com")
    page.goto(invoice["payment_url"])
    page.get_by_role("radio", name="US bank account").check()
    page.get_by_role("button", name="Pay").click()
    page.get_by_label("Routing number").fill("110000000")
    page.get_by_label("Account number").fill("000123456789")
    page.get_by_label("Account holder name").fill("Eve Marsh")
    session = urlsplit(page.url).path.rpartition("/")[2]
    stripe = page.context.new_page()
    stripe.goto(page.url)
    page.get_by_role("button", name="Pay $120.00").click()
    expect(page.get_by_text("on its way").first).to_be_visible()
    control(stripe, "debits/succeed", session=session)
    with billhook.api() as api:
        while api.get(f"invoices/{invoice['id']}").json()["status"] == "paying":
            page.wait_for_timeout(200)
        page.goto(invoice["payment_url"])
        expect(page.get_by_text("Paid, thank you")).to_be_visible()
        (payment,) = api.get(f"invoices/{invoice['id']}/payments").json()["data"]
    assert (payment["rail"], payment["status"], payment["provider_fee"]) == (
        "ach",
        "succeeded",
        "0.96",
    )
    billhook.manage("audit")
