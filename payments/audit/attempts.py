"""Payments: what succeeded is booked, in both directions, and what went back is on record."""

from collections.abc import Iterator

from payments.audit.found import Break, rows

PAYMENT, INVOICE = "payments_payment", "invoicing_invoice"
ACCOUNT = "payments_ledgeraccount"


def check_everything_is_booked() -> Iterator[Break]:
    """I2: every payment that succeeded is in the books, and knows if it was released."""
    booked = """
        SELECT p.id, p.public_id, p.received FROM payments_payment p
        WHERE (p.status IN ('succeeded', 'reversed') OR p.received <> 0) AND NOT EXISTS (
            SELECT 1 FROM payments_ledgerentry e
            WHERE e.payment_id = p.id AND e.kind IN ('payment', 'match'))
    """
    for pk, name, received in rows(booked):
        yield Break("I2", PAYMENT, pk, name, f"received {received}, the books know of nothing")
    released = """
        SELECT p.id, p.public_id FROM payments_payment p WHERE p.released_at IS NULL AND EXISTS (
            SELECT 1 FROM payments_ledgerentry e WHERE e.payment_id = p.id AND e.kind = 'release')
    """
    for pk, name in rows(released):
        yield Break("I2", PAYMENT, pk, name, "says it was not released, the books say it was")


def check_sandbox() -> Iterator[Break]:
    """I2: what the sandbox took is what Billhook knows of, in both directions."""
    query = """
        SELECT p.id, p.public_id, p.received, COALESCE(s.amount, 0) FROM payments_payment p
        LEFT JOIN payments_sandboxsession s ON s.key = p.public_id AND s.status = 'succeeded'
        WHERE p.rail = 'sandbox' AND p.status NOT IN ('pending', 'processing', 'unknown')
          AND p.received <> COALESCE(s.amount, 0)
    """
    for pk, name, says, should in rows(query):
        yield Break("I2", PAYMENT, pk, name, f"says {says} came in, the sandbox took {should}")
    query = """
        SELECT s.id, s.key, s.amount FROM payments_sandboxsession s
        WHERE s.status = 'succeeded' AND NOT EXISTS (
            SELECT 1 FROM payments_payment p WHERE p.public_id = s.key AND p.rail = 'sandbox')
    """
    for pk, name, amount in rows(query):
        yield Break(
            "I2", "payments_sandboxsession", pk, name, f"took {amount} for no payment known here"
        )
    query = """
        SELECT s.id, s.key, m.public_id, COALESCE(k.provider_reference, 'no saved method')
        FROM payments_sandboxsession s
        JOIN payments_sandboxmethod m ON m.id = s.method_id
        JOIN payments_payment p ON p.public_id = s.key
        LEFT JOIN payments_paymentmethod k ON k.id = p.saved_method_id AND k.rail = 'sandbox'
        WHERE k.provider_reference IS NULL OR k.provider_reference <> m.public_id
    """
    for pk, name, says, should in rows(query):
        yield Break(
            "I2", "payments_sandboxsession", pk, name, f"charged {says}, its payment says {should}"
        )


def check_refunds() -> Iterator[Break]:
    """I4: nobody got back more than they paid, and each refund is counted where it belongs."""
    for table, subject in ((PAYMENT, "payment_id"), (INVOICE, "invoice_id")):
        limit = "received - t.surplus" if table == PAYMENT else "amount_paid"
        query = f"""
            SELECT t.id, t.public_id, t.amount_refunded, COALESCE(r.amount, 0), t.{limit}
            FROM {table} t LEFT JOIN (
                SELECT {subject} AS subject, SUM(amount - excess) AS amount FROM payments_refund
                WHERE source = 'wallet' AND status <> 'failed' GROUP BY {subject}
            ) r ON r.subject = t.id
            WHERE t.amount_refunded <> COALESCE(r.amount, 0) OR t.amount_refunded > t.{limit}
        """  # noqa: S608
        for pk, name, says, should, most in rows(query):
            yield Break(
                "I4", table, pk, name, f"says {says} of {most} went back, its refunds {should}"
            )


def check_what_left() -> Iterator[Break]:
    """I2: what left a payment's clearing account again is what was given or taken back."""
    query = """
        SELECT p.id, p.public_id, COALESCE(l.amount, 0), p.amount_reversed, COALESCE(r.amount, 0)
        FROM payments_payment p
        LEFT JOIN (
            SELECT e.payment_id,
                   SUM(CASE WHEN t.kind = 'clearing' THEN m.amount ELSE -m.amount END) AS amount
            FROM payments_ledgerentry e JOIN payments_ledgerposting m ON m.entry_id = e.id
            JOIN payments_ledgeraccount s ON s.id = m.source_id
            JOIN payments_ledgeraccount t ON t.id = m.destination_id
            WHERE e.kind NOT IN ('payment', 'match', 'release', 'fee')
              AND (s.kind = 'clearing' OR t.kind = 'clearing')
            GROUP BY e.payment_id
        ) l ON l.payment_id = p.id
        LEFT JOIN (
            SELECT payment_id, SUM(amount) AS amount FROM payments_refund
            WHERE status = 'succeeded' AND destination IN ('original', 'manual')
            GROUP BY payment_id
        ) r ON r.payment_id = p.id
        WHERE COALESCE(l.amount, 0) <> p.amount_reversed + COALESCE(r.amount, 0)
    """
    for pk, name, left, taken, given in rows(query):
        yield Break(
            "I2",
            PAYMENT,
            pk,
            name,
            f"says {taken} was taken and {given} given back, the books say {left} in all",
        )


