"""Real processes on the test's database: many at the same moment, each killable for good.

`Crew` starts one process that has loaded everything and holds no connection; each job is a fork
of it, so a hundred of them cost little. Jobs are functions named `module:function`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db import connection

KILLED = -9
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Job:
    """What one process does. `failpoint` is where it kills itself, `ahead_seconds` how far its
    wall clock is ahead."""

    do: str
    args: Mapping[str, Any] = field(default_factory=dict)
    failpoint: str = ""
    ahead_seconds: float = 0
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """How a process ended: its exit status (KILLED), what it returned, what it raised."""

    status: int
    result: Any = None
    error: str = ""

    @property
    def killed(self) -> bool:
        return self.status == KILLED


class Crew:
    """Runs jobs; `together` lets them all begin at the same moment and waits for the last."""

    def __init__(self, database_url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crew_process"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "tests.settings",
                "DATABASE_URL": database_url,
                "CELERY_BROKER_URL": "memory://",
                "BILLHOOK_FAILPOINT": "",
            },
        )

    def run(self, job: Job) -> Done:
        return self.together([job])[0]

    def together(self, jobs: Sequence[Job], timeout_seconds: float = 120) -> list[Done]:
        assert self._process.stdin and self._process.stdout
        # On PostgreSQL an idle transaction of ours could hold a lock that they wait for.
        assert not connection.in_atomic_block, "what a crew sees must be committed"
        request = {"jobs": [job.__dict__ for job in jobs], "timeout": timeout_seconds}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the crew's own process has died"
        return [Done(**done) for done in json.loads(answer)]

    def dismiss(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)


def database_url() -> str:
    """The database that this test run uses, for another process."""
    there = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{there['NAME']}"
    login = quote(there["USER"]) + (f":{quote(there['PASSWORD'])}" if there["PASSWORD"] else "")
    return f"postgres://{login}@{there['HOST']}:{there['PORT'] or 5432}/{there['NAME']}"
