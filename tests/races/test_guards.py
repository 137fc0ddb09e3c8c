"""Two at the same moment: each guard holds, and its control shows that without it it would not."""

from collections.abc import Iterable
from typing import Any

import pytest

from invoicing.models import Customer, Event, Membership, Merchant, Message
from payments.audit import audit
from payments.models import LedgerEntry, Payment, Wallet
from tests import factories
from tests.crew import Crew, Done, Job
from tests.factories import (
    again,
    balances,
    given_a_customer,
    given_a_merchant,
    given_a_user,
    given_an_account,
    given_an_endpoint,
    given_an_open_invoice,
    let_pass,
    start_paying,
    use_card,
)
from tests.fakes.receiver import Receiver
from tests.fakes.smtp import MailServer


@pytest.fixture
def rounds(pytestconfig: pytest.Config) -> Iterable[int]:
    """Each race is run this often: twice, or `--races N` times."""
    return range(pytestconfig.getoption("--races") or 2)


def race(crew: Crew, *moves: tuple[str, dict[str, Any]], **how: Any) -> list[Done]:
    return crew.together([Job(f"tests.races.moves:{move}", {**of, **how}) for move, of in moves])


def results(done: list[Done]) -> list[Any]:
    """What they returned. Nobody may have failed."""
    assert [one.error for one in done] == [""] * len(done)
    return [one.result for one in done]


# Paying


def test_a_double_click_begins_one_payment(crew: Crew, rounds: Iterable[int]) -> None:
    merchant = given_a_merchant()
    for _ in rounds:
        invoice = given_an_open_invoice(merchant)
        ids = results(race(crew, *[("begin", {"invoice_pk": invoice.pk})] * 2))
        assert len(set(ids)) == invoice.payments.count() == 1


def test_a_double_click_without_the_lock_begins_two(crew: Crew) -> None:
    invoice = given_an_open_invoice(given_a_merchant())
    done = race(crew, *[("begin", {"invoice_pk": invoice.pk})] * 2, guarded=False)
    assert len({one.result for one in done}) == 2


def test_eight_clicks_open_one_page(crew: Crew, rounds: Iterable[int]) -> None:
    merchant = given_a_merchant()
    for _ in rounds:
        invoice = given_an_open_invoice(merchant)
        urls = results(race(crew, *[("start", {"invoice_pk": invoice.pk})] * 8))
        assert len(set(urls)) == invoice.payments.count() == 1


def given_a_paid_page(invoice: Any, amount: int | None = None) -> Payment:
    """A card was taken, and Billhook has not heard of it."""
    payment = start_paying(invoice, amount)
    use_card(payment)
    return payment


def test_a_payment_confirmed_twice_at_once_is_booked_once(
    crew: Crew, rounds: Iterable[int]
) -> None:
    merchant = given_a_merchant()
    for _ in rounds:
        invoice = given_an_open_invoice(merchant)
        payment = given_a_paid_page(invoice)
        both = results(race(crew, *[("take", {"payment_pk": payment.pk})] * 2))
        assert both == ["succeeded", "succeeded"]
        assert again(invoice).amount_paid == 10000
        assert LedgerEntry.objects.filter(payment=payment).count() == 1
        assert factories.told(invoice).count("invoice.paid") == 1


def given_two_parts(merchant: Merchant) -> tuple[Any, Payment, Payment]:
    """An invoice over 100.00 with two attempts, of 40.00 and 60.00, both taken by the provider."""
    invoice = given_an_open_invoice(merchant, "100", allow_partial=True)
    one = given_a_paid_page(invoice, 4000)
    two = Payment.objects.create(
        **{
            name: getattr(one, name)
            for name in ("merchant", "invoice", "wallet", "rail", "currency", "created_at")
        },
        updated_at=one.updated_at,
        amount=6000,
    )
    session = factories.session_of(one)
    session.pk, session.key, session.amount = None, two.public_id, 6000
    session.public_id = two.public_id
    session.save(force_insert=True)
    return invoice, one, two


def test_two_parts_that_arrive_at_once_both_count(crew: Crew, rounds: Iterable[int]) -> None:
    merchant = given_a_merchant()
    for _ in rounds:
        invoice, one, two = given_two_parts(merchant)
        results(race(crew, *[("take", {"payment_pk": part.pk}) for part in (one, two)]))
        assert (again(invoice).status, again(invoice).amount_paid) == ("paid", 10000)


