"""`manage.py serve`: the web server, and with no broker configured the worker too."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config import serving
from config.launch import add_serve_arguments


class Command(BaseCommand):
    """Serve Billhook."""

    help = "Serve Billhook; without a broker, run the worker in the same process."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare where to listen and with how many processes."""
        add_serve_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Bring an embedded installation up to date, then serve until stopped."""
        claim(options)
        if settings.EMBEDDED:
            prepare(options["verbosity"])
        serve(options)


def prepare(verbosity: int) -> None:
    """Bring database and static files up to date, where no operator does it as a step apart."""
    call_command("migrate", interactive=False, verbosity=max(0, verbosity - 1))
    if not settings.DEBUG and static_files_are_stale():
        call_command("collectstatic", interactive=False, verbosity=0)


def static_files_are_stale() -> bool:
    """Whether a file of ours changed since static files were last collected."""
    manifest = settings.STATIC_ROOT / "staticfiles.json"
    if not manifest.exists():
        return True
    collected = manifest.stat().st_mtime
    files = (path for folder in settings.STATICFILES_DIRS for path in Path(folder).rglob("*"))
    return any(path.stat().st_mtime > collected for path in files)


def claim(options: dict[str, Any]) -> None:
    """Refuse a port that is taken before anything is brought up to date for nothing."""
    host, port = options["host"], options["port"] or settings.PORT
    try:
        serving.claim(host, port)
    except OSError as error:
        raise CommandError(f"cannot listen on {host}:{port}: {error.strerror}") from error


def serve(options: dict[str, Any], announce: Any = None) -> None:
    """Run the server as the options of the command line say."""
    claim(options)
    serving.serve(
        host=options["host"],
        port=options["port"] or settings.PORT,
        workers=options["workers"] or os.cpu_count() or 1,
        threads=options["threads"],
        announce=announce,
    )
