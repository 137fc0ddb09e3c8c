"""What the programs here share: one request, asked until it is answered, and the shapes they read.

The address and the key come from the environment, as in the guides: BILLHOOK and KEY.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TypedDict

import httpx

# What passes by itself. Everything else is an answer, and asking again would not change it.
PASSING = {429, 500, 502, 503}
TRIES = 6
LONGEST_WAIT_SECONDS = 30


class NextAction(TypedDict):
    """A request that can be made just as it stands."""

    method: str
    path: str
    body_template: dict[str, Any]


class CompletionCheck(TypedDict):
    """Where to look, and what is there once the goal is reached."""

    method: str
    path: str
    field: str
    success_value: str


class AgentProtocol(TypedDict):
    """What to do with an invoice now."""

    state: str
    goal: str
    steps: list[str]
    next_action: NextAction | None
    completion_check: CompletionCheck


class Invoice(TypedDict):
    """What these programs read of an invoice; there is more."""

    id: str
    number: str | None
    status: str
    currency: str
    total: str
    amount_due: str
    payment_url: str | None
    slug: str | None
    agent_protocol: AgentProtocol


class Failure(TypedDict):
    """Why a charge took nothing, and whether another try helps."""

    code: str
    message: str
    advice: str


class Payment(TypedDict):
    """What these programs read of a payment."""

    id: str
    status: str
    failure: Failure | None


class Refused(Exception):
    """Billhook said no, and changed nothing; `code` is for programs, `message` for people."""

    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(error["code"])
        self.details: dict[str, Any] = error.get("details") or {}
        super().__init__(f"{self.code}: {error['message']} ({error.get('request_id')})")


class NotHeard(Exception):
    """Nobody answered in time. Whether it was done is not known: ask again with the same wish."""


class Billhook:
    """A client that may lose answers and does nothing twice."""

    def __init__(self, url: str, key: str = "") -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # Proxies of the environment are for the world, not for an address that was given.
        self.http = httpx.Client(
            base_url=url,
            headers={"Accept": "application/json", **headers},
            timeout=60,
            trust_env=False,
        )

    def get(self, path: str, **query: Any) -> Any:
        """Read; asking again does no harm."""
        return self._heard("GET", path, params=query)

    def post(self, path: str, body: Mapping[str, Any], wish: str) -> Any:
        """Do something once, however often this is called with the same wish.

        The wish goes along as Idempotency-Key. It names what is wanted and not the attempt, so a
        program that was restarted finds it again.
        """
        return self._heard("POST", path, json=body, headers={"Idempotency-Key": wish})

    def _heard(self, method: str, path: str, **request: Any) -> Any:
        """The answer's JSON. Raises Refused, or NotHeard when patience ends."""
        said = ""
        for attempt in range(TRIES):
            try:
                answer = self.http.request(method, path, **request)
            except httpx.TransportError as problem:
                wait, said = 0.5 * 2**attempt, repr(problem)
            else:
                if answer.is_success:
                    return answer.json()
                refused = Refused(answer.status_code, error_of(answer))
                if answer.status_code not in PASSING and refused.code != "idempotency_in_flight":
                    raise refused
                wait, said = (
                    float(answer.headers.get("Retry-After", 0.5 * 2**attempt)),
                    str(refused),
                )
            print(f"no answer yet ({said}); the same again in {wait:g} s", file=sys.stderr)
            time.sleep(min(wait, LONGEST_WAIT_SECONDS))
        raise NotHeard(f"{method} {path}: {said}")


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """The error's object, or one made of what came instead: x402's own, or a proxy's page."""
    try:
        error = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        error = None
    if isinstance(error, dict):
        return error
    return {"code": f"http_{answer.status_code}", "message": error or answer.text[:200]}


def from_environment() -> Billhook:
    """The merchant's bot: BILLHOOK is the address, KEY its API key."""
    try:
        return Billhook(os.environ["BILLHOOK"], os.environ["KEY"])
    except KeyError as missing:
        sys.exit(f"Set {missing.args[0]}: BILLHOOK is the address and KEY an API key.")


def run(work: Callable[[], int]) -> None:
    """Run a program to its end: 0 is done, 1 refused, 2 wrong usage, 3 not known yet."""
    try:
        sys.exit(work())
    except Refused as refused:
        print(f"refused, {refused}", file=sys.stderr)
        for wrong in refused.details.get("fields", []):
            print(f"  {wrong['field']}: {wrong['message']}", file=sys.stderr)
        sys.exit(1)
    except NotHeard as silence:
        print(f"not known, {silence}; run the same command again", file=sys.stderr)
        sys.exit(3)
