"""The database that is measured: empty to begin with, with all its tables."""

import os

import django


def begin() -> None:
    """An empty database, which DATABASE_URL names or Django's settings, and Django on it."""
    _on_the_server('DROP DATABASE IF EXISTS "{name}"', 'CREATE DATABASE "{name}"')
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, run_syncdb=True)


def drop() -> None:
    """Leave nothing on a server; a file is left as it is."""
    from django.db import connection

    connection.close()
    _on_the_server('DROP DATABASE "{name}"')


def _on_the_server(*statements: str) -> None:
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        return
    import psycopg

    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.format(name=name))  # type: ignore[arg-type]
