"""The auditor: works every balance out again from the postings, and doubts everything else.

Each check is a few set-wise queries over the whole instance and yields one sentence for every
break it finds. The invariants' numbers are those of docs/architecture.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.db.models import Count, F, Max, Min, Q, Sum

from invoicing.models import Delivery, Event, Invoice, NumberSeries
from payments.models import LedgerAccount, LedgerEntry, LedgerPosting, Payment, SandboxSession

# What an invoice's status may become; the state machine's drawing, said once more on purpose.
LEGAL = {
    "draft": {"draft", "open"},
    "open": {"open", "paying", "paid", "void", "expired", "uncollectible"},
    "paying": {"paying", "open", "paid"},
    "paid": {"paid", "open"},
    "expired": {"expired", "paid"},
    "uncollectible": {"uncollectible", "paid", "void"},
    "void": {"void"},
}


@dataclass(frozen=True, slots=True)
class Break:
    """One thing that does not hold, by the invariant it breaks."""

    invariant: str
    message: str


def audit() -> list[Break]:
    """Every break of I1–I6 and I8 on this instance; none is what it should find."""
    return [Break(name, message) for name, check in CHECKS.items() for message in check()]


def entries_balance() -> Iterator[str]:
    """I1: entries are posted, move one asset between accounts of that asset, and add up."""
    for entry in LedgerEntry.objects.filter(posted=False):
        yield f"entry {entry} was never posted"
    for entry in LedgerEntry.objects.filter(postings=None):
        yield f"entry {entry} moves nothing"
    mixed = LedgerPosting.objects.exclude(source__asset=F("asset"), destination__asset=F("asset"))
    for posting in mixed:
        yield f"posting {posting.pk} mixes assets"
    moved: dict[int, int] = {}
    for side, sign in (("source", -1), ("destination", 1)):
        sums = LedgerPosting.objects.values_list(side).annotate(sum=Sum("amount"))
        for account_id, amount in sums:
            moved[account_id] = moved.get(account_id, 0) + sign * int(amount)
    total = sum(moved.values())
    if total:
        yield f"the accounts add up to {total}, not to zero"
    kept = LedgerAccount.objects.filter(merchant__isnull=False)
    for pk, key, balance in kept.values_list("pk", "key", "balance"):
        if balance != moved.get(pk, 0):
            yield f"account {key} says {balance}, its postings say {moved.get(pk, 0)}"


def clearing_matches_payments() -> Iterator[str]:
    """I2: what each provider brought, payment by payment, is what left its clearing account."""
    booked = dict(
        LedgerPosting.objects.filter(source__kind="clearing", entry__payment__isnull=False)
        .values_list("entry__payment")
        .annotate(sum=Sum("amount"))
    )
    succeeded = dict(Payment.objects.filter(status="succeeded").values_list("pk", "received"))
    for pk in booked.keys() | succeeded.keys():
        if booked.get(pk, 0) != succeeded.get(pk, 0):
            yield (
                f"payment {pk} received {succeeded.get(pk, 0)}, the books say {booked.get(pk, 0)}"
            )
    paid = SandboxSession.objects.filter(status="succeeded").values_list("key", "amount")
    known = dict(Payment.objects.filter(rail="sandbox").values_list("public_id", "received"))
    in_flight = set(
        Payment.objects.filter(
            rail="sandbox", status__in=["pending", "processing", "unknown"]
        ).values_list("public_id", flat=True)
    )
    for key, amount in paid:
        if key not in in_flight and known.get(key) != amount:
            yield f"the sandbox took {amount} for {key}, Billhook knows of {known.get(key)}"
    took = {key for key, _ in paid}
    for key, received in known.items():
        if received and key not in took:
            yield f"Billhook has {received} for {key}, the sandbox took nothing"


def paid_means_paid() -> Iterator[str]:
    """I3: an invoice's amount paid is what its payments brought, and paid means all of it."""
    brought = dict(
        Payment.objects.filter(status="succeeded")
        .values_list("invoice")
        .annotate(sum=Sum(F("received") - F("surplus")))
    )
    rows = Invoice.objects.filter(Q(amount_paid__gt=0) | Q(pk__in=brought.keys()))
    for invoice in rows.only("pk", "number", "amount_paid"):
        amount = brought.get(invoice.pk, 0)
        if invoice.amount_paid != amount:
            yield f"{invoice} says {invoice.amount_paid} paid, its payments {amount}"
    for invoice in Invoice.objects.filter(status="paid", amount_paid__lt=F("total")):
        yield f"{invoice} is paid, yet only {invoice.amount_paid} of {invoice.total} came in"
    unsettled = Invoice.objects.filter(
        amount_paid__gte=F("total"), total__gt=0, status__in=["open", "paying"]
    )
    for invoice in unsettled:
        yield f"{invoice} has all it asks for and is still {invoice.status}"
    adrift = Invoice.objects.filter(status="paying").exclude(
        payments__status__in=["processing", "unknown"]
    )
    for invoice in adrift:
        yield f"{invoice} waits for money, but none is in flight"


