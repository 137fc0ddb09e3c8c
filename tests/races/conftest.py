"""What every race has: how often it is run."""

from collections.abc import Iterable

import pytest

# Of races that share two processes; `--races N` for N.
MANY = 100


@pytest.fixture
def many_rounds(pytestconfig: pytest.Config) -> int:
    """How often a race is run that costs little."""
    return int(pytestconfig.getoption("--races") or MANY)


@pytest.fixture
def rounds(pytestconfig: pytest.Config) -> Iterable[int]:
    """Each race is run this often: twice, or `--races N` times."""
    return range(pytestconfig.getoption("--races") or 2)
