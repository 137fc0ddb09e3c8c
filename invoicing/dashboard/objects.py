"""Where the page of what an event is about is."""

from typing import Final

from django.urls import reverse

from invoicing.models import Event

# By what its id begins with; what is not here has no page of its own.
PAGES: Final = {
    "inv": "invoice",
    "cus": "customer",
    "inq": "question",
    "cn": "credit_note",
    "rec": "recurring_charge",
    "pay": "payment",
    "ref": "refund",
    "dis": "dispute",
    "dep": "deposit",
    "po": "payout",
    "clm": "claim",
}


def address_of_object(event: Event) -> str:
    """The page of the object; "" where there is none, or none any more."""
    page = PAGES.get(event.object_id.split("_")[0])
    # A customer who was billed is only archived, but the event does not say so.
    if page is None or event.type.endswith(".deleted"):
        return ""
    return reverse(f"dashboard:{page}", args=[event.object_id])
