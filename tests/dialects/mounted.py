"""A client of another system whose base URL was changed, and nothing else."""

from dataclasses import dataclass
from typing import Any

from tests.fixtures import Api


@dataclass
class Mounted:
    """It knows its own document's paths; the base is below /compat, or a host of its own."""

    api: Api
    system: str
    by_host: bool = False
    # What stands in Authorization, where that is not "Bearer" and a key.
    key: str = ""

    def get(self, path: str, query: dict[str, Any] | None = None) -> Any:
        return self.api.get(self._path(path), query, **self._headers())

    def post(self, path: str, body: Any = None, **how: Any) -> Any:
        if body is None:  # as clients send what has no body
            return self.api.send("POST", self._path(path), None, **self._headers(), **how)
        return self.api.post(self._path(path), body, **self._headers(), **how)

    def _path(self, path: str) -> str:
        return path if self.by_host else f"/compat/{self.system}{path}"

    def _headers(self) -> dict[str, str]:
        headers = {"host": f"{self.system}.localhost"} if self.by_host else {}
        return {**headers, "Authorization": self.key} if self.key else headers