def refunds_fit() -> Iterator[str]:
    """I4: nobody got back more than they paid."""
    for invoice in Invoice.objects.filter(amount_refunded__gt=F("amount_paid")):
        yield f"{invoice} refunded {invoice.amount_refunded} of {invoice.amount_paid}"
    for payment in Payment.objects.filter(amount_refunded__gt=F("received")):
        yield f"{payment} refunded {payment.amount_refunded} of {payment.received}"


def numbers_are_gapless() -> Iterator[str]:
    """I5: each merchant's numbers are exactly 1..n, and n is where its counter stands."""
    given: dict[int, dict[str, Any]] = {
        row["merchant"]: dict(row)
        for row in Invoice.objects.filter(number_value__isnull=False)
        .values("merchant")
        .annotate(
            first=Min("number_value"),
            last=Max("number_value"),
            count=Count("pk"),
            distinct=Count("number_value", distinct=True),
        )
    }
    for series in NumberSeries.objects.filter(kind="invoice"):
        row = given.get(series.merchant_id, {"first": 1, "last": 0, "count": 0, "distinct": 0})
        n = series.last_value
        if (row["last"], row["count"], row["distinct"]) != (n, n, n) or row["first"] != 1:
            yield f"merchant {series.merchant_id} counted to {n} but gave {row}"


def events_are_told() -> Iterator[str]:
    """I6: every delivery that is still owed has a time at which it will be tried."""
    lost = Delivery.objects.filter(
        status="pending", next_attempt_at=None, endpoint__deleted_at=None
    )
    for delivery in lost:
        yield f"delivery {delivery.public_id} is pending and will never be tried"


def histories_are_legal() -> Iterator[str]:
    """I8: the statuses that an invoice's events saw are a path through its state machine."""
    rows = Event.objects.filter(type__startswith="invoice.").order_by("object_id", "id")
    current, path = "", list[str]()
    for object_id, status in rows.values_list("object_id", "object_status").iterator(5000):
        if object_id != current:
            yield from _illegal(current, path)
            current, path = object_id, []
        path.append(status)
    yield from _illegal(current, path)
    last = (
        Event.objects.filter(type__startswith="invoice.").values("object_id").annotate(m=Max("pk"))
    )
    told = dict(
        Event.objects.filter(pk__in=last.values("m")).values_list("object_id", "object_status")
    )
    for public_id, status in Invoice.objects.values_list("public_id", "status"):
        if told.get(public_id) != status:
            yield f"{public_id} is {status}, its last event says {told.get(public_id)}"


def _illegal(object_id: str, path: list[str]) -> Iterator[str]:
    for before, after in pairwise(path):
        if after not in LEGAL.get(before, set()):
            yield f"{object_id} went from {before} to {after}"


CHECKS: dict[str, Callable[[], Iterator[str]]] = {
    "I1": entries_balance,
    "I2": clearing_matches_payments,
    "I3": paid_means_paid,
    "I4": refunds_fit,
    "I5": numbers_are_gapless,
    "I6": events_are_told,
    "I8": histories_are_legal,
}
