"""The chain: each posted entry is sealed over what it says and the seal before it."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from invoicing.models import Merchant
from payments import ledger, seal
from payments.models import LedgerEntry, LedgerHead
from tests.factories import given_an_open_invoice, pay

SAID = ("payment:pay_1", "payment", 7, "2026-03-02 12:00:00", ["1>2:100 USD", "2>3:5 USD"])


def test_a_seal_is_the_same_everywhere_and_always() -> None:
    """Known values: whoever changes what is sealed makes every book of before a break."""
    said = seal.text(3, 1, *SAID)
    assert said == (
        "3\x1f1\x1fpayment:pay_1\x1fpayment\x1f7\x1f2026-03-02 12:00:00\x1f1>2:100 USD\x1f2>3:5 USD"
    )
    first = seal.digest(seal.keys()[0], seal.FIRST, said)
    assert first == "446c756b9d0659a560f9206efde4ed73380c6e950af5f52d0f6e64590e4c2f9d"
    assert seal.digest(seal.keys()[0], first, said) != first


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2026, 3, 2, 12, tzinfo=UTC), "2026-03-02 12:00:00"),
        (datetime(2026, 3, 2, 12, 0, 0, 120000, UTC), "2026-03-02 12:00:00.12"),
        (datetime(2026, 3, 2, 12, 0, 0, 1, UTC), "2026-03-02 12:00:00.000001"),
        (datetime(2026, 3, 2, 14, tzinfo=timezone(timedelta(hours=2))), "2026-03-02 12:00:00"),
    ],
)
def test_a_moment_is_sealed_in_one_way(at: datetime, said: str) -> None:
    assert seal.instant(at) == said


def test_words_cannot_be_shifted_from_one_field_to_the_next() -> None:
    with pytest.raises(ValueError, match="control characters"):
        seal.text(3, 1, "a\x1fb", *SAID[1:])


def test_another_pepper_makes_other_seals_and_the_old_one_is_kept(settings: Any) -> None:
    before = seal.digest(seal.keys()[0], "", "x")
    old, settings.KEY_PEPPER = settings.KEY_PEPPER, "another"
    assert seal.digest(seal.keys()[0], "", "x") != before
    settings.KEY_PEPPER_FALLBACKS = [old]
    _, former = seal.keys()
    assert seal.digest(former, "", "x") == before


def test_each_merchant_has_a_chain_with_an_end(
    test_merchant: Merchant, ben_merchant: Merchant
) -> None:
    for merchant in (test_merchant, ben_merchant, test_merchant):
        pay(given_an_open_invoice(merchant))
    chains = {
        merchant: list(merchant.ledger_entries.order_by("id").values_list("position", flat=True))
        for merchant in (test_merchant, ben_merchant)
    }
    assert chains == {test_merchant: [1, 2], ben_merchant: [1]}
    for merchant, positions in chains.items():
        head = LedgerHead.objects.get(merchant=merchant)
        last = merchant.ledger_entries.get(position=positions[-1])
        assert (head.length, head.digest) == (len(positions), last.digest)
    assert LedgerEntry.objects.values("digest").distinct().count() == 3


def test_posting_takes_as_many_queries_whatever_came_before(test_merchant: Merchant) -> None:
    """The entry, its postings and its seal, the end of the chain twice, and each account once."""
    for turn in range(3):
        payment = pay(given_an_open_invoice(test_merchant))
        wallet = ledger.wallet_account(payment.wallet, ledger.Kind.PENDING)
        fees = ledger.instance_account(ledger.Kind.PROVIDER_FEES, "sandbox", test_merchant, "USD")
        with CaptureQueriesContext(connection) as queries:
            ledger.post(f"more:{turn}", "test", test_merchant, [ledger.Posting(wallet, fees, 1)])
        assert len(queries) == 6
