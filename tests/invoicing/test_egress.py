"""Nothing that Billhook sends reaches an address it must not reach; proved at the socket."""

import gzip
import http.client
import ipaddress
import itertools
import random
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from time import monotonic

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from invoicing import addresses, egress
from invoicing.addresses import check_url, classify
from invoicing.egress import EgressFailed, EgressRefused, Response, post

ADA = "hooks.ada.example"
PUBLIC_ADDRESSES = ["8.8.8.8", "2606:4700:4700::1111"]

# --- The vectors ---------------------------------------------------------------------------------

FORBIDDEN_IPV4 = {
    "0.0.0.0": "unspecified",
    "0.0.0.1": "reserved",
    "0.255.255.255": "reserved",
    "10.0.0.0": "private",
    "10.1.2.3": "private",
    "10.255.255.255": "private",
    "100.64.0.0": "carrier-grade NAT",
    "100.99.1.1": "carrier-grade NAT",
    "100.127.255.255": "carrier-grade NAT",
    "100.100.100.200": "metadata",
    "127.0.0.0": "loopback",
    "127.0.0.1": "loopback",
    "127.0.0.53": "loopback",
    "127.1.2.3": "loopback",
    "127.255.255.255": "loopback",
    "168.63.129.16": "metadata",
    "169.254.0.1": "link-local",
    "169.254.42.42": "metadata",
    "169.254.169.254": "metadata",
    "169.254.169.253": "link-local",
    "169.254.170.2": "metadata",
    "169.254.170.23": "metadata",
    "169.254.255.255": "link-local",
    "172.16.0.0": "private",
    "172.17.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.1": "reserved",
    "192.0.0.170": "reserved",
    "192.0.0.192": "metadata",
    "192.0.2.1": "documentation",
    "192.88.99.1": "reserved",
    "192.168.0.1": "private",
    "192.168.255.255": "private",
    "198.18.0.1": "benchmarking",
    "198.19.255.255": "benchmarking",
    "198.51.100.7": "documentation",
    "203.0.113.7": "documentation",
    "224.0.0.1": "multicast",
    "233.252.0.1": "multicast",
    "239.255.255.250": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.254": "reserved",
    "255.255.255.255": "broadcast",
}
FORBIDDEN_IPV6 = {
    "::": "unspecified",
    "::1": "loopback",
    "64:ff9b:1::1": "local NAT64",
    "64:ff9b:1:ffff::127.0.0.1": "local NAT64",
    "100::1": "reserved",
    "2001::1": "Teredo (reserved)",
    "2001:1::1": "reserved",
    "2001:2::1": "benchmarking",
    "2001:10::1": "reserved",
    "2001:20::1": "reserved",
    "2001:db8::1": "documentation",
    "3ffe::1": "reserved",
    "3fff::1": "documentation",
    "4000::1": "reserved",
    "5f00::1": "reserved",
    "fc00::1": "unique local",
    "fd00::1": "unique local",
    "fd00:42::42": "metadata",
    "fd00:ec2::254": "metadata",
    "fd00:ec2::23": "metadata",
    "fd20:ce::254": "metadata",
    "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": "unique local",
    "fe80::1": "link-local",
    "febf::1": "link-local",
    "fec0::1": "site-local",
    "ff01::1": "multicast",
    "ff02::1": "multicast",
    "ff0e::1": "multicast",
}
# The last address before a forbidden network and the first after it, and some well-known ones.
NEIGHBOURS = """
    1.0.0.0 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255
    128.0.0.0 168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0
    191.255.255.255 192.0.1.0 192.0.3.0 192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0
    198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255
    2000::1 2001:200::1 2001:db7:ffff::1 2001:db9::1 2001:4860:4860::8888 2001:ffff::1 2003::1
    2606:4700:4700::1111 2a00:1450:4001::1 3ffd::1 3fff:1000::1
    64:ff9b::8.8.8.8 64:ff9b::9.255.255.255 64:ff9b::11.0.0.0 64:ff9b::172.32.0.0
    64:ff9b::168.63.129.15
"""


def hex_pair(address: str) -> str:
    packed = IPv4Address(address).packed.hex()
    return f"{packed[:4]}:{packed[4:]}"


def hex_pair_inverted(address: str) -> str:
    packed = (int(IPv4Address(address)) ^ 0xFFFF_FFFF).to_bytes(4, "big").hex()
    return f"{packed[:4]}:{packed[4:]}"


WRAPPINGS: dict[str, Callable[[str], str]] = {
    "IPv4-mapped": lambda inner: f"::ffff:{inner}",
    "IPv4-compatible": lambda inner: f"::{inner}",
    "IPv4-translated": lambda inner: f"::ffff:0:{inner}",
    "NAT64": lambda inner: f"64:ff9b::{inner}",
    "6to4": lambda inner: f"2002:{hex_pair(inner)}::1",
    "Teredo": lambda inner: f"2001:0:808:808:0:0:{hex_pair_inverted(inner)}",
    "ISATAP": lambda inner: f"2606:4700::5efe:{hex_pair(inner)}",
}
FORBIDDEN: dict[str, str] = {
    **FORBIDDEN_IPV4,
    **FORBIDDEN_IPV6,
    **{
        wrap(inner): f"{wrapper} ({kind})"
        for wrapper, wrap in WRAPPINGS.items()
        for inner, kind in (FORBIDDEN_IPV4 | {"8.8.8.8": "public"}).items()
        # These two belong to IPv6 itself: the unspecified address and loopback.
        if wrap(inner) not in ("::0.0.0.0", "::0.0.0.1")
        # A network without IPv4 reaches what is public this way, and nothing else.
        and (wrapper, kind) != ("NAT64", "public")
    },
}


