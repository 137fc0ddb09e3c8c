"""The verbs of saved methods: begin saving, keep, choose the default, remove, bring up to date."""

from datetime import timedelta

from invoicing import clock, events, idempotency
from invoicing.actions.action import action
from invoicing.errors import InvalidState, NotConfigured, NotFound
from invoicing.models import Customer, Merchant
from payments.methods import KEEPERS, describe, keep_method, keeping_rail, known_customer
from payments.models import MethodSetup, PaymentMethod, ProviderCustomer
from payments.rails.rail import Instructions, Method, State

LOOK_AGAIN = tuple(timedelta(minutes=m) for m in (1, 10, 60, 360))


@action
def begin_setup(
    merchant: Merchant, customer_id: str, wanted: str, return_path: str = ""
) -> tuple[MethodSetup, ProviderCustomer]:
    """The rows that are committed before a provider opens a page to save a method on."""
    customer = _customer(merchant, customer_id)
    rail = keeping_rail(merchant, wanted)
    if rail is None:
        raise NotConfigured(f"No method can be saved by {wanted} here.", details={"rail": wanted})
    at = clock.now(merchant)
    known = known_customer(customer, KEEPERS[rail])
    setup = MethodSetup.objects.create(
        merchant=merchant,
        customer=customer,
        rail=rail,
        return_path=return_path,
        created_at=at,
        updated_at=at,
        next_look_at=at + LOOK_AGAIN[0],
    )
    idempotency.note(setup.public_id)
    return setup, known


@action
def record_enrolled(known_pk: int, reference: str) -> ProviderCustomer:
    """Keep what the provider calls a customer."""
    known = ProviderCustomer.objects.select_for_update().get(pk=known_pk)
    known.reference = known.reference or reference
    known.save()
    return known


@action
def record_setup_page(setup_pk: int, instructions: Instructions) -> MethodSetup:
    """Keep where the provider sends the payer to save a method."""
    setup = MethodSetup.objects.select_for_update().get(pk=setup_pk)
    setup.url = instructions.url
    setup.provider_reference = instructions.reference
    setup.save()
    return setup


@action
def apply_setup(setup_pk: int, state: State, found: Method | None) -> MethodSetup:
    """Take the provider's word on a visit; a method that was saved is kept."""
    setup = (
        MethodSetup.objects.select_related("merchant", "customer__merchant")
        .select_for_update(of=("self",))
        .get(pk=setup_pk)
    )
    # A visit that was given up may have succeeded all the same: what was saved is believed.
    given_up = setup.status == MethodSetup.Status.CANCELED and state != State.SUCCEEDED
    if setup.status == MethodSetup.Status.SUCCEEDED or given_up:
        return setup
    at = clock.now(setup.merchant)
    setup.updated_at = at
    setup.looks_made += 1
    setup.next_look_at = at + LOOK_AGAIN[min(setup.looks_made, len(LOOK_AGAIN) - 1)]
    if state == State.SUCCEEDED and found is not None:
        setup.method = keep_method(setup.customer, found)
        setup.status, setup.next_look_at = MethodSetup.Status.SUCCEEDED, None
        events.record("customer.payment_method_saved", setup.method)
    elif state == State.CANCELED:
        setup.status, setup.next_look_at = MethodSetup.Status.CANCELED, None
    setup.save()
    return setup


@action
def choose_default(merchant: Merchant, customer_id: str, method_id: str) -> PaymentMethod:
    """Let this method be charged when none is named. Raises InvalidState for one that can't be."""
    customer = _customer(merchant, customer_id)
    method = _method(customer, method_id)
    if method.status != PaymentMethod.Status.ACTIVE:
        raise InvalidState("Only an active payment method can be the default.")
    if not method.is_default:
        customer.payment_methods.filter(is_default=True).update(is_default=False)
        method.is_default = True
        method.updated_at = clock.now(merchant)
        method.save()
        events.record("customer.payment_method_updated", method)
    return method


@action
def remove_method(merchant: Merchant, customer_id: str, method_id: str) -> PaymentMethod:
    """Charge this method no more; the provider is told to forget it afterwards."""
    customer = _customer(merchant, customer_id)
    method = _method(customer, method_id)
    if method.status != PaymentMethod.Status.DETACHED:
        at = clock.now(merchant)
        method.status = PaymentMethod.Status.DETACHED
        method.is_default = False
        method.detached_at = method.updated_at = at
        method.save()
        events.record("customer.payment_method_removed", method)
    return method


@action
def apply_method(method_pk: int, found: Method | None) -> PaymentMethod:
    """Take the provider's word on a saved method: a new date, a block, or that it is gone."""
    customer_pk = PaymentMethod.objects.values_list("customer_id", flat=True).get(pk=method_pk)
    Customer.objects.select_for_update(no_key=True).get(pk=customer_pk)
    method = (
        PaymentMethod.objects.select_related("merchant", "customer")
        .select_for_update(of=("self",))
        .get(pk=method_pk)
    )
    if method.status == PaymentMethod.Status.DETACHED:
        return method
    at = clock.now(method.merchant)
    if found is None or not (found.active or found.blocked_reason):
        method.status = PaymentMethod.Status.DETACHED
        method.is_default, method.detached_at = False, at
        kind = "customer.payment_method_removed"
    elif describe(method, found):
        kind = "customer.payment_method_updated"
    else:
        return method
    method.updated_at = at
    method.save()
    events.record(kind, method)
    return method


def _customer(merchant: Merchant, customer_id: str) -> Customer:
    customer = (
        merchant.customers.select_for_update(no_key=True).filter(public_id=customer_id).first()
    )
    if customer is None:
        raise NotFound(f"There is no customer {customer_id}.")
    return customer


def _method(customer: Customer, method_id: str) -> PaymentMethod:
    method = (
        customer.payment_methods.select_related("merchant", "customer")
        .select_for_update(of=("self",))
        .filter(public_id=method_id)
        .first()
    )
    if method is None:
        raise NotFound(f"There is no payment method {method_id}.")
    return method
