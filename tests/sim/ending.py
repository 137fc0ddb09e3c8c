"""How a history ends: everything that is under way comes to rest, and then the money is counted.

The provider's own objects are held against our rows, charge by charge and refund by refund, beside
what the auditor finds by itself.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Sum

from invoicing import tasks as invoicing_tasks
from invoicing.models import Event
from payments.audit import audit
from payments.models import (
    DISPUTES_OPEN,
    REFUNDS_UNFINISHED,
    UNFINISHED,
    Deposit,
    Dispute,
    LedgerAccount,
    LedgerPosting,
    Notice,
    Payment,
    Refund,
    SandboxRefund,
)
from tests.sim.moves import do_round
from tests.sim.stage import HOUR, Stage


def _sql(statuses: Iterable[str]) -> str:
    return "({})".format(", ".join(f"'{status}'" for status in statuses))


ROUNDS = 80
# What the provider calls the end of a dispute, and what we do.
ENDS = {"won": "won", "lost": "lost", "warning_closed": "closed"}
# What is unfinished, and when it is due.
WAITING = (
    ("payments_notice WHERE applied_at IS NULL", "next_attempt_at"),
    (f"payments_payment WHERE status IN {_sql(UNFINISHED)}", "next_look_at"),
    ("payments_payment WHERE released_at IS NULL", "available_at"),
    (f"payments_refund WHERE status IN {_sql(REFUNDS_UNFINISHED)}", "next_look_at"),
    ("payments_methodsetup WHERE status = 'pending'", "next_look_at"),
    (f"payments_dispute WHERE status IN {_sql(DISPUTES_OPEN)}", "next_look_at"),
    ("payments_disputesubmission WHERE status = 'pending'", "next_look_at"),
    ("invoicing_delivery WHERE status = 'pending'", "next_attempt_at"),
)
# What happens at the provider by itself and changes what a payment, refund or dispute is.
PLANS = "what IN ('book_charge', 'debit_ends', 'dispute_due', 'refund_fails', 'refund_succeeds')"


def come_to_rest(stage: Stage) -> None:
    """Deliver all, let the worker do its rounds and days pass, until nothing is unfinished."""
    stage.is_rough = False
    stage.fake.control("faults", clear=True)
    stage.fake.control("delivery", drop=0.0)
    for number in range(ROUNDS):
        stage.let_pass(0)
        stage.attempt("deliver", lambda: stage.deliver(shuffle=0))
        stage.attempt("round", do_round)
        _let_banks_decide(stage)
        at = _next_due(stage)
        if at is None:
            break
        # Each round is longer than the one before, or waiting for a bank would take hundreds.
        stage.let_pass(max(at - stage.now(), HOUR * 1.5 ** min(number, 12)))
    stage.attempt("mails", invoicing_tasks.send_mails)


def _let_banks_decide(stage: Stage) -> None:
    """No bank keeps a case for ever once it has the evidence."""
    for found in stage.fake.app.world.store.select("dispute"):
        if found["status"] in ("under_review", "warning_under_review"):
            inquiry = found["status"].startswith("warning")
            verb = "close_warning" if inquiry else stage.rng.choice(("win", "lose"))
            stage.fake.control(f"disputes/{verb}", dispute=found["id"])
            stage.note(f"{found['id']} {verb}")
    for found in stage.fake.app.world.store.select("refund"):
        if found["status"] == "requires_action":
            stage.fake.control("refunds/succeed", refund=found["id"])


def _next_due(stage: Stage) -> float | None:
    """When the next unfinished thing is due, in seconds; None when all is at rest."""
    found = [at for rows, field in WAITING if (at := _earliest(field, rows)) is not None]
    store = stage.fake.app.world.store
    found += [at for (at,) in store._db.execute(f"SELECT min(at) FROM plans WHERE {PLANS}") if at]
    found += [each["due"] for each in store.deliveries("state IN ('held', 'pending')")]
    if not found and Event.objects.filter(undelivered=True).exists():
        found.append(stage.now())
    return min(found, default=None)


def _earliest(field: str, rows: str) -> float | None:
    """The least of a column of moments; asked without the ORM, since it is asked so often."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT MIN({field}) FROM {rows}")
        at = cursor.fetchone()[0]
    if isinstance(at, str):  # as SQLite keeps them
        at = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return None if at is None else float(at.timestamp())


