"""One endpoint that answers for a chain over JSON-RPC, and what its answers may mean."""

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from payments.chain.imports import keeping_the_recursion_limit

if TYPE_CHECKING:
    from web3 import HTTPProvider

# Nodes word it as they please; the codes they use for it also mean other things.
_TOO_MUCH: Final = re.compile(
    r"range|too (many|large|big|wide)|more than|limit|exceed|response size|time(d )?-?out", re.I
)
_TOO_OFTEN: Final = re.compile(
    r"\brate\b|ratelimit|too many requests|per (second|minute|day)|daily|quota|credit|capacity"
    r"|throughput",
    re.I,
)
_NOT_YET: Final = re.compile(r"beyond|head|future|not found|not available|unknown block", re.I)
_PAYLOAD_TOO_LARGE: Final = 413
_MESSAGE_LENGTH: Final = 200


class ChainError(Exception):
    """A chain could not be read; nothing follows from it about what happened there."""


class NoAnswer(ChainError):
    """An endpoint was silent, refused, or answered nonsense."""


class WrongChain(ChainError):
    """An endpoint answers for another chain than it was configured for."""


class Disagreement(ChainError):
    """Endpoints of one chain say different things."""


class TooMuch(ChainError):
    """The range or its result is too large for the endpoint."""


class TimedOut(NoAnswer):
    """The endpoint did not answer in time."""


class Refused(NoAnswer):
    """The endpoint answered with an error of its own; `said` is its words alone."""

    def __init__(self, told: str, said: str) -> None:
        super().__init__(told)
        self.said = said


class Endpoint:
    """A node, or a provider's many. Named by its host alone: the rest may be a secret."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        parts = urlsplit(url)
        self.host = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)

    def __repr__(self) -> str:
        return f"Endpoint({self.host})"

    def ask(self, method: str, *params: Any) -> Any:
        """The result of one call, asked once. Raises NoAnswer, Refused or TooMuch.

        `timeout_seconds` holds for connecting and for each silence while the answer comes.
        """
        answer = self._send(method, params)
        if not isinstance(answer, dict):
            raise self.nonsense(method)
        error = answer.get("error")
        if error is not None:
            raise self._refusal(method, error)
        if "result" not in answer:
            raise self.nonsense(method)
        return answer["result"]

    def nonsense(self, method: str) -> NoAnswer:
        """What to raise when a result is none that the method can have."""
        return NoAnswer(f"{self.host} answered {method} with nonsense.")

    def _send(self, method: str, params: tuple[Any, ...]) -> Any:
        provider = _provider(self._url, self._timeout_seconds)
        try:
            return provider.make_request(method, list(params))
        # Whatever the transport or the JSON inside raises, its text holds the address.
        except (OSError, ValueError, RecursionError) as error:
            response = getattr(error, "response", None)
            if response is not None:
                return self._http_error(method, response.status_code, response.content)
            why = type(error).__name__
        if "Timeout" in why:
            raise TimedOut(f"{self.host} did not answer {method} in time.")
        raise NoAnswer(f"{self.host} gave no answer to {method}: {why}.")

    def _http_error(self, method: str, status: int, body: bytes) -> Any:
        """Some answer with an HTTP status and a JSON-RPC error inside, which says more."""
        answer = _json(body)
        if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
            return answer
        kind = TooMuch if status == _PAYLOAD_TOO_LARGE else NoAnswer
        raise kind(f"{self.host} answered {method} with HTTP {status}.")

    def _refusal(self, method: str, error: Any) -> ChainError:
        if not isinstance(error, dict):
            return self.nonsense(method)
        message = str(error.get("message") or "")
        told = f"{self.host} refused {method} ({error.get('code')}): {self._scrubbed(message)}"
        if method == "eth_getLogs" and _is_too_much(message):
            return TooMuch(told)
        return Refused(told, message)

    def _scrubbed(self, message: str) -> str:
        """The node's words without whatever of its address may be a secret."""
        parts = urlsplit(self._url)
        secrets = [parts.username, parts.password, *parts.path.split("/")]
        secrets += [value for _, value in parse_qsl(parts.query)]
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            if len(secret) > 3:
                message = message.replace(secret, "…").replace(unquote(secret), "…")
        return " ".join(message.split())[:_MESSAGE_LENGTH]


def _is_too_much(message: str) -> bool:
    return bool(_TOO_MUCH.search(message)) and not (
        _TOO_OFTEN.search(message) or _NOT_YET.search(message)
    )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


@lru_cache(maxsize=64)
def _provider(url: str, timeout_seconds: float) -> "HTTPProvider":
    # Importing web3 takes a second, which a web process that reads no chain need not wait.
    with keeping_the_recursion_limit():
        from web3 import HTTPProvider

    return HTTPProvider(
        url, request_kwargs={"timeout": timeout_seconds}, exception_retry_configuration=None
    )
