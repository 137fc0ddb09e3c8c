"""Request bodies that nobody has read by the time of the answer, as that of a 401 or 429.

HTTP/1.1 carries the next request behind them on the same connection: a server that answers over
an unread body must close, and unless it says so the next request is lost (RFC 9112 §9.3, §9.6).
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

# More is not taken in for nothing: the connection ends instead, and the answer says so.
MOST_BYTES: Final = 1024 * 1024
_PIECE: Final = 64 * 1024

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def taken_in(application: Application) -> Application:
    """The WSGI application, leaving no body unread without saying `Connection: close`."""

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            if not _take_in(environ):
                headers = [*headers, ("Connection", "close")]
            return start_response(status, headers, *more)

        return application(environ, start)

    return serve


def _take_in(environ: dict[str, Any]) -> bool:
    """Read what is left of the body; whether that was all of it."""
    if not (environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING")):
        return True
    left = MOST_BYTES
    while left > 0:
        piece = environ["wsgi.input"].read(min(_PIECE, left))
        if not piece:
            return True
        left -= len(piece)
    return False
