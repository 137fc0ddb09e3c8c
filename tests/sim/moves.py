"""What people do to a business, at random: its clients, its payers, their banks and the provider.

Each move looks for something it can be done to, does it through the real actions and flows, and
says what came of it; None where there was nothing to do.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.db import connection

from invoicing import clock
from invoicing import tasks as invoicing_tasks
from invoicing.actions import invoices
from invoicing.errors import NotFound
from invoicing.inputs import InvoiceInput, read
from invoicing.models import Customer, Invoice
from payments import flows, tasks
from payments.actions import deposits, disputes, methods, pay
from payments.inputs import ChargeInput, DepositMatch, EvidenceInput, MarkPaidInput, RefundInput
from payments.models import Deposit, Dispute, MethodSetup, Payment
from payments.sandbox import provider
from tests.sim.stage import DAY, HOUR, MINUTE, Stage

T = TypeVar("T")
GOOD = "4242424242424242"
CARDS = (
    *(GOOD,) * 6,
    "4000000000000077",  # available at once
    "4000000000000002",  # declined
    "4000000000009995",  # no funds
    "4000002760003184",  # asks the cardholder
    "4000000000000259",  # disputed at once
    "4000000000001976",  # an inquiry
    "4000000000007726",  # its refunds take a day
    "4000000000005126",  # its refunds fail a day later
)
SAVED_CARDS = (GOOD, GOOD, "4000000000000341", "4000000000007726", "4000002500003155")
ACCOUNTS = (
    *("000123456789",) * 4,
    "000111111113",  # closed
    "000222222227",  # no funds
    "000555555559",  # pays, and its bank takes it back
)
SANDBOX_CARDS = (GOOD, GOOD, "4000000000000002", "4000002500003155", "4000000000005126")
AMOUNTS = (Decimal("0.50"), Decimal("1.00"), Decimal("9.99"), Decimal("100.00"), Decimal("733.33"))


def make_invoice(stage: Stage) -> str:
    rng = stage.rng
    wanted: dict[str, Any] = {
        "currency": "EUR" if rng.random() < 0.1 else "USD",
        "line_items": [{"description": "Work", "unit_price": str(_amount(stage))}],
        "allow_partial": rng.random() < 0.3,
    }
    if rng.random() < 0.85:
        wanted["customer_id"] = _customer(stage).public_id
    else:
        wanted["recipient"] = {"name": "Somebody"}
    if rng.random() < 0.15:
        opens = clock.now(stage.merchant) + timedelta(seconds=rng.choice((600, HOUR, DAY)))
        wanted["expires_at"] = opens.isoformat()
    draft = invoices.create_invoice(stage.merchant, read(InvoiceInput, wanted))
    stage.invoices.append(draft)
    issued = invoices.finalize_invoice(stage.merchant, draft.public_id)
    return f"{issued} asks for {issued.total} {issued.currency}, {issued.status}"


def start(stage: Stage) -> str | None:
    invoice = _pick(stage, stage.invoices)
    if invoice is None:
        return None
    rail = stage.rail or stage.rng.choice(("card", "card", "card", "ach", "ach", "sandbox"))
    part = None
    if stage.rng.random() < 0.15:
        part = stage.rng.randint(1, max(_again(invoice).amount_due, 1))
    payment = flows.start(invoice.pk, rail, part)
    return f"{payment} of {payment.amount} by {rail}"


def pay_by_card(stage: Stage) -> str | None:
    payment = _pick(stage, _pages(stage, "card"))
    if payment is None:
        return None
    how: dict[str, Any] = {"card": GOOD if _likes(stage, "good") else stage.rng.choice(CARDS)}
    if stage.rng.random() < 0.3:
        how["authenticate"] = stage.rng.random() < 0.7
    if stage.rng.random() < (0.7 if _likes(stage, "odd") else 0.02):
        how = {"card": GOOD, "amount": stage.rng.randint(50, 90_000)}
    elif stage.rng.random() < (0.9 if _likes(stage, "odd") else 0.02):
        how = {"card": GOOD, "currency": "eur" if payment.currency == "USD" else "usd"}
    return _control(stage, "pay", session=payment.provider_reference, **how)


def pay_by_bank(stage: Stage) -> str | None:
    payment = _pick(stage, _pages(stage, "ach"))
    if payment is None:
        return None
    account = ACCOUNTS[0] if _likes(stage, "good") else stage.rng.choice(ACCOUNTS)
    return _control(stage, "pay", session=payment.provider_reference, account=account)


def pay_in_sandbox(stage: Stage) -> str | None:
    payment = _pick(stage, _pages(stage, "sandbox"))
    if payment is None:
        return None
    card = GOOD if _likes(stage, "good") else stage.rng.choice(SANDBOX_CARDS)
    session = provider.submit_card(payment.provider_reference, card)
    if session.status == "authenticating":
        approved = stage.rng.random() < 0.7
        session = provider.answer_authentication(session.public_id, approved=approved)
    return f"{payment} {session.status}"


def mark_paid(stage: Stage) -> str | None:
    invoice = _pick(stage, stage.invoices)
    if invoice is None:
        return None
    amount = _text(stage.rng.randint(1, max(_again(invoice).amount_due, 1)))
    wanted = MarkPaidInput(amount=amount if stage.rng.random() < 0.3 else None)
    return str(pay.mark_paid(stage.merchant, invoice.public_id, wanted).received)


def void(stage: Stage) -> str | None:
    invoice = _pick(stage, stage.invoices)
    return invoice and str(invoices.void_invoice(stage.merchant, invoice.public_id).status)


def write_off(stage: Stage) -> str | None:
    invoice = _pick(stage, stage.invoices)
    return invoice and str(invoices.write_off_invoice(stage.merchant, invoice.public_id).status)


def refund(stage: Stage) -> str | None:
    invoice = _pick(stage, stage.invoices)
    if invoice is None:
        return None
    return _refund(stage, invoice, stage.rng.choice((None,) * 6 + ("manual", "credit_balance")))


def refund_to_credit(stage: Stage) -> str | None:
    invoice = _pick(stage, stage.invoices)
    if invoice is None:
        return None
    return _refund(stage, invoice, "credit_balance")


def _refund(stage: Stage, invoice: Invoice, destination: Any) -> str:
    amount = None
    if stage.rng.random() < 0.6:
        amount = _text(stage.rng.randint(1, max(_again(invoice).amount_paid, 1)))
    wanted = RefundInput(amount=amount, destination=destination)
    made = flows.refund(stage.merchant, invoice.public_id, wanted)
    return ", ".join(f"{row} {row.amount} {row.status}" for row in made)


def refund_overpayment(stage: Stage) -> str | None:
    rows = Payment.objects.filter(merchant=stage.merchant, surplus__gt=0).order_by("pk")
    payment = _pick(stage, list(rows))
    if payment is None:
        return None
    row = flows.refund_overpayment(stage.merchant, payment.public_id, RefundInput())
    return f"{row} {row.amount} {row.status}"


def refund_at_the_desk(stage: Stage) -> str | None:
    """Somebody gives money back in the provider's own dashboard, whatever was given back here."""
    charge = _pick(stage, _charges(stage))
    if charge is None:
        return None
    left = charge["amount"] - charge["amount_refunded"]
    if left < 1:
        return None
    # Whoever sits at the desk sees what became of it.
    stage.fake.control("faults", clear=True)
    before, after = stage.fake.http.before, stage.fake.http.after
    stage.fake.http.before = stage.fake.http.after = lambda method, path: None
    try:
        made = stage.library.v1.refunds.create(
            {"charge": charge["id"], "amount": stage.rng.randint(1, left)}
        )
    except Exception as refusal:
        return str(refusal)
    finally:
        stage.fake.http.before, stage.fake.http.after = before, after
    return f"{made.id} {made.amount}"


