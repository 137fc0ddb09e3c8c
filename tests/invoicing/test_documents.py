"""The invoice as a document, and the mails around it: what they say, to whom and how they look."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import segno
from babel.messages.pofile import read_po
from django.utils import timezone, translation
from pypdf import PdfReader

from invoicing import documents, letters, pdf
from invoicing.actions.invoices import finalize_invoice, void_invoice
from invoicing.actions.merchants import set_logo
from invoicing.documents import Address, InvoiceDocument, Line, Party, TaxLine
from invoicing.models import Customer, Invoice, Merchant
from invoicing.templatetags import money as written
from invoicing.templatetags.bidi import isolate
from tests import factories

pytestmark = pytest.mark.once

LOGO = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
PAY_AT = "https://pay.example.com/i/Jq2fN0vS8cTz5rWbXy7LkA"

ADA = Party(
    name="Ada’s Letterpress",
    legal_name="Lovelace Letterpress GmbH",
    address=Address("Oranienstraße 24", "Hof 3", "Berlin", "", "10999", "DE"),
    email="studio@ada.example",
    phone="+49 30 5550 1842",
    website="https://ada.example/",
    tax_ids=(("eu_vat", "DE811907980"),),
)
CLEO = Party(
    name="Cleo Marsh",
    address=Address("14 Lamb’s Conduit Street", "", "London", "", "WC1N 3LE", "GB"),
    email="cleo@example.com",
    tax_ids=(("gb_vat", "GB980780684"),),
)
INVOICE = InvoiceDocument(
    number="INV-0042",
    issued_on=date(2026, 5, 31),
    due_on=date(2026, 6, 30),
    purchase_order="PO-7781",
    title="Spring collection",
    memo="Proofs approved.",
    notes="Quote the number.",
    footer="HRB 198221",
    currency="EUR",
    seller=ADA,
    buyer=CLEO,
    lines=(
        Line("Invitations", Decimal(120), Decimal("4.85"), 57000, 1200, (Decimal(19),)),
        Line("Reference book", Decimal("2.5"), Decimal("34.005"), 8501, 0, (Decimal(7),)),
    ),
    subtotal=65501,
    discount=5000,
    taxes=(TaxLine("VAT", Decimal(19), 52649, 10003), TaxLine("VAT", Decimal(7), 7852, 550)),
    total=71054,
    amount_due=71054,
    payment_url=PAY_AT,
    brand_color="#2f5d50",
)


def pages_of(document: InvoiceDocument) -> list[str]:
    """The text of each page of the document's PDF, spaces evened out."""
    reader = PdfReader(BytesIO(pdf.render(documents.render_html(document))))
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def text_of(document: InvoiceDocument) -> str:
    return " ".join(pages_of(document))


# What stands on it


def test_an_invoice_says_everything_an_invoice_must() -> None:
    [page] = pages_of(INVOICE)
    for said in [
        "Invoice INV-0042",
        "Issued May 31, 2026",
        "Due Jun 30, 2026",
        "Purchase order PO-7781",
        # Who
        "Ada’s Letterpress Lovelace Letterpress GmbH Oranienstraße 24 Hof 3 10999 Berlin Germany",
        "studio@ada.example +49 30 5550 1842 ada.example VAT ID DE811907980",
        "Cleo Marsh 14 Lamb’s Conduit Street London WC1N 3LE United Kingdom",
        "VAT ID GB980780684",
        # What
        "Invitations Discount €12.00 120 €4.85 19% €570.00",
        "Reference book 2.5 €34.005 7% €85.01",
        # How much
        "Subtotal €655.01 Discount -€50.00",
        "VAT 19% on €526.49 €100.03 VAT 7% on €78.52 €5.50",
        "Amount due €710.54",
        "€710.54 due June 30, 2026",
        "Spring collection Proofs approved.",
        "Quote the number. HRB 198221",
        "Scan to pay pay.example.com/i/ Jq2fN0vS8cTz5rWbXy7LkA",
        "Lovelace Letterpress GmbH · INV-0042",
        "Page 1 of 1",
    ]:
        assert said in page


