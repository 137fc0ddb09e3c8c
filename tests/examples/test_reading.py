"""That a page which lies is noticed."""

import pytest

from tests.examples.reading import blocks, printed, unlike

pytestmark = pytest.mark.same_everywhere

SHOWN = {"id": "inv_9f86d081884c7d659a2feaa0", "status": "paid", "rows": [{"n": 1}], "text": "Ada."}
ID = "inv_" + "0" * 24


@pytest.mark.parametrize(
    ("answered", "where"),
    [
        ({"id": ID, "status": "paid", "rows": [{"n": 1}, 2], "text": "Ben", "more": 1}, ""),
        ({"id": ID, "status": "open", "rows": [{"n": 1}], "text": "Ben"}, "$.status"),
        ({"id": "cus" + ID[3:], "status": "paid", "rows": [{"n": 1}], "text": "Ben"}, "$.id"),
        ({"id": ID, "status": "paid", "rows": [], "text": "Ben"}, "$.rows"),
        ({"id": ID, "status": "paid", "rows": [{"n": "1"}], "text": "Ben"}, "$.rows[0].n"),
        ({"id": ID, "status": "paid", "rows": [{"n": 1}]}, "$.text"),
    ],
)
def test_an_answer_is_compared_by_its_shape(answered: object, where: str) -> None:
    assert unlike(SHOWN, answered).partition(":")[0] == where


def test_lines_are_compared_with_gaps() -> None:
    assert printed("it is …\npaid", "it is 119.00\npaid\n")
    assert not printed("it is …\npaid", "it is 119.00\nand\npaid\n")


def test_a_block_that_nobody_runs_is_noticed() -> None:
    page = "<!-- run -->\n```sh\necho 1\n```\n"
    assert [(block.kind, block.text) for block in blocks(page)] == [("run", "echo 1\n")]
    for wrong in ("```sh\necho 1\n```\n", "<!-- answer -->\n```sh\necho 1\n```\n"):
        with pytest.raises((AssertionError, ValueError)):
            blocks(wrong)
