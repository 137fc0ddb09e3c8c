"""The outbox: what happened is written down in the transaction that made it happen.

A worker carries it to whoever wants to hear; nothing is lost if this process dies right after
the commit, and nothing is told that was rolled back.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from invoicing import actor, clock, ids, leashes, representations
from invoicing.doorbell import ring
from invoicing.event_types import TYPES
from invoicing.models import Approval, Customer, Event, Invoice, Leash, Merchant

# What can be told of, and how it looks; the rooms above add theirs when Django starts.
renderers: dict[type, Callable[[Any], Mapping[str, Any]]] = {
    Approval: representations.approval,
    Invoice: representations.invoice,
    Customer: representations.customer,
    Leash: leashes.shown,
}
# What the rooms above do when something happens, in the transaction that made it happen, such as
# ending the retries of an invoice that is paid. Also filled when Django starts.
followers: defaultdict[str, list[Callable[[Any], None]]] = defaultdict(list)
# Filled by the rooms above when Django starts: the task that has work to do once this happened,
# by the event's type.
awakened: dict[str, str] = {}


def record(event_type: str, subject: Any, **more: Any) -> Event:
    """Write down that this happened to the subject, as it is now, in the caller's transaction.

    The subject has a `public_id` and a `merchant`, and `renderers` knows how its type looks;
    `more` is told besides, by its name.
    """
    event = _write(
        event_type,
        subject.merchant,
        subject.public_id,
        {**renderers[type(subject)](subject), **more},
        getattr(subject, "status", ""),
    )
    for follow in followers[event_type]:
        follow(subject)
    return event


def _write(
    event_type: str, merchant: Merchant, object_id: str, data: dict[str, Any], status: str
) -> Event:
    if event_type not in TYPES:
        raise ValueError(f"{event_type} is not an event type")
    public_id, at, who = ids.public_id("evt"), clock.now(merchant), actor.current()
    body = {
        "id": public_id,
        "type": event_type,
        "timestamp": representations.instant(at),
        "livemode": merchant.livemode,
        "merchant_id": merchant.public_id,
        "data": data,
    }
    event = Event.objects.create(
        public_id=public_id,
        merchant=merchant,
        type=event_type,
        object_id=object_id,
        object_status=status,
        body=json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        actor_kind=who.kind,
        actor_id=who.id,
        actor_name=who.name,
        request_id=who.request_id,
        created_at=at,
    )
    ring("invoicing.tasks.fan_out_events")
    if event_type in awakened:
        ring(awakened[event_type])
    return event
