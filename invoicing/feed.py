"""How far the feed of events can be read without missing one that is still being written.

Events are numbered when they are inserted and seen when their transaction commits, so on a
database with many writers number 11 may be there before number 10. Whoever has seen 11 would ask
for what comes after it, and never learn of 10.
"""

import time

from django.db import connection

from invoicing.models import Event

PATIENCE_SECONDS = 2.0
_PAUSE_SECONDS = 0.005

# Inserting takes this lock before the row gets its number, and keeps it until the commit.
_WRITERS = """
    SELECT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
      AND pid <> pg_backend_pid()
      AND relation = %s::regclass AND database =
          (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def settled_up_to() -> int:
    """A number up to which every event that will ever be there is there now.

    On PostgreSQL it waits for whoever is writing at this moment, a few milliseconds as a rule;
    0 if one of them takes too long. SQLite has one writer at a time and needs no waiting.
    """
    last = Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    if connection.vendor != "postgresql":
        return last
    writing = _writers()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while writing:
        if time.monotonic() > deadline:
            return 0
        time.sleep(_PAUSE_SECONDS)
        writing &= _writers()
    return last


def _writers() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(_WRITERS, [Event._meta.db_table])
        return {row[0] for row in cursor.fetchall()}
