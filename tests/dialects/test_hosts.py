"""Where the dialects are spoken: below /compat, and on hosts that are named for them."""

import json
from typing import Any

import pytest
from django.test import Client

from checkout.dialects import SYSTEMS

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("system", SYSTEMS)
def test_each_has_its_addresses_below_compat_and_on_its_host(client: Client, system: str) -> None:
    below = client.get(f"/compat/{system}/nowhere")
    root = client.get("/nowhere", headers={"host": f"{system}.localhost"})
    assert (below.status_code, root.status_code) == (404, 404)
    assert json.loads(below.content).keys() == json.loads(root.content).keys()


def test_a_host_that_is_named_for_one_speaks_nothing_else(client: Client, settings: Any) -> None:
    settings.COMPAT_HOSTS = {"bills.example.com": "gwop"}
    settings.ALLOWED_HOSTS = ["bills.example.com", "testserver"]
    there = client.get("/docs", headers={"host": "BILLS.example.com:8443"})
    assert there.status_code == 404
    assert b"gwop has nothing" in there.content
    assert client.get("/docs").status_code == 200
    assert client.get("/healthz", headers={"host": "elsewhere.example"}).status_code == 400