def resolve_deposit(stage: Stage) -> str | None:
    rows = Deposit.objects.filter(merchant=stage.merchant, status="unmatched").order_by("pk")
    deposit = _pick(stage, list(rows))
    if deposit is None:
        return None
    way = stage.rng.choice(("match", "credit", "refund"))
    if way == "match":
        invoice = stage.rng.choice(stage.invoices)
        wanted = DepositMatch(invoice_id=invoice.public_id)
        return str(deposits.match_deposit(stage.merchant, deposit.public_id, wanted).status)
    if way == "credit":
        customer = stage.rng.choice(stage.customers).public_id
        kept = deposits.credit_deposit(stage.merchant, deposit.public_id, customer)
        return str(kept.status)
    return str(flows.refund_deposit(stage.merchant, deposit.public_id).status)


def save_method(stage: Stage) -> str:
    customer = _customer(stage)
    rail = stage.rail if stage.rail == "card" else stage.rng.choice(("card", "ach"))
    return str(flows.save_method(stage.merchant, customer.public_id, rail))


def leave_method(stage: Stage) -> str | None:
    """A payer goes through with saving a card or an account."""
    rows = MethodSetup.objects.filter(merchant=stage.merchant, status="pending")
    setup = _pick(stage, list(rows.exclude(provider_reference="").order_by("pk")))
    if setup is None:
        return None
    how: dict[str, Any] = {"card": stage.rng.choice(SAVED_CARDS)}
    if _likes(stage, "good"):
        how["card"] = GOOD
    if setup.rail == "ach":
        how = {"account": stage.rng.choice(ACCOUNTS)}
    return _control(stage, "pay", session=setup.provider_reference, **how)


