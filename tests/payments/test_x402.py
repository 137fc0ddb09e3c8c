"""An invoice is paid by a signed authorization: once, exactly, and not before its chain says so."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from invoicing import clock as clocks
from invoicing.models import Invoice, Merchant
from payments import tasks, watching, x402_facilitator, x402_flow
from payments.audit import audit
from payments.chain import networks
from payments.models import Authorization, Payment, Transfer
from tests.factories import again, given_an_open_invoice, told
from tests.fixtures import Api
from tests.fixtures_x402 import Facilitator, Wallet, decoded, path_of, settled

pytestmark = pytest.mark.django_db

DECIMAL = "25000000"


@pytest.fixture
def invoice(test_merchant: Merchant) -> Invoice:
    return given_an_open_invoice(test_merchant, "25.00")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`later(minutes=5)` moves the clock on the wall, which otherwise goes on as it does."""
    ahead = timedelta()

    def move(**by: float) -> None:
        nonlocal ahead
        ahead += timedelta(**by)

    monkeypatch.setattr(clocks, "read_wall", lambda: datetime.now(UTC) + ahead)
    return move


def only_one(status: str = "settled") -> Authorization:
    """The one authorization there is, with one payment and at most one transfer."""
    row = Authorization.objects.get()
    assert row.status == status
    assert Payment.objects.get().pk == row.payment_id
    assert Transfer.objects.count() == (status == "settled")
    return row


def refused(answer: Any) -> str:
    """Why a payment was not taken; the challenge comes with it."""
    assert answer.status_code == 402, answer.content
    told = decoded(answer, "PAYMENT-RESPONSE")
    assert told["success"] is False
    assert told["transaction"] == ""
    assert decoded(answer, "PAYMENT-REQUIRED")["error"].startswith(told["errorReason"])
    return str(told["errorReason"])


# Paying


def test_a_signed_payment_pays(wallet: Wallet, invoice: Invoice) -> None:
    answer = wallet.pay(invoice.slug)
    assert answer.status_code == 200, answer.json()
    assert again(invoice).status == "paid"
    row = only_one()
    told_by_header = decoded(answer, "PAYMENT-RESPONSE")
    assert told_by_header == {
        "success": True,
        "payer": wallet.payer.address,
        "transaction": Transfer.objects.get().tx_hash,
        "network": "eip155:31337",
        "amount": DECIMAL,
    }
    assert decoded(answer, "X-PAYMENT-RESPONSE") == told_by_header == row.settlement
    payment = row.payment
    # Whoever submits it pays for that: the platform's half percent is all that it costs.
    assert (payment.rail, payment.received, payment.provider_fee) == ("x402", 2500, 0)
    assert payment.platform_fee == 13
    assert told(invoice)[-2:] == ["invoice.payment_started", "invoice.paid"]


def test_it_clears_when_the_chain_calls_it_final(wallet: Wallet, invoice: Invoice) -> None:
    wallet.pay(invoice.slug)
    network = networks.configured()["devnet"]
    watching.watch(network)
    assert Payment.objects.get().available_at is None
    wallet.devnet.mine(10)
    watching.watch(network)
    assert Transfer.objects.get().status == "final"
    assert Payment.objects.get().available_at is not None


def test_the_facilitator_is_asked_with_what_was_signed(
    wallet: Wallet, facilitator: Facilitator, invoice: Invoice, settings: Any
) -> None:
    settings.X402_FACILITATOR_TOKEN = "let-me-in"
    payload = wallet.sign(invoice.slug)
    assert wallet.send(invoice.slug, payload).status_code == 200
    assert [verb for verb, _ in facilitator.asked] == ["/verify", "/settle"]
    for _, asked in facilitator.asked:
        assert asked["x402Version"] == 2
        assert asked["paymentPayload"]["payload"] == {
            "signature": payload["payload"]["signature"],
            "authorization": payload["payload"]["authorization"],
        }
        assert asked["paymentPayload"]["accepted"] == asked["paymentRequirements"]
        assert asked["paymentRequirements"] == payload["accepted"]
    assert {said["Authorization"] for said in facilitator.headers} == {"Bearer let-me-in"}


