"""The tests' database: made by the migrations once, and copied for each process of a run."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import setup_databases, teardown_databases
from pytest_django import DjangoDbBlocker

TEMPLATE = "test_billhook_template"


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_blocker: DjangoDbBlocker,
    django_db_modify_db_settings: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """The first process migrates, while the others wait to copy what it has made."""
    several = hasattr(request.config, "workerinput")
    shared = tmp_path_factory.getbasetemp().parent
    with django_db_blocker.unblock():
        if several:
            with _alone(shared / "database.lock"):
                copied = _copy(shared)
                made = _make(keep=copied)
                if not copied:
                    _offer(shared)
        else:
            made = _make(keep=False)
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(*, keep: bool) -> list[tuple[object, str, bool]]:
    return setup_databases(verbosity=0, interactive=False, keepdb=keep)


def _offer(shared: Path) -> None:
    """Let the others copy this process's database, in which nothing has happened yet."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(shared / TEMPLATE)])
        return
    name = connection.settings_dict["NAME"]
    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{TEMPLATE}" TEMPLATE "{name}"')


def _copy(shared: Path) -> bool:
    """Copy what another process has made; False where there is nothing yet."""
    name = connection.creation._get_test_db_name()
    if connection.vendor == "sqlite":
        template = shared / TEMPLATE
        if template.exists():
            shutil.copyfile(template, name)
        return template.exists()
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE])
        if cursor.fetchone() is None:
            return False
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"')
    return True