def breaks(stage: Stage) -> Iterator[str]:
    """Everything that does not hold in the end."""
    yield from stage.complaints.heard
    for found in audit():
        yield f"{found.invariant}: {found.message}"
    yield from _unfinished(stage)
    yield from _charges_are_known(stage)
    yield from _refunds_are_known(stage)
    yield from _disputes_are_known(stage)
    yield from _deposits_add_up(stage)
    yield from _clearing_is_what_the_provider_holds(stage)
    yield from _sandbox_refunds_are_known()
    yield from _wallets_add_up(stage)
    yield from _everything_was_told(stage)


def _unfinished(stage: Stage) -> Iterator[str]:
    for payment in Payment.objects.filter(status__in=UNFINISHED):
        yield f"{payment} is still {payment.status}"
    for refund in Refund.objects.filter(status__in=REFUNDS_UNFINISHED):
        yield f"{refund} is still {refund.status}"
    for dispute in Dispute.objects.filter(status__in=DISPUTES_OPEN):
        yield f"{dispute} is still {dispute.status}"
    for notice in Notice.objects.filter(applied_at=None):
        yield f"{notice} was never applied: {notice.error}"
    for deposit in Deposit.objects.filter(reason="unknown_payment"):
        yield f"{deposit} of {deposit.amount} is for a payment that was forgotten"
    pending = LedgerAccount.objects.filter(kind__in=["pending", "refunding"])
    for account in pending.filter(merchant=stage.merchant).exclude(balance=0):
        yield f"{account} still holds {account.balance}"


def _charges_are_known(stage: Stage) -> Iterator[str]:
    """Each charge at the provider is one payment's or kept apart, and no payment has two."""
    store = stage.fake.app.world.store
    ours = {p.public_id: p for p in _ours(stage).filter(rail__in=["card", "ach"])}
    deposits = {d.provider_reference: d for d in Deposit.objects.filter(merchant=stage.merchant)}
    charged: Counter[str] = Counter()
    fees = {t["source"]: t["fee"] for t in store.select("balance_transaction") if t["amount"] > 0}
    for found in store.select("charge"):
        if found["status"] != "succeeded":
            continue
        key, intent = found["metadata"].get("payment_id", ""), found["payment_intent"]
        what = f"{found['id']} of {found['amount']} {found['currency']}"
        charged[key] += 1
        payment, deposit = ours.get(key), deposits.get(intent)
        if deposit is not None:
            if (deposit.amount, deposit.currency) != (found["amount"], found["currency"].upper()):
                yield f"{what} was set aside as {deposit.amount} {deposit.currency}"
            if payment is not None and payment.received:
                yield f"{what} is set aside, and {payment} received {payment.received} besides"
            if deposit.provider_fee != fees.get(found["id"]):
                yield f"{what} cost {fees.get(found['id'])}, {deposit} says {deposit.provider_fee}"
        elif payment is None:
            yield f"{what} is for {key or 'nobody'}, whom we do not know"
        elif (payment.received, payment.money_reference) != (found["amount"], intent):
            yield f"{what}: {payment} is {payment.status} and received {payment.received}"
        elif payment.provider_fee != fees.get(found["id"]) or not payment.fee_is_final:
            yield f"{what} cost {fees.get(found['id'])}, we say {payment.provider_fee}"
    for key, times in charged.items():
        if times > 1:
            yield f"{key} was charged {times} times"
    for payment in ours.values():
        matched = Deposit.objects.filter(matched_payment=payment).exists()
        if payment.received and not charged[payment.public_id] and not matched:
            yield f"{payment} received {payment.received}, the provider took nothing"


