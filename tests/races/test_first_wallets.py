"""A currency's first wallets, opened at once by merchants and by money: one of them receives."""

from collections.abc import Iterable
from typing import Any

import pytest

from payments.models import Wallet
from tests.crew import Crew, Job
from tests.factories import given_a_merchant, given_an_open_invoice
from tests.races.running import results


def job(move: str, **args: Any) -> Job:
    return Job(f"tests.races.opening:{move}", args)


@pytest.mark.parametrize("wants", [True, False])
def test_first_wallets_and_first_money_at_once_agree_on_one_default(
    crew: Crew, rounds: Iterable[int], wants: bool
) -> None:
    for _ in rounds:
        merchant = given_a_merchant()
        invoice = given_an_open_invoice(merchant)
        creators = [job("create_first", merchant_pk=merchant.pk, is_default=wants)] * 2
        receivers = [job("receive_first", invoice_pk=invoice.pk)] * 2
        received = results(crew.together([*creators, *receivers]))[2:]
        wallets = Wallet.objects.filter(merchant=merchant)
        default = wallets.get(is_default=True)
        # A creator that wants the default takes it from the wallet that received before.
        assert wants or set(received) == {default.public_id}
        assert {wallet.public_id for wallet in wallets} >= set(received)
        assert wallets.filter(name="USD wallet").count() <= 1


def test_first_wallets_without_the_lock_are_refused_by_the_constraint(crew: Crew) -> None:
    of = {"merchant_pk": given_a_merchant().pk, "is_default": False, "guarded": False}
    done = crew.together([job("create_first", **of)] * 2)
    assert sorted(one.error.split(":")[0] for one in done) == ["", "IntegrityError"]


def test_first_money_without_the_lock_still_finds_one_wallet(crew: Crew) -> None:
    invoice = given_an_open_invoice(given_a_merchant())
    move = job("receive_first", invoice_pk=invoice.pk, guarded=False)
    assert len(set(results(crew.together([move] * 3)))) == 1
    assert Wallet.objects.filter(merchant=invoice.merchant).count() == 1
