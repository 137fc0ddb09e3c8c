"""The simulator can fail: each guard that is taken away is missed within a few histories."""

import pytest
from django.db import connection

from tests.crew import Crew, Job
from tests.sim.controls import CONTROLS, Control
from tests.sim.history import play
from tests.sim.stage import Theatre
from tests.sim.stories import Story

WITHIN = 40


@pytest.mark.tampers
@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_a_guard_that_is_taken_away_is_missed(control: Control, theatre: Theatre) -> None:
    found = []
    for seed in range(WITHIN):
        with control():
            found = list(play(theatre, seed, CONTROLS[control]).breaks)
        if found:
            break
    assert found, f"nobody missed it within {WITHIN} histories"


@pytest.mark.parametrize("story", list(dict.fromkeys(CONTROLS.values())))
def test_with_all_guards_the_same_stories_lose_nothing(story: Story, theatre: Theatre) -> None:
    for seed in range(5):
        played = play(theatre, seed, story)
        assert not played.breaks, str(played)


def digests(seeds: list[int]) -> list[str]:
    """What these seeds come to, in whatever process this is."""
    with Theatre() as theatre:
        return [play(theatre, seed, with_digest=True).digest for seed in seeds]


# A seed's second playing needs an empty stage, which only a database in memory is each time; which
# database the product has makes no difference to that.
if connection.vendor == "sqlite":

    def test_a_seed_plays_the_same_history_in_any_order_and_any_process(crew: Crew) -> None:
        seeds = [0, 7, 23, 101]
        first = digests(seeds)
        assert len(set(first)) == len(seeds)
        assert digests(seeds[::-1]) == first[::-1]
        # A process of its own has another hash seed, another clock and another memory.
        job = Job("tests.sim.test_controls:digests", {"seeds": seeds})
        assert crew.run(job).result == first
