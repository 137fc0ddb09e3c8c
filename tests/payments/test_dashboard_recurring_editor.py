"""A schedule written by hand: by an amount or by lines, and exactly what was written is billed."""

from typing import Any

import pytest

from invoicing.models import Customer, Invoice, Merchant
from payments.models import RecurringCharge
from payments.recurring_flow import start
from payments.recurring_inputs import RecurringInput
from tests.factories import again, given_a_customer, given_a_saved_card
from tests.fixtures import WallClock
from tests.fixtures_dashboard import Browser, form_of, text_of

pytestmark = pytest.mark.django_db(transaction=True)

# Two seats at 8.25 % tax, and a fee: 30 + 2.48 + 5 = 37.48.
LINES = {
    "line-0-description": "Seat",
    "line-0-quantity": "2",
    "line-0-unit_price": "15",
    "line-0-tax_0_rate": "8.25",
    "line-1-description": "Hosting",
    "line-1-quantity": "1",
    "line-1-unit_price": "5",
}


@pytest.fixture
def cleo(clock: WallClock, test_merchant: Merchant) -> Customer:
    customer = given_a_customer(test_merchant)
    given_a_saved_card(customer)
    return customer


def begun(customer: Customer, **wanted: Any) -> RecurringCharge:
    """A monthly schedule that the API began."""
    about = {"customer_id": customer.public_id, "interval": "monthly", **wanted}
    return start(customer.merchant, RecurringInput.model_validate(about))


def new_of(customer: Customer) -> str:
    return f"customers/{customer.public_id}/recurring/new/"


def edit_of(row: RecurringCharge) -> str:
    return f"recurring/{row.public_id}/edit/"


def billed(row: RecurringCharge) -> tuple[int, list[tuple[str, str, str, list[str]]]]:
    """What a period comes to, and its lines."""
    row = again(row)
    lines = [
        (
            line["description"],
            str(line["quantity"]),
            str(line["unit_price"]),
            [tax["rate"] for tax in line.get("taxes") or []],
        )
        for line in row.template["line_items"]
    ]
    return row.amount, lines


def test_lines_with_quantities_and_taxes_are_billed(ada_browser: Browser, cleo: Customer) -> None:
    path = new_of(cleo)
    form = ada_browser.form(path)
    data = form.data(**LINES, description="Studio plan", discount_value="10")
    assert ada_browser.post(path, data).status_code == 302
    row = RecurringCharge.objects.get()
    amount, lines = billed(row)
    assert lines == [("Seat", "2", "15", ["8.25"]), ("Hosting", "1", "5", [])]
    # 35 less a tenth is 31.50, of which 27 are taxed.
    assert (row.description, amount) == ("Studio plan", 3373)
    assert Invoice.objects.get().total == 3373
    assert "It has begun: $33.73 is paid." in text_of(
        ada_browser.get(f"recurring/{row.public_id}/")
    )


def test_an_amount_and_lines_are_one_or_the_other(ada_browser: Browser, cleo: Customer) -> None:
    path = new_of(cleo)
    form = ada_browser.form(path)
    said = text_of(ada_browser.post(path, form.data()))
    assert "For what : Say what it is for." in said
    assert "Amount of a period : Say what it costs: an amount, or lines." in said
    said = text_of(ada_browser.post(path, form.data(**LINES, amount="5", description=" ")))
    assert "For what : Say what it is for." in said
    assert "Give either an amount or lines, and leave the other out." in said
    assert "line_items" not in said
    data = form.data(**{**LINES, "line-1-unit_price": "x"}, description="Plan")
    answer = ada_browser.post(path, data)
    assert answer.status_code == 422
    assert "Line 2, Unit price : Must be a plain decimal number" in text_of(answer)
    assert not RecurringCharge.objects.exists()


def test_an_end_before_the_first_period_is_said_in_words(
    ada_browser: Browser, cleo: Customer
) -> None:
    path = new_of(cleo)
    data = ada_browser.form(path).data(amount="5", description="Box", end_at="2026-01-01")
    assert "Must be later than Mar 2, 2026, 12:00 PM, when the first period begins." in text_of(
        ada_browser.post(path, data)
    ).replace("\u202f", " ")


