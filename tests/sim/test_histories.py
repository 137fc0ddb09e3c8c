"""Hundreds of histories, each with crashes, faults and lost notices: not one cent is amiss."""

import pytest
from django.db import connection

from tests.sim.history import play
from tests.sim.stage import Theatre

# On SQLite they live in memory, where each costs a fifth of a second; on PostgreSQL some are played
# to see that it makes no difference. Many more are played by `make proof`.
HISTORIES = 240 if connection.vendor == "sqlite" else 24
CHUNKS = 24
LOT = 1_000_000


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_cent_is_lost_or_doubled(
    chunk: int, theatre: Theatre, pytestconfig: pytest.Config
) -> None:
    """`--seeds N` plays N of them, `--lot N` others than these, `--seed N` that one alone."""
    count = pytestconfig.getoption("--seeds") or HISTORIES
    first = pytestconfig.getoption("--lot") * LOT
    seeds = range(first + chunk, first + count, CHUNKS)
    only = pytestconfig.getoption("--seed")
    for seed in seeds if only is None else [only][chunk:]:
        played = play(theatre, seed)
        assert not played.breaks, str(played)
        assert played.crashes, f"nothing crashed in history {seed}, so little was shown"
