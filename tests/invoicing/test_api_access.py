"""Bots and keys over the API: what a key says, gives, and cannot give."""

from datetime import timedelta

import pytest

from invoicing import clock as clocks
from invoicing.models import ApiKey, Bot, IdempotentRequest, Merchant
from invoicing.permissions import FOR_BOTS
from tests.factories import given_a_key
from tests.fixtures import Api, WallClock


def test_a_key_says_whose_it_is_and_what_it_may_do(api: Api, test_merchant: Merchant) -> None:
    me = api.get("/v1/me").json()
    assert me["merchant"]["id"] == test_merchant.public_id
    assert me["merchant"]["livemode"] is False
    assert me["bot"]["name"] == "Ada's bot"
    assert me["permissions"] == sorted(FOR_BOTS)
    assert api.key.startswith(me["api_key"]["prefix"])
    assert api.key not in str(me)


def test_a_key_without_any_other_permission_still_knows_itself(test_merchant: Merchant) -> None:
    bare = Api(given_a_key(test_merchant, ["events:read"]))
    assert bare.get("/v1/me").json()["permissions"] == ["events:read"]
    assert bare.get("/v1/bots").status_code == 403


def test_a_bot_is_made_and_given_a_key_that_is_shown_once(
    api: Api, test_merchant: Merchant
) -> None:
    answer = api.post("/v1/bots", {"name": "Biller"})
    assert answer.status_code == 201
    bot = answer.json()
    assert api.get(f"/v1/bots/{bot['id']}").json() == bot
    assert api.get("/v1/bots").json()["data"][0] == bot
    wanted = {"name": "first", "permissions": ["invoices:read", "invoices:read"]}
    answer = api.post(f"/v1/bots/{bot['id']}/api_keys", wanted)
    assert answer.status_code == 201
    made = answer.json()
    text = made.pop("key")
    assert text.startswith("bh_test_")
    assert made["permissions"] == ["invoices:read"]
    assert api.get(f"/v1/bots/{bot['id']}/api_keys").json()["data"] == [made]
    biller = Api(text)
    assert biller.get("/v1/invoices").status_code == 200
    refused = biller.get("/v1/customers")
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "missing_permission"
    assert refused.json()["error"]["details"] == {"permission": "customers:read"}


def test_a_bot_is_not_given_a_wallet_that_is_not_there(api: Api) -> None:
    wanted = {"name": "Biller", "wallet_id": "wal_" + "0" * 24}
    answer = api.post("/v1/bots", wanted)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert not Bot.objects.filter(name="Biller").exists()


def test_a_repeated_request_for_a_key_makes_one_and_shows_it_to_nobody_again(api: Api) -> None:
    bot = api.post("/v1/bots", {"name": "Biller"}).json()["id"]
    wanted = {"permissions": ["invoices:read"]}
    first = api.post(f"/v1/bots/{bot}/api_keys", wanted, idempotency_key="once")
    repeat = api.post(f"/v1/bots/{bot}/api_keys", wanted, idempotency_key="once")
    assert repeat["Idempotent-Replayed"] == "true"
    assert (first.status_code, repeat.status_code) == (201, 201)
    text = first.json()["key"]
    assert repeat.json() == {**first.json(), "key": None}
    assert ApiKey.objects.filter(bot__public_id=bot).count() == 1
    for kept in IdempotentRequest.objects.values_list("response_body", flat=True):
        assert text not in kept
        assert text[-43:] not in kept


def test_a_key_can_only_be_given_what_the_asking_key_has(test_merchant: Merchant) -> None:
    modest = Api(given_a_key(test_merchant, ["bots:read", "bots:write", "invoices:read"]))
    bot = modest.post("/v1/bots", {"name": "Greedy"}).json()["id"]
    keys = ApiKey.objects.count()
    refused = modest.post(f"/v1/bots/{bot}/api_keys", {"permissions": ["invoices:read", "settle"]})
    assert refused.status_code == 403
    assert refused.json()["error"]["details"] == {"permission": "settle"}
    assert ApiKey.objects.count() == keys
    allowed = modest.post(f"/v1/bots/{bot}/api_keys", {"permissions": ["invoices:read"]})
    assert allowed.status_code == 201


def test_a_revoked_key_opens_nothing_from_the_next_call_on(api: Api) -> None:
    bot = api.post("/v1/bots", {"name": "Biller"}).json()["id"]
    made = api.post(f"/v1/bots/{bot}/api_keys", {"permissions": ["invoices:read"]}).json()
    biller = Api(made["key"])
    assert biller.get("/v1/invoices").status_code == 200
    revoked = api.post(f"/v1/api_keys/{made['id']}/revoke").json()
    assert revoked["revoked_at"] is not None
    refused = biller.get("/v1/invoices")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "unauthorized")
    # Revoking twice changes nothing.
    assert api.post(f"/v1/api_keys/{made['id']}/revoke").json() == revoked


def test_a_key_stops_at_its_expiry(api: Api, clock: WallClock) -> None:
    bot = api.post("/v1/bots", {"name": "Biller"}).json()["id"]
    ends = (clocks.wall() + timedelta(hours=1)).isoformat()
    wanted = {"permissions": ["invoices:read"], "expires_at": ends}
    biller = Api(api.post(f"/v1/bots/{bot}/api_keys", wanted).json()["key"])
    clock.move(minutes=59)
    assert biller.get("/v1/invoices").status_code == 200
    clock.move(minutes=1)
    assert biller.get("/v1/invoices").status_code == 401
    past = api.post(f"/v1/bots/{bot}/api_keys", {**wanted, "expires_at": "2026-01-01"})
    assert past.json()["error"]["details"]["fields"][0]["field"] == "expires_at"


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({}, "name", "is required"),
        ({"name": ""}, "name", "must not be empty"),
        ({"name": "x" * 101}, "name", "must have at most 100 characters"),
        ({"name": 5}, "name", "must be text"),
        ({"name": "a\nb"}, "name", "must be one line without control characters"),
        ({"name": "a", "merchant": "mer_1"}, "merchant", "is not a field here"),
    ],
)
def test_a_bot_needs_a_name(api: Api, body: dict[str, object], field: str, message: str) -> None:
    bots = Bot.objects.count()
    answer = api.post("/v1/bots", body)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["fields"] == [{"field": field, "message": message}]
    assert Bot.objects.count() == bots


@pytest.mark.parametrize(
    ("permissions", "message"),
    [
        ([], "must have at least 1 item"),
        ("invoices:read", "must be a list"),
        (["invoices:*"], "'invoices:*' is not a permission a bot can have"),
        (["team:write"], "'team:write' is not a permission a bot can have"),
        ([None], "must be text"),
    ],
)
def test_permissions_are_named_exactly(api: Api, permissions: object, message: str) -> None:
    bot = api.post("/v1/bots", {"name": "Biller"}).json()["id"]
    answer = api.post(f"/v1/bots/{bot}/api_keys", {"permissions": permissions})
    assert answer.status_code == 400
    problem = answer.json()["error"]["details"]["fields"][0]
    assert problem["field"].startswith("permissions")
    assert message in problem["message"]