def test_what_an_invoice_lacks_leaves_no_empty_label() -> None:
    bare = InvoiceDocument(
        currency="JPY",
        seller=Party("Ada"),
        buyer=Party("", email="cleo@example.com"),
        lines=(Line("Print", Decimal(1), Decimal(850), 850),),
        subtotal=850,
        total=850,
        amount_due=850,
    )
    page = text_of(bare)
    for absent in ["Tax", "Discount", "Due ", "Issued", "Purchase", "Notes", "Scan", "Pay online"]:
        assert absent not in page
    assert "¥850 due" in page


def test_included_taxes_are_named_under_the_total_they_are_part_of() -> None:
    included = replace(
        INVOICE,
        discount=0,
        taxes=(TaxLine("VAT", Decimal(19), 55043, 10458, inclusive=True),),
        total=65501,
        amount_due=65501,
    )
    assert "Amount due €655.01 Includes VAT 19% on €550.43 €104.58" in text_of(included)


def test_money_received_before_is_taken_off_what_is_due() -> None:
    paid_partly = replace(INVOICE, amount_paid=10000, amount_due=61054)
    assert "Total €710.54 Paid -€100.00 Amount due €610.54" in text_of(paid_partly)


@pytest.mark.parametrize(
    ("category", "note"),
    [
        ("AE", "Reverse charge: the customer accounts for the tax."),
        ("E", "Exempt from tax."),
        ("G", "Export, exempt from tax."),
        ("K", "Intra-Community supply, exempt from VAT."),
        ("O", "Outside the scope of tax."),
    ],
)
def test_where_no_tax_is_charged_the_reason_is_given_once(category: str, note: str) -> None:
    none = TaxLine("VAT", Decimal(0), 30000, 0, category=category)
    assert text_of(replace(INVOICE, taxes=(none, none))).count(note) == 1
    assert note not in text_of(INVOICE)


def test_a_tax_without_a_name_is_called_tax() -> None:
    assert "Tax 7.25% on €1.00 €0.07" in text_of(
        replace(INVOICE, taxes=(TaxLine("", Decimal("7.25"), 100, 7),))
    )


@pytest.mark.parametrize(
    ("address", "lines"),
    [
        (Address("410 Terry Ave", "", "Seattle", "WA", "98109", "US"), "Seattle, WA 98109"),
        (Address("1 High St", "", "Leeds", "", "LS1 1AA", "GB"), "Leeds LS1 1AA"),
        (Address("Rue 1", "", "Paris", "", "75001", "FR"), "75001 Paris"),
        (Address("Via Roma", "", "Torino", "TO", "10121", "IT"), "10121 Torino, TO"),
        (Address("x", "", "Nowhere", "", "", ""), "Nowhere"),
        (Address("x", "", "", "Ohio", "", "US"), "Ohio"),
    ],
)
def test_addresses_read_as_their_country_writes_them(address: Address, lines: str) -> None:
    assert address.lines(written.locale_of("en"))[1] == lines


@pytest.mark.parametrize(
    ("kind", "label"),
    [("eu_vat", "VAT ID"), ("us_ein", "EIN"), ("au_abn", "ABN"), ("vat", "VAT ID"), ("x", "X")],
)
def test_tax_ids_are_called_by_their_names(kind: str, label: str) -> None:
    assert Party("Ada", tax_ids=((kind, "1"),)).labelled_tax_ids == [(label, "1")]


# How it looks


@pytest.mark.parametrize(
    ("paper", "width", "height"), [("A4", 595.3, 841.9), ("Letter", 612.0, 792.0)]
)
def test_the_paper_is_the_merchants(paper: str, width: float, height: float) -> None:
    content = pdf.render(documents.render_html(replace(INVOICE, paper=paper)))
    box = PdfReader(BytesIO(content)).pages[0].mediabox
    assert (float(box.width), float(box.height)) == pytest.approx((width, height), abs=0.1)