def test_a_part_of_a_cent_is_paid_to_the_unit(wallet: Wallet, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, "0.001", currency="USDC")
    challenge = wallet.challenge(invoice.slug)
    assert challenge["accepts"][0]["amount"] == "1000"
    assert wallet.pay(invoice.slug).status_code == 200
    row = again(invoice)
    assert (row.status, row.amount_paid) == ("paid", 1000)
    assert Payment.objects.get().platform_fee == 5


def test_a_wallet_that_is_a_contract_pays(wallet: Wallet, invoice: Invoice) -> None:
    devnet = wallet.devnet
    contract = devnet.deploy("ContractWallet", wallet.payer.address)
    devnet.mint(contract.address, 50_000_000)
    assert wallet.pay(invoice.slug, sender=contract.address).status_code == 200
    assert only_one().payer == contract.address


def test_at_a_fixed_address_it_pays_the_invoice_it_was_signed_for(
    wallet: Wallet, api: Api, test_merchant: Merchant
) -> None:
    address = wallet.devnet.accounts[7].address
    first, second = (
        given_an_open_invoice(test_merchant, "25.00", wallet_address=address) for _ in range(2)
    )
    payload = wallet.sign(second.slug)
    # The other invoice asks for as much at the same address: it takes its own payer's money only.
    assert wallet.challenge(first.slug)["accepts"][0]["payTo"] == address
    assert wallet.send(first.slug, payload).status_code == 200
    assert (again(first).status, again(second).status) == ("paid", "open")
    answer = wallet.send(second.slug, payload)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert again(second).status == "open"
    assert wallet.pay(second.slug).status_code == 200
    assert again(second).status == "paid"
    watching.watch(networks.configured()["devnet"])
    assert Transfer.objects.count() == Payment.objects.count() == 2


# Once


def test_the_same_payment_again_moves_nothing(
    wallet: Wallet, facilitator: Facilitator, invoice: Invoice
) -> None:
    payload = wallet.sign(invoice.slug)
    answers = [wallet.send(invoice.slug, payload) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.headers["PAYMENT-RESPONSE"] for answer in answers}) == 1
    assert len(facilitator.settlements()) == 1
    only_one()


def test_a_paid_invoice_asks_for_nothing(
    wallet: Wallet, facilitator: Facilitator, invoice: Invoice
) -> None:
    other = wallet.sign(invoice.slug)
    paid = wallet.pay(invoice.slug)
    for answer in (wallet.api.post(path_of(invoice.slug)), wallet.send(invoice.slug, other)):
        assert answer.status_code == 200
        assert answer.headers["PAYMENT-RESPONSE"] == paid.headers["PAYMENT-RESPONSE"]
        assert answer.json() == paid.json()
    assert len(facilitator.settlements()) == 1


def test_one_authorization_pays_one_invoice(
    wallet: Wallet, facilitator: Facilitator, test_merchant: Merchant, invoice: Invoice
) -> None:
    other = given_an_open_invoice(test_merchant, "25.00")
    payload = wallet.sign(invoice.slug)
    assert wallet.send(invoice.slug, payload).status_code == 200
    answer = wallet.send(other.slug, payload)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert again(other).status == "open"
    assert len(facilitator.settlements()) == 1


def test_a_used_nonce_under_other_words_is_refused(wallet: Wallet, invoice: Invoice) -> None:
    payload = wallet.sign(invoice.slug)
    nonce = payload["payload"]["authorization"]["nonce"]
    other = wallet.sign(invoice.slug, nonce=nonce, value=1)
    assert wallet.send(invoice.slug, payload).status_code == 200
    assert wallet.send(invoice.slug, other).status_code == 200  # it is paid, and nothing moves
    only_one()


