"""The sign of life of the background worker, which readiness looks for."""

from celery import shared_task
from django.core.cache import cache

from invoicing import clock

HEARTBEAT = "worker-heartbeat"
FORGOTTEN_AFTER_SECONDS = 60


@shared_task(name="config.tasks.show_life")
def show_life() -> None:
    """Say that timetable, broker and worker are all running."""
    cache.set(HEARTBEAT, clock.wall().isoformat(), timeout=FORGOTTEN_AFTER_SECONDS)