def test_sixty_lines_span_pages_that_each_say_what_they_are() -> None:
    lines = tuple(
        Line(f"Run {run:02d}", Decimal(1), Decimal(5), 500, 0, (Decimal(19),)) for run in range(60)
    )
    pages = pages_of(replace(INVOICE, lines=lines))
    assert len(pages) == 3
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of 3" in page
        assert "Lovelace Letterpress GmbH · INV-0042" in page
        assert "Description Quantity Unit price Tax Amount" in page
        assert "Run" in page
    runs = re.findall(r"Run (\d\d)", " ".join(pages))
    assert runs == [f"{run:02d}" for run in range(60)]


@pytest.mark.parametrize("count", range(20, 26))
def test_the_totals_never_stand_alone_or_apart(count: int) -> None:
    lines = tuple(Line(f"Run {run:02d}", Decimal(1), Decimal(5), 500) for run in range(count))
    last = pages_of(replace(INVOICE, lines=lines))
    [page] = [page for page in last if "Amount due" in page]
    assert "Subtotal" in page
    assert f"Run {count - 1:02d}" in page


def test_figures_too_wide_for_the_page_shrink_and_leave_room_for_words() -> None:
    widest = Line(
        "Words",
        quantity=Decimal("999999999.123456"),
        unit_price=Decimal("9999999.123456789012"),
        amount=10**15,
        tax_rates=(Decimal("19.123456"),),
    )
    columns = documents._columns(replace(INVOICE, lines=(widest,), total=10**15))
    names = ["quantity", "price", "tax", "amount"]
    assert sum(float(columns[name][:-2]) for name in names) <= documents.FIGURES_WIDTH + 0.3
    assert float(columns["type"][:-2]) < 9
    assert documents._columns(INVOICE)["type"] == "9.00pt"


@pytest.mark.parametrize(
    ("color", "shown"),
    [
        ("#2f5d50", "#2f5d50"),
        ("#767676", "#767676"),
        ("#777777", documents.INK),
        ("#ffe14d", documents.INK),
        ("#FFFFFF", documents.INK),
        ("", documents.INK),
        ("red", documents.INK),
        ("#fff; } body { color: red", documents.INK),
    ],
)
def test_a_brand_colour_too_light_to_read_gives_way_to_ink(color: str, shown: str) -> None:
    assert documents.readable(color) == shown
    html = documents.render_html(replace(INVOICE, brand_color=color))
    assert f"solid {shown}" in html
    assert "body { color: red" not in html


def test_the_code_to_scan_is_the_payment_address() -> None:
    code = segno.make(PAY_AT, micro=False, error="m")
    html = documents.render_html(INVOICE)
    assert code.svg_data_uri(border=0, dark=documents.INK) in html
    assert f'href="{PAY_AT}"' in html


def test_a_logo_takes_the_place_of_the_name_in_the_masthead() -> None:
    html = documents.render_html(replace(INVOICE, logo=LOGO))
    assert f'<img class="logo" src="{LOGO}" alt="Ada’s Letterpress">' in html
    assert b"/Image" in pdf.render(html)


def test_a_draft_and_a_void_invoice_carry_their_mark() -> None:
    draft = text_of(replace(INVOICE, status="draft", number="", issued_on=None, payment_url=""))
    assert "Draft" in draft
    assert "Scan to pay" not in draft
    void = text_of(replace(INVOICE, status="void", amount_due=0, payment_url=""))
    assert "Void: nothing is owed." in void
    assert "Total €710.54" in void
    assert "Amount due" not in void
    assert "Void" not in text_of(INVOICE)
    assert "Draft" not in text_of(INVOICE)


