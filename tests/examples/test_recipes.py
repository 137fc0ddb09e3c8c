"""The recipes run as they are printed, and the programs do what they promise when things break.

All in one test, for the served Billhook is what takes its time.
"""

import asyncio
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from invoicing import errors
from invoicing.errors import BillhookError
from tests.e2e.running import free_port
from tests.examples.breaking import Breaking
from tests.examples.reading import Block, blocks, printed, unlike
from tests.examples.serving import ROOT, WALLET_KEY, Served, serving

pytestmark = pytest.mark.same_everywhere

PAGES = ["bill", "pay", "watch", "recover"]
PROGRAMS = ["bill.py", "pay.py", "watch.py", "recover.py", "discover.py"]
# What the API answers beside the errors of the domain.
OTHER_CODES = {
    "approval_declined",
    "internal_error",
    "invalid_json",
    "invalid_payment",
    "length_required",
    "method_not_allowed",
    "rate_limited",
    "too_large",
    "unauthorized",
    "unsupported_media_type",
}


def page(name: str) -> str:
    return (ROOT / "docs" / "recipes" / f"{name}.md").read_text()


def test_the_recipes_and_their_programs(
    django_db_setup: None, django_db_blocker: Any, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    with django_db_blocker.unblock(), serving(tmp_path) as served:
        for name in PAGES:
            with subtests.test(name):
                a_page_runs_as_it_is_printed(served, name)
        for promise in (
            every_program_says_how_it_is_used,
            a_refusal_is_told_and_is_an_exit_status,
            a_lost_answer_is_asked_for_again,
            a_program_that_was_killed_goes_on_where_it_was,
            the_same_under_another_wish_is_left_to_a_person,
            a_feed_goes_on_after_a_crash,
            a_stranger_bills_and_another_pays_on_a_page,
            a_stranger_bills_and_a_wallet_pays,
        ):
            with subtests.test(promise.__name__):
                promise(served)


def a_page_runs_as_it_is_printed(served: Served, name: str) -> None:
    found = blocks(page("README")) + blocks(page(name))
    folder = served.folder / name
    folder.mkdir()
    (folder / "examples").symlink_to(ROOT / "examples")
    heard = iter(run(served, folder, [block for block in found if block.kind == "run"]))
    output = ""
    for block in found:
        if block.kind == "run":
            output = next(heard)
        elif block.kind == "answer":
            assert unlike(json.loads(block.text), json.loads(output)) == "", output
        elif block.kind == "prints":
            assert printed(block.text, output), output
        elif block.kind == "from":
            assert block.text in (ROOT / block.said[0]).read_text()
    asyncio.run(call(served, [block for block in found if block.kind == "tool"]))


def run(served: Served, folder: Path, pieces: list[Block]) -> list[str]:
    """What each piece printed, all of them in one shell."""
    script = "set -euo pipefail\n" + "printf '\\036'\n".join(piece.text for piece in pieces)
    # What a reader puts in by hand: where their demo runs, its key, a wallet and a free port.
    for hand, value in {
        "http://127.0.0.1:8000": served.url,
        "bh_test_your_key": served.key,
        "0x_your_private_key": WALLET_KEY,
        "9000": str(free_port()),
    }.items():
        script = script.replace(hand, value)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=served.environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout.split("\x1e")


async def call(served: Served, tools: list[Block]) -> None:
    """Call tools as the page shows it; `inv_…` is the invoice that was told of last."""
    headers = {"Authorization": f"Bearer {served.key}"}
    ids: dict[str, str] = {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http,
        Client(streamable_http_client(f"{served.url}/mcp", http_client=http)) as client,
    ):
        for block in tools:
            name, *expected = block.said
            filled = re.sub(r"([a-z]+_)…", lambda found: ids[found[1]], block.text)
            result: Any = await client.call_tool(name, json.loads(filled))
            if expected[:1] == ["refused"]:
                assert result.is_error
                assert result.meta["billhook/error"]["code"] == expected[1]
                continue
            assert not result.is_error, result.content
            replayed = bool(result.meta and result.meta.get("billhook/replayed"))
            assert replayed == (expected == ["replayed"])
            told = result.structured_content.get("id") or ""
            ids[told[:4]] = told


def every_program_says_how_it_is_used(served: Served) -> None:
    asked = [served.start(program, "--help") for program in PROGRAMS]
    asked += [served.start("bill.py"), served.start("webhook_receiver.py")]
    told = [(process.communicate(timeout=60)[0], process.returncode) for process in asked]
    assert [status for _, status in told] == [0] * len(PROGRAMS) + [2, 1]
    for program, (said, _) in zip(PROGRAMS, told, strict=False):
        assert f"python examples/{program}" in said


def a_refusal_is_told_and_is_an_exit_status(served: Served) -> None:
    name = ("--name", "Cleo", "--email", "cleo@example.com")
    wrong = ("invoice", *name, "--line", "Hours; two; 40", "--wish", "wrong-1")
    status, _, said = served.run("bill.py", *wrong)
    assert (status, "line_items[0].quantity" in said) == (1, True)
    status, _, said = served.run("bill.py", *wrong, KEY="bh_test_no")
    assert (status, said.split(":")[0]) == (1, "refused, unauthorized")
    status, _, said = served.run("pay.py", f"{served.url}/i/{'0' * 32}")
    assert (status, said.split(":")[0]) == (1, "refused, not_found")


def a_lost_answer_is_asked_for_again(served: Served) -> None:
    """Between the program and Billhook answers are cut off, and a door is closed for a second."""
    with Breaking(served.url) as way:
        # The customer, the preview, the draft and the sending: each is lost once.
        way.lose = 4
        way.close = 1
        how = ("--name", "Lena Lost", "--email", "lena@example.com", "--wish", "lost-1")
        status, said, _ = served.run(
            "bill.py", "invoice", *how, "--line", "Hours; 1; 40", BILLHOOK=way.url
        )
        assert (status, way.lose, way.close) == (0, 0, 0)
    with served.api() as api:
        (invoice,) = api.get("/v1/invoices", params={"q": "Lena Lost"}).json()["data"]
        customers = api.get("/v1/customers", params={"q": "Lena Lost"}).json()["data"]
    assert (invoice["status"], len(customers)) == ("open", 1)
    assert invoice["number"] in said


def charges(served: Served, wish: str, name: str) -> str:
    """A file with one charge, to a new customer with a card."""
    with served.api() as api:
        customer = api.post("/v1/customers", json={"name": name}).json()["id"]
        card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040}
        api.post(f"/v1/customers/{customer}/payment_methods", json=card).raise_for_status()
    path = served.folder / f"{wish}.csv"
    row = f"{wish},{customer},12.00,USD,Books"
    path.write_text(f"wish,customer_id,amount,currency,description\n{row}\n")
    return str(path)


