"""What a payer finds in the portal, pays there and changes there; nothing of anybody else's."""

from typing import Any

import pytest
from django.test import Client

from checkout import portal, statements
from checkout.actions.portal import set_portal
from checkout.inputs import PortalSettingsInput
from checkout.models import Bundle, PortalSettings
from invoicing.actions.customers import create_customer
from invoicing.actions.invoices import void_invoice, write_off_invoice
from invoicing.inputs import CustomerInput, read
from invoicing.models import Customer, Event, Invoice, Merchant, Message
from payments import flows
from payments.actions.pay import mark_paid
from payments.actions.recurring import pause_recurring
from payments.inputs import MarkPaidInput, RefundInput
from payments.models import Payment
from payments.recurring_inputs import PauseInput
from tests import factories
from tests.factories import again, given_an_open_invoice
from tests.fixtures import Api, WallClock
from tests.fixtures_dashboard import Browser, form_of, text_of
from tests.fixtures_stripe import Stripe
from tests.portal import Payer, at_portal, come_in

CLEO = "cleo@example.com"


@pytest.fixture
def customer(test_merchant: Merchant) -> Customer:
    return factories.given_a_customer(test_merchant)


@pytest.fixture
def cleo(customer: Customer) -> Payer:
    return come_in(customer.merchant, CLEO)


def given_an_invoice(customer: Customer, amount: str = "100.00", **fields: Any) -> Invoice:
    return given_an_open_invoice(
        customer.merchant, amount, customer_id=customer.public_id, **fields
    )


# Invoices


def test_all_that_is_theirs_and_nothing_else(
    customer: Customer, ben_merchant: Merchant, clock: WallClock
) -> None:
    merchant = customer.merchant
    wanted = {"name": "Cleo at work", "email": CLEO.upper()}
    other_row = create_customer(merchant, read(CustomerInput, wanted))
    theirs = [
        given_an_invoice(customer, title="As customer"),
        given_an_invoice(other_row, title="At work"),
        given_an_open_invoice(merchant, title="Bare", recipient={"name": "C", "email": CLEO}),
    ]
    dora = factories.given_a_customer(merchant, name="Dora", email="dora@example.com")
    others = [
        given_an_invoice(dora, title="Dora's"),
        # A customer's invoice is theirs, whoever it was mailed to.
        given_an_invoice(dora, title="Sent to Cleo", recipient={"name": "C", "email": CLEO}),
        given_an_open_invoice(ben_merchant, title="Ben's"),
        factories.given_a_draft(merchant, title="A draft", customer_id=customer.public_id),
    ]
    page = come_in(merchant, CLEO).get()
    said = text_of(page)
    assert [row.title for row in theirs if row.title not in said] == []
    assert [row.title for row in others if row.title in said] == []
    assert [f"/i/{row.slug}" in page.content.decode() for row in theirs + others] == (
        [True] * 3 + [False] * 4
    )
    assert "Due in all $300.00" in said


def test_what_asks_comes_first_and_lists_are_searched(
    cleo: Payer, customer: Customer, clock: WallClock
) -> None:
    late = given_an_invoice(customer, title="Autumn", due_at="2026-03-10")
    paid = factories.pay(given_an_invoice(customer, title="Winter")).invoice
    void = void_invoice(cleo.merchant, given_an_invoice(customer, title="Spring").public_id)
    said = text_of(cleo.get())
    assert said.index("To pay") < said.index("Autumn") < said.index("Paid and closed")
    assert said.index("Paid and closed") < said.index("Spring") < said.index("Winter")
    clock.move(days=20)
    cleo = come_in(cleo.merchant, CLEO)
    assert "Overdue" in text_of(cleo.get())
    for query, found in {
        ("state", "open"): late,
        ("state", "paid"): paid,
        ("state", "closed"): void,
        ("q", "wint"): paid,
        ("q", str(late.number)): late,
    }.items():
        said = text_of(cleo.get("", **dict([query])))
        shown = [title for title in ("Autumn", "Winter", "Spring") if title in said]
        assert shown == [found.title], query
    assert "Nothing was found." in text_of(cleo.get("", q="nothing\x00"))


