"""Which networks the two settings configure, and what is refused with its reason."""

import json
import subprocess
import sys

import pytest
from pydantic import ValidationError

from config.env import BASE_DIR, Environment
from payments.chain import networks
from payments.chain.addresses import checksummed
from payments.chain.networks import PRESETS, read
from payments.chain.uris import transfer_uri

TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
LOCAL = {"chain_id": 31337, "token": TOKEN, "confirmations": 2, "testnet": True}
SECRET_URL = "https://user:hunter2@node.example.com/v2/s3cr3t-key"

pytestmark = pytest.mark.once


def test_every_preset_is_written_as_its_checksum_says() -> None:
    for network in PRESETS.values():
        for token in (network.token, *network.other_tokens):
            assert checksummed(token.lower()) == token
        assert network.token not in network.other_tokens
    assert len({network.chain_id for network in PRESETS.values()}) == len(PRESETS) == 12
    assert [network.key for network in PRESETS.values() if not network.testnet] == [
        *("ethereum", "base", "polygon", "arbitrum", "optimism", "avalanche")
    ]
    assert PRESETS["base"].caip2 == "eip155:8453"


def test_chains_are_read_in_their_order_with_one_endpoint_or_more() -> None:
    found = read(
        " polygon=https://p.example/?key=a=b , base=https://one.example/k|http://two:8545 ,", ""
    )
    assert list(found) == ["polygon", "base"]
    assert found["polygon"].endpoints == ("https://p.example/?key=a=b",)
    assert found["base"].endpoints == ("https://one.example/k", "http://two:8545")
    assert found["base"].token == PRESETS["base"].token
    assert read("", "") == {}


def test_networks_are_added_and_figures_changed() -> None:
    said = json.dumps(
        {
            "base": {"confirmations": 20, "other_tokens": [TOKEN.lower()]},
            "local": LOCAL | {"name": "Here", "explorer": "http://127.0.0.1/tx/"},
        }
    )
    found = read("base=https://one.example,local=http://127.0.0.1:8545", said)
    assert (found["base"].confirmations, found["base"].other_tokens) == (20, (TOKEN,))
    assert found["base"].chain_id == 8453
    local = found["local"]
    assert (local.name, local.token, local.token_name, local.testnet) == (
        *("Here", TOKEN, "USDC"),
        True,
    )
    assert local.endpoints == ("http://127.0.0.1:8545",)
    # What nobody changes is as it was, and an added network without endpoints is not read.
    assert PRESETS["base"].confirmations == 10
    assert "local" not in read("base=https://one.example", said)


@pytest.mark.parametrize(
    ("chains", "reason"),
    [
        ("https://one.example", "USDC_CHAINS must look like base="),
        ("base", "USDC_CHAINS must look like base="),
        ("bass=https://one.example", "'bass' is not one of ethereum, base, "),
        ("Base=https://one.example", "'Base' is not one of"),
        ("base=https://a.example,base=https://b.example", "base stands there twice"),
        ("base=", "an endpoint of base is no address"),
        ("base=https://a.example|", "an endpoint of base is no address"),
        ("base=ws://a.example", "an endpoint of base is no address"),
        ("base=https://a.example:port", "an endpoint of base is no address"),
        ("base=https://a b.example", "an endpoint of base is no address"),
        ("base=https://a.example|https://a.example", "twice, and would agree with itself"),
        (f"base={SECRET_URL},{SECRET_URL}", "USDC_CHAINS must look like base="),
    ],
)
def test_a_wrong_chain_is_refused_with_its_reason(chains: str, reason: str) -> None:
    with pytest.raises(ValueError, match="USDC_CHAINS") as caught:
        read(chains, "")
    assert reason in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("base", "Invalid JSON"),
        ("[]", "must be JSON such as"),
        ('{"base": 3}', "at base"),
        ({"base": {"confirmation": 3}}, "at base.confirmation:"),
        ({"base": {"confirmations": 0}}, "at base.confirmations:"),
        ({"base": {"confirmations": "3"}}, "at base.confirmations:"),
        ({"base": {"confirmations": True}}, "at base.confirmations:"),
        ({"base": {"block_seconds": 0}}, "at base.block_seconds:"),
        ({"base": {"explorer": "basescan.org"}}, "at base.explorer:"),
        ({"base": {"token": TOKEN[:-1]}}, "an address is 0x and 40 hexadecimal digits"),
        ({"base": {"token": TOKEN.replace("D", "d", 1)}}, "its checksum is wrong"),
        ({"base": {"other_tokens": ["0x"]}}, "at base.other_tokens.0:"),
        ({"base": {"chain_id": 8454}}, "base has chain_id 8453"),
        ({"base": {"testnet": True}}, "base has testnet False"),
        ({"local": {"chain_id": 31337}}, "also needs token, confirmations, testnet"),
        ({"My chain": LOCAL}, "small letters, digits and hyphens"),
        ({"mine": LOCAL | {"chain_id": 8453}}, "mine has the chain_id 8453 of base"),
        ({"one": LOCAL, "two": LOCAL}, "two has the chain_id 31337 of one"),
    ],
)
def test_a_wrong_network_is_refused_with_its_reason(said: object, reason: str) -> None:
    text = said if isinstance(said, str) else json.dumps(said)
    with pytest.raises(ValueError, match="USDC_NETWORKS") as caught:
        read("base=https://one.example", text)
    assert reason in str(caught.value)


def test_live_merchants_and_test_merchants_have_networks_of_their_own(settings: object) -> None:
    settings.USDC_CHAINS = (
        "base-sepolia=https://s.example,base=https://b.example,local=https://l.example"
    )
    settings.USDC_NETWORKS = json.dumps({"local": LOCAL})
    assert list(networks.configured()) == ["base-sepolia", "base", "local"]
    assert [network.key for network in networks.for_merchant(livemode=True)] == ["base"]
    assert [network.key for network in networks.for_merchant(livemode=False)] == [
        *("base-sepolia", "local")
    ]
    assert {TOKEN, PRESETS["base"].token, *PRESETS["base"].other_tokens} <= networks.known_tokens()
    settings.USDC_CHAINS = ""
    assert networks.configured() == {}
    assert TOKEN not in networks.known_tokens()


def test_a_wrong_setting_stops_the_process_without_repeating_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("USDC_CHAINS")
    with pytest.raises(ValidationError, match="USDC_CHAINS: 'bass'") as caught:
        Environment(_env_file=None, USDC_CHAINS=f"bass={SECRET_URL}")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ValidationError, match="USDC_NETWORKS at base.confirmations"):
        Environment(_env_file=None, USDC_NETWORKS='{"base": {"confirmations": 0}}')
    # The control: the same environment with a right value.
    Environment(_env_file=None, USDC_CHAINS=f"base={SECRET_URL}")


def test_reading_the_settings_imports_no_chain_library() -> None:
    script = (
        "import sys\n"
        "from payments.chain.networks import read\n"
        "read('base=https://one.example', '{\"base\": {\"confirmations\": 2}}')\n"
        "print(sorted({'web3', 'eth_utils', 'coincurve'} & set(sys.modules)))\n"
        "import payments.chain.keys\n"
        "print(sorted({'web3', 'eth_utils', 'coincurve'} & set(sys.modules)))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=BASE_DIR, capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines() == ["[]", "['coincurve', 'eth_utils']"]


def test_a_wallet_is_asked_for_the_exact_amount() -> None:
    assert transfer_uri(
        PRESETS["base"], "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", 25_000_000
    ) == (
        "ethereum:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913@8453/transfer"
        "?address=0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266&uint256=25000000"
    )
