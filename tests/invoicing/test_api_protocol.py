"""What holds for every request: keys, errors in one shape, limits, request ids, methods."""

import json
import re
from io import BytesIO
from typing import Any

import pytest
from django.core.signals import got_request_exception
from django.db import OperationalError

from invoicing.actions import customers
from invoicing.models import ApiKey, Customer, Merchant
from tests.factories import given_a_customer, given_a_draft, given_a_key
from tests.fixtures import Api, WallClock

CLEO = {"name": "Cleo"}


def error_of(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The error object; every refusal has this one shape."""
    assert answer.status_code == status
    body = answer.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["code", "message", "details", "request_id"]
    assert body["error"]["code"] == code
    assert body["error"]["request_id"] == answer["X-Request-Id"]
    found: dict[str, Any] = body["error"]
    return found


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic YWRhOnB3",
        "Bearer one two",
        "Bearer bh_test_0000000000000000",
        "Bearer bh_test_" + "ä" * 51,
        "Bearer \x00",
        "Bearer " + "x" * 5000,
    ],
)
def test_without_a_good_key_nothing_opens(
    anonymous_api: Api, test_merchant: Merchant, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    for method, path in (("GET", "/v1/invoices"), ("POST", "/v1/customers")):
        answer = anonymous_api.send(method, path, CLEO, **headers)
        error_of(answer, 401, "unauthorized")
        assert answer["WWW-Authenticate"] == 'Bearer realm="Billhook"'
    assert not Customer.objects.exists()


def test_a_key_that_is_wrong_in_its_last_letter_opens_nothing(ada_key: str) -> None:
    last = "a" if ada_key[-1] != "a" else "b"
    error_of(Api(ada_key[:-1] + last).get("/v1/me"), 401, "unauthorized")
    error_of(Api(ada_key + "x").get("/v1/me"), 401, "unauthorized")
    assert Api(ada_key).get("/v1/me").status_code == 200


def test_the_scheme_may_be_written_in_any_case(ada_key: str, anonymous_api: Api) -> None:
    answer = anonymous_api.get("/v1/me", Authorization=f"bearer {ada_key}")
    assert answer.status_code == 200


def test_the_last_use_is_noted_once_a_minute(
    api: Api, clock: WallClock, django_assert_num_queries: Any
) -> None:
    key = ApiKey.objects.get()
    assert key.last_used_at is None
    api.get("/v1/me")
    first = ApiKey.objects.get().last_used_at
    assert first == clock.at
    clock.move(seconds=60)
    with django_assert_num_queries(1):
        api.get("/v1/me")
    assert ApiKey.objects.get().last_used_at == first
    clock.move(seconds=1)
    api.get("/v1/me")
    assert ApiKey.objects.get().last_used_at == clock.at


def test_a_missing_permission_is_named(test_merchant: Merchant) -> None:
    reader = Api(given_a_key(test_merchant, ["invoices:read"]))
    error = error_of(reader.post("/v1/invoices", {}), 403, "missing_permission")
    assert error["details"] == {"permission": "invoices:write"}
    assert error["message"] == "This needs the permission invoices:write."


def test_a_head_request_needs_what_a_get_needs(test_merchant: Merchant, api: Api) -> None:
    writer = Api(given_a_key(test_merchant, ["invoices:write"]))
    draft = given_a_draft(test_merchant)
    for path in ("/v1/invoices", f"/v1/invoices/{draft.public_id}"):
        assert writer.client.head(path, headers=_bearer(writer)).status_code == 403
        assert api.client.head(path, headers=_bearer(api)).status_code == 200
        assert writer.client.head(path).status_code == 401


def _bearer(who: Api) -> dict[str, str]:
    return {"Authorization": f"Bearer {who.key}"}


def test_a_method_that_is_not_there_is_named(api: Api, test_merchant: Merchant) -> None:
    draft = given_a_draft(test_merchant)
    answer = api.send("PUT", f"/v1/invoices/{draft.public_id}", {})
    error = error_of(answer, 405, "method_not_allowed")
    assert error["message"] == "PUT is not allowed here, only GET, PATCH, DELETE, HEAD."
    assert answer["Allow"] == "GET, PATCH, DELETE, HEAD"
    error_of(api.send("OPTIONS", "/v1/invoices", None), 405, "method_not_allowed")
    error_of(api.get(f"/v1/invoices/{draft.public_id}/void"), 405, "method_not_allowed")
    error_of(api.delete("/v1/invoices"), 405, "method_not_allowed")


@pytest.mark.parametrize(
    "path",
    ["/v1/", "/v1/nothing", "/v1/invoices/", "/v1/invoices/a/b", "/v1/me/x", "/v1/ünï", "/v1/a\n"],
)
def test_an_address_that_is_not_there_is_said_to_be_so_in_json(
    anonymous_api: Api, path: str
) -> None:
    answer = anonymous_api.client.get(path)
    error_of(answer, 404, "not_found")
    assert "RateLimit" in answer.headers


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/jsonp",
        "",
    ],
)
def test_only_json_is_read(api: Api, kind: str) -> None:
    answer = api.client.generic(
        "POST", "/v1/customers", json.dumps(CLEO), content_type=kind, headers=_bearer(api)
    )
    error = error_of(answer, 415, "unsupported_media_type")
    assert error["message"] == "Send JSON, uncompressed, with Content-Type: application/json."
    assert not Customer.objects.exists()


def test_a_compressed_body_is_refused(api: Api) -> None:
    answer = api.post("/v1/customers", CLEO, Content_Encoding="gzip")
    error_of(answer, 415, "unsupported_media_type")


def test_json_may_say_its_charset_and_any_answer_is_json(api: Api) -> None:
    answer = api.client.generic(
        "POST",
        "/v1/customers",
        json.dumps({"name": "Çelik & Söhne"}, ensure_ascii=False).encode(),
        content_type="Application/JSON; charset=utf-8",
        headers={**_bearer(api), "Accept": "text/html"},
    )
    assert answer.status_code == 201
    assert answer["Content-Type"] == "application/json"
    assert "Çelik & Söhne" in answer.content.decode()


def test_a_body_that_comes_in_chunks_is_read(api: Api) -> None:
    def send(body: bytes, **how: Any) -> Any:
        return api.client.generic(
            "POST",
            "/v1/customers",
            body,
            content_type="application/json",
            headers={**_bearer(api), "Transfer-Encoding": "chunked"},
            **{"CONTENT_LENGTH": "", "wsgi.input": BytesIO(body), **how},
        )

    ended = {"wsgi.input_terminated": True}
    assert send(json.dumps(CLEO).encode(), **ended).json()["name"] == "Cleo"
    error_of(send(b"x" * 1_000_001, **ended), 413, "too_large")
    # A server that cannot tell where such a body ends would otherwise make it seem empty.
    error_of(send(json.dumps(CLEO).encode()), 411, "length_required")
    assert Customer.objects.count() == 1


def test_a_body_of_more_than_a_megabyte_is_refused(api: Api) -> None:
    body = json.dumps({"name": "x", "metadata": {"long": "x" * 1_000_000}})
    error_of(api.post("/v1/customers", body), 413, "too_large")
    # The control: a body of exactly a megabyte is read, and then found wanting.
    padded = json.dumps(CLEO).encode().ljust(1_000_000)
    assert api.post("/v1/customers", padded).status_code == 201
    error_of(api.post("/v1/customers", padded + b" "), 413, "too_large")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "not valid JSON"),
        ("{'name': 'x'}", "not valid JSON"),
        ('{"name": "x",}', "not valid JSON"),
        (b'{"name": "\xff"}', "not valid JSON"),
        ('{"name": "a\nb"}', "not valid JSON"),
        ('{"name": "x", "name": "y"}', 'the name "name" occurs twice'),
        ('{"name": "x", "metadata": {"a": 1, "a": 2}}', 'the name "a" occurs twice'),
        ('{"metadata": ' + "[" * 21 + "]" * 21 + "}", "nested deeper than 20 levels"),
        ("[" * 100_000, "nested deeper than 20 levels"),
        ('{"a":' * 50_000, "nested deeper than 20 levels"),
    ],
)
def test_what_is_not_json_is_refused_as_such(api: Api, body: str | bytes, message: str) -> None:
    error = error_of(api.post("/v1/customers", body), 400, "invalid_json")
    assert message in error["message"]
    assert not Customer.objects.exists()


@pytest.mark.parametrize("body", ["[]", "1", '"x"', "null", "true"])
def test_a_body_must_be_an_object(api: Api, body: str) -> None:
    error = error_of(api.post("/v1/customers", body), 400, "validation_error")
    assert error["message"] == "The request must be a JSON object."


def test_an_endpoint_that_takes_no_body_refuses_one(api: Api, test_merchant: Merchant) -> None:
    draft = given_a_draft(test_merchant)
    path = f"/v1/invoices/{draft.public_id}/finalize"
    error = error_of(api.post(path, {"number": "INV-7"}), 400, "validation_error")
    assert error["details"]["fields"] == [{"field": "number", "message": "is not a field here"}]
    assert api.client.generic("POST", path, headers=_bearer(api)).status_code == 200


def test_many_mistakes_are_not_all_told(api: Api) -> None:
    body = {"name": "x", **{f"field{number}": 1 for number in range(5000)}}
    error = error_of(api.post("/v1/customers", body), 400, "validation_error")
    assert len(error["details"]["fields"]) == 50


def test_the_limit_is_told_with_every_answer_and_held(
    api: Api, anonymous_api: Api, settings: Any, clock: WallClock
) -> None:
    settings.RATE_LIMITS = {"api": (3, 60), "public": (2, 60)}
    for left in (2, 1, 0):
        answer = api.get("/v1/me" if left else "/v1/invoices/none")
        assert answer["RateLimit"] == f'"api";r={left};t=60'
        assert answer["RateLimit-Policy"] == '"api";q=3;w=60'
    clock.move(seconds=20)
    refused = api.post("/v1/customers", CLEO)
    error = error_of(refused, 429, "rate_limited")
    assert error["message"] == "Too many requests; there will be more in 40 seconds."
    assert refused["Retry-After"] == "40"
    assert refused["RateLimit"] == '"api";r=0;t=40'
    assert not Customer.objects.exists()
    # Whoever has no key is counted apart, by address, and so is guessing.
    for _ in range(2):
        assert anonymous_api.get("/v1/me")["RateLimit-Policy"] == '"public";q=2;w=60'
    error_of(anonymous_api.get("/v1/me"), 429, "rate_limited")
    clock.move(seconds=40)
    assert api.get("/v1/me").status_code == 200


def test_a_forged_forwarding_header_makes_nobody_else(
    anonymous_api: Api, settings: Any, clock: WallClock
) -> None:
    settings.RATE_LIMITS = {"public": (5, 60)}
    answers = [
        anonymous_api.get("/v1/me", X_Forwarded_For=f"203.0.113.{number}").status_code
        for number in range(8)
    ]
    assert answers == [401] * 5 + [429] * 3
    # Behind one proxy, the address that this proxy has seen counts, whatever stands before it.
    settings.TRUSTED_PROXIES = 1
    answers = [
        anonymous_api.get("/v1/me", X_Forwarded_For=f"203.0.113.{number}, 198.51.100.7").status_code
        for number in range(8)
    ]
    assert answers == [401] * 5 + [429] * 3


def test_one_keys_limit_is_not_anothers(test_merchant: Merchant, settings: Any) -> None:
    settings.RATE_LIMITS = {"api": (1, 3600)}
    one, other = Api(given_a_key(test_merchant)), Api(given_a_key(test_merchant))
    assert one.get("/v1/me").status_code == 200
    assert one.get("/v1/me").status_code == 429
    assert other.get("/v1/me").status_code == 200


def test_the_request_id_is_the_callers_own_if_it_is_sane(api: Api) -> None:
    assert api.get("/v1/me", X_Request_Id="mine-1")["X-Request-Id"] == "mine-1"
    answer = api.get("/v1/customers/none", X_Request_Id="mine-2")
    assert error_of(answer, 404, "not_found")["request_id"] == "mine-2"
    assert re.fullmatch("req_[0-9a-f]{24}", api.get("/v1/me")["X-Request-Id"])


def test_a_defect_is_told_in_the_same_shape_without_its_inside(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("secret inside")

    heard: list[Any] = []
    got_request_exception.connect(lambda **told: heard.append(told), weak=False, dispatch_uid="t")
    monkeypatch.setattr(customers, "create_customer", broken)
    try:
        answer = api.post("/v1/customers", CLEO)
    finally:
        got_request_exception.disconnect(dispatch_uid="t")
    error = error_of(answer, 500, "internal_error")
    assert "secret" not in json.dumps(error)
    assert len(heard) == 1


def test_a_database_that_does_not_answer_is_worth_another_try(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(customers, "create_customer", locked)
    answer = api.post("/v1/customers", CLEO)
    error_of(answer, 503, "unavailable")
    assert answer["Retry-After"] == "2"


def test_errors_are_in_one_language(api: Api) -> None:
    answer = api.send("PUT", "/v1/invoices", {}, Accept_Language="de")
    assert error_of(answer, 405, "method_not_allowed")["message"].startswith("PUT is not allowed")


def test_no_cache_keeps_what_was_said(api: Api, test_merchant: Merchant) -> None:
    customer = given_a_customer(test_merchant)
    for path in ("/v1/me", f"/v1/customers/{customer.public_id}", "/v1/nothing"):
        assert api.get(path)["Cache-Control"] == "no-store"
