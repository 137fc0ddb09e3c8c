"""A worker's tick over recurring charges, as one process that may be killed at any moment."""

import signal

from invoicing import doorbell
from payments import tasks

doorbell._send = lambda task: None


def tick(die_after_ms: float = 0) -> int:
    """Charge what is due, and look at what the dead had asked for; how much was done."""
    if die_after_ms:
        signal.setitimer(signal.ITIMER_REAL, die_after_ms / 1000)
    return tasks.apply_notices() + tasks.look_at_payments() + tasks.charge_recurring()
