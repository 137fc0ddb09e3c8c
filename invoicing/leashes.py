"""Holding a bot: what it may move by itself, what waits for a person, and what is refused.

Everything here happens in the caller's transaction, under the bot's lock.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from django.db.models import Sum
from pydantic import AfterValidator, Field, model_validator

from invoicing import clock, money
from invoicing.errors import OffLimits
from invoicing.fields import (
    COMPOSED,
    Amount,
    CurrencyCode,
    Input,
    Line,
    PositiveAmount,
    WrongField,
    many_lines,
)
from invoicing.intents import Move
from invoicing.models import Bot, Intent, Leash, Merchant

# Whoever knows the addresses says what the endpoints are called; filled when Django starts.
tool_names: list[Callable[[], Collection[str]]] = []
# Filled by the rooms above: whose an object is, by what its id is called in an address; "" where
# there is none such.
owners: dict[str, Callable[[Merchant, str], str]] = {}
AMOUNTS: Final = ("per_action", "per_day", "per_payee", "approval_above")
MOST_CUSTOMERS: Final = 500


class LimitInput(Input):
    """How much of one currency a bot may move by one kind of verb."""

    kind: Literal["charge", "refund", "settle"] = Field(
        description="`charge`: charges and schedules. `refund`: money that goes back. `settle`: "
        "money declared to have come from elsewhere."
    )
    currency: CurrencyCode
    per_action: PositiveAmount | None = Field(default=None, description="The most at once.")
    per_day: PositiveAmount | None = Field(
        default=None, description="The most in a day of the merchant's."
    )
    per_payee: PositiveAmount | None = Field(
        default=None, description="The most in a day for one customer."
    )
    approval_above: Amount | None = Field(
        default=None, description="What is more than this waits for a person; 0 is everything."
    )


class LeashInput(Input):
    """What a bot may do by itself. It replaces what held before."""

    tools: Annotated[list[Annotated[Line, Field(max_length=60)]], Field(max_length=200)] = Field(
        default=[],
        description="The names of the only endpoints it may use, such as `create_invoice`; all "
        "that its keys allow when empty.",
    )
    customers: Annotated[
        list[Annotated[Line, Field(max_length=40)]], Field(max_length=MOST_CUSTOMERS)
    ] = Field(
        default=[],
        description="The ids of the only customers whom it may bill, charge and refund; all when "
        "empty.",
    )
    limits: Annotated[list[LimitInput], Field(max_length=50)] = Field(
        default=[],
        description="One for each kind and currency. In a currency that has none, nothing of a "
        "kind that has some may be moved.",
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        seen = set()
        for place, limit in enumerate(self.limits):
            if (limit.kind, limit.currency) in seen:
                raise WrongField(f"limits[{place}]", f"is the second for {limit.currency}")
            seen.add((limit.kind, limit.currency))
            for name in AMOUNTS:
                try:
                    _in_minor_units(limit, name)
                except ValueError as problem:
                    raise WrongField(f"limits[{place}].{name}", str(problem)) from None
        return self


class DeclineInput(Input):
    """Why a person does not want done what a bot asked for."""

    note: Annotated[str, Field(max_length=500), COMPOSED, AfterValidator(many_lines)] = Field(
        default="", description="Told to the bot."
    )


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit, in minor units of its currency."""

    kind: str
    currency: str
    per_action: int | None
    per_day: int | None
    per_payee: int | None
    approval_above: int | None


def stored(wanted: LimitInput) -> dict[str, Any]:
    """A limit as its leash keeps it."""
    amounts = {name: _in_minor_units(wanted, name) for name in AMOUNTS}
    return {"kind": wanted.kind, "currency": wanted.currency, **amounts}


def _in_minor_units(limit: LimitInput, name: str) -> int | None:
    amount: Decimal | None = getattr(limit, name)
    if amount is None:
        return None
    return money.to_minor(amount, money.asset(limit.currency).decimals)


def unknown_tools(names: Sequence[str]) -> list[tuple[str, str]]:
    """What is wrong with each name that no endpoint has, by its field; the nearest is told."""
    known = [name for tell in tool_names for name in tell()]
    problems = []
    for place, name in enumerate(names):
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            problems.append((f"tools[{place}]", f"is no tool: {name}{hint}"))
    return problems


def leash_of(bot: Bot) -> Leash | None:
    """What holds this bot, if anything does."""
    return Leash.objects.filter(bot=bot).first()


def limits_of(leash: Leash) -> list[Limit]:
    """Its limits."""
    return [Limit(**kept) for kept in leash.limits]


