"""Addresses are given once, and what comes is taken in once, by however many at a time."""

from dataclasses import asdict
from typing import Any

import pytest

from invoicing.models import Merchant
from payments import rehearsed
from payments.actions.receiving import request_usdc
from payments.audit import audit
from payments.chain.rehearsal import SANDBOX
from payments.models import DepositAddress, DerivationCounter, Payment, Transfer
from tests.crew import Crew, Done, Job
from tests.factories import given_a_merchant, given_an_open_invoice

HUNDRED, PROCESSES = 100, 20


def job(move: str, **of: Any) -> Job:
    return Job(f"tests.races.usdc_moves:{move}", of)


def returned(done: list[Done]) -> list[Any]:
    assert [one.error for one in done] == [""] * len(done)
    return [one.result for one in done]


def test_a_hundred_at_once_get_a_hundred_addresses(crew: Crew, transactional_db: None) -> None:
    """Of two merchants who gave the same key, so that they count in one."""
    merchants = [given_a_merchant(), given_a_merchant()]
    invoices = [given_an_open_invoice(merchants[n % 2]).pk for n in range(HUNDRED)]
    # One that is asked for first, so that what remains is a race for indexes alone.
    for merchant in merchants:
        request_usdc(given_an_open_invoice(merchant).pk)
    jobs = [job("ask", invoice_pks=invoices[n::PROCESSES]) for n in range(PROCESSES)]
    found = [address for some in returned(crew.together(jobs)) for address in some]
    assert len(set(found)) == HUNDRED
    indexes = sorted(DepositAddress.objects.values_list("index", flat=True))
    assert indexes == list(range(HUNDRED + 2))
    assert DerivationCounter.objects.get().next_index == HUNDRED + 2


@pytest.mark.tampers
def test_without_the_lock_two_would_get_the_same(crew: Crew, transactional_db: None) -> None:
    """A control: nothing but the constraint on addresses keeps them apart."""
    merchant = given_a_merchant()
    request_usdc(given_an_open_invoice(merchant).pk)
    invoices = [given_an_open_invoice(merchant).pk for _ in range(2)]
    done = crew.together([job("ask_unguarded", invoice_pk=pk) for pk in invoices])
    assert any("IntegrityError" in one.error for one in done), done


def test_an_invoice_that_two_ask_for_has_one_address(crew: Crew, transactional_db: None) -> None:
    invoices = [given_an_open_invoice(given_a_merchant()).pk for _ in range(5)]
    first, second = returned(crew.together([job("ask", invoice_pks=invoices)] * 2))
    assert first == second
    assert DepositAddress.objects.count() == 5


@pytest.fixture
def seen(transactional_db: None) -> dict[str, Any]:
    """What two readers see at the same moment."""
    merchant: Merchant = given_a_merchant()
    asked = request_usdc(given_an_open_invoice(merchant).pk)
    sighting = rehearsed.sighting(merchant, asked.units, SANDBOX.confirmations, SANDBOX.token, "")
    return {"address_pk": asked.address.pk, "sighting": asdict(sighting)}


def as_sent(of: dict[str, Any]) -> dict[str, Any]:
    """In words that travel between processes."""
    sighting = {**of["sighting"], "mined_at": of["sighting"]["mined_at"].isoformat()}
    return {**of, "sighting": {**sighting, "nonces": []}}


def test_a_transfer_that_two_readers_see_pays_once(crew: Crew, seen: dict[str, Any]) -> None:
    ids = returned(crew.together([job("see", **as_sent(seen))] * 2))
    assert ids[0] == ids[1]
    assert Transfer.objects.count() == Payment.objects.count() == 1
    assert audit() == []


@pytest.mark.tampers
def test_without_the_lock_it_would_pay_twice(crew: Crew, seen: dict[str, Any]) -> None:
    """A control: only the database's own constraint is left, and refuses one of them."""
    done = crew.together([job("see", **as_sent(seen), guarded=False)] * 2)
    assert any("IntegrityError" in one.error for one in done) or Payment.objects.count() == 2
