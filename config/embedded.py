"""The worker and the timetable inside the web process, for an installation without a broker.

Messages live in this process's memory and die with it. That is harmless: they are doorbells, and
what they announce waits in rows that the next tick finds.
"""

import threading

import structlog
from celery import beat

from config.celery import app

log = structlog.get_logger(__name__)

THREADS = 3
STOP_WITHIN_SECONDS = 3

_starting = threading.Lock()
_running: "Background | None" = None


class Background:
    """A Celery worker and its timetable on threads of this process."""

    def __init__(self) -> None:
        self.beat = beat.EmbeddedService(app, thread=True, scheduler_cls=beat.Scheduler)
        self.worker = app.WorkController(
            pool="threads",
            concurrency=THREADS,
            hostname="embedded@billhook",
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        self.consumer = threading.Thread(target=self.worker.start, name="worker", daemon=True)

    def start(self) -> None:
        """Begin to tick and to work."""
        self.consumer.start()
        self.beat.start()

    def stop(self) -> None:
        """Stop ticking, let running tasks finish, and return after at most a few seconds.

        A task that takes longer is cut off with its process; its rows are leased, and the next
        worker takes them up again.
        """
        self.beat.service.stop()
        self.worker.stop()
        self.consumer.join(STOP_WITHIN_SECONDS)


def start() -> None:
    """Start the background threads of this process, once however often it is asked."""
    global _running
    with _starting:
        if _running is None:
            _running = Background()
            _running.start()
            log.info("worker and timetable run inside this process", threads=THREADS)


def stop() -> None:
    """Stop the background threads of this process, if there are any."""
    global _running
    with _starting:
        if _running is not None:
            _running.stop()
            _running = None