@dataclass(frozen=True)
class Vector:
    """A URL, and what the DNS would say about its host."""

    url: str
    answers: tuple[str, ...] = tuple(PUBLIC_ADDRESSES)


def in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address


LITERALS = [Vector(f"https://{in_url(address)}/hook") for address in FORBIDDEN]
ANSWERS = [Vector(f"https://{ADA}/hook", (address,)) for address in FORBIDDEN]
MIXED_ANSWERS = [
    Vector(f"https://{ADA}/hook", answers)
    for address in FORBIDDEN_IPV4 | FORBIDDEN_IPV6
    for answers in ((address, *PUBLIC_ADDRESSES), (*PUBLIC_ADDRESSES, address))
]
# Each must be refused for its spelling alone: the DNS says something harmless about all of them.
ODD_URLS = """
https://2130706433/ https://2852039166/ https://0/ https://1/ https://4294967295/
https://127.1/ https://127.0.1/ https://10.1/ https://192.168.257/ https://169.254.43518/
https://0177.0.0.1/ https://0177.1/ https://017700000001/ https://0251.0376.0251.0376/
https://00000177.0.0.1/ https://127.0.0.01/ https://010.0.0.1/ https://8.8.8.010/
https://0x7f.0.0.1/ https://0x7f.1/ https://0x7f000001/ https://0xa9fea9fe/ https://0X7F.1/
https://0xa9.0xfe.0xa9.0xfe/ https://127.0.0.0x1/ https://0x/ https://ada.example.0x7f/
https://0x7f.0.0.0x1/ https://127.0x0.01.1/ https://0xffffffff7f000001/
https://256.1.1.1/ https://1.2.3.4.5/ https://1.2.3/ https://127.0.0.1.1/ https://127.0.0.256/
https://127.0.0.1./ https://8.8.8.8./ https://hooks.ada.example./ https://localhost./
https://127..0.0.1/ https://.127.0.0.1/ https://127.0.0./ https://hooks..ada.example/
https://.hooks.ada.example/ https://./ https://../ https://-/ https://hooks.-ada.example/
https://hooks.ada-.example/ https://hooks.ada.example-/
https://１２７.０.０.１/ https://127.0.0.１/ https://８.8.8.8/ https://１２７。０。０。１/
https://127。0。0。1/ https://127．0．0．1/ https://127｡0｡0｡1/ https://8。8。8。8/
https://①②⑦.⓪.⓪.①/ https://①②⑦.0.0.1/ https://⑯⑨。②⑤④。⑯⑨。②⑤④/ https://١٢٧.0.0.1/
https://१२७.0.0.1/ https://𝟏𝟐𝟕.𝟎.𝟎.𝟏/ https://²¹³⁰⁷⁰⁶⁴³³/ https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/
https://ｌｏｃａｌｈｏｓｔ/ https://ℓocalhost/ https://loc\u00adalhost/ https://local\u200bhost/
https://hooks.ada。example/ https://Ａda.example/ https://☃.example/ https://a\u0308da.example/
https://%31%32%37.0.0.1/ https://127%2e0%2e0%2e1/ https://%6c%6f%63%61%6c%68%6f%73%74/
https://hooks.ada.example%00.example/ https://hooks.ada.example%2f@127.0.0.1/
https://127.0.0.1%23.ada.example/ https://hooks.ada.example%3a443/
https://[::1%25lo]/ https://[fe80::1%25eth0]/ https://[fe80::1%eth0]/ https://[2606:4700::1%25lo]/
https://[::1/ https://::1/ https://::1]/ https://[]/ https://[:]/ https://[::1]a/ https://a[::1]/
https://[127.0.0.1]/ https://[8.8.8.8]/ https://[::1].ada.example/ https://[v1.8]/ https://[[::1]]/
https://[::ffff:127.0.0.1.1]/ https://[::ffff:0177.0.0.1]/ https://[2606:4700::1]:/
https://[12345::1]/ https://[::1]:443:443/ https://2606:4700::1/ https://[hooks.ada.example]/
https://localhost/ https://LOCALHOST/ https://lOcAlHoSt/ https://localhost:443/ https://db/
https://hooks.localhost/ https://localhost.localdomain/ https://router.local/ https://ada/
https://metadata.google.internal/ https://host.docker.internal/ https://nas.home.arpa/
https://ada@hooks.ada.example/ https://ada:secret@hooks.ada.example/ https://@hooks.ada.example/
https://hooks.ada.example@127.0.0.1/ https://127.0.0.1@hooks.ada.example/ https://:@ada.example/
https://hooks.ada.example:443@10.0.0.1/ https://hooks.ada.example:80@ada.example/
https://hooks.ada.example/#top https://hooks.ada.example# https://127.0.0.1#@ada.example/
https://hooks.ada.example#@127.0.0.1/ https://hooks.ada.example/?a=b#c
https://hooks.ada.example\\@127.0.0.1/ https://127.0.0.1\\.ada.example/ https:\\\\127.0.0.1/
https:/\\127.0.0.1/ https://hooks.ada.example\\/ https://hooks.ada.example/\\127.0.0.1
http://hooks.ada.example/ HTTP://hooks.ada.example/ http://127.0.0.1/ http://[::1]/
ftp://hooks.ada.example/ file:///etc/passwd file://hooks.ada.example/etc/passwd
gopher://127.0.0.1:6379/_INFO dict://127.0.0.1:11211/ ldap://127.0.0.1/ ws://hooks.ada.example/
wss://hooks.ada.example/ javascript:alert(1) data:text/plain,a jar:https://ada.example!/
unix:/tmp/a
httpss://hooks.ada.example/ https+unix://hooks.ada.example/ //hooks.ada.example/
hooks.ada.example /hook https: https:// https:/// https:///hook https:hooks.ada.example
https:/hooks.ada.example
https:///127.0.0.1/ https://?a=b https://:443/ https:127.0.0.1 ://hooks.ada.example/
https://hooks.ada.example:/ https://hooks.ada.example:0/ https://hooks.ada.example:65536/
https://hooks.ada.example:99999/ https://hooks.ada.example:443443/ https://hooks.ada.example:-1/
https://hooks.ada.example:+443/ https://hooks.ada.example:4_4_3/ https://hooks.ada.example:0x1bb/
https://hooks.ada.example:４４３/ https://hooks.ada.example:443:443/ https://hooks.ada.example:https/
https://hooks.ada.example:٤٤٣/ https://hooks.ada.example:4.43/ https://hooks.ada.example:443a/
https://hooks.ada.example:22/ https://hooks.ada.example:25/ https://hooks.ada.example:53/
https://hooks.ada.example:110/ https://hooks.ada.example:465/ https://hooks.ada.example:587/
https://hooks.ada.example:2375/ https://hooks.ada.example:3306/ https://hooks.ada.example:5432/
https://hooks.ada.example:6379/ https://hooks.ada.example:06379/ https://8.8.8.8:9200/
https://hooks.ada.example:11211/ https://hooks.ada.example:27017/ https://[2606:4700::1]:25/
https://hooks.ada.example/zürich https://hooks.ada.example/?q=zürich https://hooks.ada.example／x/
https://hooks.ada.example！/ https://ada$.example/ https://ada,example/ https://ada'.example/
https://ada(.example/ https://*.ada.example/ https://ada|.example/ https://{ada}.example/
"""
ODD_URLS_WITH_SPACES = (
    "",
    " ",
    " https://hooks.ada.example/",
    "https://hooks.ada.example/ ",
    "\thttps://hooks.ada.example/",
    "https://hooks.ada.example/\n",
    "https://hooks.ada.example/\r\nHost: 127.0.0.1",
    "https://hooks.ada.example/a b",
    "https://hooks.ada.example /",
    "https://hooks\t.ada.example/",
    "https://hooks.\nada.example/",
    "https://127.0.0.1\t/",
    "https://hooks.ada.example\x00.example/",
    "https://hooks.ada.example/\x00",
    "https://hooks.ada.example/\x7f",
    "https://hooks.ada.example\u00a0/",
    "https://hooks.ada.example\u2028/",
    "https://hooks.ada\u3000example/",
    "https://127.0.0.1 @hooks.ada.example/",
    "\x01https://hooks.ada.example/",
    "ht\ntps://hooks.ada.example/",
    "https://" + "a" * 64 + ".example/",
    "https://" + "a." * 124 + "example/",
    "https://hooks.ada.example/" + "a" * 2048,
)
SPELLINGS = [Vector(url) for url in (*ODD_URLS.split(), *ODD_URLS_WITH_SPACES)]
VECTORS = {
    "literal addresses": LITERALS,
    "answers of the DNS": ANSWERS,
    "one bad answer among good ones": MIXED_ANSWERS,
    "odd spellings": SPELLINGS,
}


