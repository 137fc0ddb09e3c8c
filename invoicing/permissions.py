"""What an actor may be allowed to do, and what each role of a team allows.

One vocabulary for people and bots, so that every door asks the same question.
"""

from typing import Final

PERMISSIONS: Final[dict[str, str]] = {
    "invoices:read": "See invoices, their history and PDFs",
    "invoices:write": "Create, edit, finalize, send and void invoices",
    "customers:read": "See customers",
    "customers:write": "Create, edit and delete customers",
    "payments:read": "See payments and fees",
    "payments:write": "Start, charge and refund payments",
    "settle": "Declare an invoice paid by money received elsewhere",
    "wallets:read": "See wallets and their entries",
    "wallets:write": "Create and edit wallets",
    "checkout:read": "See checkout pages and their sales",
    "checkout:write": "Create, edit and archive checkout pages",
    "events:read": "Read the event feed",
    "webhooks:read": "See webhook endpoints and deliveries",
    "webhooks:write": "Create, edit and delete webhook endpoints, redeliver, rotate secrets",
    "bots:read": "See bots and their API keys",
    "bots:write": "Create bots and API keys, and revoke them",
    "sandbox:write": "Move the test clock and play the payer in the sandbox",
    "settings:write": "Change the merchant's details, branding and numbering",
    "team:write": "Invite, change and remove team members",
}

ALL: Final = frozenset(PERMISSIONS)
READ: Final = frozenset(name for name in PERMISSIONS if name.endswith(":read"))
# What a bot may be given: the team and the merchant's own details stay with people.
FOR_BOTS: Final = ALL - {"team:write", "settings:write"}

ROLE_PERMISSIONS: Final[dict[str, frozenset[str]]] = {
    "owner": ALL,
    "admin": ALL,
    "accountant": READ
    | {"invoices:write", "customers:write", "payments:write", "settle", "sandbox:write"},
    "viewer": READ,
}


def unknown(names: list[str]) -> list[str]:
    """The names among these that no bot can be given, in the order they came."""
    return [name for name in names if name not in FOR_BOTS]
