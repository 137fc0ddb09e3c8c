"""PDFs: what comes out, what never goes in, and what happens to the process in between."""

import base64
import os
import signal
import struct
import subprocess
import sys
import textwrap
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import weasyprint
from PIL import Image
from pypdf import PdfReader
from pypdf.generic import StreamObject
from weasyprint.logger import LOGGER

from invoicing import pdf

pytestmark = pytest.mark.once

CANARY = "CANARY-7f3a91"

# Wide cells in a table without widths keep the renderer busy for a quarter of a minute.
COLSPAN_BOMB = "<table><tr>" + "<td colspan=1000>" * 400 + "</table>"


def page(body: str, head: str = "") -> str:
    return f'<!doctype html><html lang="en"><head><title>A page</title>{head}</head>{body}</html>'


def text_of(content: bytes) -> str:
    return "\n".join(one.extract_text() for one in PdfReader(BytesIO(content)).pages)


def leaked(content: bytes) -> bool:
    """Whether the canary is anywhere in the PDF: in its text or in a file it carries."""
    reader = PdfReader(BytesIO(content))
    objects = (reader.get_object(number) for number in range(1, int(reader.trailer["/Size"])))
    streams = [one.get_data() for one in objects if isinstance(one, StreamObject)]
    return CANARY in text_of(content) or any(CANARY.encode() in data for data in streams)


def child_pid() -> int:
    child = pdf._renderer._child
    assert child
    return child.process.pid


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_gone(pid: int) -> bool:
    """Whether the process ends within ten seconds."""
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    return not is_running(pid)


# What comes out


def test_a_page_becomes_a_titled_tagged_pdf_in_its_language() -> None:
    reader = PdfReader(BytesIO(pdf.render(page("<h1>Invoice</h1><p>Paper</p>"))))
    catalog = reader.root_object
    assert reader.metadata and reader.metadata.title == "A page"
    assert catalog["/Lang"] == "en"
    assert catalog["/MarkInfo"]["/Marked"]
    assert b"pdfuaid:part" in catalog["/Metadata"].get_data()
    assert "Paper" in reader.pages[0].extract_text()


def test_the_same_page_is_the_same_bytes_also_from_another_process() -> None:
    html = page("<p>Ada bills Cleo</p>", "<style>p { color: #123456 }</style>")
    first = pdf.render(html)
    assert pdf.render(html) == first
    os.kill(child_pid(), signal.SIGKILL)
    assert pdf.render(html) == first
    assert pdf.render(html.replace("Cleo", "Ben")) != first


def test_a_style_sheet_kept_from_one_page_does_not_dress_the_next() -> None:
    wide = "<style>@page { size: 200px 100px; margin: 0 }</style>"
    tall = "<style>@page { size: 100px 200px; margin: 0 }</style>"
    for head, width in [(wide, 150), (tall, 75), (wide, 150), ("", 595.28)]:
        box = PdfReader(BytesIO(pdf.render(page("<p>x", head)))).pages[0].mediabox
        assert float(box.width) == pytest.approx(width, abs=0.01)


@pytest.mark.parametrize(
    "text",
    [
        "Letterpress größer Łódź İstanbul",
        "Τιμολόγιο",
        "Счёт-фактура",
        "फ़ोटो चालान",
        "ใบแจ้งหนี้",
        "发票号码",
        "請求書とカード",
        "청구서",
        "فاتورة",
        "חשבונית",
        "🧾 💳",
    ],
)
def test_text_of_any_script_has_glyphs_and_can_be_copied_out(
    text: str, warnings: list[str]
) -> None:
    html = page(f"<p>{text}</p>", "<style>p { font-family: 'Noto Sans' }</style>")
    content = pdf.render(html)
    # Right-to-left text may come out in the order it is drawn; no letter may be another.
    wanted = [char for char in text if not char.isspace()]
    assert sorted(char for char in text_of(content) if not char.isspace()) == sorted(wanted)
    # The child does not say which characters no font has; the same page rendered here does.
    weasyprint.HTML(string=html).write_pdf()
    assert not [warning for warning in warnings if ".notdef" in warning]


