"""Hundreds of histories, each with crashes, faults and lost notices: not one cent is amiss."""

import pytest
from django.db import connection

from tests.sim.history import play
from tests.sim.stage import Theatre

# They live in a database in memory, whichever one the other tests have: a thousand beside SQLite,
# and the next thousand beside PostgreSQL. Many more are played by `make proof`.
HISTORIES = 1000
FIRST = 0 if connection.vendor == "sqlite" else HISTORIES
CHUNKS = 24
LOT = 1_000_000


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_cent_is_lost_or_doubled(
    chunk: int, theatre: Theatre, pytestconfig: pytest.Config
) -> None:
    """`--seeds N` plays N of them, `--lot N` others than these, `--seed N` that one alone."""
    count = pytestconfig.getoption("--seeds") or HISTORIES
    first = pytestconfig.getoption("--lot") * LOT or FIRST
    seeds = range(first + chunk, first + count, CHUNKS)
    only = pytestconfig.getoption("--seed")
    for seed in seeds if only is None else [only][chunk:]:
        played = play(theatre, seed)
        assert not played.breaks, str(played)
        assert played.crashes, f"nothing crashed in history {seed}, so little was shown"
