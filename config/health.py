"""Whether this process lives, and whether the installation can do its work."""

from collections.abc import Callable

import structlog
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

from config.celery import app
from config.tasks import HEARTBEAT

log = structlog.get_logger(__name__)


class NotReady(Exception):
    """A part of the installation does not answer; the text says how."""


def check_database() -> None:
    """Raise unless the database answers a query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()


def check_broker() -> None:
    """Raise unless the broker takes connections."""
    with app.connection_for_write(connect_timeout=2) as broker:
        broker.ensure_connection(max_retries=1, timeout=2)


def check_worker() -> None:
    """Raise unless a worker said within the last minute that it lives."""
    if cache.get(HEARTBEAT) is None:
        raise NotReady("no worker has shown life in the last minute")


CHECKS: dict[str, Callable[[], None]] = {
    "database": check_database,
    "broker": check_broker,
    "worker": check_worker,
}


@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers at all."""
    return JsonResponse({"status": "ok"})


@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """200 when database, broker and worker all answer, else 503; names which one does not.

    Reasons go to the log only: this page is public.
    """
    report = {name: _outcome(name, check) for name, check in CHECKS.items()}
    ok = all(outcome == "ok" for outcome in report.values())
    return JsonResponse(
        {"status": "ok" if ok else "unavailable", "checks": report}, status=200 if ok else 503
    )


def _outcome(name: str, check: Callable[[], None]) -> str:
    try:
        check()
    except Exception as error:  # whatever a driver raises, the answer is the same
        log.warning("readiness check failed", check=name, reason=str(error))
        return "unavailable"
    return "ok"
