"""Killed anywhere while it takes a signed payment: it moves once, and whoever sent it learns so."""

import re
from pathlib import Path
from typing import Any

import pytest

from invoicing.models import Invoice, Merchant
from payments.audit import audit
from payments.models import Authorization, Payment, Transfer
from tests.crew import Crew, Done, Job
from tests.factories import again, given_a_merchant, given_an_open_invoice
from tests.fixtures_x402 import SIGNER, Wallet

FLOW = "tests.kill9.x402_flow"
# Longer than the lease, and shorter than what was signed.
LATER = 70
UNITS = 25_000_000


class Stage:
    """An installation on the tests' chain, in processes that can be killed."""

    def __init__(self, crew: Crew, wallet: Wallet) -> None:
        self.crew, self.wallet = crew, wallet
        devnet = wallet.devnet
        self.settings = {
            **devnet.settings(),
            "X402_FACILITATOR_URL": "local",
            "X402_SIGNER_KEY": devnet.accounts[SIGNER].key.hex(),
        }

    def job(self, what: str, *, failpoint: str = "", ahead: float = 0, **args: Any) -> Job:
        return Job(f"{FLOW}:{what}", args, failpoint, ahead, self.settings)

    def run(self, what: str, **how: Any) -> Done:
        return self.crew.run(self.job(what, **how))

    def check(self, invoice: Invoice, transaction: str) -> None:
        """It has moved once, to this invoice's address, and every row says so."""
        row = Authorization.objects.get(payment__invoice=invoice)
        assert (row.status, row.tx_hash) == ("settled", transaction)
        assert again(invoice).status == "paid"
        payment = Payment.objects.get(invoice=invoice)
        assert Transfer.objects.get(payment=payment).tx_hash == transaction
        assert self.wallet.paid_to(row.requirements["payTo"]) == [UNITS]
        assert audit() == []


@pytest.fixture
def stage(crew: Crew, wallet: Wallet) -> Stage:
    return Stage(crew, wallet)


@pytest.fixture
def merchant(stage: Stage) -> Merchant:
    return given_a_merchant()


def bill(stage: Stage, merchant: Merchant) -> tuple[Invoice, dict[str, Any]]:
    """An invoice, and what its payer has signed for it."""
    invoice = given_an_open_invoice(merchant, "25.00")
    return invoice, stage.wallet.sign(invoice.slug)


def test_killed_at_every_failpoint_it_moves_once(stage: Stage, merchant: Merchant) -> None:
    invoice, payload = bill(stage, merchant)
    passed = stage.run("visited", invoice_pk=invoice.pk, payload=payload)
    assert passed.error == ""
    marked = re.findall(r'failpoint\("([^"]+)"\)', Path("payments/x402_flow.py").read_text())
    # The last one lies on the worker's way.
    assert set(marked) - set(passed.result) == {"x402:after_look"}
    for failpoint in passed.result:
        invoice, payload = bill(stage, merchant)
        args = {"invoice_pk": invoice.pk, "payload": payload}
        killed = stage.run("pay", failpoint=failpoint, **args)
        assert killed.killed, f"{failpoint}: {killed}"
        looked = stage.run("look", ahead=LATER)
        assert looked.error == "", failpoint
        # The payer, who was told nothing, sends it again.
        done = stage.run("pay", ahead=LATER, **args)
        assert (done.error, done.result["status"]) == ("", "settled"), failpoint
        stage.check(invoice, done.result["transaction"])


def test_killed_while_it_looks_it_is_looked_for_again(stage: Stage, merchant: Merchant) -> None:
    invoice, payload = bill(stage, merchant)
    args = {"invoice_pk": invoice.pk, "payload": payload}
    assert stage.run("pay", failpoint="x402:after_begin", **args).killed
    assert stage.run("look", ahead=LATER, failpoint="x402:after_look").killed
    assert stage.run("look", ahead=2 * LATER).result == 1
    done = stage.run("pay", ahead=2 * LATER, **args)
    assert (done.error, done.result["status"]) == ("", "settled")
    stage.check(invoice, done.result["transaction"])


def test_whoever_sends_it_again_need_not_wait_for_the_worker(
    stage: Stage, merchant: Merchant
) -> None:
    invoice, payload = bill(stage, merchant)
    args = {"invoice_pk": invoice.pk, "payload": payload}
    assert stage.run("pay", failpoint="x402:after_settle", **args).killed
    assert again(invoice).status == "paying"
    # At once, while the dead one's lease still holds: the chain has it.
    done = stage.run("pay", **args)
    assert (done.error, done.result["status"]) == ("", "settled")
    stage.check(invoice, done.result["transaction"])


def test_sent_twice_at_the_same_moment_it_moves_once(stage: Stage, merchant: Merchant) -> None:
    for _ in range(3):
        invoice, payload = bill(stage, merchant)
        args = {"invoice_pk": invoice.pk, "payload": payload}
        done = stage.crew.together([stage.job("pay", **args) for _ in range(3)])
        assert [one.error for one in done] == [""] * 3
        assert {one.result["status"] for one in done} == {"settled"}
        (transaction,) = {one.result["transaction"] for one in done}
        stage.check(invoice, transaction)


def test_sent_for_two_invoices_at_once_it_pays_one(stage: Stage, merchant: Merchant) -> None:
    address = stage.wallet.devnet.accounts[7].address
    first, second = (
        given_an_open_invoice(merchant, "25.00", wallet_address=address) for _ in range(2)
    )
    stage.wallet.challenge(first.slug)
    payload = stage.wallet.sign(second.slug)
    done = stage.crew.together(
        [stage.job("pay", invoice_pk=row.pk, payload=payload) for row in (first, second)]
    )
    assert sorted(one.error == "" for one in done) == [False, True]
    assert ["Conflict" in one.error for one in done if one.error] == [True]
    assert sorted(again(row).status for row in (first, second)) == ["open", "paid"]
    assert Payment.objects.count() == Transfer.objects.count() == 1
    assert audit() == []
