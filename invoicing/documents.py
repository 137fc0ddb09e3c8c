"""What stands on a document, and how it reads: the page behind the PDF.

An issued invoice is shown from what was frozen when it was finalized, never from what the
merchant or the customer has become since. It asks for what was due then, so the same invoice
is the same document for ever; only voiding it puts a mark across it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from unicodedata import category, east_asian_width
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import segno
from babel import Locale
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from invoicing import languages
from invoicing.models import Invoice, LineItem, Logo, Merchant
from invoicing.models.invoice import Status
from invoicing.templatetags.money import language, locale_of, money, price, quantity, rate

INK = "#1b1f24"
PAGE_SIZES = {"A4": "A4", "Letter": "letter"}
# As in templates/documents/print.css, in points.
TYPE_SIZE, LABEL_SIZE, SUM_SIZE = 9, 8, 11.5
COLUMN_GAP = 16
# Two thirds of a page at most; the rest is the description's.
FIGURES_WIDTH = 320

# Han characters look different in each of these languages; elsewhere the first is a fair guess.
HAN_FONTS = {
    "zh-hans": "Noto Sans CJK SC",
    "zh-hant": "Noto Sans CJK TC",
    "zh-hk": "Noto Sans CJK HK",
    "ja": "Noto Sans CJK JP",
    "ko": "Noto Sans CJK KR",
}

# Where the postal code follows the town, with or without a state between them. Everywhere else
# it comes first.
CODE_LAST = frozenset({
    "AU", "BR", "CA", "CN", "GB", "HK", "ID", "IE", "IN", "JP", "KR", "MX", "NZ", "PH", "SA", "SG",
    "TH", "TW", "US", "ZA",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; `country` is an ISO 3166 code."""

    line1: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""

    def lines(self, locale: Locale) -> list[str]:
        """The address as envelopes of its country show it, the country named in `locale`."""
        if self.country in CODE_LAST:
            town = ", ".join(filter(None, [self.city, self.state]))
            town = " ".join(filter(None, [town, self.postal_code]))
        else:
            town = " ".join(filter(None, [self.postal_code, self.city]))
            town = ", ".join(filter(None, [town, self.state]))
        country = str(locale.territories.get(self.country, self.country))
        return [line for line in (self.line1, self.line2, town, country) if line]


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a document: who bills, or who is billed."""

    name: str
    legal_name: str = ""
    address: Address = field(default_factory=Address)
    email: str = ""
    phone: str = ""
    website: str = ""
    tax_ids: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, snapshot: Mapping[str, Any]) -> "Party":
        """The party that `snapshot_of_seller` or `snapshot_of_buyer` froze."""
        address = snapshot.get("address") or {}
        return cls(
            name=snapshot.get("name", ""),
            legal_name=snapshot.get("legal_name", ""),
            address=Address(**{key: address.get(key) or "" for key in Address.__slots__}),
            email=snapshot.get("email", ""),
            phone=snapshot.get("phone", ""),
            website=snapshot.get("website", ""),
            tax_ids=tuple((row["type"], row["value"]) for row in snapshot.get("tax_ids") or ()),
        )

    @property
    def address_lines(self) -> list[str]:
        return self.address.lines(locale_of(language()))

    @property
    def website_text(self) -> str:
        """The website as people write it: without scheme and trailing slash."""
        parts = urlsplit(self.website)
        return (parts.netloc + parts.path).rstrip("/") or self.website

    @property
    def labelled_tax_ids(self) -> list[tuple[str, str]]:
        """Each tax id with what it is called: "eu_vat" is "VAT ID", "us_ein" is "EIN"."""
        return [(_tax_id_label(kind), value) for kind, value in self.tax_ids]


def _tax_id_label(kind: str) -> str:
    name = kind.split("_", 1)[-1]
    return _("VAT ID") if name == "vat" else name.replace("_", " ").upper()


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a document: `discount` and `amount` in minor units, `unit_price` in whole ones."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: int
    discount: int = 0
    tax_rates: tuple[Decimal, ...] = ()


@dataclass(frozen=True, slots=True)
class TaxLine:
    """One tax over the whole document, in minor units; `category` by UNCL5305."""

    name: str
    rate: Decimal
    base: int
    amount: int
    inclusive: bool = False
    category: str = "S"

    @property
    def is_fixed(self) -> bool:
        return not self.rate and self.amount > 0  # an amount that was given has none to show

    @property
    def label(self) -> str:
        # "Tax" is what the API calls a tax that nobody named.
        return _("Tax") if self.name in ("", "Tax") else self.name


@dataclass(frozen=True, slots=True)
class InvoiceDocument:
    """All that an invoice shows. Amounts are whole minor units of `currency`."""

    seller: Party
    buyer: Party
    currency: str
    lines: tuple[Line, ...]
    subtotal: int
    total: int
    amount_due: int
    # Names the template that shows it.
    kind: Literal["invoice", "credit_note"] = "invoice"
    number: str = ""
    status: Literal["", "draft", "void"] = ""
    issued_on: date | None = None
    due_on: date | None = None
    purchase_order: str = ""
    title: str = ""
    memo: str = ""
    notes: str = ""
    footer: str = ""
    discount: int = 0
    taxes: tuple[TaxLine, ...] = ()
    amount_paid: int = 0
    payment_url: str = ""
    logo: str = ""
    brand_color: str = INK
    language: str = "en"
    paper: str = "A4"
    # Of a credit note: what it credits, why, and what became of the amount.
    invoice_number: str = ""
    reason: str = ""
    off_due: int = 0
    given_back: int = 0

    @property
    def is_taxed(self) -> bool:
        return any(line.tax_rates for line in self.lines)

    @property
    def minus_discount(self) -> int:
        return -self.discount

    @property
    def minus_paid(self) -> int:
        return -self.amount_paid

    @property
    def added_taxes(self) -> list[TaxLine]:
        return [tax for tax in self.taxes if not tax.inclusive]

    @property
    def included_taxes(self) -> list[TaxLine]:
        return [tax for tax in self.taxes if tax.inclusive]

    @property
    def tax_notes(self) -> list[str]:
        """What the law wants said where no tax is charged (EN 16931 BT-120), each thing once."""
        notes = {
            "AE": _("Reverse charge: the customer accounts for the tax."),
            "E": _("Exempt from tax."),
            "G": _("Export, exempt from tax."),
            "K": _("Intra-Community supply, exempt from VAT."),
            "O": _("Outside the scope of tax."),
        }
        found = {tax.category for tax in self.taxes}
        return [note for category, note in notes.items() if category in found]


def render_html(document: InvoiceDocument) -> str:
    """The document as a page for `pdf.render`: nothing in it refers to anything outside it."""
    spoken = languages.nearest(document.language)
    with translation.override(spoken):
        return render_to_string(
            f"documents/{document.kind}.html",
            {
                "document": document,
                "language": spoken,
                "direction": "rtl" if translation.get_language_bidi() else "ltr",
                "page_size": PAGE_SIZES[document.paper],
                "han_font": HAN_FONTS.get(document.language, HAN_FONTS["zh-hans"]),
                "brand": readable(document.brand_color),
                "columns": _columns(document),
                "payment_address": document.payment_url.partition("://")[2],
                "qr": _qr(document.payment_url) if document.payment_url else "",
            },
        )


def _columns(document: InvoiceDocument) -> dict[str, str]:
    """How wide each column of figures must be for the widest of them, and how large its type.

    Widths known beforehand spare the renderer from measuring every cell, which is most of the
    work on a long invoice. Figures too wide for the page shrink, so that descriptions keep room.
    """
    currency, lines = document.currency, document.lines
    rates = [rate(tax_rate) for line in lines for tax_rate in line.tax_rates]
    widths = {
        "quantity": _width([quantity(line.quantity) for line in lines], _("Quantity")),
        "price": _width([price(line.unit_price, currency) for line in lines], _("Unit price")),
        "tax": _width(rates, _("Tax")) if rates else 0,
        "amount": _width([money(line.amount, currency) for line in lines], _("Amount")),
    }
    scale = min(1, FIGURES_WIDTH / sum(widths.values()))
    sums = [money(amount, currency) for amount in (document.subtotal, document.total)]
    return {
        **{name: f"{width * scale:.1f}pt" for name, width in widths.items()},
        "type": f"{TYPE_SIZE * scale:.2f}pt",
        "sum": f"{_width(sums, size=SUM_SIZE):.1f}pt",
    }


def _width(figures: Iterable[str], heading: str = "", size: float = TYPE_SIZE) -> float:
    """Points for the widest figure or the longest word above it, with a gap before them."""
    widest = max(map(_ems, figures), default=0) * size
    longest = max(map(_ems, heading.split()), default=0) * LABEL_SIZE
    return max(widest, longest) + COLUMN_GAP


def _ems(text: str) -> float:
    """About how wide the text is: Han characters are square, others narrower, marks nothing."""
    shown = (char for char in text if category(char) not in ("Cf", "Mn"))
    return sum(1.05 if east_asian_width(char) in "WF" else 0.63 for char in shown)


def readable(color: str) -> str:
    """The colour if text in it can be read on white, and white on it (WCAG AA); else ink."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", color):
        return INK
    channels = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in channels
    )
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return color if 1.05 / (luminance + 0.05) >= 4.5 else INK


