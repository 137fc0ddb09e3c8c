"""What a tool is: an endpoint of the API, under a name and in words that a model understands.

What a tool takes, answers and needs is what its endpoint says; nothing of it stands twice.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from mcp import types
from uritemplate import variables

from checkout.bots.mcp_lean import lean_input, lean_output
from invoicing.api.endpoint import Endpoint
from invoicing.api.inside import endpoint_at
from invoicing.api.openapi import PATH_PARAMETERS, parameter_schema

Schema = dict[str, Any]

KEY: Final = "idempotency_key"
# "reference" says little to whoever sees one tool and no address.
_ARGUMENTS: Final = {"reference": "invoice_id"}
_KEY_SCHEMA: Final[Schema] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 255,
    "pattern": "^[!-~]+$",
}
# What a call may come to besides what it is for: a dry run's answer, an approval.
_OTHER_SUCCESSES: Final = (200, 202)
_REPEATS: Final = (
    "Names this one deed. If you did not hear the answer, call again with the SAME key: nothing is "
    "done twice. "
)
_DERIVED: Final = (
    "When left out, the same arguments mean the same deed for 48 hours; give another key only if "
    "you really want it done once more."
)


@dataclass(frozen=True)
class Tool:
    """One line of the table: `name` is what a client calls, `text` tells a model when to.

    `asks` is the endpoint's method and address, as the OpenAPI document writes it. `makes` is said
    of tools that create something or move money: without a key, equal calls are one.
    """

    name: str
    asks: str
    title: str
    text: str
    hints: types.ToolAnnotations
    makes: bool = False
    # What a field, or a place of the address, is called among the arguments, if not as usual.
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        return self.asks.split(" ")[0]

    @property
    def address(self) -> str:
        return self.asks.split(" ")[1]

    @cached_property
    def endpoint(self) -> Endpoint:
        """What it projects. Raises LookupError where nothing stands at that address."""
        address, said = endpoint_at(self.method, self._filled(dict.fromkeys(self.places, "x1")))
        if address != self.address or said is None:
            raise LookupError(f"{self.name}: there is no {self.asks}")
        return said

    @cached_property
    def places(self) -> list[str]:
        """The variables of the address, in order."""
        return list(variables(self.address))

    @cached_property
    def takes_keys(self) -> bool:
        """Whether it may be called with a key for repeats."""
        return self.method == "POST" and self.endpoint.has_keys and not self.hints.read_only_hint

    def path(self, arguments: Mapping[str, Any]) -> str | None:
        """The address with these ids; None where they lead to another or to none."""
        path = self._filled({name: arguments[self.id_argument(name)] for name in self.places})
        return path if endpoint_at(self.method, path)[0] == self.address else None

    def id_argument(self, place: str) -> str:
        """What a place of the address is called among the arguments."""
        return self.renamed.get(place, _ARGUMENTS.get(place, place))

    def field_argument(self, name: str) -> str:
        """What a field of body or query is called among the arguments."""
        # A field may bear the name of a place, as mark_paid's reference does.
        return name if name in self.places else self.renamed.get(name, name)

    def _filled(self, ids: Mapping[str, str]) -> str:
        return re.sub(r"{(\w+)}", lambda match: str(ids[match[1]]), self.address)

    @cached_property
    def input_schema(self) -> Schema:
        """One flat object: the address's ids, then the parameters or the body."""
        properties: Schema = {}
        for name in self.places:
            text = PATH_PARAMETERS[name]
            properties[self.id_argument(name)] = {"type": "string", "description": text}
        required = list(properties)
        said, found = self.endpoint, {}
        if said.body:
            found = said.body.model_json_schema(mode="serialization")
        elif said.query:
            found = said.query.model_json_schema(mode="serialization")
        for name, schema in found.get("properties", {}).items():
            argument = self.field_argument(name)
            if argument in properties:
                raise LookupError(f"{self.name} takes {argument} twice: rename one")
            properties[argument] = schema
            if said.query:
                text = schema.get("description", "")
                properties[argument] = {**parameter_schema(schema), "description": text}
        required += [self.field_argument(name) for name in found.get("required", [])]
        if said.body and said.body.__name__.endswith("Changes"):
            # What a change leaves out stays as it is, so nothing there has a default.
            properties = {name: _without(value, "default") for name, value in properties.items()}
        if self.takes_keys:
            text = _REPEATS + (_DERIVED if self.makes else "")
            properties[KEY] = {**_KEY_SCHEMA, "description": text.strip()}
        schema = {"type": "object", "properties": properties, "additionalProperties": False}
        if required:
            schema["required"] = required
        if "$defs" in found:
            schema["$defs"] = found["$defs"]
        trimmed: Schema = _trimmed(schema, {"title"})
        return trimmed

    @cached_property
    def output_schema(self) -> Schema | None:
        """The answer's shape: a page of them for a list, or what else may come of it, such as the
        approval that it waits for.

        None where the endpoint does not say: another system's document does.
        """
        said = self.endpoint
        if said.answers is None:
            return None
        whole = said.answers.model_json_schema(mode="serialization")
        definitions = whole.pop("$defs", {})
        if said.page:
            name = said.answers.__name__
            definitions[name] = whole
            whole = {
                "type": "object",
                "properties": {
                    "data": {"type": "array", "items": {"$ref": f"#/$defs/{name}"}},
                    "has_more": {"type": "boolean"},
                    "next_cursor": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
                "required": ["data", "has_more", "next_cursor"],
                "additionalProperties": False,
            }
        others = [said.also[status] for status in _OTHER_SUCCESSES if status in said.also]
        if others:
            shapes = [other.model_json_schema(mode="serialization") for other in others]
            for shape in shapes:
                definitions |= shape.pop("$defs", {})
            whole = {"type": "object", "anyOf": [whole, *shapes]}
        if definitions:
            whole["$defs"] = definitions
        trimmed: Schema = _trimmed(whole, {"title", "description", "examples"})
        return trimmed

    @cached_property
    def listed(self) -> types.Tool:
        """The tool as a client is told of it."""
        return types.Tool(
            name=self.name,
            title=self.title,
            description=self.text,
            input_schema=lean_input(self.input_schema),
            output_schema=lean_output(self.output_schema) if self.output_schema else None,
            annotations=self.hints,
        )


def _without(schema: Schema, name: str) -> Schema:
    return {key: value for key, value in schema.items() if key != name}


def _trimmed(schema: Any, words: set[str]) -> Any:
    """The schema without words that no reader of a tool needs; fields of that name stay."""
    if isinstance(schema, list):
        return [_trimmed(item, words) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: {key: _trimmed(item, words) for key, item in value.items()}
        if name in ("properties", "$defs")
        else _trimmed(value, words)
        for name, value in schema.items()
        if name not in words
    }
