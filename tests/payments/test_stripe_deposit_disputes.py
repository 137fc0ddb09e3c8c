"""Disputes of money that fitted nothing: the same life as a payment's, from where the money is."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from invoicing import clock
from invoicing.actions.invoices import finalize_invoice
from invoicing.errors import InvalidState
from invoicing.models import Event, Invoice, Merchant, Message
from payments import flows, tasks
from payments.actions import deposits, disputes
from payments.audit import audit
from payments.inputs import DepositMatch, EvidenceInput
from payments.models import Deposit, Dispute, LedgerAccount, Notice, Payment, Refund, Wallet
from payments.rails.rail import NoAnswer
from tests.factories import (
    again,
    balances,
    given_a_customer,
    given_a_draft,
    given_an_open_invoice,
    told,
)
from tests.fixtures_stripe import Stripe, post

pytestmark = pytest.mark.django_db
# What Stripe takes for a charge of 70.00, and for a dispute.
FEE, DISPUTE_FEE = 233, 1500


@pytest.fixture
def deposit(stripe_account: Stripe, test_merchant: Merchant) -> Deposit:
    """70.00 that came on a page for 100.00."""
    return stripe_account.given_a_deposit(test_merchant)


def disputed(here: Stripe, deposit: Deposit, **given: Any) -> Dispute:
    here.dispute(deposit.provider_reference, **given)
    here.deliver()
    return Dispute.objects.latest("pk")


def moved(here: Stripe, dispute: Dispute, verb: str) -> Dispute:
    here.fake.control(f"disputes/{verb}", dispute=dispute.provider_reference)
    here.deliver()
    return again(dispute)


def reopened(here: Stripe, dispute: Dispute) -> None:
    """The bank thinks again about what it had decided."""
    world = here.fake.app.world
    found = world.get("dispute", dispute.provider_reference)
    found["status"] = "needs_response"
    world.save(found)


def kept(kind: str) -> int:
    """What all merchants' accounts of a kind hold."""
    return sum(LedgerAccount.objects.filter(kind=kind).values_list("balance", flat=True))


def wallet_of(merchant: Merchant) -> dict[str, int]:
    return balances(Wallet.objects.get(merchant=merchant, is_default=True))


def standing(deposit: Deposit) -> tuple[str, int]:
    """What has become of a deposit, and what is left of it."""
    deposit = again(deposit)
    assert kept("unmatched") == deposit.left
    assert audit() == []
    return deposit.status, deposit.left


def matched(deposit: Deposit) -> Payment:
    assert deposit.payment is not None
    wanted = DepositMatch(invoice_id=deposit.payment.invoice.public_id)
    payment = deposits.match_deposit(deposit.merchant, deposit.public_id, wanted).matched_payment
    assert payment is not None
    return payment


def test_a_dispute_of_unmatched_money_is_a_dispute(
    stripe_account: Stripe, deposit: Deposit, test_merchant: Merchant
) -> None:
    dispute = disputed(stripe_account, deposit, reason="duplicate")
    assert (dispute.deposit, dispute.payment, dispute.invoice) == (deposit, None, None)
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "duplicate", 7000)
    assert (dispute.withdrawn, dispute.of_unmatched, dispute.fee) == (7000, 7000, DISPUTE_FEE)
    assert dispute.evidence_due_at is not None
    assert (dispute.evidence_due_at - stripe_account.wall()).days == 9
    assert (kept("unmatched"), kept("disputed")) == (0, 7000)
    assert wallet_of(test_merchant) == {"debt": -FEE - DISPUTE_FEE}
    assert standing(deposit) == ("disputed", 0)
    assert told(dispute) == ["dispute.created"]
    assert told(deposit) == ["deposit.unmatched", "deposit.disputed"]
    said = Event.objects.get(type="dispute.created").body
    for words in (
        f'"deposit_id":"{deposit.public_id}"',
        '"payment_id":null',
        '"invoice_id":null',
        '"status":"needs_response"',
        '"withdrawn":"70.00"',
    ):
        assert words in said
    with pytest.raises(InvalidState, match="disputed already"):
        deposits.credit_deposit(test_merchant, deposit.public_id, "cus_any")
    assert flows.check_dispute(dispute.provider_reference, "stripe", False) == dispute
    assert Dispute.objects.count() == 1


