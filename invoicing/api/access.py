"""Bots and their keys, and what a key says about itself."""

from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing import leashes, representations
from invoicing.actions import access as actions
from invoicing.api import schemas
from invoicing.api.endpoint import Endpoint
from invoicing.api.pagination import PageQuery, page
from invoicing.api.views import ApiView
from invoicing.errors import MissingPermission, NotFound
from invoicing.inputs import ApiKeyInput, BotChanges, BotInput
from invoicing.models import ApiKey, Bot


class MeView(ApiView):
    tag = "Who"

    @Endpoint("Get who is asking", answers=schemas.Me, tool="me")
    def get(self, request: Request) -> Response:
        """Takes any key: whom it belongs to, what it may do, and what holds it: `leash`, with
        what was used today, or null."""
        key, leash = self.caller.key, self.caller.leash
        return Response(
            {
                "object": "me",
                "merchant": representations.merchant(self.merchant),
                "bot": representations.bot(self.caller.bot),
                "api_key": representations.api_key(key),
                "permissions": key.permissions,
                "leash": leash and dict(leashes.shown(leash, with_use=True)),
            }
        )


class Bots(ApiView):
    tag = "Who"

    @Endpoint("List bots", needs="bots:read", query=PageQuery, answers=schemas.Bot, page=True)
    def get(self, request: Request) -> Response:
        """Newest first."""
        rows = self.merchant.bots.select_related("wallet")
        return Response(page(self.query(PageQuery), rows, representations.bot))

    @Endpoint(
        "Create a bot",
        needs="bots:write",
        body=BotInput,
        answers=schemas.Bot,
        status=201,
        refuses=(404,),
        example={"name": "Billing agent"},
    )
    def post(self, request: Request) -> HttpResponseBase:
        """A bot can do nothing until it is given a key."""
        wanted = self.read(BotInput)
        return self.run(lambda: actions.create_bot(self.merchant, wanted), representations.bot)


class BotDetail(ApiView):
    tag = "Who"

    @Endpoint("Get a bot", needs="bots:read", answers=schemas.Bot)
    def get(self, request: Request, bot_id: str) -> Response:
        """One bot."""
        return Response(representations.bot(_bot(self, bot_id)))

    @Endpoint(
        "Change a bot",
        needs="bots:write",
        body=BotChanges,
        answers=schemas.Bot,
        example={"name": "Billing agent"},
    )
    def patch(self, request: Request, bot_id: str) -> HttpResponseBase:
        """Its name, or its wallet; what it sold before stays where it is."""
        changes = self.read(BotChanges)
        return self.run(
            lambda: actions.update_bot(self.merchant, bot_id, changes), representations.bot
        )


class BotKeys(ApiView):
    tag = "Who"

    @Endpoint(
        "List a bot's API keys",
        needs="bots:read",
        query=PageQuery,
        answers=schemas.ApiKey,
        page=True,
    )
    def get(self, request: Request, bot_id: str) -> Response:
        """Newest first, revoked ones too. Secrets are kept nowhere and cannot be shown."""
        query = self.query(PageQuery)
        rows: QuerySet[ApiKey] = _bot(self, bot_id).api_keys.select_related("bot")
        return Response(page(query, rows, representations.api_key))

    @Endpoint(
        "Create an API key",
        needs="bots:write",
        body=ApiKeyInput,
        answers=schemas.NewApiKey,
        status=201,
        example={"name": "Production", "permissions": ["invoices:read", "invoices:write"]},
    )
    def post(self, request: Request, bot_id: str) -> HttpResponseBase:
        """The answer shows the key, this once. A key can only be given permissions that the key
        that asks has itself."""
        wanted = self.read(ApiKeyInput)
        for permission in wanted.permissions:
            if not self.caller.may(permission):
                raise MissingPermission(permission)

        def shown(made: tuple[ApiKey, str]) -> dict[str, Any]:
            row, text = made
            return {**representations.api_key(row), "key": text}

        return self.run(
            lambda: actions.create_api_key(self.merchant, bot_id, wanted), shown, shown_once="key"
        )


class RevokeKey(ApiView):
    tag = "Who"

    @Endpoint("Revoke an API key", needs="bots:write", answers=schemas.ApiKey)
    def post(self, request: Request, key_id: str) -> HttpResponseBase:
        """The key opens nothing any more, from the next request on."""
        return self.run(
            lambda: actions.revoke_api_key(self.merchant, key_id), representations.api_key
        )


def _bot(view: ApiView, bot_id: str) -> Bot:
    bot = view.merchant.bots.select_related("wallet").filter(public_id=bot_id).first()
    if bot is None:
        raise NotFound(f"There is no bot {bot_id}.")
    return bot
