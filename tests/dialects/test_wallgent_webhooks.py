"""Webhooks in another system's words: its events, its shapes, signed as always."""

from typing import Any

import pytest

from invoicing import event_dialects, tasks
from invoicing.actions import invoices as actions
from invoicing.actions import webhooks
from invoicing.errors import InvalidState, ValidationFailed
from invoicing.inputs import WebhookEndpointChanges, WebhookEndpointInput, read
from invoicing.models import Delivery, Event, Invoice, Merchant, WebhookEndpoint
from payments import flows
from payments.actions.receiving import request_usdc
from payments.inputs import RefundInput
from payments.models import DepositAddress
from tests.dialects.mounted import Mounted
from tests.factories import (
    DECLINED,
    again,
    given_a_customer,
    given_a_draft,
    given_an_open_invoice,
    pay,
    send_usdc,
    work,
)
from tests.fakes.receiver import Receiver
from tests.fixtures import Api
from tests.fixtures_dashboard import Browser, text_of


def given_an_endpoint(merchant: Merchant, url: str, *types: str) -> WebhookEndpoint:
    """One that is told in Wallgent's words."""
    wanted = {"url": url, "event_types": list(types) or ["*"], "dialect": "wallgent"}
    return webhooks.create_endpoint(merchant, read(WebhookEndpointInput, wanted))[0]


def change(endpoint: WebhookEndpoint, **fields: Any) -> WebhookEndpoint:
    changes = read(WebhookEndpointChanges, fields)
    return webhooks.update_endpoint(endpoint.merchant, endpoint.public_id, changes)


def heard(receiver: Receiver) -> list[dict[str, Any]]:
    """What came, in the order of the events."""
    tasks.fan_out_events()
    tasks.deliver_webhooks()
    return [one.event for one in receiver.heard]


def test_an_invoices_life_is_told_in_its_words(
    test_merchant: Merchant, receiver: Receiver, api: Api
) -> None:
    endpoint = given_an_endpoint(test_merchant, receiver.url())
    invoice = given_an_open_invoice(test_merchant, "70.00")
    actions.send_invoice(test_merchant, invoice.public_id)  # no event of Wallgent's
    pay(invoice, DECLINED)
    pay(invoice)
    flows.refund(test_merchant, invoice.public_id, RefundInput())
    events = heard(receiver)
    assert [event["type"] for event in events] == [
        "invoice.created",
        "invoice.finalized",
        "invoice.payment_failed",
        "invoice.paid",
        "invoice.refunded",
    ]
    assert [event["data"]["status"] for event in events] == [
        "DRAFT",
        "FINALIZED",
        "FINALIZED",
        "PAID",
        "PAID",
    ]
    last = Mounted(api, "wallgent").get(f"/v1/invoices/{invoice.public_id}").json()
    assert events[-1]["data"] == last
    stored = Event.objects.get(type="invoice.paid")
    assert events[3].keys() == {"id", "type", "createdAt", "livemode", "data"}
    assert (events[3]["id"], events[3]["livemode"]) == (stored.public_id, False)
    for one in receiver.heard:
        assert one.verified(endpoint.secret)["id"] == one.id


def test_what_closes_an_invoice_is_told(test_merchant: Merchant, receiver: Receiver) -> None:
    given_an_endpoint(test_merchant, receiver.url(), "invoice.*")
    actions.void_invoice(test_merchant, given_an_open_invoice(test_merchant).public_id)
    actions.write_off_invoice(test_merchant, given_an_open_invoice(test_merchant).public_id)
    expired = given_an_open_invoice(test_merchant, expires_at="2199-01-01T00:00:00Z")
    Invoice.objects.filter(pk=expired.pk).update(expires_at="2001-01-01T00:00:00Z")
    actions.expire_invoice(expired.pk)
    given_a_customer(test_merchant)
    closed = [event for event in heard(receiver) if event["data"]["status"] not in SOON_CLOSED]
    assert [(event["type"], event["data"]["status"]) for event in closed] == [
        ("invoice.voided", "VOIDED"),
        ("invoice.uncollectible", "UNCOLLECTIBLE"),
        ("invoice.voided", "VOIDED"),
    ]


SOON_CLOSED = {"DRAFT", "FINALIZED"}


def test_usdc_that_fits_nothing_is_told(test_merchant: Merchant, receiver: Receiver) -> None:
    given_an_endpoint(test_merchant, receiver.url(), "invoice.usdc_unmatched")
    invoice = given_an_open_invoice(test_merchant, "25.00")
    request_usdc(invoice.pk)
    actions.void_invoice(test_merchant, invoice.public_id)
    send_usdc(DepositAddress.objects.get(), "25", final=True)
    work()
    (event,) = heard(receiver)
    assert event["type"] == "invoice.usdc_unmatched"
    told = event["data"]
    assert (told["amount"], told["currency"]) == ("25.000000", "USDC")
    assert told["txHash"].startswith("0x")
    assert "tx_hash" not in told


def test_it_tells_what_was_true_then(test_merchant: Merchant, receiver: Receiver) -> None:
    given_an_endpoint(test_merchant, receiver.url(), "invoice.created")
    draft = given_a_draft(test_merchant, "70.00", memo="As it was")
    tasks.fan_out_events()
    actions.finalize_invoice(test_merchant, draft.public_id)
    Invoice.objects.filter(pk=draft.pk).update(memo="As it is")
    (event,) = heard(receiver)
    assert (event["data"]["memo"], event["data"]["status"]) == ("As it was", "DRAFT")