def test_a_question_takes_nothing(stripe_account: Stripe, deposit: Deposit) -> None:
    dispute = disputed(stripe_account, deposit, inquiry=True)
    assert (dispute.status, dispute.withdrawn, dispute.fee) == ("inquiry", 0, 0)
    assert standing(deposit) == ("unmatched", 7000)
    dispute = moved(stripe_account, dispute, "close_warning")
    assert (dispute.status, dispute.next_look_at) == ("closed", None)
    assert standing(deposit) == ("unmatched", 7000)
    assert told(dispute) == ["dispute.created", "dispute.closed"]
    assert told(deposit) == ["deposit.unmatched"]


def test_a_question_becomes_a_demand(stripe_account: Stripe, deposit: Deposit) -> None:
    dispute = disputed(stripe_account, deposit, inquiry=True)
    dispute = moved(stripe_account, dispute, "withdraw")
    assert (dispute.status, dispute.withdrawn) == ("needs_response", 7000)
    assert standing(deposit) == ("disputed", 0)
    assert told(dispute) == ["dispute.created", "dispute.updated"]


def test_it_is_answered_and_won(
    stripe_account: Stripe, deposit: Deposit, test_merchant: Merchant
) -> None:
    dispute = disputed(stripe_account, deposit)
    said = EvidenceInput(uncategorized_text="winning_evidence")
    disputes.save_evidence(test_merchant, dispute.public_id, said)
    disputes.attach_file(test_merchant, dispute.public_id, "receipt", "r.pdf", b"%PDF-1.7\n")
    stripe_account.fake.control("faults", do="commit_then_drop", method="POST", path="/v1/disputes")
    flows.answer_dispute(test_merchant, dispute.public_id)
    assert again(dispute).submissions.get().status == "pending"
    for _ in range(3):
        stripe_account.fake.clock.advance(3600)
        tasks.look_at_disputes()
        stripe_account.deliver()
    dispute = again(dispute)
    # The money is back; the fee is not.
    assert (dispute.status, dispute.submissions.get().status) == ("won", "succeeded")
    assert (dispute.withdrawn, dispute.of_unmatched, dispute.fee) == (0, 0, DISPUTE_FEE)
    assert standing(deposit) == ("unmatched", 7000)
    assert kept("disputed") == 0
    assert told(dispute)[-1] == "dispute.closed"
    found = stripe_account.library.v1.disputes.retrieve(dispute.provider_reference)
    assert found.evidence_details.submission_count == 1
    assert matched(again(deposit)).received == 7000


def test_it_is_conceded_and_turned_round(
    stripe_account: Stripe, deposit: Deposit, test_merchant: Merchant
) -> None:
    dispute = disputed(stripe_account, deposit)
    flows.answer_dispute(test_merchant, dispute.public_id, concede=True)
    stripe_account.deliver()
    dispute = again(dispute)
    assert (dispute.status, dispute.withdrawn, dispute.reversed) == ("lost", 7000, 7000)
    assert standing(deposit) == ("lost", 0)
    assert again(deposit).resolved_at is not None
    assert kept("disputed") == 0
    reopened(stripe_account, dispute)
    dispute = moved(stripe_account, dispute, "win")
    assert (dispute.status, dispute.withdrawn, dispute.reversed) == ("won", 0, 0)
    assert standing(deposit) == ("unmatched", 7000)
    assert wallet_of(test_merchant) == {"debt": -FEE - DISPUTE_FEE}


def test_nobody_answers_and_nobody_hears(stripe_account: Stripe, deposit: Deposit) -> None:
    dispute = disputed(stripe_account, deposit)
    stripe_account.fake.control("delivery", drop=1.0)
    stripe_account.let_pass(days=10)
    assert again(dispute).status == "needs_response"
    tasks.look_at_disputes()
    assert again(dispute).status == "lost"
    assert standing(deposit) == ("lost", 0)


