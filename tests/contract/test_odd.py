"""Requests that are wrong below any schema are refused as the document says."""

import json
import random
from typing import Any
from urllib.parse import unquote
from zlib import crc32

import pytest

from config.docs import document
from invoicing.models import Merchant
from tests.contract.oddities import Odd, oddities
from tests.fixtures import Api
from tests.fixtures_api import check
from tests.fixtures_stripe import Stripe
from tests.matrix.declared import NO_KEY
from tests.matrix.native import NATIVE
from tests.matrix.world import world

# Of the oddities of each operation; what differs by database is asked of all of them here.
ODDITIES = 2


def test_what_is_odd_is_refused_as_documented(
    subtests: pytest.Subtests,
    pytestconfig: pytest.Config,
    test_merchant: Merchant,
    stripe_account: Stripe,
    api: Api,
    settings: Any,
) -> None:
    """A few for each operation; with `--calls`, all."""
    settings.RATE_LIMITS = {}
    things = world(test_merchant, stripe_account)
    for name, said in NATIVE.items():
        method, path = name.split(" ")
        places = {place: things[thing] for place, thing in said.uses.items()}
        if "{field}" in path:
            places["field"] = "receipt"
        body = {
            key: things[value[1:-1]] if isinstance(value, str) and value[0] == "{" else value
            for key, value in said.body.items()
        }
        odd = list(oddities(document()["paths"][path][method.lower()], path, places, body))
        if not pytestconfig.getoption("--calls"):
            odd = random.Random(crc32(name.encode())).sample(odd, ODDITIES)
        for each in odd:
            with subtests.test(name, what=each.what), stripe_account.tried_out():
                answer = sent(api, method, each, said.needs == NO_KEY)
                assert answer.status_code < 500
                if answer.status_code != 405:
                    check(method, unquote(each.path.partition("?")[0]), answer)


def sent(api: Api, method: str, odd: Odd, public: bool) -> Any:
    """The answer to a request as odd as that, down to the bytes of its address."""
    headers = dict(odd.headers) if public else {"Authorization": f"Bearer {api.key}", **odd.headers}
    path, _, query = odd.path.partition("?")
    length = (
        {"CONTENT_LENGTH": headers.pop("Content-Length")} if "Content-Length" in headers else {}
    )
    content = odd.body if isinstance(odd.body, bytes) else json.dumps(odd.body).encode()
    return api.client.generic(
        method,
        path,
        b"" if method in ("GET", "DELETE") and not isinstance(odd.body, bytes) else content,
        content_type=headers.pop("Content-Type", "application/json"),
        headers=headers,
        QUERY_STRING=query,
        **length,
    )
