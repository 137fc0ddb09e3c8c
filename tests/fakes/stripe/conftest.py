"""A fake in memory for each test, and a running one for each module that needs sockets."""

from collections.abc import Iterator

import pytest
import stripe

from tests.fakes.receiver import Receiver
from tests.fakes.stripe.handle import StripeFake
from tests.fakes.stripe.inprocess import InProcessStripe


@pytest.fixture
def fake() -> InProcessStripe:
    return InProcessStripe()


@pytest.fixture
def client(fake: InProcessStripe) -> stripe.StripeClient:
    return fake.client()


@pytest.fixture
def customer(client: stripe.StripeClient) -> str:
    return client.v1.customers.create({"email": "cleo@payer.example", "name": "Cleo"}).id


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    found = Receiver().start()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[StripeFake]:
    data = tmp_path_factory.mktemp("stripe") / "stripe.sqlite"
    with StripeFake(data, webhook_url=receiver.url()) as found:
        yield found
