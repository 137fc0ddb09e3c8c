"""Where a payer may be sent afterwards, and which sites may show a page: exact origins.

An address is compared by its origin (RFC 6454), never by its beginning, and is read by a rule that
admits nothing on which two programs could differ: no user, no backslash, no letter beyond ASCII.
"""

import re
from typing import Final

LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = rf"{_LABEL}(?:\.{_LABEL})*|\[::1\]"
_ADDRESS: Final = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_HOST})(?::(?P<port>[1-9][0-9]{{0,4}}))?"
    r"(?P<rest>(?:/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*)?"
    r"(?:\?[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*)?(?:#[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*)?)"
)
_PORTS: Final = {"https": "443", "http": "80"}
WRONG: Final = (
    "must be an address such as https://shop.example.com/thanks: https, a name in plain letters "
    "(xn-- for others), no user name"
)
WRONG_ORIGIN: Final = "must be an origin such as https://shop.example.com, without path or wildcard"


def origin_of(address: str, *, livemode: bool) -> str:
    """The origin of an address to send a payer to. Raises ValueError for any other address.

    It is https; in test mode also http, on this machine only.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise ValueError(WRONG)
    scheme, host, port = found["scheme"], found["host"], found["port"]
    if port and int(port) > 65535:
        raise ValueError("must have a port of at most 65535")
    if scheme == "http" and (livemode or host not in LOOPBACK):
        raise ValueError("must be https; http is for this machine in test mode only")
    if livemode and host in LOOPBACK:
        raise ValueError("must not lead to this machine")
    return f"{scheme}://{host}" + (f":{port}" if port and port != _PORTS[scheme] else "")


def exact_origin(text: str, *, livemode: bool) -> str:
    """An origin as it is registered. Raises ValueError for whatever has more than an origin."""
    found = _ADDRESS.fullmatch(text)
    if found is None or found["rest"] not in ("", "/"):
        raise ValueError(WRONG_ORIGIN)
    return origin_of(text, livemode=livemode)
