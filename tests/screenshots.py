"""`make screenshots`: take the pictures of docs/screenshots again, from a demo in a browser."""

import os
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.running import ROOT, Running, running

FOLDER = ROOT / "docs" / "screenshots"
DESK = {"width": 1360, "height": 900}
PHONE = {"width": 390, "height": 844}


def main() -> None:
    """Walk through the demo and keep what it shows."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    os.environ.pop("DATABASE_URL", None)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder)) as billhook,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
            args=["--no-sandbox", "--disable-dev-shm-usage"],
        )
        _dashboard(browser, billhook, "light")
        _dashboard(browser, billhook, "dark")
        _payer(browser, billhook)


def _dashboard(browser: Browser, billhook: Running, theme: str) -> None:
    context = browser.new_context(viewport=DESK, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{billhook.url}/accounts/login/")
    page.get_by_label("Email").fill(billhook.email)
    page.get_by_label("Password", exact=True).fill(billhook.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{billhook.url}/dashboard/")
    suffix = "" if theme == "light" else "-dark"
    _keep(page, f"dashboard-home{suffix}")
    page.goto(f"{billhook.url}/dashboard/invoices/")
    _keep(page, f"dashboard-invoices{suffix}")
    page.goto(f"{billhook.url}/dashboard/invoices/?status=paid")
    page.locator("main tbody a").first.click()
    page.wait_for_load_state()
    _keep(page, f"dashboard-invoice{suffix}")
    page.goto(f"{billhook.url}/dashboard/invoices/new/")
    page.locator("[name=line-0-description]").fill("Brand identity, phase two")
    page.locator("[name=line-0-unit_price]").fill("2400")
    page.locator("[name=line-0-tax_0_rate]").fill("8.25")
    page.get_by_text("$2,598.00").first.wait_for()
    _keep(page, f"invoice-editor{suffix}")
    page.goto(f"{billhook.url}/dashboard/recurring/")
    _keep(page, f"dashboard-recurring{suffix}")
    page.get_by_role("link", name="Letterpress club").first.click()
    page.wait_for_load_state()
    _keep(page, f"dashboard-recurring-charge{suffix}")
    page.goto(f"{billhook.url}/dashboard/settings/reminders/")
    _keep(page, f"settings-reminders{suffix}")
    context.close()


def _payer(browser: Browser, billhook: Running) -> None:
    with billhook.api() as api:
        found = api.get("invoices", params={"status": "open", "currency": "USD"}).json()["data"]
        paid = api.get("invoices", params={"status": "paid"}).json()["data"]
    german = next(invoice for invoice in found if "nordlicht" in invoice["recipient"]["email"])
    english = next(invoice for invoice in found if "cleo" in invoice["recipient"]["email"])
    for name, address, size, theme in (
        ("hosted-invoice", english["payment_url"], DESK, "light"),
        ("hosted-invoice-phone", german["payment_url"], PHONE, "light"),
        ("receipt-phone-dark", paid[0]["payment_url"], PHONE, "dark"),
    ):
        context = browser.new_context(viewport=size, color_scheme=theme)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(address)
        _keep(page, name)
        if name == "hosted-invoice":
            page.get_by_role("button", name="Pay").click()
            page.wait_for_load_state()
            _keep(page, "sandbox-card")
        context.close()


def _keep(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
