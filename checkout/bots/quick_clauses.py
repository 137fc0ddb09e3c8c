"""What a sentence says beside amounts and dates: taxes, discounts, a memo, and whether to send."""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from checkout.bots.quick_doubts import read_conditions, read_second_thoughts
from checkout.bots.quick_money import NUMBER, prices, read_number
from checkout.bots.quick_text import ADDRESS, QUOTED, TAKEN, Sentence, cannot, every

_ADDRESS: Final = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_MANNERS: Final = re.compile(
    r"(?:^|(?<=[,;.!\n\x00]))\s*(?:please|pls|thanks(?:\s+a\s+lot)?|thank\s+you|thx|cheers)"
    r"\s*[.!]*\s*(?=[,;.\n\x00]|$)",
    re.IGNORECASE,
)
_END: Final = r"(?=\s*(?:[,;!\n\x00]|\.(?:[\s\x00]|$)|$|and\b))"
_TO_WHOM: Final = rf"(?:\s+to\s+(?:them|him|her|{ADDRESS}+)|\s+(?:them|him|her))?"
_SEND: Final = re.compile(
    rf"(?:^|(?<=[,;.\n\x00])|\b(?=and\b|then\b|please\b))\s*(?:(?:and|then|also|please)\s+)*"
    r"(?:send|e-?mail|mail)\b"
    r"(?:\s+(?:it|this|that|the\s+(?:invoice|bill)|off|out))*"
    rf"{_TO_WHOM}(?:\s+(?:now|right\s+away|immediately|today|straight\s+away|please))*{_END}",
    re.IGNORECASE,
)
_DO_NOT_SEND: Final = re.compile(
    r"(?:(?:but|and)\s+)?(?:(?:do\s+not|don['’]?t|never|no\s+need\s+to)\s+(?:send|e-?mail|mail)"
    r"(?:\s+(?:it|this|them|that|the\s+invoice))?(?:\s+(?:yet|now|please))*"
    r"|(?:keep\s+it\s+)?as\s+a\s+draft|draft\s+only|just\s+a\s+draft)" + _END,
    re.IGNORECASE,
)
_SENDING: Final = re.compile(
    r"(?:\b(?:and|then|please|but)\s+)*\b(?:send|e-?mail|mail)\s+(?:it|this|them|him|her|the\s+invoice)\b"
    r"[^,;\n\x00]*?(?=[,;\n\x00]|\.(?:[\s\x00]|$)|$)",
    re.IGNORECASE,
)
_MEMO: Final = re.compile(
    rf"(?:(?:and\s+)?with\s+(?:the\s+|a\s+)?(?:memo|note)|(?:(?<=[,;.\n\x00])|^)\s*memo|\bmemo(?=\s*:)|\bnote(?=\s*:))"
    rf"\b\s*:?\s*(?P<text>\"{QUOTED}+\"|“{QUOTED}+”|«{QUOTED}+»|[^,;\n\x00]+?(?=[,;\n\x00]|\.(?:[\s\x00]|$)|$))",
    re.IGNORECASE,
)
_ORDER: Final = re.compile(
    r"(?:\b(?:on|with|under|ref(?:erence)?)\s+)*\b(?:PO|P\.O\.|[Pp]urchase\s+[Oo]rder)\s*"
    r"(?:[Nn]umber|[Nn]o\.?)?\s*[:#]?\s*(?P<number>[A-Za-z0-9][\w/-]*\d[\w/-]*|\d[\w/-]*)"
)
_TAX_NAME: Final = (
    r"VAT|GST|HST|PST|QST|sales\s+tax(?:es)?|consumption\s+tax|tax(?:es)?|MwSt\.?|USt\.?|TVA|IVA"
)
_PLUS: Final = (
    r"(?:\bplus|\+|\band|\badd|\badding|\bexcl(?:uding|usive\s+of|\.)?|\bbefore|\bnet\s+of)"
)
_WITHIN: Final = r"(?:\bincl(?:uding|usive\s+of|udes|\.)?)"
_RATE: Final = rf"(?P<rate>{NUMBER})\s?(?:%|percent\b|per\s+cent\b)"
_RATE_2: Final = _RATE.replace("?P<rate>", "?P<rate2>")
_RATE_3: Final = _RATE.replace("?P<rate>", "?P<rate3>")
_AFTER: Final = (
    r"(?:\s*\(?(?P<after>is\s+included|included|inclusive|incl(?!\.?\s*\d)\.?|excluded|extra|on\s+top|"
    r"not\s+included)\)?)?"
)
_TAX: Final = re.compile(
    rf"(?:(?P<plus>{_PLUS})|(?P<within>{_WITHIN})|\bwith\b)?\s*\(?\s*(?:an?\s+)?"
    rf"(?:{_RATE}\s*(?:of\s+)?(?P<name>{_TAX_NAME})(?!\w)"
    rf"|(?<!\w)(?P<name2>{_TAX_NAME})\s*(?:of|at|:)?\s*{_RATE_2}){_AFTER}\)?",
    re.IGNORECASE,
)
_NO_TAX: Final = re.compile(
    rf"(?:\b(?:no|without(?:\s+any)?|zero)\s+(?:{_TAX_NAME})(?!\w)"
    r"|\b(?:tax|VAT|GST)[\s-](?:free|exempt)\b)",
    re.IGNORECASE,
)
_TAX_UNSAID: Final = re.compile(
    rf"(?:\(\s*)?(?:{_PLUS}|{_WITHIN}|\bex\b)\s*(?:{_TAX_NAME})(?!\w)(?:\s*\))?"
    rf"|(?<!\w)(?:{_TAX_NAME})\s+(?:included|inclusive|extra|excluded|not\s+included|on\s+top)\b",
    re.IGNORECASE,
)
_PERCENT_OFF: Final = re.compile(
    rf"(?:\b(?:with|and|minus|less|at|,)\s+)*(?:an?\s+)?"
    rf"(?:{_RATE}\s+(?:off\b(?:\s+the\s+(?:total|whole))?|discount\b|rebate\b)"
    rf"|discount\s+of\s+{_RATE_2}|less\s+{_RATE_3})",
    re.IGNORECASE,
)
# What a discount is said to be for, where that is not the whole.
_SCOPE: Final = re.compile(
    r"\s+(?:(?:on|from|of|off|per|within|by|before|to|until|every|each)\s+"
    r"(?!(?:the\s+|this\s+)?(?:total|whole|invoice|bill|lot)\b)"
    r"|for\s+(?:early|prompt|fast|quick|cash|pay(?:ing|ment)s?|each|every|the\s+first|one)\b)"
    r"[^,;\n\x00]*?(?=[,;\n\x00]|\.(?:[\s\x00]|$)|$)",
    re.IGNORECASE,
)
# "10% off the cake", and what may well follow where the discount is of the whole.
_OFF_THE: Final = re.compile(
    r"\s+(?!(?:for|and|plus|due|payable|with|then|please|incl\w*|excl\w*|as|but|net|at)\b)\w"
    r"[^,;\n\x00]*?(?=[,;\n\x00]|\.(?:[\s\x00]|$)|$)",
    re.IGNORECASE,
)
_TAX_SCOPE: Final = re.compile(
    r"\s+on\s+(?!(?:the\s+)?(?:total|whole|invoice|bill|lot|top|receipt)\b)"
    r"[^,;\n\x00]*?(?=[,;\n\x00]|\.(?:[\s\x00]|$)|$)",
    re.IGNORECASE,
)
_AMOUNT_OFF: Final = re.compile(r"\s+(?:off\b(?:\s+the\s+total)?|discount\b|rebate\b)", re.I)
# What is asked beside an invoice, with what to do instead; its clause is no part of a description.
_BEYOND: Final[tuple[tuple[str, str, str], ...]] = (
    (
        r"\b(?:every|each)\s+(?:other\s+)?(?:day|week|month|quarter|year)\b|\brecurring\b"
        r"|(?:^|(?<=[,;\x00]))\s*(?:weekly|monthly|quarterly|yearly|annually)\b"
        r"|\b(?:weekly|monthly|quarterly|yearly|annually)\s*(?=[,;.\x00]|$)",
        "recurring",
        "This makes one invoice. To bill again and again, set up a recurring charge.",
    ),
    (
        r"\b(?:in|by|as)\s+\w+\s+(?:instal+ments?|payments|parts)\b|\binstal+ments?\b",
        "instalments",
        "Parts are not worked out here. Say `allow_partial` on the draft, or make several.",
    ),
    (
        r"\bb?cc\b(?:(?!\s(?:[A-Z]{3}\s?)?[$€£¥]?\d)[^,;\n\x00])*",
        "copies",
        "An invoice is mailed to one address. Which one?",
    ),
    (
        r"\bremind(?:er|ers)?\b[^,;\n\x00]*|\blate\s+fees?\b[^,;\n\x00]*",
        "reminders",
        "Reminders and late fees follow the merchant's rules and are not set here.",
    ),
    (
        r"\b(?:already|partly|half)\s+paid\b[^,;\n\x00]*|\bdeposit\s+(?:already\s+)?received\b",
        "paid",
        "What has been paid already is not booked here. Mark the invoice as paid afterwards.",
    ),
)