def test_an_identifier_names_one_payment(
    wallet: Wallet, facilitator: Facilitator, invoice: Invoice
) -> None:
    facilitator.settle = lambda asked: (500, {"error": "come back"})
    named = {"payment-identifier": {"info": {"required": False, "id": "order-0000000017"}}}
    first, second = (
        {**wallet.sign(invoice.slug, value=value), "extensions": named}
        for value in (25_000_000, 25_000_000)
    )
    assert wallet.send(invoice.slug, first).status_code == 202
    answer = wallet.send(invoice.slug, second)
    assert answer.status_code == 409
    # The same under the same name is the same.
    assert wallet.send(invoice.slug, first).status_code == 202
    x402_flow.authorizations.fail_authorization(
        Authorization.objects.get().pk, "transaction_failed", "Nothing was sent."
    )
    answer = wallet.send(invoice.slug, second)
    assert (answer.status_code, "identifier" in answer.json()["error"]["message"]) == (409, True)


# What is not taken


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"value": 24_999_999}, "invalid_exact_evm_payload_authorization_value_mismatch"),
        ({"value": 25_000_001}, "invalid_exact_evm_payload_authorization_value_mismatch"),
        (
            {"to": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"},
            "invalid_exact_evm_payload_recipient_mismatch",
        ),
        ({"valid_before": 1740672154}, "invalid_exact_evm_payload_authorization_valid_before"),
        ({"valid_before": 2**40}, "invalid_exact_evm_payload_authorization_valid_before"),
        ({"valid_after": 2**40}, "invalid_exact_evm_payload_authorization_valid_after"),
    ],
)
def test_another_message_is_refused(
    wallet: Wallet, invoice: Invoice, changes: dict[str, Any], code: str
) -> None:
    assert refused(wallet.pay(invoice.slug, **changes)) == code
    assert not Payment.objects.exists()
    assert again(invoice).status == "open"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("accepted", "network"), "eip155:8453", "invalid_network"),
        (("accepted", "asset"), "0x" + "12" * 20, "invalid_payment_requirements"),
        (("accepted", "extra", "name"), "USDC", "missing_eip712_domain"),
        (("accepted", "extra", "assetTransferMethod"), "permit2", "invalid_payload"),
        (("accepted", "scheme"), "upto", "unsupported_scheme"),
        (
            ("payload", "authorization", "from"),
            "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
            "invalid_exact_evm_payload_signature",
        ),
        (
            ("payload", "signature"),
            "0x" + "11" * 65,
            "invalid_exact_evm_payload_signature",
        ),
    ],
)
def test_what_was_changed_after_signing_is_refused(
    wallet: Wallet, invoice: Invoice, path: tuple[str, ...], value: str, code: str
) -> None:
    payload = wallet.sign(invoice.slug)
    part = payload
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    assert refused(wallet.send(invoice.slug, payload)) == code
    assert not Payment.objects.exists()


def test_another_token_of_the_same_name_is_refused(wallet: Wallet, invoice: Invoice) -> None:
    """Signed for the look-alike, it is nobody's signature for USDC."""
    payload = wallet.sign(invoice.slug)
    devnet = wallet.devnet
    said = payload["payload"]["authorization"]
    real, devnet.token = devnet.token, devnet.lookalike
    try:
        _, signature = devnet.authorization(
            said["to"],
            int(said["value"]),
            payer=wallet.payer,
            valid_after=int(said["validAfter"]),
            valid_before=int(said["validBefore"]),
            nonce=said["nonce"],
        )
    finally:
        devnet.token = real
    payload["payload"]["signature"] = signature
    assert refused(wallet.send(invoice.slug, payload)) == "invalid_exact_evm_payload_signature"


def test_who_has_no_money_is_told_before_anything_is_begun(
    wallet: Wallet, invoice: Invoice
) -> None:
    answer = wallet.pay(invoice.slug, payer=wallet.devnet.accounts[5])
    assert refused(answer) == "invalid_exact_evm_insufficient_balance"
    assert not Payment.objects.exists()


def test_a_facilitator_that_cannot_tell_is_no_refusal(
    wallet: Wallet, facilitator: Facilitator, invoice: Invoice
) -> None:
    payload = wallet.sign(invoice.slug)
    for answer in (
        (0, {}),
        (503, {"error": "later"}),
        (200, b"not json"),
        (200, []),
        (200, {"isValid": False, "invalidReason": "unexpected_verify_error"}),
    ):
        facilitator.verify = lambda asked, answer=answer: answer
        told_back = wallet.send(invoice.slug, payload)
        assert (told_back.status_code, told_back.headers["Retry-After"]) == (502, "5")
    assert not Payment.objects.exists()
    facilitator.verify = lambda asked: (
        400,
        {"isValid": False, "invalidReason": "insufficient_funds"},
    )
    assert refused(wallet.send(invoice.slug, payload)) == "insufficient_funds"


