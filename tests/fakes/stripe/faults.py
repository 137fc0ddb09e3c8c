"""Scripted faults: what shall go wrong with the next requests."""

from dataclasses import asdict, dataclass
from typing import Any

from tests.fakes.stripe.errors import BadRequest
from tests.fakes.stripe.store import Store

KINDS = (
    "drop_before",
    "commit_then_drop",
    "error_500_before",
    "error_500_after",
    "stall",
    "stall_after",
    "cut_mid_body",
    "rate_limit_429",
)


@dataclass
class Fault:
    """What to do to the next `times` requests whose method and path fit; `skip` pass first."""

    do: str
    method: str = "*"
    path: str = "/v1/"
    times: int = 1
    skip: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.do not in KINDS:
            raise BadRequest(f"Invalid do: must be one of {', '.join(KINDS)}", param="do")

    def fits(self, method: str, path: str) -> bool:
        return self.method in ("*", method) and path.startswith(self.path)


class Faults:
    """The script, kept in the store so that a killed server goes on with it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._script = [Fault(**each) for each in store.fact("faults", [])]

    def add(self, **fields: Any) -> None:
        self._script.append(Fault(**fields))
        self._save()

    def clear(self) -> None:
        self._script.clear()
        self._save()

    def pending(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self._script]

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets, if any."""
        for fault in self._script:
            if not fault.fits(method, path):
                continue
            if fault.skip:
                fault.skip -= 1
                self._save()
                continue
            fault.times -= 1
            if fault.times <= 0:
                self._script.remove(fault)
            self._save()
            return fault
        return None

    def _save(self) -> None:
        self._store.set_fact("faults", self.pending())
