"""POST /v1/quick_invoices: what is made of a sentence, told with the words it came from."""

import pytest

from invoicing.models import Event, Invoice, Merchant, Message
from tests.factories import given_a_customer, given_a_key
from tests.fixtures import Api, WallClock
from tests.fixtures_api import everything

pytestmark = pytest.mark.same_everywhere

PATH = "/v1/quick_invoices"
SENTENCE = "Invoice Acme $250 for API work, due in 30 days, send it"


@pytest.fixture
def acme(test_merchant: Merchant) -> str:
    return given_a_customer(test_merchant, name="Acme", email="ap@acme.example").public_id


def test_the_sentence_of_the_documentation(
    api: Api, test_merchant: Merchant, acme: str, clock: WallClock
) -> None:
    response = api.post(PATH, {"message": SENTENCE})
    assert response.status_code == 201
    body = response.json()
    invoice = body.pop("invoice")
    assert body == {
        "object": "quick_invoice",
        "message": SENTENCE,
        "dry_run": False,
        "sent": True,
        "understood": [
            _part(
                "customer",
                {"id": acme, "name": "Acme", "email": "ap@acme.example"},
                ("Acme", 8, 12),
            ),
            _part(
                "currency",
                "USD",
                ("$250", 13, 17),
                "$ may be several currencies, and USD is your own currency",
            ),
            _part("amount", "250", ("$250", 13, 17)),
            _part("item", "API work", ("$250 for API work", 13, 30)),
            _part("due_at", "2026-04-01", ("due in 30 days", 32, 46)),
            _part("send", True, ("send it", 48, 55)),
        ],
        "not_understood": [],
    }
    assert (invoice["status"], invoice["number"], invoice["total"]) == (
        "open",
        "TEST-0001",
        "250.00",
    )
    assert (invoice["customer_id"], invoice["due_at"]) == (acme, "2026-04-01T23:59:59.000Z")
    assert [line["description"] for line in invoice["line_items"]] == ["API work"]
    assert Message.objects.get(kind="invoice").to == "ap@acme.example"
    told = Event.objects.filter(merchant=test_merchant, object_id=invoice["id"]).order_by("pk")
    types = [event.type for event in told]
    assert types == ["invoice.created", "invoice.finalized", "invoice.sent"]


def _part(
    what: str, value: object, place: tuple[str, int, int], because: str | None = None
) -> dict[str, object]:
    text, start, end = place
    return {
        "what": what,
        "value": value,
        "text": text,
        "start": start,
        "end": end,
        "because": because,
    }


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("Invoice Acme $250 for API work", None),
        ("Invoice Acme $250 for API work, don't send it", None),
        (
            "Invoice Bo $250 for API work, send it",
            "It stays a draft: no e-mail address is known. Add one, and send it then.",
        ),
        (
            "Invoice Acme $250 for API work plus VAT, send it",
            "It stays a draft because of the questions before this. Look it over, and send it.",
        ),
    ],
)
def test_it_stays_a_draft_unless_it_is_asked_for_surely(
    api: Api, acme: str, message: str, why: str | None
) -> None:
    body = api.post(PATH, {"message": message}).json()
    assert (body["sent"], body["invoice"]["status"]) == (False, "draft")
    asked = [one["question"] for one in body["not_understood"] if one["about"] == "send"]
    assert asked == ([why] if why else [])
    assert not Message.objects.exists()


def test_a_dry_run_only_tells(api: Api, acme: str) -> None:
    before = everything()
    response = api.post(PATH, {"message": SENTENCE, "dry_run": True}, idempotency_key="one")
    assert response.status_code == 200
    body = response.json()
    assert (body["dry_run"], body["sent"], body["invoice"]["id"]) == (True, False, None)
    assert body["invoice"]["total"] == "250.00"
    # A key that is none is refused although nothing would be done.
    response = api.post(PATH, {"message": SENTENCE, "dry_run": True}, idempotency_key="o" * 256)
    fields = response.json()["error"]["details"]["fields"]
    assert (response.status_code, fields[0]["field"]) == (400, "Idempotency-Key")
    assert everything() == before


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (
            "Invoice Acme 1.234 USD",
            "has 1.234, which can be read in more than one way; write 1,234.50 or 1234.50",
        ),
        (
            "Invoice Acme 250 or 300",
            "names no amount; write one with its currency, such as “$250”",
        ),
        (
            "Invoice Acme $250 and €300",
            "names two currencies, $ and EUR; an invoice has one",
        ),
        ("x" * 10_000, "must have at most 1000 characters"),
        ("Invoice Acme\x00 $250", "must not contain control characters"),
        ("", "must not be empty"),
    ],
)
def test_what_cannot_be_read_surely_is_refused(api: Api, message: str, why: str) -> None:
    before = everything()
    response = api.post(PATH, {"message": message})
    assert response.status_code == 400
    fields = response.json()["error"]["details"]["fields"]
    assert fields == [{"field": "message", "message": why}]
    assert everything() == before


@pytest.mark.parametrize("body", [{}, {"message": 5}, {"message": "x", "dry_run": "yes"}, {"m": 1}])
def test_inputs_are_strict(api: Api, body: dict[str, object]) -> None:
    assert api.post(PATH, body).status_code == 400


def test_the_same_key_makes_one_invoice(api: Api, acme: str) -> None:
    first, again = (
        api.post(PATH, {"message": SENTENCE}, idempotency_key="order-1") for _ in range(2)
    )
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (Invoice.objects.count(), Message.objects.count()) == (1, 1)
    other = api.post(PATH, {"message": "Invoice Acme $1"}, idempotency_key="order-1")
    assert other.status_code == 422


def test_customers_are_looked_up_only_for_keys_that_may_see_them(
    test_merchant: Merchant, acme: str
) -> None:
    blind = Api(given_a_key(test_merchant, ["invoices:write"]))
    body = blind.post(PATH, {"message": "Invoice Acme $5 for tea", "dry_run": True}).json()
    assert body["invoice"]["customer_id"] is None
    assert body["invoice"]["recipient"] == {"name": "Acme", "email": "", "type": "human"}
    assert body["understood"][0]["because"] == (
        "this key may not see customers, so none was looked up"
    )


def test_another_merchants_customer_is_nobody_here(ben_api: Api, acme: str) -> None:
    body = ben_api.post(PATH, {"message": "Invoice Acme $5 for tea"}).json()
    assert (body["invoice"]["customer_id"], body["invoice"]["recipient"]["name"]) == (None, "Acme")


def test_which_of_several_customers_is_asked(api: Api, test_merchant: Merchant) -> None:
    both = [
        given_a_customer(test_merchant, name="Initech", email=f"{letter}@initech.example")
        for letter in "ab"
    ]
    body = api.post(PATH, {"message": "Invoice Initech $5 for tea, send it"}).json()
    question = body["not_understood"][0]
    assert (question["about"], question["text"], question["start"]) == ("customer", "Initech", 8)
    assert question["choices"] == [
        {"id": row.public_id, "name": "Initech", "email": row.email} for row in both
    ]
    assert (body["sent"], body["invoice"]["customer_id"]) == (False, None)
