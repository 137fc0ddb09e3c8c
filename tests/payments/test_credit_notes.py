"""Credit notes: what they take off an invoice, what goes back, and what the books say."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invoicing.actions.invoices import void_invoice, write_off_invoice
from invoicing.errors import InvalidState, NotFound, ValidationFailed
from invoicing.fields import read
from invoicing.models import CreditNote, Invoice, Merchant
from invoicing.tasks import send_mails
from payments import credit_flow, flows, tasks
from payments.actions import pay as pay_actions
from payments.audit import audit
from payments.inputs import CreditNoteInput, MarkPaidInput, RefundInput
from tests.factories import (
    SILENT_THEN_PAID,
    again,
    balances,
    given_a_customer,
    given_a_draft,
    given_an_open_invoice,
    pay,
    start_paying,
    told,
    use_card,
)
from tests.fakes.smtp import MailServer
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db(transaction=True)
VAT = {"name": "VAT", "rate": "19"}


def credit(invoice: Invoice, **wanted: Any) -> CreditNote:
    return credit_flow.credit(invoice.merchant, invoice.public_id, read(CreditNoteInput, wanted))


def taxed(merchant: Merchant, **fields: Any) -> Invoice:
    """Three hours at 100.00 and a book at 50.00, 19 % VAT: 416.50."""
    lines = [
        {"description": "Hours", "quantity": "3", "unit_price": "100"},
        {"description": "Book", "unit_price": "50"},
    ]
    return given_an_open_invoice(merchant, line_items=lines, taxes=[VAT], **fields)


def test_it_lowers_what_is_due(test_merchant: Merchant) -> None:
    invoice = taxed(test_merchant)
    note = credit(invoice, amount="119", reason="order_change", memo="Two hours less")
    invoice = again(invoice)
    assert (note.number, note.number_value) == ("TEST-CN-0001", 1)
    assert (note.subtotal, note.tax, note.total, note.off_due) == (10000, 1900, 11900, 11900)
    assert note.to_give_back == 0 and not note.refunds.exists()
    assert (invoice.status, invoice.amount_credited, invoice.amount_due) == ("open", 11900, 29750)
    assert told(note) == ["credit_note.created"]
    assert note.seller_snapshot["name"] == test_merchant.name
    assert note.buyer_snapshot == invoice.buyer_snapshot


def test_nothing_left_to_ask_settles_it_without_money(test_merchant: Merchant) -> None:
    invoice = taxed(test_merchant)
    write_off_invoice(test_merchant, invoice.public_id)
    note = credit(invoice)
    invoice = again(invoice)
    assert (note.total, note.off_due) == (41650, 41650)
    assert (invoice.status, invoice.amount_paid, invoice.amount_due) == ("paid", 0, 0)
    assert told(invoice)[-1] == "invoice.paid"
    with pytest.raises(InvalidState, match="All of this invoice has been credited"):
        credit(invoice)


def test_what_had_been_paid_goes_back(test_merchant: Merchant) -> None:
    invoice = taxed(test_merchant)
    payment = pay(invoice)
    note = credit(invoice, amount="100")
    (refund,) = note.refunds.all()
    assert (refund.amount, refund.status, refund.destination) == (10000, "succeeded", "original")
    assert (note.off_due, again(invoice).amount_refunded) == (0, 10000)
    assert again(invoice).status == "paid"
    assert again(payment).amount_refunded == 10000


def test_it_lowers_what_is_due_first(test_merchant: Merchant) -> None:
    invoice = taxed(test_merchant, allow_partial=True)
    payment = pay(invoice, amount=40000)
    note = credit(invoice, amount="20")
    (refund,) = note.refunds.all()
    assert (note.off_due, note.to_give_back, refund.amount) == (1650, 350, 350)
    assert (again(invoice).status, again(payment).amount_refunded) == ("paid", 350)


def test_what_was_refunded_before_does_not_go_back_twice(test_merchant: Merchant) -> None:
    invoice = taxed(test_merchant)
    pay(invoice)
    flows.refund(test_merchant, invoice.public_id, RefundInput(amount=Decimal(30)))
    note = credit(invoice, amount="50")
    assert [refund.amount for refund in note.refunds.all()] == [2000]
    rest = credit(invoice)
    assert [refund.amount for refund in rest.refunds.all()] == [36650]
    assert again(invoice).amount_refunded == 41650


def test_it_may_become_credit_for_later(test_merchant: Merchant) -> None:
    customer = given_a_customer(test_merchant)
    invoice = taxed(test_merchant, customer_id=customer.public_id)
    pay(invoice)
    note = credit(invoice, destination="credit_balance")
    assert note.refunds.get().destination == "credit_balance"
    later = given_an_open_invoice(test_merchant, "16.50", customer_id=customer.public_id)
    assert later.status == "paid"


def test_cash_goes_back_by_hand(test_merchant: Merchant) -> None:
    invoice = taxed(test_merchant)
    payment = pay_actions.mark_paid(test_merchant, invoice.public_id, MarkPaidInput())
    note = credit(invoice, amount="16.50")
    assert note.refunds.get().destination == "manual"
    assert balances(payment.wallet) == {"external": 40000}


def test_lines(test_merchant: Merchant) -> None:
    invoice = taxed(test_merchant, discount={"percent": "10"})
    hours, book = invoice.lines.all()
    one = credit(invoice, line_items=[{"id": hours.public_id, "quantity": "1"}])
    assert (one.subtotal, one.discount, one.tax, one.total) == (10000, 1000, 1710, 10710)
    assert one.lines == [
        {
            "description": "Hours",
            "quantity": "1",
            "unit_price": "100",
            "discount": 0,
            "amount": 10000,
            "line_id": hours.public_id,
        }
    ]
    rest = credit(invoice)
    assert [(line["description"], line["quantity"]) for line in rest.lines] == [
        ("Hours", "2"),
        ("Book", "1"),
    ]
    assert (one.total + rest.total, one.tax + rest.tax) == (invoice.total, invoice.tax)
    assert again(invoice).status == "paid"
    assert book.quantity == 1


@pytest.mark.parametrize(
    ("wanted", "field", "says"),
    [
        ({"amount": "416.51"}, "amount", "must be at most what can still be credited, 416.50"),
        ({"amount": "0.001"}, "amount", "must have at most 2 decimal places"),
        ({"line_items": [{"id": "li_0"}]}, "line_items[0].id", "is no line of this invoice"),
        ({"hours": ["4"]}, "line_items[0].quantity", "must be at most what has not been credited"),
        ({"hours": ["1", "1"]}, "line_items[1].id", "is named twice"),
    ],
)
def test_too_much_is_refused(
    test_merchant: Merchant, wanted: dict[str, Any], field: str, says: str
) -> None:
    invoice = taxed(test_merchant)
    if hours := wanted.pop("hours", None):
        line = invoice.lines.all()[0].public_id
        wanted["line_items"] = [{"id": line, "quantity": quantity} for quantity in hours]
    with pytest.raises(ValidationFailed) as refused:
        credit(invoice, **wanted)
    assert refused.value.fields[0][0] == field
    assert refused.value.fields[0][1].startswith(says)
    assert not CreditNote.objects.exists()


def test_lines_are_capped_by_what_amounts_have_left(test_merchant: Merchant) -> None:
    invoice = taxed(test_merchant)
    credit(invoice, amount="400")
    note = credit(invoice, line_items=[{"id": invoice.lines.all()[0].public_id}])
    assert (note.total, again(invoice).status) == (1650, "paid")
    assert note.subtotal - note.discount + note.tax == note.total


def test_what_cannot_be_credited_says_why(test_merchant: Merchant, ben_merchant: Merchant) -> None:
    draft = given_a_draft(test_merchant)
    void = given_an_open_invoice(test_merchant)
    void_invoice(test_merchant, void.public_id)
    for invoice, why in ((draft, "a draft asks for nothing yet"), (void, "asks for nothing")):
        with pytest.raises(InvalidState, match=why):
            credit(invoice)
    under_way = taxed(test_merchant)
    use_card(start_paying(under_way), SILENT_THEN_PAID)
    tasks.apply_notices()
    tasks.look_at_payments()
    if again(under_way).status == "paying":
        with pytest.raises(InvalidState, match="is on its way"):
            credit(under_way)
    with pytest.raises(NotFound):
        credit_flow.credit(ben_merchant, void.public_id, CreditNoteInput())
    assert not CreditNote.objects.exists()


def test_a_credited_invoice_is_not_voided(test_merchant: Merchant) -> None:
    invoice = taxed(test_merchant)
    credit(invoice, amount="1")
    with pytest.raises(InvalidState, match="has been credited; credit the rest"):
        void_invoice(test_merchant, invoice.public_id)


def test_a_page_that_asks_for_too_much_is_closed(test_merchant: Merchant) -> None:
    invoice = taxed(test_merchant)
    waiting = start_paying(invoice)
    credit(invoice, amount="16.50")
    assert again(waiting).status == "canceled"
    assert start_paying(invoice).amount == 40000


def test_stripe_sends_it_back(stripe_account: Stripe, test_merchant: Merchant) -> None:
    payment = flows.start(given_an_open_invoice(test_merchant, "100.00").pk, "card")
    stripe_account.pay(payment)
    stripe_account.deliver()
    note = credit(payment.invoice, amount="40")
    stripe_account.deliver()
    refund = note.refunds.get()
    assert (refund.status, refund.amount) == ("succeeded", 4000)
    assert refund.provider_reference


def test_a_disputed_invoice_is_left_alone(stripe_account: Stripe, test_merchant: Merchant) -> None:
    payment = flows.start(given_an_open_invoice(test_merchant, "100.00").pk, "card")
    stripe_account.pay(payment)
    stripe_account.deliver()
    stripe_account.fake.control("disputes/open", session=payment.provider_reference)
    stripe_account.deliver()
    with pytest.raises(InvalidState, match="bank disputes a payment"):
        credit(payment.invoice, amount="1")
    dispute = payment.disputes.get()
    stripe_account.fake.control("disputes/lose", dispute=dispute.provider_reference)
    stripe_account.deliver()
    assert credit(payment.invoice).off_due == 10000


STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 10**5)), max_size=4)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    currency=st.sampled_from(["USD", "JPY", "KWD"]),
    behavior=st.sampled_from(["exclusive", "inclusive"]),
    discount=st.sampled_from([None, {"percent": "12.5"}, {"amount": "3"}]),
    prices=st.lists(st.integers(3, 999), min_size=1, max_size=3),
    paid=st.booleans(),
    steps=STEPS,
)
def test_all_notes_together_are_the_invoice(  # noqa: PLR0913 - drawn by name
    test_merchant: Merchant,
    currency: str,
    behavior: str,
    discount: dict[str, str] | None,
    prices: list[int],
    paid: bool,
    steps: list[tuple[bool, int]],
) -> None:
    lines = [
        {"description": f"Thing {price}", "quantity": "3", "unit_price": str(price)}
        for price in prices
    ]
    invoice = given_an_open_invoice(
        test_merchant,
        currency=currency,
        line_items=lines,
        taxes=[VAT, {"name": "City", "rate": "2.5"}],
        tax_behavior=behavior,
        discount=discount,
    )
    if paid:
        pay(invoice)
    places = {"USD": 2, "JPY": 0, "KWD": 3}[currency]
    for by_line, step in steps:
        left = invoice.total - sum(note.total for note in invoice.credit_notes.all())
        if left > 1:
            amount = Decimal(1 + step % (left - 1)).scaleb(-places)
            line = invoice.lines.all()[step % len(lines)]
            asked = {"line_items": [{"id": line.public_id, "quantity": "1"}]}
            try:
                credit(invoice, **(asked if by_line else {"amount": f"{amount:f}"}))
            except ValidationFailed:
                assert by_line
    if invoice.total > sum(note.total for note in invoice.credit_notes.all()):
        credit(invoice)
    notes = list(invoice.credit_notes.all())
    assert sum(note.total for note in notes) == invoice.total
    for place, tax in enumerate(invoice.taxes):
        parts = [row for note in notes for row in note.taxes if row["name"] == tax["name"]]
        assert sum(row["amount"] for row in parts) == tax["amount"], place
    for note in notes:
        added = sum(tax["amount"] for tax in note.taxes if not tax["inclusive"])
        assert note.subtotal == sum(line["amount"] for line in note.lines)
        assert note.total == note.subtotal - note.discount + added
        assert note.discount >= 0
    assert again(invoice).amount_refunded == (invoice.total if paid else 0)
    assert not audit()


@pytest.mark.tampers
@pytest.mark.parametrize(
    ("invariant", "says", "statement"),
    [
        ("I3", "credited", "UPDATE invoicing_invoice SET amount_credited = amount_credited + 1"),
        ("I3", "credited", "UPDATE invoicing_creditnote SET off_due = off_due - 1"),
        ("I4", "asks for", "UPDATE invoicing_creditnote SET total = 90000"),
        ("I4", "asks for", "UPDATE invoicing_creditnote SET tax = 6651"),
        ("I4", "back, its refunds", "UPDATE invoicing_creditnote SET total = total - 1"),
        ("I5", "numbers from", "UPDATE invoicing_creditnote SET number_value = 7"),
    ],
)
def test_the_auditor_sees_what_was_changed_by_hand(
    test_merchant: Merchant, invariant: str, says: str, statement: str
) -> None:
    invoice = taxed(test_merchant, allow_partial=True)
    pay(invoice, amount=40000)
    credit(invoice)
    assert not audit()
    with connection.cursor() as cursor:
        cursor.execute(statement)
    assert [found for found in audit() if found.invariant == invariant and says in found.message]


def test_it_is_mailed_with_its_document(test_merchant: Merchant, mail_server: MailServer) -> None:
    invoice = taxed(test_merchant, language="de", allow_partial=True)
    pay(invoice, amount=40000)
    note = credit(invoice, amount="20", memo="Entschuldigung")
    assert [mail.kind for mail in note.messages.all()] == ["credit_note"]
    send_mails()
    (mail,) = mail_server.mails
    assert mail["Subject"] == "Gutschrift TEST-CN-0001 von Ada's Engines"
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "hat 20,00\xa0$ von Rechnung TEST-0001 gutgeschrieben." in text
    assert "Entschuldigung" in text
    assert "Vom offenen Betrag abgezogen: 16,50\xa0$" in text
    assert "Vom Bezahlten zurückgegeben: 3,50\xa0$" in text
    (attachment,) = mail.iter_attachments()
    assert attachment.get_filename() == "TEST-CN-0001.pdf"
    assert attachment.get_content().startswith(b"%PDF-")


def test_it_need_not_be_mailed(test_merchant: Merchant) -> None:
    note = credit(taxed(test_merchant), amount="20", send=False)
    assert not note.messages.exists()


def test_a_refund_without_a_note_is_mailed(
    test_merchant: Merchant, mail_server: MailServer
) -> None:
    invoice = taxed(test_merchant)
    pay(invoice)
    flows.refund(test_merchant, invoice.public_id, RefundInput(amount=Decimal(30)))
    assert [mail.kind for mail in invoice.messages.order_by("pk")] == ["receipt", "refund"]
    send_mails()
    mail = mail_server.mails[-1]
    assert mail["Subject"] == "Refund for invoice TEST-0001 from Ada's Engines"
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "Ada's Engines has refunded $30.00 of invoice TEST-0001. It goes back the way" in text
    assert list(mail.iter_attachments()) == []
