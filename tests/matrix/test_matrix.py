"""Who may do what: every endpoint × every object × everybody who may not.

The endpoints come from the URL map, the native ones and those of every dialect. One that is not
declared here fails, so that none is added without having said who may use it.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import get_resolver

from checkout.dialects import SYSTEMS
from checkout.dialects.dialect import DialectNothing
from invoicing.api import tools
from invoicing.api.views import NothingHere, PublicView
from invoicing.models import Merchant
from invoicing.permissions import FOR_BOTS
from payments.actions.wallets import create_wallet
from payments.inputs import WalletInput
from tests.factories import again, given_a_key
from tests.fixtures import Api
from tests.fixtures_api import everything
from tests.fixtures_stripe import Stripe
from tests.matrix import declared
from tests.matrix.declared import ANY_KEY, NO_KEY, expired, key_of, revoked, tells_nothing_of
from tests.matrix.dialects import DIALECTS, LEADS_ON, NAMELESS, WITHOUT_CODES
from tests.matrix.native import NATIVE
from tests.matrix.world import world

# Who may ask is decided before any database is.
pytestmark = pytest.mark.same_everywhere

DECLARED = NATIVE | DIALECTS
KEYED = declared.keyed(DECLARED)
WITH_PERMISSION = [name for name in KEYED if DECLARED[name].needs != ANY_KEY]
WITH_OBJECTS = declared.with_objects(DECLARED)
LISTS = declared.lists(DECLARED)
ROWS = {"data", "invoices", "checkout_pages", "sales"}
UNAUTHORIZED, FORBIDDEN = (401, "unauthorized"), (403, "missing_permission")


def endpoints() -> dict[str, type | None]:
    """Every endpoint by the URL map, as "METHOD /address", and the view that answers it."""
    found: dict[str, type | None] = {}
    below = {"v1/", *(f"compat/{system}/" for system in SYSTEMS)}
    for pattern in get_resolver().url_patterns:
        root = str(pattern.pattern)
        for inner in pattern.url_patterns if root in below else ():
            path = f"/{root}" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(inner.pattern))
            path = path.replace("{payer_slug}", "{slug}")
            view = getattr(inner.callback, "cls", None)
            if view is None:
                found[f"GET {path}"] = None
            elif not issubclass(view, NothingHere | DialectNothing):
                found |= {f"{method.upper()} {path}": view for method in view.endpoints}
    return found


def ask(who: Api, name: str, things: dict[str, str], **headers: str) -> Any:
    """Use this endpoint on these things."""
    return declared.ask(who, name, DECLARED[name], things, **headers)


def refusal(name: str, answer: Any) -> tuple[int, str | None]:
    """The status and the native code, or None where this system has no codes."""
    said = answer.json()
    if any(system in name for system in WITHOUT_CODES):
        return answer.status_code, None
    error = said["error"]
    return answer.status_code, error if isinstance(error, str) else error["code"]


def expected(name: str, status: int, code: str) -> tuple[int, str | None]:
    """The same, as it should be."""
    return status, None if any(system in name for system in WITHOUT_CODES) else code


def never_were(things: dict[str, str]) -> dict[str, str]:
    """As many names of nothing, of the same forms."""
    return {kind: re.sub(r"[0-9A-Za-z]", "0", value) for kind, value in things.items()}


def anonymous(answer: Any, name: str, things: dict[str, str]) -> str:
    """An answer without the names that were asked for, and without its own."""
    text = answer.content.decode().replace(answer.headers["X-Request-Id"], "")
    for thing in DECLARED[name].things:
        text = text.replace(things[thing], "")
    return text


def variants(name: str, things: dict[str, str]) -> list[dict[str, str]]:
    """The ways to name the objects of an address: an invoice has up to three."""
    thing = DECLARED[name].uses.get("reference", "")
    kinds = [kind for kind in ("", " by uuid", " by number") if thing + kind in things]
    return [{thing: thing + kind} for kind in kinds] or [{}]


def test_every_endpoint_is_declared() -> None:
    assert set(endpoints()) == set(DECLARED | NAMELESS)
    public = {
        name for name, view in endpoints().items() if view is None or issubclass(view, PublicView)
    }
    assert public == {name for name, said in DECLARED.items() if said.needs == NO_KEY}


def test_a_leash_can_name_what_every_dialect_does() -> None:
    """A bot that may use a tool may use it by any system's words, and without it by none."""
    views = endpoints()
    for name in DIALECTS | NAMELESS:
        said = getattr(views[name], "endpoints", {}).get(name.split(" ")[0].lower())
        if said is not None and said.needs:
            assert set(said.tools) <= tools.names(), name