@dataclass
class Clauses:
    """What was said beside the items."""

    email: str = ""
    sends: bool | None = None
    memo: str = ""
    memos: list[tuple[int, int]] = field(default_factory=list)
    purchase_order: str = ""
    taxes: list[dict[str, Any]] = field(default_factory=list)
    no_tax: bool = False
    inclusive: bool = False
    discount: dict[str, Decimal] | None = None
    # The sign or code beside an amount that is taken off.
    mark: str = ""


def read_addresses(sentence: Sentence, said: Clauses) -> None:
    """Whose e-mail address stands there, if it is one."""
    spans = [match.span() for match in every(_ADDRESS, sentence)]
    found = {sentence.text[start:end].rstrip(".") for start, end in spans}
    for start, end in spans:
        around = sentence.text[start - 1 : start] + sentence.text[end : end + 1]
        wider = around in {"()", "<>"}
        sentence.hide(start - wider, end + wider)
    if len(found) > 1:
        choices = [{"value": one} for one in sorted(found)]
        sentence.ask("email", "To which of these is it mailed?", spans[0], choices=choices)
    elif found:
        said.email = found.pop()
        sentence.understand("email", said.email, spans[0])


def read_clauses(sentence: Sentence) -> Clauses:
    """Everything beside the items; what is taken here is part of no description."""
    said = Clauses()
    read_addresses(sentence, said)
    for match in every(_MEMO, sentence):
        said.memo = sentence.words(*match.span("text"))
        said.memos.append(match.span("text"))
        sentence.understand("memo", said.memo, match.span("text"))
        sentence.take(*match.span())
    for match in every(_ORDER, sentence):
        said.purchase_order = match["number"]
        sentence.understand("purchase_order", match["number"], match.span())
        sentence.take(*match.span())
    is_conditional = read_conditions(sentence)
    _read_taxes(sentence, said)
    _read_discount(sentence, said, is_conditional=is_conditional)
    for match in every(_MANNERS, sentence):
        sentence.take(*match.span())
    _read_sending(sentence, said)
    read_second_thoughts(sentence)
    for pattern, about, question in _BEYOND:
        for match in every(re.compile(pattern, re.IGNORECASE), sentence):
            sentence.ask(about, question, match.span())
            sentence.take(*match.span())
    return said


