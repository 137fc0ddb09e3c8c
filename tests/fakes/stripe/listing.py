"""Lists: newest first, filtered, and read page by page with a cursor."""

import re
from typing import Any

from tests.fakes.stripe.errors import ApiError, missing
from tests.fakes.stripe.expand import listed
from tests.fakes.stripe.store import COLUMNS, Object
from tests.fakes.stripe.world import World

_OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_NOT_FILTERS = frozenset(["limit", "starting_after", "ending_before", "expand"])
_CLAUSE = re.compile(
    r"""\s*(?:metadata\[["'](?P<key>[^"']+)["']\]|(?P<field>\w+))\s*(?P<not>-)?:\s*"""
    r"""["'](?P<value>[^"']*)["']\s*"""
)


def page(world: World, kind: str, url: str, params: Object) -> Object:
    """One page of a kind of object; `limit` is 10 unless told, 100 at most."""
    where, values = _where(world, kind, params)
    limit = _limit(params)
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise ApiError("You cannot use both starting_after and ending_before.", param=None)
    order = "DESC"
    for name, cursor, sign in (("starting_after", after, "<"), ("ending_before", before, ">")):
        if cursor:
            seq = world.store.seq(kind, cursor)
            if seq is None:
                raise missing(kind, cursor, name)
            where.append(f"seq {sign} ?")
            values.append(seq)
            order = "DESC" if sign == "<" else "ASC"
    tail = f"ORDER BY seq {order} LIMIT {limit + 1}"
    found = world.store.select(kind, " AND ".join(where) or "1", tuple(values), tail)
    more, found = len(found) > limit, found[:limit]
    if order == "ASC":
        found.reverse()
    return listed(found, url, more=more)


def _limit(params: Object) -> int:
    limit: int = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise ApiError(
            "Invalid integer: this value must be between 1 and 100.",
            code="parameter_invalid_integer",
            param="limit",
        )
    return limit


def _where(world: World, kind: str, params: Object) -> tuple[list[str], list[Any]]:
    where = ["json_extract(body, '$.deleted') IS NULL"] if kind == "customer" else []
    values: list[Any] = []
    for name, value in params.items():
        if name in _NOT_FILTERS:
            continue
        if name in ("created", "arrival_date"):
            column = "created" if name == "created" else "json_extract(body, '$.arrival_date')"
            bounds = value if isinstance(value, dict) else {"eq": value}
            for operator, at in bounds.items():
                where.append(f"{column} {_OPERATORS.get(operator, '=')} ?")
                values.append(at)
        elif name == "types":
            where.append(f"type IN ({', '.join('?' * len(value))})")
            values.extend(value)
        elif name == "delivery_success":
            undelivered = "SELECT event FROM deliveries WHERE state <> 'done'"
            where.append(f"id {'NOT IN' if value else 'IN'} ({undelivered})")
        elif name == "type" and kind == "event" and value.endswith("*"):
            where.append("type LIKE ?")
            values.append(value.rstrip("*") + "%")
        elif name in (*COLUMNS, "type"):
            where.append(f"{name} = ?")
            values.append(value)
        else:
            where.append("json_extract(body, ?) = ?")
            values.extend((f"$.{_FIELDS.get(name, name)}", value))
    return where, values


_FIELDS = {"customer_details": "customer_details.email"}


def search(world: World, kind: str, url: str, params: Object) -> Object:
    """Objects that fit a query such as `metadata['attempt']:'x' AND status:'succeeded'`."""
    wanted = []
    for clause in re.split(r"\s+AND\s+", params["query"]):
        match = _CLAUSE.fullmatch(clause)
        if match is None:
            raise ApiError(f"This query is not understood: {clause}", param="query")
        wanted.append(match)
    fit = [
        each
        for each in world.store.select(kind, tail="ORDER BY seq DESC")
        if all(_fits(each, match) for match in wanted)
    ]
    limit = _limit(params)
    return {
        "object": "search_result",
        "data": fit[:limit],
        "has_more": len(fit) > limit,
        "next_page": None,
        "url": url,
    }


def _fits(found: Object, match: re.Match[str]) -> bool:
    key, value = match["key"], match["value"]
    held = found["metadata"].get(key) if key else found.get(match["field"])
    return (str(held) == value) != bool(match["not"])
