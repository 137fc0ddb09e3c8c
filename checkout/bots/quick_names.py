"""Whom an invoice is for: a customer on file where the words can mean only that one."""

import re
from typing import Final

from django.db.models import Q

from checkout.bots.quick_doubts import ask_about_words
from checkout.bots.quick_money import NUMBER, prices
from checkout.bots.quick_text import ADDRESS, QUOTED, TAKEN, Sentence, cannot
from invoicing.models import Customer, Merchant

_MANNERS: Final = (
    r"(?:(?:hi|hello|hey|ok|okay)\b[\s,!.]*)?"
    r"(?:(?:please|pls|kindly|now|just|can\s+you|could\s+you|would\s+you|will\s+you|let['’]?s|"
    r"i\s+want\s+to|i\s+need\s+to|i['’]d\s+like\s+(?:you\s+)?to|i\s+would\s+like\s+(?:you\s+)?to)"
    r"[\s,]+)*"
)
_MAKE: Final = r"(?:create|make|draft|write|prepare|raise|issue|generate|do|start|open)"
_AN_INVOICE: Final = r"(?:an?\s+|the\s+|one\s+|my\s+)?(?:new\s+|draft\s+)*(?:invoice|bill)"
_LEAD: Final = re.compile(
    rf"\s*{_MANNERS}(?:"
    rf"(?P<make>{_MAKE}(?:\s+me)?\s+{_AN_INVOICE}|new\s+(?:invoice|bill)|i\s+need\s+{_AN_INVOICE})"
    rf"|(?P<send>(?:send|e-?mail|mail)\s+{_AN_INVOICE})"
    rf"|(?P<send_to>(?:send|e-?mail|mail)(?=\s+[^,;\n]+?\s+{_AN_INVOICE}\b))"
    rf"|(?P<bill>invoice|bill)"
    rf"|(?P<charge>charge))(?![\w-])",
    re.IGNORECASE,
)
_LINK: Final = re.compile(r"[\s:,–—-]*(?:\b(?:for|to)\s+)?(?:the\s+customer\s+)?", re.I)
_NAME_ENDS: Final = re.compile(
    rf"[,;:\n{TAKEN}]|\s[-–—]\s|\s(?:for|at|of|on|by|with|is|owes|total|and\s+(?:send|mail|email))\s"
    r"|(?<=\s)(?=(?:(?:an?|one|two|three)\s+)?(?:½|half|thirds?|quarters?|double|twice|triple|thrice|quadruple)\s+(?:of\s+)?(?:the\s+)?"
    r"(?:[A-Z]{3}\s?)?[$€£¥]?\d)|(?<=\s)(?:\d+:\d\d|\d+(?:h|hrs?|min)\d*)\b"
    rf"|(?<![\w.,])\d+\s?[x×*](?=\s)|(?<![\w.,])(?:{NUMBER})(?![\w-])|(?<=\w)[.!?](?=\s*$)",
    re.I,
)
_QUOTED_NAME: Final = re.compile(rf"\s*[\"“«]({QUOTED}+)[\"”»]")
_AFTERWARDS: Final = re.compile(
    r"\s(?:to|for)\s+(?P<name>[^,;\n\x00]+?)\s*(?=[,;.!\n\x00]|$)", re.I
)
_LONGEST_NAME: Final = 12  # words
_MOST_CHOICES: Final = 10
EXAMPLE: Final = "“Invoice Acme $250 for API work, due in 30 days”"


def read_lead(sentence: Sentence) -> tuple[int, bool]:
    """Where the words after "Invoice …" begin, and whether it began with an order to send.

    Raises ValidationFailed for a message that does not ask for an invoice.
    """
    match = _LEAD.match(sentence.free)
    if not match:
        raise cannot(f"does not ask for an invoice; begin like {EXAMPLE}")
    end = match.end()
    sends = bool(match["send"] or match["send_to"])
    if match["send_to"]:
        # "Send Acme an invoice for …": the words in between are the name.
        noun = re.compile(rf"\s+{_AN_INVOICE}\b", re.I).search(sentence.free, end)
        if noun:
            sentence.take(noun.start(), noun.end())
    if sends:
        sentence.understand("send", True, match.span("send" if match["send"] else "send_to"))
    if match["charge"]:
        question = (
            "Nothing is charged to a saved card here: this is an invoice that asks to be paid."
        )
        sentence.ask("charge", question, match.span("charge"))
    if re.match(r"\s+(?:number|no\.?|#)\s*\S*\d", sentence.free[end:], re.I):
        raise cannot("names the number of an invoice; numbers are given when it is issued")
    sentence.take(0, end)
    return end, sends


