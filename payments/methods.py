"""Keeping a payer's card or bank account for next time, in the caller's transaction."""

from typing import Final

from invoicing import clock
from invoicing.errors import InvalidState, NotFound
from invoicing.models import Customer, Merchant
from payments.models import PaymentMethod, ProviderCustomer, SandboxMethod
from payments.rails.rail import Method
from payments.rails.stripe.client import account

# Which provider keeps what each way to pay can save.
KEEPERS: Final = {"card": "stripe", "ach": "stripe", "sandbox": "sandbox"}


def keeping_rail(merchant: Merchant, wanted: str) -> str | None:
    """The way to pay by which what is wanted is saved and charged; None where nothing keeps it.

    A rehearsal needs no provider: where a test merchant has none, the sandbox keeps its cards.
    """
    has_provider = account(merchant.livemode) is not None
    if not merchant.livemode and (wanted == "sandbox" or (wanted == "card" and not has_provider)):
        return "sandbox"
    return wanted if has_provider and KEEPERS.get(wanted) == "stripe" else None


def keep_method(customer: Customer, found: Method) -> PaymentMethod:
    """Save a method that the payer agreed to leave; the first that can be charged is the default.

    Saved again it is brought up to date. Locks the customer, so that one default is chosen.
    """
    type(customer).objects.select_for_update(no_key=True).get(pk=customer.pk)
    at = clock.now(customer.merchant)
    method, is_new = PaymentMethod.objects.get_or_create(
        customer=customer,
        rail=found.rail,
        provider_reference=found.reference,
        defaults={
            "merchant": customer.merchant,
            "details": dict(found.details),
            "consented_at": at,
            "created_at": at,
            "updated_at": at,
        },
    )
    if not is_new:
        describe(method, found)
        if method.status == PaymentMethod.Status.DETACHED and found.active:
            # The payer has left it anew.
            method.status, method.detached_at = PaymentMethod.Status.ACTIVE, None
            method.consented_at = at
    if method.status == PaymentMethod.Status.ACTIVE and not default_of(customer):
        method.is_default = True
    method.updated_at = at
    method.save()
    return method


def describe(method: PaymentMethod, found: Method) -> bool:
    """Take over what the provider says of a method; whether anything was new."""
    before = (method.details, method.status, method.blocked_reason)
    method.details = dict(found.details) or method.details
    method.blocked_reason = found.blocked_reason
    if method.status != PaymentMethod.Status.DETACHED:
        blocked = bool(found.blocked_reason)
        method.status = PaymentMethod.Status.BLOCKED if blocked else PaymentMethod.Status.ACTIVE
        method.is_default = method.is_default and not blocked
    return before != (method.details, method.status, method.blocked_reason)


def default_of(customer: Customer) -> PaymentMethod | None:
    """The method that is charged when none is named."""
    return PaymentMethod.objects.filter(customer=customer, is_default=True).first()


def known_customer(customer: Customer, provider: str) -> ProviderCustomer:
    """The row under which a provider knows, or will know, a customer."""
    known, _ = ProviderCustomer.objects.get_or_create(
        customer=customer,
        provider=provider,
        defaults={"created_at": clock.now(customer.merchant)},
    )
    return known


def sandbox_card(merchant: Merchant, method_id: str) -> SandboxMethod:
    """The test card behind a saved method. Raises NotFound, InvalidState where none is."""
    method = PaymentMethod.objects.filter(merchant=merchant, public_id=method_id).first()
    if method is None:
        raise NotFound(f"There is no payment method {method_id}.")
    if method.rail != "sandbox":
        raise InvalidState(
            "This payment method is kept by a real provider; only a test card that the sandbox "
            "keeps can be told what to do.",
            details={"type": method.rail},
        )
    return SandboxMethod.objects.get(public_id=method.provider_reference)
