"""The books: what is written is balanced, written once, and never below nothing."""

import random
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from invoicing.models import Merchant
from payments import ledger
from payments.actions.wallets import create_wallet
from payments.inputs import WalletInput
from payments.ledger import Kind, Posting
from payments.models import LedgerAccount, LedgerEntry, LedgerPosting, Wallet


@pytest.fixture
def wallet(test_merchant: Merchant) -> Wallet:
    return create_wallet(test_merchant, WalletInput(name="Till", currency="USD"))


def accounts(merchant: Merchant, wallet: Wallet) -> dict[str, LedgerAccount]:
    return {
        "clearing": ledger.instance_account(Kind.CLEARING, "sandbox", merchant, "USD"),
        "fees": ledger.instance_account(Kind.PROVIDER_FEES, "sandbox", merchant, "USD"),
        "pending": ledger.wallet_account(wallet, Kind.PENDING),
        "available": ledger.wallet_account(wallet, Kind.AVAILABLE),
        "credit": ledger.merchant_account(merchant, Kind.CUSTOMER_CREDIT, "USD"),
    }


def post(
    merchant: Merchant, wallet: Wallet, reference: str, *moves: tuple[str, str, int]
) -> LedgerEntry | None:
    named = accounts(merchant, wallet)
    postings = [Posting(named[source], named[to], amount) for source, to, amount in moves]
    with transaction.atomic():
        return ledger.post(reference, "test", merchant, postings)


def balance(account: LedgerAccount) -> int:
    return LedgerAccount.objects.get(pk=account.pk).balance


def test_an_entry_moves_what_it_says_and_is_posted(
    test_merchant: Merchant, wallet: Wallet, clock: Any
) -> None:
    entry = post(
        test_merchant, wallet, "a", ("clearing", "pending", 10000), ("pending", "fees", 320)
    )
    assert entry is not None
    kept = LedgerEntry.objects.get()
    assert (kept.reference, kept.posted, kept.created_at) == ("a", True, clock.at)
    named = accounts(test_merchant, wallet)
    assert balance(named["pending"]) == 9680
    # The instance's own accounts keep no running balance: one hot row for everybody.
    assert balance(named["clearing"]) == balance(named["fees"]) == 0


def test_postings_of_nothing_are_left_out_and_an_entry_of_nothing_is_none(
    test_merchant: Merchant, wallet: Wallet
) -> None:
    assert post(test_merchant, wallet, "none", ("clearing", "pending", 0)) is None
    post(test_merchant, wallet, "some", ("clearing", "pending", 1), ("pending", "fees", 0))
    assert (LedgerEntry.objects.count(), LedgerPosting.objects.count()) == (1, 1)


def test_a_reference_is_posted_once(test_merchant: Merchant, wallet: Wallet) -> None:
    post(test_merchant, wallet, "once", ("clearing", "pending", 100))
    with pytest.raises(IntegrityError):
        post(test_merchant, wallet, "once", ("clearing", "pending", 100))
    assert balance(accounts(test_merchant, wallet)["pending"]) == 100


@pytest.mark.parametrize("amount", [101, 10**15])
def test_no_merchants_account_falls_below_nothing(
    amount: int, test_merchant: Merchant, wallet: Wallet
) -> None:
    post(test_merchant, wallet, "in", ("clearing", "pending", 100))
    with pytest.raises(IntegrityError, match="merchants_accounts_stay_positive"):
        post(test_merchant, wallet, "out", ("pending", "available", amount))
    named = accounts(test_merchant, wallet)
    assert (balance(named["pending"]), balance(named["available"])) == (100, 0)
    assert LedgerEntry.objects.count() == 1
    post(test_merchant, wallet, "all", ("pending", "available", 100))
    assert (balance(named["pending"]), balance(named["available"])) == (0, 100)


@pytest.mark.parametrize(
    ("move", "constraint"),
    [
        (("clearing", "pending", -5), "postings_move_something"),
        (("pending", "pending", 5), "postings_move_elsewhere"),
    ],
)
def test_a_posting_moves_something_somewhere_else(
    move: tuple[str, str, int], constraint: str, test_merchant: Merchant, wallet: Wallet
) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        post(test_merchant, wallet, "bad", move)
    assert not LedgerEntry.objects.exists()


def test_an_entry_within_one_wallet_changes_both_parts(
    test_merchant: Merchant, wallet: Wallet
) -> None:
    post(
        test_merchant,
        wallet,
        "there and back",
        ("clearing", "pending", 500),
        ("pending", "available", 300),
        ("available", "pending", 100),
    )
    named = accounts(test_merchant, wallet)
    assert (balance(named["pending"]), balance(named["available"])) == (300, 200)


def test_live_and_test_money_never_share_an_account(
    live: Merchant, test_merchant: Merchant, ben_merchant: Merchant
) -> None:
    def clearing(merchant: Merchant) -> LedgerAccount:
        return ledger.instance_account(Kind.CLEARING, "card", merchant, "USD")

    assert clearing(live) != clearing(test_merchant)
    assert clearing(test_merchant) == clearing(ben_merchant)
    credit = {
        ledger.merchant_account(merchant, Kind.CUSTOMER_CREDIT, asset).key
        for merchant in (live, test_merchant, ben_merchant)
        for asset in ("USD", "EUR")
    }
    assert len(credit) == 6


def test_a_thousand_random_entries_still_add_up(
    test_merchant: Merchant, wallet: Wallet, pytestconfig: pytest.Config
) -> None:
    """Against a model that keeps the balances in a dictionary."""
    chance = random.Random(7)
    named = accounts(test_merchant, wallet)
    model = dict.fromkeys(named, 0)
    kept = ("pending", "available", "credit")
    refused = 0
    for number in range(pytestconfig.getoption("--examples") or 100):
        moves = [
            (*chance.sample(sorted(named), 2), chance.randrange(1, 500))
            for _ in range(chance.randrange(1, 4))
        ]
        after = dict(model)
        for source, to, amount in moves:
            after[source] -= amount
            after[to] += amount
        if any(after[name] < 0 for name in kept):
            refused += 1
            with pytest.raises(IntegrityError):
                post(test_merchant, wallet, str(number), *moves)
        else:
            post(test_merchant, wallet, str(number), *moves)
            model = after
    assert refused
    for name in kept:
        assert balance(named[name]) == model[name]
    assert sum(model.values()) == 0
