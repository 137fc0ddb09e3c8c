"""docs/api.md and the dialects' guides, followed word for word against a running demo."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.env import BASE_DIR
from tests.e2e.running import Running, free_port, running

# Many processes on PostgreSQL are tried by the main job.
pytestmark = pytest.mark.same_everywhere


@pytest.fixture(scope="module")
def billhook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("guide")) as started:
        yield started


def test_the_guide_runs_word_for_word(billhook: Running, tmp_path: Path) -> None:
    guide = (BASE_DIR / "docs" / "api.md").read_text()
    blocks = re.findall(r"<!-- guide -->\n```sh\n(.*?)```", guide, re.DOTALL)
    assert len(blocks) == 15
    script = "set -euo pipefail\n" + "echo; echo ---\n".join(blocks)
    # What a reader puts in by hand: where their demo runs, its key, and a URL of theirs.
    for hand, value in {
        "http://127.0.0.1:8000": billhook.url,
        "bh_test_your_key": billhook.api_key,
        "https://example.com/hooks/billhook": f"http://127.0.0.1:{free_port()}/",
    }.items():
        assert script.count(hand) == 1
        script = script.replace(hand, value)
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    told = [block.strip() for block in done.stdout.split("---\n")]
    assert '"object":"me"' in told[1]
    assert told[2] == "119.00"
    assert told[4] == "Thank you for your business."
    assert told[5].startswith(f"{billhook.url}/i/")
    assert told[6].splitlines()[0] == "119.00"
    assert told[7].splitlines() == ["succeeded", "paid"]
    assert '"permission":"invoices:write"' in told[8]
    assert '"object":"leash"' in told[9] and '"per_action":"200.00"' in told[9]
    assert told[10].splitlines() == ["True"]
    assert '"amount_refunded":"19.00"' in told[11]
    assert '"status":"succeeded","livemode":false' in told[11]
    assert '"has_more":true' in told[12]
    assert '"currency":"EUR"' in told[14]
    assert (tmp_path / "invoice.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("system", "told"),
    [
        ("wallgent", ["", "70.00 0x http", "succeeded PAID 70.00", "wallgent"]),
        ("wayout", ["True", "200 1", "succeeded paid"]),
    ],
)
def test_a_dialects_guide_runs_word_for_word(
    billhook: Running, tmp_path: Path, system: str, told: list[str]
) -> None:
    guide = (BASE_DIR / "docs" / "dialects" / f"{system}.md").read_text()
    blocks = re.findall(r"<!-- guide -->\n```sh\n(.*?)```", guide, re.DOTALL)
    script = "set -euo pipefail\n" + "echo; echo ---\n".join(blocks)
    for hand, value in {
        "http://127.0.0.1:8000": billhook.url,
        "bh_test_your_key": billhook.api_key,
        "https://example.com/hooks/wallgent": f"http://127.0.0.1:{free_port()}/",
    }.items():
        script = script.replace(hand, value)
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    said = [block.split() for block in done.stdout.split("---\n")]
    assert len(said) == len(told)
    for words, expected in zip(said, told, strict=True):
        assert len(words) == len(expected.split())
        for word, beginning in zip(words, expected.split(), strict=True):
            assert word.startswith(beginning)