def test_a_settlement_that_was_refused_has_failed(
    wallet: Wallet, facilitator: Facilitator, invoice: Invoice
) -> None:
    facilitator.settle = lambda asked: (
        200,
        {"success": False, "errorReason": "insufficient_funds", "transaction": ""},
    )
    payload = wallet.sign(invoice.slug)
    answers = [wallet.send(invoice.slug, payload) for _ in range(2)]
    assert [refused(answer) for answer in answers] == ["insufficient_funds"] * 2
    assert len(facilitator.settlements()) == 1
    only_one("failed")
    assert again(invoice).status == "open"
    # Should it move after all, it pays: whoever reads the chain finds it.
    network = networks.configured()["devnet"]
    watching.watch(network)
    settled(wallet.devnet, facilitator.settlements()[0])
    wallet.devnet.mine(5)
    watching.watch(network)
    assert again(invoice).status == "paid"
    assert wallet.send(invoice.slug, payload).status_code == 200


# What is not heard


def test_a_silence_after_it_was_sent_is_seen_through(
    wallet: Wallet, facilitator: Facilitator, invoice: Invoice
) -> None:
    def settle(asked: dict[str, Any]) -> tuple[int, Any]:
        settled(wallet.devnet, asked)
        return 0, {}

    facilitator.settle = settle
    assert wallet.pay(invoice.slug).status_code == 200
    only_one()


@pytest.mark.parametrize(
    "answer",
    [
        (500, {"success": False, "errorReason": "settlement_pending", "transaction": "{}"}),
        (200, {"success": False, "errorReason": "transaction_failed", "transaction": "{}"}),
        (200, {"success": False, "errorReason": "transaction_failed", "transaction": ""}),
        (503, {"error": "busy"}),
        (200, b"<html>"),
        (0, {}),
        # It lies, or has seen what our own node has not.
        (200, {"success": True, "transaction": "0x" + "ab" * 32}),
    ],
)
def test_what_is_pending_is_never_called_failed_nor_asked_for_again(
    wallet: Wallet, facilitator: Facilitator, invoice: Invoice, later: Any, answer: Any
) -> None:
    devnet = wallet.devnet
    payload = wallet.sign(invoice.slug)
    devnet.automine(False)

    def settle(asked: dict[str, Any]) -> tuple[int, Any]:
        sent = settled(devnet, asked)["transaction"]
        status, body = answer
        if isinstance(body, dict) and body.get("transaction") == "{}":
            body = {**body, "transaction": sent}
        return status, body

    facilitator.settle = settle
    told_back = wallet.send(invoice.slug, payload)
    assert told_back.status_code == 202
    assert told_back.json()["status"] == "pending"
    assert told_back.headers["Retry-After"] == "3"
    said = decoded(told_back, "PAYMENT-RESPONSE")
    assert (said["success"], said["errorReason"]) == (False, "settlement_pending")
    assert again(invoice).status == "paying"
    # Whoever asks without it is not told to pay.
    asked = wallet.api.post(path_of(invoice.slug))
    assert (asked.status_code, asked.headers["Retry-After"]) == (409, "3")
    assert wallet.send(invoice.slug, payload).status_code == 202
    assert len(facilitator.settlements()) == 1
    devnet.mine()
    devnet.automine(True)
    later(seconds=61)
    assert tasks.look_at_authorizations() == 1
    assert again(invoice).status == "paid"
    assert len(facilitator.settlements()) == 1
    assert wallet.send(invoice.slug, payload).status_code == 200
    only_one()


