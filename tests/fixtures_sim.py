"""The simulator's options, and the database that histories are played in."""

from collections.abc import Iterator

import pytest

from tests.sim.stage import Theatre


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("billhook")
    group.addoption("--seeds", type=int, default=0, help="histories that the simulator plays")
    group.addoption("--seed", type=int, default=None, help="the one history to play again")


@pytest.fixture
def theatre(transactional_db: None) -> Iterator[Theatre]:
    """Where histories are played, one after another."""
    with Theatre() as opened:
        yield opened