def test_nothing_a_user_wrote_is_taken_for_markup_or_code() -> None:
    nasty = (
        "</style><script>alert(1)</script><img src=file:///etc/passwd>{{ 7|add:7 }}{% now 'Y' %}"
    )
    party = Party(nasty, nasty, Address(nasty, nasty, nasty, nasty, nasty, nasty), nasty, nasty)
    html = documents.render_html(
        replace(
            INVOICE,
            seller=replace(party, website=nasty, tax_ids=((nasty, nasty),)),
            buyer=party,
            lines=(Line(nasty, Decimal(1), Decimal(1), 100),),
            taxes=(TaxLine(nasty, Decimal(1), 1, 1), TaxLine(nasty, Decimal(1), 1, 1, True)),
            **dict.fromkeys(["number", "title", "memo", "notes", "footer"], nasty),
            **dict.fromkeys(["purchase_order", "payment_url", "logo", "brand_color"], nasty),
        )
    )
    assert "<script" not in html
    assert "<img src=file" not in html
    assert html.count("</style>") == 1
    assert "{{ 7|add:7 }}" in html
    assert "{% now" in html


# In every language


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", ["Rechnung", "Fällig 30.06.2026", "710,54 € fällig am 30. Juni 2026", "USt-IdNr."]),
        ("fr", ["Facture", "Échéance 30 juin 2026", "Montant dû 710,54 €", "Allemagne"]),
        ("es", ["Factura", "Vencimiento 30 jun 2026", "Importe a pagar 710,54 €", "Alemania"]),
        ("ja", ["2026/06/30", "ドイツ"]),
        ("zh-hans", ["2026年6月30日", "德国"]),
    ],
)
def test_the_document_speaks_the_payers_language(language: str, said: list[str]) -> None:
    with translation.override("en"):
        page = text_of(replace(INVOICE, language=language)).replace("\u202f", " ")
    for words in said:
        assert words in page.replace("\u00a0", " ")


def test_arabic_and_hebrew_run_from_right_to_left() -> None:
    for language in ["ar", "he"]:
        html = documents.render_html(replace(INVOICE, language=language))
        assert f'<html lang="{language}" dir="rtl">' in html
        assert "\u206814 Lamb’s Conduit Street\u2069" in html
    html = documents.render_html(INVOICE)
    assert '<html lang="en" dir="ltr">' in html
    assert "\u2068" not in html


def test_every_line_of_a_text_keeps_its_own_direction() -> None:
    with translation.override("he"):
        assert isolate("one\n\nשתיים") == "\u2068one\u2069\n\n\u2068שתיים\u2069"
    with translation.override("en"):
        assert isolate("one\n\nשתיים") == "one\n\nשתיים"


@pytest.mark.parametrize(
    ("language", "font"),
    [("ja", "JP"), ("zh-hans", "SC"), ("zh-hant", "TC"), ("ko", "KR"), ("de", "SC")],
)
def test_han_characters_look_as_the_language_draws_them(language: str, font: str) -> None:
    content = pdf.render(documents.render_html(replace(INVOICE, language=language, title="直骨")))
    fonts = {
        str(font["/BaseFont"])
        for page in PdfReader(BytesIO(content)).pages
        for font in (one.get_object() for one in page["/Resources"]["/Font"].values())
    }
    assert [name for name in fonts if "CJK" in name] == [
        name for name in fonts if f"CJK-{font}" in name
    ]
    assert any(f"CJK-{font}" in name for name in fonts)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["€1,234.50", "$0.00005", "1,234.5", "19.5%", "June 3, 2026", "Jun 3, 2026"]),
        ("de", ["1.234,50 €", "0,00005 $", "1.234,5", "19,5 %", "3. Juni 2026", "03.06.2026"]),
        ("fr", ["1 234,50 €", "0,00005 $US", "1 234,5", "19,5 %", "3 juin 2026", "3 juin 2026"]),
        ("ja", ["€1,234.50", "$0.00005", "1,234.5", "19.5%", "2026年6月3日", "2026/06/03"]),
        (
            "zh-hans",
            ["€1,234.50", "US$0.00005", "1,234.5", "19.5%", "2026年6月3日", "2026年6月3日"],
        ),
        ("xx", ["€1,234.50", "$0.00005", "1,234.5", "19.5%", "June 3, 2026", "Jun 3, 2026"]),
    ],
)
def test_figures_and_dates_are_written_as_the_language_does(
    language: str, expected: list[str]
) -> None:
    day = date(2026, 6, 3)
    with translation.override(language):
        shown = [
            written.money(123450, "EUR"),
            written.price(Decimal("0.00005"), "USD"),
            written.quantity(Decimal("1234.500")),
            written.rate(Decimal("19.50")),
            written.long_date(day),
            written.short_date(day),
        ]
    assert [text.replace("\u00a0", " ").replace("\u202f", " ") for text in shown] == expected