def charge(stage: Stage) -> str:
    customer = _customer(stage)
    wanted = ChargeInput(
        customer_id=customer.public_id, amount=_amount(stage), currency="USD", description="Fee"
    )
    invoice, payment = flows.charge(stage.merchant, wanted)
    stage.invoices.append(invoice)
    return f"{payment} {payment.status}" if payment else "credit paid"


def charge_invoice(stage: Stage) -> str | None:
    invoice = _pick(stage, stage.invoices)
    if invoice is None:
        return None
    payment = flows.charge_invoice(stage.merchant, invoice.public_id)
    return f"{payment} {payment.status}"


def remove_method(stage: Stage) -> str | None:
    customer = stage.rng.choice(stage.customers)
    method = _pick(stage, list(customer.payment_methods.order_by("pk")))
    if method is None:
        return None
    flows.remove_method(stage.merchant, customer.public_id, method.public_id)
    return str(method)


def choose_default(stage: Stage) -> str | None:
    customer = stage.rng.choice(stage.customers)
    method = _pick(stage, list(customer.payment_methods.order_by("pk")))
    if method is None:
        return None
    return str(methods.choose_default(stage.merchant, customer.public_id, method.public_id))


def answer_dispute(stage: Stage) -> str | None:
    dispute = _pick(stage, list(Dispute.objects.filter(merchant=stage.merchant).order_by("pk")))
    if dispute is None:
        return None
    concede = stage.rng.random() < 0.2
    if not concede:
        say = stage.rng.choice(("winning_evidence", "losing_evidence", "She had the goods."))
        said = EvidenceInput(uncategorized_text=say)
        disputes.save_evidence(stage.merchant, dispute.public_id, said)
    row = flows.answer_dispute(stage.merchant, dispute.public_id, concede=concede)
    return f"{row} {row.status}"


# The payers' banks and the provider's own affairs


def open_dispute(stage: Stage) -> str | None:
    found = _pick(stage, [c for c in _charges(stage) if not c["disputed"]])
    if found is None:
        return None
    debit = found["payment_method_details"]["type"] != "card"
    if debit:
        return _control(stage, "debits/return", charge=found["id"])
    how: dict[str, Any] = {"inquiry": stage.rng.random() < 0.2}
    if stage.rng.random() < 0.3:
        how["amount"] = stage.rng.randint(1, found["amount"])
    return _control(stage, "disputes/open", charge=found["id"], **how)