def _read_sending(sentence: Sentence, said: Clauses) -> None:
    for match in every(_DO_NOT_SEND, sentence):
        said.sends = False
        sentence.understand("send", False, match.span())
        sentence.take(*match.span())
    for match in every(_SEND, sentence):
        if said.sends is False:
            sentence.ask("send", "Is it to be sent or not? It stays a draft.", match.span())
        else:
            said.sends = True
            sentence.understand("send", True, match.span())
        sentence.take(*match.span())
    for match in every(_SENDING, sentence):
        question = (
            "An invoice is sent at once or not at all. Say “send it”, or send the draft later."
        )
        sentence.ask("send", question, match.span())
        sentence.take(*match.span())


def _read_taxes(sentence: Sentence, said: Clauses) -> None:
    behaviors = set()
    for match in every(_TAX, sentence):
        after = (match["after"] or "").lower()
        is_included = after.startswith(("incl", "is incl"))
        within = bool(match["within"]) or (is_included and not match["plus"])
        name = re.sub(r"\s+", " ", match["name"] or match["name2"]).rstrip(".")
        rate = _percent(match["rate"] or match["rate2"])
        # "before tax" says that it comes on top; "with 19% VAT" does not say which.
        is_added = bool(after) and not is_included
        if not within and (is_included or not (match["plus"] or after)) or within and is_added:
            sentence.ask(
                "tax",
                f"It was added on top. Write “incl. {rate}% {name}” if the amount contains it.",
                match.span(),
            )
        if scope := _TAX_SCOPE.match(sentence.free, match.end()):
            question = "A tax is one of all items here. Write an invoice of its own for the others."
            sentence.ask("tax", question, scope.span())
            sentence.take(*scope.span())
        tax = {"name": name if name.isupper() else name[:1].upper() + name[1:], "rate": rate}
        behaviors.add(within)
        said.taxes.append(tax)
        value = {**tax, "rate": f"{rate:f}", "included": within}
        sentence.understand("tax", value, match.span())
        sentence.take(*match.span())
    if len(behaviors) > 1 or len({tax["name"] for tax in said.taxes}) < len(said.taxes):
        raise cannot(
            "names taxes that do not go together; name each one once, all of them added "
            "or all of them included"
        )
    said.inclusive = behaviors == {True}
    for match in every(_NO_TAX, sentence):
        if said.taxes:
            raise cannot("asks for a tax and for none; say one of the two")
        said.no_tax = True
        sentence.understand("tax", None, match.span())
        sentence.take(*match.span())
    for match in every(_TAX_UNSAID, sentence):
        if not said.taxes:
            question = "At which rate? No tax was worked out. Write it like “plus 19% VAT”."
            sentence.ask("tax", question, match.span())
        sentence.take(*match.span())


