"""Letting moves begin at the same moment, each in a process of its own."""

from typing import Any

from tests.crew import Crew, Done, Job


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
