"""The API's documentation: a valid document, complete, held by real answers, and readable."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from threading import Barrier
from typing import Any

import pytest
from django.http import JsonResponse
from django.test import Client
from django.urls import get_resolver
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from config import docs, reference
from config.docs import document
from config.env import BASE_DIR
from invoicing.api.endpoint import Endpoint, endpoints_of
from invoicing.api.links import PLACES
from invoicing.api.openapi import JSON, sample
from invoicing.api.views import ApiView, JsonView, NothingHere, PublicView
from invoicing.event_types import TYPES
from invoicing.permissions import FOR_BOTS, PERMISSIONS
from tests.fixtures import Api
from tests.fixtures_api import Undocumented, check


def views() -> dict[str, type[JsonView]]:
    """Every view below /v1, by its address in the document."""
    found = {}
    for pattern in get_resolver().url_patterns:
        if str(pattern.pattern) != "v1/":
            continue
        for inner in pattern.url_patterns:
            path = "/v1/" + re.sub(r"<\w+:(\w+)>", r"{\1}", str(inner.pattern))
            view = inner.callback.cls
            if view is not NothingHere:
                assert path not in found
                found[path] = view
    return found


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]


@pytest.mark.once
def test_the_document_is_valid_openapi_3_1() -> None:
    assert document()["openapi"] == "3.1.1"
    assert list(OpenAPIV31SpecValidator(document()).iter_errors()) == []
    # The control: the validator does find what is wrong.
    broken = json.loads(json.dumps(document()))
    del broken["paths"]["/v1/invoices"]["get"]["responses"]["200"]["description"]
    assert list(OpenAPIV31SpecValidator(broken).iter_errors()) != []


def made_at_once(make: Callable[[], dict[str, Any]]) -> list[str]:
    """What several threads get that ask at the same moment for what nobody has made yet."""
    barrier = Barrier(6)

    def ask(_: int) -> str:
        barrier.wait()
        try:
            return json.dumps(make(), sort_keys=True)
        except Exception as problem:
            return repr(problem)

    with ThreadPoolExecutor(6) as threads:
        return list(threads.map(ask, range(6)))


@pytest.mark.once
def test_the_document_is_whole_when_many_ask_for_it_first() -> None:
    whole = json.dumps(document(), sort_keys=True)
    docs._made.cache_clear()
    assert set(made_at_once(document)) == {whole}
    # The control: made by several at once they are not whole.
    assert set(made_at_once(docs._made.__wrapped__)) != {whole}


def test_the_document_is_served_to_everybody(client: Client) -> None:
    answer = client.get("/v1/openapi.json")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer.json() == document()
    assert client.post("/v1/openapi.json").status_code == 405


def test_the_document_knows_every_endpoint_and_no_other() -> None:
    said = {(path, method) for method, path, _ in operations()}
    there = {(path, method) for path, view in views().items() for method in view.endpoints}
    assert said == there
    assert len(there) > 50


def test_every_operation_is_described_in_full() -> None:
    summaries = [operation["summary"] for _, _, operation in operations()]
    assert len(set(summaries)) == len(summaries)
    for method, path, operation in operations():
        view = views()[path]
        said: Endpoint = view.endpoints[method]
        where = f"{method} {path}"
        assert operation["description"], where
        assert operation["tags"][0] in reference.TAGS, where
        assert (operation["security"] == []) is issubclass(view, PublicView), where
        assert operation.get("x-permission") == said.needs, where
        names = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
        assert names == set(re.findall(r"{(\w+)}", path)), where
        for each in operation["parameters"]:
            assert each["description"], f"{where} {each['name']}"
        headers = {each["name"] for each in operation["parameters"] if each["in"] == "header"}
        keys = {"Idempotency-Key"} if method == "post" and said.has_keys else set()
        assert headers == keys | said.takes.keys(), where
        if said.body:
            content = operation["requestBody"]["content"][JSON]
            assert content["schema"]["$ref"].endswith(f"/{said.body.__name__}"), where
        refusals = {status for status in operation["responses"] if status >= "400"}
        assert {"400", "429"} <= refusals, where
        assert ("401" in refusals) is issubclass(view, ApiView), where
        if said.needs:
            assert {"401", "403"} <= refusals, where


@pytest.mark.once
def test_what_is_made_is_linked_to_whatever_takes_its_id() -> None:
    at = {operation["operationId"]: path for _, path, operation in operations()}
    linked: dict[str, dict[str, Any]] = {}
    for _, path, operation in operations():
        found = operation["responses"].get("201", {}).get("links", {})
        linked |= {path: found} if found else {}
        for name, link in found.items():
            (place,) = link["parameters"]
            assert re.findall(r"{(\w+)}", at[link["operationId"]]) == [place], name
    answer = {"reference": "$response.body#/id"}
    finalize = {"operationId": "finalize_an_invoice", "parameters": answer}
    assert linked["/v1/invoices"]["finalize_an_invoice"] == finalize
    slug = linked["/v1/invoices"]["see_an_invoice_as_its_payer"]["parameters"]
    assert slug == {"slug": "$response.body#/slug"}
    # Whatever kind of id an object is known by has its place.
    assert {
        place
        for links in linked.values()
        for each in links.values()
        for place in each["parameters"]
    } == {*PLACES.values(), "slug"}


def test_every_permission_is_one_that_a_bot_can_have_and_each_is_of_use() -> None:
    needed = {said.needs for view in views().values() for said in view.endpoints.values()}
    assert needed - {None} == FOR_BOTS


def test_examples_are_what_they_are_examples_of() -> None:
    components = document()["components"]
    for method, path, operation in operations():
        content = operation.get("requestBody", {}).get("content", {}).get(JSON, {})
        if "example" in content:
            validator = Draft202012Validator({**content["schema"], "components": components})
            assert list(validator.iter_errors(content["example"])) == [], f"{method} {path}"
        answer = next(iter(operation["responses"].values())).get("content", {}).get(JSON)
        if answer:
            validator = Draft202012Validator({**answer["schema"], "components": components})
            shown = sample(answer["schema"], components)
            assert list(validator.iter_errors(shown)) == [], f"{method} {path}"


# Whose examples name an object by its id, or an address that was given out.
NAME_IDS = {
    "/v1/sandbox/deposits",
    "/v1/sandbox/payments",
    "/v1/invoices/charge",
    "/v1/recurring_charges",
    "/v1/credit_notes",
    "/v1/credit_notes/preview",
}


def test_request_examples_are_accepted_as_they_stand(api: Api) -> None:
    """Each can be sent word for word, but for the ids in it."""
    made = 0
    for method, path, operation in operations():
        content = operation.get("requestBody", {}).get("content", {}).get(JSON, {})
        if "{" in path or "example" not in content or path in NAME_IDS:
            continue
        answer = api.send(method.upper(), path, content["example"])
        assert answer.status_code == int(next(iter(operation["responses"]))), f"{method} {path}"
        made += 1
    assert made >= 7


def test_a_handler_that_says_nothing_makes_no_view() -> None:
    with pytest.raises(TypeError, match=r"Silent\.get does not say what it is"):

        class Silent(ApiView):
            def get(self, request: Any) -> None: ...

    assert endpoints_of(ApiView) == {}


def answered(body: Any, status: int = 200) -> JsonResponse:
    response = JsonResponse(body, status=status, safe=False)
    response["X-Request-Id"], response["Cache-Control"] = "req_1", "no-store"
    return response


def test_an_answer_that_is_not_documented_is_noticed(api: Api) -> None:
    """The control of every other test of the API: its answers are held against the document."""
    bot = api.post("/v1/bots", {"name": "x"}).json()
    path = f"/v1/bots/{bot['id']}"
    check("GET", path, answered(bot))
    for wrong in ({**bot, "extra": 1}, {**bot, "name": None}, {"id": bot["id"]}, []):
        with pytest.raises(Undocumented):
            check("GET", path, answered(wrong))
    with pytest.raises(Undocumented):
        check("GET", path, answered(bot, status=202))
    with pytest.raises(Undocumented):
        check("GET", path, answered({"detail": "no"}, status=404))
    with pytest.raises(Undocumented):
        check("PUT", path, answered(bot))
    with pytest.raises(Undocumented):
        check("GET", path, JsonResponse(bot))


class Page(HTMLParser):
    """What matters of a page: its ids, its links, and anything that the policy would stop."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.forbidden: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.links.append(given["href"])
        if tag == "style" or "style" in given or (tag == "script" and "src" not in given):
            self.forbidden.append(tag)
        self.forbidden += [name for name in given if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture
def page(client: Client) -> Page:
    parsed = Page()
    answer = client.get("/docs")
    assert answer.status_code == 200
    parsed.feed(answer.content.decode())
    return parsed


def test_the_reference_shows_every_endpoint_without_script(page: Page) -> None:
    for _, path, operation in operations():
        assert operation["operationId"] in page.ids
        assert path in page.words
    assert page.forbidden == []


def test_every_link_within_the_reference_leads_somewhere(page: Page) -> None:
    assert len(set(page.ids)) == len(page.ids)
    anchors = {link[1:] for link in page.links if link.startswith("#")}
    assert anchors <= set(page.ids)
    assert len(anchors) > 60
    assert "/v1/openapi.json" in page.links


def test_the_reference_names_permissions_events_and_test_cards(page: Page) -> None:
    text = " ".join(page.words)
    for name in (*FOR_BOTS, *TYPES, "4242424242424242", "whsec_", "Idempotency-Key"):
        assert name in text
    for name in PERMISSIONS.keys() - FOR_BOTS:
        assert name not in text


def test_what_a_field_may_be_is_said_in_words() -> None:
    rows = {
        row.name: row.kind
        for section in docs.sections()
        for operation in section.operations
        if operation.anchor == "create_an_invoice"
        for row in operation.body
    }
    assert rows["line_items[].unit_price"] == "decimal"
    assert rows["line_items[].description"] == "string, at most 500"
    assert rows["recipient.type"] == '"human" | "bot" | "agent"'
    assert rows["allow_partial"] == "boolean"
    assert rows["tax_rate"] == "decimal or null"


def test_the_references_styles_use_tokens_that_exist() -> None:
    tokens = (BASE_DIR / "static" / "billhook.css").read_text()
    used = set(re.findall(r"var\((--[a-z0-9-]+)\)", (BASE_DIR / "static/docs.css").read_text()))
    assert used
    assert [token for token in used if f"{token}:" not in tokens] == []
