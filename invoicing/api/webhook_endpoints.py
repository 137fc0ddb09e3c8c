"""Webhook endpoints, what was delivered to them, and delivering again."""

from typing import Annotated, Any, Literal

from django.http.response import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing import representations
from invoicing.actions import webhooks as actions
from invoicing.api import schemas
from invoicing.api.endpoint import Endpoint
from invoicing.api.pagination import PageQuery, page
from invoicing.api.views import ApiView
from invoicing.errors import NotFound
from invoicing.fields import Line
from invoicing.inputs import WebhookEndpointChanges, WebhookEndpointInput
from invoicing.models import Delivery, WebhookEndpoint


class DeliveryQuery(PageQuery):
    """Which deliveries a list shows."""

    status: Literal["pending", "succeeded", "failed"] | None = Field(
        default=None, description="Where they stand."
    )
    event_type: Annotated[Line, Field(max_length=60)] = Field(
        default="", description="What happened, such as invoice.paid."
    )
    event_id: Annotated[Line, Field(max_length=40)] = Field(
        default="", description="The id of one event."
    )


def _with_secret(made: tuple[WebhookEndpoint, str]) -> dict[str, Any]:
    endpoint, secret = made
    return {**representations.webhook_endpoint(endpoint), "secret": secret}


class WebhookEndpoints(ApiView):
    tag = "Webhooks"

    @Endpoint(
        "List webhook endpoints",
        needs="webhooks:read",
        query=PageQuery,
        answers=schemas.WebhookEndpoint,
        page=True,
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        rows = self.merchant.webhook_endpoints.filter(deleted_at=None)
        return Response(page(self.query(PageQuery), rows, representations.webhook_endpoint))

    @Endpoint(
        "Create a webhook endpoint",
        needs="webhooks:write",
        body=WebhookEndpointInput,
        answers=schemas.NewWebhookEndpoint,
        status=201,
        refuses=(409,),
        example={"url": "https://example.com/hooks/billhook", "event_types": ["invoice.*"]},
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Tells this URL what happens from now on. The answer shows the signing secret, this once.

        `event_types` are types such as `invoice.paid`, families such as `invoice.*`, or `*`.
        Private and loopback addresses are refused unless this instance allows them. With a
        `dialect` it hears only what that system knows, in its words.
        """
        wanted = self.read(WebhookEndpointInput)
        return self.run(
            lambda: actions.create_endpoint(self.merchant, wanted),
            _with_secret,
            shown_once="secret",
        )


class WebhookEndpointDetail(ApiView):
    tag = "Webhooks"

    @Endpoint("Get a webhook endpoint", needs="webhooks:read", answers=schemas.WebhookEndpoint)
    def get(self, request: Request, endpoint_id: str) -> Response:
        """How it is doing: `failing_since` and `disabled_reason` say what is wrong."""
        return Response(representations.webhook_endpoint(_endpoint(self, endpoint_id)))

    @Endpoint(
        "Change a webhook endpoint",
        needs="webhooks:write",
        body=WebhookEndpointChanges,
        answers=schemas.WebhookEndpoint,
        example={"enabled": True},
    )
    def patch(self, request: Request, endpoint_id: str) -> HttpResponseBase:
        """Only what is named changes. Enabling wakes what was waiting for it."""
        changes = self.read(WebhookEndpointChanges)
        return self.run(
            lambda: actions.update_endpoint(self.merchant, endpoint_id, changes),
            representations.webhook_endpoint,
        )

    @Endpoint("Delete a webhook endpoint", needs="webhooks:write", status=204)
    def delete(self, request: Request, endpoint_id: str) -> HttpResponseBase:
        """It is told nothing any more, not even what was waiting for it."""
        return self.run(
            lambda: actions.delete_endpoint(self.merchant, endpoint_id), lambda nothing: None
        )


class RotateSecret(ApiView):
    tag = "Webhooks"

    @Endpoint("Rotate a webhook secret", needs="webhooks:write", answers=schemas.NewWebhookEndpoint)
    def post(self, request: Request, endpoint_id: str) -> HttpResponseBase:
        """A new signing secret, shown this once. For 24 hours deliveries are signed with both."""
        return self.run(
            lambda: actions.rotate_secret(self.merchant, endpoint_id),
            _with_secret,
            shown_once="secret",
        )


class Deliveries(ApiView):
    tag = "Webhooks"

    @Endpoint(
        "List deliveries",
        needs="webhooks:read",
        query=DeliveryQuery,
        answers=schemas.Delivery,
        page=True,
    )
    def get(self, request: Request, endpoint_id: str) -> Response:
        """What this endpoint was told, newest first."""
        query = self.query(DeliveryQuery)
        rows = _endpoint(self, endpoint_id).deliveries.select_related("event")
        exact = {
            "status": query.status,
            "event__type": query.event_type,
            "event__public_id": query.event_id,
        }
        rows = rows.filter(**{field: value for field, value in exact.items() if value})
        return Response(page(query, rows, representations.delivery))


class DeliveryDetail(ApiView):
    tag = "Webhooks"

    @Endpoint("Get a delivery", needs="webhooks:read", answers=schemas.DeliveryWithAttempts)
    def get(self, request: Request, endpoint_id: str, delivery_id: str) -> Response:
        """With every attempt, what was answered and how long it took."""
        deliveries = _endpoint(self, endpoint_id).deliveries.select_related("event")
        delivery = deliveries.filter(public_id=delivery_id).first()
        if delivery is None:
            raise NotFound(f"There is no delivery {delivery_id}.")
        return Response(
            {
                **representations.delivery(delivery),
                "attempts": [
                    representations.delivery_attempt(row) for row in delivery.attempts.all()
                ],
            }
        )


class Redeliver(ApiView):
    tag = "Webhooks"

    @Endpoint("Deliver again", needs="webhooks:write", answers=schemas.Delivery, refuses=(409,))
    def post(self, request: Request, endpoint_id: str, delivery_id: str) -> HttpResponseBase:
        """Once more and now, whatever became of it before, under the same event id."""

        def told(row: Delivery) -> dict[str, Any]:
            return representations.delivery(row)

        return self.run(lambda: actions.redeliver(self.merchant, endpoint_id, delivery_id), told)


def _endpoint(view: ApiView, endpoint_id: str) -> WebhookEndpoint:
    endpoint = view.merchant.webhook_endpoints.filter(
        public_id=endpoint_id, deleted_at=None
    ).first()
    if endpoint is None:
        raise NotFound(f"There is no webhook endpoint {endpoint_id}.")
    return endpoint
