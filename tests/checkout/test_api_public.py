"""What a payer may ask without a key, and what every invoice tells a bot to do next."""

from datetime import timedelta
from typing import Any

import pytest

from invoicing import tasks
from invoicing.actions import invoices as actions
from invoicing.actions.merchants import update_merchant
from invoicing.inputs import MerchantChanges
from invoicing.models import Invoice, Merchant
from payments.models import Payment
from tests.factories import (
    SILENT_THEN_PAID,
    again,
    given_a_customer,
    given_a_draft,
    given_an_open_invoice,
    let_pass,
    pay,
    start_paying,
    told,
    use_card,
    work,
)
from tests.fixtures import Api, WallClock


def read(api: Api, invoice: Invoice) -> Any:
    return api.get(f"/v1/invoices/pay/{invoice.slug}")


def test_the_payer_sees_the_document_and_nothing_of_the_merchants_own(
    anonymous_api: Api, test_merchant: Merchant, clock: WallClock
) -> None:
    update_merchant(test_merchant, MerchantChanges(website="https://ada.example"))
    merchant = again(test_merchant)
    customer = given_a_customer(merchant, phone="+1 555", metadata={"crm": "secret"})
    invoice = given_an_open_invoice(
        merchant,
        customer_id=customer.public_id,
        line_items=[{"description": "Hours", "quantity": "2.5", "unit_price": "40"}],
        tax_rate="19",
        memo="Thank you",
        purchase_order="PO-7",
        metadata={"margin": "secret"},
    )
    actions.send_invoice(merchant, invoice.public_id)
    slug = invoice.slug
    answer = read(anonymous_api, invoice)
    assert answer.status_code == 200
    assert answer.json() == {
        "id": invoice.public_id,
        "number": "TEST-0001",
        "object": "invoice",
        "status": "open",
        "livemode": False,
        "seller": {
            "name": "Ada's Engines",
            "email": "billing@ada.example",
            "website": "https://ada.example",
        },
        "recipient": {"name": "Cleo Payer", "type": "human"},
        "currency": "USD",
        "line_items": [
            {
                "description": "Hours",
                "quantity": "2.5",
                "unit_price": "40",
                "discount_amount": "0.00",
                "taxes": [{"name": "Tax", "rate": "19", "category": "S"}],
                "tax_behavior": "exclusive",
                "amount": "100.00",
            }
        ],
        "subtotal": "100.00",
        "discount": "0.00",
        "tax": "19.00",
        "taxes": [
            {
                "name": "Tax",
                "rate": "19",
                "category": "S",
                "inclusive": False,
                "base": "100.00",
                "amount": "19.00",
            }
        ],
        "total": "119.00",
        "amount_paid": "0.00",
        "amount_credited": "0.00",
        "amount_refunded": "0.00",
        "amount_due": "119.00",
        "allow_partial": False,
        "title": "",
        "message": "",
        "memo": "Thank you",
        "notes": "",
        "purchase_order": "PO-7",
        "issued_at": "2026-03-02T12:00:00.000Z",
        "due_at": "2026-04-01T12:00:00.000Z",
        "overdue": False,
        "expires_at": None,
        "paid_at": None,
        "payment_url": f"http://127.0.0.1:8000/i/{slug}",
        "pdf_url": f"http://127.0.0.1:8000/i/{slug}/pdf",
        "slug": slug,
        "rails": ["sandbox"],
        "usdc_chains": ["sandbox"],
        "metadata": None,
        "custom_fields": [],
        "agent_protocol": {
            "version": "1.0",
            "flow": "invoice_checkout",
            "state": "invoice_open",
            "goal": "Pay 119.00 USD.",
            "steps": [
                f"POST /v1/invoices/pay/{slug}/checkout to begin; no key is needed. "
                "An Idempotency-Key makes a retry safe.",
                "Open the url in the answer and pay there.",
                "Poll until status is paid.",
            ],
            "next_action": {
                "method": "POST",
                "path": f"/v1/invoices/pay/{slug}/checkout",
                "body_template": {},
                "expect_status": [200],
                "retry": {
                    "strategy": "fixed_interval",
                    "retry_after_seconds": 3,
                    "max_attempts": 5,
                },
            },
            "completion_check": {
                "method": "GET",
                "path": f"/v1/invoices/pay/{slug}",
                "field": "status",
                "success_value": "paid",
            },
        },
    }


