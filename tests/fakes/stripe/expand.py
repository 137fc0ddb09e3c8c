"""`expand[]`: ids in an answer replaced by the objects they name."""

from typing import Any

from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import PREFIXES, World, public

_DEEPEST = 4


def expand(world: World, found: Object, paths: list[str]) -> Object:
    """The answer with each path expanded; raises for one that names nothing expandable."""
    shown = _shown(found)
    for path in paths:
        names = path.split(".")
        if len(names) > _DEEPEST + (names[0] == "data"):
            raise ApiError(
                f"You cannot expand more than {_DEEPEST} levels of a property: {path}",
                param="expand",
            )
        _walk(world, shown, names, path)
    return shown


def _shown(found: Object) -> Object:
    if found.get("object") in ("list", "search_result"):
        return {**found, "data": [public(each) for each in found["data"]]}
    return public(found)


def _walk(world: World, here: Object, names: list[str], path: str) -> None:
    name, rest = names[0], names[1:]
    if name == "data" and isinstance(here.get("data"), list):
        for each in here["data"]:
            _walk(world, each, rest, path) if rest else None
        return
    if name in _LISTS.get(here.get("object", ""), ()):
        here.setdefault(name, _LISTS[here["object"]][name](world, here))
    if name not in here:
        raise ApiError(
            f"This property cannot be expanded ({path}). You may want to try expanding without it.",
            param="expand",
        )
    value = here[name]
    if isinstance(value, str):
        value = here[name] = _load(world, value, path)
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict) and rest:
            _walk(world, each, rest, path)


def _load(world: World, value: str, path: str) -> Object:
    found = world.store.get(value) if value.split("_")[0] in PREFIXES else None
    if found is None:
        raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
    return public(found)


def lines_of(world: World, session: Object) -> Object:
    """The line items of a session, as the list that the API gives."""
    stored = world.get("checkout.session", session["id"])
    return listed([public(line) for line in stored["_lines"]], f"{_url(session)}/line_items")


def refunds_of(world: World, charge: Object) -> Object:
    found = world.store.select("refund", "charge = ?", (charge["id"],), "ORDER BY seq DESC")
    return listed([public(each) for each in found], f"/v1/charges/{charge['id']}/refunds")


def listed(data: list[Object], url: str, *, more: bool = False) -> Object:
    return {"object": "list", "data": data, "has_more": more, "url": url}


def _url(session: Object) -> str:
    return f"/v1/checkout/sessions/{session['id']}"


# What is only there when asked for.
_LISTS: dict[str, dict[str, Any]] = {
    "checkout.session": {"line_items": lines_of},
    "charge": {"refunds": refunds_of},
}
