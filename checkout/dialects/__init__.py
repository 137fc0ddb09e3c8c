"""The wire formats of other invoice systems, one file each, on the same actions as the native API.

A client written for one of them needs only another base URL: `/compat/<system>`, or a host that is
named for it (COMPAT_HOSTS).
"""

from typing import Final

SYSTEMS: Final = ("wallgent", "wraith", "wayout", "gwop", "creditclaw")


def addresses_of(system: str) -> str:
    """The module that has a system's addresses."""
    return f"checkout.dialects.{system}"
