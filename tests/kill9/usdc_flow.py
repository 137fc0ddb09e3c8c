"""A reader of a chain, as one process that may be killed at any moment."""

import signal

from invoicing import doorbell
from payments import tasks, watching
from payments.chain import networks

doorbell._send = lambda task: None


def read(die_after_ms: float = 0) -> int:
    """Read what is new, and let go what is final; how much was done."""
    if die_after_ms:
        signal.setitimer(signal.ITIMER_REAL, die_after_ms / 1000)
    seen = watching.watch(networks.configured()["devnet"])
    return seen + tasks.release_funds()