def test_every_permission_is_asked_for_somewhere() -> None:
    assert {DECLARED[name].needs for name in WITH_PERMISSION} == FOR_BOTS


def test_who_has_the_permission_and_nothing_else_may(
    subtests: pytest.Subtests,
    test_merchant: Merchant,
    adas: dict[str, str],
    stripe_account: Stripe,
) -> None:
    """The control of all that follows: the same request, from whom it may come."""
    for name, said in DECLARED.items():
        key = {NO_KEY: "", ANY_KEY: given_a_key(test_merchant, ["events:read"])}.get(said.needs)
        # Without bots:read a bot sees the approvals that it has asked for itself.
        own = {**adas, "bot": adas["asker"]} if "approval" in said.things else adas
        who = Api(key_of(test_merchant, own, [said.needs]) if key is None else key)
        with subtests.test(name), stripe_account.tried_out():
            assert ask(who, name, adas).status_code in (200, 201, 204, 302)


def test_each_name_of_an_invoice_opens_it_to_its_owner(
    subtests: pytest.Subtests, test_merchant: Merchant, adas: dict[str, str]
) -> None:
    who = Api(given_a_key(test_merchant))
    for name in (name for name in WITH_OBJECTS if name.startswith("GET")):
        with subtests.test(name):
            answers = {
                ask(who, name, {**adas, thing: adas[kind]}).content
                for named in variants(name, adas)
                for thing, kind in named.items()
            }
            assert len(answers) <= 1


def test_without_a_key_nothing_opens(subtests: pytest.Subtests, adas: dict[str, str]) -> None:
    before = everything()
    for name in KEYED:
        for header in ({}, {"Authorization": "Bearer bh_test_no"}, {"Authorization": "Basic x"}):
            with subtests.test(name, **header):
                answer = ask(Api(""), name, adas, **header)
                assert refusal(name, answer) == expected(name, *UNAUTHORIZED)
                tells_nothing_of(adas, answer)
    assert everything() == before


@pytest.mark.parametrize("make", [revoked, expired])
def test_a_key_that_is_revoked_or_expired_opens_nothing(
    subtests: pytest.Subtests,
    make: Callable[[Merchant], str],
    test_merchant: Merchant,
    adas: dict[str, str],
) -> None:
    who = Api(make(test_merchant))
    before = everything()
    for name in KEYED:
        with subtests.test(name):
            answer = ask(who, name, adas)
            assert refusal(name, answer) == expected(name, *UNAUTHORIZED)
            tells_nothing_of(adas, answer)
    assert everything() == before


def test_a_key_with_every_other_permission_may_not(
    subtests: pytest.Subtests, test_merchant: Merchant, adas: dict[str, str]
) -> None:
    nothing = never_were(adas)
    keys = {needs: given_a_key(test_merchant, FOR_BOTS - {needs}) for needs in FOR_BOTS}
    before = everything()
    for name in WITH_PERMISSION:
        needs = DECLARED[name].needs
        for things in (adas, nothing):
            with subtests.test(name, there=things is adas):
                answer = ask(Api(keys[needs]), name, things)
                assert refusal(name, answer) == expected(name, *FORBIDDEN)
                assert needs in answer.content.decode()
                if name in NATIVE:
                    assert answer.json()["error"]["details"] == {"permission": needs}
                tells_nothing_of(adas, answer)
    assert everything() == before


def test_another_merchants_objects_do_not_exist(
    subtests: pytest.Subtests,
    ben_merchant: Merchant,
    adas: dict[str, str],
    stripe_account: Stripe,
) -> None:
    world(ben_merchant, stripe_account)
    who = Api(given_a_key(ben_merchant))
    nothing = never_were(adas)
    # Ben's own invoices have the same numbers; a PDF that was made once is kept.
    assert who.get(f"/v1/invoices/{adas['open by number']}/pdf").status_code == 200
    before = everything()
    for name in WITH_OBJECTS:
        unknown = anonymous(ask(who, name, nothing), name, nothing)
        for named in variants(name, adas):
            thing, kind = next(iter(named.items()), ("draft", "draft"))
            with subtests.test(name, by=kind):
                if kind.endswith("number"):
                    # Ben has an invoice of that number himself: it is never Ada's that he gets.
                    if name.startswith("GET"):
                        tells_nothing_of(adas, ask(who, name, {**adas, thing: adas[kind]}))
                    continue
                things = {**adas, thing: adas[kind]}
                answer = ask(who, name, things)
                assert answer.status_code == 404
                # It is answered as for what never was, but for the id that was asked for.
                assert anonymous(answer, name, things) == unknown
    assert everything() == before