def test_a_part_of_it_is_lost_and_the_rest_pays_an_invoice(
    stripe_account: Stripe, deposit: Deposit
) -> None:
    dispute = disputed(stripe_account, deposit, amount=3000)
    assert standing(deposit) == ("disputed", 4000)
    moved(stripe_account, dispute, "lose")
    assert standing(deposit) == ("unmatched", 4000)
    payment = matched(again(deposit))
    assert (payment.received, standing(deposit)) == (4000, ("matched", 0))
    # What was lost of it before stays the deposit's, also when the bank thinks again.
    reopened(stripe_account, dispute)
    dispute = moved(stripe_account, dispute, "win")
    assert (dispute.deposit, dispute.status) == (deposit, "won")
    assert standing(deposit) == ("unmatched", 3000)
    with pytest.raises(InvalidState, match="can only be given back"):
        matched(again(deposit))


def credited(deposit: Deposit, merchant: Merchant) -> Any:
    """Kept as Cleo's credit; says how much of that she has."""
    cleo = given_a_customer(merchant)
    deposits.credit_deposit(merchant, deposit.public_id, cleo.public_id)
    account = LedgerAccount.objects.get(kind="customer_credit", customer=cleo)
    return cleo, lambda: again(account).balance


@pytest.mark.parametrize(
    ("verdict", "status", "back"), [("win", "credited", 7000), ("lose", "lost", 0)]
)
def test_what_was_kept_as_credit_is_taken_from_the_credit(
    stripe_account: Stripe,
    deposit: Deposit,
    test_merchant: Merchant,
    verdict: str,
    status: str,
    back: int,
) -> None:
    _, credit = credited(deposit, test_merchant)
    dispute = disputed(stripe_account, deposit)
    assert (dispute.of_unmatched, dispute.of_credit, credit()) == (0, 7000, 0)
    assert standing(deposit) == ("disputed", 0)
    assert wallet_of(test_merchant) == {"debt": -FEE - DISPUTE_FEE}
    dispute = moved(stripe_account, dispute, verdict)
    assert (standing(deposit), credit()) == ((status, 0), back)
    assert wallet_of(test_merchant) == {"debt": -FEE - DISPUTE_FEE}
    assert (dispute.of_credit, kept("disputed")) == (7000 - back, 0)


def test_credit_that_was_spent_is_borne_by_the_wallet(
    stripe_account: Stripe, deposit: Deposit, test_merchant: Merchant
) -> None:
    cleo, credit = credited(deposit, test_merchant)
    draft = given_a_draft(test_merchant, "45.00", customer_id=cleo.public_id)
    finalize_invoice(test_merchant, draft.public_id)
    assert credit() == 2500
    before = sum(wallet_of(test_merchant).values())
    dispute = disputed(stripe_account, deposit)
    assert (dispute.withdrawn, dispute.of_credit, dispute.owed) == (7000, 2500, 4500)
    assert sum(wallet_of(test_merchant).values()) == before - 4500 - DISPUTE_FEE
    # The payer's invoice stays paid: it was paid with what the merchant owed them.
    assert again(draft).status == "paid"
    assert standing(deposit) == ("disputed", 0)
    moved(stripe_account, dispute, "win")
    assert sum(wallet_of(test_merchant).values()) == before - DISPUTE_FEE
    assert (credit(), standing(deposit)) == (2500, ("credited", 0))


def refunded(here: Stripe, deposit: Deposit) -> Refund:
    refund = flows.refund_deposit(deposit.merchant, deposit.public_id)
    here.deliver()
    return again(refund)