def a_program_that_was_killed_goes_on_where_it_was(served: Served) -> None:
    path = charges(served, "killed-1", "Kim Killed")
    with Breaking(served.url) as way:
        way.hold = True
        process = served.start("recover.py", path, BILLHOOK=way.url)
        # Billhook has answered, and the program has not heard it.
        assert way.held.wait(30)
        process.kill()
        process.communicate()
    status, said, _ = served.run("recover.py", path)
    assert (status, said.split(",")[0]) == (0, "killed-1: paid")
    with served.api() as api:
        found = api.get("/v1/invoices", params={"q": "Kim Killed"}).json()["data"]
    assert [invoice["status"] for invoice in found] == ["paid"]


def the_same_under_another_wish_is_left_to_a_person(served: Served) -> None:
    path = charges(served, "twice-1", "Tom Twice")
    assert served.run("recover.py", path)[0] == 0
    other = Path(path).read_text().replace("twice-1", "twice-2")
    Path(path).write_text(other)
    status, said, _ = served.run("recover.py", path)
    assert (status, said.split(",")[0]) == (1, "twice-2: twice")
    # A control: under the first name it is the first charge that is told.
    Path(path).write_text(other.replace("twice-2", "twice-1"))
    assert served.run("recover.py", path)[1].startswith("twice-1: paid")


def a_feed_goes_on_after_a_crash(served: Served) -> None:
    """What was not kept comes again, and what was kept does not."""
    state = served.folder / "feed.txt"
    status, said, _ = served.run("watch.py", "--state", str(state), "--once")
    assert status == 0
    told = said.splitlines()
    assert len(told) > 50
    with served.api() as api:
        newest = api.get("/v1/events", params={"limit": 2}).json()["data"]
    state.write_text(newest[1]["id"])
    status, said, _ = served.run("watch.py", "--state", str(state), "--once")
    assert (status, said.splitlines()) == (0, told[-1:])
    assert state.read_text() == newest[0]["id"]
    state.write_text("evt_" + "0" * 24)
    assert served.run("watch.py", "--state", str(state), "--once")[0] == 1


def a_stranger_bills_and_another_pays_on_a_page(served: Served) -> None:
    """Who bills has the host's address and a key; who pays has what the first one printed."""
    how = ("--name", "Cleo", "--price", "25.00", "--currency", "EUR", "--wish", "stranger-1")
    _, said, _ = served.run("discover.py", "bill", served.url, *how, BILLHOOK="")
    invoice_id, address = said.split()
    payer = served.start("pay.py", address, "--patience", "60", BILLHOOK="", KEY="")
    assert payer.stdout is not None
    assert payer.stdout.readline().endswith(": Pay 25.00 EUR.\n")
    assert payer.stdout.readline().startswith(f"pay on this page: {served.url}/sandbox/checkout/")
    assert payer.stdout.readline() == "it is open\n"
    # The rehearsal is found in the document as well.
    status, said, _ = served.run("discover.py", "rehearse", served.url, invoice_id, BILLHOOK="")
    assert (status, said) == (0, "succeeded\n")
    said, _ = payer.communicate(timeout=60)
    assert (payer.returncode, said) == (0, "it is paid\n")


def a_stranger_bills_and_a_wallet_pays(served: Served) -> None:
    """No page and nobody: the invoice asks for x402, and the second bot has a wallet."""
    how = ("--name", "Cleo", "--price", "25.00", "--wish", "stranger-2")
    _, said, _ = served.run("discover.py", "bill", served.url, *how, BILLHOOK="")
    _, address = said.split()
    token = f"eip155:31337/{served.devnet.token.address}"
    wallet = {"WALLET_KEY": WALLET_KEY, "KEY": ""}
    status, _, said = served.run("pay.py", address, "--token", token, "--at-most", "24", **wallet)
    assert (status, said.startswith("Nothing was signed")) == (1, True)
    status, said, _ = served.run("pay.py", address, "--token", token, "--at-most", "25", **wallet)
    assert (status, said.splitlines()[1:]) == (0, ["paid by x402", "it is paid"])
    # Asked again, it is only told.
    status, said, _ = served.run("pay.py", address, "--token", token, **wallet)
    assert (status, said.splitlines()[1:]) == (0, ["it is paid"])


def test_every_code_is_told_of_and_none_is_invented() -> None:
    known = OTHER_CODES | {
        one.code
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, BillhookError) and one is not BillhookError
    }
    told = set()
    for name in PAGES:
        table = page(name).partition("## What can go wrong")[2]
        cells = re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)
        told |= {code for cell in cells for code in re.findall(r"`([a-z_]+)`", cell)}
    # The words of a payment's state stand in the table too.
    assert told - {"unknown", "processing", "failed"} == known
