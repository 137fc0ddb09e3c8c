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
    if "anyOf" in left:
        left["anyOf"] = [way for each in left["anyOf"] for way in _ways(each)]
    return left


def _ways(schema: Schema) -> list[Schema]:
    """Alternatives that stand among others beside which they say nothing."""
    ways: list[Schema] = schema["anyOf"] if set(schema) == {"anyOf"} else [schema]
    return ways
