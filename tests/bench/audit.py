"""What an audit of large books costs, beside the least it could: adding up every posting once.

    python -m tests.bench.audit --invoices 100000

Makes books of this many invoices, each paid in two parts, so six postings of two entries, with
right seals, in the database that DATABASE_URL names; on SQLite they are kept in bench-results/
for the next run.
"""

import argparse
import hashlib
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django

from tests.bench import database
from tests.bench.rows import copy, last

MERCHANTS = 50
PARTS = 2
FEES = (320, 50)
RECEIVED = 10000
FOLDER = Path("bench-results")


def main() -> None:
    """Make the books unless they are there, and print what each check took."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--invoices", type=int, default=100_000)
    invoices: int = arguments.parse_args().invoices
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bench.settings")
    if not os.environ.get("DATABASE_URL"):
        os.environ["DATA_DIR"] = str(FOLDER / f"audit-{invoices}")
    os.environ.setdefault("DATA_DIR", str(FOLDER))
    os.environ.setdefault("SECRET_KEY", "a-key-for-benchmarks-only")
    django.setup()
    _begin(invoices)
    _measure(invoices)
    # Nothing large is left on a server that is not ours.
    database.drop()


def _measure(invoices: int) -> None:
    from django.db import connection, transaction

    from payments.audit import CHECKS, QUICK

    def zero_sum() -> None:
        with connection.cursor() as cursor:
            for side in ("source_id", "destination_id"):
                cursor.execute(
                    f"SELECT {side}, SUM(amount) FROM payments_ledgerposting GROUP BY {side}"  # noqa: S608
                )
                cursor.fetchall()

    least = _timed(zero_sum)
    postings = invoices * PARTS * 3
    print(f"\n{connection.vendor}, {invoices} invoices, {postings} postings, seconds\n")
    print(f"{'every posting added up':<40}{least:>8.2f}")
    for name, all_checks in (("--quick", QUICK), ("all of it", CHECKS)):
        whole = 0.0
        with transaction.atomic():
            for invariant, checks in all_checks.items():
                for check in checks:
                    found: list[Any] = []
                    took = _timed(lambda check=check, found=found: found.extend(check()))  # type: ignore[misc]
                    whole += took
                    print(f"{invariant} {check.__name__:<37}{took:>8.2f}")
                    if found:
                        sys.exit(f"{len(found)} breaks, such as {found[0]}")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"{name:<40}{whole:>8.2f}   ×{whole / least:.1f}   {memory} MB at most\n")


def _timed(what: Callable[[], object]) -> float:
    begun = time.perf_counter()
    what()
    return time.perf_counter() - begun


def _begin(invoices: int) -> None:
    """The books as they are wanted, from before or made now."""
    from django.conf import settings
    from django.db import connection

    name = Path(settings.DATABASES["default"]["NAME"])
    if connection.vendor == "sqlite":
        if name.with_suffix(".made").exists():
            return
        for stale in (name, Path(f"{name}-wal"), Path(f"{name}-shm")):
            stale.unlink(missing_ok=True)
    begun = time.perf_counter()
    database.begin()
    _fill(invoices)
    print(f"made in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    if connection.vendor == "sqlite":
        name.with_suffix(".made").touch()


def _fill(invoices: int) -> None:
    """One true business shows how rows look: they are written again and again under other ids."""
    from django.db import connection, transaction

    from invoicing.models import Merchant
    from payments import ledger_triggers
    from tests import factories

    user = factories.given_a_user()
    shown = factories.given_an_account(user).merchants.get(livemode=False)
    example = factories.given_an_open_invoice(shown)
    factories.pay(example)
    merchants = [
        factories.given_an_account(user, name=f"Merchant {number}").merchants.get(livemode=False)
        for number in range(MERCHANTS)
    ]
    with transaction.atomic():
        ledger_triggers.remove(connection)
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                # What is written is right: the checks of every row's references can be spared.
                cursor.execute("SET session_replication_role = replica")
        books = _Books(merchants, invoices)
        copy("invoicing_invoice", example.pk, books.invoices())
        copy("invoicing_lineitem", example.lines.get().pk, books.lines())
        payment = example.payments.get()
        copy("payments_payment", payment.pk, books.payments())
        entry = payment.ledger_entries.get()
        copy("payments_sandboxsession", _session(payment.public_id), books.sessions())
        copy("payments_ledgerentry", entry.pk, books.entries())
        posting = entry.postings.order_by("id")[0]
        copy("payments_ledgerposting", posting.pk, books.postings())
        event = last("invoicing_event")
        copy("invoicing_event", event, books.events())
        books.close()
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET session_replication_role = DEFAULT")
        ledger_triggers.install(connection)
    with connection.cursor() as cursor:
        # As the server does by itself in a quiet minute.
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    assert Merchant.objects.count() > MERCHANTS


class _Books:
    """The rows that differ from the example's, table by table."""

    def __init__(self, merchants: list[Any], invoices: int) -> None:
        from payments import ledger
        from payments.actions.wallets import create_wallet
        from payments.inputs import WalletInput
        from payments.ledger import Kind

        self.count = invoices
        self.merchants = merchants
        self.base = {
            table: last(table)
            for table in (
                "invoicing_invoice",
                "payments_payment",
                "payments_ledgerentry",
                "payments_ledgerposting",
                "invoicing_event",
                "payments_sandboxsession",
            )
        }
        self.wallets = [
            create_wallet.__wrapped__(each, WalletInput(name="Till", currency="USD"))  # type: ignore[attr-defined]
            for each in merchants
        ]
        self.pending = [ledger.wallet_account(each, Kind.PENDING) for each in self.wallets]
        self.own = [
            ledger.instance_account(kind, "sandbox", merchants[0], "USD").pk
            for kind in (Kind.CLEARING, Kind.PROVIDER_FEES, Kind.PLATFORM_FEES)
        ]
        self.ends = dict.fromkeys(range(MERCHANTS), (0, ""))

    def _of(self, number: int) -> int:
        return number % MERCHANTS

    def invoices(self) -> Iterator[dict[str, Any]]:
        for number in range(self.count):
            value = number // MERCHANTS + 1
            yield {
                "id": self._invoice(number),
                "uuid": hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest(),
                "public_id": f"inv_bench{number:09}",
                "slug": f"bench{number:09}",
                "merchant_id": self.merchants[self._of(number)].pk,
                "number": f"TEST-{value:04}",
                "number_value": value,
                "amount_paid": PARTS * RECEIVED,
                "subtotal": PARTS * RECEIVED,
                "total": PARTS * RECEIVED,
            }

    def lines(self) -> Iterator[dict[str, Any]]:
        for number in range(self.count):
            # No two of a kind, so that nothing is remembered.
            quantity = 1 + number % 19999
            yield {
                "id": self._invoice(number),
                "public_id": f"li_bench{number:09}",
                "invoice_id": self._invoice(number),
                "amount": PARTS * RECEIVED,
                "quantity": str(quantity),
                "unit_price": _price(quantity),
            }

    def payments(self) -> Iterator[dict[str, Any]]:
        for number in range(self.count * PARTS):
            of = self._of(number // PARTS)
            yield {
                "id": self._payment(number),
                "public_id": _key(number),
                "provider_reference": f"sbx_bench{number:09}",
                "money_reference": "",
                "merchant_id": self.merchants[of].pk,
                "invoice_id": self._invoice(number // PARTS),
                "wallet_id": self.wallets[of].pk,
            }

    def sessions(self) -> Iterator[dict[str, Any]]:
        base = self.base["payments_sandboxsession"]
        for number in range(self.count * PARTS):
            yield {
                "id": base + number + 1,
                "public_id": f"sbx_bench{number:09}",
                "key": _key(number),
                "merchant_id": self.merchants[self._of(number // PARTS)].pk,
            }

    def entries(self) -> Iterator[dict[str, Any]]:
        from payments import seal

        key = seal.keys()[0]
        for number in range(self.count * PARTS):
            of = self._of(number // PARTS)
            length, before = self.ends[of]
            reference, merchant = f"payment:{_key(number)}", self.merchants[of].pk
            moves = [seal.posting(*move, "USD") for move in self._moves(of)]
            said = seal.text(
                merchant,
                length + 1,
                reference,
                "payment",
                self._payment(number),
                "2026-03-02 12:00:00",
                moves,
            )
            digest = seal.digest(key, before, said)
            self.ends[of] = length + 1, digest
            yield {
                "id": self._entry(number),
                "reference": reference,
                "merchant_id": merchant,
                "payment_id": self._payment(number),
                "created_at": "2026-03-02 12:00:00",
                "position": length + 1,
                "digest": digest,
            }

    def postings(self) -> Iterator[dict[str, Any]]:
        pk = self.base["payments_ledgerposting"]
        for number in range(self.count * PARTS):
            for source, destination, amount in self._moves(self._of(number // PARTS)):
                pk += 1
                yield {
                    "id": pk,
                    "entry_id": self._entry(number),
                    "source_id": source,
                    "destination_id": destination,
                    "amount": amount,
                }

    def events(self) -> Iterator[dict[str, Any]]:
        pk = self.base["invoicing_event"]
        for number in range(self.count):
            value = number // MERCHANTS + 1
            body = f'{{"data":{{"number":"TEST-{value:04}","currency":"USD"}}}}'
            for kind, status in (("finalized", "open"), ("paid", "paid")):
                pk += 1
                yield {
                    "id": pk,
                    "public_id": f"evt_bench{pk:09}",
                    "merchant_id": self.merchants[self._of(number)].pk,
                    "type": f"invoice.{kind}",
                    "object_id": f"inv_bench{number:09}",
                    "object_status": status,
                    "body": body,
                }

    def close(self) -> None:
        """Counters, balances and ends of chains as all of it leaves them."""
        from invoicing.models import NumberSeries
        from payments.models import LedgerAccount, LedgerHead

        for of, merchant in enumerate(self.merchants):
            length, digest = self.ends[of]
            LedgerHead.objects.create(merchant=merchant, length=length, digest=digest)
            given = len(range(of, self.count, MERCHANTS))
            NumberSeries.objects.filter(merchant=merchant, kind="invoice").update(last_value=given)
            LedgerAccount.objects.filter(pk=self.pending[of].pk).update(
                balance=length * (RECEIVED - sum(FEES))
            )

    def _moves(self, of: int) -> list[tuple[int, int, int]]:
        clearing, provider, platform = self.own
        pending = self.pending[of].pk
        return [
            (clearing, pending, RECEIVED),
            (pending, provider, FEES[0]),
            (pending, platform, FEES[1]),
        ]

    def _invoice(self, number: int) -> int:
        return self.base["invoicing_invoice"] + number + 1

    def _payment(self, number: int) -> int:
        return self.base["payments_payment"] + number + 1

    def _entry(self, number: int) -> int:
        return self.base["payments_ledgerentry"] + number + 1


def _key(number: int) -> str:
    return f"pay_bench{number:09}"


def _price(quantity: int) -> str:
    """A unit price that makes the invoice's total after rounding once."""
    from decimal import Decimal

    return str((Decimal(PARTS * RECEIVED) / 100 / quantity).quantize(Decimal("1e-9")))


def _session(key: str) -> int:
    from payments.models import SandboxSession

    return SandboxSession.objects.get(key=key).pk


if __name__ == "__main__":
    main()