def _qr(url: str) -> str:
    """The address as a QR code, a data URI of an image without margin."""
    return str(segno.make(url, micro=False, error="m").svg_data_uri(border=0, dark=INK))


def document_of(invoice: Invoice) -> InvoiceDocument:
    """The invoice as a document: as issued, or for a draft as it would be issued now."""
    draft = invoice.status == Status.DRAFT
    void = invoice.status == Status.VOID
    seller = snapshot_of_seller(invoice.merchant) if draft else invoice.seller_snapshot
    buyer = snapshot_of_buyer(invoice) if draft else invoice.buyer_snapshot
    zone = ZoneInfo(seller.get("timezone") or "UTC")
    return InvoiceDocument(
        number=invoice.number or "",
        status="draft" if draft else "void" if void else "",
        issued_on=day_of(invoice.finalized_at, zone),
        due_on=day_of(invoice.due_at, zone),
        currency=invoice.currency,
        language=_language(invoice, seller, buyer),
        paper=seller.get("paper") or "A4",
        seller=Party.of(seller),
        buyer=Party.of(buyer),
        purchase_order=invoice.purchase_order,
        title=invoice.title,
        lines=tuple(_line(line) for line in invoice.lines.all()),
        subtotal=invoice.subtotal,
        discount=invoice.discount,
        taxes=tuple(TaxLine(**{**tax, "rate": Decimal(tax["rate"])}) for tax in invoice.taxes),
        total=invoice.total,
        amount_due=0 if void else invoice.total,
        memo=invoice.memo,
        notes=invoice.notes,
        footer=seller.get("footer", ""),
        payment_url="" if draft or void else f"{settings.PUBLIC_URL}/i/{invoice.slug}",
        logo=logo_of(invoice, seller.get("logo", "")),
        brand_color=seller.get("brand_color", INK),
    )