def test_pages_take_as_many_queries_for_many(
    cleo: Payer, customer: Customer, django_assert_num_queries: Any
) -> None:
    paths = ("", "methods/", "recurring/", "statement/", "details/", "summary/")
    factories.given_a_saved_card(customer)
    factories.pay(given_an_invoice(customer, "10"))
    first = given_an_invoice(customer, "10")
    factories.subscribe(customer)
    asked = {"invoice": [first.public_id]}
    taken = {path: _queries(cleo, path, asked) for path in paths}
    for amount in ("20", "30", "40"):
        factories.pay(given_an_invoice(customer, amount))
        given_an_invoice(customer, amount)
    factories.subscribe(customer)
    everything = {
        "invoice": [row.public_id for row in cleo.merchant.invoices.filter(status="open")]
    }
    assert {path: _queries(cleo, path, everything) for path in paths} == taken
    assert max(taken.values()) <= 14


def _queries(cleo: Payer, path: str, query: dict[str, Any]) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        assert cleo.get(path, **(query if path == "summary/" else {})).status_code == 200
    return len(asked)


# Paying several at once


def agree(cleo: Payer, invoices: list[Invoice], **changes: Any) -> Any:
    """Choose these, look at the summary, and agree to it."""
    query = {"invoice": [row.public_id for row in invoices]}
    form = cleo.form("summary/", "pay/", **query)
    return cleo.client.post(form.action, form.data(**changes))


def test_several_are_charged_once_each(cleo: Payer, customer: Customer) -> None:
    factories.given_a_saved_card(customer)
    invoices = [given_an_invoice(customer, amount) for amount in ("10", "20")]
    euros = given_an_invoice(customer, "30", currency="EUR")
    query = {"invoice": [row.public_id for row in (*invoices, euros)]}
    said = text_of(cleo.get("summary/", **query))
    assert "Total €30.00 Total $30.00" in said
    assert "Visa ending in 4242" in said
    assert not Payment.objects.exists()
    form = cleo.form("summary/", "pay/", **query)
    first = cleo.client.post(form.action, form.data())
    second = cleo.client.post(form.action, form.data())
    assert (first.status_code, first["Location"]) == (303, second["Location"])
    assert Payment.objects.count() == 3
    assert {row.status for row in Invoice.objects.all()} == {"paid"}
    report = text_of(cleo.client.get(first["Location"]))
    assert report.count("Paid, thank you") == 3
    started = Event.objects.filter(type="invoice.payment_started")
    assert {(row.actor_kind, row.actor_name) for row in started} == {("payer", CLEO)}
    # The same again by another form finds nothing that is due.
    assert cleo.get("summary/", **query)["Location"] == at_portal(cleo.merchant)


def test_each_is_told_by_itself(cleo: Payer, customer: Customer) -> None:
    card = factories.given_a_saved_card(customer, factories.FIRST_TWO_DECLINED)
    invoices = [given_an_invoice(customer, amount) for amount in ("10", "20", "30")]
    report = text_of(cleo.client.get(agree(cleo, invoices)["Location"]))
    assert card.status == "active"
    assert [row.status for row in Invoice.objects.order_by("pk")] == ["open", "open", "paid"]
    assert report.count("The card has insufficient funds. Nothing was taken") == 2
    assert report.count("Paid, thank you") == 1
    # The same form again tries nothing again; a new one does.
    form = cleo.form("summary/", "pay/", invoice=[invoices[0].public_id])
    for _ in range(2):
        cleo.client.post(form.action, form.data())
        assert Payment.objects.count() == 4


def test_what_was_seen_is_what_is_agreed_to(cleo: Payer, customer: Customer) -> None:
    factories.given_a_saved_card(customer)
    invoice = given_an_invoice(customer, "10", allow_partial=True)
    form = cleo.form("summary/", "pay/", invoice=[invoice.public_id])
    factories.pay(invoice, amount=400)
    refused = cleo.client.post(form.action, form.data())
    assert refused.status_code == 409
    assert "Something has changed" in text_of(refused)
    assert not Bundle.objects.exists()
    assert cleo.client.post(form.action, form.data(token="short")).status_code == 409


