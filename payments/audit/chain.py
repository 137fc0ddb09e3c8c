"""USDC: every unit that was seen on a chain is in the books once, and every unit there was seen."""

from collections.abc import Iterator
from functools import lru_cache

from payments.audit.found import Break, rows
from payments.chain import keys

TRANSFER, PAYOUT = "payments_transfer", "payments_usdcpayout"
ENTRY, ADDRESS = "payments_ledgerentry", "payments_depositaddress"
AUTHORIZATION = "payments_authorization"

# By entry: what it moved from a chain, less what it moved back to it.
_MOVED = """
    SELECT e.id, e.reference, e.kind,
           SUM(CASE WHEN s.kind = 'onchain' THEN m.amount ELSE -m.amount END) AS units,
           MAX(CASE WHEN s.kind = 'onchain' THEN s.key ELSE t.key END) AS account
    FROM payments_ledgerentry e JOIN payments_ledgerposting m ON m.entry_id = e.id
    JOIN payments_ledgeraccount s ON s.id = m.source_id
    JOIN payments_ledgeraccount t ON t.id = m.destination_id
    WHERE s.kind = 'onchain' OR t.kind = 'onchain'
    GROUP BY e.id, e.reference, e.kind
"""


def check_chains() -> Iterator[Break]:
    """I11: each transfer that counts is booked once, for what it brought, and no other is."""
    moved = {
        reference: (pk, int(units), account) for pk, reference, _, units, account in rows(_MOVED)
    }
    query = """
        SELECT t.id, t.public_id, t.status, t.match, t.amount, t.network, m.livemode,
               p.id, p.status, p.amount, p.received, t.forgiven, r.amount, r.units,
               d.id, d.amount, d.currency, a.merchant_id, p.merchant_id, t.merchant_id
        FROM payments_transfer t JOIN invoicing_merchant m ON m.id = t.merchant_id
        JOIN payments_depositaddress a ON a.id = t.address_id
        LEFT JOIN payments_payment p ON p.id = t.payment_id
        LEFT JOIN payments_usdcrequest r ON r.id = t.request_id
        LEFT JOIN payments_deposit d ON d.id = t.deposit_id
    """
    for row in rows(query):
        pk, name, status, match, units, network, livemode = row[:7]
        mode = "live" if livemode else "test"
        account = f"onchain:{network.replace(':', '-')}:{mode}:USDC"
        came = moved.pop(f"transfer:{name}", (None, 0, account))
        undone = moved.pop(f"transfer:{name}:orphaned", (None, 0, account))
        counts = status == "final" or (status == "confirmed" and match == "invoice")
        should = units if counts and match != "wrong_token" else 0
        if came[1] + undone[1] != should or {came[2], undone[2]} != {account}:
            yield Break(
                "I11",
                TRANSFER,
                pk,
                name,
                f"is {status} with {units} units on {network}, the books have "
                f"{came[1] + undone[1]} from {came[2]}",
            )
        if not {*row[17:19]} <= {row[19], None}:
            yield Break("I11", TRANSFER, pk, name, f"is merchant {row[19]}'s, not {row[17:19]}'s")
        yield from _becomes(pk, name, status, match, units, row[7:14], row[14:17])
    for pk, name, units, network, livemode in rows(
        """
        SELECT o.id, f.public_id, o.units, o.network, m.livemode FROM payments_usdcpayout o
        JOIN payments_refund f ON f.id = o.refund_id
        JOIN invoicing_merchant m ON m.id = o.merchant_id WHERE o.status = 'done'
        """
    ):
        account = f"onchain:{network.replace(':', '-')}:{'live' if livemode else 'test'}:USDC"
        sent = moved.pop(f"sent:{name}", (None, 0, account))
        if sent[1:] != (-units, account):
            yield Break("I11", PAYOUT, pk, name, f"sent {units} units, the books {-sent[1]}")
    for reference, (pk, units, account) in moved.items():
        yield Break("I11", ENTRY, pk, reference, f"moves {units} units from {account} for nothing")