# --- The spies -----------------------------------------------------------------------------------

_watched: list[tuple[str, object]] | None = None


@cache
def _install_audit_hook() -> None:
    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if _watched is not None and event in ("socket.connect", "socket.getaddrinfo"):
            _watched.append((event, arguments[1] if event == "socket.connect" else arguments[0]))

    sys.addaudithook(hook)


@dataclass
class SocketSpy:
    """What the interpreter itself reports of every connect() and every look-up, whoever asks."""

    seen: list[tuple[str, object]] = field(default_factory=list)

    @property
    def connections(self) -> list[object]:
        return [what for event, what in self.seen if event == "socket.connect"]

    @property
    def lookups(self) -> list[object]:
        return [what for event, what in self.seen if event == "socket.getaddrinfo"]


@pytest.fixture
def spy() -> Iterator[SocketSpy]:
    global _watched
    _install_audit_hook()
    spy = SocketSpy()
    _watched = spy.seen
    yield spy
    _watched = None


@dataclass
class FakeDNS:
    """A resolver that gives its answers in turn, and the last one for ever."""

    answers: Sequence[Sequence[str]]
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


def knows(*addresses: str) -> FakeDNS:
    return FakeDNS([addresses])


@dataclass
class ClosedDoor:
    """A connector that notes where it was sent, and is refused there."""

    tried: list[tuple[str, int]] = field(default_factory=list)

    def __call__(self, address: str, port: int, timeout_seconds: float) -> socket.socket:
        self.tried.append((address, port))
        raise ConnectionRefusedError


# --- The receivers -------------------------------------------------------------------------------