def test_without_a_method_one_after_the_other(cleo: Payer, customer: Customer) -> None:
    invoices = [given_an_invoice(customer, amount) for amount in ("10", "20", "30")]
    where = agree(cleo, invoices)["Location"]
    assert "1 of 3" in text_of(cleo.client.get(where))
    for place, invoice in enumerate(invoices, start=1):
        assert f"Pay invoice {invoice.number}" in text_of(cleo.client.get(where))
        assert f"You are paying several invoices: {place} of 3." in text_of(cleo.get())
        factories.pay(invoice)
    assert "All of them are dealt with" in text_of(cleo.client.get(where))
    assert "You are paying several" not in text_of(cleo.get())


def test_bundles_are_nobody_elses(cleo: Payer, customer: Customer) -> None:
    mine = given_an_invoice(customer)
    dora = factories.given_a_customer(cleo.merchant, name="Dora", email="dora@example.com")
    hers = given_an_invoice(dora)
    factories.given_a_saved_card(dora)
    said = text_of(cleo.get("summary/", invoice=[mine.public_id, hers.public_id]))
    assert str(mine.number) in said
    assert str(hers.number) not in said
    where = agree(cleo, [mine])["Location"]
    assert come_in(cleo.merchant, "dora@example.com").client.get(where).status_code == 404


# Methods


def test_methods_are_added_chosen_and_removed(cleo: Payer, customer: Customer) -> None:
    said = text_of(cleo.get("methods/"))
    assert "By saving it you allow Ada's Engines to charge it" in said
    form = cleo.form("methods/", "methods/add/")
    opened = cleo.client.post(form.action, form.data())
    assert opened["Location"].startswith("/sandbox/setup/")
    Client().post(opened["Location"], {"card": factories.VISA})
    assert cleo.get("methods/return/").status_code == 303
    first = customer.payment_methods.get()
    second = factories.given_a_saved_card(customer, factories.MASTERCARD)
    factories.subscribe(customer, description="Letterpress club")
    said = text_of(cleo.get("methods/"))
    assert "Is charged for: Letterpress club" in said
    form = cleo.form("methods/", "methods/default/")
    assert form["method"] == second.public_id
    assert "charged from now on" in text_of(cleo.client.post(form.action, form.data(), follow=True))
    assert [again(one).is_default for one in (first, second)] == [False, True]
    path = f"methods/{second.public_id}/remove/"
    asked = text_of(cleo.get(path))
    assert "Mastercard ending in 4444" in asked
    assert "Letterpress club" in asked
    assert again(second).status == "active"
    assert "It is removed." in text_of(cleo.post(path, follow=True))
    assert again(second).status == "detached"


def test_a_card_is_left_with_a_real_provider(
    stripe_account: Stripe, cleo: Payer, customer: Customer
) -> None:
    page = cleo.get("methods/")
    assert "Card US bank account (ACH) Test card" in text_of(page)
    allowed = page["Content-Security-Policy"].partition("form-action ")[2].partition(";")[0]
    form = form_of(page, "methods/add/")
    opened = cleo.client.post(form.action, form.data(rail="card"))
    assert allowed == "'self' https://checkout.stripe.com"
    assert "/c/pay/cs_test_" in opened["Location"]
    setup = customer.method_setups.get()
    stripe_account.fake.control("pay", session=setup.provider_reference, card=factories.MASTERCARD)
    # Before its notice is heard, the way back asks.
    assert "Mastercard ending in 4444" in text_of(cleo.get("methods/return/", follow=True))


def test_methods_of_others_are_not_there(cleo: Payer, customer: Customer) -> None:
    dora = factories.given_a_customer(cleo.merchant, name="Dora", email="dora@example.com")
    hers = factories.given_a_saved_card(dora)
    assert "4242" not in text_of(cleo.get("methods/"))
    assert cleo.get(f"methods/{hers.public_id}/remove/").status_code == 404
    assert cleo.post("methods/default/", {"method": hers.public_id}).status_code == 404
    added = cleo.post("methods/add/", {"customer": dora.public_id, "rail": "sandbox"})
    assert added.status_code == 404
    wrong = {"customer": customer.public_id, "rail": "card-of-mine"}
    assert cleo.post("methods/add/", wrong).status_code == 502
    for _ in range(10):
        cleo.post("methods/add/", {**wrong, "rail": "sandbox"})
    assert cleo.post("methods/add/", {**wrong, "rail": "sandbox"}).status_code == 429


