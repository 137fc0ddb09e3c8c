"""Text that keeps its own direction inside a page of another, where `dir="auto"` has no effect."""

from django import template
from django.utils import translation

register = template.Library()

FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"


@register.filter
def isolate(text: str) -> str:
    """In a right-to-left language, each line in the direction of its first letter.

    The PDF renderer knows neither `dir="auto"` nor `<bdi>`, but it does know these characters.
    """
    if not translation.get_language_bidi():
        return text
    return "\n".join(
        f"{FIRST_STRONG_ISOLATE}{line}{POP_ISOLATE}" if line else line for line in text.split("\n")
    )
