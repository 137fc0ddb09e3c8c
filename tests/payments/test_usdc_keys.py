"""What a merchant gives to be paid to: what can only receive is taken, what can spend refused."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from config.env import BASE_DIR
from invoicing.models import Merchant
from payments import exporting
from payments.actions.wallets import create_wallet
from payments.chain.rehearsal import TEST_XPUB
from payments.inputs import WalletInput
from payments.models import DepositAddress, ReceivingKey, Wallet
from tests.factories import given_a_merchant, given_an_open_invoice, told
from tests.fixtures import Api

pytestmark = pytest.mark.django_db
XPUB = (
    "xpub6DyUKdwoLWmUJ4Tn9Bbsdtx7B5Ws18mEN19e5HT52ikE53FiUheSQXrZUNPovqfyKmw4579A1Mm3GXXKM39N64uoo"
    "BfJ4tNAzFsEbodRTx4"
)
FIRST = [
    "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
]
# Of BIP-32's first test vector, and nobody's.
XPRV = (
    "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGt"
    "RBeJgk33yuGBxrMPHi"
)
SPENDING = "0363721eb9e981558c748b824cb32a840da2b3e8957c2fc3bcb8d9c86cb87456"
VIEWING = "b52a0555f6a8663d89f00365893b1ef9e38eaf2e8bc48a63319c9ea5cb4a27c5"
META = (
    "st:eth:0x033404e82cd2a92321d51e13064ec13a0fb0192a9fdaaca1cfb47b37bd27ec1397"
    "0390ad5eca026c05ab5cf4d620a2ac65241b11df004ddca360e954db1b26e3846e"
)


def wallet_of(merchant: Merchant) -> Wallet:
    return create_wallet(merchant, WalletInput(name="Main", currency="USD"))


def give(api: Api, wallet: Wallet, **key: str) -> Any:
    return api.post(f"/v1/wallets/{wallet.public_id}/receiving_keys", key)


def ask(api: Api, merchant: Merchant) -> str:
    invoice = given_an_open_invoice(merchant, "1.00")
    answer = api.post(f"/v1/invoices/pay/{invoice.slug}/usdc", {})
    assert answer.status_code == 200, answer.json()
    return str(answer.json()["address"])


def test_an_extended_key_counts_on_and_never_back(api: Api, test_merchant: Merchant) -> None:
    wallet = wallet_of(test_merchant)
    given = give(api, wallet, xpub=XPUB).json()
    assert (given["kind"], given["first_addresses"], given["next_index"]) == ("xpub", FIRST, 0)
    assert [ask(api, test_merchant) for _ in range(2)] == FIRST[:2]
    # Another key, and back: what was given out is not given out again.
    assert give(api, wallet, address=FIRST[0]).status_code == 201
    assert ask(api, test_merchant) == FIRST[0]
    assert give(api, wallet, xpub=XPUB).json()["next_index"] == 2
    assert ask(api, test_merchant) == FIRST[2]
    kinds = [
        row["kind"]
        for row in api.get(f"/v1/wallets/{wallet.public_id}/receiving_keys").json()["data"]
    ]
    assert kinds == ["xpub", "address", "xpub"]
    now = ReceivingKey.objects.get(retired_at=None)
    assert told(now) == ["wallet.receiving_key_changed"]


def test_two_merchants_of_one_key_never_share_an_address(
    api: Api, ben_api: Api, test_merchant: Merchant, ben_merchant: Merchant
) -> None:
    give(api, wallet_of(test_merchant), xpub=XPUB)
    give(ben_api, wallet_of(ben_merchant), xpub=XPUB)
    found = [ask(api, test_merchant), ask(ben_api, ben_merchant), ask(api, test_merchant)]
    assert found == FIRST


def test_the_same_key_again_is_the_same(api: Api, test_merchant: Merchant) -> None:
    wallet = wallet_of(test_merchant)
    ids = [give(api, wallet, stealth_meta_address=META).json()["id"] for _ in range(2)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [
        ("xpub", XPRV, "private"),
        ("xpub", "0x" + SPENDING, "private"),
        ("xpub", "test test test test test test test test test test test junk", "phrase"),
        ("xpub", FIRST[0], "address"),
        ("xpub", XPUB[:-1] + "5", "checksum"),
        ("stealth_meta_address", META[:-2], "132"),
        ("stealth_meta_address", "st:eth:0x" + "05" * 66, "public key"),
        ("address", "0x70997970c51812dc3A010C7d01b50e0d17dc79C8", "checksum"),
        ("address", "0x" + "0" * 40, "Nobody holds"),
    ],
)
def test_what_is_no_receiving_key_is_refused_and_never_repeated(
    api: Api, test_merchant: Merchant, field: str, text: str, says: str
) -> None:
    answer = give(api, wallet_of(test_merchant), **{field: text})
    assert answer.status_code == 400
    (problem,) = answer.json()["error"]["details"]["fields"]
    assert problem["field"] == field
    assert says in problem["message"]
    if says in {"private", "phrase"}:
        assert text not in answer.content.decode()
    assert not ReceivingKey.objects.exists()


def test_exactly_one_of_the_three(api: Api, test_merchant: Merchant) -> None:
    wallet = wallet_of(test_merchant)
    assert give(api, wallet).status_code == 400
    assert give(api, wallet, xpub=XPUB, address=FIRST[0]).status_code == 400


def test_a_live_merchant_takes_no_key_of_a_testnet(ada: Any, settings: Any) -> None:
    merchant = given_a_merchant(ada, livemode=True, name="Live")
    from tests.factories import given_a_key

    api = Api(given_a_key(merchant))
    wallet = wallet_of(merchant)
    answer = give(api, wallet, stealth_meta_address=META.replace("st:eth:", "st:sep:"))
    assert answer.status_code == 400
    assert "test network" in answer.json()["error"]["details"]["fields"][0]["message"]
    known = give(api, wallet, xpub=TEST_XPUB)
    assert known.status_code == 400
    assert "Everybody knows" in known.json()["error"]["details"]["fields"][0]["message"]
    # And without a key, or without a chain, nothing is taken at all.
    invoice = given_an_open_invoice(merchant, "1.00")
    refused = api.post(f"/v1/invoices/pay/{invoice.slug}/usdc", {})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "not_configured")
    settings.USDC_CHAINS = "base=http://127.0.0.1:9"
    refused = api.post(f"/v1/invoices/pay/{invoice.slug}/usdc", {})
    assert "has not said yet" in refused.json()["error"]["message"]
    assert not DepositAddress.objects.exists()


def test_the_export_and_ones_own_keys_find_every_stealth_address(
    api: Api, test_merchant: Merchant, tmp_path: Path
) -> None:
    wallet = wallet_of(test_merchant)
    give(api, wallet, xpub=XPUB)
    ask(api, test_merchant)
    give(api, wallet, stealth_meta_address=META)
    made = [ask(api, test_merchant) for _ in range(5)]
    (tmp_path / "export.csv").write_text(exporting.as_csv(test_merchant))
    (tmp_path / "keys.txt").write_text(f"{SPENDING}\n{VIEWING}\n")
    files = [tmp_path / "export.csv", tmp_path / "keys.txt"]
    run = subprocess.run(
        [sys.executable, "examples/recover_stealth.py", *files],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    found = [line.split(",")[1] for line in run.stdout.splitlines()[1:]]
    assert found == made
    export = api.get("/v1/usdc_addresses/export").json()
    stealth = [row for row in export["addresses"] if row["kind"] == "stealth"]
    assert [row["address"] for row in stealth] == made
    assert all(len(row["ephemeral_public_key"]) == 68 for row in stealth)
    assert "lost" in export["warning"]


def test_the_database_holds_nothing_that_spends(
    api: Api, test_merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the secret behind a stealth address, nor the hash of what it shares, nor any key."""
    from coincurve import PublicKey
    from eth_utils.crypto import keccak

    from payments.chain import keys

    secrets = []
    random_bytes = keys.ids.random_bytes

    def remembered(count: int) -> bytes:
        drawn = random_bytes(count)
        if count == 32:
            secrets.append(drawn)
        return drawn

    monkeypatch.setattr(keys.ids, "random_bytes", remembered)
    give(api, wallet_of(test_merchant), stealth_meta_address=META)
    address = ask(api, test_merchant)
    meta = keys.parse_meta_address(META)
    made = {keys.new_stealth_address(meta, one).address: one for one in secrets}
    secret = made[address]
    shared = keccak(PublicKey(meta.view).multiply(secret).format())
    out = io.StringIO()
    call_command("dumpdata", "payments", "invoicing", stdout=out)
    dump = json.dumps(json.loads(out.getvalue())).lower()
    assert DepositAddress.objects.get(address=address).ephemeral_public_key[2:] in dump
    for hidden in (secret, shared, bytes.fromhex(SPENDING), bytes.fromhex(VIEWING)):
        assert hidden.hex() not in dump
        assert str(int.from_bytes(hidden, "big")) not in dump


def test_a_list_asks_once_where_usdc_can_be_received(
    ada: Any, settings: Any, django_assert_num_queries: Any
) -> None:
    from tests.factories import given_a_key

    settings.USDC_CHAINS = "base=http://127.0.0.1:9"
    settings.X402_FACILITATOR_URL = "http://127.0.0.1:9"
    merchant = given_a_merchant(ada, livemode=True, name="Live")
    api = Api(given_a_key(merchant))
    give(api, wallet_of(merchant), xpub=XPUB)
    given_an_open_invoice(merchant)
    api.get("/v1/invoices")
    for more in (0, 4):
        for _ in range(more):
            given_an_open_invoice(merchant)
        with django_assert_num_queries(7):
            rows = api.get("/v1/invoices").json()["data"]
        assert {row["agent_protocol"]["state"] for row in rows} == {"payment_required"}
    # The control: without a key there is nothing to offer.
    ReceivingKey.objects.update(retired_at="2026-01-01T00:00:00Z")
    rows = api.get("/v1/invoices").json()["data"]
    assert {row["agent_protocol"]["state"] for row in rows} == {"invoice_open"}
