"""Events: what has happened, to look through or to follow."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing import feed, representations
from invoicing.api import schemas
from invoicing.api.endpoint import Endpoint
from invoicing.api.pagination import CreatedQuery, between, page
from invoicing.api.views import ApiView
from invoicing.errors import NotFound
from invoicing.event_types import FAMILIES, TYPES
from invoicing.fields import Line


def _type(name: Any) -> Any:
    if name not in TYPES and name not in FAMILIES:
        raise ValueError('must be an event type such as invoice.paid, or a family like "invoice.*"')
    return name


class EventQuery(CreatedQuery):
    """Which events a list shows."""

    type: Annotated[str, BeforeValidator(_type)] | None = Field(
        default=None, description="A type such as `invoice.paid`, or a family such as `invoice.*`."
    )
    object_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The id of the invoice or customer it happened to."
    )
    after: Annotated[Line, Field(max_length=40)] | None = Field(
        default=None,
        description="Follow the feed: oldest first, what came after this event; empty for all.",
    )


class Events(ApiView):
    tag = "Events"

    @Endpoint(
        "List events",
        needs="events:read",
        query=EventQuery,
        answers=schemas.Event,
        page=True,
        refuses=(404,),
    )
    def get(self, request: Request) -> Response:
        """Newest first. With `after` it is a feed, oldest first: ask with the id of the last event
        you have seen, and nothing is ever missed, not even what was being written meanwhile."""
        query = self.query(EventQuery)
        rows = self.merchant.events.all()
        if query.type:
            family = query.type.endswith(".*")
            rows = rows.filter(
                **{"type__startswith": query.type[:-1]} if family else {"type": query.type}
            )
        if query.object_id:
            rows = rows.filter(object_id=query.object_id)
        rows = between(rows, self.merchant, "created_at", query.created_after, query.created_before)
        if query.after is None:
            return Response(page(query, rows, representations.event))
        if query.after:
            rows = rows.filter(pk__gt=self._seen(query.after))
        rows = rows.filter(pk__lte=feed.settled_up_to())
        return Response(page(query, rows, representations.event, oldest_first=True))

    def _seen(self, event_id: str) -> int:
        pk = self.merchant.events.filter(public_id=event_id).values_list("pk", flat=True).first()
        if pk is None:
            raise NotFound(f"There is no event {event_id}.", details={"field": "after"})
        return pk


class EventDetail(ApiView):
    tag = "Events"

    @Endpoint("Get an event", needs="events:read", answers=schemas.Event)
    def get(self, request: Request, event_id: str) -> Response:
        """Exactly what was delivered to webhooks, and who did it."""
        event = self.merchant.events.filter(public_id=event_id).first()
        if event is None:
            raise NotFound(f"There is no event {event_id}.")
        return Response(representations.event(event))
