"""USDC on a real node: found once, counted, final, taken back, and never believed of one alone."""

from collections.abc import Callable
from typing import Any

import pytest

from invoicing.models import Invoice, Merchant
from payments import watching
from payments.actions import transfers
from payments.chain import networks
from payments.chain.client import TransferLog
from payments.models import ChainCursor, Deposit, Payment, Transfer, UsdcPayout
from payments.seen import Sighting
from tests.factories import again, given_an_open_invoice, told, work
from tests.fakes.chain.devnet import Devnet
from tests.fakes.chain.rpc_proxy import RpcProxy
from tests.fixtures import Api, WallClock

pytestmark = pytest.mark.django_db
Watch = Callable[[], int]
SOMEBODY = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.fixture
def invoice(test_merchant: Merchant, clock: WallClock) -> Invoice:
    return given_an_open_invoice(test_merchant, "25.00")


def ask(api: Api, invoice: Invoice) -> str:
    answer = api.post(f"/v1/invoices/pay/{invoice.slug}/usdc", {"chain": "devnet"})
    assert answer.status_code == 200, answer.json()
    return str(answer.json()["address"])


def state(invoice: Invoice) -> tuple[str, int]:
    row = again(invoice)
    return row.status, row.amount_paid


def test_seen_counted_final(api: Api, invoice: Invoice, devnet: Devnet, watch: Watch) -> None:
    address = ask(api, invoice)
    sent = devnet.pay(address, 25_000_000)
    assert watch() == 1
    row = Transfer.objects.get()
    assert (row.status, row.confirmations, row.tx_hash) == ("detected", 1, sent)
    assert state(invoice) == ("paying", 0)
    devnet.mine(2)
    watch()
    assert (again(row).status, state(invoice)) == ("confirmed", ("paid", 2500))
    assert Payment.objects.get().available_at is None
    devnet.mine(10)
    watch()
    assert again(row).status == "final"
    work()
    assert Payment.objects.get().released_at is not None
    assert Transfer.objects.count() == Payment.objects.count() == 1


