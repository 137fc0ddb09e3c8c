"""`manage.py audit`: does every balance, number and history on this instance hold?"""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from payments.audit import CHECKS, audit, snapshot


class Command(BaseCommand):
    """Exits with 1 and names every break; says so when there is none."""

    help = "Work out every balance again and check the books' invariants."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        # What is written meanwhile must not look like a break.
        with snapshot():
            breaks = audit()
        if options["json"]:
            named = [asdict(found) for found in breaks]
            self.stdout.write(json.dumps({"ok": not breaks, "breaks": named}))
        else:
            for found in breaks:
                self.stderr.write(str(found))
            if not breaks:
                self.stdout.write(f"The books hold: {', '.join(CHECKS)}.")
        if breaks:
            sys.exit(1)
