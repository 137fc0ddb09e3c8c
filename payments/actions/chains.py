"""The verbs of reading a chain: take one's turn, and write down how far it was read."""

from collections.abc import Sequence
from datetime import timedelta

from invoicing import clock
from invoicing.actions.action import action
from payments.chain.client import Block
from payments.models import ChainCursor

# A reader that died is waited for so long.
LEASE = timedelta(seconds=90)
CHECKPOINTS = 64


@action
def begin_reading(network: str) -> ChainCursor | None:
    """Take this chain's turn; None while another process reads it, or before its first block."""
    row = ChainCursor.objects.select_for_update().filter(network=network).first()
    now = clock.wall()
    if row is None or (row.leased_until and row.leased_until > now):
        return None
    row.leased_until = now + LEASE
    row.save(update_fields=["leased_until"])
    return row


@action
def start_cursor(network: str, head: Block) -> None:
    """Begin to read a chain at its newest block: nobody was given an address before it."""
    ChainCursor.objects.get_or_create(
        network=network,
        defaults={
            "block_number": head.number,
            "head_number": head.number,
            "checkpoints": [[head.number, head.hash]],
        },
    )


@action
def record_read(
    network: str, upto: Block, head: int, final: int, stuck: Sequence[str] = ()
) -> ChainCursor:
    """Everything up to this block is written down, but for these transactions."""
    row = ChainCursor.objects.select_for_update().get(network=network)
    now = clock.wall()
    before = [point for point in row.checkpoints if point[0] < upto.number]
    row.checkpoints = [*before, [upto.number, upto.hash]][-CHECKPOINTS:]
    row.block_number, row.head_number, row.final_number = upto.number, head, final
    row.read_at, row.leased_until = now, now + LEASE
    row.failing_since, row.error = None, ""
    row.stuck = list(dict.fromkeys([*row.stuck, *stuck]))
    row.save()
    return row


@action
def record_stuck(network: str, stuck: Sequence[str]) -> None:
    """These transactions still cannot be taken in."""
    row = ChainCursor.objects.select_for_update().get(network=network)
    row.stuck = list(stuck)
    row.save(update_fields=["stuck"])


@action
def go_back(network: str, to: int) -> ChainCursor:
    """A reorganisation has replaced what was read after this block: it is read again."""
    row = ChainCursor.objects.select_for_update().get(network=network)
    row.block_number = min(row.block_number, to)
    row.checkpoints = [point for point in row.checkpoints if point[0] <= to]
    row.save()
    return row


@action
def end_reading(network: str, error: str = "") -> None:
    """Let others have their turn, and say what was in the way."""
    row = ChainCursor.objects.select_for_update().filter(network=network).first()
    if row is None:
        return
    row.leased_until = None
    if error:
        row.error = error[:300]
        row.failing_since = row.failing_since or clock.wall()
    row.save(update_fields=["leased_until", "error", "failing_since"])