# What recurs


def test_what_recurs_is_shown_and_changed_where_that_is_allowed(
    cleo: Payer, customer: Customer, clock: WallClock
) -> None:
    factories.given_a_saved_card(customer)
    row = factories.subscribe(customer)
    path = f"recurring/{row.public_id}/"
    said = text_of(cleo.get("recurring/"))
    assert "Membership Every month · next on April 2, 2026" in said
    said = text_of(cleo.get(path))
    assert "March 2, 2026 – April 1, 2026" in said
    assert "To change or cancel it, write to Ada's Engines." in said
    for verb in ("pause", "resume", "cancel", "delete"):
        assert cleo.post(f"{path}{verb}/").status_code == 409
    assert again(row).status == "active"
    set_portal(cleo.merchant, PortalSettingsInput(pause_recurring=True, cancel_recurring=True))
    assert "Nothing is asked for until" in text_of(cleo.get(f"{path}pause/"))
    assert again(row).status == "active"
    assert "It is paused." in text_of(cleo.post(f"{path}pause/", follow=True))
    assert cleo.post(f"{path}pause/").status_code == 409
    assert "It goes on." in text_of(cleo.post(f"{path}resume/", follow=True))
    assert "It is cancelled." in text_of(cleo.post(f"{path}cancel/", follow=True))
    row = again(row)
    assert (row.status, row.end_at) == ("active", row.begins(2))
    told = Event.objects.filter(object_id=row.public_id).order_by("pk").last()
    assert told is not None
    assert (told.type, told.actor_kind) == ("recurring_charge.updated", "payer")
    dora = factories.given_a_customer(cleo.merchant, name="Dora", email="dora@example.com")
    factories.given_a_saved_card(dora)
    hers = factories.subscribe(dora)
    assert cleo.get(f"recurring/{hers.public_id}/").status_code == 404
    assert cleo.post(f"recurring/{hers.public_id}/pause/").status_code == 404


def test_only_what_is_allowed(cleo: Payer, customer: Customer) -> None:
    factories.given_a_saved_card(customer)
    row = factories.subscribe(customer)
    set_portal(cleo.merchant, PortalSettingsInput(cancel_recurring=True))
    assert cleo.post(f"recurring/{row.public_id}/pause/").status_code == 409
    pause_recurring(cleo.merchant, row.public_id, PauseInput())
    assert cleo.post(f"recurring/{row.public_id}/resume/").status_code == 409
    assert cleo.post(f"recurring/{row.public_id}/cancel/").status_code == 303
    assert again(row).status == "ended"


def test_the_merchant_chooses_by_dashboard_and_api(
    ada_browser: Browser, api: Api, test_merchant: Merchant
) -> None:
    off = api.get("/v1/portal").json()
    assert off == {
        "object": "portal_settings",
        "livemode": False,
        "merchant_id": test_merchant.public_id,
        "url": f"http://127.0.0.1:8000/portal/{test_merchant.public_id}/",
        "pause_recurring": False,
        "cancel_recurring": False,
    }
    ada_browser.submit("settings/portal/", pause_recurring="on")
    assert api.get("/v1/portal").json() == {**off, "pause_recurring": True}
    wanted = {"cancel_recurring": True}
    assert api.send("PUT", "/v1/portal", wanted).json() == {**off, "cancel_recurring": True}
    assert PortalSettings.objects.count() == 1


# Statements


