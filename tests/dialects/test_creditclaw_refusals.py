"""Every error of CreditClaw's tables, with its status, and that nothing was changed."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from invoicing import tasks
from invoicing.models import Bot, Invoice, Merchant, Message
from payments.actions.wallets import create_wallet
from payments.inputs import WalletInput
from tests.dialects.test_creditclaw import BELOW, create
from tests.factories import again
from tests.fakes.smtp import MailServer
from tests.fixtures import Api, WallClock

pytestmark = pytest.mark.usefixtures("sales_wallet_id")


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        (lambda body: "{", 400, "invalid_json", None),
        (lambda body: "[]", 400, "validation_error", ""),
        (lambda body: {}, 400, "validation_error", "checkout_page_id"),
        (lambda body: {**body, "line_items": []}, 400, "validation_error", "line_items"),
        (lambda body: {**body, "recipient_name": "x" * 201}, 400, "validation_error", None),
        (lambda body: {**body, "recipient_email": "x"}, 400, "validation_error", None),
        (lambda body: {**body, "recipient_type": "cat"}, 400, "validation_error", None),
        (lambda body: {**body, "notes": "x" * 2001}, 400, "validation_error", "notes"),
        (lambda body: {**body, "tax_usd": -1}, 400, "validation_error", "tax_usd"),
        (lambda body: {**body, "tax_usd": 0.005}, 400, "validation_error", "tax_usd"),
        (lambda body: {**body, "due_date": "soon"}, 400, "validation_error", "due_date"),
        (lambda body: _line(body, quantity=0), 400, "validation_error", "line_items[0].quantity"),
        (
            lambda body: _line(body, unit_price_usd=-1),
            400,
            "validation_error",
            "line_items[0].unit_price_usd",
        ),
        (
            lambda body: _line(body, unit_price_usd=10**12, quantity=10**6),
            400,
            "validation_error",
            "line_items[0].unit_price_usd",
        ),
        (lambda body: _line(body, description="x" * 501), 400, "validation_error", None),
        (
            lambda body: {**body, "checkout_page_id": "cp_none"},
            404,
            "checkout_page_not_found",
            None,
        ),
    ],
)
@pytest.mark.same_everywhere
def test_what_is_refused_on_creating(
    api: Api,
    creditclaw_example: str,
    change: Callable[[Any], Any],
    status: int,
    code: str,
    field: str | None,
) -> None:
    answer = create(api, change(json.loads(creditclaw_example)))
    said = answer.json()
    assert (answer.status_code, said["error"]) == (status, code)
    assert said["message"]
    if field is not None:
        assert said["details"][0]["field"] == field
    assert not Invoice.objects.exists()


def _line(body: Any, **fields: Any) -> Any:
    return {**body, "line_items": [{**body["line_items"][0], **fields}]}


def test_a_bot_without_an_active_wallet_has_nothing_and_can_do_nothing(
    api: Api, creditclaw_example: str, test_merchant: Merchant, sales_wallet_id: str
) -> None:
    invoice_id = create(api, creditclaw_example).json()["invoice_id"]
    # One of its own in another currency: the merchant's default does not stand in for it.
    euros = create_wallet(test_merchant, WalletInput(name="Euros", currency="EUR")).public_id
    bot = Bot.objects.get().public_id
    assert api.patch(f"/v1/bots/{bot}", {"wallet_id": euros}).json()["wallet_id"] == euros
    assert api.get(f"{BELOW}/invoices").json() == {"invoices": []}
    assert api.get(f"{BELOW}/checkout-pages").json() == {"checkout_pages": []}
    assert api.get(f"{BELOW}/sales").json() == {"sales": []}
    for path, body in (
        ("invoices/create", "{"),
        (f"invoices/{invoice_id}/send", None),
        ("checkout-pages/create", {"title": "x"}),
    ):
        answer = api.send("POST", f"{BELOW}/{path}", body)
        assert (answer.status_code, answer.json()["error"]) == (400, "wallet_not_found")
    api.patch(f"/v1/bots/{bot}", {"wallet_id": sales_wallet_id})
    assert len(api.get(f"{BELOW}/invoices").json()["invoices"]) == 1
    page = api.post(f"{BELOW}/checkout-pages/create", {"title": "x"}).json()
    native = api.get(f"/v1/checkout_pages/{page['checkout_page_id']}").json()
    assert native["wallet_id"] == sales_wallet_id


def test_what_is_refused_on_sending(
    api: Api, ben_api: Api, ben_merchant: Merchant, creditclaw_example: str
) -> None:
    create_wallet(ben_merchant, WalletInput(name="Sales", currency="USD"))
    invoice_id = create(api, creditclaw_example).json()["invoice_id"]
    path = f"{BELOW}/invoices/{invoice_id}/send"
    unknown = ben_api.post(f"{BELOW}/invoices/inv_none/send")
    others = ben_api.post(path)
    for answer in (unknown, others):
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert others.json()["message"].replace(invoice_id, "inv_none") == unknown.json()["message"]
    for nothing in ("invoices/send", "invoices//send"):
        answer = api.post(f"{BELOW}/{nothing}")
        assert (answer.status_code, answer.json()["error"]) == (400, "missing_invoice_id")
    assert api.post(path).status_code == 200
    again_ = api.post(path)
    assert again_.status_code == 400
    assert again_.json()["error"] == "only_draft_invoices_can_be_sent"
    assert Message.objects.filter(kind="invoice").count() == 1


def test_a_failure_of_ours_on_sending_is_send_failed(
    api: Api, creditclaw_example: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice_id = create(api, creditclaw_example).json()["invoice_id"]
    monkeypatch.setattr("invoicing.actions.invoices.issuing.issue", lambda invoice: 1 / 0)
    answer = api.post(f"{BELOW}/invoices/{invoice_id}/send")
    assert (answer.status_code, answer.json()["error"]) == (500, "send_failed")


def test_a_mail_that_fails_is_said_and_stays_with_the_worker(
    api: Api, creditclaw_example: str, mail_server: MailServer, clock: WallClock, settings: Any
) -> None:
    there = settings.MAIL_TRANSPORT
    settings.MAIL_TRANSPORT = {**there, "port": 1}
    invoice_id = create(api, creditclaw_example).json()["invoice_id"]
    answer = api.post(f"{BELOW}/invoices/{invoice_id}/send").json()
    assert (answer["status"], answer["email_sent"]) == ("sent", False)
    assert answer["email_reason"] == "email_error"
    message = Message.objects.get(kind="invoice")
    assert (message.status, message.leased_until) == ("queued", None)
    settings.MAIL_TRANSPORT = there
    clock.at += timedelta(minutes=1)
    tasks.send_mails()
    assert again(message).status == "sent"
    assert len(mail_server.mails) == 1
