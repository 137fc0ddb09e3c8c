"""What those do who open a currency's first wallet at the same moment."""

from contextlib import nullcontext

from django.db import connection, transaction

from invoicing import clock
from invoicing.inputs import read
from invoicing.models import Invoice, Merchant
from payments import declaring
from payments.actions import pay, wallets
from payments.inputs import MarkPaidInput, WalletInput
from payments.models import Wallet
from tests.races.moves import _racing


def create_first(merchant_pk: int, is_default: bool, guarded: bool = True) -> str:
    """A merchant opens a wallet, and may want it to be the default."""
    merchant = Merchant.objects.get(pk=merchant_pk)
    wanted = read(WalletInput, {"name": "Till", "currency": "USD", "is_default": is_default})
    with _racing(guarded, Wallet.objects, "create"):
        return wallets.create_wallet(merchant, wanted).public_id


def receive_first(invoice_pk: int, guarded: bool = True) -> str:
    """The first money of a currency opens its wallet; they meet when none was found yet."""
    invoice = Invoice.objects.select_related("merchant").get(pk=invoice_pk)
    # SQLite would let only one of them look at a time, with the lock or without it.
    lone = nullcontext() if connection.vendor == "sqlite" and not guarded else transaction.atomic()
    with _racing(guarded, clock, "wall"), lone:
        return pay.receiving_wallet(invoice).public_id


def settle(invoice_pk: int) -> str:
    """Somebody says that an invoice is paid."""
    invoice = Invoice.objects.select_related("merchant").get(pk=invoice_pk)
    return declaring.settle(invoice.merchant, invoice.public_id, MarkPaidInput()).status
