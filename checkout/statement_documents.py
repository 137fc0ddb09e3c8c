"""A statement on paper: the page behind its PDF, and its figures as a mail tells them."""

from typing import Any

from django.template.loader import render_to_string
from django.utils import translation

from checkout.statements import Account, Statement
from invoicing import documents, pdf
from invoicing.templatetags.money import money


def pdf_of(statement: Statement) -> bytes:
    """The statement as a PDF, in the active language. Raises pdf.PdfFailed; never in an action."""
    return pdf.render(html_of(statement))


def html_of(statement: Statement) -> str:
    """The statement as a page for `pdf.render`: nothing in it refers to anything outside it."""
    merchant, payer = statement.payer.merchant, statement.payer
    language = translation.get_language() or "en"
    figures = [_widest(account) for account in statement.accounts]
    width = f"{max([90.0, *figures]):.0f}pt"
    return render_to_string(
        "documents/statement.html",
        {
            "statement": statement,
            "seller": documents.Party.of(documents.snapshot_of_seller(merchant)),
            "buyer": buyer_of(statement),
            "email": payer.email,
            "logo": merchant.logo.data_uri if merchant.logo else "",
            "language": language,
            "direction": "rtl" if translation.get_language_bidi() else "ltr",
            "page_size": documents.PAGE_SIZES[merchant.paper],
            "han_font": documents.HAN_FONTS.get(language, documents.HAN_FONTS["zh-hans"]),
            "brand": documents.readable(merchant.brand_color),
            "columns": {"amount": width, "sum": width, "type": "9pt"},
        },
    )


def buyer_of(statement: Statement) -> documents.Party:
    """Whom it is for: the first customer on file, or the address alone."""
    customers = statement.payer.customers
    if not customers:
        return documents.Party(name="", email=statement.payer.email)
    first = customers[0]
    told: dict[str, Any] = {"name": first.name, "email": first.email}
    return documents.Party.of({**told, "address": first.address, "tax_ids": first.tax_ids})


def _widest(account: Account) -> float:
    amounts = [entry.amount for entry in account.entries]
    amounts += [account.before, account.after, account.billed]
    return max(len(money(amount, account.currency)) for amount in amounts) * 7.5
