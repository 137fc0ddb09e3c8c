"""The wiring as a Django app, so that its management commands are found."""

from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig


class ConfigConfig(AppConfig):
    """Owns no models; loads Celery so that tasks bind to the configured app."""

    name = "config"
    label = "config"

    def ready(self) -> None:
        """Register the Celery app as the current one before any task is called."""
        import config.celery  # noqa: F401


class StaticConfig(StaticFilesConfig):
    """Leaves out what packages bring for pages that Billhook does not have."""

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "rest_framework/*"]
