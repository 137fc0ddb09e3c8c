"""The verbs of taking USDC: say where it is to go, and tell a payer what to send there."""

from invoicing import clock, events
from invoicing.actions.action import action
from invoicing.errors import NotConfigured, NotFound, ValidationFailed
from invoicing.models import Invoice, Merchant
from payments import quoting, receiving
from payments.chain import keys
from payments.models import ReceivingKey, UsdcPolicy, UsdcRequest
from payments.usdc_inputs import ReceivingKeyInput, UsdcPolicyInput
from payments.wallets import one_at_a_time


@action
def give_key(merchant: Merchant, wallet_id: str, wanted: ReceivingKeyInput) -> ReceivingKey:
    """Derive a wallet's deposit addresses from this key from now on.

    Given again, it is the same key. The one before goes on receiving what is sent to its
    addresses. Raises NotFound, ValidationFailed saying what is wrong with the key.
    """
    one_at_a_time(merchant.pk)
    wallet = merchant.wallets.filter(public_id=wallet_id, archived_at=None).first()
    if wallet is None:
        raise NotFound(f"There is no wallet {wallet_id}.")
    try:
        row = receiving.described(merchant, wanted.kind, wanted.text)
    except keys.BadKey as problem:
        raise ValidationFailed([(wanted.field, str(problem))]) from None
    row.wallet, row.created_at = wallet, clock.wall()
    now = receiving.key_of(wallet)
    if now is not None and (now.kind, now.text) == (row.kind, row.text):
        return now
    if now is not None:
        now.retired_at = row.created_at
        now.save(update_fields=["retired_at"])
    if row.kind == ReceivingKey.Kind.XPUB:
        extended = keys.parse_xpub(row.text)
        row.counter = receiving.counter_of(extended, livemode=merchant.livemode)
    row.save(force_insert=True)
    events.record("wallet.receiving_key_changed", row)
    return row


@action
def request_usdc(invoice_pk: int) -> UsdcRequest:
    """What the payer of an invoice is to send, and where: the same while it still holds.

    For what is due less what is on its way. Raises InvalidState for an invoice that asks for
    nothing, NotConfigured where USDC is not taken. Locks the invoice.
    """
    invoice = Invoice.objects.locked().get(pk=invoice_pk)
    if not receiving.networks_for(invoice.merchant):
        raise NotConfigured("No chain is set up on which USDC could be paid.")
    due = receiving.still_due(invoice)
    return quoting.request_for(invoice, receiving.address_for(invoice), due)


@action
def set_policy(merchant: Merchant, wanted: UsdcPolicyInput) -> UsdcPolicy:
    """Choose how much too little is enough, and how long a rate holds."""
    row, _ = UsdcPolicy.objects.get_or_create(merchant=merchant)
    for name in wanted.model_fields_set:
        setattr(row, name, getattr(wanted, name))
    row.save()
    return row
