"""The verbs of paying several invoices in one go: agree to it, and keep what came of each."""

from collections.abc import Sequence
from dataclasses import dataclass

from checkout.models import Bundle, BundlePart
from invoicing import clock
from invoicing.actions.action import action
from invoicing.models import Invoice, Merchant
from payments.models import Payment, PaymentMethod


@dataclass(frozen=True, slots=True)
class Chosen:
    """An invoice, what is due on it as the payer has seen it, and what is charged for it, if so."""

    invoice: Invoice
    amount: int
    method: PaymentMethod | None


@action
def begin_bundle(merchant: Merchant, email: str, token: str, chosen: Sequence[Chosen]) -> Bundle:
    """What the payer has agreed to; the same form again is the same bundle, whatever it says."""
    bundle, is_new = Bundle.objects.get_or_create(
        merchant=merchant, email=email, token=token, defaults={"created_at": clock.wall()}
    )
    if is_new:
        BundlePart.objects.bulk_create(
            BundlePart(bundle=bundle, invoice=one.invoice, amount=one.amount, method=one.method)
            for one in chosen
        )
    return bundle


@action
def record_part(part_pk: int, payment: Payment | None, refusal: str = "") -> None:
    """Keep what came of one invoice: the payment that was begun for it, or why none was."""
    part = BundlePart.objects.select_for_update().get(pk=part_pk)
    part.payment = payment or part.payment
    part.refusal = refusal if part.payment is None else ""
    part.save()