def test_what_comes_first_is_shown_before_it_is_charged(
    ada_browser: Browser, cleo: Customer
) -> None:
    path = new_of(cleo)
    form = ada_browser.form(path)
    data = form.data(amount="31.00", anchor="2026-04-01", proration="prorate", do="totals")
    answer = ada_browser.post(path, data)
    assert answer.status_code == 200
    said = text_of(answer).replace("\u202f", " ")
    assert "First invoice Subtotal $29.50 Total $29.50 Mar 2, 2026 – Mar 31, 2026" in said
    assert (
        "a part of a period It is charged at once. After that $31.00, from Apr 1, 2026 · Monthly"
        in said
    )
    assert "Say what it is for" not in said
    # With script only what comes is sent, and the amounts of the lines.
    part = ada_browser.post(path, {**data, "start_at": "2026-03-10"}, HX_Request="true")
    said = text_of(part).replace("\u202f", " ")
    assert said.startswith("First invoice Subtotal $22.00")
    assert "It is charged on Mar 10, 2026, 12:00 AM." in said
    said = text_of(ada_browser.post(path, {**data, "end_at": "2026-03-20"}))
    assert "There is no second one: it ends before." in said
    assert not RecurringCharge.objects.exists()
    del data["do"]
    ada_browser.post(path, {**data, "description": "Club"})
    assert Invoice.objects.get().total == 2950


@pytest.mark.parametrize(
    "typed",
    [
        {"start_at": "9999-12-20"},
        {"anchor": "9999-12-20"},
        {"anchor": "9999-12-20", "proration": "prorate"},
        {"anchor": "0001-01-01"},
        {"end_at": "9999-12-31"},
        {"interval": "yearly", "interval_count": "6"},
        {"interval": "hourly"},
        {"interval_count": "x"},
        {"currency": "XXX"},
        {"amount": "99999999999999999999"},
        {"amount": "0"},
        {"amount": "", "discount_value": "x"},
        {**LINES, "line-0-quantity": "-1"},
        {**LINES, "line-0-description": "", "amount": ""},
    ],
    ids=str,
)
def test_whatever_is_typed_can_be_previewed(
    typed: dict[str, str], ada_browser: Browser, cleo: Customer
) -> None:
    path = new_of(cleo)
    data = ada_browser.form(path).data(**{"amount": "5", **typed})
    assert ada_browser.post(path, {**data, "do": "totals"}).status_code == 200
    part = ada_browser.post(path, {**data, "do": "totals"}, HX_Request="true")
    assert part.status_code == 200


def test_lines_come_and_go_without_script(ada_browser: Browser, cleo: Customer) -> None:
    path = new_of(cleo)
    form = ada_browser.form(path)
    answer = ada_browser.post(path, form.data(**LINES, do="add_line"))
    shown = form_of(answer)
    assert (answer.status_code, shown["line-2-quantity"]) == (200, "1")
    shown = form_of(ada_browser.post(path, shown.data(do="remove-0")))
    assert shown["line-1-description"] == "Hosting"
    assert "line-0-description" not in dict(shown.values)
    assert shown["amount"] == ""


def test_saving_a_change_unchanged_changes_nothing(ada_browser: Browser, cleo: Customer) -> None:
    rows = [
        begun(cleo, amount="12.50", description="Plain"),
        begun(cleo, amount="100.00", description="Taxed", tax_rate="10"),
        begun(cleo, amount="100.00", description="Off", discount={"percent": "12.5"}),
        begun(
            cleo,
            description="Lines",
            line_items=[
                {"description": "A\nand B", "quantity": "1.5", "unit_price": "9.995"},
                {
                    "description": "C",
                    "unit_price": "20",
                    "discount": {"amount": "5"},
                    "tax_behavior": "exclusive",
                    "taxes": [
                        {"rate": "7", "name": "State"},
                        {"rate": "1.5", "name": "City", "category": "Z"},
                    ],
                },
            ],
            taxes=[{"rate": "19", "name": "VAT"}],
            tax_behavior="inclusive",
        ),
    ]
    for row in rows:
        before = again(row)
        form = ada_browser.form(edit_of(row))
        assert ada_browser.post(edit_of(row), form.data(do="save")).status_code == 302
        assert again(row).template == before.template, row.description
        assert again(row).amount == before.amount


