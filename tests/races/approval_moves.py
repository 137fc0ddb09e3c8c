"""Deciding what a bot asks for, and carrying it out, at the same moment as somebody else does."""

from invoicing import doorbell, tasks
from invoicing.actions import approvals
from invoicing.errors import InvalidState
from invoicing.models import Merchant, User
from tests.races.moves import _racing

doorbell._send = lambda task: None


def decide(merchant_pk: int, approval: str, user_pk: int, verb: str, guarded: bool = True) -> str:
    """Approve or decline; what it is told."""
    merchant, user = Merchant.objects.get(pk=merchant_pk), User.objects.get(pk=user_pk)
    act = approvals.approve if verb == "approve" else approvals.decline
    with _racing(guarded, approvals.clock, "now"):
        try:
            return act(merchant, approval, user).status
        except InvalidState:
            return "late"


def carry_out() -> int:
    """Do what was approved, as a worker does; how much of it this one had claimed."""
    with _racing(True, approvals.clock, "wall"):
        return tasks.carry_out_approvals()
