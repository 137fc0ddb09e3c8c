"""Holds each request against the types that the `stripe` library itself documents.

A parameter which the library's version does not know is refused as Stripe refuses it.
"""

import re
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any

import typing_extensions as te
from stripe._request_options import RequestOptions

from tests.fakes.stripe.errors import BadRequest

_OPTIONS = set(RequestOptions.__annotations__)
_WHOLE = re.compile(r"-?[0-9]{1,18}")


# Names that the types of the shared request options are written with.
_NAMES = {"StripeContext": object, "Mapping": Mapping}


@cache
def _fields(shape: type) -> tuple[dict[str, Any], frozenset[str]]:
    """The parameters of a TypedDict, and which of them are needed."""
    hints = te.get_type_hints(shape, localns=_NAMES, include_extras=True)
    if set(hints) >= _OPTIONS:
        hints = {name: hint for name, hint in hints.items() if name not in _OPTIONS}
    found: dict[str, Any] = {}
    needed = set()
    for name, hint in hints.items():
        if typing.get_origin(hint) in (te.NotRequired, typing.NotRequired):
            hint = typing.get_args(hint)[0]
        elif name in shape.__required_keys__:
            needed.add(name)
        found[name] = hint
    return found, frozenset(needed)


def check(shape: type | None, given: dict[str, Any]) -> dict[str, Any]:
    """The parameters with their right types; raises BadRequest for the first that is wrong."""
    if shape is None:
        if given:
            raise _unknown(next(iter(given)))
        return {}
    return _record(shape, given, "")


def _record(shape: type, given: dict[str, Any], at: str) -> dict[str, Any]:
    fields, needed = _fields(shape)
    for name in given:
        if name not in fields:
            raise _unknown(_join(at, name))
    for name in sorted(needed - set(given)):
        raise BadRequest(
            f"Missing required param: {_join(at, name)}.",
            code="parameter_missing",
            param=_join(at, name),
        )
    return {name: _value(fields[name], value, _join(at, name)) for name, value in given.items()}


def _value(hint: Any, given: Any, at: str) -> Any:
    options = _options(hint)
    literals = [x for option in options for x in _literals(option)]
    if given == "" and "" in literals:
        return ""
    records = [o for o in options if te.is_typeddict(o)]
    if isinstance(given, dict):
        if records:
            return _record(records[0], given, at)
        if any(typing.get_origin(o) is dict for o in options):
            return _text_values(given, at)
        raise BadRequest(f"Invalid {_kind(options)}: {at}", param=at)
    if isinstance(given, list):
        for option in options:
            if typing.get_origin(option) in (list, typing.List):  # noqa: UP006
                inner = typing.get_args(option)[0]
                return [_value(inner, each, f"{at}[{n}]") for n, each in enumerate(given)]
        raise BadRequest(f"Invalid {_kind(options)}: {at}", param=at)
    if isinstance(given, tuple):
        return given
    return _leaf(options, literals, given, at)


def _leaf(options: list[Any], literals: list[str], given: str, at: str) -> Any:
    if bool in options and given in ("true", "false"):
        return given == "true"
    # "Literal | str" only keeps old libraries going: Stripe refuses what it does not list.
    if [x for x in literals if x]:
        if given in literals:
            return given
        if int in options and _WHOLE.fullmatch(given):
            return int(given)
        listed = [x for x in literals if x]
        named = listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])}, or {listed[-1]}"
        raise BadRequest(f"Invalid {at}: must be one of {named}", param=at)
    if int in options and _WHOLE.fullmatch(given):
        return int(given)
    if str in options or Any in options:
        return given
    if given == "" and any(typing.get_origin(o) is dict or te.is_typeddict(o) for o in options):
        return ""
    if int in options:
        raise BadRequest(f"Invalid integer: {given}", code="parameter_invalid_integer", param=at)
    if bool in options:
        raise BadRequest(f"Invalid boolean: {given}", param=at)
    if float in options:
        return float(given)
    raise BadRequest(f"Invalid {_kind(options)}: {at}", param=at)


def _text_values(given: dict[str, Any], at: str) -> dict[str, str]:
    for name, value in given.items():
        if not isinstance(value, str):
            raise BadRequest(f"Invalid string: {at}[{name}]", param=f"{at}[{name}]")
    return dict(given)


def _options(hint: Any) -> list[Any]:
    """The alternatives of a type, unions opened."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [one for each in typing.get_args(hint) for one in _options(each)]
    if isinstance(hint, str):
        raise TypeError(f"unresolved type {hint!r}")
    return [hint]


def _literals(option: Any) -> list[str]:
    return list(typing.get_args(option)) if typing.get_origin(option) is te.Literal else []


def _kind(options: list[Any]) -> str:
    if any(te.is_typeddict(o) or typing.get_origin(o) is dict for o in options):
        return "object"
    return "array" if any(typing.get_origin(o) is list for o in options) else "string"


def _join(at: str, name: str) -> str:
    return f"{at}[{name}]" if at else name


def _unknown(name: str) -> BadRequest:
    return BadRequest(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
