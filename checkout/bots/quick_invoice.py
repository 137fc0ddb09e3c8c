"""An invoice from one sentence: "Invoice Acme $250 for API work, due in 30 days, send it".

By rules alone, which never guess: what can be read in two ways is asked, and an amount that cannot
be read surely is refused. Whatever was understood is told with the words that it came from.
"""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from checkout.bots.quick_clauses import Clauses, read_clauses
from checkout.bots.quick_dates import read_due
from checkout.bots.quick_doubts import (
    ask_about_brackets,
    ask_about_memos,
    ask_about_what_follows,
    ask_about_words,
    take_brackets_of_amounts,
)
from checkout.bots.quick_items import Item, read_items
from checkout.bots.quick_money import Price, currency_of
from checkout.bots.quick_names import read_customer, read_lead
from checkout.bots.quick_text import Question, Sentence, Understood, cannot
from invoicing import clock, drafts, inputs, money
from invoicing.errors import ValidationFailed
from invoicing.fields import COMPOSED, Input, many_lines
from invoicing.inputs import InvoiceInput
from invoicing.models import Customer, Invoice, LineItem, Merchant

LONGEST: Final = 1000


class QuickInvoiceInput(Input):
    """A sentence to make an invoice of."""

    message: Annotated[
        str, Field(min_length=1, max_length=LONGEST), COMPOSED, AfterValidator(many_lines)
    ] = Field(description="In English, in your own words.")
    dry_run: bool = Field(
        default=False, strict=True, description="Only tell what would be made of it."
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """What a sentence was understood to ask for."""

    message: str
    wanted: InvoiceInput
    invoice: Invoice
    lines: list[LineItem]
    understood: list[Understood]
    questions: list[Question]
    # Whether it says that the invoice is to be sent, and nothing stands against it.
    may_be_sent: bool


def understand(merchant: Merchant, message: str, *, sees_customers: bool) -> Reading:
    """What a merchant's sentence asks for, worked out and not saved.

    Raises ValidationFailed, naming `message`, where no invoice can be made of it surely.
    """
    if any(unicodedata.category(char) == "Nd" and not char.isascii() for char in message):
        raise cannot("has digits that are not 0 to 9; write its numbers with those")
    # The direction turned, or a word cut by what nobody sees, it reads otherwise than it looks.
    if any(unicodedata.category(char) == "Cf" and char not in "\u200c\u200d" for char in message):
        raise cannot("has invisible characters, which may turn or cut its words; leave them out")
    # Rules that look past spaces would take minutes over a page of them.
    if re.search(r"\s{6}", message):
        raise cannot("has a long gap; write it with single spaces")
    sentence = Sentence(message)
    ask_about_brackets(sentence)
    start, leads_with_send = read_lead(sentence)
    said = read_clauses(sentence)
    due = read_due(sentence, clock.now(merchant).astimezone(ZoneInfo(merchant.timezone)).date())
    take_brackets_of_amounts(sentence)
    customer, name, rest = read_customer(
        sentence, start, merchant, said.email, may_see=sees_customers
    )
    items, total = read_items(sentence, rest, said.memo)
    ask_about_words(sentence, rest, len(message))
    ask_about_memos(sentence, said.memos, leads_with_send)
    if said.sends:
        ask_about_what_follows(sentence)
    elif leads_with_send and (more := re.compile(r"[.!]\s+[^\W\d_]").search(sentence.free, rest)):
        question = "What does this say of sending it? It stays a draft."
        sentence.ask("send", question, (more.end() - 1, len(message)))
    currency = _currency(sentence, items, total, said, merchant, customer)
    for item in items:
        _tell_item(sentence, item, currency)
    wanted = {
        "customer_id": customer.public_id if customer else None,
        "recipient": _recipient(customer, name, said.email),
        "currency": currency,
        "line_items": [
            {
                "description": _capital(item.description),
                "quantity": item.count.value if item.count else Decimal(1),
                "unit_price": item.price.value,
            }
            for item in items
        ],
        "memo": said.memo,
        "purchase_order": said.purchase_order,
        "due_at": due.isoformat() if due else None,
        **_taxes(said),
    }
    read, invoice, lines = _worked_out(merchant, wanted)
    if total is not None:
        _same(invoice, total)
        sentence.understand(
            "total", money.to_text(invoice.total, currency), (total.start, total.end)
        )
    sends = (leads_with_send or said.sends is True) and said.sends is not False
    if sends:
        sentence.questions += sentence.doubts
    return Reading(
        message,
        read,
        invoice,
        lines,
        sorted(sentence.understood, key=lambda one: (one.start is None, one.start or 0)),
        _questions(sentence, invoice, sends),
        sends and bool(invoice.recipient_email) and not _holds_back(sentence),
    )


def _holds_back(sentence: Sentence) -> bool:
    return any(question.holds_back for question in sentence.questions)


def _questions(sentence: Sentence, invoice: Invoice, sends: bool) -> list[Question]:
    """What was asked, and why it is not sent though the sentence says so."""
    asked = list(sentence.questions)
    if sends and not invoice.recipient_email:
        why = "It stays a draft: no e-mail address is known. Add one, and send it then."
        asked.append(Question("send", why))
    elif sends and _holds_back(sentence):
        why = "It stays a draft because of the questions before this. Look it over, and send it."
        asked.append(Question("send", why))
    return asked


def _currency(
    sentence: Sentence,
    items: list[Item],
    total: Price | None,
    said: Clauses,
    merchant: Merchant,
    customer: Customer | None,
) -> str:
    """The one currency of all amounts. Raises ValidationFailed for two."""
    theirs = customer.currency if customer else ""
    house = theirs or merchant.currency
    whose = "the customer's currency" if theirs else "your own currency"
    priced = [item.price for item in items] + ([total] if total else [])
    marks = {price.mark for price in priced if price.mark}
    if said.mark:
        marks.add(said.mark)
    if len(marks) > 1:
        raise cannot(f"names two currencies, {' and '.join(sorted(marks))}; an invoice has one")
    mark = marks.pop() if marks else ""
    span = next(((price.start, price.end) for price in priced if price.mark), None)
    code, because = currency_of(
        mark, house, whose, lambda question: sentence.ask("currency", question, span)
    )
    sentence.understand("currency", code, span, because)
    if not mark:
        question = f"No currency is named; {code} was taken. Write it, as in “100 {code}”."
        sentence.doubt("currency", question, next((one.start, one.end) for one in priced))
    return code


def _tell_item(sentence: Sentence, item: Item, currency: str) -> None:
    places = money.asset(currency).decimals
    if not item.price.value:
        raise cannot("asks for an amount of nothing; write what is due")
    if item.count is None:
        try:
            money.to_minor(item.price.value, places)
        except ValueError as problem:
            raise cannot(f"has the amount {item.price.value:f}, which {problem}") from None
    value = f"{item.price.value:f}"
    span = (item.price.start, item.price.end)
    sentence.understand("unit_price" if item.count else "amount", value, span)
    if item.count:
        counted = (item.count.start, item.count.end)
        sentence.understand("quantity", f"{item.count.value:f}", counted)
    sentence.understand("item", _capital(item.description), (item.start, item.end))


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _recipient(customer: Customer | None, name: str, email: str) -> dict[str, str] | None:
    if customer:
        known = email.lower() in {"", customer.email.lower()}
        return None if known else {"email": email}
    return {"name": name, "email": email} if name or email else None


def _taxes(said: Clauses) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if said.taxes:
        found["taxes"] = [{"name": tax["name"], "rate": tax["rate"]} for tax in said.taxes]
        found["tax_behavior"] = "inclusive" if said.inclusive else "exclusive"
    elif said.no_tax:
        found["taxes"] = []
    if said.discount:
        found["discount"] = said.discount
    return found


def _worked_out(
    merchant: Merchant, wanted: dict[str, Any]
) -> tuple[InvoiceInput, Invoice, list[LineItem]]:
    """The invoice as creating it would make it; what it refuses is told of the message."""
    try:
        read = inputs.read(InvoiceInput, wanted)
        return read, *drafts.draft(merchant, read)
    except ValidationFailed as problem:
        fields = [f"{_in_words(field)} {message}" for field, message in problem.fields]
        raise cannot(f"cannot become an invoice: {'; '.join(fields)}") from None


def _in_words(field: str) -> str:
    return re.sub(r"[._]|\[\d+\]", " ", field).strip()


def _same(invoice: Invoice, total: Price) -> None:
    if money.to_decimal(invoice.total, invoice.currency) != Decimal(total.value):
        worked_out = money.to_text(invoice.total, invoice.currency)
        raise cannot(f"names a total of {total.value:f}, and its items come to {worked_out}")
