"""What takes several steps: pages opened and closed, notices lost, doubled and shuffled."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invoicing import failpoints
from invoicing.models import Event, Invoice, Merchant, Message
from payments import flows, tasks
from payments.models import LedgerEntry, Notice, Payment, SandboxSession
from payments.rails import RAILS
from payments.rails.rail import Instructions, NoAnswer, Outcome, RailError
from payments.rails.sandbox import SandboxRail
from payments.sandbox import provider
from tests import factories
from tests.factories import (
    again,
    given_an_open_invoice,
    let_pass,
    session_of,
    start_paying,
    told,
    use_card,
)


class Killed(BaseException):
    """The process is gone: nothing catches this."""


@contextmanager
def killed_at(name: str) -> Iterator[None]:
    """Run until the failpoint, and die there."""

    def die() -> None:
        raise Killed

    failpoints.hooks[name] = die
    try:
        with pytest.raises(Killed):
            yield
    finally:
        del failpoints.hooks[name]


class Unreliable(SandboxRail):
    """The sandbox over a bad line: what is named in `silent` gets no answer, before or after the
    provider did what it was asked to do."""

    def __init__(self, *silent: str, deaf: bool = False) -> None:
        self.silent, self.deaf = set(silent), deaf

    def _through(self, verb: str, payment: Payment) -> Any:
        if verb in self.silent and self.deaf:
            raise NoAnswer("nothing came back")
        answer = getattr(super(), verb)(payment)
        if verb in self.silent:
            raise NoAnswer("nothing came back")
        return answer

    def start(self, payment: Payment) -> Instructions:
        return self._through("start", payment)

    def look(self, payment: Payment) -> Outcome:
        return self._through("look", payment)

    def cancel(self, payment: Payment) -> Outcome:
        return self._through("cancel", payment)


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Unreliable:
    """The line to the provider, good until a test says otherwise."""
    rail = Unreliable()
    monkeypatch.setitem(RAILS, "sandbox", rail)
    return rail


# Pages


def test_paying_opens_a_page_and_asking_again_finds_it(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment = start_paying(invoice)
    assert payment.url == provider.page_url(session_of(payment))
    assert payment.provider_reference == session_of(payment).public_id
    assert start_paying(invoice) == payment
    assert SandboxSession.objects.count() == 1


@pytest.mark.parametrize("place", ["start:after_begin", "start:after_provider"])
def test_a_start_that_died_goes_on_where_it_was(place: str, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    with killed_at(place):
        start_paying(invoice)
    first = Payment.objects.get()
    assert first.url == ""
    payment = start_paying(invoice)
    assert (payment, bool(payment.url)) == (first, True)
    assert SandboxSession.objects.get().key == payment.public_id


@pytest.mark.parametrize("deaf", [True, False])
def test_a_start_without_an_answer_is_asked_again_with_the_same_key(
    deaf: bool, test_merchant: Merchant, line: Unreliable
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    line.silent, line.deaf = {"start"}, deaf
    with pytest.raises(RailError):
        start_paying(invoice)
    line.silent = set()
    payment = start_paying(invoice)
    assert Payment.objects.count() == SandboxSession.objects.count() == 1
    use_card(payment)
    tasks.apply_notices()
    assert again(invoice).status == "paid"


def test_a_new_page_closes_the_one_before(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, "100", allow_partial=True)
    whole = start_paying(invoice)
    part = start_paying(invoice, 4000)
    assert (again(whole).status, again(part).status) == ("canceled", "pending")
    assert session_of(whole).status == "canceled"
    assert use_card(whole).status == "canceled"
    other_whole = start_paying(invoice)
    assert (again(part).status, other_whole.status) == ("canceled", "pending")


def test_a_page_that_was_paid_while_the_new_one_opened_counts(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, "100", allow_partial=True)
    whole = start_paying(invoice)
    use_card(whole)  # and the notice is still on its way
    part = start_paying(invoice, 4000)
    assert (again(whole).status, again(invoice).status) == ("succeeded", "paid")
    tasks.cancel_payments_of_closed_invoices()
    assert again(part).status == "canceled"
    assert session_of(part).status == "canceled"
    tasks.apply_notices()
    assert again(invoice).amount_paid == 10000


def test_two_open_pages_and_the_first_paid_closes_the_other(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, "100", allow_partial=True)
    whole = start_paying(invoice)
    with killed_at("start:after_provider"):  # so that nobody closes the first page
        start_paying(invoice, 4000)
    part = Payment.objects.exclude(pk=whole.pk).get()
    assert (session_of(whole).status, session_of(part).status) == ("open", "open")
    use_card(whole)
    tasks.apply_notices()
    tasks.cancel_payments_of_closed_invoices()
    assert (again(whole).status, again(part).status) == ("succeeded", "canceled")
    assert session_of(part).status == "canceled"
    assert told(invoice)[-1] == "invoice.paid"


def test_two_open_pages_both_paid_leave_the_surplus_as_credit(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, "100", allow_partial=True)
    whole = start_paying(invoice)
    with killed_at("start:after_provider"):
        start_paying(invoice, 4000)
    part = Payment.objects.exclude(pk=whole.pk).get()
    for payment in (part, whole):
        use_card(payment)
    tasks.apply_notices()
    assert again(invoice).amount_paid == 10000
    assert again(part).surplus + again(whole).surplus == 4000
    assert told(invoice)[-1] == "invoice.overpaid"


def test_an_unanswered_cancel_changes_nothing_and_is_tried_again(
    test_merchant: Merchant, line: Unreliable
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment = start_paying(invoice)
    line.silent = {"cancel"}
    assert flows.cancel(payment.pk).status == "pending"
    line.silent = set()
    assert flows.cancel(payment.pk).status == "canceled"


# Notices


def test_a_lost_notice_is_healed_by_looking(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment = start_paying(invoice)
    use_card(payment)
    Notice.objects.all().delete()
    tasks.apply_notices()
    assert again(invoice).status == "open"
    let_pass(test_merchant, "00:05:00")
    tasks.look_at_payments()
    assert (again(invoice).status, again(payment).status) == ("paid", "succeeded")


def test_a_notice_before_the_page_was_noted_is_no_trouble(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    with killed_at("start:after_provider"):
        start_paying(invoice)
    payment = Payment.objects.get()
    use_card(payment)
    tasks.apply_notices()
    assert (again(invoice).status, again(payment).status) == ("paid", "succeeded")


def test_a_notice_of_a_payment_nobody_knows_is_done_with(test_merchant: Merchant) -> None:
    session = provider.create_session(
        key="pay_nobody",
        merchant=test_merchant,
        amount=1,
        currency="USD",
        description="",
        return_path="/",
    )
    provider.submit_card(session.public_id, factories.DECLINED)
    assert tasks.apply_notices() == 1
    assert Notice.objects.get().applied_at is not None


@pytest.mark.parametrize("place", ["check:after_look", "apply_notices:before_done"])
@pytest.mark.parametrize("steps", ["apply_outcome:before_commit", "payment:succeeded", ""])
def test_a_notice_whose_worker_died_is_applied_once_by_the_next(
    place: str, steps: str, test_merchant: Merchant, clock: Any
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    use_card(start_paying(invoice))
    with killed_at(steps or place):
        tasks.apply_notices()
    assert tasks.apply_notices() == 0
    clock.at += tasks.NOTICE_LEASE
    assert tasks.apply_notices() == 1
    assert again(invoice).status == "paid"
    assert told(invoice).count("invoice.paid") == 1
    assert LedgerEntry.objects.count() == 1
    assert Notice.objects.get().applied_at == clock.at


def test_a_notice_that_meets_a_silent_provider_is_left_to_the_janitor(
    test_merchant: Merchant, line: Unreliable
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment = start_paying(invoice)
    use_card(payment)
    line.silent = {"look"}
    tasks.apply_notices()
    assert again(invoice).status == "open"
    line.silent = set()
    let_pass(test_merchant, "00:05:00")
    tasks.look_at_payments()
    assert again(invoice).status == "paid"


def test_a_poisonous_notice_is_tried_eight_times_and_set_aside(
    test_merchant: Merchant, line: Unreliable, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned, healthy = (given_an_open_invoice(test_merchant) for _ in range(2))
    poison = start_paying(poisoned)
    use_card(poison)

    def choke(payment: Payment) -> Outcome:
        if payment.pk == poison.pk:
            raise KeyError("an answer nobody expected")
        return SandboxRail.look(line, payment)

    monkeypatch.setattr(line, "look", choke)
    use_card(start_paying(healthy))
    for tried in range(1, 9):
        tasks.apply_notices()
        notice = Notice.objects.get(body__contains=poison.public_id)
        assert notice.attempts_made == tried
        clock.at = notice.next_attempt_at or clock.at
    assert again(healthy).status == "paid"
    assert (notice.next_attempt_at, notice.applied_at) == (None, None)
    assert "an answer nobody expected" in notice.error
    monkeypatch.undo()
    flows.check(poison.pk)
    assert again(poisoned).status == "paid"


story = st.lists(
    st.sampled_from(["notice", "again", "stale", "look", "expire lease", "lose", "minute"]),
    max_size=12,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cards=st.lists(
        st.sampled_from([factories.VISA, factories.DECLINED, factories.SILENT_THEN_PAID]),
        min_size=1,
        max_size=3,
    ),
    steps=story,
)
def test_however_notices_come_the_end_is_the_same(
    cards: list[str], steps: list[str], test_merchant: Merchant, clock: Any
) -> None:
    """Doubled, shuffled, stale or lost: the provider's books decide."""
    invoice = given_an_open_invoice(test_merchant)
    payment = start_paying(invoice)
    for number in cards:
        use_card(payment, number)
    mine = Notice.objects.filter(body__contains=payment.public_id)
    for step in steps:
        if step == "notice":
            tasks.apply_notices()
        elif step == "again":
            mine.update(applied_at=None, next_attempt_at=clock.at, leased_until=None)
        elif step == "stale":
            for notice in mine.order_by("-id")[:1]:
                body = json.loads(notice.body)
                provider.notify(session_of(payment).key, body["type"])
        elif step == "look":
            flows.check(payment.pk)
        elif step == "lose":
            mine.filter(applied_at=None).delete()
        else:
            clock.move(minutes=1)
    clock.move(minutes=11)
    clock.at += tasks.NOTICE_LEASE
    tasks.apply_notices()
    flows.check(payment.pk)
    taken = session_of(payment).status == "succeeded"
    assert (again(payment).status == "succeeded") == taken
    assert (again(invoice).status == "paid") == taken
    assert again(invoice).amount_paid == (10000 if taken else 0)
    assert told(invoice).count("invoice.paid") == (1 if taken else 0)
    receipts = Message.objects.filter(invoice=invoice, kind="receipt").count()
    assert receipts == (1 if taken else 0)
    if not taken:
        flows.cancel(payment.pk)


