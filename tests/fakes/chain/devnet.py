"""A chain on loopback: a node of its own, a token like USDC, and accounts with money."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from payments.chain.imports import keeping_the_recursion_limit
from payments.chain.networks import Network

with keeping_the_recursion_limit():
    from eth_account import Account
    from eth_account.signers.local import LocalAccount
    from web3 import HTTPProvider, Web3
    from web3.contract import Contract

_ROOT = Path(__file__).resolve().parents[3]
MNEMONIC = "test test test test test test test test test test test junk"
CHAIN_ID = 31337
ACCOUNTS = 10


class Devnet:
    """anvil on a free port, mining one block for each transaction unless told otherwise.

    with Devnet() as devnet:
        devnet.pay(address, 25_000_000)
        Chain(devnet.network()).transfers([address], 0, devnet.head)

    `token` is the USDC, `lookalike` a token of the same name that is none. `payer` has plenty of
    both; every account has ether. Finality is `2 * slots` blocks below the head. With `kept` the
    chain is kept in that folder, and with `block_seconds` it mines by the clock.
    """

    def __init__(
        self,
        slots: int = 2,
        token_name: str = "USD Coin",
        kept: Path | None = None,
        block_seconds: int = 0,
    ) -> None:
        self._slots = slots
        self._kept = kept
        self._block_seconds = block_seconds
        self._token_name = token_name
        self._process: subprocess.Popen[bytes] | None = None
        self._mines = True
        self.port = 0

    def __enter__(self) -> "Devnet":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> "Devnet":
        """Start the node and deploy the contracts."""
        self._process = subprocess.Popen(
            [
                *(_binary(), "--host", "127.0.0.1", "--port", "0"),
                *("--chain-id", str(CHAIN_ID), "--mnemonic", MNEMONIC),
                *("--accounts", str(ACCOUNTS), "--slots-in-an-epoch", str(self._slots)),
                *("--order", "fifo"),
                *(("--block-time", str(self._block_seconds)) if self._block_seconds else ()),
                *(self._keeping(self._kept) if self._kept else ()),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"HOME": tempfile.gettempdir(), "PATH": os.environ.get("PATH", "")},
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(b"Listening on "):
                self.port = int(line.rpartition(b":")[2])
                break
        else:
            raise RuntimeError("anvil did not start")
        # It tells of every request, and would stand still once nobody reads.
        threading.Thread(target=_read_on, args=(self._process.stdout,), daemon=True).start()
        self.web3 = Web3(HTTPProvider(self.url, exception_retry_configuration=None))
        self.accounts: list[LocalAccount] = [
            _account(f"m/44'/60'/0'/0/{index}") for index in range(ACCOUNTS)
        ]
        if self._found_again():
            return self
        self.token = self.deploy("TestUSDC", self._token_name, "2")
        self.lookalike = self.deploy("TestUSDC", self._token_name, "2")
        self.odd = self.deploy("OddToken")
        for token in (self.token, self.lookalike):
            self.mint(self.payer.address, 10**15, token)
        if self._kept:
            known = {name: getattr(self, name).address for name in _CONTRACTS}
            (self._kept / "contracts.json").write_text(json.dumps(known))
        return self

    @staticmethod
    def _keeping(folder: Path) -> tuple[str, ...]:
        folder.mkdir(parents=True, exist_ok=True)
        return ("--state", str(folder / "state.json"), "--state-interval", "2")

    def _found_again(self) -> bool:
        """Whether the contracts of an earlier run are there."""
        path = self._kept / "contracts.json" if self._kept else None
        if path is None or not path.exists():
            return False
        for name, address in json.loads(path.read_text()).items():
            abi = compiled()[_CONTRACTS[name]]["abi"]
            setattr(self, name, self.web3.eth.contract(address=address, abi=abi))
        return bool(self.web3.eth.get_code(self.token.address))

    def stop(self) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process = None

    # What others are told

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def payer(self) -> LocalAccount:
        """An account with money whose private key is known; so are those of all `accounts`."""
        return self.accounts[0]

    def network(self, *endpoints: str, **changes: Any) -> Network:
        """The network as Billhook knows it, read here or through these endpoints."""
        figures = {**self._figures(), **changes}
        figures["other_tokens"] = tuple(figures["other_tokens"])
        return Network(key="devnet", endpoints=endpoints or (self.url,), **figures)

    def settings(self, *endpoints: str, **changes: Any) -> dict[str, str]:
        """USDC_CHAINS and USDC_NETWORKS of an installation that takes this network's money."""
        return {
            "USDC_CHAINS": f"devnet={'|'.join(endpoints or (self.url,))}",
            "USDC_NETWORKS": json.dumps({"devnet": {**self._figures(), **changes}}),
        }

    def _figures(self) -> dict[str, Any]:
        return {
            "chain_id": CHAIN_ID,
            "name": "Devnet",
            "token": self.token.address,
            "token_name": self._token_name,
            "token_version": "2",
            "confirmations": 3,
            "testnet": True,
            "block_seconds": float(self._block_seconds or 1),
            "other_tokens": [self.lookalike.address],
        }

    # Money

    def deploy(self, name: str, *arguments: Any) -> Contract:
        """A new contract of TestUSDC.sol."""
        made = compiled()[name]
        factory = self.web3.eth.contract(abi=made["abi"], bytecode=made["bytecode"])
        receipt = self._mined(factory.constructor(*arguments).transact({"from": self._deployer}))
        return self.web3.eth.contract(address=receipt["contractAddress"], abi=made["abi"])

    def mint(self, to: str, amount: int, token: Contract | None = None) -> str:
        """New money for an address; the transaction's hash."""
        return self.send((token or self.token).functions.mint(to, amount), self._deployer)

    def pay(self, to: str, amount: int, token: Contract | None = None) -> str:
        """An ordinary transfer from `payer`; the transaction's hash."""
        return self.send((token or self.token).functions.transfer(to, amount))

    def send(self, call: Any, sender: str | None = None, gas: int = 5_000_000) -> str:
        """Send a contract's call as an account of this chain; the transaction's hash.

        Gas is given and not estimated, so that what reverts is mined as failed. Returns once it is
        mined, where transactions are.
        """
        sent = call.transact({"from": sender or self.payer.address, "gas": gas})
        if self._mines:
            self._mined(sent)
        return f"0x{bytes(sent).hex()}"

    def authorization(
        self,
        to: str,
        value: int,
        *,
        payer: LocalAccount | None = None,
        sender: str | None = None,
        valid_after: int = 0,
        valid_before: int = 2**48,
        nonce: str | None = None,
    ) -> tuple[dict[str, Any], str]:
        """An EIP-3009 authorization that `payer` signed, for its own money or that of the
        contract `sender`: its message, and the signature as hexadecimal."""
        payer = payer or self.payer
        message = {
            "from": sender or payer.address,
            "to": to,
            "value": value,
            "validAfter": valid_after,
            "validBefore": valid_before,
            "nonce": nonce or f"0x{secrets.token_hex(32)}",
        }
        signed = payer.sign_typed_data(self.domain, _AUTHORIZATION, message)
        return message, f"0x{bytes(signed.signature).hex()}"

    @property
    def domain(self) -> dict[str, Any]:
        """The token's EIP-712 domain."""
        return {
            "name": self._token_name,
            "version": "2",
            "chainId": CHAIN_ID,
            "verifyingContract": self.token.address,
        }

    def settle(self, message: dict[str, Any], signature: str, sender: str | None = None) -> str:
        """Submit an authorization as a facilitator would; the transaction's hash."""
        form = self.token.get_function_by_signature(
            "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
        )
        call = form(*message.values(), bytes.fromhex(signature[2:]))
        return self.send(call, sender or self.accounts[1].address)

    # Blocks

    @property
    def head(self) -> int:
        return int(self.web3.eth.block_number)

    @property
    def now(self) -> datetime:
        """When the newest block says that it is."""
        return datetime.fromtimestamp(self.web3.eth.get_block("latest")["timestamp"], UTC)

    def mine(self, blocks: int = 1, seconds_apart: int = 1) -> None:
        self.ask("anvil_mine", hex(blocks), hex(seconds_apart))

    def automine(self, on: bool) -> None:
        """Whether each transaction is mined at once; without it `mine` does."""
        self.ask("evm_setAutomine", on)
        self._mines = on

    def set_next_time(self, at: datetime) -> None:
        """When the next block will say that it is; later than the newest."""
        self.ask("evm_setNextBlockTimestamp", int(at.timestamp()))

    def reorg(self, depth: int) -> None:
        """Put as many empty blocks in the place of the newest; what was in those is gone."""
        self.ask("anvil_reorg", depth, [])

    def snapshot(self) -> str:
        return str(self.ask("evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        """Back to that block; the blocks that follow are of the clock on the wall, not of then."""
        self.ask("evm_revert", snapshot)
        self.ask("evm_setTime", int(datetime.now(UTC).timestamp()))
        self.automine(True)

    def ask(self, method: str, *params: Any) -> Any:
        """One call of the node, its result or RuntimeError."""
        answer = self.web3.provider.make_request(method, list(params))
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    @property
    def _deployer(self) -> str:
        return self.accounts[-1].address

    def _mined(self, tx_hash: Any) -> Any:
        return self.web3.eth.wait_for_transaction_receipt(tx_hash, 30, poll_latency=0.005)


_CONTRACTS = {"token": "TestUSDC", "lookalike": "TestUSDC", "odd": "OddToken"}
_AUTHORIZATION = {
    "TransferWithAuthorization": [
        {"name": "from", "type": "address"},
        {"name": "to", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "validAfter", "type": "uint256"},
        {"name": "validBefore", "type": "uint256"},
        {"name": "nonce", "type": "bytes32"},
    ]
}


@cache
def compiled() -> dict[str, Any]:
    """The contracts' ABIs and bytecode by name."""
    contracts = json.loads(Path(__file__).with_name("contracts.json").read_text())["contracts"]
    assert isinstance(contracts, dict)
    return contracts


def _read_on(output: IO[bytes]) -> None:
    with output:
        for _ in output:
            pass


@cache
def _account(path: str) -> LocalAccount:
    Account.enable_unaudited_hdwallet_features()
    return Account.from_mnemonic(MNEMONIC, account_path=path)


def _binary() -> str:
    """anvil itself, without the script around it that would outlive a kill."""
    found = sorted((_ROOT / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil"))
    binary = str(found[0]) if found else shutil.which("anvil")
    if not binary:
        raise RuntimeError("anvil is missing: make setup-dev installs it")
    return binary