def _read_discount(sentence: Sentence, said: Clauses, *, is_conditional: bool) -> None:
    found: list[tuple[tuple[int, int], dict[str, Decimal], str]] = []
    for match in every(_PERCENT_OFF, sentence):
        rate = _percent(match["rate"] or match["rate2"] or match["rate3"])
        found.append((match.span(), {"percent": rate}, ""))
        sentence.take(*match.span())
    if _AMOUNT_OFF.search(sentence.free):
        for price in prices(sentence.free.replace("minus ", "      ").replace("less ", "     ")):
            if off := _AMOUNT_OFF.match(sentence.free, price.end):
                start = _with_its_words(sentence.free, price.start)
                found.append(((start, off.end()), {"amount": price.value}, price.mark))
                sentence.take(start, off.end())
    if len(found) > 1:
        raise cannot("has more than one discount; name one")
    for span, discount, mark in found:
        scope = _SCOPE.match(sentence.free, span[1])
        if not scope and sentence.text[: span[1]].lower().endswith("off"):
            scope = _OFF_THE.match(sentence.free, span[1])
        if scope or is_conditional:
            question = (
                "A discount is taken off the whole, at once. This one was left out; "
                "write the price of the item, or “10% discount” alone."
            )
            sentence.ask("discount", question, (span[0], scope.end() if scope else span[1]))
            if scope:
                sentence.take(*scope.span())
            continue
        said.discount, said.mark = discount, mark
        value = {name: f"{number:f}" for name, number in discount.items()}
        sentence.understand("discount", value, span)


def _with_its_words(free: str, start: int) -> int:
    before = re.search(r"(?:\b(?:and|with|minus|less|an?)\s+)+$", free[:start])
    return before.start() if before else start


def _percent(text: str) -> Decimal:
    rate = read_number(text)
    if rate > 100:
        raise cannot(f"has {text}%, and a rate is at most 100%")
    return rate


def nothing_left(free: str) -> bool:
    """Whether only separators stand there."""
    return not re.sub(rf"[\s,;.!{TAKEN}]", "", free)