@pytest.mark.tampers
def test_two_parts_without_the_lock_lose_one(crew: Crew) -> None:
    invoice, one, two = given_two_parts(given_a_merchant())
    race(crew, *[("take", {"payment_pk": part.pk}) for part in (one, two)], guarded=False)
    assert again(invoice).amount_paid in (4000, 6000)
    assert "I3" in {found.invariant for found in audit()}


def test_paid_and_voided_at_once_is_one_or_the_other(crew: Crew, rounds: Iterable[int]) -> None:
    merchant = given_a_merchant()
    for number in rounds:
        invoice = given_an_open_invoice(merchant)
        payment = given_a_paid_page(invoice)
        moves = [
            ("take", {"payment_pk": payment.pk}),
            ("void", {"merchant_pk": merchant.pk, "reference": invoice.public_id}),
        ]
        taken, voided = race(crew, *(moves if number % 2 else moves[::-1]))[
            :: 1 if number % 2 else -1
        ]
        assert taken.result == "succeeded"
        end = again(invoice)
        if voided.result == "void":
            assert (end.status, end.amount_paid, again(payment).surplus) == ("void", 0, 10000)
        else:
            assert voided.error == "InvalidState: This invoice is paid, so it cannot be voided."
            assert (end.status, end.amount_paid, again(payment).surplus) == ("paid", 10000, 0)


@pytest.mark.tampers
def test_paid_and_voided_without_the_lock_is_both(crew: Crew) -> None:
    merchant = given_a_merchant()
    invoice = given_an_open_invoice(merchant)
    payment = given_a_paid_page(invoice)
    done = race(
        crew,
        ("take", {"payment_pk": payment.pk}),
        ("void", {"merchant_pk": merchant.pk, "reference": invoice.public_id}),
        guarded=False,
    )
    assert [one.result for one in done] == ["succeeded", "void"]
    assert audit() != []


def test_money_is_released_once(crew: Crew, rounds: Iterable[int]) -> None:
    merchant = given_a_merchant()
    for number in rounds:
        payment = factories.pay(given_an_open_invoice(merchant))
        let_pass(merchant, "2 00:00:00")
        both = results(race(crew, *[("release", {"payment_pk": payment.pk})] * 2))
        assert sorted(both) == [False, True]
        assert balances(payment.wallet) == {"available": (number + 1) * 9630}


@pytest.mark.tampers
def test_money_released_without_the_lock_is_saved_by_the_unique_reference_alone(
    crew: Crew,
) -> None:
    merchant = given_a_merchant()
    payment = factories.pay(given_an_open_invoice(merchant))
    let_pass(merchant, "2 00:00:00")
    done = race(crew, *[("release", {"payment_pk": payment.pk})] * 2, guarded=False)
    assert sorted(one.error.split(":")[0] for one in done) == ["", "IntegrityError"]


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


def test_first_payments_open_one_default_wallet(crew: Crew, rounds: Iterable[int]) -> None:
    for _ in rounds:
        merchant = given_a_merchant()
        invoices = [given_an_open_invoice(merchant) for _ in range(4)]
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


def test_three_workers_deliver_every_event_once(crew: Crew, receiver: Receiver) -> None:
    told = given_events(receiver)
    results(workers(crew, "deliver", {"WEBHOOK_ALLOW_PRIVATE": True}))
    assert sorted(heard.id for heard in receiver.heard) == sorted(told)


def test_three_workers_without_the_lock_deliver_more_than_once(
    crew: Crew, receiver: Receiver
) -> None:
    told = given_events(receiver)
    workers(crew, "deliver", {"WEBHOOK_ALLOW_PRIVATE": True}, guarded=False)
    assert len(receiver.heard) > len(told)
    assert {heard.id for heard in receiver.heard} == told


def test_three_workers_send_every_mail_once(crew: Crew, mail_server: MailServer) -> None:
    crew.run(Job("tests.races.moves:queue_mails", {"count": 12}))
    results(workers(crew, "send_mails", {"MAIL_TRANSPORT": mail_server.transport}))
    assert len(mail_server.mails) == 12
    assert set(Message.objects.values_list("status", "attempts_made")) == {("sent", 1)}


def test_three_workers_without_the_lock_send_more_than_once(
    crew: Crew, mail_server: MailServer
) -> None:
    crew.run(Job("tests.races.moves:queue_mails", {"count": 12}))
    workers(crew, "send_mails", {"MAIL_TRANSPORT": mail_server.transport}, guarded=False)
    assert len(mail_server.mails) > 12