def test_an_instant_is_shown_on_the_day_it_falls_on_here() -> None:
    late = datetime(2026, 6, 3, 23, 30, tzinfo=UTC)
    with timezone.override("Pacific/Auckland"):
        assert written.long_date(late) == "June 4, 2026"
        assert written.moment(late).startswith("Jun 4, 2026, 11:30:00")
    assert written.long_date(late) == "June 3, 2026"
    assert (written.long_date(None), written.short_date(None), written.moment(None)) == ("", "", "")


def test_negative_amounts_keep_their_sign_on_the_left_in_every_direction() -> None:
    with translation.override("ar"):
        assert written.money(-5000, "EUR") == "\u200f\u200e-50.00\u00a0€"
        # And a sign of letters and a mark stays in one piece.
        assert written.money(5000, "USD") == "\u200f50.00\u00a0\u2066US$\u2069"
    with translation.override("en"):
        assert written.money(-5000, "EUR") == "-€50.00"


@pytest.mark.parametrize("language", ["de", "fr", "es"])
def test_documents_and_mails_are_translated_whole(language: str) -> None:
    path = Path(__file__).parents[2] / f"locale/{language}/LC_MESSAGES/django.po"
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    ours = [
        message
        for message in catalogue
        if any(
            place.startswith(("templates/documents/", "templates/mails/", "invoicing/documents.py"))
            for place, _ in message.locations
        )
    ]
    assert len(ours) > 60
    for message in ours:
        originals = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        for string in strings:
            assert string, f"{message.id!r} is not translated"
            assert not message.fuzzy
            names = [sorted(re.findall(r"%\(\w+\)s", text)) for text in (originals[-1], string)]
            assert names[0] == names[1]


# From the invoice


@pytest.fixture
def merchant(db: None) -> Merchant:
    return factories.given_a_merchant(name="Ada's Engines")


def change(row: Any, **fields: Any) -> None:
    type(row).objects.filter(pk=row.pk).update(**fields)


def document_of(invoice: Invoice) -> InvoiceDocument:
    return documents.document_of(factories.again(invoice))


def test_a_draft_shows_the_merchant_and_the_customer_as_they_are_now(merchant: Merchant) -> None:
    cleo = factories.given_a_customer(merchant, address={"city": "Leeds", "country": "GB"})
    draft = factories.given_a_draft(merchant, customer_id=cleo.public_id)
    change(merchant, legal_name="Engines Ltd", paper="Letter")
    change(cleo, address={"city": "York", "country": "GB"})
    document = document_of(draft)
    assert (document.status, document.number, document.issued_on) == ("draft", "", None)
    assert document.seller.legal_name == "Engines Ltd"
    assert document.paper == "Letter"
    assert document.buyer.address.city == "York"
    assert document.payment_url == ""


def test_an_issued_invoice_shows_both_sides_as_they_were(merchant: Merchant) -> None:
    tax_ids = [{"type": "gb_vat", "value": "GB1"}]
    cleo = factories.given_a_customer(merchant, tax_ids=tax_ids, address={"city": "Leeds"})
    change(merchant, legal_name="Engines Ltd", tax_ids=[{"type": "eu_vat", "value": "DE1"}])
    set_logo(merchant, LOGO)
    draft = factories.given_a_draft(factories.again(merchant), customer_id=cleo.public_id)
    invoice = finalize_invoice(factories.again(merchant), draft.public_id)
    before = documents.render_html(document_of(invoice))
    change(merchant, legal_name="Other Ltd", tax_ids=[], brand_color="#000000", paper="Letter")
    change(merchant, timezone="Pacific/Auckland", language="de", footer="x")
    set_logo(merchant, "")
    change(cleo, name="Somebody", tax_ids=[], address={}, language="fr")
    after = documents.render_html(document_of(invoice))
    assert after == before
    assert LOGO in after
    assert "Engines Ltd" in after
    assert "GB1" in after
    assert "Leeds" in after


