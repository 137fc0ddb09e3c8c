"""The OpenAPI document, from what each endpoint says of itself.

drf-spectacular walks the addresses and keeps the components; what an operation says comes from
its Endpoint, its handler's docstring and its pydantic models.
"""

import re
from collections.abc import Iterator
from inspect import cleandoc
from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry
from pydantic import BaseModel
from uritemplate import variables

from invoicing.api import schemas
from invoicing.api.endpoint import Endpoint
from invoicing.api.links import add_links

JSON: Final = "application/json"
ANSWERS: Final = {
    200: "With `dry_run`: only told, and nothing was saved.",
    202: "It is on its way; ask again with the same request after `Retry-After`.",
    402: "What is to be paid, and why what was sent does not pay it.",
}
REASONS: Final = {
    400: "The request is not right; `details.fields` names each field and the remedy.",
    401: "There is no key, or it is unknown, expired or revoked.",
    403: "The key lacks the permission that is named.",
    404: "There is no such object, or it belongs to somebody else.",
    409: "The object's state does not allow it, or the first request with this key is at work.",
    410: "The time for this has passed.",
    413: "The body is larger than 1 MB. (A document that is too large is 400, by its field.)",
    415: "The body is not plain JSON.",
    422: "This Idempotency-Key was used with a different request.",
    429: "Too many requests; `Retry-After` says when there will be more.",
    502: "The provider refused or did not answer; ask again with the same key.",
    503: "A part of this installation did not answer; ask again with the same key.",
}
PATH_PARAMETERS: Final = {
    "reference": "The invoice's id, uuid or number.",
    "slug": "The payer's secret, the last part of `payment_url`.",
    "customer_id": "The customer's id.",
    "bot_id": "The bot's id.",
    "approval_id": "The approval's id.",
    "key_id": "The API key's id.",
    "event_id": "The event's id.",
    "endpoint_id": "The webhook endpoint's id.",
    "delivery_id": "The delivery's id.",
    "payment_id": "The payment's id.",
    "wallet_id": "The wallet's id.",
    "refund_id": "The refund's id.",
    "method_id": "The saved payment method's id.",
    "inquiry_id": "The inquiry's id.",
    "setup_id": "The id of the visit to save a method.",
    "dispute_id": "The dispute's id.",
    "field": "What the document shows, such as receipt.",
    "deposit_id": "The id of the unmatched money.",
    "claim_id": "The id of the refund claim.",
    "payout_id": "The payout's id.",
    "credit_note_id": "The credit note's id.",
    "page_id": "The checkout page's id.",
    "recurring_id": "The recurring charge's id.",
}
IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "1 to 255 visible ASCII characters of your choice. A repeat with the same key "
    "gets the first answer again and does nothing twice; keys are kept for 48 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "example": "order-A-17",
}
# Headers of every answer, by name.
HEADERS: Final = {
    "X-Request-Id": "Names this request; tell it when you ask for help.",
    "RateLimit": "How many requests are left (`r`) and seconds until there are more (`t`).",
    "RateLimit-Policy": "How many requests (`q`) are allowed in how many seconds (`w`).",
}