def language_of(invoice: Invoice) -> str:
    """What an issued invoice, and all that follows from it, is written in."""
    return _language(invoice, invoice.seller_snapshot, invoice.buyer_snapshot)


def _language(invoice: Invoice, seller: Mapping[str, Any], buyer: Mapping[str, Any]) -> str:
    return invoice.language or buyer.get("language") or seller.get("language") or "en"


def _line(line: LineItem) -> Line:
    return Line(
        description=line.description,
        quantity=line.quantity,
        unit_price=line.unit_price,
        discount=line.discount,
        tax_rates=tuple(Decimal(tax["rate"]) for tax in line.taxes),
        amount=line.amount,
    )


def logo_of(invoice: Invoice, digest: str) -> str:
    """The logo that a snapshot names, as a data URI."""
    if not digest:
        return ""
    logo = Logo.objects.filter(merchant_id=invoice.merchant_id, digest=digest).first()
    return logo.data_uri if logo else ""


def day_of(instant: datetime | None, zone: ZoneInfo) -> date | None:
    """The day that a document names for an instant."""
    return None if instant is None else instant.astimezone(zone).date()


def snapshot_of_seller(merchant: Merchant) -> dict[str, Any]:
    """What a document says of the merchant, to be frozen when it is issued."""
    return {
        "name": merchant.name,
        "legal_name": merchant.legal_name,
        "email": merchant.email,
        "phone": merchant.phone,
        "website": merchant.website,
        "address": merchant.address,
        "tax_ids": merchant.tax_ids,
        "brand_color": merchant.brand_color,
        "logo": merchant.logo.digest if merchant.logo else "",
        "footer": merchant.footer,
        "paper": merchant.paper,
        "language": merchant.language,
        "timezone": merchant.timezone,
    }


def snapshot_of_buyer(invoice: Invoice) -> dict[str, Any]:
    """What a document says of whoever is billed, to be frozen when it is issued."""
    customer = invoice.customer
    return {
        "name": invoice.recipient_name or (customer.name if customer else ""),
        "legal_name": "",
        "email": invoice.recipient_email or (customer.email if customer else ""),
        "phone": customer.phone if customer else "",
        "website": "",
        "address": customer.address if customer else {},
        "tax_ids": customer.tax_ids if customer else [],
        "language": customer.language if customer else "",
    }