def test_what_was_never_sent_is_asked_for_again_with_the_same_words(
    wallet: Wallet, facilitator: Facilitator, invoice: Invoice, later: Any
) -> None:
    facilitator.settle = lambda asked: (0, {})
    assert wallet.pay(invoice.slug).status_code == 202
    assert tasks.look_at_authorizations() == 0  # it is not due yet
    later(seconds=61)
    facilitator.settle = lambda asked: (200, settled(wallet.devnet, asked))
    assert tasks.look_at_authorizations() == 1
    first, second = facilitator.settlements()
    assert first == second
    only_one()


def test_it_has_failed_when_it_cannot_be_used_any_more(
    wallet: Wallet, facilitator: Facilitator, invoice: Invoice, later: Any
) -> None:
    devnet = wallet.devnet
    facilitator.settle = lambda asked: (0, {})
    payload = wallet.sign(invoice.slug)
    assert wallet.send(invoice.slug, payload).status_code == 202
    ends = Authorization.objects.get().valid_before
    # It has run out, but the chain calls no block final that is later.
    later(minutes=10)
    devnet.set_next_time(ends + timedelta(minutes=2))
    devnet.mine(3)
    asked_before = len(facilitator.settlements())
    assert tasks.look_at_authorizations() == 0
    assert again(invoice).status == "paying"
    devnet.mine(5)
    later(minutes=10)
    assert tasks.look_at_authorizations() == 1
    assert len(facilitator.settlements()) == asked_before
    only_one("failed")
    assert again(invoice).status == "open"
    assert told(invoice)[-1] == "invoice.payment_failed"
    assert (
        refused(wallet.send(invoice.slug, payload))
        == "invalid_exact_evm_payload_authorization_valid_before"
    )


def test_a_node_that_is_silent_proves_nothing(
    wallet: Wallet,
    facilitator: Facilitator,
    invoice: Invoice,
    later: Any,
    settings: Any,
    rpc_proxy: Callable[[], Any],
) -> None:
    node = rpc_proxy()
    settings.USDC_CHAINS = f"devnet={node.url}"
    payload = wallet.sign(invoice.slug)

    def settle(asked: dict[str, Any]) -> tuple[int, Any]:
        node.lies.cut = True
        return 200, {"success": False, "errorReason": "insufficient_funds", "transaction": ""}

    facilitator.settle = settle
    assert wallet.send(invoice.slug, payload).status_code == 202
    later(minutes=20)
    assert tasks.look_at_authorizations() == 0
    assert again(invoice).status == "paying"
    node.lies.cut = False
    settled(wallet.devnet, facilitator.settlements()[0])
    later(minutes=20)
    assert tasks.look_at_authorizations() == 1
    only_one()


# Others who use it


def test_what_somebody_else_has_submitted_first_is_credited(
    wallet: Wallet, invoice: Invoice
) -> None:
    payload = wallet.sign(invoice.slug)
    settled(wallet.devnet, {"paymentPayload": payload, "paymentRequirements": payload["accepted"]})
    assert wallet.send(invoice.slug, payload).status_code == 200
    assert only_one().payment.rail == "x402"
    watching.watch(networks.configured()["devnet"])
    only_one()


def test_the_watcher_and_the_facilitator_tell_of_one_transfer(
    wallet: Wallet, facilitator: Facilitator, invoice: Invoice
) -> None:
    network = networks.configured()["devnet"]
    watching.watch(network)

    def settle(asked: dict[str, Any]) -> tuple[int, Any]:
        answer = settled(wallet.devnet, asked)
        assert watching.watch(network) == 1
        assert Transfer.objects.get().status == "detected"
        assert again(invoice).status == "paying"
        return 200, answer

    facilitator.settle = settle
    assert wallet.pay(invoice.slug).status_code == 200
    only_one()
    wallet.devnet.mine(5)
    watching.watch(network)
    only_one()


def test_the_watcher_alone_is_enough(
    wallet: Wallet, facilitator: Facilitator, invoice: Invoice, later: Any
) -> None:
    network = networks.configured()["devnet"]
    watching.watch(network)
    wallet.devnet.automine(False)
    facilitator.settle = lambda asked: (0, settled(wallet.devnet, asked))
    payload = wallet.sign(invoice.slug)
    assert wallet.send(invoice.slug, payload).status_code == 202
    wallet.devnet.mine(5)
    watching.watch(network)
    assert again(invoice).status == "paid"
    only_one()
    later(minutes=20)
    assert tasks.look_at_authorizations() == 0
    assert wallet.send(invoice.slug, payload).status_code == 200


