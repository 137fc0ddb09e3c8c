"""Wallets: one asset each, and one of each asset that receives by default."""

import pytest
from django.db import IntegrityError, transaction

from invoicing.errors import NotFound
from invoicing.inputs import read
from invoicing.models import Merchant
from payments.actions.wallets import create_wallet, update_wallet
from payments.inputs import WalletChanges, WalletInput
from payments.models import Wallet
from tests.factories import again, given_an_open_invoice, pay


def open_wallet(
    merchant: Merchant, name: str, currency: str = "USD", *, is_default: bool = False
) -> Wallet:
    wanted = {"name": name, "currency": currency, "is_default": is_default}
    return create_wallet(merchant, read(WalletInput, wanted))


def defaults(merchant: Merchant) -> set[str]:
    return set(merchant.wallets.filter(is_default=True).values_list("name", flat=True))


def test_the_first_wallet_of_an_asset_receives_and_the_next_does_not(
    test_merchant: Merchant,
) -> None:
    for name, currency in (("A", "USD"), ("B", "USD"), ("C", "EUR")):
        open_wallet(test_merchant, name, currency)
    assert defaults(test_merchant) == {"A", "C"}


def test_another_default_replaces_the_one_before(test_merchant: Merchant) -> None:
    open_wallet(test_merchant, "A")
    second = open_wallet(test_merchant, "B", is_default=True)
    assert defaults(test_merchant) == {"B"}
    third = open_wallet(test_merchant, "C")
    update_wallet(test_merchant, third.public_id, read(WalletChanges, {"is_default": True}))
    assert defaults(test_merchant) == {"C"}
    renamed = update_wallet(test_merchant, second.public_id, read(WalletChanges, {"name": "B2"}))
    assert (again(renamed).name, again(renamed).is_default) == ("B2", False)


def test_each_merchant_has_its_own(test_merchant: Merchant, ben_merchant: Merchant) -> None:
    mine = open_wallet(test_merchant, "Mine")
    open_wallet(ben_merchant, "His")
    assert (defaults(test_merchant), defaults(ben_merchant)) == ({"Mine"}, {"His"})
    with pytest.raises(NotFound):
        update_wallet(ben_merchant, mine.public_id, read(WalletChanges, {"name": "Stolen"}))
    assert again(mine).name == "Mine"


def test_the_database_allows_one_default_only(test_merchant: Merchant) -> None:
    open_wallet(test_merchant, "A")
    open_wallet(test_merchant, "B")
    with pytest.raises(IntegrityError), transaction.atomic():
        Wallet.objects.update(is_default=True)


def test_a_wallet_is_opened_when_money_first_comes(test_merchant: Merchant) -> None:
    assert pay(given_an_open_invoice(test_merchant)).wallet.name == "USD wallet"
    pay(given_an_open_invoice(test_merchant))
    pay(given_an_open_invoice(test_merchant, "500", currency="JPY"))
    assert defaults(test_merchant) == {"USD wallet", "JPY wallet"}
    assert test_merchant.wallets.count() == 2
