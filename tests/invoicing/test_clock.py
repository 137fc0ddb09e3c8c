"""Time: a test merchant's clock moves forward as it likes, the live merchant's is the wall's."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Q

from invoicing import clock as clocks
from invoicing import stepping
from invoicing.actions.clocks import move_clock
from invoicing.due import due
from invoicing.errors import InvalidState, ValidationFailed
from invoicing.models import Invoice, Merchant
from tests.factories import again, given_a_draft, given_an_open_invoice, let_pass


def test_a_test_merchant_lives_in_its_own_time(
    test_merchant: Merchant, live: Merchant, ben_merchant: Merchant, clock: Any
) -> None:
    moved = stepping.move(lambda: move_clock(test_merchant, clock.at + timedelta(days=40))).merchant
    assert clocks.now(moved) == clock.at + timedelta(days=40)
    assert clocks.now(live) == clocks.now(ben_merchant) == clocks.wall() == clock.at
    clock.move(hours=1)
    assert clocks.now(again(test_merchant)) == clock.at + timedelta(days=40)
    assert given_a_draft(moved).created_at == clock.at + timedelta(days=40)
    assert given_a_draft(live).created_at == clock.at


def test_a_live_merchants_clock_does_not_move(live: Merchant, clock: Any) -> None:
    with pytest.raises(InvalidState, match="Only a test merchant's clock"):
        move_clock(live, clock.at + timedelta(seconds=1))
    with pytest.raises(IntegrityError), transaction.atomic():
        Merchant.objects.filter(pk=live.pk).update(clock_offset=timedelta(seconds=1))
    with pytest.raises(IntegrityError), transaction.atomic():
        Merchant.objects.filter(pk=live.pk).update(clock_held_at=clock.at)
    assert again(live).clock_offset == timedelta(0)


def test_a_clock_only_moves_forward_and_not_for_ever(test_merchant: Merchant, clock: Any) -> None:
    moved = let_pass(test_merchant, "10 00:00:00")
    for to in (timedelta(days=9), timedelta(days=10, microseconds=-1)):
        with pytest.raises(ValidationFailed, match="only moves forward"):
            move_clock(moved, clock.at + to)
    with pytest.raises(ValidationFailed, match="50 years"):
        move_clock(moved, clock.at + timedelta(days=366 * 50 + 1))
    assert clocks.now(again(moved)) == clock.at + timedelta(days=10)
    there = stepping.move(lambda: move_clock(moved, clock.at + timedelta(days=366 * 50))).merchant
    assert there.clock_offset.days == 18300


def test_what_is_due_is_due_on_each_merchants_own_clock(
    test_merchant: Merchant, live: Merchant, ben_merchant: Merchant, clock: Any
) -> None:
    tomorrow = (clock.at + timedelta(days=1)).isoformat()
    for merchant in (test_merchant, live, ben_merchant):
        given_an_open_invoice(merchant, due_at=tomorrow)

    def found() -> set[str]:
        condition = Q(pk__in=[])
        for is_due in due("due_at"):
            condition |= is_due
        return {row.merchant.name for row in Invoice.objects.filter(condition)}

    assert found() == set()
    let_pass(ben_merchant, "1 00:00:00")
    assert found() == {"Ben & Sons"}
    clock.move(days=1)
    assert found() == {"Ben & Sons", "Ada's Engines"}
