"""The one way out: every HTTP request Billhook sends to an address somebody else chose.

A merchant's URL may point at this very machine, at its neighbours or at the cloud's metadata
service, and a name may answer differently each time it is asked. So the name is resolved once,
every answer is classified, and the connection goes to an address that was classified, never to
the name again. Nothing is redirected, decoded or sent through a proxy, and one deadline spans
the whole exchange. What may be spoken to at all is judged in `addresses`.
"""

import re
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from threading import Thread
from time import monotonic
from typing import Any, Final

import httpcore2

from invoicing.addresses import EgressError as EgressError
from invoicing.addresses import EgressRefused as EgressRefused
from invoicing.addresses import IPAddress, Target, parse, refuse_forbidden

# A host name to the addresses it has now, as text.
Resolver = Callable[[str], Sequence[str]]
# An IP address, a port and the seconds allowed, to a connected socket.
Connector = Callable[[str, int, float], socket.socket]

# Trying every address of a long answer would only divide the deadline into useless slices.
_MAX_ADDRESSES_TRIED: Final = 4
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE: Final = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)?")
# Written here alone: whoever sets one of these decides how the bytes on the wire are framed.
_OWN_HEADERS: Final = re.compile(
    r"(?i)accept-encoding|connection|content-length|expect|host|te|trailer|transfer-encoding|upgrade"
)


class EgressFailed(EgressError):
    """The network or the other side failed: another time may go better."""


@dataclass(frozen=True, slots=True)
class Response:
    """What the other side answered; header names in lower case, repeated ones joined by commas."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool  # `body` holds only the first `max_response_bytes`
    duration_ms: int
    address: str  # the IP address that was spoken to


def resolve(host: str) -> list[str]:
    """Ask the system's resolver for every address of a host. Raises OSError."""
    answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(answer[4][0]) for answer in answers]