def test_a_statement_adds_up(cleo: Payer, customer: Customer, clock: WallClock) -> None:
    merchant = cleo.merchant
    march = given_an_invoice(customer, "100", allow_partial=True)
    factories.pay(march, amount=4000)
    clock.move(days=35)
    factories.pay(given_an_invoice(customer, "50"))
    settled = Invoice.objects.get(total=5000)
    flows.refund(merchant, settled.public_id, RefundInput())
    void_invoice(merchant, given_an_invoice(customer, "7").public_id)
    write_off_invoice(merchant, given_an_invoice(customer, "8").public_id)
    euros = given_an_invoice(customer, "30", currency="EUR")
    mark_paid(merchant, euros.public_id, MarkPaidInput(method="cash"))
    payer = portal.Payer(merchant, CLEO)
    april = statements.periods(payer)["this_month"]
    euro, dollar = statements.statement_of(payer, april).accounts
    assert (euro.billed, euro.paid, euro.before, euro.after) == (3000, 3000, 0, 0)
    assert (dollar.before, dollar.billed, dollar.paid) == (6000, 6500, 5000)
    assert (dollar.credited, dollar.refunded, dollar.after) == (1500, 5000, 6000)
    assert payer.due == [("USD", 6000)]
    both = statements.statement_of(payer, statements.periods(payer)["this_year"]).accounts[1]
    assert (both.before, both.paid, both.after) == (0, 9000, 6000)
    last = statements.statement_of(payer, statements.periods(payer)["last_month"]).accounts
    assert [(one.currency, one.after) for one in last] == [("USD", 6000)]


def test_statements_are_seen_printed_and_mailed(customer: Customer, clock: WallClock) -> None:
    cleo = come_in(customer.merchant, CLEO)
    factories.pay(given_an_invoice(customer, "50"))
    query = {"from": "2026-03-01", "to": "2026-03-31"}
    said = text_of(cleo.get("statement/", **query))
    assert "Billed $50.00 Paid $50.00" in said
    assert cleo.get("statement/pdf/", **query).content.startswith(b"%PDF")
    assert "Nothing happened" in text_of(
        cleo.get("statement/", **{"from": "2026-02-01", "to": "2026-02-02"})
    )
    for wrong in ({"from": "x"}, {"from": "2026-03-02", "to": "2026-03-01"}, {"to": "2026-03-01"}):
        assert cleo.get("statement/", **wrong).status_code == 422
    for _ in range(5):
        assert cleo.post("statement/mail/", query).status_code == 303
    assert cleo.post("statement/mail/", query).status_code == 429
    mail = Message.objects.filter(kind="statement").latest("pk")
    assert (mail.to, mail.from_name) == (CLEO, "Ada's Engines")
    assert "Billed: $50.00" in mail.text


# Details


def test_details_are_changed_in_the_payers_name(cleo: Payer, customer: Customer) -> None:
    form = cleo.form("details/", "details/")
    changes = {
        "name": "Cleo Marsh",
        "address_city": "Eugene",
        "language": "fr",
        "tax_id_0_value": "DE811234567",
    }
    saved = cleo.client.post(form.action, form.data(**changes), follow=True)
    assert saved["Content-Language"] == "fr"
    row = again(customer)
    assert (row.name, row.address["city"], row.language) == ("Cleo Marsh", "Eugene", "fr")
    assert row.tax_ids == [{"type": "eu_vat", "value": "DE811234567"}]
    told = Event.objects.get(type="customer.updated")
    assert (told.actor_kind, told.actor_name, told.object_id) == ("payer", CLEO, row.public_id)
    # What was shown is older now, and would undo it.
    stale = cleo.client.post(form.action, form.data(name="Cleo Payer"))
    assert stale.status_code == 409
    assert cleo.client.post(form.action, {**form.data(), "name": ""}).status_code == 422
    dora = factories.given_a_customer(cleo.merchant, name="Dora", email="dora@example.com")
    hers = form.data(customer=dora.public_id, name="Mine")
    assert cleo.client.post(form.action, hers).status_code == 404
    assert again(dora).name == "Dora"


def test_a_bare_recipient_has_nothing_to_change(test_merchant: Merchant) -> None:
    given_an_open_invoice(test_merchant)
    cleo = come_in(test_merchant, CLEO)
    assert "has nothing on file about you" in text_of(cleo.get("details/"))
    assert "Only customers whom" in text_of(cleo.get("methods/"))
