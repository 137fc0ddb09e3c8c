"""A leash that names tools holds in every dialect, under the native names."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from invoicing.actions.leashes import set_leash
from invoicing.api.tools import names
from invoicing.api.views import ApiView
from invoicing.inputs import read
from invoicing.leashes import LeashInput
from invoicing.models import ApiKey, Merchant
from tests.factories import given_a_draft, given_a_key
from tests.fixtures import Api


def endpoints(patterns: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The addresses below /compat that take a key, and their names."""
    for pattern in patterns:
        there = f"{path}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from endpoints(pattern.url_patterns, there)
        elif isinstance(pattern, URLPattern) and there.startswith("compat/"):
            view = getattr(pattern.callback, "view_class", None)
            view = view or getattr(pattern.callback, "cls", None)
            if isinstance(view, type) and issubclass(view, ApiView):
                yield from ((there, said.name) for said in view.endpoints.values())


def test_whatever_a_dialect_does_a_leash_can_name() -> None:
    found = list(endpoints(get_resolver(settings.ROOT_URLCONF).url_patterns))
    assert len(found) > 20
    assert [where for where, name in found if name not in names()] == []


def test_a_bot_that_may_finalize_drafts_may_do_so_in_wallgents_words(
    test_merchant: Merchant,
) -> None:
    key = given_a_key(test_merchant, bot="Finalizer")
    bot = ApiKey.objects.select_related("bot").latest("pk").bot
    set_leash(test_merchant, bot.public_id, read(LeashInput, {"tools": ["finalize_draft"]}))
    draft = given_a_draft(test_merchant).public_id
    door = f"/compat/wallgent/v1/invoices/{draft}"
    refused = Api(key).post(f"{door}/void")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "off_limits")
    assert Api(key).post(f"{door}/finalize").json()["status"] == "FINALIZED"
