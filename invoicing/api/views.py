"""What every endpoint of the native API shares: who calls, whether they may, and how it is told.

An endpoint parses, calls one action and renders; everything else happens here.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ClassVar, TypeVar

from django.http.response import HttpResponseBase
from pydantic import BaseModel
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from invoicing import inputs
from invoicing.actor import Actor
from invoicing.api import holding, moving, throttling
from invoicing.api.authentication import Caller, KeyAuthentication
from invoicing.api.endpoint import METHODS, Endpoint, endpoints_of
from invoicing.api.errors import UnsupportedBody
from invoicing.api.once import key_of, once
from invoicing.api.openapi import DescribedSchema
from invoicing.api.parser import MAX_BYTES, ExactJsonParser, TooLarge, take_in_pieces
from invoicing.errors import MissingPermission, NotFound, ValidationFailed
from invoicing.intents import Move
from invoicing.models import Merchant

R = TypeVar("R")
# Where whoever has only found this address can read what there is (RFC 8631).
DESCRIBED = '</v1/openapi.json>; rel="service-desc", </docs>; rel="service-doc"'
I = TypeVar("I", bound=BaseModel)  # noqa: E741


class Nothing(inputs.Input):
    """The body of a request that takes none."""


class OnlyJson(BaseContentNegotiation):
    """JSON goes in and JSON comes out, whatever an Accept header hopes for."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        if request.content_type.split(";", 1)[0].strip().lower() != "application/json":
            raise UnsupportedBody
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> tuple[Any, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class JsonView(APIView):
    """Speaks JSON, counts requests and says how many are left. Every handler is an Endpoint."""

    authentication_classes = []
    permission_classes = []
    parser_classes = [ExactJsonParser]
    content_negotiation_class = OnlyJson
    metadata_class = None
    http_method_names = [*METHODS, "head"]
    schema = DescribedSchema()
    # The largest body; only an endpoint that takes documents has reason for more.
    max_bytes: ClassVar[int] = MAX_BYTES
    # Where the documentation lists it.
    tag: ClassVar[str] = ""
    endpoints: ClassVar[dict[str, Endpoint]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.endpoints = endpoints_of(cls)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Take in a body of whatever length."""
        super().initial(request, *args, **kwargs)
        take_in_pieces(request._request, self.max_bytes)

    def too_large(self) -> Exception:
        """What a larger body is refused with."""
        return TooLarge(self.max_bytes)

    @property
    def endpoint(self) -> Endpoint | None:
        """The endpoint that was asked for, None where the method is not allowed."""
        method = str(self.request.method).lower()
        return self.endpoints.get("get" if method == "head" else method)

    def count(self, scope: str, who: str) -> None:
        """Count this request; whatever is answered tells what is left."""
        try:
            self.rate_headers = throttling.count(self.request, scope, who)
        except throttling.Refused as refusal:
            self.rate_headers = refusal.headers
            raise

    def refuse_what_is_not_asked(self) -> None:
        """Nothing that is sent may be overlooked. Raises ValidationFailed, naming it."""
        if self.endpoint is None:
            return
        if not self.endpoint.query and self.request.query_params:
            names = list(self.request.query_params)
            raise ValidationFailed([(name, "is not a parameter here") for name in names])
        if self.endpoint.has_keys:
            key_of(self.request)  # also where nothing is done that could be done twice
        if not self.endpoint.body and self.request.method == "POST":
            self.read(Nothing)

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Say how much of the rate limit is left, and let no cache keep what was said."""
        finished = super().finalize_response(request, response, *args, **kwargs)
        for name, value in getattr(self, "rate_headers", {}).items():
            finished[name] = value
        finished.headers.setdefault("Cache-Control", "no-store")
        finished.headers.setdefault("Link", DESCRIBED)
        return finished

    def read(self, model: type[I]) -> I:
        """The request's body as this input. Raises ValidationFailed."""
        return inputs.read(model, self.request.data)

    def query(self, model: type[I]) -> I:
        """The request's query as this input. Raises ValidationFailed, also for a repeated name."""
        values = {}
        for name, given in self.request.query_params.lists():
            if len(given) > 1:
                raise ValidationFailed([(name, "is given twice")])
            values[name] = given[0]
        return inputs.read(model, values)


class ApiView(JsonView):
    """An endpoint for bots, which show a key that carries the permission it needs."""

    authentication_classes = [KeyAuthentication]
    hold: holding.Hold | None = None

    def read(self, model: type[I]) -> I:
        """The request's body as this input, as far as the bot may ask for it."""
        wanted = super().read(model)
        holding.vet_address(self.caller, wanted)
        if self.hold is not None:
            self.hold.on_reading(wanted)
        return wanted

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Know the caller, count the request, and refuse what the key does not allow."""
        try:
            super().initial(request, *args, **kwargs)
            if not isinstance(request.user, Caller):
                raise NotAuthenticated("Send an API key as: Authorization: Bearer bh_…")
        except (AuthenticationFailed, NotAuthenticated):
            # Guessing is counted as well, by address.
            self.count("public", throttling.client_address(request))
            raise
        self.count("api", self.caller.key.prefix)
        if self.endpoint and self.endpoint.needs and not self.caller.may(self.endpoint.needs):
            raise MissingPermission(self.endpoint.needs)
        if self.caller.leash is not None and self.endpoint is not None:
            self.hold = holding.Hold(self.caller, self.caller.leash, self.endpoint)
            self.hold.at_the_door(str(request.method), kwargs)
        self.refuse_what_is_not_asked()

    @property
    def caller(self) -> Caller:
        return self.request.user  # type: ignore[return-value]

    @property
    def merchant(self) -> Merchant:
        return self.caller.merchant

    def run(
        self,
        do: Callable[[], R],
        render: Callable[[R], Any],
        *,
        steps: bool = False,
        shown_once: str = "",
        moves: Callable[[], Move] | None = None,
    ) -> HttpResponseBase:
        """Do it in the bot's name and once per Idempotency-Key; render what came of it.

        What moves money says so, and is done once per wish as well.
        """
        bot = self.caller.bot
        actor = Actor("bot", bot.public_id, bot.name, getattr(self.request, "request_id", ""))
        assert self.endpoint  # noqa: S101 - a handler runs, so there is one
        if self.hold is not None and moves is None:  # what moves money says whose it is
            do = self.hold.held(do)
        act = partial(
            once,
            self.request,
            self.merchant,
            actor,
            do,
            render,
            status=self.endpoint.status,
            steps=steps,
            shown_once=shown_once,
        )
        if moves is None:
            return act()
        return moving.once_per_wish(self.request, self.caller, self.endpoint, moves, act)


class PublicView(JsonView):
    """An endpoint that needs no key: whoever holds the slug may ask. Counted by address."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Count the request by its address."""
        super().initial(request, *args, **kwargs)
        self.count("public", throttling.client_address(request))
        self.refuse_what_is_not_asked()


class NothingHere(PublicView):
    """Every address below /v1 that is none of ours."""

    schema = None  # type: ignore[assignment]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Say so, in the API's own words."""
        super().initial(request, *args, **kwargs)
        raise NotFound(
            "There is nothing at this address. /v1/openapi.json lists all there is, /docs shows it "
            "to people, and /llms.txt says where to begin."
        )
