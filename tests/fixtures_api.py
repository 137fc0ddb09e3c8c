"""Every answer that any test gets from the API is held against the OpenAPI document."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from django.apps import apps
from django.http import HttpResponse
from django.urls import resolve
from jsonschema import Draft202012Validator

from config.docs import document
from tests.fixtures import Api

# A method or an address that is not there is in no document.
NOWHERE = {404, 405}
HEADERS = ("X-Request-Id", "Cache-Control")


class Undocumented(AssertionError):
    """An answer that the OpenAPI document does not know."""


def route_of(path: str) -> str:
    """The documented route that answers this path: /v1/invoices/{reference}."""
    route = resolve(path.partition("?")[0]).route
    return "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route)


def check(method: str, path: str, response: HttpResponse) -> None:
    """Raise Undocumented unless the document says that this may be answered here."""
    where = f"{method} {route_of(path)} → {response.status_code}"
    for name in HEADERS:
        if name not in response.headers:
            raise Undocumented(f"{where} has no {name}")
    operation = document()["paths"].get(route_of(path), {}).get(method.lower())
    status = str(response.status_code)
    if operation is None or response.status_code == 500:
        if operation is None and response.status_code not in NOWHERE | {401, 429}:
            raise Undocumented(where)
        answer = {"schema": {"$ref": "#/components/schemas/Error"}}
    elif status not in operation["responses"]:
        raise Undocumented(where)
    else:
        content = operation["responses"][status].get("content", {})
        kind = response.headers.get("Content-Type", "")
        if not content:
            if response.content:
                raise Undocumented(f"{where} has a body")
            return
        if kind not in content:
            raise Undocumented(f"{where} is {kind}")
        answer = content[kind]
    if answer["schema"].get("format") == "binary":
        return
    validator = _validator(json.dumps(answer["schema"]))
    problems = list(validator.iter_errors(json.loads(response.content)))
    if problems:
        worst = problems[0]
        raise Undocumented(f"{where}: {worst.json_path}: {worst.message[:300]}")


@cache
def _validator(schema: str) -> Draft202012Validator:
    root = {**json.loads(schema), "components": document()["components"]}
    return Draft202012Validator(root)


@pytest.fixture(autouse=True)
def _answers_are_documented(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    send = Api.send

    def checked(self: Api, method: str, path: str, body: Any, **how: Any) -> HttpResponse:
        response = send(self, method, path, body, **how)
        # A host of its own speaks another system's dialect.
        if path.startswith("/v1/") and "host" not in how:
            check(method, path, response)
        return response

    monkeypatch.setattr(Api, "send", checked)
    yield


def everything() -> dict[str, list[Any]]:
    """All rows of the domain, so that nothing can change unseen; a key's last use is no change."""
    found = {}
    for room in ("invoicing", "payments"):
        for model in apps.get_app_config(room).get_models():
            rows = list(model._default_manager.order_by("pk").values())
            for row in rows:
                row.pop("last_used_at", None)
            found[model.__name__] = rows
    return found
