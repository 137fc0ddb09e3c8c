"""`manage.py audit`: does every balance, number and history on this instance hold?"""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from payments.audit import CHECKS, QUICK, audit, snapshot


class Command(BaseCommand):
    """Exits with 1 and names every break; says so when there is none."""

    help = "Work out every balance again and check the books' invariants."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--quick",
            action="store_true",
            help="only add up balances and what invoices were paid: seconds for a million invoices",
        )
        parser.add_argument("--json", action="store_true", help="answer as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        checks = QUICK if options["quick"] else CHECKS
        # What is written meanwhile must not look like a break.
        with snapshot():
            breaks = audit(checks)
        if options["json"]:
            named = [asdict(found) for found in breaks]
            self.stdout.write(json.dumps({"ok": not breaks, "breaks": named}))
        else:
            for found in breaks:
                self.stderr.write(str(found))
            if not breaks:
                self.stdout.write(f"The books hold: {', '.join(checks)}.")
        if breaks:
            sys.exit(1)
