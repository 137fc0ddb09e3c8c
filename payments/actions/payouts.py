"""What is heard of payouts, kept so that it can be shown."""

from django.db.models import QuerySet

from invoicing import clock, events
from invoicing.actions.action import action
from invoicing.models import Merchant
from payments.models import Deposit, MerchantPayout, Payment, Payout, PayoutLine
from payments.rails.rail import PayoutOutcome

# Two answers may be applied in the other order; only a bank that sends it back comes after paid.
_LATER = ("pending", "in_transit", "paid", "canceled", "failed")
_ON_ITS_WAY = {"pending", "in_transit"}


@action
def apply_payout(provider: str, outcome: PayoutOutcome, *, livemode: bool) -> Payout:
    """Keep a payout and its lines; every merchant with a line in it is told what becomes of it.

    Until the provider has sorted out what is in it, its lines are what is known so far.
    """
    at = clock.wall()
    payout, is_new = Payout.objects.select_for_update().get_or_create(
        provider_reference=outcome.reference,
        defaults={
            "provider": provider,
            "livemode": livemode,
            "status": outcome.status,
            "currency": outcome.currency,
            "amount": outcome.amount,
            "created_at": outcome.created_at,
            "updated_at": at,
        },
    )
    told_before = payout.status if payout.is_itemised and not is_new else ""
    if _LATER.index(outcome.status) >= _LATER.index(payout.status):
        payout.status = outcome.status
        payout.failure_code = outcome.failure_code
        payout.arrives_at = outcome.arrives_at
    payout.updated_at = at
    shared_before = set() if is_new else {merchant.pk for merchant in _sharing(payout)}
    if outcome.items is not None and not payout.is_itemised:
        payout.lines.all().delete()
        _itemise(payout, outcome)
        payout.is_itemised = outcome.is_final
    payout.save()
    if payout.status in _ON_ITS_WAY:
        for merchant in _sharing(payout).exclude(pk__in=shared_before):
            events.record("payout.created", MerchantPayout(payout, merchant))
    if payout.is_itemised and payout.status in {"paid", "failed"} and told_before != payout.status:
        for merchant in _sharing(payout):
            events.record(f"payout.{payout.status}", MerchantPayout(payout, merchant))
    return payout


def _sharing(payout: Payout) -> QuerySet[Merchant]:
    """The merchants that have a line in it."""
    return Merchant.objects.filter(payout_lines__payout=payout).distinct().order_by("pk")


def _itemise(payout: Payout, outcome: PayoutOutcome) -> None:
    """Lines of payments, and of money that was set aside: the bank's sum has both."""
    items = outcome.items or ()
    references = {item.money_reference for item in items if item.money_reference}
    payments = {
        payment.money_reference: payment
        for payment in Payment.objects.filter(money_reference__in=references)
    }
    owners = dict(
        Deposit.objects.filter(provider_reference__in=references).values_list(
            "provider_reference", "merchant_id"
        )
    )
    owners |= {name: payment.merchant_id for name, payment in payments.items()}
    PayoutLine.objects.bulk_create(
        PayoutLine(
            payout=payout,
            merchant_id=owners.get(item.money_reference),
            payment=payments.get(item.money_reference),
            provider_reference=item.reference,
            kind=item.kind,
            amount=item.amount,
            fee=item.fee,
            net=item.net,
        )
        for item in items
    )
