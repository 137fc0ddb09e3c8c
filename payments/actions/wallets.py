"""The verbs of wallets: create, rename, choose the default."""

from invoicing import clock
from invoicing.actions.action import action
from invoicing.errors import NotFound
from invoicing.models import Invoice, Merchant
from payments.inputs import WalletChanges, WalletInput
from payments.models import Wallet


@action
def create_wallet(merchant: Merchant, wanted: WalletInput) -> Wallet:
    """Open a wallet; the first of its asset receives by default."""
    _one_at_a_time(merchant.pk)
    others = merchant.wallets.filter(currency=wanted.currency)
    is_default = wanted.is_default or not others.filter(is_default=True).exists()
    if is_default:
        others.update(is_default=False)
    return Wallet.objects.create(
        merchant=merchant,
        name=wanted.name,
        currency=wanted.currency,
        is_default=is_default,
        created_at=clock.wall(),
    )


@action
def update_wallet(merchant: Merchant, public_id: str, changes: WalletChanges) -> Wallet:
    """Rename a wallet, or let it receive by default."""
    _one_at_a_time(merchant.pk)
    wallet = merchant.wallets.select_for_update().filter(public_id=public_id).first()
    if wallet is None:
        raise NotFound(f"There is no wallet {public_id}.")
    if "name" in changes.model_fields_set:
        wallet.name = changes.name
    if changes.is_default and not wallet.is_default:
        merchant.wallets.filter(currency=wallet.currency).update(is_default=False)
        wallet.is_default = True
    wallet.save()
    return wallet


def receiving_wallet(invoice: Invoice) -> Wallet:
    """The wallet an invoice's money goes to: its own, or the merchant's default for the asset.

    Opened on first need, in the caller's transaction.
    """
    if invoice.wallet_id:
        return Wallet.objects.get(pk=invoice.wallet_id)
    defaults = Wallet.objects.filter(
        merchant=invoice.merchant, currency=invoice.currency, is_default=True
    )
    wallet = defaults.first()
    if wallet is not None:
        return wallet
    _one_at_a_time(invoice.merchant_id)
    wallet, _ = Wallet.objects.get_or_create(
        merchant=invoice.merchant,
        currency=invoice.currency,
        is_default=True,
        defaults={"name": f"{invoice.currency} wallet", "created_at": clock.wall()},
    )
    return wallet


def _one_at_a_time(merchant_pk: int) -> None:
    """Let nobody else open a wallet or choose a default here until this transaction ends.

    Locks the merchant's row, but not against those who only refer to it.
    """
    Merchant.objects.select_for_update(no_key=True).get(pk=merchant_pk)