def test_what_is_taxed_is_changed_by_its_lines(ada_browser: Browser, cleo: Customer) -> None:
    row = begun(cleo, amount="100.00", description="Taxed", tax_rate="10")
    assert row.amount == 11000
    form = ada_browser.form(edit_of(row))
    # What is billed is a line before tax; the amount with tax in it is not offered as one without.
    assert form["amount"] == ""
    assert (form["line-0-unit_price"], form["line-0-tax_0_rate"]) == ("100", "10")
    said = text_of(ada_browser.get(edit_of(row)))
    assert "A whole period Subtotal $100.00 Tax 10% $10.00 Total $110.00" in said
    sent = {"line-0-unit_price": "120"}
    ada_browser.post(edit_of(row), form.data(**sent))
    assert billed(row) == (13200, [("Taxed", "1", "120", ["10"])])
    # An amount instead of the lines is what is billed, to the cent.
    form = ada_browser.form(edit_of(row))
    ada_browser.post(edit_of(row), {**form.data(do="remove-0")})
    cleared = {name: None for name, _value in form.values if name.startswith("line-")}
    ada_browser.post(edit_of(row), form.data(**cleared, amount="99.00"))
    assert billed(row) == (9900, [("Taxed", "1", "99.00", [])])
    assert again(row).template.get("tax_rate") is None


def test_a_discount_stands_beside_what_it_is_taken_off(
    ada_browser: Browser, cleo: Customer
) -> None:
    row = begun(cleo, amount="100.00", description="Off", discount={"percent": "10"})
    form = ada_browser.form(edit_of(row))
    assert (form["amount"], form["line-0-unit_price"]) == ("", "100")
    assert (form["discount_value"], form["discount_kind"]) == ("10", "percent")
    ada_browser.post(edit_of(row), form.data(discount_value=""))
    assert again(row).amount == 10000
    form = ada_browser.form(edit_of(row))
    assert form["amount"] == "100.00"
    ada_browser.post(edit_of(row), form.data(discount_value="20", discount_kind="amount"))
    assert again(row).amount == 8000


def test_another_name_stands_on_the_invoice_too(ada_browser: Browser, cleo: Customer) -> None:
    row = begun(cleo, amount="12.50", description="Box")
    answer = ada_browser.post(edit_of(row), ada_browser.form(edit_of(row)).data(description=""))
    assert answer.status_code == 422
    assert "For what : Say what it is for." in text_of(answer)
    assert again(row).description == "Box"
    ada_browser.post(edit_of(row), ada_browser.form(edit_of(row)).data(description="Big box"))
    assert again(row).description == "Big box"
    assert billed(row) == (1250, [("Big box", "1", "12.50", [])])


def test_what_costs_nothing_is_refused_beside_its_amount(
    ada_browser: Browser, cleo: Customer
) -> None:
    path = new_of(cleo)
    data = ada_browser.form(path).data(amount="10", description="Box", discount_value="100")
    said = text_of(ada_browser.post(path, data))
    assert "Amount of a period : Must add up to more than nothing." in said
    data = ada_browser.form(path).data(amount="10.005", description="Box")
    answer = ada_browser.post(path, data)
    assert answer.status_code == 422
    assert "Amount of a period : " in text_of(answer)


def test_a_customer_is_chosen_first(ada_browser: Browser, cleo: Customer) -> None:
    listed = text_of(ada_browser.get("recurring/"))
    assert "New recurring charge" in listed
    page = ada_browser.get("recurring/new/")
    assert f'value="{cleo.public_id}"' in page.content.decode()
    assert "Choose a customer" in text_of(page)
    missing = ada_browser.get("recurring/new/?customer_search=&customer_id=")
    assert "Choose whom to bill." in text_of(missing)
    # Without script: found first, and chosen where only one is meant.
    found = ada_browser.get("recurring/new/?customer_search=cleo&customer_id=&do=find")
    assert f'<option value="{cleo.public_id}" selected>' in found.content.decode()
    assert "No customer matches." in text_of(
        ada_browser.get("recurring/new/?customer_search=nobody&customer_id=&do=find")
    )
    chosen = ada_browser.get(f"recurring/new/?customer_search=&customer_id={cleo.public_id}")
    assert (chosen.status_code, chosen.url) == (302, f"/dashboard/{new_of(cleo)}")
    options = ada_browser.get("invoices/customer-options/?required=1").content.decode()
    assert '<option value="" selected>Choose a customer' in options
