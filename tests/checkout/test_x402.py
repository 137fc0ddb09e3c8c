"""x402 on the wire: what is asked for, in both versions, and how the official clients pay it."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from invoicing import clock
from invoicing.actions import invoices
from invoicing.models import Invoice, Merchant
from payments.models import Authorization, DepositAddress, Payment, Transfer
from tests.factories import again, given_a_draft, given_an_open_invoice, let_pass, pay, work
from tests.fixtures import Api
from tests.fixtures_api import everything
from tests.fixtures_x402 import Facilitator, Wallet, decoded, encoded, path_of

pytestmark = pytest.mark.django_db

TOKEN = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"


@pytest.fixture
def configured(settings: Any) -> Any:
    """An installation that is paid on Base Sepolia, whose node nobody asks here."""
    settings.USDC_CHAINS = "base-sepolia=http://127.0.0.1:9,arbitrum-sepolia=http://127.0.0.1:9"
    settings.X402_FACILITATOR_URL = "http://127.0.0.1:9"
    return settings


@pytest.fixture
def invoice(test_merchant: Merchant) -> Invoice:
    return given_an_open_invoice(test_merchant, "25.00")


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# What is asked for


def test_the_challenge_in_both_versions(
    configured: Any, anonymous_api: Api, invoice: Invoice
) -> None:
    answer = anonymous_api.get(path_of(invoice.slug))
    assert answer.status_code == 402
    address = DepositAddress.objects.get(invoice=invoice).address
    url = f"http://127.0.0.1:8000/v1/invoices/pay/{invoice.slug}/x402"
    wanted = {
        "scheme": "exact",
        "network": "eip155:84532",
        "asset": TOKEN,
        "amount": "25000000",
        "payTo": address,
        "maxTimeoutSeconds": 300,
        "extra": {"name": "USDC", "version": "2"},
    }
    challenge = decoded(answer, "PAYMENT-REQUIRED")
    identifier = challenge.pop("extensions").pop("payment-identifier")
    assert identifier["info"] == {"required": False}
    assert identifier["schema"]["properties"]["id"]["minLength"] == 16
    arbitrum = challenge["accepts"].pop()
    assert arbitrum["network"] == "eip155:421614"
    assert challenge == {
        "x402Version": 2,
        "error": "PAYMENT-SIGNATURE header is required",
        "resource": {
            "url": url,
            "description": "Invoice TEST-0001",
            "mimeType": "application/json",
        },
        "accepts": [wanted],
    }
    # Version 1 has no name for the other network.
    (older,) = answer.json()["accepts"]
    assert older.pop("outputSchema")["type"] == "object"
    assert answer.json()["x402Version"] == 1
    assert older == {
        "scheme": "exact",
        "network": "base-sepolia",
        "maxAmountRequired": "25000000",
        "resource": url,
        "description": "Invoice TEST-0001",
        "mimeType": "application/json",
        "payTo": address,
        "maxTimeoutSeconds": 300,
        "asset": TOKEN,
        "extra": {"name": "USDC", "version": "2"},
    }


def test_asking_changes_nothing_but_the_address(
    configured: Any, anonymous_api: Api, invoice: Invoice
) -> None:
    before = anonymous_api.post(path_of(invoice.slug))
    kept = everything()
    after = anonymous_api.get(path_of(invoice.slug))
    assert everything() == kept
    assert after.headers["PAYMENT-REQUIRED"] == before.headers["PAYMENT-REQUIRED"]
    assert not Payment.objects.exists()


def test_what_was_paid_in_part_is_asked_for_less(
    configured: Any, anonymous_api: Api, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant, "25.00", allow_partial=True)
    pay(invoice, amount=1000)
    challenge = decoded(anonymous_api.get(path_of(invoice.slug)), "PAYMENT-REQUIRED")
    assert challenge["accepts"][0]["amount"] == "15000000"


def test_the_time_to_pay_ends_with_the_invoice(
    configured: Any, anonymous_api: Api, invoice: Invoice, clock: Any
) -> None:
    for left, seconds in ((3600, 300), (100, 100), (10, 10)):
        ends = clock.at + timedelta(seconds=left)
        Invoice.objects.filter(pk=invoice.pk).update(expires_at=ends)
        challenge = decoded(anonymous_api.get(path_of(invoice.slug)), "PAYMENT-REQUIRED")
        assert challenge["accepts"][0]["maxTimeoutSeconds"] == seconds
    for left in (9, 0, -100):
        ends = clock.at + timedelta(seconds=left)
        Invoice.objects.filter(pk=invoice.pk).update(expires_at=ends)
        assert code_of(anonymous_api.get(path_of(invoice.slug))) == (410, "invalid_state")


def test_what_asks_for_nothing_is_never_402(
    configured: Any, anonymous_api: Api, test_merchant: Merchant, invoice: Invoice
) -> None:
    draft = given_a_draft(test_merchant)
    assert code_of(anonymous_api.get(path_of(draft.slug or "0" * 32))) == (404, "not_found")
    assert code_of(anonymous_api.get(path_of("0" * 32))) == (404, "not_found")
    invoices.void_invoice(test_merchant, invoice.public_id)
    assert code_of(anonymous_api.get(path_of(invoice.slug))) == (409, "invalid_state")
    late = given_an_open_invoice(test_merchant, "25.00")
    at = clock.now(again(test_merchant)) + timedelta(hours=1)
    Invoice.objects.filter(pk=late.pk).update(expires_at=at)
    let_pass(test_merchant, "PT2H")
    work()
    assert again(late).status == "expired"
    assert code_of(anonymous_api.get(path_of(late.slug))) == (410, "invalid_state")
    paid = given_an_open_invoice(test_merchant, "25.00")
    pay(paid)
    answer = anonymous_api.get(path_of(paid.slug))
    assert (answer.status_code, answer.json()["settlement"]) == (200, None)
    assert answer.json()["invoice"] == anonymous_api.get(f"/v1/invoices/pay/{paid.slug}").json()
    assert "PAYMENT-RESPONSE" not in answer.headers


@pytest.mark.parametrize(
    "missing", [{"X402_FACILITATOR_URL": ""}, {"USDC_CHAINS": ""}, {"USDC_CHAINS": "base=http://x"}]
)
def test_where_nobody_would_settle_it_is_not_offered(
    configured: Any, anonymous_api: Api, invoice: Invoice, missing: dict[str, str]
) -> None:
    for name, value in missing.items():
        setattr(configured, name, value)
    answer = anonymous_api.get(path_of(invoice.slug))
    assert code_of(answer) == (404, "not_configured")
    assert not DepositAddress.objects.exists()
    seen = anonymous_api.get(f"/v1/invoices/pay/{invoice.slug}").json()
    assert seen["agent_protocol"]["state"] == "invoice_open"


def test_a_live_merchant_without_a_key_is_not_offered(
    configured: Any, anonymous_api: Api, live: Merchant
) -> None:
    configured.USDC_CHAINS = "base=http://127.0.0.1:9"
    invoice = given_an_open_invoice(live, "25.00")
    assert code_of(anonymous_api.get(path_of(invoice.slug))) == (404, "not_configured")
    named = given_an_open_invoice(live, "25.00", wallet_address="0x" + "12" * 20)
    challenge = decoded(anonymous_api.get(path_of(named.slug)), "PAYMENT-REQUIRED")
    assert challenge["accepts"][0]["network"] == "eip155:8453"


# What cannot be read


@pytest.mark.parametrize("header", ["PAYMENT-SIGNATURE", "X-PAYMENT"])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("%%%", "must be base64 of a JSON object"),
        (base64.b64encode(b"{").decode(), "must be base64 of a JSON object"),
        (base64.b64encode(b"[]").decode(), "must be base64 of a JSON object"),
        (base64.b64encode(b"[" * 30000).decode(), "must be base64 of a JSON object"),
        (base64.b64encode(b'"\xff"').decode(), "must be base64 of a JSON object"),
        ("A" * 70000, "at most 65536 characters"),
        (encoded({}), "payload: Field required"),
        (encoded({"x402Version": 1}), "scheme: Field required"),
        (encoded({"x402Version": 2, "payload": 5}), "payload: Input should be"),
    ],
)
def test_a_malformed_payment_is_400_and_says_why(
    configured: Any, anonymous_api: Api, invoice: Invoice, header: str, text: str, told: str
) -> None:
    kept = everything()
    answer = anonymous_api.post(path_of(invoice.slug), **{header: text})
    assert code_of(answer) == (400, "invalid_payment")
    message = answer.json()["error"]["message"]
    assert message.startswith(header)
    assert told in message
    assert everything() == kept


def test_another_version_is_400(configured: Any, wallet: Wallet, invoice: Invoice) -> None:
    payload = {**wallet.sign(invoice.slug), "x402Version": 3}
    answer = wallet.send(invoice.slug, payload)
    assert code_of(answer) == (400, "invalid_payment")
    assert "x402Version must be 2 or 1" in answer.json()["error"]["message"]


# Browsers


def test_pages_of_others_may_pay(configured: Any, anonymous_api: Api, invoice: Invoice) -> None:
    client = anonymous_api.client
    asked = client.options(path_of(invoice.slug), headers={"Origin": "https://wallet.example"})
    assert asked.status_code == 204
    assert "PAYMENT-SIGNATURE" in asked.headers["Access-Control-Allow-Headers"]
    for answer in (asked, *(anonymous_api.get(path_of(slug)) for slug in (invoice.slug, "0" * 32))):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        exposed = answer.headers["Access-Control-Expose-Headers"]
        assert {"PAYMENT-REQUIRED", "PAYMENT-RESPONSE", "X-PAYMENT-RESPONSE"} <= set(
            exposed.split(", ")
        )
        assert "Set-Cookie" not in answer.headers


# Bots


def test_the_agent_protocol_leads_through_it(
    wallet: Wallet, facilitator: Facilitator, invoice: Invoice
) -> None:
    def protocol() -> Any:
        return wallet.api.get(f"/v1/invoices/pay/{invoice.slug}").json()["agent_protocol"]

    said = protocol()
    assert said["state"] == "payment_required"
    action = said["next_action"]
    assert (action["method"], action["path"]) == ("POST", path_of(invoice.slug))
    assert action["expect_status"] == [200, 202, 402]
    assert f"/v1/invoices/pay/{invoice.slug}/checkout" in said["steps"][2]
    answer = wallet.api.send(action["method"], action["path"], action["body_template"])
    assert answer.status_code == 402
    settle, facilitator.settle = facilitator.settle, lambda asked: (503, {})
    payload = wallet.sign(invoice.slug)
    assert wallet.send(invoice.slug, payload).status_code == 202
    said = protocol()
    assert said["state"] == "invoice_paying"
    assert said["next_action"]["retry"]["strategy"] == "fixed_interval"
    settle(facilitator.settlements()[0])
    assert wallet.send(invoice.slug, payload).status_code == 200
    assert protocol()["state"] == "invoice_paid"
    check = said["completion_check"]
    assert wallet.api.get(check["path"]).json()[check["field"]] == check["success_value"]


def test_what_a_payer_is_told_is_not_the_merchants_own(
    wallet: Wallet, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant, "25.00", metadata={"margin": "secret-margin"})
    answer = wallet.pay(invoice.slug)
    assert set(answer.json()) == {"object", "status", "settlement", "invoice"}
    assert set(answer.json()["settlement"]) == {
        "success",
        "payer",
        "transaction",
        "network",
        "amount",
    }
    seen = answer.content.decode() + str(answer.headers)
    payment = Payment.objects.get()
    ours = (payment.wallet.public_id, test_merchant.public_id)
    for secret in ("secret-margin", "platform_fee", *ours):
        assert secret not in seen


# The official clients


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", ["get", "post"])
def test_the_official_client_pays(
    wallet: Wallet, invoice: Invoice, live_server: Any, verb: str
) -> None:
    with client_of(wallet, most="25000000") as session:
        answer = session.request(verb, live_server.url + path_of(invoice.slug))
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "paid"
        again_answer = session.request(verb, live_server.url + path_of(invoice.slug))
    assert again(invoice).status == "paid"
    row = Authorization.objects.get()
    for told in (answer, again_answer):
        said = json.loads(base64.b64decode(told.headers["PAYMENT-RESPONSE"]))
        assert said["transaction"] == row.tx_hash == Transfer.objects.get().tx_hash
    assert wallet.paid_to(row.requirements["payTo"]) == [25_000_000]


@pytest.mark.django_db(transaction=True)
def test_the_official_client_keeps_to_its_limits(
    wallet: Wallet, invoice: Invoice, live_server: Any
) -> None:
    session = client_of(wallet, most="24999999")
    with session, pytest.raises(Exception, match="spend_controls"):
        session.get(live_server.url + path_of(invoice.slug))
    assert again(invoice).status == "open"


@pytest.mark.django_db(transaction=True)
def test_a_client_of_version_1_pays(
    wallet: Wallet, invoice: Invoice, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its package knows networks by name alone: the tests' chain borrows one."""
    import httpx
    from eth_account import Account
    from x402.http.utils import encode_payment_signature_header
    from x402.mechanisms.evm.exact.v1.client import ExactEvmSchemeV1
    from x402.mechanisms.evm.signers import EthAccountSigner
    from x402.mechanisms.evm.v1 import constants
    from x402.schemas.v1 import PaymentPayloadV1, PaymentRequiredV1

    from checkout.bots import x402

    monkeypatch.setitem(constants.V1_NETWORK_CHAIN_IDS, "base-sepolia", 31337)
    monkeypatch.setitem(x402.NAMES_V1, "eip155:31337", "base-sepolia")
    monkeypatch.delitem(x402.NAMES_V1, "eip155:84532")
    url = live_server.url + path_of(invoice.slug)
    challenge = PaymentRequiredV1.model_validate(httpx.get(url).json())
    (wanted,) = challenge.accepts
    scheme = ExactEvmSchemeV1(EthAccountSigner(Account.from_key(wallet.payer.key)))
    inner = scheme.create_payment_payload(wanted)
    payload = PaymentPayloadV1(scheme="exact", network=wanted.network, payload=inner)
    headers = {"X-PAYMENT": encode_payment_signature_header(payload)}
    answer = httpx.post(url, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    told = json.loads(base64.b64decode(answer.headers["X-PAYMENT-RESPONSE"]))
    assert (told["success"], told["network"]) == (True, "base-sepolia")
    assert again(invoice).status == "paid"


def client_of(wallet: Wallet, most: str) -> Any:
    """The x402 package's client for requests, with a limit to what it spends at once."""
    from eth_account import Account
    from x402 import x402ClientSync
    from x402.http.clients import x402_requests
    from x402.mechanisms.evm.exact import register_exact_evm_client
    from x402.mechanisms.evm.signers import EthAccountSigner

    client = x402ClientSync()
    signer = EthAccountSigner(Account.from_key(wallet.payer.key))
    register_exact_evm_client(client, signer, networks="eip155:31337")
    token = wallet.devnet.token.address
    limit = {"network": "eip155:31337", "asset": token, "max_amount_per_payment": most}
    client.set_spend_controls({"allowed_assets": [limit]})
    return x402_requests(client)
