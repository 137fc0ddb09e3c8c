"""What stands in a sentence unused and may change what it asks for: it is asked, never guessed.

Every rule takes the words that it understands. What is left is a name or a description, and words
of arithmetic, conditions, negations and second thoughts there may mean something else. Text in
quotation marks is only text, and no customer on file is doubted.
"""

import re
from typing import Final

from checkout.bots.quick_money import prices
from checkout.bots.quick_text import Sentence, cannot, every
from invoicing.errors import ValidationFailed

_CLAUSE: Final = r"[^,;\n\x00]*?(?=[,;\n\x00]|[.!](?:[\s\x00]|$)|$)"
_TAKES_BACK: Final = (
    r"(?:actually|wait|hold|cancel|scratch|never\s?mind|forget|oops|undo|stop|sorry|correction|"
    r"do\s+not|don['’]?t|not\s+yet|on\s+second\s+thoughts?|i\s+changed\s+my\s+mind|nope|"
    r"no(?=\s*(?:[,;.!\n\x00]|$|wait\b|hold\b|stop\b|don|do\s+not)))"
)
_SECOND_THOUGHT: Final = re.compile(
    r"(?:(?<=[,;.!?\n–—])|(?<=\s-))\s*(?:(?:and|but|oh|hm+|er|um|well|please|then)\s+)*"
    rf"{_TAKES_BACK}(?![\w-]){_CLAUSE}",
    re.IGNORECASE,
)
_CONDITION: Final = re.compile(
    r"\b(?:(?:but\s+)?only\s+)?(?:if|unless|except|once|when|whenever|provided|assuming|"
    r"as\s+long\s+as|as\s+soon\s+as|in\s+case|subject\s+to|depending\s+on)\b" + _CLAUSE,
    re.IGNORECASE,
)
_COUNT: Final = r"(?:\d+|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_NAME_IT: Final = "Put it in quotation marks if it is part of a name or a description."
_WORDS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        r"(?:half(?!\s+an?\s+(?:hour|day|week|month|year)\b)|(?<!\x00 for )half|halves|halved|"
        r"thirds?|quarters?|doubled?|tripled?|trebled?|quadrupled?|twice|thrice|times|less|minus|plus|"
        r"multiplied|divided|percent|discount(?:ed)?|rebate|off|capped|"
        r"minimum|maximum|inclusive|usually|normally|formerly|originally|was|were)",
        "amount",
        "No amount was worked out with this. Write the amount itself.",
    ),
    (r"[½¼¾⅓⅔⅛]|\+(?=\s)|\d[\d.,]*\s?%", "amount", "No amount was worked out with this."),
    (
        r"(?:dozens?|each|apiece|ea|pp|pcs|daily|hourly|nightly)|\d+\s*[-–](?=\s*\x00)|(?:\d+:\d\d|\d+(?:h|hrs?|min)\d*)|[x×*]\s?\d+|\d+\s?[x×*]"
        rf"|(?<=\x00)\s*(?:/|\bper\b|\ban?\s+\w+\s+for\s+{_COUNT})"
        # A second thing that is counted, where only one price is.
        rf"|(?:\band|\bor|\bplus|[,&])\s*{_COUNT}(?=\s)"
        rf"|(?<=\x00)\s*{_COUNT}(?=\s)(?!\s[^,;\x00]*\bfor\s*\x00)",
        "quantity",
        "How many are there? Write it like “3 hours at $40”.",
    ),
    (
        r"(?:gross|net|tips?|gratuity|pre-?tax)",
        "amount",
        "What comes on top or is part of the amount was not worked out. Write it as an item.",
    ),
    (
        r"(?:up-?\s?front|deposits?|(?:in\s+)?advance|down\s?payment|prepa(?:id|yment)|balance|"
        r"remainder|remaining|split)",
        "parts",
        "This asks for the whole amount. Write the part that is to be paid now.",
    ),
    (
        r"(?:if|unless|until|except|excepting|when|whenever|once|provided|assuming|otherwise|"
        r"depending|pending)",
        "condition",
        "An invoice knows no conditions: this changed nothing.",
    ),
    (
        r"(?:\w*n['’]t|dont|not|never|nope|actually|wait|hold|cancel(?:l?ed)?|instead|sorry|oops|"
        r"scratch|forget|undo|stop|never\s?mind|rather|correction|i\s+mean(?:t)?)",
        "doubt",
        "This seems to take something back, and nothing was taken back.",
    ),
    (
        r"(?:maybe|perhaps|probably|possibly|either|approx(?:imately)?|roughly|circa|up\s+to|at\s+(?:the\s+)?(?:least|most|latest))",
        "doubt",
        "This seems unsure, and was taken as sure.",
    ),
)
_ASKED: Final = [
    (re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE), about, question)
    for words, about, question in _WORDS
]
_LONE_NUMBER: Final = re.compile(
    r"(?<=\s)\d+(?:[.,]\d+)*(?=\s*(?:[,;\x00]|\.(?:\s|\x00|$)|$|of\b))"
)
# What a description may well hold, and what is still looked over before it is sent.
_LOOKED_OVER: Final = re.compile(
    r"(?<![\w-])(?:or|no|none|nothing|without|before|after|per|extra|additional|only|same|again|couple|"
    r"pair|several|few|both|various|many|some|about|around|credit|refund|we|they|he|she|should|will|"
    r"would|could|said|asked|thirteen|\w+teen|twenty|thirty|forty|fifty|\w+ty-\w+|hundred|thousand|two|three|four|"
    r"five|six|seven|eight|nine|ten|eleven|twelve|\d[\w.,:/]*)(?![\w-])|\d\s?[*/x×]\s?\d|\?(?=\s+[a-z])",
    re.IGNORECASE,
)
_NEGATION: Final = next(one for one, about, _ in _ASKED if about == "doubt")
_SMILEY: Final = re.compile(r"[:;]-?[()]")
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}


