"""The main job, end to end: a merchant bills, a payer pays, everyone is told."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.e2e.running import ROOT, Receiver, Running, running


@pytest.fixture(scope="module")
def billhook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("billhook")) as started:
        yield started


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


def test_a_bot_bills_and_everyone_is_told(
    billhook: Running, receiver: Receiver, tmp_path: Path
) -> None:
    with billhook.api() as api:
        endpoint = api.post(
            "webhook_endpoints", json={"url": receiver.url, "event_types": ["invoice.*"]}
        )
        assert endpoint.status_code == 201
        receiver.secret = endpoint.json()["secret"]
        customer = api.post("customers", json={"name": "Cleo", "email": "cleo@example.com"}).json()
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

        mail = billhook.mail.next_to("cleo@example.com")
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

        told = receiver.until("invoice.paid")
        assert [event["type"] for event in told] == [
            "invoice.created",
            "invoice.finalized",
            "invoice.sent",
            "invoice.paid",
        ]
        invoice = api.get(f"invoices/{draft['id']}").json()
        assert (invoice["status"], invoice["amount_due"]) == ("paid", "0.00")
        assert invoice["email"]["status"] == "sent"
        assert invoice["fees"] == [
            {"kind": "provider", "rail": "sandbox", "amount": "4.13"},
            {"kind": "platform", "rail": "sandbox", "amount": "0.66"},
        ]
        assert told[-1]["data"]["amount_paid"] == "132.00"
        (payment,) = api.get("payments", params={"invoice_id": draft["id"]}).json()["data"]
        assert (payment["received"], payment["net"]) == ("132.00", "127.21")
    assert '"ok": true' in billhook.manage("audit", "--json")


def test_the_readmes_quickstart_runs_word_for_word(billhook: Running, tmp_path: Path) -> None:
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
    assert lines[0].startswith(f"{billhook.url}/i/")
    assert "paid" in lines
    assert (tmp_path / "invoice.pdf").read_bytes().startswith(b"%PDF-")