def test_an_issued_invoice_is_the_same_page_after_it_is_paid(merchant: Merchant) -> None:
    invoice = factories.given_an_open_invoice(merchant)
    before = documents.render_html(document_of(invoice))
    factories.pay(invoice)
    paid = factories.again(invoice)
    assert paid.status == "paid"
    assert documents.render_html(documents.document_of(paid)) == before


def test_voiding_marks_the_page_and_asks_for_nothing(merchant: Merchant) -> None:
    invoice = factories.given_an_open_invoice(merchant)
    assert document_of(invoice).amount_due == 10000
    void_invoice(merchant, invoice.public_id)
    document = document_of(invoice)
    assert (document.status, document.amount_due, document.total) == ("void", 0, 10000)
    assert document.payment_url == ""
    assert document.number == invoice.number


def test_days_are_the_merchants_days(merchant: Merchant) -> None:
    change(merchant, timezone="Pacific/Auckland")
    invoice = factories.given_an_open_invoice(factories.again(merchant))
    change(invoice, finalized_at=datetime(2026, 6, 3, 13, tzinfo=UTC))
    change(invoice, due_at=datetime(2026, 6, 30, 11, tzinfo=UTC))
    document = document_of(invoice)
    assert (document.issued_on, document.due_on) == (date(2026, 6, 4), date(2026, 6, 30))


def test_lines_discounts_and_taxes_are_the_invoices(merchant: Merchant) -> None:
    invoice = factories.given_an_open_invoice(
        merchant,
        line_items=[
            {
                "description": "Work",
                "quantity": "2.5",
                "unit_price": "40.005",
                "discount": {"percent": "10"},
                "taxes": [{"rate": "19", "name": "VAT"}],
            }
        ],
        purchase_order="PO-1",
        memo="M",
        notes="N",
        title="T",
    )
    document = document_of(invoice)
    assert document.lines == (
        Line("Work", Decimal("2.5"), Decimal("40.005"), 9001, 1000, (Decimal(19),)),
    )
    assert document.taxes == (TaxLine("VAT", Decimal(19), 9001, 1710),)
    assert (document.subtotal, document.total, document.amount_due) == (9001, 10711, 10711)
    assert (document.purchase_order, document.memo, document.notes) == ("PO-1", "M", "N")
    assert document.payment_url.endswith(f"/i/{invoice.slug}")
    assert f"Invoice {invoice.number}" in text_of(document)


@pytest.mark.parametrize(
    ("invoices", "customers", "merchants", "spoken"),
    [("fr", "de", "es", "fr"), ("", "de", "es", "de"), ("", "", "es", "es"), ("", "", "", "en")],
)
def test_the_language_is_the_invoices_then_the_customers_then_the_merchants(
    merchant: Merchant, invoices: str, customers: str, merchants: str, spoken: str
) -> None:
    cleo: Customer = factories.given_a_customer(merchant)
    draft = factories.given_a_draft(merchant, customer_id=cleo.public_id)
    change(merchant, language=merchants)
    change(cleo, language=customers)
    change(draft, language=invoices)
    assert document_of(draft).language == spoken


# Mails