def check_held_apart() -> Iterator[Break]:
    """I2: what is on its way back, disputed or unmatched stands in the accounts kept for it."""
    query = """
        SELECT a.id, a.key, a.balance, COALESCE(h.amount, 0) FROM payments_ledgeraccount a
        LEFT JOIN (
            SELECT 'refunding' AS kind, merchant_id, currency, SUM(amount) AS amount
            FROM payments_refund WHERE status IN ('pending', 'unknown')
            GROUP BY merchant_id, currency
            UNION ALL
            SELECT 'disputed', merchant_id, currency, SUM(withdrawn - reversed)
            FROM payments_dispute GROUP BY merchant_id, currency
            UNION ALL
            SELECT 'unmatched', merchant_id, currency,
                   SUM(amount - amount_used - amount_refunded - amount_withdrawn)
            FROM payments_deposit GROUP BY merchant_id, currency
        ) h ON h.kind = a.kind AND h.merchant_id = a.merchant_id AND h.currency = a.asset
        WHERE a.kind IN ('refunding', 'disputed', 'unmatched')
          AND a.balance <> COALESCE(h.amount, 0)
    """
    for pk, key, holds, should in rows(query):
        yield Break("I2", ACCOUNT, pk, key, f"holds {holds}, not the {should} that it is kept for")


def check_deposit_fees() -> Iterator[Break]:
    """I2: what the provider took for unmatched money is what the books say that it cost."""
    query = """
        SELECT d.id, d.public_id, COALESCE(d.provider_fee, 0), COALESCE(b.amount, 0)
        FROM payments_deposit d LEFT JOIN (
            SELECT e.reference, SUM(m.amount) AS amount FROM payments_ledgerentry e
            JOIN payments_ledgerposting m ON m.entry_id = e.id
            WHERE e.kind = 'deposit_fee' GROUP BY e.reference
        ) b ON b.reference = 'deposit_fee:' || d.public_id
        WHERE COALESCE(d.provider_fee, 0) <> COALESCE(b.amount, 0)
    """
    for pk, name, says, should in rows(query):
        yield Break(
            "I2", "payments_deposit", pk, name, f"says {says} was taken for it, the books {should}"
        )


def check_promises() -> Iterator[Break]:
    """I4: a refund and a deposit say what the books moved for them when they began."""
    for table, prefix, suffix, kind in (
        ("payments_refund", "refund:", ":begun", "refunding"),
        ("payments_deposit", "deposit:", "", "unmatched"),
    ):
        query = f"""
            SELECT t.id, t.public_id, t.amount, t.currency, COALESCE(b.amount, 0), b.asset
            FROM {table} t LEFT JOIN (
                SELECT e.reference, m.asset, SUM(m.amount) AS amount FROM payments_ledgerentry e
                JOIN payments_ledgerposting m ON m.entry_id = e.id
                JOIN payments_ledgeraccount a ON a.id = m.destination_id AND a.kind = '{kind}'
                WHERE e.reference LIKE '{prefix}%%' GROUP BY e.reference, m.asset
            ) b ON b.reference = '{prefix}' || t.public_id || '{suffix}'
            WHERE t.amount <> COALESCE(b.amount, 0) OR t.currency <> b.asset
        """  # noqa: S608
        for pk, name, says, asset, should, booked in rows(query):
            yield Break(
                "I4", table, pk, name, f"says {says} {asset}, the books moved {should} {booked}"
            )


def check_credit_notes() -> Iterator[Break]:
    """I4: no invoice is credited beyond its total, nor a note's refunds beyond what it gives."""
    query = """
        SELECT i.id, i.public_id, i.total, i.tax, c.total, c.tax FROM invoicing_invoice i JOIN (
            SELECT invoice_id, SUM(total) AS total, SUM(tax) AS tax
            FROM invoicing_creditnote GROUP BY invoice_id
        ) c ON c.invoice_id = i.id
        WHERE c.total > i.total OR c.tax > i.tax OR (c.total = i.total AND c.tax <> i.tax)
    """
    for pk, name, total, tax, credited, off_tax in rows(query):
        yield Break(
            "I4",
            INVOICE,
            pk,
            name,
            f"asks for {total} with tax {tax}, {credited} with {off_tax} is credited",
        )
    query = """
        SELECT c.id, c.public_id, c.total - c.off_due, COALESCE(r.amount, 0)
        FROM invoicing_creditnote c LEFT JOIN (
            SELECT credit_note_id, SUM(amount) AS amount FROM payments_refund
            WHERE status <> 'failed' GROUP BY credit_note_id
        ) r ON r.credit_note_id = c.id WHERE COALESCE(r.amount, 0) > c.total - c.off_due
    """
    for pk, name, gives, refunds in rows(query):
        yield Break(
            "I4", "invoicing_creditnote", pk, name, f"gives {gives} back, its refunds {refunds}"
        )