def test_our_own_words_are_as_before(test_merchant: Merchant, receiver: Receiver) -> None:
    theirs = given_an_endpoint(test_merchant, receiver.url("/theirs"))
    ours = webhooks.create_endpoint(
        test_merchant, read(WebhookEndpointInput, {"url": receiver.url("/ours")})
    )[0]
    given_a_draft(test_merchant)
    given_a_customer(test_merchant)
    heard(receiver)
    by_path: dict[str, list[str]] = {"/ours": [], "/theirs": []}
    for one in receiver.heard:
        by_path[one.path].append(one.body.decode())
    assert by_path["/ours"] == list(Event.objects.order_by("id").values_list("body", flat=True))
    assert len(by_path["/theirs"]) == 1
    assert (ours.dialect, theirs.dialect) == ("", "wallgent")


# Asking for it


def test_by_the_api_and_changed_again(api: Api, receiver: Receiver) -> None:
    asked = {"url": receiver.url(), "dialect": "wallgent"}
    made = api.post("/v1/webhook_endpoints", asked).json()
    assert made["dialect"] == "wallgent"
    path = f"/v1/webhook_endpoints/{made['id']}"
    assert api.patch(path, {"description": "x"}).json()["dialect"] == "wallgent"
    assert api.patch(path, {"dialect": ""}).json()["dialect"] == ""
    assert api.post("/v1/webhook_endpoints", {"url": receiver.url()}).json()["dialect"] == ""


@pytest.mark.parametrize(
    ("asked", "field", "message"),
    [
        ({"dialect": "wayout"}, "dialect", 'must be "" for our own events, or one of "wallgent"'),
        ({"dialect": None}, "dialect", "must be text"),
        (
            {"dialect": "wallgent", "event_types": ["invoice.paid", "customer.*"]},
            "event_types",
            "wallgent has no event for 'customer.*', only invoice.created, ",
        ),
        (
            {"dialect": "wallgent", "event_types": ["invoice.sent"]},
            "event_types",
            "wallgent has no event for 'invoice.sent', only ",
        ),
    ],
)
@pytest.mark.same_everywhere
def test_what_would_never_be_told_is_refused(
    api: Api, receiver: Receiver, asked: dict[str, Any], field: str, message: str
) -> None:
    made = api.post("/v1/webhook_endpoints", {"url": receiver.url(), **asked})
    other = api.post("/v1/webhook_endpoints", {"url": receiver.url()}).json()["id"]
    changed = api.patch(f"/v1/webhook_endpoints/{other}", asked)
    for answer in (made, changed):
        wrong = answer.json()["error"]["details"]["fields"][0]
        assert (answer.status_code, wrong["field"]) == (400, field)
        assert wrong["message"].startswith(message)
    assert WebhookEndpoint.objects.get().dialect == ""


def test_changing_it_stops_what_waits_and_cannot_be_told(
    test_merchant: Merchant, receiver: Receiver
) -> None:
    wanted = read(WebhookEndpointInput, {"url": receiver.url()})
    endpoint = webhooks.create_endpoint(test_merchant, wanted)[0]
    given_a_customer(test_merchant)
    given_a_draft(test_merchant)
    tasks.fan_out_events()
    with pytest.raises(ValidationFailed):
        change(endpoint, dialect="wallgent", event_types=["customer.created"])
    change(endpoint, dialect="wallgent")
    assert [event["type"] for event in heard(receiver)] == ["invoice.created"]
    untold = Delivery.objects.get(event__type="customer.created")
    assert (untold.status, untold.next_attempt_at) == ("pending", None)
    assert untold.last_error == (
        "wallgent has no such event, and the endpoint is told in its words"
    )
    with pytest.raises(InvalidState, match="wallgent has no such event"):
        webhooks.redeliver(test_merchant, endpoint.public_id, untold.public_id)
    change(endpoint, dialect="")
    webhooks.redeliver(test_merchant, endpoint.public_id, untold.public_id)
    assert heard(receiver)[-1]["type"] == "customer.created"


def test_a_dialect_that_is_gone_tells_nothing(
    test_merchant: Merchant, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = given_an_endpoint(test_merchant, receiver.url())
    given_a_draft(test_merchant)
    tasks.fan_out_events()
    monkeypatch.delitem(event_dialects.registered, "wallgent")
    given_a_draft(test_merchant)
    assert heard(receiver) == []
    delivery = Delivery.objects.get(endpoint=endpoint)
    assert delivery.last_error.startswith("The delivery could not be made")
    monkeypatch.undo()
    Delivery.objects.update(next_attempt_at=again(delivery).created_at)
    assert [event["type"] for event in heard(receiver)] == ["invoice.created"]


def test_in_the_dashboard(
    ada_browser: Browser, receiver: Receiver, test_merchant: Merchant
) -> None:
    ada_browser.submit("webhooks/new/", url=receiver.url(), scope="all", dialect="wallgent")
    endpoint = WebhookEndpoint.objects.get()
    path = f"webhooks/{endpoint.public_id}/"
    assert "In whose words Wallgent" in text_of(ada_browser.get(path))
    invoice = given_a_draft(test_merchant, "70.00")
    tasks.fan_out_events()
    delivery = Delivery.objects.get()
    said = text_of(ada_browser.get(f"{path}{delivery.public_id}/"))
    assert f'"id": "{invoice.public_id}"' in said
    assert '"lineItems"' in said
    ada_browser.submit(f"{path}edit/", url=receiver.url(), scope="all")
    assert again(endpoint).dialect == "wallgent"
    refused = ada_browser.submit(
        f"{path}edit/", url=receiver.url(), scope="chosen", chosen=["customer.*"]
    )
    assert refused.status_code == 422
    assert "has no event for 'customer.*'" in text_of(refused)
    ada_browser.submit(f"{path}edit/", url=receiver.url(), scope="all", dialect="")
    assert again(endpoint).dialect == ""
    assert "In whose words" not in text_of(ada_browser.get(path))
