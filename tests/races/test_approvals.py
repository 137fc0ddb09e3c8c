"""Two who decide, or two workers who carry out, at the same moment: one of them does."""

from collections.abc import Iterable
from typing import Any

import pytest

from invoicing.actions.approvals import approve
from invoicing.models import Approval, Event, Membership, Merchant, User
from payments.audit import audit
from payments.models import Refund
from tests.crew import Crew, Job
from tests.factories import again, given_a_merchant, given_a_user, given_an_approval
from tests.races.running import results


def at_once(crew: Crew, *moves: dict[str, Any], move: str) -> list[Any]:
    return results(crew.together([Job(f"tests.races.approval_moves:{move}", of) for of in moves]))


def given_a_team(crew: Crew) -> tuple[Merchant, list[User]]:
    ada, ben = given_a_user("Ada Lovelace"), given_a_user("Ben Babbage")
    merchant = given_a_merchant(ada)
    Membership.objects.create(
        account=merchant.account, user=ben, role="admin", created_at=merchant.created_at
    )
    return merchant, [ada, ben]


def decisions(merchant: Merchant, users: list[User], approval: Approval, **how: Any) -> list[Any]:
    return [
        {
            "merchant_pk": merchant.pk,
            "approval": approval.public_id,
            "user_pk": user.pk,
            "verb": verb,
            **how,
        }
        for user, verb in zip(users, ("approve", "decline"), strict=True)
    ]


def told(approval: Approval) -> int:
    types = ["approval.approved", "approval.declined"]
    return Event.objects.filter(object_id=approval.public_id, type__in=types).count()


def test_of_two_who_decide_one_is_late(
    crew: Crew, transactional_db: None, rounds: Iterable[int]
) -> None:
    merchant, users = given_a_team(crew)
    for _ in rounds:
        approval = given_an_approval(merchant)
        ends = at_once(crew, *decisions(merchant, users, approval), move="decide")
        assert ends.count("late") == 1
        row = again(approval)
        assert row.status in ends
        assert row.decided_by in users
        assert told(approval) == 1


@pytest.mark.tampers
def test_without_the_lock_both_would_have_decided(crew: Crew, transactional_db: None) -> None:
    merchant, users = given_a_team(crew)
    approval = given_an_approval(merchant)
    ends = at_once(crew, *decisions(merchant, users, approval, guarded=False), move="decide")
    assert sorted(ends) == ["approved", "declined"]
    assert told(approval) == 2


def given_one_approved() -> Approval:
    ada = given_a_user()
    merchant = given_a_merchant(ada)
    approval = given_an_approval(merchant, "60.00")
    return approve(merchant, approval.public_id, ada)


def test_of_two_workers_one_carries_it_out(
    crew: Crew, transactional_db: None, rounds: Iterable[int]
) -> None:
    for number in rounds:
        approval = given_one_approved()
        assert sorted(at_once(crew, {}, {}, move="carry_out")) == [0, 1]
        assert again(approval).status == "done"
        assert Refund.objects.count() == number + 1
    assert audit() == []