def judge_dispute(stage: Stage) -> str | None:
    """A bank decides; now and then it gives the money back after a verdict, or takes it first."""
    found = _pick(stage, _objects(stage, "dispute"))
    if found is None:
        return None
    verb = stage.rng.choice(("win", "win", "lose", "lose", "withdraw", "close_warning"))
    if found["status"] == "lost" and stage.rng.random() < 0.3:
        verb = "reinstate"
    if verb == "close_warning" and not found["status"].startswith("warning"):
        return None
    return _control(stage, f"disputes/{verb}", dispute=found["id"])


def fail_refund(stage: Stage) -> str | None:
    found = _pick(stage, _objects(stage, "refund"))
    if found is None:
        return None
    verb = stage.rng.choice(("fail", "fail", "succeed", "require_action"))
    return _control(stage, f"refunds/{verb}", refund=found["id"])


def go_wrong(stage: Stage) -> str:
    """Something is the matter with the provider's next requests, or with one a little later."""
    do = stage.rng.choice(
        (
            "commit_then_drop",
            "commit_then_drop",
            "drop_before",
            "error_500_before",
            "error_500_after",
            "rate_limit_429",
            "stall",
            "stall_after",
            "cut_mid_body",
        )
    )
    how = {"times": stage.rng.choice((1, 2, 2, 3)), "skip": stage.rng.choice((0, 0, 1, 2))}
    if do.startswith("stall"):
        how["seconds"] = 30
    if stage.rng.random() < 0.6:
        how["method"] = "POST"
    stage.fake.control("faults", do=do, **how)
    return f"{do} {how}"


def lose_answers(stage: Stage) -> str:
    """The provider does what it is asked for next, and its answer is not heard."""
    times = stage.rng.choice((1, 2))
    stage.fake.control("faults", do="commit_then_drop", method="POST", times=times)
    return f"{times}"


def know_no_fee_yet(stage: Stage) -> str:
    return _control(stage, "null_balance_transaction", times=stage.rng.randint(1, 2))


# Time, notices and the worker


def pass_time(stage: Stage) -> str:
    seconds = stage.rng.choice((5, MINUTE, 6 * MINUTE, HOUR, 6 * HOUR, DAY, 3 * DAY))
    stage.let_pass(seconds)
    return f"{seconds} s"


def pass_days(stage: Stage) -> str:
    """Until banks have answered."""
    stage.let_pass(7 * DAY)
    return "7 days"


def deliver(stage: Stage) -> str:
    return str(stage.deliver(stage.rng.randrange(1000)))


# Each task, and the rows without which it has nothing to do: most histories lack most of them.
# A task that is asked too early has nothing to do either, and `work` asks each at any time.
NOW = "%(now)s"
ROUND: dict[Callable[[], int], str] = {
    tasks.apply_notices: f"payments_notice WHERE applied_at IS NULL AND next_attempt_at <= {NOW}",
    tasks.look_at_payments: "payments_payment WHERE status IN ('pending', 'processing', 'unknown')"
    f" AND next_look_at <= {NOW}",
    tasks.look_at_refunds: "payments_refund WHERE status IN ('pending', 'unknown')"
    f" AND next_look_at <= {NOW}",
    tasks.look_at_setups: "payments_methodsetup WHERE status = 'pending'"
    f" AND next_look_at <= {NOW}",
    tasks.look_at_disputes: "(SELECT next_look_at FROM payments_dispute UNION ALL"
    " SELECT next_look_at FROM payments_disputesubmission WHERE status = 'pending') AS asked"
    f" WHERE next_look_at <= {NOW}",
    tasks.release_funds: f"payments_payment WHERE released_at IS NULL AND available_at <= {NOW}",
    tasks.cancel_payments_of_closed_invoices: "payments_payment WHERE status = 'pending'",
    tasks.hear_missed_notices: "invoicing_merchant",
    invoicing_tasks.watch_due_dates: "invoicing_invoice WHERE status = 'open'"
    f" AND (overdue_at IS NULL AND due_at <= {NOW} OR expires_at <= {NOW})",
    invoicing_tasks.fan_out_events: "invoicing_event WHERE undelivered",
    invoicing_tasks.deliver_webhooks: "invoicing_delivery WHERE status = 'pending'"
    f" AND next_attempt_at <= {NOW}",
}