def _refunds_are_known(stage: Stage) -> Iterator[str]:
    """Each refund at the provider is ours, once, of the same amount and with the same end."""
    ours = Refund.objects.filter(merchant=stage.merchant, destination="original")
    by_reference = {row.provider_reference: row for row in ours if row.provider_reference}
    sent: Counter[str] = Counter()
    for found in stage.fake.app.world.store.select("refund"):
        what = f"{found['id']} of {found['amount']}, {found['status']},"
        good = found["status"] not in ("failed", "canceled")
        row = by_reference.get(found["id"])
        if row is None:
            # What failed before we heard of it left nothing behind.
            if good or found["metadata"].get("refund_id"):
                yield f"{what} is not known here"
            continue
        key = found["metadata"].get("refund_id", row.public_id)
        sent[key] += 1
        if (key, row.amount, row.status) != (
            row.public_id,
            found["amount"],
            "succeeded" if good else "failed",
        ):
            yield f"{what} is {row} of {row.amount}, {row.status}"
    for key, times in sent.items():
        if times > 1:
            yield f"{key} was sent back {times} times"
    for row in ours.filter(status="succeeded").exclude(payment__rail="sandbox"):
        if not sent[row.public_id]:
            yield f"{row} is said to have gone back, the provider sent nothing"


def _sandbox_refunds_are_known() -> Iterator[str]:
    made = {row.key: (row.status, row.amount) for row in SandboxRefund.objects.all()}
    rows = Refund.objects.filter(payment__rail="sandbox", destination="original")
    ours = {row.public_id: (str(row.status), row.amount) for row in rows}
    if made != {key: said for key, said in ours.items() if key in made or said[0] == "succeeded"}:
        yield f"the sandbox gave back {made}, we say {ours}"


def _disputes_are_known(stage: Stage) -> Iterator[str]:
    """Each dispute at the provider is ours, of the same money, as far and as dear."""
    rows = {d.provider_reference: d for d in Dispute.objects.filter(merchant=stage.merchant)}
    for found in stage.fake.app.world.store.select("dispute"):
        moves = found["balance_transactions"]
        held, fee = -sum(t["amount"] for t in moves), sum(t["fee"] for t in moves)
        row = rows.get(found["id"])
        what = f"{found['id']}, {found['status']}, holds {held} and cost {fee}"
        if row is None:
            yield f"{what}: not known here"
            continue
        if (row.withdrawn, row.fee) != (held, fee):
            yield f"{what}: {row}, {row.status}, says {row.withdrawn} and {row.fee}"
        if row.status != ENDS.get(found["status"], row.status):
            yield f"{what}: {row} is {row.status}"
        came = row.came
        money = came.provider_reference if isinstance(came, Deposit) else came.money_reference
        if money != found["payment_intent"]:
            yield f"{what}: {row} is of {came}, which is {money}"


def provider_holds(stage: Stage) -> dict[str, int]:
    """What the provider has of our payers' money in the end, by currency, without its fees."""
    store, held = stage.fake.app.world.store, defaultdict[str, int](int)
    for charge in store.select("charge"):
        if charge["status"] == "succeeded":
            held[charge["currency"].upper()] += charge["amount"]
    for refund in store.select("refund"):
        if refund["status"] not in ("failed", "canceled"):
            held[refund["currency"].upper()] -= refund["amount"]
    for dispute in store.select("dispute"):
        held[dispute["currency"].upper()] += sum(
            each["amount"] for each in dispute["balance_transactions"]
        )
    return {currency: amount for currency, amount in held.items() if amount}


