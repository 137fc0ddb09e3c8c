"""Which URLs and addresses Billhook may speak to: how they must be spelt, where they may lead.

Whatever two readers could take for different hosts is refused. No name is resolved here: whoever
resolves one asks about every address that it has.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final
from urllib.parse import urlsplit

import idna

IPAddress = IPv4Address | IPv6Address

PUBLIC: Final = "public"
# What `allow_private` opens: networks that people run things on. Never the metadata services.
PRIVATE_KINDS: Final = frozenset({"loopback", "private", "carrier-grade NAT", "unique local"})

_MAX_URL_LENGTH: Final = 2048

# First match wins, so that a single address is named before the network it lies in. From the
# IANA special-purpose registries; 168.63.129.16 is Azure's and looks public.
_SPECIAL: Final[tuple[tuple[IPv4Network | IPv6Network, str], ...]] = tuple(
    (ip_network(network), kind)
    for kind, networks in {
        "metadata": "169.254.169.254 169.254.170.2 169.254.170.23 169.254.42.42 100.100.100.200"
        " 168.63.129.16 192.0.0.192 fd00:ec2::/32 fd20:ce::254 fd00:42::42",
        "unspecified": "0.0.0.0 ::",
        "loopback": "127.0.0.0/8 ::1",
        "private": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16",
        "carrier-grade NAT": "100.64.0.0/10",
        "unique local": "fc00::/7",
        "link-local": "169.254.0.0/16 fe80::/10",
        "site-local": "fec0::/10",
        "multicast": "224.0.0.0/4 ff00::/8",
        "broadcast": "255.255.255.255",
        "benchmarking": "198.18.0.0/15 2001:2::/48",
        "documentation": "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20",
        "local NAT64": "64:ff9b:1::/48",
        "reserved": "0.0.0.0/8 192.0.0.0/24 192.88.99.0/24 240.0.0.0/4 3ffe::/16",
    }.items()
    for network in networks.split()
)
# IPv6 networks whose addresses hold an IPv4 address, and how far from the right it stands.
_WRAPPERS: Final = tuple(
    (IPv6Network(network), kind, shift)
    for network, kind, shift in (
        ("::ffff:0:0/96", "IPv4-mapped", 0),
        ("::ffff:0:0:0/96", "IPv4-translated", 0),
        ("64:ff9b::/96", "NAT64", 0),
        ("2002::/16", "6to4", 80),
        ("2001::/32", "Teredo", 0),
        ("::/96", "IPv4-compatible", 0),
    )
)
_ISATAP_MARKS: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})
_PROTOCOL_ASSIGNMENTS: Final = IPv6Network("2001::/23")
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")

# Ports where something listens that is not a web server, so that nobody can make Billhook talk
# to it: those of the WHATWG Fetch standard ("bad port"), and the usual databases and queues.
_SERVICE_PORTS: Final = (
    "1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110"
    " 111 113 115 117 119 123 135 137 138 139 143 161 179 389 427 445 465 512 513 514 515 526"
    " 530 531 532 540 548 554 556 563 587 601 636 873 989 990 993 995 1433 1521 1719 1720 1723"
    " 2049 2181 2375 2376 2379 2380 3306 3389 3659 4045 4190 5060 5061 5432 5672 5900 5984"
    " 6000 6379 6380 6432 6566 6665 6666 6667 6668 6669 6679 6697 9042 9092 9200 9300 10080"
    " 10250 11211 27017 27018 27019"
)
_REFUSED_PORTS: Final = frozenset(int(port) for port in _SERVICE_PORTS.split())
_INNER_NAMES: Final = ("localhost", "localdomain", "local", "internal", "home.arpa")
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# What old resolvers read as an IPv4 number: the last label decides, as in the WHATWG URL standard.
_NUMERIC_LABEL: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_AUTHORITY: Final = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]{1,5}))?")


class EgressError(Exception):
    """A request got no usable answer; `reason` is a sentence for whoever owns the URL.

    `sent` tells whether anything of the request may have reached the other side. While it is
    False nothing happened there; once True, only the other side knows what did.
    """

    def __init__(self, reason: str, *, sent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


class EgressRefused(EgressError):
    """The rules forbid this URL or this answer: asking again the same way changes nothing."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart."""

    scheme: str
    host: str  # ASCII and lower case; an IPv6 address without its brackets
    port: int
    path: str  # with the query
    literal: IPAddress | None  # the host, if it was written as an address

    def authority(self) -> str:
        """The Host header: brackets round IPv6, and the port unless it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _default_port(self.scheme) else f"{host}:{self.port}"


def check_url(url: str, *, allow_private: bool) -> None:
    """Judge a URL as far as that is possible without asking the DNS.

    Raises EgressRefused, whose reason says what would be right. A URL that passes may still be
    refused by `egress.post`, once its name is resolved.
    """
    target = parse(url, allow_private)
    if target.literal is not None:
        refuse_forbidden(target, [target.literal], allow_private)


def classify(address: IPAddress) -> str:
    """Name the kind of network an address belongs to: "public", or why it is none.

    An address that wraps an IPv4 address is never public, and is named with the kind of what it
    wraps: "6to4 (loopback)". Only NAT64's well-known prefix (RFC 6052) leads to nowhere but what
    it wraps, and is how a network without IPv4 reaches the rest: there the wrapped one decides.
    """
    if isinstance(address, IPv6Address) and address.scope_id:
        return "link-local"
    for network, kind in _SPECIAL:
        if address in network:
            return kind
    if isinstance(address, IPv6Address):
        wrapper, wrapped = _unwrap(address)
        if wrapped is not None:
            inner = classify(wrapped)
            return PUBLIC if wrapper == "NAT64" and inner == PUBLIC else f"{wrapper} ({inner})"
        if address in _PROTOCOL_ASSIGNMENTS or address not in _GLOBAL_UNICAST:
            return "reserved"
    # The standard library's own tables, which differ between versions, as a second opinion.
    return PUBLIC if address.is_global else "reserved"


def parse(url: str, allow_private: bool) -> Target:
    """Take a URL apart, once, so that nobody downstream can read it differently.

    With `allow_private`, plain http, service ports and inner names pass too. Raises EgressRefused.
    """
    if len(url) > _MAX_URL_LENGTH:
        raise EgressRefused(f"A URL has at most {_MAX_URL_LENGTH} characters.")
    if not url.isprintable() or " " in url or "\\" in url:
        raise EgressRefused("Write spaces, control characters and backslashes percent-encoded.")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise EgressRefused("Write the URL as https://host/path.") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and allow_private):
        allowed = "https://, or http:// inside a private network" if allow_private else "https://"
        said = f", not with {parts.scheme}://" if parts.scheme not in ("", "http") else ""
        raise EgressRefused(f"The URL must begin with {allowed}{said}.")
    if "#" in url:
        raise EgressRefused("Leave out the # and what follows it: it is never sent.")
    if "@" in parts.netloc:
        raise EgressRefused("Leave out the user name and password, everything up to the @.")
    if not (parts.path + parts.query).isascii():
        raise EgressRefused("Write the path and the query in ASCII, the rest percent-encoded.")
    authority = _AUTHORITY.fullmatch(parts.netloc)
    if authority is None or not authority[1]:
        raise EgressRefused("Write the URL as https://host/path or https://host:port/path.")
    host, literal = _parse_host(authority[1], allow_private)
    port = _parse_port(authority[2], parts.scheme, allow_private)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path, literal)


def refuse_forbidden(target: Target, addresses: Sequence[IPAddress], allow_private: bool) -> None:
    """Judge the addresses that a host has. Raises EgressRefused.

    One forbidden address among many is enough: an honest host has none.
    """
    for address in addresses:
        kind = classify(address)
        if kind == PUBLIC:
            if target.scheme != "https":
                raise EgressRefused("The URL must begin with https://: this host is public.")
        elif not (allow_private and kind in PRIVATE_KINDS):
            # The address itself stays unsaid: names inside our network are nobody's business.
            raise EgressRefused(
                f"{target.host} leads to {_article(kind)} {kind} address;"
                " give a host on the public internet."
            )


def _article(kind: str) -> str:
    """ "an" where the word is spoken with a vowel: "IPv4-mapped", "ISATAP", "unspecified"."""
    return "a" if kind.startswith("uni") or kind[0] not in "AEIOUaeiou" else "an"


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _parse_host(text: str, allow_private: bool) -> tuple[str, IPAddress | None]:
    """The host in ASCII, and as an address if it is one. Refuses every odd spelling of either."""
    if "%" in text:
        raise EgressRefused("Write the host without percent signs.")
    if text.startswith("["):
        try:
            address = IPv6Address(text[1:-1])
        except ValueError:
            raise EgressRefused("Between [ and ] there must be an IPv6 address.") from None
        return str(address), address
    host = _to_ascii(text.lower())
    if host.endswith("."):
        raise EgressRefused("Leave out the dot at the end of the host.")
    if _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]):
        try:
            return host, IPv4Address(host)
        except ValueError:
            raise EgressRefused(
                "Write an IPv4 address as four decimal numbers without leading zeros."
            ) from None
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise EgressRefused("A host name has letters, digits and hyphens between its dots.")
    inner = "." not in host or f".{host}".endswith(tuple(f".{name}" for name in _INNER_NAMES))
    if inner and not allow_private:
        raise EgressRefused("This host is known only inside a network; give a public host name.")
    return host, None


def _to_ascii(host: str) -> str:
    if host.isascii():
        return host
    try:
        # Strict IDNA 2008: nothing is mapped, so full-width digits and dots do not pass.
        return ".".join(idna.alabel(label).decode() for label in host.split("."))
    except idna.IDNAError:
        raise EgressRefused(
            "This is no international host name; try its ASCII form, which begins with xn--."
        ) from None


def _parse_port(text: str | None, scheme: str, allow_private: bool) -> int:
    port = int(text or _default_port(scheme))
    if not 1 <= port <= 65535:
        raise EgressRefused("A port is a number from 1 to 65535.")
    if port in _REFUSED_PORTS and not allow_private:
        raise EgressRefused(f"Port {port} belongs to another service; use 443 or another web port.")
    return port


def _unwrap(address: IPv6Address) -> tuple[str, IPv4Address | None]:
    """The way an IPv4 address is wrapped in this one, and that address."""
    value = int(address)
    for network, kind, shift in _WRAPPERS:
        if address in network:
            # Teredo hides the client's address by inverting its bits (RFC 4380).
            bits = value ^ 0xFFFF_FFFF if kind == "Teredo" else value >> shift
            return kind, IPv4Address(bits & 0xFFFF_FFFF)
    if value >> 32 & 0xFFFF_FFFF in _ISATAP_MARKS:
        return "ISATAP", IPv4Address(value & 0xFFFF_FFFF)
    return "", None