def test_a_slug_that_was_never_given_opens_nothing(
    subtests: pytest.Subtests, adas: dict[str, str]
) -> None:
    before = everything()
    for name in set(DECLARED) - set(KEYED) - LEADS_ON:
        with subtests.test(name):
            answer = ask(Api(""), name, {**never_were(adas), "slug": "A" * len(adas["slug"])})
            assert answer.status_code == 404
            tells_nothing_of(adas, answer)
    assert everything() == before


def test_an_object_is_not_found_under_somebody_elses(
    subtests: pytest.Subtests,
    ben_merchant: Merchant,
    adas: dict[str, str],
    stripe_account: Stripe,
) -> None:
    bens = world(ben_merchant, stripe_account)
    who = Api(given_a_key(ben_merchant))
    before = everything()
    for name in WITH_OBJECTS:
        things = DECLARED[name].uses.values()
        for foreign in things if len(things) > 1 else ():
            with subtests.test(name, foreign=foreign):
                answer = ask(who, name, {**bens, foreign: adas[foreign]})
                assert answer.status_code == 404
    assert everything() == before


def test_the_live_merchants_key_does_not_open_its_test_twin(
    subtests: pytest.Subtests, live: Merchant, adas: dict[str, str]
) -> None:
    create_wallet(live, WalletInput(name="Main", currency="USD"))
    who = Api(given_a_key(live))
    before = everything()
    for name in WITH_OBJECTS:
        with subtests.test(name):
            expected = 403 if DECLARED[name].test_mode_only else 404
            assert ask(who, name, adas).status_code == expected
    assert everything() == before


def test_lists_show_ones_own_and_nothing_else(
    subtests: pytest.Subtests,
    ben_merchant: Merchant,
    test_merchant: Merchant,
    adas: dict[str, str],
    stripe_account: Stripe,
) -> None:
    bens = world(ben_merchant, stripe_account)
    for merchant, own, foreign in ((ben_merchant, bens, adas), (test_merchant, adas, bens)):
        who = Api(given_a_key(merchant))
        for name in LISTS:
            with subtests.test(name, whose=merchant.name):
                answer = who.get(name.removeprefix("GET "))
                assert answer.status_code == 200
                tells_nothing_of(foreign, answer)
                # The control: one's own are there.
                if ROWS & set(answer.json()):
                    assert any(thing in answer.content.decode() for thing in own.values())


@pytest.mark.parametrize(
    ("name", "filters"),
    [
        (
            "GET /v1/invoices",
            {"customer": "customer", "wallet_id": "wallet", "checkout_page_id": "checkout_page"},
        ),
        ("GET /v1/sales", {"checkout_page_id": "checkout_page"}),
        ("GET /v1/events", {"object_id": "open"}),
        ("GET /v1/payments", {"invoice_id": "paid", "wallet_id": "wallet"}),
    ],
)
def test_a_filter_by_anothers_object_finds_nothing(
    name: str,
    filters: dict[str, str],
    ben_merchant: Merchant,
    adas: dict[str, str],
    stripe_account: Stripe,
) -> None:
    world(ben_merchant, stripe_account)
    who = Api(given_a_key(ben_merchant))
    for parameter, thing in filters.items():
        answer = who.get(name.removeprefix("GET "), {parameter: adas[thing]})
        assert answer.json()["data"] == []


def test_a_merchants_own_row_is_not_changed_by_a_stranger(
    ben_merchant: Merchant, test_merchant: Merchant, adas: dict[str, str]
) -> None:
    before = again(test_merchant).clock_offset
    Api(given_a_key(ben_merchant)).post("/v1/sandbox/clock", {"advance": "P1D"})
    assert again(test_merchant).clock_offset == before
    assert again(ben_merchant).clock_offset > timedelta(0)
