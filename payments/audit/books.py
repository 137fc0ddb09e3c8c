"""The books, in one pass over every entry and posting: seals, chains, balances, payments.

Entries come in the order of their ids with their payments, postings in that of their entries, so
nothing is kept in memory but the accounts and the end of each merchant's chain.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from django.db import connection

from payments import seal
from payments.audit.found import Break, reading, rows, summed

ENTRY, POSTING = "payments_ledgerentry", "payments_ledgerposting"
ACCOUNT, HEAD, PAYMENT = "payments_ledgeraccount", "payments_ledgerhead", "payments_payment"
# By which a payment's money comes into the books, and what may follow it.
COMES_IN = {"payment", "match"}
SOURCES = {"clearing", "unmatched", "customer_credit"}


class Account(NamedTuple):
    """What a pass over the postings asks of an account."""

    key: str
    kind: str
    asset: str
    merchant: int | None
    wallet: int | None
    balance: int
    # Of the instance's own: rail and mode, such as "card:live".
    way: str


class Entry(NamedTuple):
    """An entry as it is read, and the payment it is about."""

    pk: int
    reference: str
    kind: str
    merchant: int
    payment: int | None
    at: str
    posted: bool
    position: int | None
    digest: str
    # Of the payment:
    public_id: str
    status: str
    rail: str
    paid_to: int
    currency: str
    received: int
    surplus: int
    provider_fee: int
    platform_fee: int
    payee: int


class Books:
    """One pass; `breaks()` reads everything and yields what does not hold."""

    def __init__(self) -> None:
        self.keys = seal.keys()
        self.accounts = {
            pk: Account(key, kind, asset, merchant, wallet, balance, _way(key, merchant))
            for pk, key, kind, asset, merchant, wallet, balance in rows(
                f"SELECT id, key, kind, asset, merchant_id, wallet_id, balance FROM {ACCOUNT}"  # noqa: S608
            )
        }
        self.moved: dict[int, int] = defaultdict(int)
        # By merchant: the position and seal last seen, and the place of its key among the keys.
        self.ends: dict[int, tuple[int, str]] = {}
        self.eldest: dict[int, int] = {}
        self.modes = {
            pk: "live" if livemode else "test"
            for pk, livemode in rows("SELECT id, livemode FROM invoicing_merchant")
        }
        # By account of the instance's own: how often payments of which rail and mode used it.
        self.ways: dict[int, Counter[str]] = defaultdict(Counter)
        # By payment: how much more was taken in fees than it says, until all is accounted for.
        self.fees: dict[int, int] = {}

    def breaks(self) -> Iterator[Break]:
        with reading(_entries()) as entries, reading(_POSTINGS) as postings:
            waiting = next(postings, None)
            for row in entries:
                entry = Entry(*row)
                said: list[str] = []
                own: list[tuple[Any, ...]] = []
                while waiting is not None and waiting[0] <= entry.pk:
                    if waiting[0] < entry.pk:
                        yield Break(
                            "I1", POSTING, waiting[1], "", f"is of entry {waiting[0]}, not there"
                        )
                    else:
                        own.append(waiting)
                    waiting = next(postings, None)
                for _, pk, source, destination, amount, asset in own:
                    self.moved[source] -= amount
                    self.moved[destination] += amount
                    said.append(f"{source}>{destination}:{amount} {asset}")
                    if not (
                        self.accounts[source].asset == asset == self.accounts[destination].asset
                    ):
                        yield Break(
                            "I1", POSTING, pk, entry.reference, f"mixes {asset} with others"
                        )
                yield from self._entry(entry, own, said)
        while waiting is not None:
            yield Break("I1", POSTING, waiting[1], "", f"is of entry {waiting[0]}, not there")
            waiting = next(postings, None)
        yield from self._ends()
        yield from self._balances()
        for payment, fee in self.fees.items():
            yield Break(
                "I2", PAYMENT, payment, _name_of(payment), f"says {-fee} more fees than the books"
            )

    def _entry(
        self, entry: Entry, postings: list[tuple[Any, ...]], said: list[str]
    ) -> Iterator[Break]:
        if not said:
            yield Break("I1", ENTRY, entry.pk, entry.reference, "moves nothing")
        if not entry.posted or entry.position is None:
            yield Break("I1", ENTRY, entry.pk, entry.reference, "was never posted")
            return
        yield from self._seal(entry, entry.position, postings, said)
        if entry.payment:
            yield from self._payment(entry, postings)

    def _seal(
        self, entry: Entry, position: int, postings: list[tuple[Any, ...]], said: list[str]
    ) -> Iterator[Break]:
        end, before = self.ends.get(entry.merchant, (0, seal.FIRST))
        if position != end + 1:
            found = _sealed_at(entry.merchant, position - 1)
            if found is None:
                yield Break(
                    "I1", ENTRY, None, f"merchant {entry.merchant} #{position - 1}",
                    f"is missing before {entry.reference}",
                )  # fmt: skip
            before = found or ""
        if position > end:
            self.ends[entry.merchant] = (position, entry.digest)
        try:
            text = seal.text(
                entry.merchant,
                position,
                entry.reference,
                entry.kind,
                entry.payment,
                seal.shortest(entry.at),
                said,
            )
        except ValueError as problem:
            yield Break("I1", ENTRY, entry.pk, entry.reference, str(problem))
            return
        eldest = self.eldest.get(entry.merchant, len(self.keys) - 1)
        for place in range(eldest, -1, -1):
            if seal.digest(self.keys[place], before, text) == entry.digest:
                self.eldest[entry.merchant] = place
                return
        rows = ", ".join(f"{row[1]}: {words}" for row, words in zip(postings, said, strict=True))
        yield Break(
            "I1",
            ENTRY,
            entry.pk,
            entry.reference,
            f"is not as it was sealed: #{position} of merchant {entry.merchant}, {entry.kind}, "
            f"payment {entry.payment}, {entry.at}, postings {rows}",
        )

    def _payment(self, entry: Entry, postings: list[tuple[Any, ...]]) -> Iterator[Break]:
        """I2: what the payment says came in and went off is what its entry moved."""
        if entry.kind not in COMES_IN and entry.kind != "fee":
            return
        came = credit = provider = platform = 0
        wrong: list[tuple[str, Any, Any]] = []
        way = f"{entry.rail}:{self.modes.get(entry.merchant)}"
        for _, _, source, destination, amount, asset in postings:
            origin, target = self.accounts[source], self.accounts[destination]
            if target.kind == "provider_fees":
                provider += amount
            elif origin.kind == "provider_fees":
                provider -= amount
            elif target.kind == "platform_fees":
                platform += amount
            elif origin.kind in SOURCES:
                came += amount
                if target.kind == "customer_credit":
                    credit += amount
            for pk, account in ((source, origin), (destination, target)):
                if account.way:
                    self.ways[pk][way] += 1
                    if account.way != way:
                        wrong.append(("rail", way, account.way))
                elif account.wallet not in (None, entry.paid_to):
                    wrong.append(("wallet", entry.paid_to, account.wallet))
            if asset != entry.currency:
                wrong.append(("currency", entry.currency, asset))
        owed = self.fees.pop(entry.payment or 0, 0) + provider
        if entry.kind in COMES_IN:
            owed -= entry.provider_fee
            wrong += [
                (name, says, should)
                for name, says, should in (
                    ("received", entry.received, came),
                    ("surplus", entry.surplus, credit),
                    ("platform_fee", entry.platform_fee, platform),
                    ("merchant", entry.payee, entry.merchant),
                )
                if says != should
            ]
            if entry.status not in ("succeeded", "reversed"):
                wrong.append(("status", entry.status, "succeeded"))
            if (
                entry.reference.split(":")[0] == "payment"
                and entry.reference[8:] != entry.public_id
            ):
                wrong.append(("public_id", entry.public_id, entry.reference[8:]))
        if owed:
            self.fees[entry.payment or 0] = owed
        for name, says, should in dict.fromkeys(wrong):
            yield Break(
                "I2",
                PAYMENT,
                entry.payment,
                entry.public_id,
                f"says {name} {says}, the books say {should}",
            )

    def _ends(self) -> Iterator[Break]:
        """Each chain ends where its head says, and has no more than its head counts."""
        heads = {
            merchant: (pk, length, digest)
            for pk, merchant, length, digest in rows(
                f"SELECT id, merchant_id, length, digest FROM {HEAD}"  # noqa: S608
            )
        }
        for merchant in sorted(heads.keys() | self.ends.keys()):
            pk, length, digest = heads.get(merchant, (None, 0, ""))
            end = self.ends.get(merchant, (0, seal.FIRST))
            if (length, digest) != end:
                yield Break(
                    "I1",
                    HEAD,
                    pk,
                    f"merchant {merchant}",
                    f"says {length} entries and {digest[:12]}, the chain ends at {end[0]} with "
                    f"{end[1][:12]}",
                )

    def _balances(self) -> Iterator[Break]:
        """Merchants' accounts hold what their postings leave; the instance's keep no balance."""
        accounts = (
            (pk, account.key, account.merchant, account.balance)
            for pk, account in self.accounts.items()
        )
        yield from _misstated(accounts, self.moved)
        for pk, ways in self.ways.items():
            (most, _), *_ = ways.most_common(1)
            if self.accounts[pk].way != most:
                yield Break("I1", ACCOUNT, pk, self.accounts[pk].key, f"holds what {most} brought")


def check_books() -> Iterator[Break]:
    """I1 and I2: the pass over everything that was posted."""
    return Books().breaks()


def check_balances() -> Iterator[Break]:
    """I1: every account holds what its postings leave, added up by the database alone."""
    query = f"""
        SELECT source_id, destination_id, SUM(amount) FROM {POSTING}
        GROUP BY source_id, destination_id
    """  # noqa: S608
    moved: dict[int, int] = defaultdict(int)
    for source, destination, amount in summed(query):
        moved[source] -= int(amount)
        moved[destination] += int(amount)
    query = f"SELECT id, key, merchant_id, balance FROM {ACCOUNT}"  # noqa: S608
    with reading(query) as accounts:
        yield from _misstated(accounts, moved)


def _misstated(accounts: Iterable[tuple[Any, ...]], moved: Mapping[int, int]) -> Iterator[Break]:
    """Accounts, as id, key, merchant and balance, that do not hold what was moved to them."""
    for pk, key, merchant, balance in accounts:
        # The instance's own accounts keep no balance.
        should = moved.get(pk, 0) if merchant is not None else 0
        if balance != should:
            yield Break("I1", ACCOUNT, pk, key, f"says {balance}, its postings {should}")


def check_accounts() -> Iterator[Break]:
    """I1: an account's key says whose and what it is, and it is that."""
    query = f"""
        SELECT a.id, a.key, a.kind, a.asset, a.merchant_id, a.wallet_id, a.customer_id,
               w.public_id, w.currency, w.merchant_id, m.public_id,
               COALESCE(c.public_id, i.public_id), COALESCE(c.merchant_id, i.merchant_id)
        FROM {ACCOUNT} a
        LEFT JOIN payments_wallet w ON w.id = a.wallet_id
        LEFT JOIN invoicing_merchant m ON m.id = a.merchant_id
        LEFT JOIN invoicing_customer c ON c.id = a.customer_id
        -- The credit of a payer who is no customer is kept under the invoice's id.
        LEFT JOIN invoicing_invoice i ON a.kind = 'customer_credit' AND a.customer_id IS NULL
            AND i.public_id = substr(a.key, 17, CASE
                WHEN length(a.key) > 17 + length(a.asset)
                THEN length(a.key) - 17 - length(a.asset) ELSE 0 END)
    """  # noqa: S608
    for row in rows(query):
        pk, key, kind, asset, merchant, wallet, customer = row[:7]
        wallets, wallet_asset, owner, merchants, payer, payee = row[7:]
        parts = key.split(":")
        if wallet:
            right = parts == [kind, wallets] and (asset, merchant) == (wallet_asset, owner)
        elif payer:
            right = parts == [kind, payer, asset] and merchant == payee
        elif merchant:
            right = parts == [kind, merchants, asset]
        else:
            right = len(parts) == 4 and (parts[0], parts[3]) == (kind, asset)
        if not right:
            yield Break(
                "I1",
                ACCOUNT,
                pk,
                key,
                f"is {kind} in {asset} of merchant {merchant}, wallet {wallet}, "
                f"customer {customer}",
            )