def read_conditions(sentence: Sentence) -> bool:
    """Whether something is said to hold only on a condition; each is asked and taken."""
    found = False
    for match in every(_CONDITION, sentence):
        if _has_amount(match.group()):
            continue
        question = "An invoice knows no conditions: this was left out. Write it into the memo."
        sentence.ask("condition", question, match.span())
        sentence.take(*match.span())
        found = True
    return found


def read_second_thoughts(sentence: Sentence) -> None:
    """What takes back something said before is asked and taken.

    Raises ValidationFailed where it names a number: it may be the one that counts.
    """
    for match in every(_SECOND_THOUGHT, sentence):
        if re.search(r"\d", match.group()):
            words = sentence.words(*match.span())
            raise cannot(f"corrects itself with “{words}”; write it anew as it is to be")
        question = "This seems to take something back. It stays a draft, as it was before this."
        sentence.ask("doubt", question, match.span())
        sentence.take(*match.span())


def take_brackets_of_amounts(sentence: Sentence) -> None:
    """An amount in brackets is an amount; brackets without their other half are asked."""
    for match in every(re.compile(r"\(([^()\x00]*)\)"), sentence):
        if _has_amount(match[1]):
            sentence.take(match.start(), match.start() + 1)
            sentence.take(match.end() - 1, match.end())


def ask_about_brackets(sentence: Sentence) -> None:
    """Ask about the first bracket that is not closed, or never opened."""
    free = _SMILEY.sub(lambda match: " " * len(match.group()), sentence.free)
    opened: list[tuple[str, int]] = []
    for place, char in enumerate(free):
        if char in _PAIRS.values():
            opened.append((char, place))
        elif char in _PAIRS and (not opened or opened.pop()[0] != _PAIRS[char]):
            opened = [(char, place)]
            break
    if opened:
        place = opened[-1][1]
        question = "The other half of this bracket is missing. What belongs inside?"
        sentence.ask("brackets", question, (place, place + 1))


def ask_about_words(sentence: Sentence, start: int, end: int) -> None:
    """Ask about what is left between these places and may change the meaning."""
    free = sentence.free[:end]
    asked = set()
    for pattern, about, question in [
        *_ASKED,
        (_LONE_NUMBER, "quantity", "What does this number count? It was not used."),
    ]:
        match = pattern.search(free, start)
        if match and question not in asked:
            sentence.ask(about, f"{question} {_NAME_IT}", match.span())
            asked.add(question)
    if match := _LOOKED_OVER.search(free, start):
        question = "It stays a draft: nothing was worked out with this. Look it over, and send it."
        sentence.doubt("send", question, match.span())


def ask_about_what_follows(sentence: Sentence) -> None:
    """Words after the order to send that no rule has used: they may take it back."""
    place = max(
        (one.end or 0 for one in sentence.understood if one.what == "send" and one.value is True),
        default=None,
    )
    if place is None:
        return
    if match := re.search(r"[^\W\d_][^;\n\x00]*", sentence.free[place:]):
        span = place + match.start(), place + match.end()
        sentence.ask("send", "What does this say of sending it? It stays a draft.", span)


def ask_about_memos(
    sentence: Sentence, memos: list[tuple[int, int]], leads_with_send: bool
) -> None:
    """A memo may say anything, but no negation after the order to send."""
    sent = sentence.where("send")
    for start, end in memos:
        if leads_with_send or (sent and sent[0] < start):
            match = _NEGATION.search(sentence.text, start, end)
            if match:
                question = "Is it to be sent or not? It stays a draft."
                sentence.ask("send", question, match.span())


def _has_amount(text: str) -> bool:
    try:
        return bool(prices(text))
    except ValidationFailed:
        return True