@dataclass
class Received:
    path: str
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Receiver:
    port: int
    requests: list[Received]

    def url(self, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/hook"


class _ServerV6(ThreadingHTTPServer):
    address_family = socket.AF_INET6


@contextmanager
def receiver(
    status: int = 200,
    headers: Sequence[tuple[str, str]] = (),
    body: bytes = b"ok",
    *,
    host: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
) -> Iterator[Receiver]:
    """A real web server on loopback that gives everybody the same answer."""
    requests: list[Received] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            sent = self.rfile.read(length)
            requests.append(Received(self.path, self.headers.items(), sent))
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # the client has read enough

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(_ServerV6 if ":" in host else ThreadingHTTPServer):  # type: ignore[misc]
        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that refuses the certificate hangs up: that is the point

    server = Server((host, 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Receiver(server.server_address[1], requests)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def raw_receiver(behave: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """A server that does with one connection whatever it likes, until the test is over."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)

    def serve() -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, suppress(OSError):  # the client hangs up when it has had enough
            behave(connection, over)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        thread.join()
        listener.close()


def answer_with(answer: bytes) -> Callable[[socket.socket, threading.Event], None]:
    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    return behave


def send(url: str, **options: object) -> Response:
    """Post as the demo does, to loopback by plain http."""
    arguments: dict[str, object] = {"allow_private": True, "timeout_seconds": 5.0, **options}
    return post(url, b'{"id": "evt_1"}', {"Content-Type": "application/json"}, **arguments)  # type: ignore[arg-type]


# --- What is refused -----------------------------------------------------------------------------


def test_the_table_holds_the_five_hundred_vectors_it_should() -> None:
    everything = [vector for group in VECTORS.values() for vector in group]
    assert len(set(everything)) == len(everything) >= 500
    assert len(SPELLINGS) >= 150


@pytest.mark.parametrize("vectors", VECTORS.values(), ids=VECTORS)
def test_no_vector_reaches_a_socket(vectors: list[Vector], spy: SocketSpy) -> None:
    door = ClosedDoor()
    accepted = []
    for vector in vectors:
        try:
            post(vector.url, b"{}", {}, resolver=FakeDNS([vector.answers]), connector=door)
        except EgressRefused as refusal:
            assert refusal.sent is False
            assert refusal.reason.endswith(".")
        except EgressFailed:
            accepted.append(vector)
    assert accepted == []
    assert door.tried == []
    assert spy.seen == []


@pytest.mark.parametrize("group", ["literal addresses", "odd spellings"])
def test_what_needs_no_dns_is_refused_at_registration(group: str, spy: SocketSpy) -> None:
    accepted = []
    for vector in VECTORS[group]:
        try:
            check_url(vector.url, allow_private=False)
        except EgressRefused:
            continue
        accepted.append(vector)
    assert accepted == []
    assert spy.seen == []


def test_control_without_classification_every_forbidden_address_would_be_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(addresses, "classify", lambda address: "public")
    for vector in LITERALS + ANSWERS + MIXED_ANSWERS:
        door = ClosedDoor()
        with pytest.raises(EgressFailed):
            post(vector.url, b"{}", {}, resolver=FakeDNS([vector.answers]), connector=door)
        assert len(door.tried) >= 1


def test_a_loopback_server_is_not_even_connected_to(spy: SocketSpy) -> None:
    with receiver() as ada, pytest.raises(EgressRefused):
        post(f"https://127.0.0.1:{ada.port}/", b"{}", {})
    assert spy.connections == []


def test_control_without_classification_the_loopback_connect_would_happen(
    spy: SocketSpy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "classify", lambda address: "public")
    with receiver() as ada, pytest.raises(EgressFailed):
        post(f"https://127.0.0.1:{ada.port}/", b"{}", {}, timeout_seconds=5)
    assert spy.connections == [("127.0.0.1", ada.port)]


def test_every_address_is_called_by_its_kind() -> None:
    assert {address: classify(ipaddress.ip_address(address)) for address in FORBIDDEN} == FORBIDDEN


def test_the_neighbours_of_forbidden_networks_are_public() -> None:
    neighbours = NEIGHBOURS.split()
    assert {classify(ipaddress.ip_address(address)) for address in neighbours} == {"public"}


def test_an_address_bound_to_an_interface_is_link_local() -> None:
    assert classify(IPv6Address("2606:4700::1%eth0")) == "link-local"


def test_allow_private_opens_private_networks_and_nothing_else() -> None:
    door = ClosedDoor()
    for address in FORBIDDEN:
        with pytest.raises(egress.EgressError):
            send(f"http://{ADA}/", resolver=knows(address), connector=door)
    private = {"loopback", "private", "carrier-grade NAT", "unique local"}
    assert door.tried == [(address, 80) for address, kind in FORBIDDEN.items() if kind in private]


def test_allow_private_lets_plain_http_go_to_private_hosts_only() -> None:
    door = ClosedDoor()
    for answers in (["8.8.8.8"], ["10.0.0.1", "8.8.8.8"], ["2606:4700::1"]):
        with pytest.raises(EgressRefused) as refusal:
            send(f"http://{ADA}/", resolver=knows(*answers), connector=door)
        assert refusal.value.reason == "The URL must begin with https://: this host is public."
    assert door.tried == []
    with pytest.raises(EgressRefused):
        check_url("http://8.8.8.8/", allow_private=True)
    check_url("http://10.0.0.1:6379/", allow_private=True)
    check_url("http://receiver_1:8080/hook", allow_private=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.ada.example",
        "https://hooks.ada.example/",
        "HTTPS://Hooks.Ada.Example/Hook",
        "https://hooks.ada.example:443/hook?token=a%20b&c=//d@e:f",
        "https://hooks.ada.example:8443/hook",
        "https://hooks.ada.example:1024/",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]:8443/",
        "https://bücher.example/",
        "https://BÜCHER.example/",
        "https://xn--bcher-kva.example/",
        "https://0x7f.ada.example/",
        "https://127.0.0.1.ada.example/",
        "https://localhost.ada.example/",
        "https://my_hooks.ada.example/",
        "https://a--b.ada.example/",
    ],
)
def test_an_honest_url_is_accepted(url: str) -> None:
    check_url(url, allow_private=False)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://ada.example/", "The URL must begin with https://."),
        ("ada.example", "The URL must begin with https://."),
        ("ftp://ada.example/", "The URL must begin with https://, not with ftp://."),
        ("FTP://ada.example/", "The URL must begin with https://, not with ftp://."),
        ("https:///hook", "Write the URL as https://host/path or https://host:port/path."),
        (
            "https://u:p@ada.example/",
            "Leave out the user name and password, everything up to the @.",
        ),
        ("https://ada.example/#a", "Leave out the # and what follows it: it is never sent."),
        ("https://ada.example./", "Leave out the dot at the end of the host."),
        (
            "https://0x7f.1/",
            "Write an IPv4 address as four decimal numbers without leading zeros.",
        ),
        ("https://%6c/", "Write the host without percent signs."),
        ("https://ada.example:0/", "A port is a number from 1 to 65535."),
        (
            "https://ada.example:25/",
            "Port 25 belongs to another service; use 443 or another web port.",
        ),
        (
            "https://localhost/",
            "This host is known only inside a network; give a public host name.",
        ),
        (
            "https://10.0.0.1/",
            "10.0.0.1 leads to a private address; give a host on the public internet.",
        ),
        (
            "https://[::ffff:10.0.0.1]/",
            "::ffff:a00:1 leads to an IPv4-mapped (private) address;"
            " give a host on the public internet.",
        ),
        (
            "https://[fd00::1]/",
            "fd00::1 leads to a unique local address; give a host on the public internet.",
        ),
        (
            "https://0.0.0.0/",
            "0.0.0.0 leads to an unspecified address; give a host on the public internet.",
        ),
        (
            "https://１２７.0.0.1/",
            "This is no international host name; try its ASCII form, which begins with xn--.",
        ),
        ("https://[v1.8]/", "Between [ and ] there must be an IPv6 address."),
        (
            "https://ada.example/ü",
            "Write the path and the query in ASCII, the rest percent-encoded.",
        ),
    ],
)
def test_a_refusal_says_what_would_be_right(url: str, reason: str) -> None:
    with pytest.raises(EgressRefused) as refusal:
        check_url(url, allow_private=False)
    assert refusal.value.reason == reason
    assert str(refusal.value) == reason


def test_a_demo_is_told_where_plain_http_is_allowed() -> None:
    with pytest.raises(EgressRefused) as refusal:
        check_url("ftp://receiver:8080/", allow_private=True)
    allowed = "https://, or http:// inside a private network"
    assert refusal.value.reason == f"The URL must begin with {allowed}, not with ftp://."


def test_a_network_without_ipv4_reaches_public_receivers_only() -> None:
    door = ClosedDoor()
    synthesized = knows("64:ff9b::808:808")
    with pytest.raises(EgressFailed):
        post(f"https://{ADA}/", b"{}", {}, resolver=synthesized, connector=door)
    assert door.tried == [("64:ff9b::808:808", 443)]
    for inner in ("7f00:1", "a00:1", "a9fe:a9fe", "6440:1", "c0a8:1"):
        with pytest.raises(EgressRefused):
            post(f"https://{ADA}/", b"{}", {}, resolver=knows(f"64:ff9b::{inner}"), connector=door)
    # A private network's own translation prefix says nothing about where it leads.
    with pytest.raises(EgressRefused):
        post(f"https://{ADA}/", b"{}", {}, resolver=knows("64:ff9b:1::808:808"), connector=door)
    assert len(door.tried) == 1


def test_a_refusal_keeps_the_addresses_of_our_own_network_to_itself() -> None:
    with pytest.raises(EgressRefused) as refusal:
        post(f"https://{ADA}/", b"{}", {}, resolver=knows("10.1.2.3"))
    assert refusal.value.reason == (
        "hooks.ada.example leads to a private address; give a host on the public internet."
    )


# --- Where the connection goes -------------------------------------------------------------------


def test_the_name_is_asked_for_once_and_the_connection_goes_to_that_answer(spy: SocketSpy) -> None:
    rebinding = FakeDNS([["127.0.0.1"], ["127.0.0.2"], ["10.0.0.1"]])
    with receiver() as ada:
        response = send(ada.url(ADA), resolver=rebinding)
    assert response.status == 200
    assert response.address == "127.0.0.1"
    assert rebinding.asked == [ADA]
    assert spy.connections == [("127.0.0.1", ada.port)]
    assert spy.lookups == []
    # Control: whoever asked again would be led elsewhere.
    assert rebinding(ADA) == ["127.0.0.2"]


def test_a_thousand_rebinding_flips_lead_nowhere_forbidden(spy: SocketSpy) -> None:
    chance = random.Random(2026)
    forbidden = list(FORBIDDEN)
    reached = refused = 0
    for _ in range(1000):
        answers = [
            [chance.choice(PUBLIC_ADDRESSES if chance.random() < 0.5 else forbidden)]
            for _ in range(3)
        ]
        rebinding, door = FakeDNS(answers), ClosedDoor()
        public = answers[0][0] in PUBLIC_ADDRESSES
        with pytest.raises(EgressFailed if public else EgressRefused):
            post(f"https://{ADA}/", b"{}", {}, resolver=rebinding, connector=door)
        assert rebinding.asked == [ADA]
        assert door.tried == ([(answers[0][0], 443)] if public else [])
        reached, refused = reached + public, refused + (not public)
    assert reached > 300
    assert refused > 300
    assert spy.seen == []


def test_the_systems_resolver_is_asked_once(spy: SocketSpy) -> None:
    with receiver() as ada:
        response = send(ada.url("localhost"))
    assert response.status == 200
    assert [host for host in spy.lookups if host == "localhost"] == ["localhost"]
    assert spy.lookups == ["localhost"]
    assert {address[0] for address in spy.connections} <= {"127.0.0.1", "::1"}  # type: ignore[index]


def test_a_dead_address_does_not_hide_a_living_one() -> None:
    with receiver() as ada:
        tried = []

        def connector(address: str, port: int, timeout_seconds: float) -> socket.socket:
            tried.append((address, timeout_seconds <= 2.5))
            if address == "10.0.0.1":
                raise TimeoutError
            return egress.connect(address, port, timeout_seconds)

        response = send(ada.url(ADA), resolver=knows("10.0.0.1", "127.0.0.1"), connector=connector)
    assert response.address == "127.0.0.1"
    # The first may use up only its half of the five seconds.
    assert tried[0] == ("10.0.0.1", True)
    assert [address for address, _ in tried] == ["10.0.0.1", "127.0.0.1"]


def test_at_most_four_addresses_are_tried() -> None:
    door = ClosedDoor()
    with pytest.raises(EgressFailed):
        send(f"http://{ADA}/", resolver=knows(*(f"10.0.0.{n}" for n in range(50))), connector=door)
    assert door.tried == [(f"10.0.0.{n}", 80) for n in range(4)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("inward", ["http://169.254.169.254/latest/meta-data/", None])
def test_a_redirect_is_returned_and_never_followed(
    status: int, inward: str | None, spy: SocketSpy
) -> None:
    with receiver() as inner:
        location = inward or inner.url()
        with receiver(status, [("Location", location)]) as ada:
            response = send(ada.url())
    assert response.status == status
    assert response.headers["location"] == location
    assert inner.requests == []
    assert spy.connections == [("127.0.0.1", ada.port)]


def test_control_a_client_that_follows_redirects_would_reach_the_inner_server() -> None:
    with receiver() as inner, receiver(307, [("Location", inner.url())]) as ada:
        location = send(ada.url()).headers["location"]
        send(location)
    assert len(inner.requests) == 1


def test_proxies_of_the_environment_are_not_used(
    spy: SocketSpy, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver() as proxy, receiver() as ada:
        for name, scheme in itertools.product(("http", "https", "all"), ("http", "socks5")):
            monkeypatch.setenv(f"{name}_proxy", f"{scheme}://127.0.0.1:{proxy.port}")
            monkeypatch.setenv(f"{name.upper()}_PROXY", f"{scheme}://127.0.0.1:{proxy.port}")
        send(ada.url())
    assert len(ada.requests) == 1
    assert proxy.requests == []
    assert spy.connections == [("127.0.0.1", ada.port)]


# --- What is sent and received -------------------------------------------------------------------


def test_a_request_arrives_as_it_was_given() -> None:
    body = '{"name": "Zoë"}'.encode()
    with receiver(204, body=b"") as ada:
        response = post(
            f"http://{ADA}:{ada.port}/hook%20s?a=1&b=%C3%BC",
            body,
            {"Content-Type": "application/json", "webhook-id": "evt_1"},
            allow_private=True,
            resolver=knows("127.0.0.1"),
        )
    [request] = ada.requests
    assert request.path == "/hook%20s?a=1&b=%C3%BC"
    assert request.body == body
    assert sorted((name.lower(), value) for name, value in request.headers) == [
        ("accept-encoding", "identity"),
        ("connection", "close"),
        ("content-length", str(len(body))),
        ("content-type", "application/json"),
        ("host", f"{ADA}:{ada.port}"),
        ("webhook-id", "evt_1"),
    ]
    assert response.status == 204
    assert response.body == b""


def test_an_answer_comes_back_whole() -> None:
    with receiver(200, [("X-Two", "a"), ("X-Two", "b")], b'{"ok": true}') as ada:
        response = send(ada.url())
    assert response.status == 200
    assert response.headers["x-two"] == "a, b"
    assert response.headers["content-length"] == "12"
    assert response.body == b'{"ok": true}'
    assert response.truncated is False
    assert response.address == "127.0.0.1"
    assert 0 <= response.duration_ms < 5000


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 502, 503])
def test_an_error_of_the_other_side_is_an_answer_too(status: int) -> None:
    with receiver(status, [("Retry-After", "120")], b"sorry") as ada:
        response = send(ada.url())
    assert (response.status, response.body) == (status, b"sorry")
    assert response.headers["retry-after"] == "120"


def test_an_ipv6_host_keeps_its_brackets() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with receiver(host="::1") as ada:
        response = send(ada.url("[0:0:0:0:0:0:0:1]"))
    assert response.address == "::1"
    assert dict(ada.requests[0].headers)["Host"] == f"[::1]:{ada.port}"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1"},
        {"hOsT": "127.0.0.1"},
        {"Content-Length": "0"},
        {"Transfer-Encoding": "chunked"},
        {"Accept-Encoding": "gzip"},
        {"Connection": "keep-alive"},
        {"X-A": "b\r\nHost: 127.0.0.1"},
        {"X-A\r\nHost": "127.0.0.1"},
        {"X-A": "b\n"},
        {"X-A": " b"},
        {"X A": "b"},
        {"X-A": "Zoë"},
        {"": "b"},
    ],
)
def test_a_header_that_could_change_the_request_is_a_mistake_of_the_caller(
    headers: dict[str, str],
) -> None:
    door = ClosedDoor()
    with pytest.raises(ValueError, match="header"):
        post(f"https://{ADA}/", b"{}", headers, resolver=knows("8.8.8.8"), connector=door)
    assert door.tried == []


def test_a_body_of_exactly_the_limit_is_whole() -> None:
    with receiver(body=b"x" * 1000) as ada:
        response = send(ada.url(), max_response_bytes=1000)
    assert response.body == b"x" * 1000
    assert response.truncated is False


def test_a_longer_body_is_cut() -> None:
    with receiver(body=b"x" * 5_000_000) as ada:
        response = send(ada.url())
    assert response.status == 200
    assert response.body == b"x" * 65536
    assert response.truncated is True


def test_an_endless_body_is_cut() -> None:
    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not over.is_set():
            connection.sendall(b"x" * 65536)

    with raw_receiver(behave) as port:
        response = send(f"http://127.0.0.1:{port}/", max_response_bytes=1000)
    assert response.body == b"x" * 1000
    assert response.truncated is True


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "deflate", "zstd", "identity, gzip"])
def test_a_compressed_answer_is_refused_unread(encoding: str) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    with (
        receiver(200, [("Content-Encoding", encoding)], bomb) as ada,
        pytest.raises(EgressRefused) as refusal,
    ):
        send(ada.url())
    assert refusal.value.reason == "The answer came compressed, though it was asked for plain."
    assert refusal.value.sent is True
    assert len(ada.requests) == 1


def test_an_answer_that_says_identity_is_plain() -> None:
    with receiver(200, [("Content-Encoding", "identity")]) as ada:
        assert send(ada.url()).body == b"ok"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 99 Low\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: \x00\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    ],
    ids=lambda answer: ascii(answer)[:50],
)
def test_an_answer_that_is_not_http_is_a_failure(answer: bytes) -> None:
    with raw_receiver(answer_with(answer)) as port, pytest.raises(EgressFailed) as failure:
        send(f"http://127.0.0.1:{port}/")
    assert failure.value.sent is True


# --- Time ----------------------------------------------------------------------------------------


def drip(
    prefix: bytes, piece: bytes, times: int = 100
) -> Callable[[socket.socket, threading.Event], None]:
    """Send a piece every 20 ms: each in time, all together too slow."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(prefix)
        for _ in range(times):
            if over.wait(0.02):
                return
            connection.sendall(piece)

    return behave


SLOW_ANSWERS = {
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"x"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "status line": (b"HTTP/1.1 2", b"0"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize(("prefix", "piece"), SLOW_ANSWERS.values(), ids=SLOW_ANSWERS)
def test_a_server_that_drips_is_cut_off_at_the_deadline(prefix: bytes, piece: bytes) -> None:
    with raw_receiver(drip(prefix, piece)) as port:
        started = monotonic()
        with pytest.raises(EgressFailed) as failure:
            send(f"http://127.0.0.1:{port}/", timeout_seconds=0.2)
        took = monotonic() - started
    assert failure.value.reason == "127.0.0.1 gave no complete answer within 0.2 seconds."
    assert failure.value.sent is True
    assert 0.2 <= took < 1.5  # the server would have gone on for 2 seconds


def test_control_a_timeout_for_each_read_would_wait_for_the_whole_drip() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n"
    with raw_receiver(drip(answer, b"x", times=30)) as port:
        started = monotonic()
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=0.3)
        client.request("POST", "/", b"{}")
        assert client.getresponse().read() == b"x" * 30
        client.close()
    assert monotonic() - started > 0.55


def connect_patiently(address: str, port: int, timeout_seconds: float) -> socket.socket:
    """A connection that has no limit of its own: whatever ends the wait is the deadline."""
    return socket.create_connection((address, port))


def test_a_server_that_drips_its_handshake_is_cut_off_at_the_deadline() -> None:
    # The header of a TLS record of 16 kB, which then takes its time to come.
    with raw_receiver(drip(b"\x16\x03\x03\x3f\xff\x02", b"\x00")) as port:
        started = monotonic()
        with pytest.raises(EgressFailed) as failure:
            send(f"https://127.0.0.1:{port}/", timeout_seconds=0.2, connector=connect_patiently)
        took = monotonic() - started
    assert failure.value.sent is False
    assert 0.2 <= took < 1.5


def read_nothing(connection: socket.socket, over: threading.Event) -> None:
    over.wait(5)


def read_in_sips(connection: socket.socket, over: threading.Event) -> None:
    while not over.wait(0.02):
        connection.recv(65536)


@pytest.mark.parametrize("behave", [read_nothing, read_in_sips])
def test_a_server_that_does_not_read_is_cut_off_at_the_deadline(
    behave: Callable[[socket.socket, threading.Event], None],
) -> None:
    with raw_receiver(behave) as port:
        started = monotonic()
        with pytest.raises(EgressFailed) as failure:
            post(
                f"http://127.0.0.1:{port}/",
                bytes(32_000_000),
                {},
                allow_private=True,
                timeout_seconds=0.2,
                connector=connect_patiently,
            )
        took = monotonic() - started
    assert failure.value.reason == "127.0.0.1 gave no complete answer within 0.2 seconds."
    assert failure.value.sent is True
    assert 0.2 <= took < 2  # in sips of 64 kB every 20 ms, the body alone would need 10 seconds


def test_no_time_at_all_is_not_enough(spy: SocketSpy) -> None:
    with receiver() as ada, pytest.raises(EgressFailed) as failure:
        send(ada.url(), timeout_seconds=0)
    assert failure.value.reason == "127.0.0.1 gave no complete answer within 0 seconds."
    assert spy.connections == []


def test_a_name_server_that_does_not_answer_is_given_up_at_the_deadline() -> None:
    release = threading.Event()

    def resolver(host: str) -> list[str]:
        release.wait(5)
        return ["8.8.8.8"]

    door = ClosedDoor()
    started = monotonic()
    with pytest.raises(EgressFailed) as failure:
        post(f"https://{ADA}/", b"{}", {}, timeout_seconds=0.1, resolver=resolver, connector=door)
    assert monotonic() - started < 2
    release.set()
    assert failure.value.reason == f"{ADA} gave no complete answer within 0.1 seconds."
    assert failure.value.sent is False
    assert door.tried == []


# --- The network ---------------------------------------------------------------------------------


def test_a_closed_port_is_a_failure_and_nothing_was_sent() -> None:
    with receiver() as ada:
        pass
    with pytest.raises(EgressFailed) as failure:
        send(ada.url())
    assert failure.value.reason == "127.0.0.1 refused the connection."
    assert failure.value.sent is False


def test_a_name_that_does_not_exist_is_a_failure() -> None:
    def nobody(host: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for resolver in (nobody, FakeDNS([[]])):
        with pytest.raises(EgressFailed) as failure:
            post(f"https://{ADA}/", b"{}", {}, resolver=resolver)
        assert failure.value.reason == f"No address could be found for {ADA}."


def test_an_answer_of_the_dns_that_is_no_address_is_refused() -> None:
    door = ClosedDoor()
    for answer in ("localhost", "127.1", "", "0x7f000001"):
        with pytest.raises(EgressRefused):
            post(f"https://{ADA}/", b"{}", {}, resolver=knows("8.8.8.8", answer), connector=door)
    assert door.tried == []


# --- TLS -----------------------------------------------------------------------------------------


def certify(folder: Path, name: str) -> Path:
    """A certificate for a name, signed by itself, with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


@dataclass
class SecureReceiver:
    port: int
    requests: list[Received]
    names_asked_for: list[str | None]
    trusted: ssl.SSLContext


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[SecureReceiver]:
    """A TLS server on loopback that calls itself hooks.ada.example."""
    certificate = certify(tmp_path, ADA)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names: list[str | None] = []
    context.sni_callback = lambda sock, name, ctx: names.append(name)
    with receiver(tls=context) as ada:
        yield SecureReceiver(
            ada.port, ada.requests, names, ssl.create_default_context(cafile=str(certificate))
        )


def test_a_certificate_nobody_vouches_for_is_refused(secure: SecureReceiver) -> None:
    with pytest.raises(EgressFailed) as failure:
        send(f"https://{ADA}:{secure.port}/", resolver=knows("127.0.0.1"))
    assert failure.value.reason.startswith(f"The certificate of {ADA} is not valid: ")
    assert failure.value.sent is False
    assert secure.requests == []


def test_control_the_same_certificate_trusted_is_accepted(
    secure: SecureReceiver, spy: SocketSpy
) -> None:
    response = send(
        f"https://{ADA}:{secure.port}/", resolver=knows("127.0.0.1"), tls=secure.trusted
    )
    assert response.status == 200
    # The connection went to the address; the name was asked for inside TLS and in Host.
    assert spy.connections == [("127.0.0.1", secure.port)]
    assert secure.names_asked_for == [ADA]
    assert dict(secure.requests[0].headers)["Host"] == f"{ADA}:{secure.port}"


def test_a_certificate_for_another_name_is_refused(secure: SecureReceiver) -> None:
    for host in ("hooks.ben.example", "127.0.0.1"):
        with pytest.raises(EgressFailed) as failure:
            send(f"https://{host}:{secure.port}/", resolver=knows("127.0.0.1"), tls=secure.trusted)
        assert failure.value.reason.startswith(f"The certificate of {host} is not valid: ")
        assert failure.value.sent is False
    assert secure.requests == []


def test_an_international_name_is_checked_in_its_ascii_form(tmp_path: Path) -> None:
    certificate = certify(tmp_path, "xn--bcher-kva.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    dns = knows("127.0.0.1")
    with receiver(tls=context) as ada:
        response = send(
            f"https://Bücher.example:{ada.port}/",
            resolver=dns,
            tls=ssl.create_default_context(cafile=str(certificate)),
        )
    assert response.status == 200
    assert dns.asked == ["xn--bcher-kva.example"]
    assert dict(ada.requests[0].headers)["Host"] == f"xn--bcher-kva.example:{ada.port}"


def test_a_plain_server_behind_https_is_a_failure() -> None:
    with receiver() as ada, pytest.raises(EgressFailed) as failure:
        send(f"https://127.0.0.1:{ada.port}/")
    assert failure.value.reason == "No secure connection to 127.0.0.1 could be made."
    assert failure.value.sent is False