def work(stage: Stage) -> str:
    """The worker does some of its tasks."""
    some = [task for task in ROUND if stage.rng.random() < 0.4]
    return ", ".join(f"{_name(task)} {task()}" for task in some)


def do_round() -> int:
    """The worker does all of its tasks."""
    return sum(task() for task, rows in ROUND.items() if has_any(rows))


def has_any(rows: str) -> bool:
    """Whether there are such rows; asked without the ORM, since it is asked so often."""
    with connection.cursor() as cursor:
        now = connection.ops.adapt_datetimefield_value(clock.wall())
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {rows})", {"now": now})
        return bool(cursor.fetchone()[0])


def apply_notices(stage: Stage) -> str:
    return str(tasks.apply_notices())


Move = Callable[[Stage], str | None]
MOVES: dict[Move, int] = {
    make_invoice: 8,
    start: 12,
    pay_by_card: 14,
    pay_by_bank: 7,
    pay_in_sandbox: 5,
    mark_paid: 3,
    void: 2,
    write_off: 1,
    refund: 9,
    refund_to_credit: 1,
    refund_overpayment: 2,
    refund_at_the_desk: 2,
    resolve_deposit: 2,
    save_method: 3,
    leave_method: 5,
    charge: 4,
    charge_invoice: 3,
    remove_method: 1,
    choose_default: 1,
    answer_dispute: 3,
    open_dispute: 5,
    judge_dispute: 5,
    fail_refund: 2,
    go_wrong: 6,
    lose_answers: 2,
    know_no_fee_yet: 1,
    pass_time: 8,
    pass_days: 1,
    deliver: 8,
    work: 6,
    apply_notices: 5,
}
# A worker that dies is started again by itself; a client that got no answer may ask once more.
REPEATED = frozenset({start, work, apply_notices, answer_dispute, leave_method})
# These a client repeats with the same Idempotency-Key, for they begin something new each time.
KEYED = frozenset(
    {charge, charge_invoice, refund, refund_to_credit, refund_overpayment, save_method}
)


def _name(task: Callable[..., Any]) -> str:
    return str(task.__name__)


def _control(stage: Stage, verb: str, **given: Any) -> str:
    """A verb of the provider's stand-in; what it cannot do now is no harm."""
    try:
        found = stage.fake.control(verb, **given)
    except ValueError as refusal:
        return f"{verb} {given}: {refusal}"
    return f"{verb} {given}: {found.get('status') or found.get('error', {}).get('code')}"


def _pages(stage: Stage, rail: str) -> list[Payment]:
    """The pages that somebody was sent to; whether they are still open, the provider knows."""
    rows = Payment.objects.filter(merchant=stage.merchant, rail=rail, saved_method=None)
    return list(rows.exclude(url="").order_by("pk"))[-4:]


def _charges(stage: Stage) -> list[dict[str, Any]]:
    """Money that can be taken back, whether or not anybody asked for it."""
    return [found for found in _objects(stage, "charge") if found["status"] == "succeeded"]


def _objects(stage: Stage, kind: str) -> list[dict[str, Any]]:
    return list(stage.fake.app.world.store.select(kind))


def _pick(stage: Stage, found: Sequence[T]) -> T | None:
    """The last one mostly."""
    if not found:
        return None
    return found[-1] if stage.rng.random() < 0.6 else stage.rng.choice(found)


def _customer(stage: Stage) -> Customer:
    """The first of them mostly, so that what one has left is there when it is wanted."""
    return stage.rng.choice((stage.customers[0], *stage.customers))


def _likes(stage: Stage, what: str) -> bool:
    return stage.likes.get(what, False) and stage.rng.random() < 0.9


def _amount(stage: Stage) -> Decimal:
    rng = stage.rng
    return rng.choice(AMOUNTS) if rng.random() < 0.7 else Decimal(rng.randint(50, 90_000)) / 100


def _text(minor: int) -> Decimal:
    return Decimal(minor) / 100


def _again(invoice: Invoice) -> Invoice:
    found = Invoice.objects.filter(pk=invoice.pk).first()
    if found is None:
        raise NotFound("The draft was never committed.")
    return found