def test_what_its_payer_has_canceled_does_not_pay(wallet: Wallet, invoice: Invoice) -> None:
    payload = wallet.sign(invoice.slug)
    cancel(wallet, payload)
    assert refused(wallet.send(invoice.slug, payload)) == "invalid_exact_evm_nonce_already_used"
    assert not Payment.objects.exists()


def test_what_its_payer_cancels_on_the_way_fails_in_the_end(
    wallet: Wallet, facilitator: Facilitator, invoice: Invoice, later: Any
) -> None:
    def settle(asked: dict[str, Any]) -> tuple[int, Any]:
        cancel(wallet, asked["paymentPayload"])
        reason = "invalid_exact_evm_nonce_already_used"
        return 200, {"success": False, "errorReason": reason, "transaction": ""}

    facilitator.settle = settle
    assert wallet.pay(invoice.slug).status_code == 202
    wallet.devnet.set_next_time(Authorization.objects.get().valid_before + timedelta(minutes=2))
    wallet.devnet.mine(8)
    later(minutes=10)
    assert tasks.look_at_authorizations() == 1
    assert only_one("failed").settlement["errorReason"] == "invalid_exact_evm_nonce_already_used"
    assert again(invoice).status == "open"


def test_a_replaced_block_takes_it_back_and_it_is_used_again(
    wallet: Wallet, invoice: Invoice, later: Any
) -> None:
    network = networks.configured()["devnet"]
    watching.watch(network)
    payload = wallet.sign(invoice.slug)
    assert wallet.send(invoice.slug, payload).status_code == 200
    watching.watch(network)
    wallet.devnet.reorg(1)
    watching.watch(network)
    assert again(invoice).status == "open"
    row = Authorization.objects.get()
    assert (row.status, row.payment.status) == ("pending", "reversed")
    later(seconds=1)
    # The local facilitator had counted a transaction of its own that is gone as well.
    x402_facilitator._scheme.cache_clear()
    assert tasks.look_at_authorizations() == 1
    assert again(invoice).status == "paid"
    row = Authorization.objects.get()
    assert (row.status, row.payment.status, row.payment.rail) == ("settled", "succeeded", "x402")
    assert sorted(Transfer.objects.values_list("status", flat=True)) == ["confirmed", "orphaned"]
    assert wallet.send(invoice.slug, payload).status_code == 200


# The auditor


@pytest.mark.tampers
@pytest.mark.parametrize(
    "change",
    [
        {"status": "failed"},
        {"status": "pending"},
        {"tx_hash": "0x" + "ab" * 32},
        {"units": 1},
        {"payer": "0x" + "12" * 20},
    ],
)
def test_the_audit_holds_authorizations_against_their_transfers(
    wallet: Wallet, invoice: Invoice, change: dict[str, Any]
) -> None:
    assert wallet.pay(invoice.slug).status_code == 200
    assert audit() == []
    rows = Authorization.objects.filter(payment__invoice=invoice)
    rows.update(**change)
    nonce = Authorization.objects.get().nonce
    assert ("I11", nonce) in {(found.invariant, found.name) for found in audit()}


def cancel(wallet: Wallet, payload: dict[str, Any]) -> None:
    """The payer withdraws what they have signed."""
    from eth_account.messages import encode_typed_data

    devnet, said = wallet.devnet, payload["payload"]["authorization"]
    types = {
        "CancelAuthorization": [
            {"name": "authorizer", "type": "address"},
            {"name": "nonce", "type": "bytes32"},
        ]
    }
    message = {"authorizer": said["from"], "nonce": said["nonce"]}
    signed = wallet.payer.sign_message(encode_typed_data(devnet.domain, types, message))
    form = devnet.token.get_function_by_signature("cancelAuthorization(address,bytes32,bytes)")
    devnet.send(form(*message.values(), bytes(signed.signature)), devnet.accounts[3].address)
