"""Numbers: 1, 2, 3 … per merchant, printed as the merchant likes, without a gap."""

import pytest
from django.db import IntegrityError, connection, transaction

from invoicing import numbering
from invoicing.actions import invoices, merchants
from invoicing.actions.action import action
from invoicing.inputs import NumberingInput
from invoicing.models import Invoice, Merchant, NumberSeries
from tests.factories import again, given_a_draft, given_a_merchant, given_an_open_invoice


def numbers(merchant: Merchant) -> list[str | None]:
    rows = Invoice.objects.filter(merchant=merchant).exclude(number=None).order_by("number_value")
    return list(rows.values_list("number", flat=True))


def test_each_merchant_counts_for_itself(test_merchant: Merchant, live: Merchant) -> None:
    ben = given_a_merchant(livemode=True, name="Ben & Sons")
    for merchant in (live, test_merchant, ben, live):
        given_an_open_invoice(merchant)
    assert numbers(live) == ["INV-0001", "INV-0002"]
    assert numbers(test_merchant) == ["TEST-0001"]
    assert numbers(ben) == ["INV-0001"]


def test_drafts_have_no_number_and_void_invoices_keep_theirs(test_merchant: Merchant) -> None:
    first, draft = given_an_open_invoice(test_merchant), given_a_draft(test_merchant)
    invoices.void_invoice(test_merchant, str(first.number))
    invoices.delete_invoice(test_merchant, draft.public_id)
    given_an_open_invoice(test_merchant)
    assert numbers(test_merchant) == ["TEST-0001", "TEST-0002"]


@pytest.mark.parametrize(
    ("prefix", "padding", "number"),
    [
        ("", 1, "1"),
        ("", 6, "000001"),
        ("2026/", 3, "2026/001"),
        ("ACME-INV.NR_", 12, "ACME-INV.NR_000000000001"),
    ],
)
def test_the_merchant_chooses_prefix_and_padding(
    prefix: str, padding: int, number: str, test_merchant: Merchant
) -> None:
    merchants.set_numbering(test_merchant, NumberingInput(prefix=prefix, padding=padding))
    assert given_an_open_invoice(test_merchant).number == number


def test_a_new_prefix_goes_on_counting_and_old_numbers_stay(test_merchant: Merchant) -> None:
    given_an_open_invoice(test_merchant)
    merchants.set_numbering(test_merchant, NumberingInput(prefix="B-", padding=2))
    given_an_open_invoice(test_merchant)
    assert numbers(test_merchant) == ["TEST-0001", "B-02"]


def test_numbers_outgrow_their_padding(test_merchant: Merchant) -> None:
    series = test_merchant.number_series.get(kind="invoice")
    series.last_value, series.padding = 99, 2
    assert str(series) == "TEST-99"
    series.last_value = 100
    assert str(series) == "TEST-100"


def test_a_finalize_that_fails_gives_its_number_back(
    test_merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = given_a_draft(test_merchant)

    def fail(*_: object) -> None:
        raise RuntimeError("no event today")

    with monkeypatch.context() as patch:
        patch.setattr("invoicing.events.record", fail)
        with pytest.raises(RuntimeError):
            invoices.finalize_invoice(test_merchant, draft.public_id)
    assert again(draft).status == "draft"
    assert NumberSeries.objects.get(merchant=test_merchant, kind="invoice").last_value == 0
    assert invoices.finalize_invoice(test_merchant, draft.public_id).number == "TEST-0001"


@pytest.mark.parametrize("column", ["number", "number_value"])
def test_the_database_refuses_a_number_twice(column: str, test_merchant: Merchant) -> None:
    first, second = given_an_open_invoice(test_merchant), given_an_open_invoice(test_merchant)
    with (
        pytest.raises(IntegrityError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            f"UPDATE invoicing_invoice SET {column} = %s WHERE id = %s",
            [getattr(first, column), second.pk],
        )


@pytest.mark.tampers
def test_the_auditor_sees_a_gap(test_merchant: Merchant) -> None:
    from payments.audit import audit

    given_an_open_invoice(test_merchant)

    @action
    def lose_a_number() -> None:
        numbering.next_number(test_merchant)

    lose_a_number()
    assert [found.invariant for found in audit()] == ["I5"]