class BearerKey(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How a bot shows its key."""

    target_class = "invoicing.api.authentication.KeyAuthentication"
    name = "api_key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "bh_live_… or bh_test_…",
            "description": "An API key of one of your bots. A test key sees only the test twin.",
        }


class DescribedSchema(AutoSchema):
    """An operation as its Endpoint describes it."""

    def get_operation(
        self,
        path: str,
        path_regex: str,
        path_prefix: str,
        method: str,
        registry: ComponentRegistry,
    ) -> dict[str, Any]:
        self.registry, self.path, self.method = registry, path, method
        view: Any = self.view
        said: Endpoint = view.endpoints[method.lower()]
        keyed = bool(view.authentication_classes)
        handler = getattr(view, method.lower())
        operation: dict[str, Any] = {
            "operationId": re.sub(r"[^a-z0-9]+", "_", said.summary.lower()),
            "summary": said.summary,
            "description": _description(handler.__doc__ or "", said, keyed),
            "tags": [view.tag],
            "parameters": list(self._parameters(path, method, said)),
            "responses": self._responses(path, method, said, keyed),
            # An empty list overrides nothing: it says that no key is needed.
            "security": self.get_auth() if keyed else [],
        }
        if said.body:
            operation["requestBody"] = self._request(said.body, said)
        # By this name a bot's leash allows it, and tools are called.
        operation["x-tool"] = said.name
        if said.needs:
            operation["x-permission"] = said.needs
        return operation

    def _parameters(self, path: str, method: str, said: Endpoint) -> Iterator[dict[str, Any]]:
        for name in variables(path):
            yield {
                "name": name,
                "in": "path",
                "required": True,
                "description": PATH_PARAMETERS[name],
                "schema": {"type": "string"},
            }
        if said.query:
            found = said.query.model_json_schema(mode="serialization")["properties"]
            for name, schema in found.items():
                yield {
                    "name": name,
                    "in": "query",
                    "required": False,
                    "description": schema["description"],
                    "schema": parameter_schema(schema),
                }
        for name, text in said.takes.items():
            yield {
                "name": name,
                "in": "header",
                "required": False,
                "description": text,
                "schema": {"type": "string"},
            }
        if method == "POST" and said.has_keys:
            yield IDEMPOTENCY_KEY

    def _request(self, model: type[BaseModel], said: Endpoint) -> dict[str, Any]:
        content: dict[str, Any] = {"schema": self._reference(model)}
        if said.example:
            content["example"] = dict(said.example)
        # A body of which nothing is required may be left out.
        required = any(info.is_required() for info in model.model_fields.values())
        return {"required": required, "content": {JSON: content}}

    def _responses(
        self, path: str, method: str, said: Endpoint, keyed: bool
    ) -> dict[str, dict[str, Any]]:
        good: dict[str, Any] = {"description": "Done.", "headers": _headers()}
        if said.media_type != JSON:
            good["content"] = {said.media_type: {"schema": {"type": "string", "format": "binary"}}}
        elif said.answers:
            schema = self._page(said.answers) if said.page else self._reference(said.answers)
            good["content"] = {JSON: {"schema": schema}}
        statuses = {400, 429, 503, *said.refuses}
        if keyed:
            statuses |= {401}
        if keyed:
            statuses |= {403}
        if variables(path):
            statuses |= {404}
        if method in ("POST", "PUT", "PATCH"):
            statuses |= {413, 415}
        if method == "POST":
            statuses |= {409, 422} if said.has_keys else {409}
        error = {JSON: {"schema": self._reference(schemas.Error)}}
        also = {
            str(status): {
                "description": ANSWERS[status],
                "headers": _headers(retry=status == 202),
                "content": {JSON: {"schema": self._reference(shape)}},
            }
            for status, shape in said.also.items()
        }
        return (
            {str(said.status): good}
            | also
            | {
                str(status): {
                    "description": REASONS[status],
                    "headers": _headers(retry=status in (429, 502, 503)),
                    "content": error,
                }
                for status in sorted(statuses)
            }
        )

    def _reference(self, model: type[BaseModel]) -> dict[str, Any]:
        shape: Any = model
        reference: dict[str, Any] = self.resolve_serializer(shape, "response").ref
        return reference

    def _page(self, row: type[BaseModel]) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {
                "data": {"type": "array", "items": self._reference(row)},
                "has_more": {"type": "boolean"},
                "next_cursor": {
                    "type": ["string", "null"],
                    "description": "Ask with `?cursor=` this for the next page.",
                    "examples": ["azQy"],
                },
            },
            "required": ["data", "has_more", "next_cursor"],
            "additionalProperties": False,
        }


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Add what belongs to the whole document: headers, links, and what webhooks are told."""
    components = document["components"]
    for name, schema in components["schemas"].items():
        if name.endswith("Changes"):
            # What a change leaves out stays as it is, so nothing there has a default.
            for field in schema["properties"].values():
                field.pop("default", None)
    components["headers"] = {
        name: {"description": text, "schema": {"type": "string"}}
        for name, text in {
            **HEADERS,
            "Retry-After": "After how many seconds to ask again.",
        }.items()
    }
    add_links(document)
    event = {JSON: {"schema": {"$ref": "#/components/schemas/WebhookEvent"}}}
    document["webhooks"] = {
        "event": {
            "post": {
                "operationId": "webhook_event",
                "summary": "Something happened",
                "description": "Posted to your webhook endpoints, signed by Standard Webhooks: "
                "verify `webhook-id`, `webhook-timestamp` and `webhook-signature` before you "
                "believe it. Answer 2xx within 15 seconds; anything else is tried again.",
                "tags": ["Webhooks"],
                "requestBody": {"required": True, "content": event},
                "responses": {"2XX": {"description": "Heard."}},
            }
        }
    }
    schema = {**components["schemas"]["Event"], "title": "WebhookEvent"}
    schema["properties"] = {
        name: value
        for name, value in schema["properties"].items()
        if name not in ("object", "actor")
    }
    schema["required"] = [name for name in schema["required"] if name not in ("object", "actor")]
    components["schemas"]["WebhookEvent"] = schema
    return document


def sample(schema: dict[str, Any], components: dict[str, Any]) -> Any:
    """An example of what the schema describes; null where null is possible and nothing is said."""
    if "$ref" in schema:
        return sample(components["schemas"][schema["$ref"].rsplit("/", 1)[1]], components)
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    for key in ("const", "example", "default"):
        if key in schema:
            return schema[key]
    options = schema.get("anyOf") or schema.get("oneOf", [])
    if any(option.get("type") == "null" for option in options):
        return None
    if options:
        return sample(options[0], components)
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return {
            name: sample(value, components) for name, value in schema.get("properties", {}).items()
        }
    if kind == "array":
        return [sample(schema["items"], components)]
    return {"string": "", "integer": 0, "boolean": False}.get(str(kind))


def _description(docstring: str, said: Endpoint, keyed: bool) -> str:
    paragraphs = cleandoc(docstring).split("\n\n")
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    if said.needs:
        return f"{text}\n\nNeeds the permission `{said.needs}`."
    return text if keyed else f"{text}\n\nNeeds no key."


def parameter_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that may be left out is left out, never null or empty."""
    options = [option for option in schema.get("anyOf", []) if option.get("type") != "null"]
    unsaid = {"anyOf", "title", "description"} | (set() if schema.get("default") else {"default"})
    rest = {name: value for name, value in schema.items() if name not in unsaid}
    return {**rest, **options[0]} if options else rest


def _headers(*, retry: bool = False) -> dict[str, Any]:
    names = [*HEADERS, "Retry-After"] if retry else [*HEADERS]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
