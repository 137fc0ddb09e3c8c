"""Paying: begun, received in full or in part, too much, too late, declared by hand."""

from datetime import timedelta
from typing import Any

import pytest

from invoicing.actions.invoices import expire_invoice, void_invoice, write_off_invoice
from invoicing.errors import Conflict, InvalidState, NotConfigured, NotFound, ValidationFailed
from invoicing.inputs import read
from invoicing.models import Invoice, Merchant, Message
from payments import representations
from payments.actions import pay
from payments.inputs import MarkPaidInput
from payments.models import Deposit, LedgerAccount, LedgerEntry, Payment, SandboxSession, Wallet
from payments.rails.rail import Outcome, State
from tests import factories
from tests.factories import (
    again,
    balances,
    given_an_open_invoice,
    let_pass,
    start_paying,
    told,
    use_card,
    work,
)


def begin(invoice: Invoice, amount: int | None = None, rail: str = "sandbox") -> Payment:
    return pay.begin_payment(invoice.pk, rail, amount)


def receive(payment: Payment, amount: int, **how: Any) -> Payment:
    """The provider takes this much, in its own books too, and says so."""
    SandboxSession.objects.update_or_create(
        key=payment.public_id,
        defaults={
            "merchant": payment.merchant,
            "amount": amount,
            "currency": payment.currency,
            "status": "succeeded",
            "created_at": payment.created_at,
            "expires_at": payment.created_at,
        },
    )
    return pay.apply_outcome(payment.pk, Outcome(State.SUCCEEDED, amount, payment.currency, **how))


def credit(merchant: Merchant) -> int:
    """What the merchant owes its customers, in minor units of USD."""
    account = LedgerAccount.objects.filter(merchant=merchant, kind="customer_credit").first()
    return account.balance if account else 0


def declare(merchant: Merchant, invoice: Invoice, **wanted: Any) -> Payment:
    return pay.mark_paid(merchant, invoice.public_id, read(MarkPaidInput, wanted))


# Begun


def test_a_payment_is_begun_for_all_that_is_due(test_merchant: Merchant, clock: Any) -> None:
    invoice = given_an_open_invoice(test_merchant, "100")
    payment = again(begin(invoice))
    assert (payment.status, payment.amount, payment.currency) == ("pending", 10000, "USD")
    assert payment.wallet == Wallet.objects.get(merchant=test_merchant, is_default=True)
    assert payment.next_look_at == clock.at + timedelta(minutes=5)
    assert again(invoice).status == "open"
    assert told(invoice) == ["invoice.created", "invoice.finalized"]


def test_beginning_twice_is_one_attempt(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, allow_partial=True)
    assert begin(invoice) == begin(invoice) == begin(invoice, 10000)
    assert begin(invoice, 4000) != begin(invoice)
    assert Payment.objects.count() == 2


@pytest.mark.parametrize(
    ("partial", "amount", "reason"),
    [
        (False, 5000, "all that is due: no part payments here"),
        (False, 10001, "at most what is due, 100.00"),
        (True, 10001, "at most what is due, 100.00"),
    ],
)
def test_an_amount_that_does_not_fit_is_refused(
    partial: bool, amount: int, reason: str, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant, "100", allow_partial=partial)
    with pytest.raises(ValidationFailed, match=reason):
        begin(invoice, amount)
    assert not Payment.objects.exists()


def test_only_the_ways_that_the_merchant_has_can_be_used(
    test_merchant: Merchant, live: Merchant
) -> None:
    for merchant, rail in ((test_merchant, "card"), (test_merchant, "manual"), (live, "sandbox")):
        with pytest.raises(NotConfigured, match=f"cannot be paid by {rail}"):
            begin(given_an_open_invoice(merchant), rail=rail)


def test_a_window_that_has_passed_takes_no_new_payment_even_before_the_worker_notes_it(
    test_merchant: Merchant, clock: Any
) -> None:
    ends = clock.at + timedelta(hours=1)
    invoice = given_an_open_invoice(test_merchant, expires_at=ends.isoformat())
    clock.at = ends - timedelta(microseconds=1)
    begin(invoice)
    clock.at = ends
    with pytest.raises(InvalidState, match="time to pay this invoice has passed"):
        begin(invoice)


