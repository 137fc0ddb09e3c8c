"""Disputes of unmatched money from before they had rows of their own: migration 0009."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from invoicing import clock
from invoicing.models import Merchant
from payments import ledger
from payments.actions import disputes
from payments.audit import audit
from payments.ledger import Kind, Posting
from payments.models import Dispute, LedgerAccount
from payments.rails.rail import DisputeOutcome
from payments.wallets import default_wallet
from tests.factories import again

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.same_everywhere]


@contextmanager
def the_time_before() -> Iterator[Any]:
    """The database as it was before disputes of deposits had rows; brought up to date after."""
    executor = MigrationExecutor(connection)
    latest, before = executor.loader.graph.leaf_nodes(), [("payments", "0008_recurring")]
    executor.migrate(before)
    try:
        yield executor.loader.project_state(before).apps.get_model("payments", "Deposit").objects
    finally:
        MigrationExecutor(connection).migrate(latest)


def booked_before(merchant: Merchant, name: str, taken: int, fee: int) -> None:
    """As it was booked then: what was held back left for clearing at once."""
    clearing = ledger.instance_account(Kind.CLEARING, "card", merchant, "USD")
    fees = ledger.instance_account(Kind.PROVIDER_FEES, "card", merchant, "USD")
    unmatched = ledger.merchant_account(merchant, Kind.UNMATCHED, "USD")
    with transaction.atomic():
        wallet = default_wallet(merchant, "USD")
        ledger.post(f"deposit:{name}", "deposit", merchant, [Posting(clearing, unmatched, 7000)])
        moved = [Posting(unmatched, clearing, taken), *ledger.drawn(wallet, fee, fees)]
        ledger.post(f"disputed:{name}:1", "deposit_disputed", merchant, moved)


def test_disputes_that_had_no_rows_are_taken_over(test_merchant: Merchant) -> None:
    at = clock.now(test_merchant)
    with the_time_before() as old:
        for number, status, taken, fee in (
            (1, "disputed", 7000, 1500),
            (2, "lost", 7000, 1500),
            (3, "unmatched", 0, 0),
        ):
            name = f"dep_{number:024}"
            old.create(
                merchant_id=test_merchant.pk,
                public_id=name,
                rail="card",
                provider_reference=f"pi_{number}",
                currency="USD",
                amount=7000,
                amount_withdrawn=taken,
                dispute_reference=f"du_{number}",
                dispute_fee=fee,
                status=status,
                reason="another_amount",
                created_at=at,
                updated_at=at,
                resolved_at=at if status == "lost" else None,
            )
            booked_before(test_merchant, name, taken, fee)
    rows = Dispute.objects.order_by("provider_reference")
    said = ("public_id", "deposit__public_id", "status", "withdrawn", "reversed", "of_unmatched")
    assert list(rows.values_list(*said, "fee")) == [
        (f"dis_{1:024}", f"dep_{1:024}", "inquiry", 7000, 7000, 7000, 1500),
        (f"dis_{2:024}", f"dep_{2:024}", "lost", 7000, 7000, 7000, 1500),
        (f"dis_{3:024}", f"dep_{3:024}", "inquiry", 0, 0, 0, 0),
    ]
    assert [row.next_look_at is None for row in rows] == [False, True, False]
    assert [row.closed_at is None for row in rows] == [True, False, True]
    assert audit() == []
    # The next look lets the books say what the provider does.
    taken_now = DisputeOutcome(
        reference="du_1",
        money_reference="pi_1",
        status="needs_response",
        reason="fraudulent",
        amount=7000,
        withdrawn=7000,
        fee=1500,
        evidence_due_at=None,
        submitted=False,
        opened_at=at,
    )
    disputes.apply_deposit_dispute(rows[0].deposit_id or 0, taken_now)
    assert (again(rows[0]).status, again(rows[0]).reversed) == ("needs_response", 0)
    accounts = LedgerAccount.objects.filter(kind__in=["disputed", "unmatched"])
    assert list(accounts.order_by("kind").values_list("kind", "balance")) == [
        ("disputed", 7000),
        ("unmatched", 7000),
    ]
    assert audit() == []
