"""Drafting and issuing in one go: both happen, or neither."""

from collections.abc import Iterator

import pytest

from invoicing import failpoints
from invoicing.actions.invoices import issue_invoice
from invoicing.errors import NotFound, ValidationFailed
from invoicing.inputs import InvoiceInput, read
from invoicing.models import Event, Invoice, Merchant
from tests.factories import again, told

ASKED = {"currency": "USD", "line_items": [{"description": "Work", "unit_price": "25.00"}]}


class Crash(BaseException):
    """The process dies here: nothing that handles errors gets to see it."""


@pytest.fixture
def dies_before_the_commit() -> Iterator[None]:
    def die() -> None:
        raise Crash

    failpoints.hooks["issue_invoice:before_commit"] = die
    yield
    failpoints.hooks.clear()


def test_it_has_its_number_and_both_are_told(test_merchant: Merchant) -> None:
    invoice = issue_invoice(test_merchant, read(InvoiceInput, ASKED))
    kept = again(invoice)
    assert (kept.status, kept.number, kept.amount_due) == ("open", "TEST-0001", 2500)
    assert told(kept) == ["invoice.created", "invoice.finalized"]


def test_nothing_to_pay_is_paid_at_once(test_merchant: Merchant) -> None:
    free = {"line_items": [{"description": "A gift", "unit_price": "0"}]}
    invoice = issue_invoice(test_merchant, read(InvoiceInput, free))
    assert told(invoice) == ["invoice.created", "invoice.finalized", "invoice.paid"]


@pytest.mark.usefixtures("dies_before_the_commit")
def test_no_draft_is_left_of_one_that_died_between(test_merchant: Merchant) -> None:
    with pytest.raises(Crash):
        issue_invoice(test_merchant, read(InvoiceInput, ASKED))
    assert not Invoice.objects.exists()
    assert not Event.objects.exists()
    failpoints.hooks.clear()
    assert issue_invoice(test_merchant, read(InvoiceInput, ASKED)).number == "TEST-0001"


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"customer_id": "cus_nobody"}, NotFound),
        ({"wallet_id": "wal_nowhere"}, NotFound),
        ({"expires_at": "2001-01-01"}, ValidationFailed),
    ],
)
@pytest.mark.same_everywhere
def test_what_a_draft_refuses_it_refuses(
    test_merchant: Merchant, more: dict[str, str], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        issue_invoice(test_merchant, read(InvoiceInput, {**ASKED, **more}))
    assert not Invoice.objects.exists()
