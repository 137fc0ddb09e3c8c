"""What a bot may do by itself, and what it waits for."""

from typing import Any, Literal

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing import leashes, representations
from invoicing.actions import leashes as actions
from invoicing.api import leash_schemas as schemas
from invoicing.api.authentication import Caller
from invoicing.api.endpoint import Endpoint
from invoicing.api.pagination import PageQuery, page
from invoicing.api.views import ApiView
from invoicing.errors import NotFound
from invoicing.leashes import LeashInput
from invoicing.models import Approval, Bot, Leash

EXAMPLE = {
    "tools": ["create_invoice", "send_invoice", "refund_invoice"],
    "limits": [
        {
            "kind": "refund",
            "currency": "USD",
            "per_action": "200.00",
            "per_day": "500.00",
            "approval_above": "50.00",
        }
    ],
}


class ApprovalQuery(PageQuery):
    """Which approvals a list shows."""

    status: Literal["pending_approval", "approved", "done", "declined", "expired"] | None = Field(
        default=None, description="How far they are."
    )


class BotLeash(ApiView):
    tag = "Who"

    @Endpoint("Get a bot's leash", needs="bots:read", answers=schemas.Leash)
    def get(self, request: Request, bot_id: str) -> Response:
        """What the bot may do by itself, and how much of it was used today."""
        bot = self.merchant.bots.select_related("leash").filter(public_id=bot_id).first()
        if bot is None:
            raise NotFound(f"There is no bot {bot_id}.")
        return Response(_shown(bot, getattr(bot, "leash", None)))

    @Endpoint(
        "Set a bot's leash",
        needs="bots:write",
        body=LeashInput,
        answers=schemas.Leash,
        example=EXAMPLE,
    )
    def put(self, request: Request, bot_id: str) -> HttpResponseBase:
        """Holds from the next request on, and replaces what held before. An empty one holds
        nothing back. A bot on a leash can change no bots and no keys."""
        wanted = self.read(LeashInput)
        return self.run(
            lambda: actions.set_leash(self.merchant, bot_id, wanted),
            lambda leash: _shown(leash.bot, leash),
        )


class Approvals(ApiView):
    tag = "Who"

    @Endpoint(
        "List approvals",
        needs="payments:read",
        query=ApprovalQuery,
        answers=schemas.Approval,
        page=True,
    )
    def get(self, request: Request) -> Response:
        """What the bot has asked a person for, newest first; with `bots:read`, what every bot
        has."""
        query = self.query(ApprovalQuery)
        rows = approvals_for(self.caller)
        if query.status:
            rows = rows.filter(status=query.status)
        return Response(page(query, rows, representations.approval))


class ApprovalDetail(ApiView):
    tag = "Who"

    @Endpoint("Get an approval", needs="payments:read", answers=schemas.Approval)
    def get(self, request: Request, approval_id: str) -> Response:
        """Ask until it is `done`, `declined` or `expired`, or hear of it by webhook. `result` is
        the answer that the request would have had at once; the request sent again with the same
        Idempotency-Key gets it too."""
        row = approvals_for(self.caller).filter(public_id=approval_id).first()
        if row is None:
            raise NotFound(f"There is no approval {approval_id}.")
        return Response(representations.approval(row))


def approvals_for(caller: Caller) -> QuerySet[Approval]:
    """The approvals that a bot may see, its own as a rule, with all that showing them takes."""
    rows = caller.merchant.approvals.select_related("merchant", "bot", "intent")
    return rows if caller.may("bots:read") else rows.filter(bot=caller.bot)


def _shown(bot: Bot, leash: Leash | None) -> dict[str, Any]:
    held = leash or Leash(bot=bot)
    held.bot = bot
    return dict(leashes.shown(held, with_use=True))
