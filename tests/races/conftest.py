"""What every race has: how often it is run."""

from collections.abc import Iterable

import pytest


@pytest.fixture
def rounds(pytestconfig: pytest.Config) -> Iterable[int]:
    """Each race is run this often: twice, or `--races N` times."""
    return range(pytestconfig.getoption("--races") or 2)
