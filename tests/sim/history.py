"""One history: a seed, so many moves with at least one crash among them, and the reckoning."""

from dataclasses import dataclass

from tests.sim.ending import breaks, come_to_rest
from tests.sim.moves import KEYED, REPEATED, Move, make_invoice
from tests.sim.stage import HOUR, MINUTE, Stage, Theatre
from tests.sim.stories import Story, tell, tell_many

# One history in so many is long: at least twenty moves, all flows mixed.
LONG_ONE_IN = 20
# How many failpoints and requests a move comes by, about.
PASSES = 4


@dataclass(frozen=True)
class History:
    """What came of a seed."""

    seed: int
    moves: int
    crashes: int
    passed: tuple[str, ...]
    breaks: tuple[str, ...]
    digest: str
    trace: tuple[str, ...]

    def __str__(self) -> str:
        lines = (f"--seed {self.seed}", *self.breaks, "", *self.trace)
        return "\n".join(lines)


def play(
    theatre: Theatre, seed: int, story: Story | None = None, *, with_digest: bool = False
) -> History:
    """Play a history, or one story, to its end; the same seed plays the same, to the last byte."""
    stage = Stage(f"history {seed}")
    if story is not None:
        told = list(story)
    else:
        told = tell_many(stage) if seed % LONG_ONE_IN == 0 else tell(stage)
    with stage.lit():
        theatre.opens(stage)
        _begin(stage, len(told))
        for move in told:
            _play(stage, move)
        if not stage.crashes:
            stage.crash_now()
        come_to_rest(stage)
        found = tuple(breaks(stage))
        digest = stage.digest() if with_digest else ""
    return History(
        seed,
        len(told),
        stage.crashes,
        tuple(stage.failpoints.passed),
        found,
        digest,
        tuple(stage.trace),
    )


def _begin(stage: Stage, count: int) -> None:
    """An invoice to do things to, and a provider that loses and shuffles what it says."""
    stage.fake.control("delivery", drop=0.3, seed=stage.rng.randrange(10**6), hold=True)
    stage.attempt("make_invoice", lambda: make_invoice(stage))
    stage.crash_within(PASSES * count)


def _play(stage: Stage, move: Move) -> None:
    """One move; one that a crash cut short may be tried again by whoever was not answered."""
    key, chance = f"{move.__name__} {len(stage.trace)}", stage.rng.getstate()
    for _ in range(3):
        if move in KEYED:
            done = stage.attempt(move.__name__, lambda: stage.once(key, lambda: move(stage)))
        else:
            done = stage.attempt(move.__name__, lambda: move(stage))
        if done:
            return
        if stage.rng.random() < 0.4:
            stage.crash_within(2 * PASSES)
        if move not in REPEATED | KEYED or stage.rng.random() < 0.3:
            return
        # Sooner or later, when the lease of the dead is over or their key long forgotten.
        stage.let_pass(stage.rng.choice((61, 61, 6 * MINUTE, HOUR, 25 * HOUR)))
        if move in KEYED:
            stage.rng.setstate(chance)  # the same request to the letter