def test_what_had_been_given_back_is_borne_by_the_wallet(
    stripe_account: Stripe, deposit: Deposit, test_merchant: Merchant
) -> None:
    dispute = disputed(stripe_account, deposit, inquiry=True)
    refund = refunded(stripe_account, deposit)
    assert standing(deposit) == ("refunded", 0)
    dispute = moved(stripe_account, dispute, "withdraw")
    assert (dispute.withdrawn, dispute.of_unmatched, dispute.owed) == (7000, 0, 7000)
    assert wallet_of(test_merchant) == {"debt": -FEE - DISPUTE_FEE - 7000}
    assert standing(deposit) == ("disputed", 0)
    # The refund fails, and the wallet has back what it bore, since the bank has taken the money.
    stripe_account.fake.control("refunds/fail", refund=refund.provider_reference)
    stripe_account.deliver()
    assert (again(refund).status, standing(deposit)) == ("failed", ("disputed", 0))
    assert wallet_of(test_merchant) == {"debt": -FEE - DISPUTE_FEE}
    dispute = again(dispute)
    assert (dispute.of_unmatched, dispute.owed) == (7000, 0)
    moved(stripe_account, dispute, "lose")
    assert standing(deposit) == ("lost", 0)


def test_a_question_goes_with_the_money_to_its_payment(
    stripe_account: Stripe, deposit: Deposit, test_merchant: Merchant
) -> None:
    dispute = disputed(stripe_account, deposit, inquiry=True)
    said = EvidenceInput(product_description="Ten hours of work")
    disputes.save_evidence(test_merchant, dispute.public_id, said)
    payment = matched(deposit)
    dispute = again(dispute)
    assert (dispute.deposit, dispute.payment, dispute.invoice) == (None, payment, payment.invoice)
    dispute = moved(stripe_account, dispute, "withdraw")
    assert (dispute.withdrawn, dispute.of_unmatched) == (7000, 0)
    assert dispute.evidence == {"product_description": "Ten hours of work"}
    moved(stripe_account, dispute, "lose")
    invoice = again(payment.invoice)
    assert (again(payment).status, invoice.amount_paid) == ("reversed", 0)
    assert standing(deposit) == ("matched", 0)
    assert Dispute.objects.count() == 1


def test_what_was_won_before_it_was_matched_may_be_lost_after(
    stripe_account: Stripe, deposit: Deposit
) -> None:
    dispute = moved(stripe_account, disputed(stripe_account, deposit), "win")
    payment = matched(again(deposit))
    reopened(stripe_account, dispute)
    stripe_account.fake.control("disputes/withdraw", dispute=dispute.provider_reference)
    dispute = moved(stripe_account, dispute, "lose")
    assert (dispute.payment, dispute.reversed, dispute.reopened) == (payment, 7000, 7000)
    assert (again(payment).status, again(payment.invoice).amount_due) == ("reversed", 10000)
    assert standing(deposit) == ("matched", 0)


def test_more_than_was_matched_is_taken(
    stripe_account: Stripe, deposit: Deposit, test_merchant: Merchant
) -> None:
    money = deposit.provider_reference
    stripe_account.library.v1.refunds.create({"payment_intent": money, "amount": 2500})
    stripe_account.deliver()
    payment = matched(again(deposit))
    before = sum(wallet_of(test_merchant).values())
    dispute = disputed(stripe_account, deposit, amount=7000)
    assert (dispute.payment, dispute.amount, dispute.withdrawn) == (payment, 7000, 7000)
    assert sum(wallet_of(test_merchant).values()) == before - 7000 - DISPUTE_FEE
    dispute = moved(stripe_account, dispute, "lose")
    assert (dispute.reversed, again(payment.invoice).amount_due) == (4500, 10000)
    assert standing(deposit) == ("matched", 0)


def test_a_desk_refund_of_what_was_kept_as_credit(
    stripe_account: Stripe, deposit: Deposit, test_merchant: Merchant
) -> None:
    cleo, credit = credited(deposit, test_merchant)
    draft = given_a_draft(test_merchant, "30.00", customer_id=cleo.public_id)
    finalize_invoice(test_merchant, draft.public_id)
    before = sum(wallet_of(test_merchant).values())
    money = deposit.provider_reference
    made = stripe_account.library.v1.refunds.create({"payment_intent": money})
    stripe_account.deliver()
    refund = deposit.refunds.get()
    assert (refund.status, refund.amount, refund.excess) == ("succeeded", 7000, 7000)
    assert (refund.of_credit, credit()) == (4000, 0)
    assert sum(wallet_of(test_merchant).values()) == before - 3000
    assert told(refund) == ["refund.created", "refund.exceeded", "refund.succeeded"]
    assert standing(deposit) == ("credited", 0)
    assert not Notice.objects.exclude(error="").exists()
    stripe_account.fake.control("refunds/fail", refund=made.id)
    stripe_account.deliver()
    assert (again(refund).status, credit()) == ("failed", 4000)
    assert sum(wallet_of(test_merchant).values()) == before
    assert standing(deposit) == ("credited", 0)


