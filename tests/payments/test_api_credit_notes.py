"""Credit notes through the API."""

from typing import Any

import pytest

from invoicing.models import CreditNote, Document, Invoice, Merchant
from tests.factories import again, given_an_open_invoice, pay
from tests.fixtures import Api

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/v1/credit_notes"


@pytest.fixture
def invoice(test_merchant: Merchant) -> Invoice:
    """An open invoice over 119.00."""
    return given_an_open_invoice(test_merchant, taxes=[{"name": "VAT", "rate": "19"}])


def test_issuing_one(api: Api, invoice: Invoice) -> None:
    answer = api.post(URL, {"invoice_id": invoice.public_id, "amount": "11.90", "memo": "Sorry"})
    assert answer.status_code == 201
    note: dict[str, Any] = answer.json()
    assert note["number"] == "TEST-CN-0001"
    assert (note["subtotal"], note["tax"], note["total"]) == ("10.00", "1.90", "11.90")
    assert (note["off_due"], note["to_give_back"], note["refunds"]) == ("11.90", "0.00", [])
    assert note["taxes"][0] == {
        "name": "VAT",
        "rate": "19",
        "category": "S",
        "inclusive": False,
        "base": "10.00",
        "amount": "1.90",
    }
    assert api.get(f"{URL}/{note['id']}").json() == note
    assert api.get(URL).json()["data"] == [note]
    assert api.get(f"/v1/invoices/{invoice.public_id}/credit_notes").json()["data"] == [note]
    assert api.get(URL, {"number": "TEST-CN-0002"}).json()["data"] == []
    seen = api.get(f"/v1/invoices/{invoice.public_id}").json()
    assert (seen["amount_credited"], seen["amount_due"]) == ("11.90", "107.10")


def test_a_preview_keeps_nothing(api: Api, invoice: Invoice) -> None:
    pay(invoice)
    answer = api.post(f"{URL}/preview", {"invoice_id": str(invoice.number)})
    assert answer.status_code == 200
    assert (answer.json()["total"], answer.json()["to_refund"]) == ("119.00", "119.00")
    assert not CreditNote.objects.exists()
    assert again(invoice).amount_refunded == 0


def test_a_repeat_under_its_key_is_the_same_note(api: Api, invoice: Invoice) -> None:
    pay(invoice)
    wanted = {"invoice_id": invoice.public_id, "amount": "19.00"}
    first = api.post(URL, wanted, idempotency_key="once")
    assert api.post(URL, wanted, idempotency_key="once").json() == first.json()
    assert [refund["amount"] for refund in first.json()["refunds"]] == ["19.00"]
    assert CreditNote.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": "119.01"}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "1", "line_items": [{"id": "li_1"}]}, "line_items"),
        ({"line_items": []}, "line_items"),
        ({"destination": "wallet"}, "wallet_id"),
        ({"reason": "whim"}, "reason"),
        ({"send": "yes"}, "send"),
        ({"currency": "USD"}, "currency"),
    ],
)
def test_bad_input_changes_nothing(
    api: Api, invoice: Invoice, body: dict[str, Any], field: str
) -> None:
    answer = api.post(URL, {"invoice_id": invoice.public_id, **body})
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["fields"][0]["field"] == field
    assert not CreditNote.objects.exists()


def test_a_credited_invoice_has_nothing_left(api: Api, invoice: Invoice) -> None:
    assert api.post(URL, {"invoice_id": invoice.public_id}).status_code == 201
    answer = api.post(URL, {"invoice_id": invoice.public_id, "allow_duplicate": True})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "invalid_state")
    assert again(invoice).status == "paid"


def test_the_document(api: Api, invoice: Invoice) -> None:
    note = api.post(URL, {"invoice_id": invoice.public_id, "amount": "11.90"}).json()
    answer = api.get(f"{URL}/{note['id']}/pdf")
    assert (answer.status_code, answer.content[:5]) == (200, b"%PDF-")
    assert answer["Content-Disposition"] == 'inline; filename="TEST-CN-0001.pdf"'
    assert api.get(f"{URL}/{note['id']}/pdf").content == answer.content
    assert Document.objects.count() == 1


def test_a_rivals_note_is_not_there(api: Api, ben_api: Api, invoice: Invoice) -> None:
    note = api.post(URL, {"invoice_id": invoice.public_id, "amount": "1"}).json()
    assert ben_api.get(f"{URL}/{note['id']}").status_code == 404
    assert ben_api.post(URL, {"invoice_id": invoice.public_id}).status_code == 404
    assert ben_api.get(URL).json()["data"] == []
