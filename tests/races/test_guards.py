"""Several at the same moment: each guard holds, and its control shows that it is needed."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection
from django.utils import timezone

from invoicing import tasks
from invoicing.models import Customer, Event, Membership, Message
from payments.actions.pay import mark_paid
from payments.audit import audit, snapshot
from payments.inputs import MarkPaidInput
from payments.models import Notice, Wallet
from tests.crew import Crew, Done, Job
from tests.factories import (
    given_a_customer,
    given_a_merchant,
    given_a_user,
    given_an_account,
    given_an_endpoint,
    given_an_open_invoice,
)
from tests.fakes.receiver import Receiver
from tests.fakes.smtp import MailServer
from tests.races.running import race, results

# Doing it once


def test_one_key_used_by_many_at_once_makes_one_customer(crew: Crew, rounds: Iterable[int]) -> None:
    merchant = given_a_merchant()
    for number in rounds:
        of = {"merchant_pk": merchant.pk, "key": f"key {number}"}
        answers = results(race(crew, *[("create_customer", of)] * 4))
        assert len(set(answers)) == 1
        assert Customer.objects.count() == number + 1


def test_without_a_key_each_makes_its_own(crew: Crew) -> None:
    of = {"merchant_pk": given_a_merchant().pk, "key": ""}
    answers = results(race(crew, *[("create_customer", of)] * 4, guarded=False))
    assert len(set(answers)) == Customer.objects.count() == 4


# Wallets and teams


def test_wallets_opened_at_once_have_one_default(crew: Crew, rounds: Iterable[int]) -> None:
    for _ in rounds:
        merchant = given_a_merchant()
        results(race(crew, *[("create_wallet", {"merchant_pk": merchant.pk})] * 3))
        assert Wallet.objects.filter(merchant=merchant).count() == 3
        assert Wallet.objects.filter(merchant=merchant, is_default=True).count() == 1


def test_wallets_opened_without_the_lock_are_refused_by_the_constraint(crew: Crew) -> None:
    merchant = given_a_merchant()
    done = race(crew, *[("create_wallet", {"merchant_pk": merchant.pk})] * 2, guarded=False)
    assert sorted(one.error.split(":")[0] for one in done) == ["", "IntegrityError"]


def test_eight_first_payments_open_one_default_wallet(crew: Crew, rounds: Iterable[int]) -> None:
    for _ in rounds:
        merchant = given_a_merchant()
        invoices = [given_an_open_invoice(merchant) for _ in range(8)]
        results(
            race(
                crew,
                *[("start", {"invoice_pk": invoice.pk}) for invoice in invoices],
                ("create_wallet", {"merchant_pk": merchant.pk}),
            )
        )
        assert Wallet.objects.filter(merchant=merchant, is_default=True).count() == 1


def given_two_owners() -> list[dict[str, Any]]:
    account = given_an_account()
    first = account.memberships.get()
    second = Membership.objects.create(
        account=account, user=given_a_user("Dora"), role="owner", created_at=first.created_at
    )
    return [{"account_pk": account.pk, "membership_pk": row.pk} for row in (first, second)]


def test_two_owners_who_leave_at_once_leave_one_behind(crew: Crew, rounds: Iterable[int]) -> None:
    for _ in rounds:
        both = given_two_owners()
        done = race(crew, *[("leave", of) for of in both])
        assert sorted(one.error.split(":")[0] for one in done) == ["", "InvalidState"]
        assert Membership.objects.filter(account=both[0]["account_pk"]).count() == 1


def test_two_owners_without_the_lock_leave_nobody(crew: Crew) -> None:
    both = given_two_owners()
    race(crew, *[("leave", of) for of in both], guarded=False)
    assert Membership.objects.filter(account=both[0]["account_pk"]).count() == 0


def test_two_owners_who_step_down_at_once_leave_one_owner(
    crew: Crew, rounds: Iterable[int]
) -> None:
    for _ in rounds:
        both = given_two_owners()
        done = race(crew, *[("step_down", of) for of in both])
        assert sorted(one.error.split(":")[0] for one in done) == ["", "InvalidState"]
        roles = Membership.objects.filter(account=both[0]["account_pk"]).values_list("role")
        assert sorted(roles) == [("owner",), ("viewer",)]


def test_two_owners_without_the_lock_both_step_down(crew: Crew) -> None:
    both = given_two_owners()
    results(race(crew, *[("step_down", of) for of in both], guarded=False))
    roles = Membership.objects.filter(account=both[0]["account_pk"]).values_list("role")
    assert sorted(roles) == [("viewer",), ("viewer",)]


# Workers


def workers(crew: Crew, move: str, settings: dict[str, Any], guarded: bool = True) -> list[Done]:
    job = Job(f"tests.races.moves:{move}", {"guarded": guarded}, settings=settings)
    return crew.together([job] * 3)


def given_events(receiver: Receiver) -> set[str]:
    merchant = given_a_merchant()
    given_an_endpoint(merchant, receiver.url())
    for _ in range(12):
        given_a_customer(merchant)
    return set(Event.objects.values_list("public_id", flat=True))


def test_three_workers_deliver_every_event_once(
    crew: Crew, receiver: Receiver, rounds: Iterable[int]
) -> None:
    for _ in rounds:
        told = given_events(receiver)
        results(workers(crew, "deliver", {"WEBHOOK_ALLOW_PRIVATE": True}))
        assert sorted(heard.id for heard in receiver.heard) == sorted(told)


def test_three_workers_without_the_lock_deliver_more_than_once(
    crew: Crew, receiver: Receiver
) -> None:
    told = given_events(receiver)
    tasks.fan_out_events()
    workers(crew, "deliver", {"WEBHOOK_ALLOW_PRIVATE": True}, guarded=False)
    assert len(receiver.heard) > len(told)
    assert {heard.id for heard in receiver.heard} == told


def test_three_workers_send_every_mail_once(
    crew: Crew, mail_server: MailServer, rounds: Iterable[int]
) -> None:
    for number in rounds:
        crew.run(Job("tests.races.moves:queue_mails", {"count": 12}))
        results(workers(crew, "send_mails", {"MAIL_TRANSPORT": mail_server.transport}))
        assert len(mail_server.mails) == 12 * (number + 1)
    assert set(Message.objects.values_list("status", "attempts_made")) == {("sent", 1)}


def test_three_workers_without_the_lock_send_more_than_once(
    crew: Crew, mail_server: MailServer
) -> None:
    crew.run(Job("tests.races.moves:queue_mails", {"count": 12}))
    workers(crew, "send_mails", {"MAIL_TRANSPORT": mail_server.transport}, guarded=False)
    assert len(mail_server.mails) > 12


def given_notices(count: int) -> set[int]:
    at = timezone.now()
    return {
        Notice.objects.create(
            rail="sandbox", provider_id=f"sbn_{n}", body="{}", received_at=at, next_attempt_at=at
        ).pk
        for n in range(count)
    }


def test_three_workers_claim_every_notice_once(crew: Crew, rounds: Iterable[int]) -> None:
    for _ in rounds:
        Notice.objects.all().delete()
        waiting = given_notices(12)
        claimed: list[int] = []
        # One who is passed over while another chooses gets its share in the next round.
        while len(claimed) < len(waiting):
            shares = results(race(crew, *[("claim_notices", {"limit": 4})] * 3))
            assert any(shares)
            claimed += [pk for share in shares for pk in share]
        assert sorted(claimed) == sorted(waiting)


def test_three_workers_without_the_lock_claim_the_same_notices(crew: Crew) -> None:
    given_notices(12)
    shares = results(race(crew, *[("claim_notices", {"limit": 4})] * 3, guarded=False))
    assert shares[0] == shares[1] == shares[2]
    assert len(shares[0]) == 4


# The auditor


def test_the_auditor_sees_one_moment(transactional_db: None) -> None:
    """What is paid while the auditor reads would look like a break to one who saw half of it."""
    invoice = given_an_open_invoice(given_a_merchant())

    def pay_meanwhile() -> None:
        mark_paid(invoice.merchant, invoice.public_id, MarkPaidInput())
        connection.close()

    connection.close()  # the command has none yet
    with snapshot(), ThreadPoolExecutor(1) as elsewhere:
        assert invoice.payments.count() == 0
        elsewhere.submit(pay_meanwhile).result()
        assert invoice.payments.count() == 0
        assert audit() == []
    assert invoice.payments.count() == 1