# Disorder


def hear_only(here: Stripe, kind: str) -> None:
    """Of all that Stripe has to say, only this is heard."""
    here.fake.control("delivery", hold=True)
    store = here.fake.app.world.store
    wanted = [event["id"] for event in store.select("event") if event["type"] == kind]
    assert wanted
    here.fake.app.delivery.again(wanted, send=post)
    tasks.apply_notices()


def paid_unheard(here: Stripe, merchant: Merchant, *, known: bool) -> tuple[Invoice, str]:
    """70.00 on a page for 100.00, or for a payment that was forgotten; and the money's name."""
    payment = flows.start(given_an_open_invoice(merchant, "100.00").pk, "card")
    here.pay(payment, amount=7000)
    session = here.library.v1.checkout.sessions.retrieve(payment.provider_reference)
    if not known:
        Payment.objects.filter(pk=payment.pk).delete()
    return payment.invoice, str(session.payment_intent)


@pytest.mark.parametrize("known", [True, False])
def test_a_dispute_is_heard_before_the_unmatched_money(
    stripe_account: Stripe, test_merchant: Merchant, known: bool
) -> None:
    _, money = paid_unheard(stripe_account, test_merchant, known=known)
    stripe_account.dispute(money)
    hear_only(stripe_account, "charge.dispute.created")
    deposit, dispute = Deposit.objects.get(), Dispute.objects.get()
    assert (dispute.deposit, dispute.withdrawn, dispute.fee) == (deposit, 7000, DISPUTE_FEE)
    assert deposit.reason == ("another_amount" if known else "unknown_payment")
    assert standing(deposit) == ("disputed", 0)
    hear_only(stripe_account, "payment_intent.succeeded")
    assert (Deposit.objects.count(), Dispute.objects.count()) == (1, 1)
    assert standing(deposit) == ("disputed", 0)


@pytest.mark.parametrize("known", [True, False])
def test_a_dispute_waits_until_its_money_can_be_looked_up(
    stripe_account: Stripe, test_merchant: Merchant, known: bool
) -> None:
    _, money = paid_unheard(stripe_account, test_merchant, known=known)
    stripe_account.dispute(money)
    path = "/v1/checkout/sessions" if known else "/v1/payment_intents"
    stripe_account.fake.control("faults", do="drop_before", method="GET", path=path, times=9)
    hear_only(stripe_account, "charge.dispute.created")
    notice = Notice.objects.get()
    assert (notice.applied_at, notice.attempts_made) == (None, 1)
    assert notice.next_attempt_at is not None and notice.error
    assert not Dispute.objects.exists()
    stripe_account.fake.control("faults", clear=True)
    stripe_account.fake.clock.advance(60)
    tasks.apply_notices()
    assert again(notice).applied_at is not None
    assert Dispute.objects.get().withdrawn == 7000
    assert standing(Deposit.objects.get()) == ("disputed", 0)


