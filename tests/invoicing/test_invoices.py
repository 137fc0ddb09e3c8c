"""An invoice's life by its verbs: drafted, changed, issued, sent, seen, closed."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoicing import drafts, representations
from invoicing.actions import customers, invoices, merchants
from invoicing.errors import InvalidState, NotFound, ValidationFailed
from invoicing.inputs import (
    CustomerChanges,
    InvoiceChanges,
    InvoiceInput,
    MerchantChanges,
    read,
)
from invoicing.models import Customer, Event, Invoice, LineItem, Merchant
from payments.actions.wallets import create_wallet
from payments.inputs import WalletInput
from tests import factories
from tests.factories import (
    again,
    given_a_customer,
    given_a_draft,
    given_an_open_invoice,
    let_pass,
    told,
    work,
)


def change(merchant: Merchant, invoice: Invoice, **fields: Any) -> Invoice:
    return invoices.update_invoice(merchant, invoice.public_id, read(InvoiceChanges, fields))


def refusal(merchant: Merchant, **fields: Any) -> tuple[str, str]:
    with pytest.raises(ValidationFailed) as refused:
        given_a_draft(merchant, **fields)
    return refused.value.fields[0]


# Drafts


def test_a_draft_keeps_what_was_asked_for_and_what_it_adds_up_to(test_merchant: Merchant) -> None:
    draft = given_a_draft(
        test_merchant,
        currency="EUR",
        line_items=[
            {"description": "Hours", "quantity": "2.5", "unit_price": "33.333"},
            {
                "description": "Requests",
                "quantity": "1234567",
                "unit_price": "0.000042",
                "discount": {"percent": "10"},
                "taxes": [{"rate": "7", "name": "VAT"}],
            },
        ],
        tax_rate="19",
        discount={"amount": "3.00"},
        metadata={"order": 7},
    )
    kept = again(draft)
    hours, requests = kept.lines.all()
    assert (hours.quantity, hours.unit_price, hours.amount) == (
        Decimal("2.5"),
        Decimal("33.333"),
        8333,
    )
    assert (requests.discount, requests.amount) == (519, 4666)
    assert (requests.discount_percent, requests.discount_amount) == (Decimal(10), None)
    assert (kept.subtotal, kept.discount, kept.discount_amount) == (12999, 300, 300)
    # 19 % of 83.33 − 1.92 and 7 % of 46.66 − 1.08.
    assert [(tax["rate"], tax["base"], tax["amount"]) for tax in kept.taxes] == [
        ("19", 8141, 1547),
        ("7", 4558, 319),
    ]
    assert (kept.tax, kept.total) == (1866, 14565)
    assert (kept.status, kept.number, kept.metadata) == ("draft", None, {"order": 7})
    assert told(kept) == ["invoice.created"]


@pytest.mark.parametrize(
    ("currency", "price", "total"),
    [("JPY", "1250", 1250), ("USD", "12.34", 1234), ("BHD", "1.234", 1234)]
    + [("USDC", "1.000001", 1_000_001), ("BTC", "0.00000001", 1)],
)
def test_an_invoice_may_be_in_any_asset(
    currency: str, price: str, total: int, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant, price, currency=currency)
    assert again(invoice).total == total
    assert representations.invoice(again(invoice))["total"] == price


def test_a_preview_says_what_a_save_does_and_saves_nothing(test_merchant: Merchant) -> None:
    asked = {
        "currency": "EUR",
        "line_items": [{"description": "Work", "quantity": "3", "unit_price": "9.99"}],
        "taxes": [{"rate": "19", "name": "VAT"}],
        "tax_behavior": "inclusive",
    }
    preview, lines = drafts.draft(test_merchant, read(InvoiceInput, asked))
    assert (Invoice.objects.count(), LineItem.objects.count(), Event.objects.count()) == (0, 0, 0)
    saved = invoices.create_invoice(test_merchant, read(InvoiceInput, asked))
    for name in ("subtotal", "discount", "tax", "taxes", "total"):
        assert getattr(preview, name) == getattr(saved, name)
    assert [line.amount for line in lines] == [line.amount for line in saved.lines.all()]


def test_a_change_touches_only_what_it_names(test_merchant: Merchant) -> None:
    draft = given_a_draft(
        test_merchant, "100", tax_rate="19", discount={"percent": "10"}, memo="Old", notes="Kept"
    )
    changed = again(change(test_merchant, draft, memo="New"))
    assert (changed.memo, changed.notes, changed.total) == ("New", "Kept", draft.total)
    assert [line.description for line in changed.lines.all()] == ["Work"]
    assert changed.lines.get().taxes == draft.lines.get().taxes
    assert told(draft) == ["invoice.created", "invoice.updated"]


def test_lines_are_replaced_whole_and_totals_follow(test_merchant: Merchant) -> None:
    draft = given_a_draft(test_merchant, "100", discount={"percent": "10"})
    lines = [{"description": "A", "unit_price": "1"}, {"description": "B", "unit_price": "2"}]
    changed = again(change(test_merchant, draft, line_items=lines))
    assert [line.description for line in changed.lines.all()] == ["A", "B"]
    assert (changed.subtotal, changed.discount, changed.total) == (300, 30, 270)
    assert LineItem.objects.count() == 2


def test_taxes_named_for_the_document_hold_for_the_lines_it_has(test_merchant: Merchant) -> None:
    draft = given_a_draft(test_merchant, "100", tax_rate="19")
    assert again(change(test_merchant, draft, tax_rate="7")).total == 10700
    assert again(change(test_merchant, draft, tax_behavior="inclusive", tax_rate="25")).tax == 2000
    assert again(change(test_merchant, draft, taxes=[])).total == 10000


@pytest.mark.parametrize("field", ["discount", "due_at", "customer_id", "wallet_id", "recipient"])
def test_null_takes_back_what_was_said(field: str, test_merchant: Merchant) -> None:
    customer = given_a_customer(test_merchant)
    wanted = {
        "discount": {"percent": "5"},
        "due_at": "2026-12-31",
        "customer_id": customer.public_id,
        "wallet_id": wallet_in(test_merchant, "USD"),
        "recipient": {"name": "Somebody", "email": "else@example.com"},
    }
    draft = given_a_draft(test_merchant, **wanted)
    blank = representations.invoice(given_a_draft(test_merchant, recipient=None))
    changed = representations.invoice(again(change(test_merchant, draft, **{field: None})))
    if field == "recipient":
        assert changed["recipient"]["email"] == "cleo@example.com"
    else:
        assert changed[field] == blank[field]


def test_lines_cannot_be_taken_away(test_merchant: Merchant) -> None:
    draft = given_a_draft(test_merchant)
    with pytest.raises(ValidationFailed, match="at least 1 item"):
        change(test_merchant, draft, line_items=None)
    assert draft.lines.count() == 1


def test_another_customers_draft_goes_to_that_customer(test_merchant: Merchant) -> None:
    cleo = given_a_customer(test_merchant)
    dora = given_a_customer(test_merchant, name="Dora", email="dora@example.com")
    draft = given_a_draft(test_merchant, customer_id=cleo.public_id)
    assert (draft.recipient_name, draft.recipient_email) == ("Cleo Payer", "cleo@example.com")
    changed = again(change(test_merchant, draft, customer_id=dora.public_id))
    assert (changed.recipient_name, changed.recipient_email) == ("Dora", "dora@example.com")
    named = change(
        test_merchant,
        draft,
        customer_id=cleo.public_id,
        recipient={"name": "Accounts", "email": "accounts@example.com"},
    )
    assert again(named).recipient_email == "accounts@example.com"


def test_a_corrected_address_reaches_the_drafts_and_not_the_issued(test_merchant: Merchant) -> None:
    cleo = given_a_customer(test_merchant, email="cloe@example.com")
    draft = given_a_draft(test_merchant, customer_id=cleo.public_id)
    named = given_a_draft(
        test_merchant, customer_id=cleo.public_id, recipient={"email": "accounts@example.com"}
    )
    issued = given_an_open_invoice(test_merchant, customer_id=cleo.public_id)
    corrected = read(CustomerChanges, {"email": "cleo@example.com", "name": "Cleo P."})
    customers.update_customer(test_merchant, cleo.public_id, corrected)
    assert (again(draft).recipient_email, again(draft).recipient_name) == (
        "cleo@example.com",
        "Cleo P.",
    )
    assert again(named).recipient_email == "accounts@example.com"
    assert again(issued).recipient_email == "cloe@example.com"
    assert again(issued).buyer_snapshot["name"] == "Cleo Payer"


def test_a_deleted_draft_is_gone_and_takes_no_number(test_merchant: Merchant) -> None:
    draft = given_a_draft(test_merchant)
    invoices.delete_invoice(test_merchant, draft.public_id)
    assert not Invoice.objects.exists()
    assert told(draft) == ["invoice.created", "invoice.deleted"]
    assert given_an_open_invoice(test_merchant).number == "TEST-0001"


# What does not fit together


def wallet_in(merchant: Merchant, currency: str) -> str:
    wanted = read(WalletInput, {"name": currency, "currency": currency})
    return create_wallet(merchant, wanted).public_id


def test_the_currency_is_the_one_named_or_the_wallets_or_the_customers_or_the_merchants(
    test_merchant: Merchant,
) -> None:
    customer = given_a_customer(test_merchant, currency="CHF").public_id
    wallet = wallet_in(test_merchant, "EUR")
    named = {"currency": None}
    assert given_a_draft(test_merchant, **named).currency == "USD"
    assert given_a_draft(test_merchant, **named, customer_id=customer).currency == "CHF"
    both = given_a_draft(test_merchant, **named, customer_id=customer, wallet_id=wallet)
    assert both.currency == "EUR"
    assert given_a_draft(test_merchant, currency="JPY", customer_id=customer).currency == "JPY"
    assert refusal(test_merchant, currency="JPY", wallet_id=wallet) == (
        "wallet_id",
        "holds EUR, the invoice is in JPY",
    )


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"amount": "1", "discount": {"amount": "1.01"}}, "discount.amount", "not be more than"),
        ({"currency": "JPY", "discount": {"amount": "0.5"}}, "discount.amount", "0 decimal places"),
        ({"expires_at": "2026-03-01"}, "expires_at", "in the future"),
        ({"amount": "10000000000001"}, "line_items[0].unit_price", "at most 1000000000000"),
        ({"amount": "1000000000000", "currency": "BTC"}, "line_items[0].unit_price", "larger than"),
    ],
)
def test_what_does_not_add_up_is_refused_naming_the_field(
    fields: dict[str, Any], field: str, reason: str, test_merchant: Merchant, clock: Any
) -> None:
    name, message = refusal(test_merchant, **fields)
    assert name == field
    assert reason in message
    assert not Invoice.objects.exists()


def test_another_merchants_customers_wallets_and_invoices_are_not_found(
    test_merchant: Merchant, live: Merchant, ben_merchant: Merchant
) -> None:
    customer = given_a_customer(test_merchant).public_id
    wallet = wallet_in(test_merchant, "USD")
    draft = given_a_draft(test_merchant)
    for stranger in (ben_merchant, live):
        for fields in ({"customer_id": customer}, {"wallet_id": wallet}):
            with pytest.raises(NotFound):
                given_a_draft(stranger, **fields)
        for reference in (draft.public_id, str(draft.uuid)):
            for verb in (
                invoices.delete_invoice,
                invoices.finalize_invoice,
                invoices.send_invoice,
                invoices.void_invoice,
                invoices.write_off_invoice,
            ):
                with pytest.raises(NotFound, match=reference):
                    verb(stranger, reference)
            with pytest.raises(NotFound):
                invoices.update_invoice(stranger, reference, read(InvoiceChanges, {"memo": "x"}))
    assert again(draft).updated_at == draft.updated_at


def test_a_finalized_number_is_found_only_by_its_merchant(
    test_merchant: Merchant, ben_merchant: Merchant
) -> None:
    mine, his = given_an_open_invoice(test_merchant), given_an_open_invoice(ben_merchant)
    assert mine.number == his.number == "TEST-0001"
    for merchant, invoice in ((test_merchant, mine), (ben_merchant, his)):
        for reference in ("TEST-0001", str(invoice.uuid), invoice.uuid.hex, invoice.public_id):
            assert merchant.invoices.referred_to(reference).get() == invoice


@pytest.mark.parametrize("reference", ["", "x", "inv_", "a\x00b", "é" * 300, str(uuid.UUID(int=0))])
def test_what_refers_to_nothing_finds_nothing(reference: str, test_merchant: Merchant) -> None:
    given_an_open_invoice(test_merchant)
    with pytest.raises(NotFound):
        invoices.void_invoice(test_merchant, reference)


def test_an_archived_customer_takes_no_new_invoices(test_merchant: Merchant) -> None:
    cleo = given_a_customer(test_merchant)
    given_a_draft(test_merchant, customer_id=cleo.public_id)
    kept = customers.delete_customer(test_merchant, cleo.public_id)
    assert kept is not None and kept.archived_at is not None
    assert refusal(test_merchant, customer_id=cleo.public_id)[1].startswith("is archived")
    customers.restore_customer(test_merchant, cleo.public_id)
    given_a_draft(test_merchant, customer_id=cleo.public_id)
    never_billed = given_a_customer(test_merchant)
    assert customers.delete_customer(test_merchant, never_billed.public_id) is None
    assert list(Customer.objects.all()) == [cleo]


# Issued


def test_an_issued_invoice_has_its_number_dates_and_both_sides_frozen(
    test_merchant: Merchant, clock: Any
) -> None:
    cleo = given_a_customer(test_merchant, tax_ids=[{"type": "eu_vat", "value": "DE1"}])
    invoice = again(given_an_open_invoice(test_merchant, customer_id=cleo.public_id))
    assert (invoice.status, invoice.number, invoice.number_value) == ("open", "TEST-0001", 1)
    assert invoice.finalized_at == clock.at
    assert invoice.due_at == clock.at + timedelta(days=30)
    assert invoice.seller_snapshot["name"] == "Ada's Engines"
    assert invoice.buyer_snapshot["tax_ids"] == [{"type": "eu_vat", "value": "DE1"}]
    assert told(invoice) == ["invoice.created", "invoice.finalized"]


def test_what_was_issued_stays_true_when_either_side_changes(test_merchant: Merchant) -> None:
    cleo = given_a_customer(test_merchant, address={"city": "Berlin", "country": "DE"})
    invoice = given_an_open_invoice(test_merchant, customer_id=cleo.public_id)
    before = again(invoice)
    merchants.update_merchant(test_merchant, read(MerchantChanges, {"name": "Ada & Co"}))
    customers.update_customer(
        test_merchant,
        cleo.public_id,
        read(CustomerChanges, {"name": "Cleopatra", "address": {"city": "Cairo"}}),
    )
    after = again(invoice)
    assert after.seller_snapshot == before.seller_snapshot
    assert after.buyer_snapshot == before.buyer_snapshot
    assert after.buyer_snapshot["address"]["city"] == "Berlin"
    assert after.recipient_name == "Cleo Payer"


def test_a_due_date_without_a_time_is_the_end_of_that_day_where_the_merchant_is(
    test_merchant: Merchant,
) -> None:
    there = merchants.update_merchant(
        test_merchant, read(MerchantChanges, {"timezone": "America/Los_Angeles", "due_days": 14})
    )
    invoice = given_an_open_invoice(there, due_at="2026-07-01")
    assert invoice.due_at == datetime(2026, 7, 2, 6, 59, 59, tzinfo=UTC)
    unnamed = given_an_open_invoice(there)
    assert unnamed.finalized_at is not None
    assert unnamed.due_at == unnamed.finalized_at + timedelta(days=14)


def test_an_invoice_over_nothing_is_paid_when_it_is_issued(test_merchant: Merchant) -> None:
    invoice = again(given_an_open_invoice(test_merchant, "50", discount={"percent": "100"}))
    assert (invoice.status, invoice.total, invoice.amount_due) == ("paid", 0, 0)
    assert invoice.paid_at == invoice.finalized_at
    assert told(invoice) == ["invoice.created", "invoice.finalized", "invoice.paid"]
    assert not invoice.payments.exists()


def test_a_draft_whose_window_has_passed_is_not_issued(test_merchant: Merchant, clock: Any) -> None:
    draft = given_a_draft(test_merchant, expires_at="2026-03-03")
    clock.move(days=3)
    with pytest.raises(ValidationFailed, match="expires_at: has passed"):
        invoices.finalize_invoice(test_merchant, draft.public_id)
    assert (again(draft).status, test_merchant.number_series.get(kind="invoice").last_value) == (
        "draft",
        0,
    )


# Sent and seen


def test_sending_a_draft_issues_it_and_queues_one_mail(test_merchant: Merchant) -> None:
    draft = given_a_draft(test_merchant)
    sent = again(invoices.send_invoice(test_merchant, draft.public_id))
    assert (sent.status, sent.number) == ("open", "TEST-0001")
    assert sent.sent_at is not None
    mail = sent.messages.get()
    assert (mail.kind, mail.repeat, mail.to, mail.status) == (
        "invoice",
        0,
        "cleo@example.com",
        "queued",
    )
    assert mail.attach_pdf is True
    assert told(sent) == ["invoice.created", "invoice.finalized", "invoice.sent"]


def test_sending_again_is_another_mail_and_keeps_when_it_was_first_sent(
    test_merchant: Merchant, clock: Any
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    first = invoices.send_invoice(test_merchant, invoice.public_id).sent_at
    clock.move(days=1)
    second = again(invoices.send_invoice(test_merchant, invoice.public_id))
    assert second.sent_at == first
    assert [mail.repeat for mail in second.messages.order_by("id")] == [0, 1]
    elsewhere = invoices.send_invoice(test_merchant, invoice.public_id, "dora@example.com")
    assert again(elsewhere).messages.order_by("id").last().to == "dora@example.com"


def test_the_same_mail_asked_for_within_a_minute_is_one(
    test_merchant: Merchant, clock: Any
) -> None:
    draft = given_a_draft(test_merchant)
    for _ in range(3):
        sent = invoices.send_invoice(test_merchant, draft.public_id)
    first = sent.messages.get()
    assert representations.sent_invoice(again(sent))["email_reason"] == "queued"
    assert told(sent).count("invoice.sent") == 1
    # One to somebody else is another mail, and so is one after a failure or after the minute.
    for address in ("dora@example.com", "cleo@example.com"):
        invoices.send_invoice(test_merchant, draft.public_id, address)
    addresses = [row.to for row in sent.messages.order_by("id")]
    assert addresses == [first.to, "dora@example.com", first.to]
    sent.messages.update(status="failed")
    invoices.send_invoice(test_merchant, draft.public_id)
    assert sent.messages.count() == 4
    clock.move(seconds=59)
    invoices.send_invoice(test_merchant, draft.public_id)
    assert sent.messages.count() == 4
    clock.move(seconds=1)
    invoices.send_invoice(test_merchant, draft.public_id)
    assert sent.messages.count() == 5


def test_without_an_address_it_is_marked_as_sent_and_nothing_is_mailed(
    test_merchant: Merchant,
) -> None:
    draft = given_a_draft(test_merchant, recipient={"name": "Cleo"})
    sent = again(invoices.send_invoice(test_merchant, draft.public_id))
    assert sent.sent_at is not None
    assert not sent.messages.exists()
    assert representations.invoice(sent)["email"] is None


def test_the_first_view_is_noted_once_and_a_drafts_never(
    test_merchant: Merchant, clock: Any
) -> None:
    draft = given_a_draft(test_merchant)
    assert invoices.record_view(draft.pk) is False
    invoice = given_an_open_invoice(test_merchant)
    first = clock.at
    assert invoices.record_view(invoice.pk) is True
    clock.move(hours=1)
    assert invoices.record_view(invoice.pk) is False
    assert again(invoice).viewed_at == first
    assert told(invoice).count("invoice.viewed") == 1
    assert again(draft).viewed_at is None


# Closed


def test_a_void_invoice_keeps_its_number_and_asks_for_nothing(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    void = again(invoices.void_invoice(test_merchant, "TEST-0001"))
    assert (void.status, void.number, void.amount_due) == ("void", "TEST-0001", 0)
    assert void.voided_at is not None
    assert given_an_open_invoice(test_merchant).number == "TEST-0002"
    assert told(invoice)[-1] == "invoice.voided"


def test_a_partly_paid_invoice_is_not_voided(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, "100", allow_partial=True)
    factories.pay(invoice, amount=4000)
    with pytest.raises(InvalidState, match="Part of this invoice has been paid"):
        invoices.void_invoice(test_merchant, invoice.public_id)
    assert again(invoice).status == "open"


def test_a_due_date_passes_on_the_merchants_clock(test_merchant: Merchant, live: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    other = given_an_open_invoice(live)
    let_pass(test_merchant, "29 23:59:00")
    work()
    assert again(invoice).overdue_at is None
    let_pass(test_merchant, "2 00:00:00")
    work()
    work()
    late = again(invoice)
    assert (late.status, late.is_overdue) == ("open", True)
    assert told(late).count("invoice.overdue") == 1
    assert again(other).overdue_at is None
    factories.pay(late)
    assert again(late).is_overdue is False


def test_a_payment_window_closes_on_the_merchants_clock(
    test_merchant: Merchant, clock: Any
) -> None:
    ends = clock.at + timedelta(hours=1)
    invoice = given_an_open_invoice(test_merchant, expires_at=ends.isoformat())
    let_pass(test_merchant, "00:59:59")
    work()
    assert again(invoice).status == "open"
    let_pass(test_merchant, "00:00:01")
    work()
    expired = again(invoice)
    assert (expired.status, expired.amount_due) == ("expired", 10000)
    assert told(expired)[-1] == "invoice.expired"


def test_a_written_off_invoice_still_says_what_was_owed(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    off = again(invoices.write_off_invoice(test_merchant, invoice.public_id))
    assert (off.status, off.amount_due) == ("uncollectible", 10000)
    assert told(off)[-1] == "invoice.uncollectible"
