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
    "apr": "approval",
}


def address_of_id(public_id: str) -> str:
    """The page of whatever has this id; "" where such things have none."""
    page = PAGES.get(public_id.split("_")[0])
    return "" if page is None else reverse(f"dashboard:{page}", args=[public_id])


def address_of_object(event: Event) -> str:
    """The page of the object; "" where there is none, or none any more."""
    # A customer who was billed is only archived, but the event does not say so.
    return "" if event.type.endswith(".deleted") else address_of_id(event.object_id)