def read_customer(
    sentence: Sentence, start: int, merchant: Merchant, email: str, *, may_see: bool
) -> tuple[Customer | None, str, int]:
    """The customer on file or the bare name, and where the rest begins.

    Without `may_see` nobody is looked up, so that no name is learnt by asking.
    """
    link = _LINK.match(sentence.free, start)
    begin = link.end() if link else start
    span, rest = _name(sentence, begin, merchant, may_see)
    name = sentence.words(*span)
    if not name and may_see:
        span = _named_afterwards(sentence, begin, merchant)
        name = sentence.words(*span)
    if not name and not email:
        sentence.ask("customer", "Whom is it for? The invoice names nobody yet.", holds_back=False)
        return None, "", rest
    customer = _on_file(sentence, name, email, span, merchant) if may_see else None
    if customer:
        because = "" if name.lower() == customer.name.lower() else "the only one it can be"
        value = {"id": customer.public_id, "name": customer.name, "email": customer.email}
        sentence.understand("customer", value, span if name else sentence.where("email"), because)
        if email and customer.email and email.lower() != customer.email.lower():
            question = f"On file is {customer.email}. Is it to go to the other address?"
            sentence.ask("email", question, sentence.where("email"))
    elif name:
        because = "" if may_see else "this key may not see customers, so none was looked up"
        sentence.understand("recipient", name, span, because)
        ask_about_words(sentence, *span)
        if after := re.search(rf"{ADDRESS}[^\w]*(\w[^\x00]*)", sentence.free[slice(*span)]):
            place = span[0] + after.start(1), span[0] + after.end(1)
            sentence.ask("customer", "Is this a part of the name, or what it is for?", place)
    sentence.take(*span)
    return customer, name, rest


def _name(
    sentence: Sentence, begin: int, merchant: Merchant, may_see: bool
) -> tuple[tuple[int, int], int]:
    """Where the name stands, and where the rest begins."""
    free = sentence.free
    if quoted := _QUOTED_NAME.match(free, begin):
        return quoted.span(1), quoted.end()
    known = _longest_known(sentence, begin, merchant) if may_see else None
    if known:
        return (begin, known), known
    amounts = [price.start for price in prices(free) if price.start >= begin]
    stops = [match.start() for match in [_NAME_ENDS.search(free, begin)] if match]
    end = min([*amounts, *stops, len(free)])
    while trailing := re.search(r"\s+(?:an?|the|for|of)\s*$", free[begin:end], re.I):
        end = begin + trailing.start()
    if re.fullmatch(r"\s*(?:an?|the)?\s*", free[begin:end], re.I):
        return (begin, begin), begin
    return (begin, end), end


def _longest_known(sentence: Sentence, begin: int, merchant: Merchant) -> int | None:
    """Where the longest name of a customer ends that the words there begin with."""
    ends = [
        begin + match.end()
        for match in re.finditer(
            r"[^\s]+?(?=[,;:.!]*(?:\s|$|\x00))", sentence.free[begin : begin + 250]
        )
    ][:_LONGEST_NAME]
    if TAKEN in sentence.free[begin : begin + 1]:
        return None
    texts = {
        sentence.text[begin:end].strip().lower(): end
        for end in ends
        if TAKEN not in sentence.free[begin:end]
    }
    condition = Q(pk=None)
    for text in texts:
        condition |= Q(name__iexact=text)
    rows = merchant.customers.filter(condition, archived_at=None).order_by()
    names = rows.values_list("name", flat=True).distinct()[: 2 * _LONGEST_NAME]
    found = [texts[name.lower()] for name in names if name.lower() in texts]
    return max(found, default=None)


def _named_afterwards(sentence: Sentence, begin: int, merchant: Merchant) -> tuple[int, int]:
    """ "… for $250 to Acme": a name at the end counts where it is a customer's."""
    for match in _AFTERWARDS.finditer(sentence.free, begin):
        name = sentence.words(*match.span("name"))
        known = merchant.customers.filter(name__iexact=name, archived_at=None)
        if name and known.exists():
            sentence.take(match.start(), match.start("name"))
            return match.span("name")
    return begin, begin


def _on_file(
    sentence: Sentence, name: str, email: str, span: tuple[int, int], merchant: Merchant
) -> Customer | None:
    """The one customer whom name and address can mean; who of several is asked."""
    rows = merchant.customers.filter(archived_at=None)
    mailed = list(rows.filter(email__iexact=email)[:_MOST_CHOICES]) if email else []
    if not name:
        return _one(sentence, mailed, email, None)
    named = list(rows.filter(name__iexact=name).order_by("pk")[: _MOST_CHOICES + 1])
    if not named:
        begun = rows.filter(Q(name__istartswith=f"{name} ") | Q(name__istartswith=f"{name},"))
        named = list(begun.order_by("pk")[: _MOST_CHOICES + 1])
    if len(named) > 1 and email:
        named = [row for row in named if row in mailed] or named
    if len(named) == 1 and email and mailed and named[0] not in mailed:
        question = "The name is one customer's and the address another's. Which of them is it for?"
        _ask_which(sentence, [*named, *mailed], question, span)
        return None
    return _one(sentence, named, name, span)


def _one(
    sentence: Sentence, rows: list[Customer], text: str, span: tuple[int, int] | None
) -> Customer | None:
    if len(rows) > 1:
        _ask_which(sentence, rows, f"Which customer is “{text}”? None was chosen.", span)
        return None
    return rows[0] if rows else None


def _ask_which(
    sentence: Sentence, rows: list[Customer], question: str, span: tuple[int, int] | None
) -> None:
    choices = [
        {"id": row.public_id, "name": row.name, "email": row.email} for row in rows[:_MOST_CHOICES]
    ]
    sentence.ask("customer", question, span, choices=choices)