def test_a_character_no_font_has_would_be_noticed(warnings: list[str]) -> None:
    weasyprint.HTML(string=page("<p>\U000f1234</p>")).write_pdf()
    assert [warning for warning in warnings if ".notdef" in warning]


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What WeasyPrint, in this process, warns of."""
    said: list[str] = []
    monkeypatch.setattr(LOGGER, "warning", lambda message, *args: said.append(message % args))
    return said


# What never goes in


class Listener(ThreadingHTTPServer):
    """A server that counts every connection, whatever is said over it."""

    def __init__(self) -> None:
        self.connections = 0
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)

    def count(self) -> int:
        """How many connections there were since the last count.

        They are taken in order: once this method's own is answered, none made before it can
        still be waiting to be counted.
        """
        urlopen(f"http://{self.host}/own", timeout=10).read()
        seen, self.connections = self.connections - 1, 0
        return seen


class Answer(BaseHTTPRequestHandler):
    timeout = 1

    def do_GET(self) -> None:
        self.send_response(302 if self.path == "/redirect" else 200)
        self.send_header("Location", "/a.svg")
        self.send_header("Content-Type", "text/css" if "css" in self.path else "image/svg+xml")
        self.end_headers()
        self.wfile.write(b'<svg xmlns="http://www.w3.org/2000/svg"></svg>')

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def in_drawing(inner: str) -> str:
    """A page with a drawing in a data: URL."""
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="9" height="9">{inner}</svg>'
    )
    return page(f"<img src='data:image/svg+xml,{quote(drawing)}'>")


# Every way WeasyPrint has of reaching out, to be pointed at HOST.
TO_THE_NETWORK = {
    "image": page("<img src='http://HOST/a.svg'>"),
    "image in capitals": page("<img src='HTTP://HOST/a.svg'>"),
    "image without a scheme": page("<img src='//HOST/a.svg'>", "<base href='http://HOST/'>"),
    "image by ftp": page("<img src='ftp://HOST/a.svg'>"),
    "redirect": page("<img src='http://HOST/redirect'>"),
    "base": page("<img src='a.svg'>", "<base href='http://HOST/'>"),
    "style sheet": page("", "<link rel=stylesheet href='http://HOST/a.css'>"),
    "import": page("", "<style>@import 'http://HOST/a.css'</style>"),
    "import by url": page("", "<style>@import url(http://HOST/a.css) print</style>"),
    "import in data": page(
        "", "<style>@import 'data:text/css,@import %22http://HOST/a.css%22'</style>"
    ),
    "second style": page("", "<style>p{}</style><style>@import 'http://HOST/a.css'</style>"),
    "background": page("<p>x", "<style>p { background: url(http://HOST/a.svg) }</style>"),
    "border": page("<p>x", "<style>p { border-image: url(http://HOST/a.svg) 1 }</style>"),
    "bullet": page("<li>x", "<style>li { list-style-image: url(http://HOST/a.svg) }</style>"),
    "content": page("<p>x", "<style>p::before { content: url(http://HOST/a.svg) }</style>"),
    "page margin": page(
        "<p>x", "<style>@page { @top-left { content: url(http://HOST/a.svg) } }</style>"
    ),
    "style attribute": page("<p style='background: url(http://HOST/a.svg)'>x"),
    "font": page(
        "<p>x", "<style>@font-face { font-family: f; src: url(http://HOST/f.ttf) }</style>"
    ),
    "colour profile": page(
        "<p>x", "<style>@color-profile --p { src: url(http://HOST/p.icc) }</style>"
    ),
    "object": page("<object data='http://HOST/a.svg'></object>"),
    "embed": page("<embed src='http://HOST/a.svg'>"),
    "image in drawing": page(
        "<svg width=9 height=9><image href='http://HOST/a.svg' width=9 height=9 /></svg>"
    ),
    "image in drawing in data": in_drawing(
        '<image xlink:href="http://HOST/a.svg" width="9" height="9"/>'
    ),
    "font in drawing in data": in_drawing(
        "<style>@font-face { font-family: f; src: url(http://HOST/f.ttf) }</style>"
    ),
    "attachment": page("", "<link rel=attachment href='http://HOST/a.svg'>"),
    "attached by an anchor": page("<a rel=attachment href='http://HOST/a.svg'>x</a>"),
}


@pytest.mark.parametrize("channel", TO_THE_NETWORK)
def test_no_page_reaches_the_network(channel: str, listener: Listener) -> None:
    html = TO_THE_NETWORK[channel].replace("HOST", listener.host)
    html = html.replace(quote("HOST", safe=""), listener.host)
    listener.count()
    with suppress(pdf.PdfFailed):
        pdf.render(html)
    assert listener.count() == 0
    # The control: with WeasyPrint's own fetcher the same page does connect.
    with suppress(Exception):
        weasyprint.HTML(string=html).write_pdf()
    assert listener.count() > 0


# Ways to show or attach a file; FOLDER holds the canary in three disguises.
TO_A_FILE = {
    "image": page("<img src='FOLDER/canary.svg'>"),
    "image in capitals": page("<img src='FILECAPS/canary.svg'>"),
    "base": page("<img src='canary.svg'>", "<base href='FOLDER/'>"),
    "object": page("<object data='FOLDER/canary.svg'></object>"),
    "style sheet": page("", "<link rel=stylesheet href='FOLDER/canary.css'>"),
    "import": page("", "<style>@import 'FOLDER/canary.css'</style>"),
    "attachment": page("", "<link rel=attachment href='FOLDER/canary.txt'>"),
    "attached by an anchor": page("<a rel=attachment href='FOLDER/canary.txt'>x</a>"),
    "attachment in data": page("", f"<link rel=attachment href='data:text/plain,{CANARY}'>"),
}


@pytest.mark.parametrize("channel", TO_A_FILE)
def test_no_page_shows_or_attaches_a_file(channel: str, tmp_path: Path) -> None:
    (tmp_path / "canary.txt").write_text(CANARY)
    (tmp_path / "canary.css").write_text(f"body::before {{ content: '{CANARY}' }}")
    (tmp_path / "canary.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="50">'
        f'<text y="20">{CANARY}</text></svg>'
    )
    folder = tmp_path.as_uri()
    html = TO_A_FILE[channel].replace("FOLDER", folder)
    html = html.replace("FILECAPS", folder.replace("file:", "FILE:"))
    assert not leaked(pdf.render(html))
    # The control: with WeasyPrint's own fetcher the same page does leak.
    assert leaked(weasyprint.HTML(string=html).write_pdf())


def test_what_a_page_carries_in_itself_is_shown() -> None:
    drawing = quote('<svg xmlns="http://www.w3.org/2000/svg"><text y="9">carried</text></svg>')
    html = page(
        f"<img src='data:image/svg+xml,{drawing}'>",
        "<style>@import 'data:text/css,body::after{content:\"styled\"}'</style>",
    )
    text = text_of(pdf.render(html))
    assert "carried" in text
    assert "styled" in text


@pytest.mark.parametrize(
    ("form", "mode"),
    [
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("WEBP", "RGBA"),
        ("GIF", "P"),
    ],
)
def test_images_of_every_usual_form_are_shown(form: str, mode: str) -> None:
    file = BytesIO()
    Image.effect_noise((40, 20), 50).convert(mode).save(file, form)
    data = base64.b64encode(file.getvalue()).decode()
    content = pdf.render(page(f"<img src='data:image/{form.lower()};base64,{data}'>"))
    [image] = PdfReader(BytesIO(content)).pages[0].images
    assert image.image is not None
    assert image.image.size == (40, 20)


@pytest.mark.parametrize(
    "attempt",
    [
        "open('/etc/hostname')",
        "socket.create_connection(('127.0.0.1', 9))",
        "subprocess.run(['true'])",
        "os.system('true')",
        "os.listdir('/')",
    ],
)
def test_once_warm_the_process_can_open_nothing(attempt: str) -> None:
    script = f"""
        import os, socket, subprocess, sys
        from invoicing import pdf_child
        GUARD
        try:
            {attempt}
        except PermissionError as refusal:
            print("refused" if "PDF process" in str(refusal) else refusal)
        except OSError:
            print("tried")
        else:
            print("done")
    """
    guarded = script.replace("GUARD", "sys.addaudithook(pdf_child._refuse)")
    assert run(guarded) == "refused"
    assert run(script.replace("GUARD", "")).split()[-1] in ("tried", "done")


def test_the_process_knows_no_secrets() -> None:
    pdf.warm()
    surroundings = Path(f"/proc/{child_pid()}/environ").read_bytes()
    assert os.environ["SECRET_KEY"].encode() not in surroundings
    assert {entry.partition(b"=")[0].decode() for entry in surroundings.split(b"\0")} <= {
        "",
        *pdf.SURROUNDINGS,
    }


# What happens to the process


def test_a_page_that_hangs_is_killed_at_its_deadline_and_the_next_one_works() -> None:
    pdf.warm()
    before = child_pid()
    started = time.monotonic()
    with pytest.raises(pdf.PdfTimedOut) as timed_out:
        pdf.render(COLSPAN_BOMB, timeout_seconds=0.5)
    assert time.monotonic() - started < 3
    assert timed_out.value.reason == "the page took longer than 0.5 seconds"
    assert not is_running(before)
    assert "still here" in text_of(pdf.render(page("<p>still here")))
    assert child_pid() != before


def test_a_killed_child_is_replaced_without_anyone_noticing() -> None:
    pdf.warm()
    before = child_pid()
    os.kill(before, signal.SIGKILL)
    assert "still here" in text_of(pdf.render(page("<p>still here")))
    assert child_pid() != before


def test_a_page_that_fails_says_why_and_the_process_lives_on() -> None:
    pdf.warm()
    before = child_pid()
    with pytest.raises(pdf.PdfFailed) as failed:
        pdf.render(page("<div>" * 3000))
    assert failed.value.reason.startswith("RecursionError")
    assert not isinstance(failed.value, pdf.PdfTimedOut)
    assert "still here" in text_of(pdf.render(page("<p>still here")))
    assert child_pid() == before


def test_a_page_that_is_too_large_is_refused_before_anything_starts() -> None:
    with pytest.raises(pdf.PdfFailed) as failed:
        pdf.render("x" * (pdf.PAGE_BYTES + 1))
    assert failed.value.reason == "the page is too large"


def test_an_image_that_unpacks_to_gigabytes_is_left_out() -> None:
    bomb = base64.b64encode(blank_png(40_000, 40_000)).decode()
    assert len(bomb) < 400_000
    html = page(f"<p>still here<img src='data:image/png;base64,{bomb}'>")
    assert "still here" in text_of(pdf.render(html))
    small = base64.b64encode(blank_png(40, 40)).decode()
    assert b"/Image" in pdf.render(page(f"<img src='data:image/png;base64,{small}'>"))


def test_memory_has_an_end() -> None:
    pdf.warm()
    limits = Path(f"/proc/{child_pid()}/limits").read_text()
    assert ["Max", "address", "space", "1073741824", "1073741824", "bytes"] in [
        line.split() for line in limits.splitlines()
    ]


def test_threads_get_their_own_pages_back() -> None:
    names = [f"page {at}" for at in range(12)]
    texts: dict[str, str] = {}

    def ask(name: str) -> None:
        texts[name] = text_of(pdf.render(page(f"<p>{name}")))

    threads = [threading.Thread(target=ask, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: text.strip() for name, text in texts.items()} == {name: name for name in names}


def test_a_forked_process_gets_a_child_of_its_own() -> None:
    script = """
        import os
        from invoicing import pdf
        pdf.warm()
        mine = pdf._renderer._child.process.pid
        forked = os.fork()
        if not forked:
            pdf.render("<p>x")
            os._exit(0 if pdf._renderer._child.process.pid != mine else 1)
        _, status = os.waitpid(forked, 0)
        pdf.render("<p>x")
        print(status, pdf._renderer._child.process.pid == mine)
    """
    assert run(script) == "0 True"


@pytest.mark.parametrize("busy", [False, True])
def test_the_child_ends_with_its_parent(busy: bool) -> None:
    script = f"""
        import sys, threading
        from invoicing import pdf
        pdf.warm()
        if {busy}:
            bomb = "<table><tr>" + "<td colspan=1000>" * 400 + "</table>"
            ask = lambda: pdf.render(bomb, timeout_seconds=60)
            threading.Thread(target=ask).start()
        print(pdf._renderer._child.process.pid, flush=True)
        sys.stdin.read()
    """
    with start(script) as parent:
        assert parent.stdout and parent.stdin
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.kill()
        parent.wait()
        assert wait_until_gone(pid)


def test_the_web_process_does_not_import_weasyprint() -> None:
    script = """
        import sys
        from invoicing import pdf
        print("weasyprint" in sys.modules, "django" in sys.modules)
    """
    assert run(script) == "False True"


def start(script: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=Path(__file__).parents[2],
    )


def run(script: str) -> str:
    """What a script prints, in a process of its own."""
    with start(script) as process:
        return process.communicate(timeout=60)[0].strip()


def blank_png(width: int, height: int) -> bytes:
    """A white image of one bit per point: a few hundred bytes for each megapixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    squeeze = zlib.compressobj(9)
    row = bytes([0]) + b"\xff" * (width // 8)
    rows = b"".join(squeeze.compress(row) for _ in range(height)) + squeeze.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), chunk(b"IDAT", rows), chunk(b"IEND", b"")]
    )
