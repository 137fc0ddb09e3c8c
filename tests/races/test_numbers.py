"""Sixteen processes issue invoices at once, one in twenty is killed: numbers are exactly 1..n."""

import random

import pytest

from invoicing.models import Event, Invoice, Merchant, NumberSeries
from tests.crew import Crew, Job
from tests.factories import given_a_draft, given_a_merchant

PROCESSES, KILLED_ONE_IN = 16, 20


def numbers(merchant: Merchant) -> list[int]:
    given = Invoice.objects.filter(merchant=merchant).exclude(number=None)
    return sorted(given.values_list("number_value", flat=True))


def test_sixteen_processes_and_one_in_twenty_killed_leave_no_gap(
    crew: Crew, pytestconfig: pytest.Config
) -> None:
    """96 invoices by default; `--races N` for N."""
    merchant = given_a_merchant()
    count = pytestconfig.getoption("--races") or 96
    drafts = [given_a_draft(merchant).public_id for _ in range(count)]
    kills, seed = 0, 0
    while waiting := list(
        Invoice.objects.filter(merchant=merchant, status="draft").values_list(
            "public_id", flat=True
        )
    ):
        seed += 1
        random.Random(seed).shuffle(waiting)
        shares = [waiting[place::PROCESSES] for place in range(PROCESSES)]
        done = crew.together(
            [
                Job(
                    "tests.races.moves:finalize_many",
                    {
                        "merchant_pk": merchant.pk,
                        "references": share,
                        "seed": seed * PROCESSES + place,
                        "one_in": KILLED_ONE_IN,
                    },
                )
                for place, share in enumerate(shares)
                if share
            ]
        )
        assert {one.status for one in done} <= {0, -9}, done
        kills += sum(one.killed for one in done)
        # Whatever the killed ones left, there is never a gap, not even for a moment.
        assert numbers(merchant) == list(range(1, len(numbers(merchant)) + 1))
    assert numbers(merchant) == list(range(1, len(drafts) + 1))
    assert NumberSeries.objects.get(merchant=merchant, kind="invoice").last_value == len(drafts)
    issued = Event.objects.filter(merchant=merchant, type="invoice.finalized")
    assert sorted(issued.values_list("object_id", flat=True)) == sorted(drafts)
    assert kills, "nobody was killed, so nothing was shown"


@pytest.mark.tampers
def test_without_the_lock_on_the_counter_somebody_is_refused(crew: Crew) -> None:
    """A control: two that read the same counter cannot both give their number."""
    merchant = given_a_merchant()
    jobs = [
        Job(
            "tests.races.moves:finalize",
            {"merchant_pk": merchant.pk, "reference": given_a_draft(merchant).public_id},
        )
        for _ in range(2)
    ]
    assert sorted(str(one.result) for one in crew.together(jobs)) == ["TEST-0001", "TEST-0002"]
    careless = [
        Job(
            "tests.races.moves:finalize",
            {
                "merchant_pk": merchant.pk,
                "reference": given_a_draft(merchant).public_id,
                "guarded": False,
            },
        )
        for _ in range(2)
    ]
    done = crew.together(careless)
    assert [one.error.split(":")[0] for one in done if one.error] == ["IntegrityError"]
