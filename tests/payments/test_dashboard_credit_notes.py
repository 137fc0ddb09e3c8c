"""Crediting by hand: what the preview says would happen, and what does."""

import pytest

from invoicing.models import CreditNote, Merchant
from payments import flows
from payments.credit_flow import credit
from payments.inputs import CreditNoteInput, RefundInput
from tests import factories
from tests.factories import again
from tests.fixtures import Api
from tests.fixtures_dashboard import Browser, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_preview_saves_nothing_and_issuing_does_what_it_said(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    payment = factories.pay(factories.given_an_open_invoice(test_merchant, "100.00"))
    invoice = f"invoices/{payment.invoice.public_id}/"
    assert f"/dashboard/{invoice}credit/" in ada_browser.get(invoice).content.decode()
    data = ada_browser.form(f"{invoice}credit/").data(amount="40", memo="Too <much>")
    preview = ada_browser.post(f"{invoice}credit/", data)
    assert preview.status_code == 200
    assert "$40.00 goes back: The way it was paid" in text_of(preview)
    carried = preview.content.decode()
    for name, value in {"amount": "40", "memo": "Too &lt;much&gt;", "send": "True"}.items():
        assert f'type="hidden" name="{name}" value="{value}"' in carried
    assert not CreditNote.objects.exists() and again(payment).amount_refunded == 0
    issued = ada_browser.post(f"{invoice}credit/", {**data, "seen": "1"})
    twice = ada_browser.post(f"{invoice}credit/", {**data, "seen": "1"})
    note = CreditNote.objects.get()
    assert issued.url == twice.url == f"/dashboard/credit-notes/{note.public_id}/"
    assert (note.total, note.off_due, again(payment).amount_refunded) == (4000, 0, 4000)
    page = text_of(ada_browser.get(issued.url))
    assert note.number in page and "Too <much>" in page and "Refunds" in page
    assert note.number in text_of(ada_browser.get("credit-notes/"))
    shown = ada_browser.get("credit-notes/?reason=fraudulent")
    assert "No credit note matches" in text_of(shown)
    document = ada_browser.get(f"credit-notes/{note.public_id}/pdf/")
    assert document.content.startswith(b"%PDF-")


def test_what_was_refunded_before_is_said_not_to_go_back_again(
    ada_browser: Browser, api: Api, test_merchant: Merchant
) -> None:
    invoice = factories.pay(factories.given_an_open_invoice(test_merchant, "100.00")).invoice
    flows.refund(test_merchant, invoice.public_id, RefundInput(amount="40"))
    path = f"invoices/{invoice.public_id}/credit/"
    said = {}
    for amount in ("30", "60"):
        preview = ada_browser.post(path, ada_browser.form(path).data(amount=amount))
        said[amount] = text_of(preview)
    assert "No money moves now: $30.00 has been given back before." in said["30"]
    assert "goes back" not in said["30"]
    assert "$20.00 goes back: The way it was paid" in said["60"]
    assert "$40.00 has been given back before." in said["60"]
    body = {"invoice_id": invoice.public_id, "amount": "60"}
    foreseen = api.post("/v1/credit_notes/preview", body).json()
    note = api.post("/v1/credit_notes", body).json()
    for told in (foreseen, note):
        assert (told["to_give_back"], told["given_back_before"]) == ("60.00", "40.00")
    assert foreseen["to_refund"] == note["refunds"][0]["amount"] == "20.00"
    page = text_of(ada_browser.get(f"credit-notes/{note['id']}/"))
    assert "Given back for it $20.00 Given back before $40.00" in page


def test_what_is_due_is_lowered_and_too_much_is_refused(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    invoice = factories.given_an_open_invoice(test_merchant, "100.00")
    path = f"invoices/{invoice.public_id}/credit/"
    refused = ada_browser.post(path, ada_browser.form(path).data(amount="100.01"))
    assert refused.status_code == 422
    assert "Must be at most what can still be credited, 100.00." in text_of(refused)
    data = ada_browser.form(path).data(amount="30")
    assert "$30.00 is taken off what is due." in text_of(ada_browser.post(path, data))
    ada_browser.post(path, {**data, "seen": "1"})
    assert again(invoice).amount_due == 7000


def test_some_of_a_lines_quantity_is_credited(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    lines = [
        {"description": "Chairs", "quantity": "4", "unit_price": "25"},
        {"description": "Delivery", "quantity": "1", "unit_price": "10"},
    ]
    invoice = factories.given_an_open_invoice(test_merchant, line_items=lines)
    chairs = f"quantity_{invoice.lines.get(description='Chairs').public_id}"
    path = f"invoices/{invoice.public_id}/credit/"
    assert "Of 4." in text_of(ada_browser.get(path))
    form = ada_browser.form(path)
    refused = ada_browser.post(path, form.data(**{chairs: "5"}))
    assert refused.status_code == 422
    assert f'id="id_{chairs}_error"' in refused.content.decode()
    assert "Must be at most what has not been credited yet, 4." in text_of(refused)
    both = ada_browser.post(path, form.data(**{chairs: "1", "amount": "1"}))
    assert both.status_code == 422 and "one or the other" in text_of(both)
    data = form.data(**{chairs: "1.5"})
    preview = ada_browser.post(path, data)
    assert "$37.50 is taken off what is due." in text_of(preview)
    assert f'type="hidden" name="{chairs}" value="1.5"' in preview.content.decode()
    ada_browser.post(path, {**data, "seen": "1"})
    note = CreditNote.objects.get()
    assert [(line["description"], line["amount"]) for line in note.lines] == [("Chairs", 3750)]
    assert again(invoice).amount_due == 7250
    shown = text_of(ada_browser.get(f"invoices/{invoice.public_id}/"))
    assert "Credit notes" in shown and note.number in shown


def test_a_notes_page_says_what_became_of_its_mail(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    recipient = {"name": "Cleo Payer", "email": "cleo@example.com"}
    invoice = factories.given_an_open_invoice(test_merchant, recipient=recipient)
    note = credit(test_merchant, invoice.public_id, CreditNoteInput())
    page = ada_browser.get(f"credit-notes/{note.public_id}/")
    assert 'id="mails"' in page.content.decode()
    assert "cleo@example.com" in text_of(page) and "Queued" in text_of(page)
    # The control: one that was not to be mailed.
    other = factories.given_an_open_invoice(test_merchant, recipient=recipient)
    quiet = credit(test_merchant, other.public_id, CreditNoteInput(send=False))
    page = ada_browser.get(f"credit-notes/{quiet.public_id}/")
    assert 'id="mails"' not in page.content.decode()


def test_anothers_note_is_not_there(ada_browser: Browser) -> None:
    for path in ("credit-notes/cn_1/", "credit-notes/cn_1/pdf/", "invoices/inv_1/credit/"):
        assert ada_browser.get(path).status_code == 404