def must_wait(bot: Bot, move: Move) -> bool:
    """Whether a person has to let this be done. Raises OffLimits for what nobody may let through
    but by changing the leash."""
    leash = leash_of(bot)
    if leash is None:
        return False
    if leash.customers and move.payee not in leash.customers:
        raise not_among_customers(move.payee)
    limits = limits_of(leash)
    if move.beside in {limit.kind for limit in limits}:
        raise unmeasured(move.beside)
    of_kind = [limit for limit in limits if limit.kind == move.kind]
    if not of_kind:
        return False
    limit = next((limit for limit in of_kind if limit.currency == move.currency), None)
    if limit is None:
        allowed = ", ".join(limit.currency for limit in of_kind)
        raise OffLimits(
            f"This bot may only move {allowed} by a {move.kind}, and this is {move.currency}.",
            details={"limit": "currency", "kind": move.kind},
        )
    _within(limit.per_action, 0, move, "per_action")
    today = used_today(bot, limit)
    _within(limit.per_day, today, move, "per_day")
    if limit.per_payee is not None:
        _within(limit.per_payee, used_today(bot, limit, move.payee), move, "per_payee")
    return limit.approval_above is not None and move.amount > limit.approval_above


def used_today(bot: Bot, limit: Limit, payee: str = "") -> int:
    """What has moved or waits to be moved since midnight, in minor units."""
    rows = bot.intents.filter(
        kind=limit.kind, currency=limit.currency, created_at__gte=midnight(bot.merchant)
    ).exclude(status__in=[Intent.Status.DROPPED, Intent.Status.DECLINED])
    if payee:
        rows = rows.filter(payee=payee)
    return rows.aggregate(used=Sum("amount"))["used"] or 0


def midnight(merchant: Merchant) -> datetime:
    """When the merchant's day began."""
    zone = ZoneInfo(merchant.timezone)
    today = clock.now(merchant).astimezone(zone).date()
    return datetime.combine(today, time(), zone)


def unmeasured(kind: str) -> OffLimits:
    """What is said of a verb that a bot's limits of this kind cannot hold."""
    return OffLimits(
        f"This bot has limits for each {kind}, and what this would move cannot be held against "
        "them beforehand: ask a person to do it.",
        details={"limit": "unmeasured", "kind": kind},
    )


def not_among_customers(payee: str) -> OffLimits:
    """What is said where a bot deals with somebody else than it may."""
    return OffLimits(
        f"This bot may not deal with {payee or 'somebody who is no customer'}: only with the "
        "customers that its leash names.",
        details={"limit": "customers"},
    )


_vetting: ContextVar[Callable[[Input], None] | None] = ContextVar("vetting", default=None)


@contextmanager
def vetting(look: Callable[[Input], None]) -> Iterator[None]:
    """Hold whatever is drafted meanwhile: for wishes in words, which no door can read."""
    token = _vetting.set(look)
    try:
        yield
    finally:
        _vetting.reset(token)


def vet(wanted: Input) -> None:
    """Raises OffLimits for a draft that whoever asks for it may not have made."""
    if look := _vetting.get():
        look(wanted)


def _within(most: int | None, used: int, move: Move, name: str) -> None:
    if most is None or used + move.amount <= most:
        return

    def text(amount: int) -> str:
        return money.to_text(amount, move.currency)

    over = {"per_action": "at once", "per_day": "a day", "per_payee": "a day for one customer"}
    left = max(most - used, 0)
    raise OffLimits(
        f"This bot may {move.kind} at most {text(most)} {move.currency} {over[name]}; "
        f"{text(left)} is left.",
        details={
            "limit": name,
            "kind": move.kind,
            "currency": move.currency,
            "most": text(most),
            "left": text(left),
        },
    )


def shown(leash: Leash, *, with_use: bool = False) -> Mapping[str, Any]:
    """A leash as the API tells it."""

    def told(limit: Limit) -> dict[str, Any]:
        amounts = {name: getattr(limit, name) for name in AMOUNTS}
        if with_use:
            amounts["used_today"] = used_today(leash.bot, limit)
        return {
            "kind": limit.kind,
            "currency": limit.currency,
            **{
                name: None if amount is None else money.to_text(amount, limit.currency)
                for name, amount in amounts.items()
            },
        }

    return {
        "object": "leash",
        "bot_id": leash.bot.public_id,
        "tools": leash.tools,
        "customers": leash.customers,
        "limits": [told(limit) for limit in limits_of(leash)],
    }