def check_addresses() -> Iterator[Break]:
    """I11: each address is its key's at its index, and no key has come less far than that."""
    query = """
        SELECT a.id, a.public_id, a.address, a."index", k.text, c.next_index
        FROM payments_depositaddress a JOIN payments_receivingkey k ON k.id = a.key_id
        JOIN payments_derivationcounter c ON c.id = k.counter_id
        WHERE k.kind = 'xpub' ORDER BY k.id
    """
    for pk, name, address, index, text, following in rows(query):
        if index is None or index >= following:
            yield Break("I11", ADDRESS, pk, name, f"has index {index}, the next is {following}")
        elif (should := _extended(text).address(index)) != address:
            yield Break("I11", ADDRESS, pk, name, f"says {address}, its key at {index} {should}")


def check_authorizations() -> Iterator[Break]:
    """I11: an authorization that is settled has its transfer, and one that failed has none."""
    query = """
        SELECT a.id, a.nonce, a.status, a.network, a.payer, a.units, a.tx_hash,
               p.public_id, p.status, p.rail, t.status, t.network, t.sender, t.amount, t.tx_hash
        FROM payments_authorization a JOIN payments_payment p ON p.id = a.payment_id
        LEFT JOIN payments_transfer t ON t.payment_id = p.id
    """
    for pk, nonce, status, *used, payment, standing, rail, seen, network, sender, units, tx in rows(
        query
    ):
        moved = [network, sender, units, tx]
        counts = seen in ("confirmed", "final")
        if counts != (status == "settled") or (counts and moved != used):
            told = f"is {status} with {used}, the chain has {seen} {moved}"
            yield Break("I11", AUTHORIZATION, pk, nonce, told)
        waits = standing in ("pending", "processing", "unknown")
        gone = seen == "orphaned" and standing in ("failed", "reversed")
        if rail != "x402" or (not gone and waits != (status == "pending")):
            told = f"is {status}, its payment {payment} by {rail} is {standing}"
            yield Break("I11", AUTHORIZATION, pk, nonce, told)


@lru_cache(maxsize=16)
def _extended(text: str) -> keys.ExtendedKey:
    return keys.parse_xpub(text)


def _becomes(
    pk: int,
    name: str,
    status: str,
    match: str,
    units: int,
    payment: tuple[int | None, str, int, int, int, int, int],
    deposit: tuple[int | None, int, str],
) -> Iterator[Break]:
    """What a transfer has become says as much as it brought, at the rate that it came at."""
    paid, standing, amount, received, forgiven, asked, asked_units = payment
    if (match == "invoice") != (paid is not None):
        yield Break("I11", TRANSFER, pk, name, f"is matched as {match}, its payment is {paid}")
    if paid is not None:
        expected = {"confirmed": "succeeded", "final": "succeeded"}.get(status)
        if expected and standing not in (expected, "reversed"):
            yield Break("I11", TRANSFER, pk, name, f"is {status}, its payment {standing}")
        # Several at one rate are converted together, so that each may round either way.
        if asked_units and abs(amount * asked_units - units * asked) >= 2 * asked_units:
            yield Break("I11", TRANSFER, pk, name, f"brought {units} units, credited {amount}")
        if received and received != amount + forgiven:
            yield Break(
                "I11", TRANSFER, pk, name, f"credited {amount} and {forgiven}, booked {received}"
            )
    is_apart = match == "unmatched" and status == "final"
    if is_apart != (deposit[0] is not None):
        yield Break("I11", TRANSFER, pk, name, f"is {match} and {status}, set aside {deposit[0]}")
    if deposit[0] is not None and deposit[1:] != (units, "USDC"):
        yield Break("I11", TRANSFER, pk, name, f"brought {units} units, {deposit[1:]} set aside")
