"""A bot's refund that a person lets pass, as one process does it that may be killed anywhere.

The bot repeats its Idempotency-Key, the person opens the link of the mail again, the worker finds
its rows.
"""

import re
from collections.abc import Callable
from typing import Any

from django.test import Client

from invoicing import doorbell, failpoints, tasks
from invoicing.api import inside
from invoicing.models import Message
from tests.fixtures import Api

doorbell._send = lambda task: None


def run(key: str, path: str, keyless: bool = False) -> str:
    """Ask, approve by the mail's link, carry out, ask again; what the bot is told at last."""
    if keyless:
        _forget_keys()
    bot = Api(key)
    _ask(bot, path)
    link = re.search(
        r"/dashboard/approvals/mail/\S+", Message.objects.filter(kind="approval").latest("pk").text
    )
    assert link
    # Pressed again by whoever has not seen what came of it.
    assert Client().post(link[0], {"do": "approve"}).status_code == 302
    tasks.carry_out_approvals()
    return str(_ask(bot, path)["refunds"][0]["status"])


def visited(key: str, path: str) -> list[str]:
    """Every failpoint on the way, in the order of the first visits."""
    seen: dict[str, None] = {}

    class Watching(dict[str, Callable[[], None]]):
        def get(self, name: str, default: Any = None) -> Any:
            if name != "*":
                seen.setdefault(name)
            return default

    failpoints.hooks = Watching(on=lambda: None)
    run(key, path)
    return list(seen)


def _ask(bot: Api, path: str) -> dict[str, Any]:
    answer = bot.post(path, {"amount": "60.00"}, idempotency_key="refund-17")
    assert answer.status_code in (200, 202), answer.content
    found: dict[str, Any] = answer.json()
    return found


def _forget_keys() -> None:
    """For a control: each time a worker carries it out, it is a request of its own."""
    ask = inside.ask

    def without(*args: Any, idempotency_key: str = "", **how: Any) -> inside.Answer:
        return ask(*args, **how)

    inside.ask = without
