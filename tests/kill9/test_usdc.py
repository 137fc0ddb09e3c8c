"""Readers of a chain are killed wherever it hurts, and every unit is counted once."""

import random
from collections import Counter
from typing import Any

import pytest

from invoicing.models import Invoice
from payments.actions.receiving import request_usdc
from payments.audit import audit
from payments.models import ChainCursor, Payment, Transfer, Wallet
from tests.crew import KILLED, Crew, Job
from tests.factories import again, balances, given_a_merchant, given_an_open_invoice
from tests.fakes.chain.devnet import Devnet
from tests.kill9.test_kill9 import SIGALRM

READ = "tests.kill9.usdc_flow:read"
WHERE = (
    "watch:after_logs",
    "watch:after_transfer",
    "observe:before_commit",
    "observe:after_commit",
    "payment:succeeded",
    "payment:booked",
    "recount:before_commit",
    "record_read:before_commit",
    "release_payment:before_commit",
    "orphan:before_commit",
)
# In the ordinary suite; `--kills N` for N.
KILLS = 12
# Longer than a dead reader's lease.
LATER = 100


def test_every_unit_is_counted_once_whoever_dies(
    crew: Crew, devnet: Devnet, pytestconfig: pytest.Config
) -> None:
    chance = random.Random("readers")
    merchant = given_a_merchant()
    devnet.mine(10)
    ahead = 0.0

    def send_in(failpoint: str = "", ms: float = 0) -> Any:
        nonlocal ahead
        ahead += LATER
        settings = devnet.settings()
        job = Job(READ, {"die_after_ms": ms}, failpoint, ahead_seconds=ahead, settings=settings)
        (done,) = crew.together([job])
        assert done.error == ""
        assert done.status in {0, KILLED, SIGALRM}
        return done

    send_in()
    died = Counter[str]()
    invoices: list[Invoice] = []
    for number in range(pytestconfig.getoption("--kills") or KILLS):
        invoice = given_an_open_invoice(merchant, "25.00")
        asked = request_usdc(invoice.pk)
        invoices.append(invoice)
        devnet.pay(asked.address.address, asked.units)
        place = (*WHERE, "", "")[number % (len(WHERE) + 2)]
        if place == "orphan:before_commit":
            send_in()
            devnet.reorg(1)
            devnet.pay(asked.address.address, asked.units)
        devnet.mine(2)
        done = send_in(place, 0 if place else chance.uniform(5, 150))
        died[place] += done.status != 0
    devnet.mine(10)
    for _ in range(3):
        assert send_in().status == 0
    assert died.keys() >= set(WHERE), died
    assert all(again(invoice).status == "paid" for invoice in invoices)
    live = Transfer.objects.exclude(status="orphaned")
    assert set(live.values_list("status", flat=True)) == {"final"}
    assert live.count() == len(invoices)
    paid = Payment.objects.filter(status="succeeded")
    assert paid.count() == len(invoices)
    assert balances(Wallet.objects.get()) == {"available": sum(row.net for row in paid)}
    assert ChainCursor.objects.get().stuck == []
    assert audit() == []
