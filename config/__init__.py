"""Wiring only: settings from the environment, the URL map, Celery and its timetable."""