def connect(address: str, port: int, timeout_seconds: float) -> socket.socket:
    """Open a TCP connection to an IP address. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_seconds)
        connection.connect((address, port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connection.close()
        raise
    return connection


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    allow_private: bool = False,
    timeout_seconds: float = 15.0,
    max_response_bytes: int = 65536,
    resolver: Resolver = resolve,
    connector: Connector = connect,
    tls: ssl.SSLContext | None = None,
) -> Response:
    """POST a body to a URL that somebody else chose, and return whatever status comes back.

    `timeout_seconds` spans resolving, connecting, TLS, sending and reading together. With
    `allow_private`, addresses of PRIVATE_KINDS are allowed too, there also by plain http. `tls`
    replaces the system's trusted certificates. Raises EgressRefused where the rules forbid the
    exchange, EgressFailed where the network breaks it, and ValueError for headers that only
    this module may set. Rules: SSRF section of Standard Webhooks 1.0.0.
    """
    started = monotonic()
    target = parse(url, allow_private)
    sent_headers = _headers(target, headers)
    deadline = _Deadline(timeout_seconds)
    wire = _Wire(connector, deadline)
    try:
        wire.addresses = _resolve_once(target, resolver, deadline)
        refuse_forbidden(target, wire.addresses, allow_private)
        with (
            httpcore2.HTTPConnection(
                httpcore2.Origin(target.scheme.encode(), target.host.encode(), target.port),
                ssl_context=tls or _trusted_certificates(),
                network_backend=wire,
            ) as connection,
            connection.stream("POST", _url(target), headers=sent_headers, content=body) as answer,
        ):
            received_headers = _joined(answer.headers)
            _refuse_encoded(received_headers)
            received = bytearray()
            for chunk in answer.iter_stream():
                received += chunk
                if len(received) > max_response_bytes:
                    break
            return Response(
                status=answer.status,
                headers=received_headers,
                body=bytes(received[:max_response_bytes]),
                truncated=len(received) > max_response_bytes,
                duration_ms=int((monotonic() - started) * 1000),
                address=wire.connected_to,
            )
    except EgressError as error:
        error.sent = wire.sent
        raise
    except (OSError, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise EgressFailed(_explain(error, target, timeout_seconds), sent=wire.sent) from error


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds

    def left(self) -> float:
        """Seconds that remain, always more than none. Raises TimeoutError."""
        left = self._end - monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Wire(httpcore2.NetworkBackend):
    """Leads one connection to addresses already classified, whatever name httpcore2 asks for."""

    def __init__(self, connector: Connector, deadline: _Deadline) -> None:
        self.addresses: Sequence[IPAddress] = ()
        self.connected_to = ""
        self.sent = False
        self.deadline = deadline
        self._connector = connector

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore2.NetworkStream:
        tried = self.addresses[:_MAX_ADDRESSES_TRIED]
        for position, address in enumerate(tried):
            last = position == len(tried) - 1
            # An address that swallows packets may use up its own share, not that of the others.
            share = self.deadline.left() / (len(tried) - position)
            try:
                connection = self._connector(str(address), port, share)
            except OSError:
                if last:
                    raise
                continue
            self.connected_to = str(address)
            return _Stream(connection, self)
        raise OSError("no address to connect to")


class _Stream(httpcore2.NetworkStream):
    """A socket each of whose operations gets only what the one deadline has left."""

    def __init__(self, connection: socket.socket, wire: _Wire) -> None:
        self._socket = connection
        self._wire = wire

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._socket.settimeout(self._wire.deadline.left())
        return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        unsent = memoryview(buffer)
        while unsent:
            self._socket.settimeout(self._wire.deadline.left())
            self._wire.sent = True
            try:
                unsent = unsent[self._socket.send(unsent) :]
            except OSError as error:
                # httpcore2 still reads after this one: a server may answer before it has read
                # everything, and close.
                raise httpcore2.WriteError(error) from error

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        # The name comes from the URL, so the certificate is checked against what was asked for.
        try:
            self._socket.settimeout(self._wire.deadline.left())
            return _Stream(
                ssl_context.wrap_socket(self._socket, server_hostname=server_hostname), self._wire
            )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._socket.close()


@cache
def _trusted_certificates() -> ssl.SSLContext:
    return httpcore2.default_ssl_context()


def _url(target: Target) -> httpcore2.URL:
    return httpcore2.URL(
        scheme=target.scheme.encode(),
        host=target.host.encode(),
        port=target.port,
        target=target.path.encode(),
    )


def _headers(target: Target, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """What is sent: the caller's headers and our own. Raises ValueError."""
    for name, value in headers.items():
        if _OWN_HEADERS.fullmatch(name):
            raise ValueError(f"The header {name} is set by egress alone.")
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ValueError(f"The header {name!r} cannot be sent as it is.")
    return [
        ("Host", target.authority()),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
        *headers.items(),
    ]


def _resolve_once(target: Target, resolver: Resolver, deadline: _Deadline) -> list[IPAddress]:
    """Every address of the host; the only time that anybody is asked for them."""
    if target.literal is not None:
        return [target.literal]
    answer: Future[Sequence[str]] = Future()

    def ask() -> None:
        try:
            answer.set_result(resolver(target.host))
        except Exception as error:
            answer.set_exception(error)

    # The system's resolver knows no deadline, and a hostile name server answers late: so it is
    # waited for from outside, and given up when the time is over.
    Thread(target=ask, name="egress-resolver", daemon=True).start()
    try:
        texts = answer.result(timeout=deadline.left())
    except TimeoutError:
        raise
    except OSError as error:
        raise EgressFailed(f"No address could be found for {target.host}.") from error
    if not texts:
        raise EgressFailed(f"No address could be found for {target.host}.")
    try:
        return list(dict.fromkeys(ip_address(text) for text in texts))
    except ValueError as error:
        raise EgressRefused(f"What {target.host} leads to is no IP address.") from error


def _refuse_encoded(headers: Mapping[str, str]) -> None:
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise EgressRefused("The answer came compressed, though it was asked for plain.")


def _joined(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _explain(error: Exception, target: Target, timeout_seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"{target.host} gave no complete answer within {timeout_seconds:g} seconds."
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of {target.host} is not valid: {error.verify_message}."
    if isinstance(error, ssl.SSLError):
        return f"No secure connection to {target.host} could be made."
    if isinstance(error, ConnectionRefusedError):
        return f"{target.host} refused the connection."
    if isinstance(error, httpcore2.ProtocolError):
        return f"{target.host} gave an answer that is not valid HTTP."
    return f"The connection to {target.host} broke."
