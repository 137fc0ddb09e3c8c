"""Waking a worker at once, instead of letting it find its rows on the next round.

The rows are the truth; a lost ring costs seconds, never work.
"""

import logging

from celery import current_app
from django.db import transaction

_log = logging.getLogger(__name__)


def ring(task: str) -> None:
    """Wake the worker for this task once the transaction has been committed."""
    transaction.on_commit(lambda: _send(task), robust=True)


def _send(task: str) -> None:
    try:
        current_app.send_task(task, ignore_result=True, retry=False)
    except Exception:  # the broker may be down: the sweep finds the rows
        _log.warning("doorbell not heard", extra={"task": task}, exc_info=True)
