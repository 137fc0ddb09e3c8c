"""CreditClaw's clients: every example of its document, every error, and a drive to paid."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from invoicing import failpoints, tasks
from invoicing.api.renderer import dumps
from invoicing.models import IdempotentRequest, Invoice, Merchant, Message
from payments.actions.wallets import create_wallet
from payments.inputs import WalletInput
from tests.factories import (
    given_a_key,
    given_an_open_invoice,
    pay,
)
from tests.fakes.smtp import MailServer
from tests.fixtures import Api

pytestmark = pytest.mark.usefixtures("sales_wallet_id")

BELOW = "/compat/creditclaw/api/v1/bot"
HOST = {"host": "creditclaw.localhost"}
NOW, LATER = "2026-03-02T12:00:00.000Z", "2026-04-01T12:00:00.000Z"


def create(api: Api, body: Any, **headers: str) -> Any:
    return api.post(f"{BELOW}/invoices/create", body, **headers)


def test_the_documented_requests_get_the_documented_answers(
    api: Api,
    creditclaw_example: str,
    checkout_page_id: str,
    mail_server: MailServer,
    test_merchant: Merchant,
) -> None:
    made = create(api, creditclaw_example)
    assert made.status_code == 201
    invoice = made.json()
    invoice_id = invoice["invoice_id"]
    slug = Invoice.objects.get(public_id=invoice_id).slug
    lines = [
        {
            "description": "API Integration Service",
            "quantity": 2,
            "unitPriceUsd": 125,
            "amountUsd": 250,
        },
        {"description": "Setup Fee", "quantity": 1, "unitPriceUsd": 50, "amountUsd": 50},
    ]
    assert invoice == {
        "invoice_id": invoice_id,
        "reference_number": invoice_id,
        "checkout_page_id": checkout_page_id,
        "status": "draft",
        "recipient_name": "Acme Corp",
        "recipient_email": "billing@acme.com",
        "line_items": lines,
        "subtotal_usd": 300,
        "tax_usd": 30,
        "total_usd": 330,
        "payment_url": f"/pay/{checkout_page_id}?ref={invoice_id}&key={slug}",
        "due_date": LATER,
        "created_at": NOW,
    }
    # Whole dollars are written as whole numbers.
    assert '"total_usd":330,' in made.content.decode()
    assert re.fullmatch("inv_[0-9a-f]{24}", invoice_id)

    sent = api.send("POST", f"{BELOW}/invoices/{invoice_id}/send", None)
    assert sent.status_code == 200
    url = f"/pay/{checkout_page_id}?ref=TEST-0001&key={slug}"
    assert sent.json() == {
        "invoice_id": invoice_id,
        "reference_number": "TEST-0001",
        "status": "sent",
        "sent_at": NOW,
        "payment_url": url,
        "email_sent": True,
        "email_reason": None,
    }
    (mail,) = mail_server.mails
    (pdf,) = mail.iter_attachments()
    assert (mail["To"], pdf.get_content_type()) == ("billing@acme.com", "application/pdf")
    tasks.send_mails()
    assert len(mail_server.mails) == 1

    found = api.get(f"{BELOW}/invoices", {"status": "sent", "limit": "10"})
    assert found.json() == {
        "invoices": [
            {
                **invoice,
                "reference_number": "TEST-0001",
                "status": "sent",
                "payment_url": url,
                "sender_name": test_merchant.name,
                "sender_email": test_merchant.email,
                "notes": "Thank you for your business",
                "sale_id": None,
                "sent_at": NOW,
                "viewed_at": None,
                "paid_at": None,
                "updated_at": NOW,
            }
        ]
    }


def test_a_client_of_its_host_gets_paid_knowing_nothing_else(
    api: Api, client: Client, settings: Any
) -> None:
    def ask(method: str, path: str, body: Any = None) -> Any:
        return api.send(method, f"/api/v1/bot{path}", body, **HOST).json()

    page = ask("POST", "/checkout-pages/create", {"title": "Consulting", "amount_usd": 12.5})
    assert (page["amount_usd"], page["checkout_url"]) == (
        12.5,
        f"/pay/{page['checkout_page_id']}",
    )
    assert ask("GET", "/checkout-pages")["checkout_pages"] == [page]
    line = {"description": "An hour", "quantity": 1.5, "unit_price_usd": 19.99}
    draft = ask(
        "POST",
        "/invoices/create",
        {"checkout_page_id": page["checkout_page_id"], "line_items": [line]},
    )
    assert (draft["line_items"][0]["quantity"], draft["total_usd"]) == (1.5, 29.99)
    sent = ask("POST", f"/invoices/{draft['invoice_id']}/send")
    assert (sent["email_sent"], sent["email_reason"]) == (False, "no_recipient_email")
    lead = client.get(sent["payment_url"], headers=HOST)
    assert lead.status_code == 302
    page_here = lead["Location"].removeprefix(settings.PUBLIC_URL)
    opened = client.get(page_here)
    assert opened["Location"].startswith("/i/")
    safari = {"user-agent": "Mozilla/5.0 Safari/605"}
    assert client.get(opened["Location"], headers=safari).status_code == 200
    assert ask("GET", "/invoices?status=viewed")["invoices"][0]["status"] == "viewed"
    assert ask("GET", "/invoices?status=sent")["invoices"] == []
    pay(Invoice.objects.get(public_id=draft["invoice_id"]))
    (paid,) = ask("GET", "/invoices?status=paid")["invoices"]
    assert (paid["status"], paid["sale_id"], paid["paid_at"]) == ("paid", paid["invoice_id"], NOW)
    assert ask("GET", "/sales")["sales"] == [
        {
            "sale_id": paid["sale_id"],
            "checkout_page_id": page["checkout_page_id"],
            "invoice_id": paid["invoice_id"],
            "reference_number": "TEST-0001",
            "status": "completed",
            "amount_usd": 29.99,
            "refunded_usd": 0,
            "payment_method": "sandbox",
            "buyer_name": None,
            "buyer_email": None,
            "buyer_type": "human",
            "paid_at": NOW,
            "created_at": NOW,
        }
    ]


def test_a_reference_alone_opens_nothing(
    client: Client, api: Api, creditclaw_example: str, checkout_page_id: str
) -> None:
    draft = create(api, creditclaw_example).json()
    api.post(f"{BELOW}/invoices/{draft['invoice_id']}/send")
    lead = client.get(f"/compat/creditclaw/pay/{checkout_page_id}", {"ref": "TEST-0001"})
    shown = client.get(lead["Location"].removeprefix("http://127.0.0.1:8000"))
    assert shown.status_code == 200
    assert b"TEST-0001" not in shown.content


def test_the_tax_is_on_the_document_without_a_rate(
    api: Api, creditclaw_example: str, client: Client, test_merchant: Merchant
) -> None:
    invoice_id = create(api, creditclaw_example).json()["invoice_id"]
    api.post(f"{BELOW}/invoices/{invoice_id}/send")
    native = api.get(f"/v1/invoices/{invoice_id}").json()
    assert (native["subtotal"], native["tax"], native["total"]) == ("300.00", "30.00", "330.00")
    assert native["taxes"] == [
        {
            "name": "Tax",
            "rate": "0",
            "category": "S",
            "inclusive": False,
            "base": "300.00",
            "amount": "30.00",
        }
    ]
    text = client.get(f"/i/{native['slug']}").content.decode()
    assert "<dt>Tax</dt><dd>$30.00</dd>" in text
    note = api.post("/v1/credit_notes", {"invoice_id": invoice_id, "amount": "33"}).json()
    assert (note["tax"], note["total"]) == ("3.00", "33.00")
    rest = api.post("/v1/credit_notes", {"invoice_id": invoice_id}).json()
    assert (rest["tax"], rest["total"]) == ("27.00", "297.00")
    copy = api.post(f"/v1/invoices/{invoice_id}/duplicate").json()
    assert copy["total"] == "330.00"
    assert api.patch(f"/v1/invoices/{copy['id']}", {"memo": "x"}).json()["tax"] == "30.00"
    assert api.patch(f"/v1/invoices/{copy['id']}", {"tax_rate": "10"}).json()["tax"] == "30.00"
    assert api.patch(f"/v1/invoices/{copy['id']}", {"tax_amount": "7"}).json()["tax"] == "7.00"
    both = {"tax_rate": "10", "tax_amount": "7"}
    refused = api.patch(f"/v1/invoices/{copy['id']}", both)
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        400,
        "tax_amount: takes no other taxes beside it",
    )


def test_the_same_key_does_it_once(
    api: Api, creditclaw_example: str, mail_server: MailServer
) -> None:
    first = create(api, creditclaw_example, idempotency_key="one")
    second = create(api, creditclaw_example, idempotency_key="one")
    assert (first.content, second["Idempotent-Replayed"]) == (second.content, "true")
    path = f"{BELOW}/invoices/{first.json()['invoice_id']}/send"
    sent = [api.post(path, idempotency_key="two") for _ in range(2)]
    assert sent[0].content == sent[1].content
    assert len(mail_server.mails) == 1


def test_others_see_nothing(
    api: Api, ben_api: Api, ben_merchant: Merchant, creditclaw_example: str, checkout_page_id: str
) -> None:
    create_wallet(ben_merchant, WalletInput(name="Sales", currency="USD"))
    create(api, creditclaw_example)
    assert ben_api.get(f"{BELOW}/invoices").json() == {"invoices": []}
    answer = create(ben_api, creditclaw_example)
    assert (answer.status_code, answer.json()["error"]) == (404, "checkout_page_not_found")


@pytest.mark.same_everywhere
def test_keys_and_permissions_are_asked_for(test_merchant: Merchant, anonymous_api: Api) -> None:
    answer = anonymous_api.get(f"{BELOW}/invoices")
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
    reader = Api(given_a_key(test_merchant, ["invoices:read"]))
    assert reader.get(f"{BELOW}/invoices").status_code == 200
    answer = reader.post(f"{BELOW}/invoices/create")
    assert (answer.status_code, answer.json()["error"]) == (403, "missing_permission")


@pytest.mark.same_everywhere
@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "x"}, {"status": "open"}, {"q": "1"}])
def test_filters_are_checked(api: Api, query: dict[str, str]) -> None:
    answer = api.get(f"{BELOW}/invoices", query)
    assert (answer.status_code, answer.json()["error"]) == (400, "validation_error")


@pytest.mark.same_everywhere
def test_a_list_asks_the_database_as_often_for_many_as_for_one(
    api: Api, test_merchant: Merchant, checkout_page_id: str, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        pay(given_an_open_invoice(test_merchant, checkout_page_id=checkout_page_id))
    given_an_open_invoice(test_merchant)
    given_an_open_invoice(test_merchant, currency="EUR")
    api.get("/v1/me")
    for path, count, queries in (("invoices", 4, 4), ("sales", 3, 4)):
        with django_assert_max_num_queries(queries):
            assert len(api.get(f"{BELOW}/{path}").json()[path]) == count
    assert len(api.get(f"{BELOW}/invoices", {"limit": "2"}).json()["invoices"]) == 2
    of_page = api.get(f"{BELOW}/invoices", {"checkout_page_id": checkout_page_id}).json()[
        "invoices"
    ]
    assert len(of_page) == 3


@pytest.mark.once
def test_numbers_are_written_digit_for_digit() -> None:
    values = [Decimal("1000000000.123456789012"), Decimal("12.50"), Decimal("250.00"), 3, "é"]
    assert dumps({"a": values, "b": None}) == (
        '{"a":[1000000000.123456789012,12.5,250,3,"é"],"b":null}'
    )


@pytest.mark.django_db(transaction=True)
def test_a_sending_that_died_is_taken_up_by_its_key_and_mailed_once(
    api: Api,
    creditclaw_example: str,
    mail_server: MailServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die() -> None:
        raise SystemExit

    invoice_id = create(api, creditclaw_example).json()["invoice_id"]
    invoice = Invoice.objects.get()
    invoice.recipient_email = "billing@acme.com"
    invoice.save()
    address = f"{BELOW}/invoices/{invoice_id}/send"
    with monkeypatch.context() as patch:
        patch.setitem(failpoints.hooks, "send_draft_now:before_mail", die)
        with pytest.raises(SystemExit):
            api.post(address, idempotency_key="k")
    assert mail_server.mails == []
    IdempotentRequest.objects.update(leased_until=None)  # as after its minute
    told = api.post(address, idempotency_key="k")
    assert (told.status_code, told.json()["status"]) == (200, "sent")
    assert told.json()["email_sent"] is False
    Message.objects.update(leased_until=None)
    tasks.send_mails()
    assert len(mail_server.mails) == 1
