"""Ordering the last of something on a checkout page, at the same moment as somebody else does."""

from checkout.actions import sales
from checkout.inputs import PayerInput
from checkout.ordering import Order
from invoicing import doorbell, drafts
from invoicing.errors import InvalidState, ValidationFailed
from tests.races.moves import _racing

doorbell._send = lambda task: None


def begin_sale(page_pk: int, quantities: dict[str, int], guarded: bool = True) -> str:
    """Order so many; they meet between looking at what is left and taking it."""
    payer = PayerInput(name="Cleo", email="cleo@example.com")
    with _racing(guarded, drafts, "draft"):
        try:
            return sales.begin_sale(page_pk, Order(payer, quantities=quantities)).status
        except (ValidationFailed, InvalidState):
            return "sold out"
