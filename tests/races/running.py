"""Letting moves begin at the same moment, each in a process of its own."""

from typing import Any

from tests.crew import Crew, Done, Job

Move = tuple[str, dict[str, Any]]
Race = tuple[Move, Move]

# No job may take longer than two minutes, on a busy machine as well.
AT_A_TIME = 500


def race(crew: Crew, *moves: tuple[str, dict[str, Any]], **how: Any) -> list[Done]:
    return crew.together([Job(f"tests.races.moves:{move}", {**of, **how}) for move, of in moves])


def results(done: list[Done]) -> list[Any]:
    """What they returned. Nobody may have failed."""
    assert [one.error for one in done] == [""] * len(done)
    return [one.result for one in done]


def stopped_by_the_books(done: list[Done]) -> bool:
    """Whether the chain of entries, a guard behind the others, refused one of them."""
    errors = {one.error.split(":")[0] for one in done}
    assert errors <= {"", "IntegrityError"}
    return errors != {""}


def _job(do: str, **args: Any) -> Job:
    return Job(f"tests.races.money_moves:{do}", args)


def run(crew: Crew, races: list[Race]) -> list[list[list[str]]]:
    """All races in two processes, so many at a time; for each race how both of them ended."""
    ends = []
    for first in range(0, len(races), AT_A_TIME):
        some = races[first : first + AT_A_TIME]
        jobs = [
            _job("many", move=some[0][side][0], each=[race[side][1] for race in some])
            for side in (0, 1)
        ]
        done = crew.together(jobs)
        assert [one.error for one in done] == ["", ""]
        ends += [list(pair) for pair in zip(done[0].result, done[1].result, strict=True)]
    return ends


def lose(crew: Crew, race: Race) -> list[list[str]]:
    """One race without the guard."""
    done = crew.together([_job("without", move=move, **of) for move, of in race])
    assert [one.error for one in done] == ["", ""]
    return [one.result for one in done]


def refused(ends: list[list[str]]) -> list[str]:
    return sorted(end[0] for end in ends)
