"""Calls that the OpenAPI document brings forth, and how they are made in this process."""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unicodedata import normalize

import hypothesis
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase
from schemathesis import APIOperation, BaseSchema, Case, GenerationMode
from schemathesis.core import NOT_SET
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.drivers import CoverageGenerator
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.generation.overrides import Override

from config.wsgi import application
from tests.factories import LATER_DECLINED, VISA
from tests.matrix.native import NATIVE
from tests.matrix.world import ADDRESS, FIRST_ADDRESS

ID = re.compile("[a-z]+_[0-9a-f]{24}|[0-9a-f]{32}")
# What a value must be to get past the first look; a schema says only that it is text.
LIKELY = {
    "currency": ("USD", "USD", "EUR", "JPY", "USDC"),
    "email": ("dora@example.com",),
    "to": ("dora@example.com", "2026-12-31"),
    "card": (VISA, LATER_DECLINED),
    "url": ("https://example.com/hook",),
    "address": (ADDRESS, FIRST_ADDRESS),
    "wallet_address": (ADDRESS,),
    "sender": (ADDRESS,),
    "token": (ADDRESS,),
    "country": ("DE", "US"),
    "language": ("de", "en"),
    "timezone": ("Europe/Berlin",),
    "advance": ("P1D", "PT1H"),
    "due_date": ("2027-01-31", "2026-03-01T12:00:00Z"),
    "due_at": ("2027-01-31", "2026-03-01T12:00:00Z"),
    "anchor": ("2026-03-31",),
    "start_at": ("2026-12-31T12:00:00Z",),
    "until": ("2026-12-31",),
    "expires_at": ("2030-01-01T00:00:00Z",),
    "created_after": ("2026-01-01",),
    "created_before": ("2036-01-01T00:00:00+02:00",),
    "amount": ("1", "9.50", "100.00", "0.001", "99999999999999.99"),
    "content_base64": ("JVBERi0xLjcK",),
    "message": ("Invoice Cleo Payer $25 for coffee",),
}
# Whose ids a field or a place of an address names, by how they begin.
NAMES = {
    "customer": ("cus_",),
    "customers": ("cus_",),
    "reference": ("inv_",),
    "page_id": ("cp_",),
    "checkout_page_id": ("cp_",),
    "object_id": ("inv_", "cus_", "pay_"),
    "invoice_id": ("inv_",),
    "customer_id": ("cus_",),
    "wallet_id": ("wal_",),
    "bot_id": ("bot_",),
    "approval_id": ("apr_",),
    "key_id": ("key_",),
    "event_id": ("evt_",),
    "endpoint_id": ("we_",),
    "delivery_id": ("del_",),
    "payment_id": ("pay_",),
    "refund_id": ("ref_",),
    "method_id": ("pm_",),
    "payment_method_id": ("pm_",),
    "inquiry_id": ("inq_",),
    "setup_id": ("pms_",),
    "dispute_id": ("dis_",),
    "deposit_id": ("dep_",),
    "claim_id": ("clm_",),
    "payout_id": ("po_",),
    "credit_note_id": ("cn_",),
    "recurring_id": ("rec_",),
}


def contract() -> BaseSchema:
    """The document as it is served."""
    wanted = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
    with in_this_transaction():
        return schemathesis.openapi.from_wsgi("/v1/openapi.json", application, config=wanted)


@contextmanager
def in_this_transaction() -> Iterator[None]:
    """Let requests leave the test's connection open, as Django's own test client does."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in signals:
            signal.connect(close_old_connections)


def boundaries(operation: APIOperation) -> list[Case]:
    """What lies on the edges of the schema and just beyond: each is made once."""
    generation = operation.schema.config.generation_for(operation=operation, phase="coverage")
    generator = CoverageGenerator(
        operation=operation,
        generation_modes=list(GenerationMode),
        generation_config=generation,
        auth_storage=None,
        override=Override(),
        feedback=NO_FEEDBACK,
    )
    return list(generator)


def drawn(operation: APIOperation, examples: int, seed: int) -> list[Case]:
    """So many calls that fit the schema, and as many that do not where there is any such."""
    found: list[Case] = []
    # Any text does for a place of an address: which one is said when a call is filled.
    places = {each.name: "x" for each in operation.path_parameters}
    takes = operation.query or operation.body
    for mode in GenerationMode if takes else [GenerationMode.POSITIVE]:
        strategy = operation.as_strategy(
            generation_mode=mode, path_parameters=places, feedback=NO_FEEDBACK
        )

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(strategy)
        def collect(case: Case) -> None:
            found.append(case)

        collect()
    return found


class World:
    """What there is to be asked for: ids by how they begin, and what each endpoint works on."""

    def __init__(self, things: dict[str, str]) -> None:
        self.things = things
        self.ids = [value for kind, value in things.items() if " by " not in kind]

    def fill(self, case: Case, luck: random.Random) -> None:
        """Put ids that there are into a call, so that most calls reach what they are for.

        Ids that it has already are left: an answer has given them.
        """
        said = NATIVE[f"{case.operation.method.upper()} {case.operation.path}"]
        meta = case.meta
        assert meta
        if not meta.is_negative_at(ParameterLocation.PATH):
            for place, value in case.path_parameters.items():
                if not ID.fullmatch(str(value)):
                    case.path_parameters[place] = self._place(place, said.uses.get(place), luck)
        if isinstance(case.query, dict):
            for parameter, value in case.query.items():
                case.query[parameter] = self._value(parameter, value, luck)
        if case.body is not NOT_SET:
            body = self._likely(case.body, luck)
            if meta.is_negative_at(ParameterLocation.BODY):
                body = trimmed(body)
            if isinstance(body, dict) and luck.random() < 0.6:
                body |= {
                    name: self.named(value)
                    for name, value in said.body.items()
                    if luck.random() < 0.9 and not ID.fullmatch(str(body.get(name)))
                }
            case.body = body

    def named(self, value: Any) -> Any:
        """What "{customer}" stands for; anything else as it is."""
        if not isinstance(value, str) or value[0] != "{":
            return value
        return self.things.get(value[1:-1], "none")

    def _place(self, place: str, thing: str | None, luck: random.Random) -> str:
        if place == "field":
            return luck.choice(["receipt", "service_documentation", "nothing"])
        names = [name for name in self.things if name.split(" ")[0] == thing]
        if names and luck.random() < 0.7:
            return self.things[luck.choice(names)]
        return luck.choice(self._of(place) or ["none"])

    def _of(self, name: str) -> list[str]:
        begins = NAMES.get(name, ("none",))
        return [value for value in self.ids if value.startswith(begins)]

    def _likely(self, value: Any, luck: random.Random) -> Any:
        if isinstance(value, dict):
            return {key: self._value(key, item, luck) for key, item in value.items()}
        if isinstance(value, list):
            return [self._likely(item, luck) for item in value]
        return value

    def _value(self, name: str, value: Any, luck: random.Random) -> Any:
        if isinstance(value, dict | list):
            return self._likely(value, luck)
        if not isinstance(value, str) or ID.fullmatch(value) or luck.random() < 0.2:
            return value
        if name in NAMES:
            return luck.choice(self._of(name) or [value])
        if name in LIKELY:
            return luck.choice(LIKELY[name])
        return value


def trimmed(value: Any) -> Any:
    """Texts as they are measured: blanks around one, and accents apart, make none too long."""
    if isinstance(value, dict):
        return {name: trimmed(item) for name, item in value.items()}
    if isinstance(value, list):
        return [trimmed(item) for item in value]
    return normalize("NFC", value).strip() if isinstance(value, str) else value
