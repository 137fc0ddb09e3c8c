"""The verbs of a rehearsal: deciding what a saved test card does next."""

from collections.abc import Sequence

from invoicing.actions.action import action
from invoicing.models import Merchant
from payments.methods import sandbox_card
from payments.models import SandboxMethod


@action
def plan_charges(
    merchant: Merchant, method_id: str, steps: Sequence[dict[str, str]]
) -> SandboxMethod:
    """Decide what becomes of the next charges of a saved test card, instead of what was decided.

    Raises NotFound, and InvalidState for a method that the sandbox does not keep.
    """
    known = sandbox_card(merchant, method_id)
    card = SandboxMethod.objects.select_for_update().get(pk=known.pk)
    card.next = [dict(step) for step in steps]
    card.save()
    return card
