"""Several invoices paid in one go: each by a charge of its own, or on its own page, one by one.

A bundle is written down before anything is charged. Each of its charges goes once however often
the form is sent, and where a process dies in between, what it had begun is taken up again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db.models import QuerySet

from checkout.actions import bundles as actions
from checkout.models import Bundle, BundlePart
from invoicing import clock
from invoicing.errors import BillhookError, IdempotencyInFlight
from invoicing.failpoints import failpoint
from invoicing.idempotency import Answer, Guard, Replay, fingerprint, guarded
from invoicing.models import Merchant
from invoicing.models.invoice import Status
from payments import flows
from payments.models import Payment

MOST: Final = 20
# As long as keys of charges are remembered with certainty, and a payer would go on.
GOES_ON_FOR: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Part:
    """One invoice of a bundle as it stands now."""

    row: BundlePart

    @property
    def standing(self) -> str:
        """paid, processing, unknown, declined, refused, waiting (nothing was tried), or to_pay."""
        if self.row.invoice.status == Status.PAID:
            return "paid"
        payment = self.row.payment
        if payment is not None:
            return {
                "succeeded": "paid",
                "processing": "processing",
                "unknown": "unknown",
                "pending": "unknown",
            }.get(payment.status, "declined")
        if self.row.refusal:
            return "refused"
        if self.row.method_id is not None:
            return "waiting"
        if self.row.invoice.status == Status.PAYING:
            return "processing"
        return "to_pay" if self.row.invoice.status == Status.OPEN else "refused"


@dataclass(frozen=True, slots=True)
class Standing:
    """A bundle as it stands now."""

    bundle: Bundle
    parts: tuple[Part, ...]

    @property
    def charged(self) -> list[Part]:
        return [part for part in self.parts if part.row.method_id is not None]

    @property
    def by_page(self) -> list[Part]:
        """What is paid on its own page, one after the other."""
        return [part for part in self.parts if part.row.method_id is None]

    @property
    def next_one(self) -> Part | None:
        """The first that is still to be paid on its page."""
        return next((part for part in self.by_page if part.standing == "to_pay"), None)

    @property
    def place(self) -> int:
        """Which of those the next one is, counted from 1."""
        return self.by_page.index(self.next_one) + 1 if self.next_one else 0

    @property
    def is_stuck(self) -> bool:
        """Whether charges were agreed to that nobody has begun, as after a crash."""
        return any(part.standing == "waiting" for part in self.parts)


def standing_of(merchant: Merchant, email: str, public_id: str) -> Standing | None:
    """One payer's bundle as it stands now."""
    rows = _parts(merchant, email).filter(bundle__public_id=public_id)
    return _standing(rows)


def going_on(merchant: Merchant, email: str) -> Standing | None:
    """The newest bundle of the day, while something of it is to be paid on its page."""
    since = clock.wall() - GOES_ON_FOR
    rows = list(_parts(merchant, email).filter(bundle__created_at__gt=since)[:MOST])
    newest = _standing([row for row in rows if row.bundle_id == rows[0].bundle_id])
    return newest if newest and newest.next_one else None


def _parts(merchant: Merchant, email: str) -> QuerySet[BundlePart]:
    rows = BundlePart.objects.filter(bundle__merchant=merchant, bundle__email=email)
    rows = rows.select_related("bundle", "invoice", "method", "payment")
    return rows.order_by("-bundle", "pk")


def _standing(rows: Iterable[BundlePart]) -> Standing | None:
    parts = tuple(Part(row) for row in rows)
    return Standing(parts[0].row.bundle, parts) if parts else None


def pay(bundle: Bundle) -> None:
    """Charge what was agreed to and is not charged yet, one invoice after the other."""
    if bundle.created_at < clock.wall() - GOES_ON_FOR:
        return
    rows = bundle.parts.filter(payment=None, refusal="").exclude(method=None)
    for part in rows.select_related("invoice", "method", "bundle__merchant").order_by("pk"):
        _pay_part(part)


def _pay_part(part: BundlePart) -> None:
    merchant, method = part.bundle.merchant, part.method
    if method is None:
        return
    if part.invoice.amount_due != part.amount:
        # The payer has agreed to another amount.
        actions.record_part(part.pk, None, "amount_changed")
        return
    invoice_id = part.invoice.public_id
    guard = Guard(
        merchant_id=merchant.pk,
        actor_id=part.bundle.public_id,
        key=f"part:{part.pk}",
        fingerprint=fingerprint("POST", invoice_id, method.public_id),
        render=None,
    )
    payment: Payment | None
    try:
        with guarded(guard):
            payment = flows.charge_invoice(merchant, invoice_id, method.public_id)
            guard.finish(Answer(200, payment.public_id))
    except Replay as replay:
        payment = merchant.payments.get(public_id=replay.answer.body)
    except IdempotencyInFlight:
        # Another request is at this very charge, and keeps what comes of it.
        return
    except BillhookError as refusal:
        guard.give_up()
        actions.record_part(part.pk, None, refusal.code)
        return
    except Exception:
        guard.give_up()
        raise
    failpoint("bundle:after_charge")
    actions.record_part(part.pk, payment)
