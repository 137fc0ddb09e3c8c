"""The verbs of holding a bot: set its leash, take it off. Both lock the bot."""

from invoicing import clock
from invoicing.actions.action import action
from invoicing.errors import NotFound, ValidationFailed
from invoicing.leashes import LeashInput, stored
from invoicing.models import Bot, Leash, Merchant


@action
def set_leash(merchant: Merchant, bot_id: str, wanted: LeashInput) -> Leash:
    """Let this hold from the next request on.

    Raises NotFound for another's bot, ValidationFailed for customers that are not the merchant's.
    """
    bot = _locked(merchant, bot_id)
    known = set(
        merchant.customers.filter(public_id__in=wanted.customers).values_list(
            "public_id", flat=True
        )
    )
    for place, customer_id in enumerate(wanted.customers):
        if customer_id not in known:
            raise ValidationFailed([(f"customers[{place}]", f"is no customer: {customer_id}")])
    kept = {
        "tools": sorted(set(wanted.tools)),
        "customers": sorted(known),
        "limits": [stored(limit) for limit in wanted.limits],
        "updated_at": clock.now(merchant),
    }
    leash, _ = Leash.objects.update_or_create(bot=bot, defaults=kept)
    return leash


@action
def remove_leash(merchant: Merchant, bot_id: str) -> None:
    """Let the bot do all that its keys allow again."""
    Leash.objects.filter(bot=_locked(merchant, bot_id)).delete()


def _locked(merchant: Merchant, bot_id: str) -> Bot:
    bot = merchant.bots.select_for_update().filter(public_id=bot_id).first()
    if bot is None:
        raise NotFound(f"There is no bot {bot_id}.")
    return bot
