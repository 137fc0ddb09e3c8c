"""The wallet that an invoice's money goes to, in the caller's transaction."""

from django.db.models import Q

from invoicing import clock
from invoicing.models import Bot, Invoice, Merchant
from payments.models import Wallet


def receiving_wallet(invoice: Invoice) -> Wallet:
    """The wallet an invoice's money goes to: its own, or the merchant's default for the asset.

    Opened on first need, in the caller's transaction.
    """
    if invoice.wallet_id:
        return Wallet.objects.get(pk=invoice.wallet_id)
    return default_wallet(invoice.merchant, invoice.currency)


def default_wallet(merchant: Merchant, currency: str) -> Wallet:
    """The merchant's default wallet of a currency, opened when there is none."""
    wallet = Wallet.objects.filter(merchant=merchant, currency=currency, is_default=True).first()
    if wallet is not None:
        return wallet
    one_at_a_time(merchant.pk)
    wallet, _ = Wallet.objects.get_or_create(
        merchant=merchant,
        currency=currency,
        is_default=True,
        defaults={"name": f"{currency} wallet", "created_at": clock.wall()},
    )
    return wallet


def wallet_of_bot(bot: Bot, currency: str) -> Wallet | None:
    """Where a bot's sales in a currency go: to its own wallet, else to the merchant's default.

    None where neither is there, or the one is archived or holds something else.
    """
    own = Q(pk=bot.wallet_id) if bot.wallet_id else Q(is_default=True)
    rows = Wallet.objects.filter(own, merchant=bot.merchant, currency=currency, archived_at=None)
    return rows.first()


def one_at_a_time(merchant_pk: int) -> None:
    """Let nobody else open a wallet or choose a default here until this transaction ends.

    Locks the merchant's row, but not against those who only refer to it.
    """
    Merchant.objects.select_for_update(no_key=True).get(pk=merchant_pk)
