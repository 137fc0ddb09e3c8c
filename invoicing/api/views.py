"""What every endpoint of the native API shares: who calls, whether they may, and doing it once.

An endpoint parses, calls one action and renders; everything else happens here.
"""

import json
import re
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from invoicing import idempotency, inputs
from invoicing.actor import Actor, acting
from invoicing.api import throttling
from invoicing.api.authentication import Caller, KeyAuthentication
from invoicing.api.parser import ExactJsonParser
from invoicing.errors import MissingPermission, ValidationFailed
from invoicing.models import Merchant

R = TypeVar("R")
I = TypeVar("I", bound=BaseModel)  # noqa: E741
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class ApiView(APIView):
    """An endpoint for bots. `permissions` says what each method needs; no method is without."""

    authentication_classes: ClassVar[list[Any]] = [KeyAuthentication]
    permission_classes: ClassVar[list[Any]] = []
    parser_classes: ClassVar[list[Any]] = [ExactJsonParser]
    permissions: ClassVar[dict[str, str | None]] = {}
    rate_scope = "api"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Count the request, know the caller, and refuse what their key does not allow."""
        super().initial(request, *args, **kwargs)
        if not isinstance(request.user, Caller):
            raise NotAuthenticated("Send an API key as: Authorization: Bearer bh_…")
        self.rate_headers = throttling.count(request, self.rate_scope, request.user.key.prefix)
        needed = self.permissions.get((request.method or "").lower(), "")
        if needed and not self.caller.may(needed):
            raise MissingPermission(needed)

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Say how much of the rate limit is left."""
        finished = super().finalize_response(request, response, *args, **kwargs)
        for name, value in getattr(self, "rate_headers", {}).items():
            finished[name] = value
        return finished

    def handle_exception(self, exc: Exception) -> Response:
        """A refusal by the rate limit carries the limit's headers as well."""
        if isinstance(exc, throttling.Refused):
            self.rate_headers = exc.headers
        return super().handle_exception(exc)

    @property
    def caller(self) -> Caller:
        return self.request.user  # type: ignore[return-value]

    @property
    def merchant(self) -> Merchant:
        return self.caller.merchant

    def read(self, model: type[I]) -> I:
        """The request's body as this input. Raises ValidationFailed."""
        return inputs.read(model, self.request.data)

    def run(
        self,
        do: Callable[[], R],
        render: Callable[[R], Any],
        *,
        status: int = 200,
        steps: bool = False,
    ) -> Response:
        """Do it in the caller's name and once per Idempotency-Key; render what came of it.

        With `steps` it takes more than one action, and its answer is kept after the last.
        """
        guard = self._guard(None if steps else lambda result: _answer(status, render(result)))
        with acting(self._actor()), idempotency.guarded(guard):
            try:
                result = do()
            except idempotency.Replay as replay:
                return _replayed(replay.answer)
            if guard is None:
                return Response(render(result), status=status)
            if guard.answer is None:
                guard.finish(_answer(status, render(result)))
        assert guard.answer is not None  # noqa: S101 - every branch above has set it
        return _told(guard.answer)

    def _actor(self) -> Actor:
        bot = self.caller.bot
        return Actor("bot", bot.public_id, bot.name, getattr(self.request, "request_id", ""))

    def _guard(self, render: Callable[[Any], idempotency.Answer] | None) -> Any:
        key = self.request.headers.get("Idempotency-Key")
        if key is None or self.request.method != "POST":
            return None
        # The draft standard's quoted form and the bare one mean the same key.
        if len(key) > 1 and key[0] == key[-1] == '"':
            key = key[1:-1]
        if not _KEY.fullmatch(key):
            raise ValidationFailed(
                [("Idempotency-Key", "must have 1 to 255 visible ASCII characters")]
            )
        return idempotency.Guard(
            merchant_id=self.merchant.pk,
            actor_id=self.caller.bot.public_id,
            key=key,
            fingerprint=idempotency.fingerprint(
                str(self.request.method), self.request.path, self.request.data
            ),
            render=render,
        )


class PublicView(APIView):
    """An endpoint that needs no key: whoever holds the slug may ask. Counted by address."""

    authentication_classes: ClassVar[list[Any]] = []
    permission_classes: ClassVar[list[Any]] = []
    parser_classes: ClassVar[list[Any]] = [ExactJsonParser]
    rate_scope = "public"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Count the request by its address."""
        super().initial(request, *args, **kwargs)
        self.rate_headers = throttling.count(
            request, self.rate_scope, throttling.client_address(request)
        )

    finalize_response = ApiView.finalize_response
    handle_exception = ApiView.handle_exception


def _answer(status: int, body: Any) -> idempotency.Answer:
    return idempotency.Answer(status, json.dumps(body, ensure_ascii=False))


def _told(answer: idempotency.Answer) -> Response:
    return Response(json.loads(answer.body), status=answer.status)


def _replayed(answer: idempotency.Answer) -> Response:
    response = _told(answer)
    response["Idempotent-Replayed"] = "true"
    return response
