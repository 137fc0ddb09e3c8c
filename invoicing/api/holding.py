"""Holding a bot at the API's door: which endpoints it may use, and with whom it may deal."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from invoicing.api.authentication import Caller
from invoicing.api.endpoint import Endpoint
from invoicing.errors import MissingPermission, OffLimits
from invoicing.inputs import CustomerChanges, InvoiceInput, SendInput
from invoicing.leashes import not_among_customers, owners, unmeasured, vetting
from invoicing.models import Leash

R = TypeVar("R")
SAFE: Final = frozenset({"GET", "HEAD"})
# Of themselves they do nothing; what is called by MCP is held where it is answered.
ALWAYS: Final = frozenset({"me", "list_approvals", "get_approval", "speak_mcp"})
# What moves money that no limit measures beforehand, or lets go of money that is due: of a bot that
# has limits of the kind, a person does it.
UNMEASURED: Final = {
    "accept_refund_claim": "refund",
    "concede_dispute": "refund",
    "change_recurring_charge": "charge",
    "void_invoice": "settle",
    "mark_uncollectible": "settle",
}
# Whom it is about is known once its words are understood, when an invoice is drafted of them.
IN_WORDS: Final = "quick_invoice"
# What a bot could free itself with.
NEVER: Final = "bots:write"


# What an invoice takes to say where its USDC goes: as much as to say it of a wallet.
NAMING_AN_ADDRESS: Final = "wallets:write"


def vet_address(caller: Caller, wanted: BaseModel) -> None:
    """Every body that can say where an invoice's USDC goes comes by here, in whatever dialect.

    Raises OffLimits for a bot on a leash, MissingPermission without the permission for it.
    """
    if not getattr(wanted, "wallet_address", None):
        return
    if caller.leash is not None:
        raise OffLimits(
            "A bot on a leash may not name a wallet_address: where money goes is a person's to "
            "say. Leave it out, and your wallets receive.",
            details={"limit": "wallet_address"},
        )
    if not caller.may(NAMING_AN_ADDRESS):
        raise MissingPermission(NAMING_AN_ADDRESS, "Naming a wallet_address")


def allows(leash: Leash, endpoint: Endpoint) -> bool:
    """Whether a bot on this leash may use the endpoint at all."""
    if endpoint.needs == NEVER:
        return False
    return not leash.tools or not _missing(leash, endpoint)


def _missing(leash: Leash, endpoint: Endpoint) -> list[str]:
    return [name for name in endpoint.tools if name not in leash.tools and name not in ALWAYS]


class Hold:
    """One request of a bot on a leash.

    Where the leash names customers, whatever changes anything must be seen to be about one of
    them before it is done: by its address, its body, or what it moves. Whom the merchant has on
    file for them is also who is named and mailed.
    """

    def __init__(self, caller: Caller, leash: Leash, endpoint: Endpoint) -> None:
        self.merchant = caller.merchant
        self.endpoint = endpoint
        self.leash = leash
        self.customers = frozenset(leash.customers)
        self._is_vetted = not self.customers
        # Whom it was last seen to be about, and where the invoice that it is about is mailed.
        self._customer_id = ""
        self._mailed_to = ""

    def at_the_door(self, method: str, places: Mapping[str, Any]) -> None:
        """Raises OffLimits for an endpoint, or an object, that is not the bot's."""
        if self.endpoint.needs == NEVER:
            raise MissingPermission(NEVER)
        if self.leash.tools and (missing := _missing(self.leash, self.endpoint)):
            allowed = ", ".join(sorted(self.leash.tools))
            raise OffLimits(
                f"This bot may not use {missing[0]}: its leash allows {allowed}.",
                details={"limit": "tools", "tool": missing[0]},
            )
        self._vet_measure()
        if method in SAFE:
            self._is_vetted = True
        if self._is_vetted:
            return
        if "customer_id" in places:
            self._vet(places["customer_id"])
        if "reference" in places:
            self._vet_invoice(places["reference"])
        for name in owners.keys() & places.keys():
            self._vet(owners[name](self.merchant, places[name]))

    def _vet_measure(self) -> None:
        limited = {limit["kind"] for limit in self.leash.limits}
        for kind in filter(None, map(UNMEASURED.get, self.endpoint.tools)):
            if kind in limited:
                raise unmeasured(kind)

    def on_reading(self, wanted: BaseModel) -> None:
        """Raises OffLimits for a body that is about somebody else."""
        if not self.customers:
            return
        if customer_id := getattr(wanted, "customer_id", None):
            self._vet(customer_id)
        if invoice_id := getattr(wanted, "invoice_id", None):
            self._vet_invoice(invoice_id)
        if isinstance(wanted, InvoiceInput):
            self._vet_recipient(wanted)
        elif isinstance(wanted, CustomerChanges):
            given = {name: getattr(wanted, name) for name in wanted.model_fields_set}
            self._as_on_file(given.get("name"), given.get("email"))
        elif isinstance(wanted, SendInput):
            self._as_known(wanted.to, self._mailed_to, "mail an invoice to")

    def held(self, do: Callable[[], R]) -> Callable[[], R]:
        """The same, as far as it is about one of its customers. Raises OffLimits where that is not
        known, and will not be."""
        if self._is_vetted:
            return do
        if IN_WORDS not in self.endpoint.tools:
            raise not_among_customers("")

        def doing() -> R:
            with vetting(self._on_drafting):
                return do()

        return doing

    def _on_drafting(self, wanted: BaseModel) -> None:
        self.on_reading(wanted)
        if not self._is_vetted:
            raise not_among_customers("")

    def _vet_invoice(self, reference: str) -> None:
        rows = self.merchant.invoices.referred_to(reference)
        found = rows.values_list("customer__public_id", "recipient_email").first()
        customer_id, self._mailed_to = found or ("", "")
        self._vet(customer_id or "")

    def _vet_recipient(self, wanted: InvoiceInput) -> None:
        if "customer_id" in wanted.model_fields_set and wanted.customer_id is None:
            raise not_among_customers("")
        if wanted.recipient is not None:
            self._as_on_file(wanted.recipient.name or None, wanted.recipient.email or None)

    def _as_on_file(self, name: str | None, email: str | None) -> None:
        if name is None and email is None:
            return
        rows = self.merchant.customers.filter(public_id=self._customer_id)
        known = rows.values_list("name", "email").first()
        if known is None:
            raise not_among_customers(self._customer_id)
        self._as_known(name, known[0], "name somebody as")
        self._as_known(email, known[1], "have somebody mailed at")

    def _as_known(self, given: str | None, known: str, to_do: str) -> None:
        if given is not None and given.casefold() != known.casefold():
            raise OffLimits(
                f"This bot may not {to_do} {given or 'nobody'}: its leash names customers, and "
                "something else is on file for this one.",
                details={"limit": "customers"},
            )

    def _vet(self, customer_id: str) -> None:
        if customer_id not in self.customers:
            raise not_among_customers(customer_id)
        self._customer_id, self._is_vetted = customer_id, True
