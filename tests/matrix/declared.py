"""Who may use an endpoint, and on which of a merchant's objects it is tried."""

from dataclasses import dataclass, field
from typing import Any

from invoicing import clock
from invoicing.actions.access import create_api_key, revoke_api_key
from invoicing.inputs import ApiKeyInput, read
from invoicing.models import ApiKey, Merchant
from tests.factories import given_a_key
from tests.fixtures import Api

ANY_KEY, NO_KEY = "any key", "no key"


@dataclass(frozen=True)
class Declared:
    """Who may use an endpoint: a permission, ANY_KEY or NO_KEY.

    `uses` says which of a merchant's objects stands at each place of the address; `query` and
    `body` are ones that are taken, where names in braces are ids as well.
    """

    needs: str
    uses: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    test_mode_only: bool = False

    @property
    def things(self) -> list[str]:
        """What whoever asks has to name: at places of the address, then in query and body."""
        said = [*self.query.values(), *self.body.values()]
        return [*self.uses.values(), *(value[1:-1] for value in said if _is_place(value))]


Table = dict[str, Declared]


def keyed(table: Table) -> list[str]:
    """The endpoints that ask for a key."""
    return [name for name, said in table.items() if said.needs != NO_KEY]


def with_objects(table: Table) -> list[str]:
    """Those of them that name an object."""
    return [name for name in keyed(table) if table[name].things]


def lists(table: Table) -> list[str]:
    """Those of them that show all of a kind."""
    return [name for name in keyed(table) if name.startswith("GET") and not table[name].uses]


def filled(said: dict[str, Any], things: dict[str, str]) -> dict[str, Any]:
    """A body or query with the ids of these things."""
    return {
        name: things[value[1:-1]] if _is_place(value) else value for name, value in said.items()
    }


def ask(who: Api, name: str, said: Declared, things: dict[str, str], **headers: str) -> Any:
    """Use this endpoint on these things."""
    method, path = name.split(" ", 1)
    path = path.replace("{field}", "receipt")
    for place, thing in said.uses.items():
        path = path.replace(f"{{{place}}}", things[thing])
    body = filled(said.body, things) if method in ("POST", "PUT", "PATCH") else None
    return who.send(method, path, body, query=filled(said.query, things), **headers)


def tells_nothing_of(things: dict[str, str], answer: Any, but: str = "") -> None:
    """No id, uuid or slug of these stands in the answer, save what the asker named himself."""
    text = answer.content.decode(errors="replace")
    text = text.replace(but, "") if but else text
    ids = {value for kind, value in things.items() if not kind.endswith("number")}
    assert [value for value in ids if value in text] == []


def key_of(merchant: Merchant, things: dict[str, str], permissions: list[str]) -> str:
    """A key of the very bot that is among the things."""
    wanted = read(ApiKeyInput, {"permissions": permissions})
    return create_api_key(merchant, things["bot"], wanted)[1]


def revoked(merchant: Merchant) -> str:
    """A key that was taken back."""
    text = given_a_key(merchant)
    revoke_api_key(merchant, ApiKey.objects.get(prefix=text[:16]).public_id)
    return text


def expired(merchant: Merchant) -> str:
    """A key whose time is over."""
    text = given_a_key(merchant)
    ApiKey.objects.filter(prefix=text[:16]).update(expires_at=clock.wall())
    return text


def _is_place(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("{")
