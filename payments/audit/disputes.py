"""Disputes and deposits: what banks hold back stands in the books, and nothing is used twice."""

from collections.abc import Iterator

from payments.audit.found import Break, rows

# What a dispute's entries moved, by the dispute's name, which their references have in them. An
# entry of a time when a deposit's dispute had no row of its own has the deposit's, which is the
# same but for its first letters.
_MOVED = """
    SELECT 'dis_' || substr(e.reference, CASE e.kind WHEN 'deposit_disputed' THEN 14 ELSE 13 END,
                            24) AS name,
           SUM(CASE WHEN t.kind = 'disputed' THEN m.amount
                    WHEN s.kind = 'disputed' THEN -m.amount ELSE 0 END) AS held,
           SUM(CASE WHEN t.kind = 'clearing' THEN m.amount
                    WHEN s.kind = 'clearing' THEN -m.amount ELSE 0 END) AS gone,
           SUM(CASE WHEN t.kind = 'provider_fees' THEN m.amount
                    WHEN s.kind = 'provider_fees' THEN -m.amount ELSE 0 END) AS fee,
           SUM(CASE WHEN s.kind = 'unmatched' THEN m.amount
                    WHEN t.kind = 'unmatched' THEN -m.amount ELSE 0 END) AS of_unmatched,
           SUM(CASE WHEN s.kind = 'customer_credit' THEN m.amount
                    WHEN t.kind = 'customer_credit' THEN -m.amount ELSE 0 END) AS of_credit
    FROM payments_ledgerentry e JOIN payments_ledgerposting m ON m.entry_id = e.id
    JOIN payments_ledgeraccount s ON s.id = m.source_id
    JOIN payments_ledgeraccount t ON t.id = m.destination_id
    WHERE e.kind IN ('dispute', 'dispute_won', 'dispute_lost', 'deposit_disputed')
    GROUP BY 1
"""


def check_disputes() -> Iterator[Break]:
    """I2: a dispute says what the books moved for it, and where that was taken from."""
    query = f"""
        SELECT d.id, d.public_id, d.withdrawn, d.reversed, d.fee, d.of_unmatched, d.of_credit,
               COALESCE(b.held, 0) + COALESCE(b.gone, 0), COALESCE(b.gone, 0),
               COALESCE(b.fee, 0), COALESCE(b.of_unmatched, 0), COALESCE(b.of_credit, 0),
               d.deposit_id
        FROM payments_dispute d LEFT JOIN ({_MOVED}) b ON b.name = d.public_id
    """  # noqa: S608
    for pk, name, *amounts, deposit in rows(query):
        says, should = tuple(amounts[:5]), tuple(map(int, amounts[5:]))
        # What a payer's credit gave for a payment's loss went to the wallet: that is no part.
        if not deposit:
            says, should = says[:4], should[:4]
        if says != should:
            yield Break(
                "I2",
                "payments_dispute",
                pk,
                name,
                f"says that it took, lost, cost and is made of {says}, the books say {should}",
            )


def check_deposits() -> Iterator[Break]:
    """I2: each part of unmatched money is where its dispute, refund, payment or credit has it."""
    query = """
        SELECT d.id, d.public_id, d.amount_withdrawn, d.amount_refunded, d.amount_used,
               COALESCE(w.amount, 0), COALESCE(r.amount, 0),
               COALESCE(x.amount, p.received, c.amount, 0)
        FROM payments_deposit d
        LEFT JOIN (
            SELECT deposit_id, SUM(of_unmatched) AS amount FROM payments_dispute
            GROUP BY deposit_id
        ) w ON w.deposit_id = d.id
        LEFT JOIN (
            SELECT deposit_id, SUM(amount - excess) AS amount FROM payments_refund
            WHERE status <> 'failed' GROUP BY deposit_id
        ) r ON r.deposit_id = d.id
        LEFT JOIN payments_payment p ON p.id = d.matched_payment_id
        LEFT JOIN (
            SELECT e.reference, SUM(m.amount) AS amount FROM payments_ledgerentry e
            JOIN payments_ledgerposting m ON m.entry_id = e.id
            WHERE e.kind = 'credited' GROUP BY e.reference
        ) c ON c.reference = 'credited:' || d.public_id
        -- What became money of another currency was all that was left of it.
        LEFT JOIN (
            SELECT e.reference, SUM(m.amount) AS amount FROM payments_ledgerentry e
            JOIN payments_ledgerposting m ON m.entry_id = e.id
            WHERE e.kind = 'exchange' GROUP BY e.reference
        ) x ON x.reference = 'exchange:' || d.public_id
    """
    for pk, name, *amounts in rows(query):
        says, should = tuple(amounts[:3]), tuple(map(int, amounts[3:]))
        if says != should:
            yield Break(
                "I2",
                "payments_deposit",
                pk,
                name,
                f"says that {says} were taken, given back and used, its rows say {should}",
            )
