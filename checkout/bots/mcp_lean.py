"""Schemas as a model is told them: every tool's stands in its context, so none says a thing twice.

What comes in is validated by the endpoint, and what goes out was made by it; here a shape is to be
understood. A lean schema allows whatever the whole one does.
"""

from typing import Any, Final

Schema = dict[str, Any]

# How exactly a text is written is told by its name, an example or a refusal.
_SPARED: Final = frozenset({"pattern", "format"})
# An answer is what it is: what it always has, and that it has no more, decides nothing.
_SPARED_OF_ANSWERS: Final = _SPARED | {"required", "additionalProperties", "minLength", "maxLength"}


def lean_input(schema: Schema) -> Schema:
    """What a tool takes, in fewer words."""
    lean: Schema = _lean(schema, _SPARED)
    return lean


def lean_output(schema: Schema) -> Schema:
    """What a tool answers, in fewer words."""
    lean: Schema = _lean(schema, _SPARED_OF_ANSWERS)
    return lean


def _lean(schema: Any, spared: frozenset[str]) -> Any:
    if isinstance(schema, list):
        return [_lean(item, spared) for item in schema]
    if not isinstance(schema, dict):
        return schema
    left: Schema = {}
    for name, value in schema.items():
        if name in ("properties", "$defs"):
            left[name] = {key: _lean(item, spared) for key, item in value.items()}
        elif name not in spared and not (name == "default" and value is None):
            left[name] = value if name in ("enum", "default") else _lean(value, spared)
    if "const" in left:
        left.pop("type", None)
    return _in_one(left)


def _in_one(schema: Schema) -> Schema:
    """Types that are alternatives, or one schema and null, as one schema of several types."""
    ways = schema.get("anyOf")
    if not ways or not all(isinstance(way.get("type"), str | list) for way in ways):
        return schema
    plain = [way for way in ways if set(way) == {"type"}]
    rich = [way for way in ways if set(way) != {"type"}]
    # The words of two would be mixed up.
    if len(rich) > 1 or any(way["type"] != "null" for way in plain if rich):
        return schema
    merged = rich[0] if rich else {}
    if "enum" in merged:
        merged = {**merged, "enum": [*merged["enum"], None]}
    types = [kind for way in ways for kind in _types(way)]
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return {**merged, "type": types if len(types) > 1 else types[0], **rest}


def _types(way: Schema) -> list[str]:
    said = way["type"]
    return said if isinstance(said, list) else [said]
