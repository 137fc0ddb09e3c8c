"""The main job, end to end: a merchant bills, a payer pays, everyone is told."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from tests.e2e.running import ROOT, Receiver, Running, running


@pytest.fixture
def billhook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("billhook")) as started:
        yield started


def test_the_main_job(
    billhook: Running, page: Page, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """By a bot, by a reader of the README and by hand: one after another, in one installation."""
    with subtests.test("by a bot"), Receiver() as receiver:
        a_bot_bills_and_everyone_is_told(billhook, receiver, tmp_path)
    with subtests.test("by the README"):
        the_readmes_quickstart_runs_word_for_word(billhook, tmp_path)
    with subtests.test("by hand"), Receiver() as receiver:
        a_merchant_bills_and_a_payer_pays_in_the_browser(billhook, receiver, page)


def a_bot_bills_and_everyone_is_told(billhook: Running, receiver: Receiver, tmp_path: Path) -> None:
    with billhook.api() as api:
        endpoint = api.post(
            "webhook_endpoints", json={"url": receiver.url, "event_types": ["invoice.*"]}
        )
        assert endpoint.status_code == 201
        receiver.secret = endpoint.json()["secret"]
        customer = api.post(
            "customers", json={"name": "Carla", "email": "carla@example.com"}
        ).json()
        draft = api.post(
            "invoices",
            json={
                "customer_id": customer["id"],
                "currency": "USD",
                "line_items": [
                    {"description": "Design", "quantity": "1.5", "unit_price": "80"},
                ],
                "tax_rate": "10",
            },
        ).json()
        assert (draft["status"], draft["number"], draft["total"]) == ("draft", None, "132.00")

        sent = api.post(f"invoices/{draft['id']}/send").json()
        assert sent["status"] == "open"
        assert re.fullmatch(r"TEST-\d{4}", sent["number"])

        mail = billhook.mail.next_to("carla@example.com")
        assert sent["number"] in mail["Subject"]
        text = mail.get_body(("plain",))
        assert text is not None
        assert sent["payment_url"] in text.get_content()
        (attachment,) = mail.iter_attachments()
        pdf = tmp_path / "invoice.pdf"
        pdf.write_bytes(attachment.get_content())
        assert sent["number"] in PdfReader(pdf).pages[0].extract_text()

        paid = api.post(
            "sandbox/payments", json={"invoice_id": draft["id"], "card": "4242424242424242"}
        )
        assert paid.status_code in (200, 201)

        types = {f"invoice.{what}" for what in ("created", "finalized", "sent", "paid")}
        told = receiver.until(types, "carla@example.com")
        assert told.keys() == types
        invoice = api.get(f"invoices/{draft['id']}").json()
        assert (invoice["status"], invoice["amount_due"]) == ("paid", "0.00")
        assert invoice["email"]["status"] == "sent"
        assert invoice["fees"] == [
            {"kind": "provider", "rail": "sandbox", "amount": "4.13"},
            {"kind": "platform", "rail": "sandbox", "amount": "0.66"},
        ]
        assert told["invoice.paid"]["data"]["amount_paid"] == "132.00"
        (payment,) = api.get("payments", params={"invoice_id": draft["id"]}).json()["data"]
        assert (payment["received"], payment["net"]) == ("132.00", "127.21")
    assert '"ok": true' in billhook.manage("audit", "--json")


def the_readmes_quickstart_runs_word_for_word(billhook: Running, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"<!-- quickstart -->\n```sh\n(.*?)```", readme, re.DOTALL)
    assert len(blocks) == 5
    script = "set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n" + "".join(blocks)
    # What a reader puts in by hand: where their demo runs, and its key.
    assert script.count("http://127.0.0.1:8000") == script.count("bh_test_your_key") == 1
    script = script.replace("http://127.0.0.1:8000", billhook.url)
    script = script.replace("bh_test_your_key", billhook.api_key)
    # The reader sits in the checkout; the PDF they save goes elsewhere here.
    script = script.replace("-o invoice.pdf", f"-o {tmp_path}/invoice.pdf")
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert any(line.startswith(f"{billhook.url}/i/") for line in lines)
    assert "paid" in lines
    assert (tmp_path / "invoice.pdf").read_bytes().startswith(b"%PDF-")


def a_merchant_bills_and_a_payer_pays_in_the_browser(
    billhook: Running, receiver: Receiver, page: Page
) -> None:
    with billhook.api() as api:
        endpoint = api.post(
            "webhook_endpoints", json={"url": receiver.url, "event_types": ["invoice.paid"]}
        )
        receiver.secret = endpoint.json()["secret"]

    page.goto(f"{billhook.url}/accounts/login/")
    page.get_by_label("Email").fill(billhook.email)
    page.get_by_label("Password", exact=True).fill(billhook.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Fernhill Studio")

    page.goto(f"{billhook.url}/dashboard/customers/new/")
    page.get_by_label("Name", exact=True).fill("Dora Vale")
    page.locator("[name=email]").fill("dora@example.com")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Dora Vale")

    page.goto(f"{billhook.url}/dashboard/invoices/new/")
    customers = page.get_by_label("Customer", exact=True)
    dora_on_file = customers.locator("option", has_text="Dora Vale").first
    customers.select_option(dora_on_file.get_attribute("value"))
    page.locator("[name=line-0-description]").fill("Garden plan")
    page.locator("[name=line-0-quantity]").fill("2")
    page.locator("[name=line-0-unit_price]").fill("60")
    page.locator("[name=line-0-tax_0_rate]").fill("10")
    expect(page.get_by_text("$132.00").first).to_be_visible()
    page.get_by_role("button", name="Finalize and send").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"TEST-\d{4}"))
    invoice_page = page.url

    mail = billhook.mail.next_to("dora@example.com")
    text = mail.get_body(("plain",))
    assert text is not None
    link = re.search(rf"{billhook.url}/i/\w+", text.get_content())
    assert link is not None
    assert [part.get_content_type() for part in mail.iter_attachments()] == ["application/pdf"]

    assert page.context.browser is not None
    dora = page.context.browser.new_context()
    try:
        payer = dora.new_page()
        payer.goto(link[0])
        expect(payer.get_by_role("heading", level=1)).to_contain_text("TEST-")
        payer.get_by_role("button", name="Pay").click()
        payer.get_by_role("link", name="4242 4242 4242 4242").click()
        payer.get_by_role("button", name="Pay").click()
        expect(payer.get_by_text("Paid, thank you")).to_be_visible()
    finally:
        dora.close()

    told = receiver.until({"invoice.paid"}, "dora@example.com")["invoice.paid"]
    receipt = billhook.mail.next_to("dora@example.com")
    assert told["data"]["number"] in receipt["Subject"]

    page.goto(invoice_page)
    expect(page.get_by_text("Succeeded")).to_be_visible()
    expect(page.get_by_text("Opened by the payer for the first time")).to_be_visible()
    # Gross 132.00, fees 4.13 and 0.66, net 127.21: beside the invoice, and in the wallet.
    expect(page.get_by_text("$127.21")).to_be_visible()
    page.goto(f"{billhook.url}/dashboard/wallets/")
    page.get_by_role("link", name="USD wallet").click()
    movement = page.get_by_role("row").filter(has_text=told["data"]["number"])
    for amount in ("$132.00", "$4.79", "$127.21"):
        expect(movement.get_by_text(amount)).to_be_visible()