def test_a_block_that_is_read_again_changes_nothing(
    api: Api, invoice: Invoice, devnet: Devnet, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    devnet.pay(ask(api, invoice), 25_000_000)
    devnet.mine(2)
    watch()
    before = (Transfer.objects.count(), Payment.objects.count(), len(told(invoice)))
    unknown = watching._unknown

    def taken_in_again(*of: Any) -> list[TransferLog]:
        """As by another reader at the same moment."""
        assert unknown(*of) == []
        return list(of[1])

    monkeypatch.setattr(watching, "_unknown", taken_in_again)
    devnet.mine(1)
    assert watch() == 1
    assert (Transfer.objects.count(), Payment.objects.count(), len(told(invoice))) == before


def test_parts_beyond_and_after(api: Api, invoice: Invoice, devnet: Devnet, watch: Watch) -> None:
    address = ask(api, invoice)
    devnet.pay(address, 10_000_000)
    devnet.mine(2)
    watch()
    assert state(invoice) == ("open", 1000)
    devnet.pay(address, 20_000_000)
    devnet.mine(2)
    watch()
    assert state(invoice) == ("paid", 2500)
    devnet.pay(address, 1_000_000)
    devnet.mine(2)
    watch()
    assert [row.surplus for row in Payment.objects.order_by("pk")] == [0, 500, 100]


def test_what_comes_after_void_is_set_aside_and_sent_back(
    api: Api, invoice: Invoice, devnet: Devnet, watch: Watch
) -> None:
    address = ask(api, invoice)
    api.post(f"/v1/invoices/{invoice.public_id}/void")
    devnet.pay(address, 25_000_000)
    devnet.mine(3)
    watch()
    assert Deposit.objects.count() == 0
    deposit_id = Transfer.objects.get().public_id
    early = api.post(f"/v1/usdc_deposits/{deposit_id}/refund", {"address": SOMEBODY})
    assert early.status_code == 409
    devnet.mine(10)
    watch()
    assert (Deposit.objects.get().status, Deposit.objects.get().amount) == (
        "unmatched",
        25_000_000,
    )
    refund = api.post(f"/v1/usdc_deposits/{deposit_id}/refund", {"address": SOMEBODY})
    assert refund.status_code == 200, refund.json()
    assert refund.json()["usdc_payout"]["uri"].endswith("uint256=25000000")
    # As much from whoever had paid, or from the address to itself, is no refund.
    for nobody in (devnet.payer.address, SOMEBODY):
        devnet.mint(nobody, 99_000_000)
        devnet.send(devnet.token.functions.transfer(SOMEBODY, 25_000_000), nobody)
    watch()
    assert UsdcPayout.objects.get().status == "waiting"
    # The merchant signs it in a wallet of their own.
    own = devnet.accounts[4].address
    devnet.mint(own, 25_000_000)
    sent = devnet.send(devnet.token.functions.transfer(SOMEBODY, 25_000_000), own)
    watch()
    payout = UsdcPayout.objects.get()
    assert (payout.status, payout.tx_hash) == ("seen", sent)
    devnet.mine(10)
    watch()
    assert again(payout).status == "done"
    refund_id = refund.json()["id"]
    assert api.get(f"/v1/refunds/{refund_id}").json()["status"] == "succeeded"


def test_another_token_of_the_same_name_is_no_money(
    api: Api, invoice: Invoice, devnet: Devnet, watch: Watch
) -> None:
    address = ask(api, invoice)
    devnet.pay(address, 25_000_000, devnet.lookalike)
    devnet.pay(address, 0)
    devnet.mine(3)
    watch()
    row = Transfer.objects.get()
    assert (row.match, row.amount, row.token_amount) == ("wrong_token", 0, "25000000")
    assert told(row) == ["invoice.usdc_unmatched"]
    assert state(invoice) == ("open", 0)


@pytest.mark.parametrize("blocks", [0, 2])
def test_a_reorganisation_is_undone(
    api: Api, invoice: Invoice, devnet: Devnet, watch: Watch, blocks: int
) -> None:
    address = ask(api, invoice)
    devnet.pay(address, 25_000_000)
    devnet.mine(blocks) if blocks else None
    watch()
    assert state(invoice) == (("paid", 2500) if blocks else ("paying", 0))
    devnet.reorg(blocks + 1)
    watch()
    assert Transfer.objects.get().status == "orphaned"
    assert state(invoice) == ("open", 0)
    # The payer sends it again: it is another inclusion.
    devnet.pay(address, 25_000_000)
    devnet.mine(2)
    watch()
    assert state(invoice) == ("paid", 2500)
    assert sorted(Transfer.objects.values_list("status", flat=True)) == ["confirmed", "orphaned"]


def test_a_silent_node_loses_nothing(
    api: Api, invoice: Invoice, devnet: Devnet, watch: Watch, settings: Any
) -> None:
    address = ask(api, invoice)
    with RpcProxy(devnet.url) as proxy:
        settings.USDC_CHAINS = devnet.settings(proxy.url)["USDC_CHAINS"]
        network = networks.configured()["devnet"]
        proxy.lies.errors = {"eth_getLogs": (-32000, "overloaded")}
        devnet.pay(address, 25_000_000)
        devnet.mine(30)
        assert watching.watch(network) == 0
        cursor = ChainCursor.objects.get()
        assert cursor.failing_since is not None
        assert cursor.error
        proxy.lies.errors = {}
        assert watching.watch(network) == 1
        assert again(cursor).failing_since is None
    assert state(invoice) == ("paid", 2500)


def test_what_cannot_be_taken_in_stops_nobody_and_is_tried_again(
    api: Api, invoice: Invoice, devnet: Devnet, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = given_an_open_invoice(invoice.merchant, "30.00")
    addresses = [ask(api, one) for one in (invoice, other)]
    poison = devnet.pay(addresses[0], 25_000_000)
    devnet.pay(addresses[1], 30_000_000)
    devnet.mine(3)
    observe = transfers.observe

    def choke(address_pk: int, sighting: Sighting) -> Any:
        if sighting.tx_hash == poison:
            raise RuntimeError("no reason that anybody thought of")
        return observe(address_pk, sighting)

    with monkeypatch.context() as patch:
        patch.setattr(transfers, "observe", choke)
        watch()
        assert [state(one)[0] for one in (invoice, other)] == ["open", "paid"]
        assert ChainCursor.objects.get().stuck == [poison]
        watch()
        assert ChainCursor.objects.get().stuck == [poison]
    watch()
    assert state(invoice) == ("paid", 2500)
    assert ChainCursor.objects.get().stuck == []


@pytest.mark.parametrize("lie", ["drops", "invents", "another chain", "other hashes"])
def test_one_of_two_that_lies_is_not_believed(
    api: Api, invoice: Invoice, devnet: Devnet, watch: Watch, settings: Any, lie: str
) -> None:
    address = ask(api, invoice)
    with RpcProxy(devnet.url) as proxy:
        settings.USDC_CHAINS = devnet.settings(devnet.url, proxy.url)["USDC_CHAINS"]
        network = networks.configured()["devnet"]
        devnet.pay(address, 25_000_000)
        devnet.mine(3)
        if lie == "drops":
            proxy.lies.drop_logs = lambda log: True
        elif lie == "invents":
            asked = {"fromBlock": "0x0", "toBlock": "latest", "address": devnet.token.address}
            logs = devnet.ask("eth_getLogs", asked)
            proxy.lies.invent_logs = [{**logs[-1], "logIndex": "0x7"}]
        elif lie == "another chain":
            proxy.lies.chain_id = 1
        else:
            proxy.lies.other_hashes = True
        assert watching.watch(network) == 0
        assert ChainCursor.objects.get().error
        assert not Transfer.objects.exists()
        proxy.lies = type(proxy.lies)()
        assert watching.watch(network) == 1
    assert state(invoice) == ("paid", 2500)


def test_a_transaction_proves_a_payment(
    api: Api, invoice: Invoice, devnet: Devnet, watch: Watch, ada_key: str
) -> None:
    address = ask(api, invoice)
    sent = devnet.pay(address, 25_000_000)
    path = f"/v1/invoices/{invoice.public_id}/mark_paid"
    early = api.post(path, {"tx_hash": sent})
    assert (early.status_code, early.json()["error"]["code"]) == (409, "invalid_state")
    devnet.mine(2)
    watch()
    for _ in range(2):
        answer = api.post(path, {"tx_hash": sent, "chain": "devnet"})
        assert (answer.status_code, answer.json()["status"]) == (200, "paid"), answer.json()
    assert Payment.objects.count() == 1
    other = given_an_open_invoice(invoice.merchant, "25.00")
    refused = api.post(f"/v1/invoices/{other.public_id}/mark_paid", {"tx_hash": sent})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")


def test_a_transaction_that_proves_nothing(
    api: Api, invoice: Invoice, devnet: Devnet, watch: Watch
) -> None:
    address = ask(api, invoice)
    foreign = devnet.pay(SOMEBODY, 25_000_000)
    wrong = devnet.pay(address, 25_000_000, devnet.lookalike)
    failed = devnet.send(devnet.token.functions.transfer(address, 2**200))
    devnet.mine(3)
    path = f"/v1/invoices/{invoice.public_id}/mark_paid"
    for tx_hash, why in (
        (foreign, "somebody else's address"),
        (wrong, "another token"),
        (failed, "failed"),
        ("0x" + "ab" * 32, "no transaction"),
        ("0xabc", "64 hexadecimal digits"),
    ):
        answer = api.post(path, {"tx_hash": tx_hash})
        assert answer.status_code == 400, answer.json()
        assert why in answer.json()["error"]["details"]["fields"][0]["message"]
    assert state(invoice) == ("open", 0)
    assert not Payment.objects.exists()


def test_a_fixed_address_is_matched_by_amount(
    api: Api, test_merchant: Merchant, devnet: Devnet, watch: Watch, clock: WallClock
) -> None:
    own = devnet.accounts[5].address
    first, second, third = (
        given_an_open_invoice(test_merchant, amount, wallet_address=own)
        for amount in ("10.00", "20.00", "20.00")
    )
    for one in (first, second, third):
        assert ask(api, one) == own
    devnet.pay(own, 10_000_000)
    devnet.pay(own, 20_000_000)
    devnet.pay(own, 5_000_000)
    devnet.mine(12)
    watch()
    assert [state(one)[0] for one in (first, second, third)] == ["paid", "open", "open"]
    reasons = sorted(Deposit.objects.values_list("reason", flat=True))
    assert reasons == ["ambiguous", "no_invoice"]