ABOUT: dict[str, dict[str, Any]] = {
    "invoice": {
        "merchant_name": "Ada’s Letterpress",
        "brand_color": "#2f5d50",
        "recipient_name": "Cleo Marsh",
        "number": "INV-0042",
        "currency": "EUR",
        "total": 71054,
        "amount_due": 71054,
        "due_on": date(2026, 6, 30),
        "title": "Spring collection",
        "message": "A joy to print.\n\nAda",
        "lines": INVOICE.lines,
        "payment_url": PAY_AT,
        "portal_url": "https://pay.example.com/portal/mer_1/",
        "document": INVOICE,
    },
    "dispute": {
        "merchant_name": "Ada’s Letterpress",
        "number": "INV-0042",
        "amount": 11900,
        "currency": "USD",
        "reason": "product not received",
        "status": "needs_response",
        "answer_by": datetime(2026, 3, 9, 23, 59, tzinfo=UTC),
        "url": "https://pay.example.com/dashboard/disputes/dis_1/",
    },
    "webhook_disabled": {
        "merchant_name": "Ada’s Letterpress",
        "endpoint_url": "https://shop.example/hook?a=1&b=2",
        "reason": "500 Internal Server Error",
        "url": "https://pay.example.com/dashboard/webhooks/we_1/",
    },
    "invitation": {
        "account_name": "Ada’s Letterpress",
        "inviter_name": "Ada Lovelace",
        "role": "Accountant",
        "url": "https://pay.example.com/dashboard/team/join/abc/",
        "days": 7,
    },
}
ABOUT["receipt"] = {
    **ABOUT["invoice"],
    "amount_paid": 71054,
    "paid_on": date(2026, 6, 1),
    "period": None,
}
ABOUT["credit_note"] = {**ABOUT["invoice"], "number": "CN-0007", "invoice_number": "INV-0042"}
ABOUT["charge_failed"] = ABOUT["charge_given_up"] = {
    **ABOUT["invoice"],
    "description": "Membership",
    "method": {"brand": "visa", "last4": "4242"},
    "retry_on": date(2026, 12, 2),
    "why": "declined",
    "needs_payer": False,
    "can_be_paid": True,
    "schedule": "past_due",
}
ABOUT["reminder"] = {
    **ABOUT["invoice"],
    "tone": "after",
    "days": 7,
    "late_fees": [{"number": "INV-0043", "amount": 500, "url": "https://pay.example.com/i/fee"}],
    "stop_url": "https://pay.example.com/stop/abc",
}
ABOUT["answer"] = {**ABOUT["invoice"], "question": "Which week?", "answer": "The last of May."}
ABOUT["question"] = {
    "merchant_name": "Ada’s Letterpress",
    "number": "INV-0042",
    "question": "Which week is this for?",
    "asked_by": "Cleo Marsh",
    "url": "https://pay.example.com/dashboard/questions/inq_1/",
}
ABOUT["claim"] = {
    "merchant_name": "Ada’s Letterpress",
    "number": "INV-0042",
    "asked_by": "Cleo Marsh",
    "address": "0x8ba1f109551bD432803012645Ac136ddd64DBA72",
    "chain": "Base",
    "note": "Sent twice by mistake.",
    "url": "https://pay.example.com/dashboard/invoices/inv_1/",
}
ABOUT["approval"] = {
    "merchant_name": "Ada’s Letterpress",
    "bot_name": "Refund agent",
    "tool": "refund invoice",
    "amount": 6000,
    "currency": "EUR",
    "payee": "Cleo Marsh, INV-0042",
    "subject_url": "https://pay.example.com/dashboard/invoices/inv_1/",
    "purpose": "The wrong paper.",
    "until": date(2026, 6, 8),
    "livemode": True,
    "url": "https://pay.example.com/dashboard/approvals/mail/abc/",
}
ABOUT["portal_link"] = {
    "merchant_name": "Ada’s Letterpress",
    "brand_color": "#2f5d50",
    "minutes": 30,
    "url": "https://pay.example.com/portal/mer_1/open/abc/",
}
# As much of a statement as its mail tells, whose room is above this one.
ABOUT["statement"] = {
    "merchant_name": "Ada’s Letterpress",
    "brand_color": "#2f5d50",
    "statement": {
        "period": {"first": date(2026, 3, 1), "last": date(2026, 3, 31)},
        "accounts": [
            {"currency": "EUR", "before": 0, "billed": 71054, "paid": 71054, "after": 0}
            | {"credited": 0, "refunded": 0, "entries": []}
        ],
    },
    "url": "https://pay.example.com/portal/mer_1/statement/",
}
ABOUT["refund"] = {**ABOUT["invoice"], "amount": 3000, "destination": "original"}