_POSTINGS = f"""
    SELECT entry_id, id, source_id, destination_id, amount, asset
    FROM {POSTING} ORDER BY entry_id, id
"""  # noqa: S608


def _entries() -> str:
    at = "e.created_at || ''"  # text as it is kept, not made a datetime of
    if connection.vendor == "postgresql":
        at = "(e.created_at AT TIME ZONE 'UTC')::text"
    return f"""
        SELECT e.id, e.reference, e.kind, e.merchant_id, e.payment_id, {at}, e.posted, e.position,
               e.digest, p.public_id, p.status, p.rail, p.wallet_id, p.currency, p.received,
               p.surplus, p.provider_fee, p.platform_fee, p.merchant_id
        FROM {ENTRY} e LEFT JOIN {PAYMENT} p ON p.id = e.payment_id ORDER BY e.id
    """  # noqa: S608


def _way(key: str, merchant: int | None) -> str:
    """Rail and mode in the key of an account of the instance's own."""
    return "" if merchant is not None else ":".join(key.split(":")[1:3])


def _sealed_at(merchant: int, position: int) -> str | None:
    """The seal at a place of a merchant's chain; nothing before the first."""
    if position == 0:
        return seal.FIRST
    query = f"SELECT digest FROM {ENTRY} WHERE merchant_id = %s AND position = %s"  # noqa: S608
    return next((str(row[0]) for row in rows(query, merchant, position)), None)


def _name_of(payment: int) -> str:
    query = f"SELECT public_id FROM {PAYMENT} WHERE id = %s"  # noqa: S608
    return next((str(row[0]) for row in rows(query, payment)), "")
