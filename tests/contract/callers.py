"""Who calls: the owner of all there is, and those whom none of it is any business of."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import schemathesis
from schemathesis import APIOperation, Case, Response
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.parameters import ParameterLocation

from invoicing.models import Merchant
from invoicing.permissions import FOR_BOTS
from tests.contract.calls import World, in_this_transaction
from tests.factories import given_a_key, given_a_merchant, given_a_user
from tests.fixtures_api import everything
from tests.fixtures_stripe import Stripe
from tests.matrix.declared import ANY_KEY, NO_KEY, revoked
from tests.matrix.native import NATIVE

schemathesis.checks.load_all_checks()
OFF = [
    # What fits its schema may be refused all the same: a day that is none, a currency that nobody
    # trades, an object in another state. That most calls get through is what World is for.
    schemathesis.checks.positive_data_acceptance,
]
NAMING = ("public_id", "uuid", "slug", "email", "name", "address", "recipient_name")
Rows = dict[str, list[dict[str, Any]]]


def names(rows: Rows) -> set[str]:
    """What these rows are known by, as far as it says whose they are."""
    values = (row.get(name) for kind in rows.values() for row in kind for name in NAMING)
    texts = {str(value) for value in values if isinstance(value, str | UUID)}
    return {text for text in texts if len(text) >= 8}


@dataclass
class Stage:
    """Ada with her world, Ben who has nothing of it, and the keys that they call with."""

    ada: Merchant
    stripe: Stripe
    world: World

    def __post_init__(self) -> None:
        self.key = given_a_key(self.ada)
        self.others = {needs: given_a_key(self.ada, FOR_BOTS - {needs}) for needs in FOR_BOTS}
        self.revoked = revoked(self.ada)
        self.rows = everything()
        ben = given_a_merchant(given_a_user("Ben Rival"), name="Ben & Sons")
        self.ben = given_a_key(ben, bot="Ben's bot")
        after = everything()
        bens = {kind: [row for row in after[kind] if row not in self.rows[kind]] for kind in after}
        self.secrets = names(self.rows) - names(bens)

    def found(self, operation: APIOperation, cases: list[Case]) -> Iterator[str]:
        """What is wrong with the answers to these calls, by whoever makes them."""
        for case in cases:
            with self.stripe.tried_out():
                yield from self._answered("the owner", case, self.key)[1]
        needs = NATIVE[f"{operation.method.upper()} {operation.path}"].needs
        if needs == NO_KEY:  # whoever has the payer's secret may do it
            return
        strangers = [("anonymous", "", 401), ("a revoked key", self.revoked, 401)]
        if needs != ANY_KEY:
            strangers.append(("a key without the permission", self.others[needs], 403))
        with self.stripe.tried_out():
            for case in cases:
                for who, key, status in [*strangers, ("another tenant", self.ben, None)]:
                    answer, found = self._answered(who, case, key)
                    yield from found
                    if status and answer.status_code != status and reached(case):
                        yield f"{who} got {answer.status_code} by {told(case)}"
                    for secret in self._leaked(case, answer):
                        yield f"{who} was told {secret} by {told(case)}"
            for change in self._changed():
                yield f"strangers changed {change}"

    def _answered(self, who: str, case: Case, key: str) -> tuple[Response, list[str]]:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        with in_this_transaction():
            answer = case.call(headers=headers)
            found = problems(case, answer, headers, OFF)
        return answer, [f"{who}: {problem}" for problem in found]

    def _leaked(self, case: Case, answer: Response) -> list[str]:
        text = answer.content.decode(errors="replace")
        leaked = [secret for secret in self.secrets if secret in text]
        return [secret for secret in leaked if secret not in told(case)] if leaked else []

    def _changed(self) -> Iterator[str]:
        """What of Ada's is not as it was, or more than it was."""
        now = everything()
        for kind, rows in self.rows.items():
            left = {row["id"]: row for row in now[kind]}
            yield from (f"{kind} {row['id']}" for row in rows if left.pop(row["id"], None) != row)
            yield from (
                f"{kind} {key}, which is new"
                for key, row in left.items()
                if row.get("merchant_id") == self.ada.pk
            )


def problems(case: Case, answer: Response, headers: dict[str, str], off: list[Any]) -> list[str]:
    """What schemathesis finds wrong with an answer."""
    try:
        case.validate_response(answer, headers=headers, excluded_checks=off)
    except FailureGroup as group:
        return [f"{type(each).__name__}: {each} by {told(case)}" for each in group.exceptions]
    except Failure as failure:
        return [f"{type(failure).__name__}: {failure} by {told(case)}"]
    return []


def reached(case: Case) -> bool:
    """Whether a call was for the operation it was made from, and not for some other address."""
    meta = case.meta
    assert meta
    return case.method == case.operation.method.upper() and not meta.is_negative_at(
        ParameterLocation.PATH
    )


def told(case: Case) -> str:
    """All that a call says, in words."""
    body = json.dumps(case.body, default=str) if isinstance(case.body, dict | list) else case.body
    return f"{case.method} {unquote(case.formatted_path)} {case.query} {case.headers} {body}"