def test_metadata_is_shown_only_where_it_is_public(
    anonymous_api: Api, test_merchant: Merchant
) -> None:
    public = given_an_open_invoice(test_merchant, metadata={"a": 1}, metadata_public=True)
    private = given_an_open_invoice(test_merchant, metadata={"a": 1})
    assert read(anonymous_api, public).json()["metadata"] == {"a": 1}
    assert read(anonymous_api, private).json()["metadata"] is None


def test_reading_by_api_is_not_opening_the_page(
    anonymous_api: Api, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    read(anonymous_api, invoice)
    assert again(invoice).viewed_at is None


def test_a_draft_is_as_unknown_as_one_that_never_was(
    anonymous_api: Api, test_merchant: Merchant
) -> None:
    draft = given_a_draft(test_merchant)
    issued = given_an_open_invoice(test_merchant)
    neighbour = f"{int(issued.slug, 16) + 1:032x}"
    answers = [
        anonymous_api.send(method, f"/v1/invoices/pay/{slug}{verb}", None)
        for slug in (draft.slug, "0" * 32, neighbour, issued.public_id, issued.slug.upper(), "x")
        for method, verb in (("GET", ""), ("POST", "/checkout"))
    ]
    assert {answer.status_code for answer in answers} == {404}
    errors = [answer.json()["error"] for answer in answers]
    for error in errors:
        assert error.pop("request_id")
    assert errors == [
        {"code": "not_found", "message": "There is no such invoice.", "details": {}}
    ] * len(errors)
    assert not Payment.objects.exists()


def test_a_key_makes_no_difference_to_a_payers_door(
    api: Api, ben_api: Api, anonymous_api: Api, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    bodies = {read(who, invoice).content for who in (api, ben_api, anonymous_api)}
    assert len(bodies) == 1


def test_the_payer_begins_to_pay(anonymous_api: Api, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    path = f"/v1/invoices/pay/{invoice.slug}/checkout"
    begun = anonymous_api.post(path)
    payment = Payment.objects.get()
    assert begun.json() == {
        "url": payment.url,
        "payment": {
            "id": payment.public_id,
            "object": "payment",
            "status": "pending",
            "rail": "sandbox",
            "currency": "USD",
            "amount": "100.00",
        },
    }
    keyed = anonymous_api.post(path, idempotency_key="k")
    assert keyed.json() == begun.json()
    use_card(payment)
    work()
    assert told(invoice)[-1] == "invoice.paid"
    repeat = anonymous_api.post(path, idempotency_key="k")
    assert (repeat.content, repeat["Idempotent-Replayed"]) == (keyed.content, "true")
    refused = anonymous_api.post(path)
    assert (refused.status_code, refused.json()["error"]["details"]) == (409, {"status": "paid"})


def test_one_payers_key_is_not_anothers(anonymous_api: Api, test_merchant: Merchant) -> None:
    urls = {
        anonymous_api.post(
            f"/v1/invoices/pay/{given_an_open_invoice(test_merchant).slug}/checkout",
            idempotency_key="the-same",
        ).json()["url"]
        for _ in range(2)
    }
    assert len(urls) == 2


def test_a_payer_is_held_to_what_is_due(anonymous_api: Api, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, allow_partial=True)
    path = f"/v1/invoices/pay/{invoice.slug}/checkout"
    for body in ({"amount": "100.01"}, {"amount": "-1"}, {"amount": "NaN"}, {"tip": "1"}):
        assert anonymous_api.post(path, body).status_code == 400
    assert not Payment.objects.exists()
    assert anonymous_api.post(path, {"amount": "10"}).json()["payment"]["amount"] == "10.00"


def test_a_live_merchant_without_a_provider_offers_nothing(
    anonymous_api: Api, live: Merchant
) -> None:
    invoice = given_an_open_invoice(live)
    seen = read(anonymous_api, invoice).json()
    assert seen["rails"] == []
    assert seen["agent_protocol"]["next_action"]["method"] == "GET"
    answer = anonymous_api.post(f"/v1/invoices/pay/{invoice.slug}/checkout")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_configured")


def in_state(merchant: Merchant, state: str) -> Invoice:
    """An invoice of this merchant in this state."""
    if state == "draft":
        return given_a_draft(merchant)
    soon = (merchant.created_at + timedelta(days=2)).isoformat()
    invoice = given_an_open_invoice(merchant, allow_partial=True, expires_at=soon)
    if state == "part paid":
        pay(invoice, amount=2500)
    elif state == "paying":
        use_card(start_paying(invoice), SILENT_THEN_PAID)
        work()
    elif state == "paid":
        pay(invoice)
    elif state == "void":
        actions.void_invoice(merchant, invoice.public_id)
    elif state == "uncollectible":
        actions.write_off_invoice(merchant, invoice.public_id)
    elif state in ("closing", "expired"):
        let_pass(merchant, "P3D")
        if state == "expired":
            tasks.watch_due_dates()
    return again(invoice)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("draft", "invoice_created"),
        ("open", "invoice_open"),
        ("part paid", "invoice_open"),
        ("paying", "invoice_paying"),
        ("paid", "invoice_paid"),
        ("void", "invoice_unavailable"),
        ("closing", "invoice_unavailable"),
        ("expired", "invoice_unavailable"),
        ("uncollectible", "invoice_unavailable"),
    ],
)
def test_every_invoice_says_what_to_do_next_and_it_works(
    api: Api, anonymous_api: Api, test_merchant: Merchant, state: str, said: str
) -> None:
    invoice = in_state(test_merchant, state)
    protocol = api.get(f"/v1/invoices/{invoice.public_id}").json()["agent_protocol"]
    assert protocol["state"] == said
    # Whoever was shown the invoice follows it: the merchant's bot a draft, anybody the rest.
    who = api if state == "draft" else anonymous_api
    if state != "draft":
        assert read(who, invoice).json()["agent_protocol"] == protocol
    done = protocol["completion_check"]
    seen = who.get(done["path"])
    assert seen.status_code == 200
    reached = seen.json()[done["field"]] == done["success_value"]
    assert reached is (state == "paid")
    action = protocol["next_action"]
    if said in ("invoice_paid", "invoice_unavailable"):
        assert action is None
        return
    body = action["body_template"] if action["method"] == "POST" else None
    answer = who.send(action["method"], action["path"], body)
    assert answer.status_code in action["expect_status"]


def test_a_bot_that_only_follows_the_protocol_gets_an_invoice_paid(
    api: Api, anonymous_api: Api, test_merchant: Merchant
) -> None:
    made = api.post(
        "/v1/invoices",
        {"recipient": {"name": "Agent", "type": "agent"}, "line_items": [BOOK], "currency": "USD"},
    ).json()
    issued = api.post(made["agent_protocol"]["next_action"]["path"]).json()
    action = issued["agent_protocol"]["next_action"]
    begun = anonymous_api.send(action["method"], action["path"], action["body_template"]).json()
    use_card(Payment.objects.get(public_id=begun["payment"]["id"]))
    work()
    check = issued["agent_protocol"]["completion_check"]
    assert anonymous_api.get(check["path"]).json()[check["field"]] == check["success_value"]


BOOK = {"description": "A book", "unit_price": "12"}


def test_events_carry_the_protocol_of_their_moment(api: Api, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    pay(invoice)
    events = api.get(f"/v1/invoices/{invoice.public_id}/events").json()["data"]
    states = {event["type"]: event["data"]["agent_protocol"]["state"] for event in events}
    assert states == {
        "invoice.created": "invoice_created",
        "invoice.finalized": "invoice_open",
        "invoice.paid": "invoice_paid",
    }


def test_a_payer_is_counted_by_address(
    anonymous_api: Api, test_merchant: Merchant, settings: Any, clock: WallClock
) -> None:
    settings.RATE_LIMITS = {"public": (2, 60)}
    invoice = given_an_open_invoice(test_merchant)
    answers = [read(anonymous_api, invoice) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0]["RateLimit"] == '"public";r=1;t=60'
