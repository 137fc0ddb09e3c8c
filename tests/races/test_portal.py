"""One link opened by two at once lets one in; one form sent twice, or cut off, charges once."""

from collections.abc import Iterable
from typing import Any

import pytest

from checkout import bundles, tasks
from checkout.actions.bundles import Chosen, begin_bundle
from checkout.actions.portal import ask_for_link
from checkout.models import Bundle, PortalSession
from invoicing.models import Merchant
from payments import tasks as payment_tasks
from payments.audit import audit
from payments.models import Payment, SandboxSession
from tests.crew import Crew, Done, Job
from tests.factories import (
    given_a_customer,
    given_a_merchant,
    given_a_saved_card,
    given_an_open_invoice,
    let_pass,
)
from tests.portal import link_for
from tests.races.running import results

EMAIL = "cleo@example.com"
# Longer than any lease: what the dead process had claimed is free again.
LATER = 600


def at_once(crew: Crew, move: str, **of: Any) -> list[Done]:
    return crew.together([Job(f"tests.races.portal_moves:{move}", of)] * 2)


def given_a_link(merchant: Merchant) -> dict[str, Any]:
    path = link_for(merchant, EMAIL)
    return {"merchant_pk": merchant.pk, "secret": path.rstrip("/").rsplit("/", 1)[1]}


def test_one_link_lets_one_in(crew: Crew, transactional_db: None, rounds: Iterable[int]) -> None:
    merchant = given_a_merchant()
    given_a_customer(merchant)
    for number in rounds:
        ends = results(at_once(crew, "open_link", **given_a_link(merchant)))
        assert sorted(ends) == ["in", "shut"]
        assert PortalSession.objects.count() == number + 1


@pytest.mark.tampers
def test_without_the_lock_only_the_constraint_keeps_the_second_out(
    crew: Crew, transactional_db: None
) -> None:
    merchant = given_a_merchant()
    given_a_customer(merchant)
    done = at_once(crew, "open_link", **given_a_link(merchant), guarded=False)
    assert sorted(one.error.split(":")[0] for one in done) == ["", "IntegrityError"]
    assert PortalSession.objects.count() == 1


def given_a_bundle(merchant: Merchant, count: int = 2) -> Bundle:
    cleo = given_a_customer(merchant)
    card = given_a_saved_card(cleo)
    chosen = [
        Chosen(given_an_open_invoice(merchant, "10.00", customer_id=cleo.public_id), 1000, card)
        for _ in range(count)
    ]
    return begin_bundle(merchant, EMAIL, f"token{merchant.pk:020}", chosen)


def test_one_form_sent_twice_charges_once(crew: Crew, transactional_db: None) -> None:
    merchant = given_a_merchant()
    bundle = given_a_bundle(merchant)
    results(at_once(crew, "pay", bundle_pk=bundle.pk))
    bundles.pay(bundle)
    payment_tasks.apply_notices()
    assert [row.status for row in merchant.invoices.all()] == ["paid", "paid"]
    assert Payment.objects.count() == 2
    assert SandboxSession.objects.count() == 2
    assert audit() == []


@pytest.mark.parametrize(
    "failpoint",
    [
        "begin_charge_of:before_commit",
        "charge:after_begin",
        "charge:after_provider",
        "bundle:after_charge",
        "record_part:before_commit",
        "record_part:after_commit",
    ],
)
def test_what_was_cut_off_is_taken_up_and_charged_once(
    crew: Crew, transactional_db: None, failpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    merchant = given_a_merchant()
    bundle = given_a_bundle(merchant)
    of = {"bundle_pk": bundle.pk}
    job = Job("tests.races.portal_moves:pay_and_die", of, failpoint=failpoint)
    assert crew.run(job).killed
    again = Job("tests.races.portal_moves:pay_and_die", of, ahead_seconds=LATER)
    assert results([crew.run(again)]) == [None]
    let_pass(merchant, "PT10M")
    payment_tasks.apply_notices()
    payment_tasks.look_at_payments()
    standing = bundles.standing_of(merchant, EMAIL, bundle.public_id)
    assert standing
    assert [part.standing for part in standing.parts] == ["paid", "paid"]
    assert Payment.objects.filter(status="succeeded").count() == 2
    assert SandboxSession.objects.filter(status="succeeded").count() == 2
    assert audit() == []
    ask_for_link(merchant, EMAIL, "")
    assert tasks.send_portal_links() == 1
