"""PDFs from HTML, made in a child process that is killed when it takes too long.

A page can be made to take for ever or to ask for all memory there is. So the rendering happens
in a process of its own (`pdf_child.py`), one for each process that asks, started when first
needed and kept warm; after the deadline it is killed, and the next page gets a new one.
"""

import atexit
import contextlib
import math
import os
import select
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, cast

from django.conf import settings

CHILD = Path(__file__).with_name("pdf_child.py")
# As in pdf_child.py, which is not imported here: that would bring WeasyPrint along.
REQUEST = struct.Struct(">II")
ANSWER = struct.Struct(">cI")
READY, FAILED = b"R", b"F"
RESULT_BYTES = 25 * 1024**2

PAGE_BYTES = 8 * 1024**2
# Importing WeasyPrint and opening the fonts, on a machine whose font cache is cold.
START_SECONDS = 60
# What the child may know of its surroundings: where its libraries and fonts are. No settings, no
# secrets.
SURROUNDINGS = (
    "PATH", "HOME", "LANG", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "FONTCONFIG_FILE",
    "FONTCONFIG_PATH", "LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH",
)  # fmt: skip


class PdfFailed(Exception):
    """There is no PDF of this page; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PdfTimedOut(PdfFailed):
    """The page was not rendered in time."""


class _Died(Exception):
    """The child is gone, or says what it never should."""


def render(html: str, *, timeout_seconds: float | None = None) -> bytes:
    """The page as a PDF. All it shows must be in it: CSS in `<style>`, images as `data:` URLs.

    The deadline is PDF_TIMEOUT_SECONDS unless given; waiting for another thread's page may take
    as long again. Raises PdfFailed, and PdfTimedOut when the deadline passes.
    """
    page = html.encode()
    if len(page) > PAGE_BYTES:
        raise PdfFailed("the page is too large")
    timeout = float(settings.PDF_TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds)
    return _renderer.render(page, timeout)


def warm() -> None:
    """Start the child now, so that the first page need not wait for it."""
    _renderer.warm()


class _Child:
    """A running `pdf_child.py`, and the pipes to it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own file, by our own interpreter
            [sys.executable, "-I", str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={name: os.environ[name] for name in SURROUNDINGS if name in os.environ},
            cwd="/",
            bufsize=0,
        )
        pipes = cast(IO[bytes], self.process.stdin), cast(IO[bytes], self.process.stdout)
        self._input, self._output = (pipe.fileno() for pipe in pipes)
        os.set_blocking(self._input, False)
        os.set_blocking(self._output, False)
        try:
            if self._receive(time.monotonic() + START_SECONDS)[0] != READY:
                raise _Died
        except BaseException:
            self.kill()
            raise

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def render(self, page: bytes, timeout: float) -> tuple[bytes, bytes]:
        """Send one page, receive one answer. Raises _Died and TimeoutError."""
        deadline = time.monotonic() + timeout
        self._send(REQUEST.pack(len(page), math.ceil(timeout) + 1) + page, deadline)
        return self._receive(deadline)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.let_go()

    def let_go(self) -> None:
        """Close the pipes, which ends the child."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _send(self, data: bytes, deadline: float) -> None:
        left = memoryview(data)
        while left:
            self._wait(self._input, select.POLLOUT, deadline)
            try:
                left = left[os.write(self._input, left) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise _Died from error

    def _receive(self, deadline: float) -> tuple[bytes, bytes]:
        kind, length = ANSWER.unpack(self._read(ANSWER.size, deadline))
        if length > RESULT_BYTES:
            raise _Died
        return kind, self._read(length, deadline)

    def _read(self, length: int, deadline: float) -> bytes:
        parts = []
        while length:
            self._wait(self._output, select.POLLIN, deadline)
            part = os.read(self._output, min(length, 1 << 20))
            if not part:
                raise _Died
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _wait(self, pipe: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(pipe, event)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise TimeoutError


class _Renderer:
    """This process's child, made when needed and shared by its threads, one page at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: _Child | None = None

    def render(self, page: bytes, timeout: float) -> bytes:
        if not self._lock.acquire(timeout=timeout):
            raise PdfTimedOut("other pages were in the way for too long")
        try:
            kind, content = self._answer(page, timeout)
        finally:
            self._lock.release()
        if kind == FAILED:
            raise PdfFailed(content.decode(errors="replace"))
        return content

    def warm(self) -> None:
        with self._lock:
            self._running()

    def stop(self) -> None:
        """End the child, in the middle of a page if need be."""
        if self._child:
            self._child.kill()

    def forget(self) -> None:
        """In a forked process: the child belongs to the parent, whose end of the pipe must be
        the only one, or the child would outlive it."""
        if self._child:
            self._child.let_go()
        self._lock = threading.Lock()
        self._child = None

    def _answer(self, page: bytes, timeout: float) -> tuple[bytes, bytes]:
        """One page through the child. A child that was killed while idle is noticed only now,
        so a page whose child dies has a second try with a new one."""
        for _ in range(2):
            child = self._running()
            try:
                return child.render(page, timeout)
            except TimeoutError as error:
                self._discard(child)
                raise PdfTimedOut(f"the page took longer than {timeout:g} seconds") from error
            except _Died:
                self._discard(child)
            except BaseException:
                # Interrupted half-way: the next answer would be to this question.
                self._discard(child)
                raise
        raise PdfFailed("the page makes the PDF process die")

    def _running(self) -> _Child:
        if self._child and not self._child.alive:
            self._discard(self._child)
        if self._child is None:
            try:
                self._child = _Child()
            except (OSError, _Died) as error:
                raise PdfFailed("the PDF process does not start") from error
        return self._child

    def _discard(self, child: _Child) -> None:
        child.kill()
        self._child = None


_renderer = _Renderer()
atexit.register(_renderer.stop)
os.register_at_fork(after_in_child=_renderer.forget)
