"""What can be done next with what was just made: OpenAPI links, by the kinds of ids."""

import re
from typing import Any, Final

from uritemplate import variables

# The place in an address where an id stands that begins so.
PLACES: Final = {
    "inv": "reference",
    "cus": "customer_id",
    "bot": "bot_id",
    "key": "key_id",
    "we": "endpoint_id",
    "wal": "wallet_id",
    "cn": "credit_note_id",
    "cp": "page_id",
    "rec": "recurring_id",
}


def add_links(document: dict[str, Any]) -> None:
    """Link each answer that tells of something new to whatever takes its id, and nothing else."""
    taking: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        if len(places := list(variables(path))) == 1:
            ids = [operation["operationId"] for operation in operations.values()]
            taking.setdefault(places[0], []).extend(ids)
    schemas = document["components"]["schemas"]
    for operations in document["paths"].values():
        for operation in operations.values():
            made = operation["responses"].get("201", {})
            shape = _shape(made, schemas)
            links: dict[str, Any] = {}
            for name, place in (("id", _place(shape)), ("slug", "slug")):
                if name in shape:
                    taken = {"parameters": {place: f"$response.body#/{name}"}}
                    links |= {one: {"operationId": one, **taken} for one in taking.get(place, ())}
            if links:
                made["links"] = links


def _shape(response: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The fields of a JSON answer, by name."""
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" not in schema:
        return {}
    fields: dict[str, Any] = schemas[schema["$ref"].rsplit("/", 1)[1]].get("properties", {})
    return fields


def _place(shape: dict[str, Any]) -> str:
    """Where the id of such an object stands in addresses; "" if in none."""
    begins = re.match(r"\^([a-z]+)_", shape.get("id", {}).get("pattern", ""))
    return PLACES.get(begins[1], "") if begins else ""