def _clearing_is_what_the_provider_holds(stage: Stage) -> Iterator[str]:
    """The clearing accounts of Stripe's rails, all disputes being over, are its money exactly."""
    booked = defaultdict[str, int](int)
    for side, sign in (("source", 1), ("destination", -1)):
        sums = LedgerPosting.objects.filter(
            entry__merchant=stage.merchant,
            **{f"{side}__key__regex": "^clearing:(card|ach):"},
        )
        for asset, amount in sums.values_list("asset").annotate(sum=Sum("amount")):
            booked[asset] += sign * int(amount)
    # Money that is held back without a verdict stands in our books as disputed still.
    for asset, held, gone in Dispute.objects.filter(merchant=stage.merchant).values_list(
        "currency", "withdrawn", "reversed"
    ):
        booked[asset] -= held - gone
    ours = {asset: amount for asset, amount in booked.items() if amount}
    if ours != provider_holds(stage):
        yield f"the provider holds {provider_holds(stage)}, our clearing says {ours}"


def _wallets_add_up(stage: Stage) -> Iterator[str]:
    """Each wallet has what its payments brought, less refunds, disputes and fees."""
    for wallet in stage.merchant.wallets.order_by("pk"):
        payments = Payment.objects.filter(wallet=wallet, status__in=["succeeded", "reversed"])
        refunds = Refund.objects.filter(payment__wallet=wallet, source="wallet")
        disputes = Dispute.objects.filter(payment__wallet=wallet)
        if disputes.filter(payment__surplus__gt=0).exists():
            continue  # what was taken from a payer's credit is the auditor's to follow
        expected = sum(payment.net for payment in payments)
        expected -= sum(row.amount - row.of_credit for row in refunds.exclude(status="failed"))
        expected -= sum(row.withdrawn + row.fee for row in disputes)
        if wallet.is_default:
            expected -= _borne_for_deposits(stage, wallet.currency)
        has = sum(account.balance for account in wallet.accounts.all())
        if has != expected:
            yield f"{wallet} has {has}, its rows say {expected}"


def _borne_for_deposits(stage: Stage, currency: str) -> int:
    """What the default wallet has paid for money that fitted nothing."""
    of = {"merchant": stage.merchant, "currency": currency}
    fees = sum(row.provider_fee or 0 for row in Deposit.objects.filter(**of))
    disputes = Dispute.objects.filter(**of).exclude(deposit=None)
    refunds = Refund.objects.filter(**of, source="unmatched").exclude(status="failed")
    return (
        fees
        + sum(row.owed + row.fee for row in disputes)
        + sum(row.excess - row.of_credit for row in refunds)
    )


def _deposits_add_up(stage: Stage) -> Iterator[str]:
    """What came and fitted nothing is used, given back, taken by a bank or left, and says which."""
    for row in Deposit.objects.filter(merchant=stage.merchant):
        disputes = list(row.disputes.all())
        held = any(one.withdrawn > one.reversed for one in disputes)
        lost = sum(one.reversed for one in disputes)
        said = "disputed" if held else "unmatched" if row.left else row.status
        if row.status != said or (row.status == "lost" and not lost):
            yield f"{row} is {row.status}, {row.left} is left and {lost} was lost"
        if row.left and any(one.owed for one in disputes):
            yield f"{row} has {row.left} left while the wallet bears what a bank took of it"


def _everything_was_told(stage: Stage) -> Iterator[str]:
    """Each event was heard, and whatever was heard twice can be told by its id."""
    # On PostgreSQL the businesses of earlier histories are still there, and go on telling.
    events = dict(Event.objects.filter(public_id__in=stage.heard).values_list("public_id", "body"))
    told = dict(
        Event.objects.filter(merchant=stage.merchant, deliveries__isnull=False).values_list(
            "public_id", "body"
        )
    )
    for key in told.keys() - stage.heard.keys():
        yield f"{key} was never heard"
    for key, bodies in stage.heard.items():
        if any(body.decode() != events.get(key) for body in bodies):
            yield f"{key} was heard as something that it is not"
    if Event.objects.filter(merchant=stage.merchant, undelivered=True).exists():
        yield "events wait to be told"


def _ours(stage: Stage) -> Any:
    return Payment.objects.filter(merchant=stage.merchant)
