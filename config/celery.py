"""The Celery app: an executor for work that lives in rows.

Every task takes no arguments, claims due rows and works through them, so a lost or repeated
message costs nothing but a moment.
"""

import os

from celery import Celery
from django.conf import settings

from config.timetable import TIMETABLE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("billhook")
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    broker_connection_retry_on_startup=True,
    # A worker killed in mid-task: its message comes back within seconds, not minutes.
    broker_transport_options={
        "visibility_timeout": 300,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
    }
    if settings.CELERY_BROKER_URL.startswith("redis")
    else {},
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
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
)
app.autodiscover_tasks()