def test_thirty_attempts_are_enough(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    for _ in range(30):
        payment = begin(invoice)
        pay.apply_outcome(payment.pk, Outcome(State.CANCELED))
    with pytest.raises(Conflict, match="too many attempts"):
        begin(invoice)
    assert again(invoice).status == "open"


# Received


def test_a_full_payment_settles_the_invoice_and_books_gross_fees_and_net(
    test_merchant: Merchant, clock: Any
) -> None:
    invoice = given_an_open_invoice(test_merchant, "100")
    payment = begin(invoice)
    clock.move(minutes=1)
    receive(payment, 10000, method={"type": "card", "last4": "4242"})
    paid, payment = again(invoice), again(payment)
    assert (paid.status, paid.amount_paid, paid.amount_due) == ("paid", 10000, 0)
    assert paid.paid_at == clock.at
    assert (payment.status, payment.received, payment.surplus) == ("succeeded", 10000, 0)
    assert (payment.provider_fee, payment.platform_fee, payment.net) == (320, 50, 9630)
    assert payment.available_at == clock.at + timedelta(days=2)
    assert payment.next_look_at is None
    assert balances(payment.wallet) == {"pending": 9630}
    assert told(invoice)[-1] == "invoice.paid"
    entry = LedgerEntry.objects.get()
    assert (entry.reference, entry.payment) == (f"payment:{payment.public_id}", payment)
    moved = entry.postings.order_by("id").values_list("source__kind", "destination__kind", "amount")
    assert list(moved) == [
        ("clearing", "pending", 10000),
        ("pending", "provider_fees", 320),
        ("pending", "platform_fees", 50),
    ]
    assert representations.invoice_fees(paid) == [
        {"kind": "provider", "rail": "sandbox", "amount": "3.20"},
        {"kind": "platform", "rail": "sandbox", "amount": "0.50"},
    ]


def test_the_providers_own_figure_replaces_the_estimate(test_merchant: Merchant) -> None:
    payment = begin(given_an_open_invoice(test_merchant, "100"))
    done = receive(payment, 10000, provider_fee=299)
    assert (done.provider_fee, done.platform_fee) == (299, 50)
    assert balances(done.wallet) == {"pending": 9651}


def test_a_fee_beyond_the_payment_is_taken_from_what_is_there(test_merchant: Merchant) -> None:
    before = receive(begin(given_an_open_invoice(test_merchant, "1")), 100, provider_fee=79)
    let_pass(test_merchant, "P10D")
    work()
    assert balances(before.wallet) == {"available": 20}
    done = receive(begin(given_an_open_invoice(test_merchant, "1")), 100, provider_fee=150)
    assert (done.provider_fee, done.platform_fee) == (150, 0)
    assert balances(done.wallet) == {"debt": -30}


def test_an_outcome_that_is_repeated_pays_once(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment = begin(invoice)
    receive(payment, 10000)
    for outcome in (
        Outcome(State.SUCCEEDED, 10000, "USD"),
        Outcome(State.FAILED, failure_code="x"),
        Outcome(State.CANCELED),
        Outcome(State.PENDING),
        Outcome(State.UNKNOWN),
        Outcome(State.PROCESSING),
        Outcome(State.SUCCEEDED, 5000, "USD"),
    ):
        pay.apply_outcome(payment.pk, outcome)
    assert (again(payment).status, again(payment).received) == ("succeeded", 10000)
    assert again(invoice).amount_paid == 10000
    assert LedgerEntry.objects.count() == 1
    assert told(invoice).count("invoice.paid") == 1
    assert Message.objects.filter(kind="receipt").count() == 1


def test_parts_add_up_to_the_whole(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, "100", allow_partial=True)
    first = factories.pay(invoice, amount=2500)
    half = again(invoice)
    assert (half.status, half.amount_paid, half.amount_due) == ("open", 2500, 7500)
    factories.pay(invoice, amount=2500)
    last = factories.pay(invoice)
    assert last.amount == 5000
    paid = again(invoice)
    assert (paid.status, paid.amount_paid) == ("paid", 10000)
    assert told(invoice)[2:] == [
        "invoice.partially_paid",
        "invoice.partially_paid",
        "invoice.paid",
    ]
    # 2.9 % + 0.30 and 0.5 % of 25 twice and of 50.
    assert balances(first.wallet) == {"pending": 10000 - 2 * (103 + 13) - (175 + 25)}


def test_less_than_was_asked_for_leaves_the_rest_due(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, "100")
    receive(begin(invoice), 9999)
    short = again(invoice)
    assert (short.status, short.amount_paid, short.amount_due) == ("open", 9999, 1)
    assert told(invoice)[-1] == "invoice.partially_paid"


def test_more_than_is_due_is_the_payers_credit(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, "100")
    payment = receive(begin(invoice), 12500)
    assert (payment.received, payment.surplus, payment.net) == (12500, 2500, 9630)
    assert (again(invoice).status, again(invoice).amount_paid) == ("paid", 10000)
    assert credit(test_merchant) == 2500
    assert balances(payment.wallet) == {"pending": 9630}
    assert told(invoice)[-2:] == ["invoice.paid", "invoice.overpaid"]


def test_money_in_another_currency_is_kept_apart(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, "100")
    payment = begin(invoice)
    came = Outcome(State.SUCCEEDED, 10000, "JPY", reference="cs_1", money_reference="pi_1")
    for _ in range(2):
        pay.apply_outcome(payment.pk, came)
    assert (again(payment).status, again(payment).received) == ("failed", 0)
    assert (again(invoice).status, again(invoice).amount_paid) == ("open", 0)
    (deposit,) = Deposit.objects.all()
    assert (deposit.amount, deposit.currency, deposit.reason) == (10000, "JPY", "another_currency")
    assert deposit.status == "unmatched"
    kept = LedgerAccount.objects.get(kind="unmatched")
    assert (kept.balance, kept.asset, kept.merchant) == (10000, "JPY", test_merchant)


# In flight


@pytest.mark.parametrize("state", [State.PROCESSING, State.UNKNOWN])
def test_money_in_flight_holds_the_invoice_until_it_lands(
    state: State, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment = begin(invoice)
    for _ in range(3):
        pay.apply_outcome(payment.pk, Outcome(state))
    assert (again(invoice).status, again(payment).status) == ("paying", state.value)
    assert told(invoice).count("invoice.payment_started") == 1
    with pytest.raises(InvalidState, match="so it cannot be voided"):
        void_invoice(test_merchant, invoice.public_id)
    assert expire_invoice(invoice.pk) is False
    with pytest.raises(InvalidState, match="is on its way"):
        begin(invoice)
    receive(payment, 10000)
    assert again(invoice).status == "paid"


def test_an_answer_lost_and_found_is_one_flight(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment = begin(invoice)
    for state in (State.PROCESSING, State.UNKNOWN, State.PROCESSING):
        assert pay.apply_outcome(payment.pk, Outcome(state)).status == state.value
    assert told(invoice).count("invoice.payment_started") == 1
    pay.apply_outcome(payment.pk, Outcome(State.FAILED, failure_code="returned"))
    assert (again(invoice).status, again(payment).failure_code) == ("open", "returned")
    assert told(invoice)[-1] == "invoice.payment_failed"


def test_an_invoice_stays_in_flight_while_any_of_its_payments_is(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, "100", allow_partial=True)
    one, two = begin(invoice, 4000), begin(invoice, 6000)
    for payment in (one, two):
        pay.apply_outcome(payment.pk, Outcome(State.PROCESSING))
    pay.apply_outcome(one.pk, Outcome(State.FAILED))
    assert again(invoice).status == "paying"
    receive(two, 6000)
    assert (again(invoice).status, again(invoice).amount_due) == ("open", 4000)


def test_a_part_that_lands_while_another_flies_leaves_it_paying(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, "100", allow_partial=True)
    one, two = begin(invoice, 4000), begin(invoice, 6000)
    for payment in (one, two):
        pay.apply_outcome(payment.pk, Outcome(State.PROCESSING))
    receive(one, 4000)
    assert (again(invoice).status, again(invoice).amount_due) == ("paying", 6000)
    receive(two, 6000)
    assert again(invoice).status == "paid"


def test_full_payment_while_another_flies_makes_the_late_one_credit(
    test_merchant: Merchant,
) -> None:
    invoice = given_an_open_invoice(test_merchant, "100", allow_partial=True)
    one, two = begin(invoice), begin(invoice, 6000)
    for payment in (one, two):
        pay.apply_outcome(payment.pk, Outcome(State.PROCESSING))
    receive(one, 10000)
    assert again(invoice).status == "paid"
    receive(two, 6000)
    assert (again(invoice).status, again(invoice).amount_paid) == ("paid", 10000)
    assert (again(two).surplus, credit(test_merchant)) == (6000, 6000)


# Too late


def test_money_for_a_void_invoice_is_the_payers_credit(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, "100")
    payment = start_paying(invoice)
    void_invoice(test_merchant, invoice.public_id)
    use_card(payment)
    work()
    late = again(invoice)
    assert (late.status, late.amount_paid, late.amount_due) == ("void", 0, 0)
    assert (again(payment).status, again(payment).surplus) == ("succeeded", 10000)
    assert credit(test_merchant) == 10000
    assert balances(payment.wallet) == {}
    assert told(invoice)[-2:] == ["invoice.voided", "invoice.overpaid"]
    assert not Message.objects.filter(kind="receipt").exists()


@pytest.mark.parametrize("closed", ["expired", "uncollectible"])
def test_money_that_comes_late_still_settles_the_invoice(
    closed: str, test_merchant: Merchant, clock: Any
) -> None:
    ends = (clock.at + timedelta(hours=1)).isoformat()
    invoice = given_an_open_invoice(test_merchant, "100", expires_at=ends)
    payment = start_paying(invoice)
    if closed == "uncollectible":
        write_off_invoice(test_merchant, invoice.public_id)
    else:
        let_pass(test_merchant, "02:00:00")
        assert expire_invoice(invoice.pk) is True
    assert again(invoice).status == closed
    use_card(payment)
    work()
    assert (again(invoice).status, again(invoice).amount_paid) == ("paid", 10000)
    assert told(invoice)[-1] == "invoice.paid"


def test_a_late_part_of_an_expired_invoice_is_kept_and_it_stays_expired(
    test_merchant: Merchant, clock: Any
) -> None:
    ends = (clock.at + timedelta(hours=1)).isoformat()
    invoice = given_an_open_invoice(test_merchant, "100", expires_at=ends, allow_partial=True)
    payment = begin(invoice, 4000)
    let_pass(test_merchant, "02:00:00")
    expire_invoice(invoice.pk)
    receive(payment, 4000)
    assert (again(invoice).status, again(invoice).amount_due) == ("expired", 6000)


# Declared


def test_money_received_elsewhere_is_declared_in_full(test_merchant: Merchant, clock: Any) -> None:
    invoice = given_an_open_invoice(test_merchant, "100")
    payment = declare(test_merchant, invoice, method="bank_transfer", reference="SEPA 7", note="!")
    assert (again(invoice).status, again(invoice).amount_paid) == ("paid", 10000)
    assert (payment.rail, payment.status, payment.net) == ("manual", "succeeded", 10000)
    assert payment.method == {"type": "bank_transfer", "reference": "SEPA 7"}
    # Billhook never held it: it is neither pending nor available.
    assert balances(payment.wallet) == {"external": 10000}
    assert (payment.available_at, payment.provider_fee, payment.platform_fee) == (None, 0, 0)
    assert told(invoice)[-1] == "invoice.paid"
    clock.move(days=30)
    work()
    assert balances(payment.wallet) == {"external": 10000}


def test_money_received_elsewhere_may_be_a_part(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant, "100")
    declare(test_merchant, invoice, amount="40")
    assert (again(invoice).status, again(invoice).amount_due) == ("open", 6000)
    declare(test_merchant, invoice, amount="60.00")
    assert again(invoice).status == "paid"


@pytest.mark.parametrize("closed", ["expired", "uncollectible"])
def test_a_closed_invoice_can_be_declared_paid(
    closed: str, test_merchant: Merchant, clock: Any
) -> None:
    ends = (clock.at + timedelta(hours=1)).isoformat()
    invoice = given_an_open_invoice(test_merchant, expires_at=ends)
    if closed == "expired":
        let_pass(test_merchant, "02:00:00")
        expire_invoice(invoice.pk)
    else:
        write_off_invoice(test_merchant, invoice.public_id)
    declare(test_merchant, invoice)
    assert again(invoice).status == "paid"


@pytest.mark.parametrize(
    ("currency", "amount", "reason"),
    [
        ("USD", "100.01", "at most what is due, 100.00"),
        ("USD", "0.001", "at most 2 decimal places"),
        ("JPY", "0.5", "at most 0 decimal places"),
    ],
)
def test_a_declared_amount_must_fit(
    currency: str, amount: str, reason: str, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant, "100", currency=currency)
    with pytest.raises(ValidationFailed, match=f"amount: .*{reason}"):
        declare(test_merchant, invoice, amount=amount)
    assert not Payment.objects.exists()


def test_another_merchants_invoice_is_not_found(
    test_merchant: Merchant, live: Merchant, ben_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(test_merchant)
    for stranger in (live, ben_merchant):
        for reference in (invoice.public_id, str(invoice.uuid)):
            with pytest.raises(NotFound):
                pay.mark_paid(stranger, reference, MarkPaidInput())
    assert again(invoice).status == "open"


def test_a_declared_invoice_leaves_no_open_card_page(test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    payment = start_paying(invoice)
    declare(test_merchant, invoice)
    work()
    assert again(payment).status == "canceled"
    assert factories.session_of(payment).status == "canceled"
    assert told(invoice)[-1] == "invoice.paid"


def test_the_wallet_named_on_the_invoice_receives(test_merchant: Merchant) -> None:
    from payments.actions.wallets import create_wallet
    from payments.inputs import WalletInput

    create_wallet(test_merchant, WalletInput(name="Main", currency="USD"))
    other = create_wallet(test_merchant, WalletInput(name="Other", currency="USD"))
    invoice = given_an_open_invoice(test_merchant, "100", wallet_id=other.public_id)
    assert factories.pay(invoice).wallet == other
    assert balances(other) == {"pending": 9630}