def test_a_refund_at_the_desk_is_heard_before_the_unmatched_money(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    _, money = paid_unheard(stripe_account, test_merchant, known=False)
    stripe_account.library.v1.refunds.create({"payment_intent": money, "amount": 2500})
    hear_only(stripe_account, "refund.created")
    deposit = Deposit.objects.get()
    assert [row.amount for row in deposit.refunds.all()] == [2500]
    assert standing(deposit) == ("unmatched", 4500)


def test_a_dispute_of_others_money_is_none_of_ours(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    """The control: the same account takes money for others too."""
    _, money = paid_unheard(stripe_account, test_merchant, known=False)
    world = stripe_account.fake.app.world
    intent = world.get("payment_intent", money)
    intent["metadata"] = {}
    world.save(intent)
    stripe_account.dispute(money)
    hear_only(stripe_account, "charge.dispute.created")
    assert Notice.objects.get().applied_at is not None
    assert not Dispute.objects.exists() and not Deposit.objects.exists()


def test_money_that_has_not_come_is_waited_for(
    stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = flows.start(given_an_open_invoice(test_merchant, "100.00").pk, "ach")
    stripe_account.pay_by_bank(payment)
    session = stripe_account.library.v1.checkout.sessions.retrieve(payment.provider_reference)
    with pytest.raises(NoAnswer, match="not known yet"):
        flows.money_behind("stripe", str(session.payment_intent), False)
    world = stripe_account.fake.app.world
    intent = world.get("payment_intent", str(session.payment_intent))
    intent["metadata"]["payment_id"] = "pay_forgotten"
    world.save(intent)
    with pytest.raises(NoAnswer, match="not known yet"):
        flows.money_behind("stripe", str(session.payment_intent), False)
    assert not Deposit.objects.exists()


# What is said, and what is refused


def test_owners_are_told_without_an_invoice(stripe_account: Stripe, deposit: Deposit) -> None:
    dispute = disputed(stripe_account, deposit)
    asked = Message.objects.get(kind="dispute")
    assert asked.subject == "Answer needed: $70.00 is disputed"
    assert asked.text.splitlines()[0].endswith(" · Money that fits no invoice · $70.00")
    moved(stripe_account, dispute, "lose")
    lost = Message.objects.filter(kind="dispute").latest("pk")
    assert lost.subject == "Dispute lost: $70.00"
    assert "The money is gone.\n" in lost.text and "asks for it" not in lost.text + lost.html


@pytest.mark.parametrize("of", ["both", "neither", "parts"])
def test_a_dispute_is_of_one_thing(
    stripe_account: Stripe, test_merchant: Merchant, of: str
) -> None:
    deposit, payment = (
        stripe_account.given_a_deposit(test_merchant),
        stripe_account.given_a_payment(test_merchant),
    )
    at = clock.now(test_merchant)
    given: dict[str, Any] = {"payment": payment, "invoice": payment.invoice}
    given = {
        "both": {**given, "deposit": deposit},
        "neither": {},
        "parts": {**given, "of_credit": 1},
    }[of]
    row = Dispute(
        merchant=test_merchant,
        provider_reference="du_1",
        currency="USD",
        amount=7000,
        withdrawn=7000,
        created_at=at,
        updated_at=at,
        **given,
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()
    # The control: of one of them it is kept, here as long as it holds nothing.
    row.payment, row.invoice, row.deposit, row.of_credit, row.withdrawn = None, None, deposit, 0, 0
    row.save()


@pytest.mark.parametrize("field", ["withdrawn", "reversed", "fee", "of_unmatched", "of_credit"])
def test_a_dispute_that_was_tampered_with_is_named(
    stripe_account: Stripe, deposit: Deposit, field: str
) -> None:
    dispute = disputed(stripe_account, deposit, amount=3000)
    before = getattr(dispute, field)
    others = {"amount": 7000, "of_unmatched": 2999 if field == "of_credit" else 3000}
    change = -1 if field == "of_unmatched" else 1
    Dispute.objects.update(**{**others, field: before + change})
    assert ("payments_dispute", dispute.pk) in {(found.table, found.row) for found in audit()}
    Dispute.objects.update(**{"of_unmatched": 3000, field: before})
    assert audit() == []


@pytest.mark.parametrize("field", ["amount_withdrawn", "amount_refunded", "amount_used"])
def test_a_deposit_that_was_tampered_with_is_named(
    stripe_account: Stripe, deposit: Deposit, field: str
) -> None:
    disputed(stripe_account, deposit, amount=3000)
    before = getattr(again(deposit), field)
    Deposit.objects.update(**{field: before + 1})
    assert ("payments_deposit", deposit.pk) in {(found.table, found.row) for found in audit()}
    Deposit.objects.update(**{field: before})
    assert audit() == []
