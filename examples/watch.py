"""Follow what happens, by polling the feed of events. docs/recipes/watch.md tells of it.

    export BILLHOOK=http://127.0.0.1:8000 KEY=bh_test_…
    python examples/watch.py --state seen.txt --types invoice.

The id of the last event that was dealt with stands in the file, so a program that was killed goes
on where it was: nothing is missed, and at most the last event is seen twice.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

from billhook import Billhook, from_environment, run

POLL_SECONDS = 2.0
PAGE = 50


class Event(TypedDict):
    """What happened; `data` is the object as the API showed it then."""

    id: str
    type: str
    timestamp: str
    data: dict[str, Any]


class Page(TypedDict):
    """One page of the feed, oldest first."""

    data: list[Event]
    has_more: bool


def main() -> int:
    given = arguments()
    billhook = from_environment()
    state = Path(given.state)
    while True:
        for event in unseen(billhook, state):
            if event["type"].startswith(given.types):
                deal_with(event)
            # Only now: an event that was not dealt with comes again.
            keep(state, event["id"])
        if given.once:
            return 0
        time.sleep(POLL_SECONDS)


def unseen(billhook: Billhook, state: Path) -> Iterator[Event]:
    """Everything after the last event that was kept; an empty `after` begins at the beginning."""
    after = state.read_text().strip() if state.exists() else ""
    while True:
        page: Page = billhook.get("/v1/events", after=after, limit=PAGE)
        yield from page["data"]
        if not page["has_more"]:
            return
        after = page["data"][-1]["id"]


def deal_with(event: Event) -> None:
    """Your work. Do it so that doing it twice does no harm."""
    said = event["data"]
    print(event["timestamp"], event["type"], said.get("number") or said.get("id"), flush=True)


def keep(state: Path, event_id: str) -> None:
    """Write aside and rename, so that a file cut short is never read."""
    draft = state.with_suffix(".draft")
    draft.write_text(event_id)
    draft.replace(state)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--state", default="billhook-events.txt", help="file to remember in")
    parser.add_argument("--types", default="", help="only types that begin like this: invoice.")
    parser.add_argument("--once", action="store_true", help="end when nothing is new")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
