"""A chain of the tests' own, as each test finds it new, and nodes that lie about it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.fakes.chain.devnet import Devnet
    from tests.fakes.chain.rpc_proxy import RpcProxy


@pytest.fixture(scope="session")
def devnet_process() -> "Iterator[Devnet]":
    """One node for all tests of this process."""
    # Its libraries take a second to import, which other tests need not wait.
    from tests.fakes.chain.devnet import Devnet

    with Devnet() as devnet:
        yield devnet


@pytest.fixture
def devnet(devnet_process: "Devnet") -> "Iterator[Devnet]":
    """The chain as it was when it was new."""
    snapshot = devnet_process.snapshot()
    yield devnet_process
    devnet_process.revert(snapshot)


@pytest.fixture
def rpc_proxy(devnet: "Devnet") -> "Iterator[Callable[..., RpcProxy]]":
    """Starts a proxy before the chain, as often as it is called."""
    from tests.fakes.chain.rpc_proxy import RpcProxy

    with ExitStack() as stack:
        yield lambda path="": stack.enter_context(RpcProxy(devnet.url, path))


@pytest.fixture
def watch(devnet: "Devnet", settings: Any) -> Callable[[], int]:
    """Test merchants are paid here: read it once from where it was read last, and from its newest
    block the first time."""
    from payments import watching
    from payments.chain import networks

    for name, value in devnet.settings().items():
        setattr(settings, name, value)

    def read() -> int:
        return watching.watch(networks.configured()["devnet"])

    read()
    return read