# The janitor


def test_the_janitor_asks_ever_more_rarely(test_merchant: Merchant, clock: Any) -> None:
    payment = start_paying(given_an_open_invoice(test_merchant))
    waits = []
    for _ in range(8):
        due = again(payment).next_look_at
        waits.append((due - clock.at).total_seconds())
        clock.at = due
        assert tasks.look_at_payments() == 1
        assert tasks.look_at_payments() == 0
    assert waits == [300, 20, 60, 300, 900, 3600, 21600, 21600]


def test_an_attempt_the_provider_never_heard_of_is_closed(
    test_merchant: Merchant, clock: Any
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    with killed_at("start:after_begin"):
        start_paying(invoice)
    clock.move(minutes=5)
    tasks.look_at_payments()
    assert Payment.objects.get().status == "canceled"
    assert told(invoice)[-1] == "invoice.finalized"
    assert factories.pay(invoice).status == "succeeded"


def test_one_payment_that_cannot_be_looked_at_holds_up_no_other(
    test_merchant: Merchant, line: Unreliable, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = (start_paying(given_an_open_invoice(test_merchant)) for _ in range(2))
    for payment in (bad, good):
        use_card(payment)
    Notice.objects.all().delete()

    def choke(payment: Payment) -> Outcome:
        if payment.pk == bad.pk:
            raise KeyError("x")
        return SandboxRail.look(line, payment)

    monkeypatch.setattr(line, "look", choke)
    clock.move(minutes=5)
    assert tasks.look_at_payments() == 1
    assert (again(bad).status, again(good).status) == ("pending", "succeeded")
    monkeypatch.undo()
    flows.check(bad.pk)


def test_pages_of_closed_invoices_are_closed(test_merchant: Merchant, clock: Any) -> None:
    from invoicing.actions.invoices import void_invoice, write_off_invoice

    void, off, still_open = (given_an_open_invoice(test_merchant) for _ in range(3))
    attempts = [start_paying(invoice) for invoice in (void, off, still_open)]
    void_invoice(test_merchant, void.public_id)
    write_off_invoice(test_merchant, off.public_id)
    assert tasks.cancel_payments_of_closed_invoices() == 2
    assert [again(payment).status for payment in attempts] == ["canceled", "canceled", "pending"]
    assert Event.objects.filter(type="invoice.payment_failed").count() == 0
    assert Invoice.objects.filter(status="open").count() == 1


# Clearing


def test_money_becomes_available_after_two_days_of_the_merchants_own(
    test_merchant: Merchant, ben_merchant: Merchant, clock: Any
) -> None:
    mine = factories.pay(given_an_open_invoice(test_merchant, "100"))
    his = factories.pay(given_an_open_invoice(ben_merchant, "100"))
    let_pass(test_merchant, "1 23:59:59")
    assert tasks.release_funds() == 0
    let_pass(test_merchant, "00:00:01")
    assert tasks.release_funds() == 1
    assert tasks.release_funds() == 0
    assert factories.balances(mine.wallet) == {"available": 9630}
    assert factories.balances(his.wallet) == {"pending": 9630}
    released = again(mine)
    assert released.released_at == released.available_at
    entry = LedgerEntry.objects.get(reference=f"release:{mine.public_id}")
    assert entry.postings.get().amount == 9630
    clock.move(days=2)
    tasks.release_funds()
    assert factories.balances(his.wallet) == {"available": 9630}


def test_a_payment_that_fees_ate_is_released_without_an_entry(
    test_merchant: Merchant, clock: Any
) -> None:
    payment = factories.pay(given_an_open_invoice(test_merchant, "0.30"))
    assert payment.net == 0
    clock.move(days=2)
    assert tasks.release_funds() == 1
    assert again(payment).released_at == clock.at
    assert LedgerEntry.objects.count() == 1


@pytest.mark.parametrize("place", ["release_payment:before_commit", "release_payment:after_commit"])
def test_a_release_that_died_happens_once(place: str, test_merchant: Merchant, clock: Any) -> None:
    payment = factories.pay(given_an_open_invoice(test_merchant, "100"))
    clock.move(days=2)
    with killed_at(place):
        tasks.release_funds()
    tasks.release_funds()
    assert factories.balances(payment.wallet) == {"available": 9630}
    assert LedgerEntry.objects.filter(kind="release").count() == 1
