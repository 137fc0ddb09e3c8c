"""Things that happen by themselves once their time has come."""

from collections.abc import Callable

from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.objects import balance, charges, debits, disputes, refunds, sessions
from tests.fakes.stripe.world import World

_PLANS: dict[str, Callable[[World, str], object]] = {
    "available": balance.make_available,
    "book_charge": charges.book_late,
    "debit_ends": debits.end,
    "dispute_due": disputes.fall_due,
    "payout_arrives": balance.arrive,
    "refund_fails": refunds.fail,
    "refund_succeeds": refunds.succeed,
    "session_expires": sessions.expire,
}


def run_due(world: World) -> int:
    """Do what is due, each at its own moment, in order; answers how many were."""
    done = 0
    now = world.now
    while (plan := world.store.due(now)) is not None:
        seq, at, what, about = plan
        world.pin(at)
        try:
            with world.store.transaction():
                world.store.drop_plan(seq)
                _PLANS[what](world, about)
        except ApiError:
            # Something else came first, such as a refund canceled before it could fail.
            world.store.drop_plan(seq)
        finally:
            world.pin(None)
        done += 1
    return done
