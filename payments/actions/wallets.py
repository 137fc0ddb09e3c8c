"""The verbs of wallets: create, rename, choose the default."""

from invoicing import clock
from invoicing.actions.action import action
from invoicing.errors import NotFound
from invoicing.models import Merchant
from payments.inputs import WalletChanges, WalletInput
from payments.models import Wallet
from payments.wallets import one_at_a_time


@action
def create_wallet(merchant: Merchant, wanted: WalletInput) -> Wallet:
    """Open a wallet; the first of its asset receives by default."""
    one_at_a_time(merchant.pk)
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
    one_at_a_time(merchant.pk)
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
