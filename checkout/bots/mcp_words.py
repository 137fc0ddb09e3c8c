"""What many tools say: honest hints for clients, and sentences for models."""

from typing import Final

from mcp.types import ToolAnnotations

# Hints are honest: `destructive` is said of what takes something away or moves money, and
# `open world` of what reaches people, banks or chains.
READ: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
# Adds something; equal calls add it once.
ADD: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
# Changes what is there, within this installation.
CHANGE: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)
TELL: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)
MONEY: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
)

LOST: Final = "If you did not hear the answer, retry with the SAME idempotency_key."
ASKED: Final = "Only when the person you work for asked for it."
PAGES: Final = "Newest first; pass next_cursor as cursor for more."
