"""The verbs of holding a bot: set its leash, take it off. Both lock the bot."""

from invoicing import clock, events
from invoicing.actions.action import action
from invoicing.errors import NotFound, ValidationFailed
from invoicing.leashes import LeashInput, stored, unknown_tools
from invoicing.models import Bot, Leash, Merchant


@action
def set_leash(merchant: Merchant, bot_id: str, wanted: LeashInput) -> Leash:
    """Let this hold from the next request on.

    Raises NotFound for another's bot, ValidationFailed for customers that are not the merchant's
    and for tools that there are not.
    """
    bot = _locked(merchant, bot_id)
    if problems := unknown_tools(wanted.tools):
        raise ValidationFailed(problems)
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
    events.record("bot.leash_set", leash)
    return leash


@action
def remove_leash(merchant: Merchant, bot_id: str) -> None:
    """Let the bot do all that its keys allow again."""
    bot = _locked(merchant, bot_id)
    leash = Leash.objects.filter(bot=bot).first()
    if leash is not None:
        leash.bot = bot
        events.record("bot.leash_removed", leash)
        leash.delete()


def _locked(merchant: Merchant, bot_id: str) -> Bot:
    rows = merchant.bots.select_related("merchant").select_for_update(of=("self",))
    bot = rows.filter(public_id=bot_id).first()
    if bot is None:
        raise NotFound(f"There is no bot {bot_id}.")
    return bot
