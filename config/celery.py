"""The Celery app: an executor for work that lives in rows.

Every task takes no arguments, claims due rows and works through them, so a lost or repeated
message costs nothing but a moment.
"""

import os

from celery import Celery
from django.conf import settings

from config.timetable import TIMETABLE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Redis: a worker killed in mid-task gives its message back within seconds, not minutes.
REDIS = {
    "visibility_timeout": 300,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # A silent Redis must not hold up a request that only wants to ring.
    "socket_connect_timeout": 2,
    "socket_timeout": 10,
}
MEMORY = {"polling_interval": 0.1}

app = Celery("billhook")
app.conf.update(
    broker_url="memory://localhost/" if settings.EMBEDDED else settings.CELERY_BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_transport_options=MEMORY if settings.EMBEDDED else REDIS,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # In memory, acknowledgements wait for the consumer's loop: a small window would let only a
    # handful of tasks through every two seconds.
    worker_prefetch_multiplier=0 if settings.EMBEDDED else 1,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_time_limit=120,
    task_soft_time_limit=90,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    enable_utc=True,
    timezone="UTC",
    beat_schedule=TIMETABLE,
    beat_max_loop_interval=1,
    # Nothing in the timetable is rarer than an hour, so there is no state worth a file.
    beat_scheduler="celery.beat:Scheduler",
)
app.autodiscover_tasks()
