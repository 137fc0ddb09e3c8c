"""Marks on the places where a crash would hurt, so that tests can crash exactly there.

`BILLHOOK_FAILPOINT=start:after_begin` kills the process with SIGKILL when it gets there,
`start:after_begin:3` on the third time. In-process tests put a function into `hooks` instead.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable

hooks: dict[str, Callable[[], None]] = {}
_seen: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Do nothing, unless a test asked for a crash here."""
    if hooks:
        hook = hooks.get(name) or hooks.get("*")
        if hook:
            hook()
    armed = os.environ.get("BILLHOOK_FAILPOINT")
    if armed:
        wanted, _, count = armed.rpartition(":")
        if not count.isdecimal():
            wanted, count = armed, "1"
        if wanted == name:
            _seen[name] += 1
            if _seen[name] >= int(count):
                os.kill(os.getpid(), signal.SIGKILL)