def test_the_invoice_mail_says_in_text_what_it_says_in_html() -> None:
    mail = letters.render_mail("invoice", ABOUT["invoice"], "en")
    assert mail.subject == "Invoice INV-0042 from Ada’s Letterpress"
    for said in [
        "Hello Cleo Marsh,",
        "A joy to print.",
        "INV-0042",
        "June 30, 2026",
        "€710.54",
        "Invitations",
        "€570.00",
        "-€50.00",
        "€100.03",
        PAY_AT,
        "The invoice is attached as a PDF.",
        "studio@ada.example",
    ]:
        assert said in mail.text
        assert said in mail.html
    assert f'<a href="{PAY_AT}" style=' in mail.html
    assert "background-color:#2f5d50" in mail.html


def test_the_receipt_says_what_was_paid_and_when() -> None:
    mail = letters.render_mail("receipt", ABOUT["receipt"], "en")
    assert mail.subject == "Receipt for invoice INV-0042 from Ada’s Letterpress"
    for body in (mail.text, mail.html):
        assert "Ada’s Letterpress has received your payment." in body
        assert "€710.54" in body
        assert "June 1, 2026" in body
        assert PAY_AT in body


def test_the_other_mails_say_who_what_and_where() -> None:
    disabled = letters.render_mail("webhook_disabled", ABOUT["webhook_disabled"], "en")
    assert disabled.subject == "Webhooks to https://shop.example/hook?a=1&b=2 are switched off"
    assert "500 Internal Server Error" in disabled.text
    assert "https://shop.example/hook?a=1&b=2" in disabled.text
    assert "https://shop.example/hook?a=1&amp;b=2" in disabled.html
    invitation = letters.render_mail("invitation", ABOUT["invitation"], "en")
    assert invitation.subject == "Ada Lovelace invites you to Ada’s Letterpress on Billhook"
    assert "The link works for 7 days." in invitation.text
    assert "The link works for 1 day." in (
        letters.render_mail("invitation", {**ABOUT["invitation"], "days": 1}, "en").text
    )


@pytest.mark.parametrize("kind", letters.MAILS)
def test_a_mail_that_lacks_something_is_refused_by_name(kind: str) -> None:
    for name in letters.MAILS[kind]:
        lacking = {key: value for key, value in ABOUT[kind].items() if key != name}
        with pytest.raises(KeyError, match=name):
            letters.render_mail(kind, lacking, "en")


@pytest.mark.parametrize("kind", letters.MAILS)
@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "ar"])
def test_every_mail_reads_well_in_every_language(kind: str, language: str) -> None:
    mail = letters.render_mail(kind, ABOUT[kind], language)
    assert mail.subject
    assert "\n" not in mail.subject
    assert "\n\n\n" not in mail.text
    assert not mail.text.startswith((" ", "\n"))
    assert mail.text.endswith("\n")
    assert "&" not in re.sub(r"\S+://\S+", "", mail.text)
    direction = "rtl" if language == "ar" else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in mail.html
    assert '<meta name="color-scheme" content="light dark">' in mail.html
    assert "<script" not in mail.html
    assert "src=" not in mail.html


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Invoice: INV-"),
        ("fr", "Facture\u202f: INV-"),
        ("ja", "：INV-"),
        ("de", "Rechnung: "),
    ],
)
def test_a_colon_stands_as_the_language_sets_it(language: str, said: str) -> None:
    for kind in ("invoice", "receipt"):
        assert said in letters.render_mail(kind, ABOUT[kind], language).text


def test_names_cannot_add_headers_or_markup() -> None:
    nasty = "Ada\r\nBcc: ben@example.com\u2028\u202e\x00<b>&{{ 7 }}"
    about = {**ABOUT["invoice"], "merchant_name": nasty, "recipient_name": nasty, "message": nasty}
    mail = letters.render_mail("invoice", about, "en")
    assert mail.subject == "Invoice INV-0042 from Ada Bcc: ben@example.com <b>&{{ 7 }}"
    assert "<b>" not in mail.html
    assert "<b>&{{ 7 }}" in mail.text
    assert len(letters.render_mail("invoice", {**about, "number": "9" * 999}, "en").subject) == 250
