"""Money at the same moment: it is booked once, and an invoice never loses sight of it."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from invoicing import clock
from invoicing.models import Invoice, Merchant
from payments.actions import pay
from payments.audit import audit
from payments.models import LedgerAccount, LedgerEntry, Payment, Wallet
from payments.rails import RAILS
from payments.wallets import default_wallet
from tests import factories
from tests.crew import Crew
from tests.factories import (
    again,
    balances,
    given_a_merchant,
    given_an_open_invoice,
    let_pass,
    start_paying,
    use_card,
)
from tests.races.running import race, results, stopped_by_the_books

Move = tuple[str, dict[str, Any]]


def ordered(order: str, paid: Move, close: Move) -> list[Move]:
    """The two moves together, or one of them begun while the other holds its locks."""
    if order == "together":
        return [paid, close]
    first = paid if order == "paid first" else close
    return [(f"{name}_in_order", {**of, "second": name != first[0]}) for name, of in (paid, close)]


def credit(merchant: Merchant) -> int:
    """What the merchant owes its customers, in minor units."""
    rows = LedgerAccount.objects.filter(merchant=merchant, kind="customer_credit")
    return sum(rows.values_list("balance", flat=True))


def test_eight_clicks_at_once_begin_one_payment(crew: Crew, rounds: Iterable[int]) -> None:
    merchant = given_a_merchant()
    for _ in rounds:
        invoice = given_an_open_invoice(merchant)
        ids = results(race(crew, *[("begin", {"invoice_pk": invoice.pk})] * 8))
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


def test_a_payment_confirmed_eight_times_at_once_is_booked_once(
    crew: Crew, rounds: Iterable[int]
) -> None:
    merchant = given_a_merchant()
    for number in rounds:
        invoice = given_an_open_invoice(merchant)
        payment = given_a_paid_page(invoice)
        told = results(race(crew, *[("take", {"payment_pk": payment.pk})] * 8))
        assert told == ["succeeded"] * 8
        assert again(invoice).amount_paid == 10000
        assert LedgerEntry.objects.filter(payment=payment).count() == 1
        assert factories.told(invoice).count("invoice.paid") == 1
        assert balances(payment.wallet) == {"pending": (number + 1) * 9630}


@pytest.mark.tampers
def test_a_payment_confirmed_twice_without_the_lock_is_saved_by_the_unique_reference_alone(
    crew: Crew,
) -> None:
    payment = given_a_paid_page(given_an_open_invoice(given_a_merchant()))
    done = race(crew, *[("take", {"payment_pk": payment.pk})] * 2, guarded=False)
    assert sorted(one.error.split(":")[0] for one in done) == ["", "IntegrityError"]


def given_two_paid_pages(
    merchant: Merchant, amounts: tuple[int, int]
) -> tuple[Invoice, list[Payment]]:
    """An invoice over 100.00 with two attempts of these amounts, both taken by the provider."""
    invoice = given_an_open_invoice(merchant, "100", allow_partial=True)
    pages = [pay.begin_payment(invoice.pk, "sandbox", amount) for amount in amounts]
    for page in pages:
        pay.record_instructions(page.pk, RAILS["sandbox"].start(page))
        use_card(page)
    return invoice, pages


def test_two_parts_that_arrive_at_once_both_count(crew: Crew, rounds: Iterable[int]) -> None:
    merchant = given_a_merchant()
    for _ in rounds:
        invoice, parts = given_two_paid_pages(merchant, (4000, 6000))
        results(race(crew, *[("take", {"payment_pk": part.pk}) for part in parts]))
        assert (again(invoice).status, again(invoice).amount_paid) == ("paid", 10000)


@pytest.mark.tampers
def test_two_parts_without_the_lock_lose_one(crew: Crew) -> None:
    invoice, parts = given_two_paid_pages(given_a_merchant(), (4000, 6000))
    done = race(crew, *[("take", {"payment_pk": part.pk}) for part in parts], guarded=False)
    assert again(invoice).amount_paid in (4000, 6000)
    assert stopped_by_the_books(done) or "I3" in {found.invariant for found in audit()}


def test_paid_in_full_and_in_part_at_once_is_paid_once_and_the_rest_is_credit(
    crew: Crew, rounds: Iterable[int]
) -> None:
    merchant = given_a_merchant()
    for number in rounds:
        invoice, pages = given_two_paid_pages(merchant, (10000, 6000))
        results(race(crew, *[("take", {"payment_pk": page.pk}) for page in pages]))
        end = again(invoice)
        assert (end.status, end.amount_paid) == ("paid", 10000)
        assert sum(again(page).surplus for page in pages) == 6000
        assert credit(merchant) == (number + 1) * 6000
        assert factories.told(invoice).count("invoice.paid") == 1
        assert factories.told(invoice).count("invoice.overpaid") == 1


@pytest.mark.tampers
def test_paid_in_full_and_in_part_without_the_lock_is_no_credit(crew: Crew) -> None:
    merchant = given_a_merchant()
    _, pages = given_two_paid_pages(merchant, (10000, 6000))
    done = race(crew, *[("take", {"payment_pk": p.pk}) for p in pages], guarded=False)
    assert credit(merchant) == 0
    assert stopped_by_the_books(done) or "I3" in {found.invariant for found in audit()}


def test_marked_paid_twice_at_once_counts_once(crew: Crew, rounds: Iterable[int]) -> None:
    merchant = given_a_merchant()
    for number in rounds:
        invoice = given_an_open_invoice(merchant)
        of = {"merchant_pk": merchant.pk, "reference": invoice.public_id}
        done = race(crew, *[("mark_paid", of)] * 2)
        assert sorted(one.error for one in done) == [
            "",
            "InvalidState: This invoice is paid, so it cannot be marked paid.",
        ]
        payment = invoice.payments.get()
        assert again(invoice).amount_paid == payment.received == 10000
        assert balances(payment.wallet) == {"external": (number + 1) * 10000}
        assert factories.told(invoice).count("invoice.paid") == 1


@pytest.mark.tampers
def test_marked_paid_twice_without_the_lock_counts_double(crew: Crew) -> None:
    merchant = given_a_merchant()
    # With an address, the receipt that is sent once would save it.
    invoice = given_an_open_invoice(merchant, recipient={"name": "Cleo Payer"})
    # Whoever opened it would keep the other waiting.
    with transaction.atomic():
        default_wallet(merchant, invoice.currency)
    of = {"merchant_pk": merchant.pk, "reference": invoice.public_id}
    done = race(crew, *[("mark_paid", of)] * 2, guarded=False)
    # Both take it for unpaid.
    if not stopped_by_the_books(done):
        assert balances(Wallet.objects.get()) == {"external": 20000}
        assert "I3" in {found.invariant for found in audit()}


def test_marked_paid_while_a_card_pays_is_paid_once(crew: Crew, rounds: Iterable[int]) -> None:
    merchant = given_a_merchant()
    owed = 0
    for _ in rounds:
        invoice = given_an_open_invoice(merchant)
        payment = given_a_paid_page(invoice)
        taken, marked = race(
            crew,
            ("take", {"payment_pk": payment.pk}),
            ("mark_paid", {"merchant_pk": merchant.pk, "reference": invoice.public_id}),
        )
        assert taken.result == "succeeded"
        if marked.error:
            assert marked.error.startswith("InvalidState: This invoice is paid")
        else:
            owed += 10000
        assert (again(invoice).status, again(invoice).amount_paid) == ("paid", 10000)
        assert credit(merchant) == owed


@pytest.mark.parametrize("order", ["together", "paid first", "voided first"])
def test_paid_and_voided_at_once_is_one_or_the_other(
    crew: Crew, rounds: Iterable[int], order: str
) -> None:
    merchant = given_a_merchant()
    owed = 0
    for _ in rounds:
        invoice = given_an_open_invoice(merchant)
        payment = given_a_paid_page(invoice)
        taken, voided = race(
            crew,
            *ordered(
                order,
                ("take", {"payment_pk": payment.pk}),
                ("void", {"merchant_pk": merchant.pk, "reference": invoice.public_id}),
            ),
        )
        assert taken.result == "succeeded"
        end = again(invoice)
        if voided.result == "void":
            assert order != "paid first"
            assert (end.status, end.amount_paid, again(payment).surplus) == ("void", 0, 10000)
            owed += 10000
        else:
            assert order != "voided first"
            assert voided.error == "InvalidState: This invoice is paid, so it cannot be voided."
            assert (end.status, end.amount_paid, again(payment).surplus) == ("paid", 10000, 0)
        assert credit(merchant) == owed


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


def given_a_late_page(merchant: Merchant) -> tuple[Invoice, Payment]:
    """A card was taken in time, and the time to pay is over before Billhook hears of it."""
    invoice = given_an_open_invoice(merchant, expires_at=clock.now(merchant) + timedelta(hours=1))
    payment = given_a_paid_page(invoice)
    let_pass(merchant, "01:00:00")
    return invoice, payment


@pytest.mark.parametrize("order", ["together", "paid first", "expired first"])
def test_paid_as_it_expires_is_paid(crew: Crew, rounds: Iterable[int], order: str) -> None:
    merchant = given_a_merchant()
    for _ in rounds:
        invoice, payment = given_a_late_page(again(merchant))
        taken, expired = results(
            race(
                crew,
                *ordered(
                    order,
                    ("take", {"payment_pk": payment.pk}),
                    ("expire", {"invoice_pk": invoice.pk}),
                ),
            )
        )
        assert taken == "succeeded"
        assert expired in {"together": (True, False), "paid first": (False,)}.get(order, (True,))
        assert (again(invoice).status, again(invoice).amount_paid) == ("paid", 10000)
        assert factories.told(invoice).count("invoice.expired") == expired
        assert again(payment).surplus == 0


@pytest.mark.tampers
def test_paid_as_it_expires_without_the_lock_is_forgotten(crew: Crew) -> None:
    invoice, payment = given_a_late_page(given_a_merchant())
    done = race(
        crew,
        ("take_before_they_write", {"payment_pk": payment.pk}),
        ("expire_after_looking", {"invoice_pk": invoice.pk}),
    )
    assert results(done) == ["succeeded", True]
    assert (again(invoice).status, again(invoice).amount_paid) == ("expired", 0)
    assert "I3" in {found.invariant for found in audit()}


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
