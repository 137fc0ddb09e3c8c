"""The process in which pages become PDFs: one that may hang or burst and then be killed.

`invoicing.pdf` runs this file by its path, so it starts without Django, without the parent's
environment and without anything of ours in its memory. Pages come in through standard input,
PDFs go out through standard output, and nothing else is reachable: URLs other than `data:` are
refused, and once warmed up the process may open neither sockets nor files nor other processes.
"""

import gc
import hashlib
import math
import os
import queue
import re
import resource
import signal
import struct
import sys
import threading
from functools import lru_cache
from typing import Any, BinaryIO

from PIL import Image
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

# A page of 25 MB of PDF is not an invoice.
MEMORY_BYTES = 1024**3
RESULT_BYTES = 25 * 1024**2
# A logo of 20 million points; more is a decompression bomb.
IMAGE_PIXELS = 20_000_000

REQUEST = struct.Struct(">II")  # length of the page, seconds of processor time it may take
ANSWER = struct.Struct(">cI")  # what it is, its length
READY, PDF, FAILED = b"R", b"P", b"F"

FORBIDDEN = (
    "open", "socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn",
    "os.system", "os.listdir", "os.scandir", "os.remove", "os.rename", "ctypes.dlopen",
)  # fmt: skip

# One word in each script and one of whatever a page may hold, so that fonts are open and modules
# imported before anybody waits for them, and before files are out of reach.
WARM_UP = """<html lang="en"><title>.</title>
<style>body { font-family: Inter, "Noto Sans", sans-serif }</style>
<table><tr><td><b>Invoice</b> Счёт Τιμολόγιο فاتورة חשבונית इनवॉइस ใบแจ้งหนี้ 发票 請求書 송장 🧾
</table>
<ol><li><a href="https://example.com">link</a></ol>
<img alt="" src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><text>.</text></svg>">
<img alt="" src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7">
"""


class NothingOutside(URLFetcher):  # type: ignore[misc]
    """Fetches what a page carries in itself, and nothing from anywhere else."""

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        if not url[:5].lower() == "data:":
            raise ValueError("only data: URLs are fetched")
        return super().fetch(url, headers)


class InstalledFonts(FontConfiguration):  # type: ignore[misc]
    """The fonts of this machine. A page cannot bring its own: they would meet old C parsers."""

    def add_font_face(self, rule_descriptors: Any, url_fetcher: Any) -> None:
        """Leave the font out."""


class Renderer:
    """WeasyPrint with everything that pages have in common kept between them."""

    def __init__(self) -> None:
        self._fonts = InstalledFonts()
        self._fetcher = NothingOutside(allowed_protocols={"data"}, allow_redirects=False)
        self._parse_css = lru_cache(maxsize=64)(self._parse_css_now)

    def render(self, page: bytes) -> bytes:
        """The page as a tagged PDF; the same page is the same bytes."""
        html, styles = self._split_style(page.decode())
        document = HTML(string=html, url_fetcher=self._fetcher)
        for element in document.etree_element.iter():
            if "attachment" in element.get("rel", "").lower():
                del element.attrib["rel"]
        pdf: bytes = document.write_pdf(
            stylesheets=styles,
            font_config=self._fonts,
            # PDF/UA-1: read aloud in the right order at next to no cost. PDF/A would add an
            # archive's colour profile, and matters only once structured data is attached.
            pdf_variant="pdf/ua-1",
            # Not random, not the time.
            pdf_identifier=hashlib.sha256(page).digest()[:16],
        )
        return pdf

    def _split_style(self, html: str) -> tuple[str, list[CSS]]:
        """Take out a page's only style sheet: all invoices of a merchant share it, parsed."""
        if html.count("<style") != 1:
            return html, []
        found = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
        if not found:
            return html, []
        return html.replace(found[0], ""), [self._parse_css(found[1])]

    def _parse_css_now(self, text: str) -> CSS:
        return CSS(string=text, url_fetcher=self._fetcher, font_config=self._fonts)


def main() -> None:
    """Render page after page until the parent closes the pipe."""
    answers = os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not end up between the answers.
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    Image.MAX_IMAGE_PIXELS = IMAGE_PIXELS // 2  # Pillow warns there and refuses at twice as many
    Image.init()

    requests: queue.SimpleQueue[tuple[bytes, int]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(requests,), daemon=True).start()
    renderer = Renderer()
    renderer.render(WARM_UP.encode())
    sys.addaudithook(_refuse)
    gc.collect()
    gc.freeze()
    _send(answers, READY)
    while True:
        page, seconds = requests.get()
        _limit_processor_time(seconds)
        # Collecting garbage is done while nobody waits.
        gc.disable()
        try:
            pdf = renderer.render(page)
        except MemoryError:
            _send(answers, FAILED, b"the page needs too much memory")
            os._exit(1)
        except Exception as error:
            _send(answers, FAILED, f"{type(error).__name__}: {error}"[:500].encode())
        else:
            if len(pdf) > RESULT_BYTES:
                _send(answers, FAILED, b"the PDF is too large")
            else:
                _send(answers, PDF, pdf)
        gc.enable()
        gc.collect()


def _receive(requests: "queue.SimpleQueue[tuple[bytes, int]]") -> None:
    """Queue pages as they arrive; once the parent is gone, so is this process, whatever it does.

    Not PR_SET_PDEATHSIG: that fires when the thread ends that started this process.
    """
    pages = sys.stdin.buffer
    while len(header := pages.read(REQUEST.size)) == REQUEST.size:
        length, seconds = REQUEST.unpack(header)
        page = pages.read(length)
        if len(page) < length:
            break
        requests.put((page, seconds))
    os._exit(0)


def _send(answers: BinaryIO, kind: bytes, content: bytes = b"") -> None:
    answers.write(ANSWER.pack(kind, len(content)) + content)
    answers.flush()


def _limit_processor_time(seconds: int) -> None:
    """Let the kernel end a page that loops where no Python thread gets a turn."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def _refuse(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook: from now on nothing outside this process is opened, by any library."""
    if event.startswith(FORBIDDEN):
        raise PermissionError(f"the PDF process may not {event}")


if __name__ == "__main__":
    main()
