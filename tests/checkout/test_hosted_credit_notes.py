"""What a payer sees of credit notes on the invoice's page."""

from decimal import Decimal

import pytest
from django.test import Client

from invoicing.models import CreditNote, Invoice, Merchant
from payments.credit_flow import credit
from payments.inputs import CreditNoteInput
from tests.factories import given_an_open_invoice, pay

pytestmark = pytest.mark.django_db(transaction=True)


def credited(invoice: Invoice, amount: str | None = None) -> CreditNote:
    wanted = CreditNoteInput(amount=Decimal(amount) if amount else None)
    return credit(invoice.merchant, invoice.public_id, wanted)


def test_it_asks_for_less(client: Client, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    note = credited(invoice, "30")
    page = client.get(f"/i/{invoice.slug}").content.decode()
    assert "Still due on invoice TEST-0001" in page
    assert "-$30.00" in page or "−$30.00" in page
    assert "$70.00" in page
    assert f"/i/{invoice.slug}/credit_notes/{note.number_value}/pdf" in page


def test_what_is_paid_is_held_against_what_is_left_of_it(
    client: Client, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant, allow_partial=True)
    pay(invoice, amount=1264)
    # The control: nothing is credited yet.
    page = client.get(f"/i/{invoice.slug}").content.decode()
    assert 'value="1264" max="10000"' in page and "$12.64 of $100.00 is paid" in page
    credited(invoice, "30")
    page = client.get(f"/i/{invoice.slug}").content.decode()
    assert 'value="1264" max="7000"' in page and "$12.64 of $70.00 is paid" in page
    assert "Visa ending in 4242</dt><dd>-$12.64</dd>" in page
    assert "<dt>Credited</dt><dd>-$30.00</dd>" in page
    told = client.get(f"/v1/invoices/pay/{invoice.slug}").json()
    amounts = {name: told[f"amount_{name}"] for name in ("paid", "credited", "due")}
    assert amounts == {"paid": "12.64", "credited": "30.00", "due": "57.36"}


def test_credited_in_full(client: Client, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    credited(invoice)
    page = client.get(f"/i/{invoice.slug}").content.decode()
    assert "Nothing is due any more on invoice TEST-0001." in page
    assert "Paid, thank you" not in page


def test_the_document_opens_with_the_slug_alone(client: Client, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    pay(invoice)
    note = credited(invoice, "30")
    answer = client.get(f"/i/{invoice.slug}/credit_notes/{note.number_value}/pdf")
    assert (answer.status_code, answer.content[:5]) == (200, b"%PDF-")
    assert answer["Cache-Control"] == "private, no-store"


def test_another_invoices_note_does_not(client: Client, test_merchant: Merchant) -> None:
    note = credited(given_an_open_invoice(test_merchant), "30")
    other = given_an_open_invoice(test_merchant)
    assert client.get(f"/i/{other.slug}/credit_notes/{note.number_value}/pdf").status_code == 404
    assert client.get(f"/i/{'0' * 32}/credit_notes/{note.number_value}/pdf").status_code == 404
