"""Customers, the team and opening an account, in the dashboard."""

import re
from datetime import timedelta
from typing import Any

import pytest

from invoicing.actions.customers import update_customer
from invoicing.inputs import CustomerChanges, read
from invoicing.models import (
    Account,
    Customer,
    Invitation,
    Invoice,
    Membership,
    Merchant,
    Message,
    NumberSeries,
    User,
)
from tests import factories
from tests.fixtures_dashboard import Browser, form_of, text_of

# Customers


def test_a_customer_is_put_on_file_once(ada_browser: Browser, test_merchant: Merchant) -> None:
    data = ada_browser.form("customers/new/").data(
        name="Cleo GmbH",
        email="cleo@example.com",
        phone="+49 40 123",
        address_line1="Speicherstr. 1",
        address_line2="c/o Dora",
        postal_code="20457",
        address_city="Hamburg",
        address_state="HH",
        address_country="DE",
        tax_exempt="reverse",
        currency="EUR",
        language="de",
        tax_id_0_type="eu_vat",
        tax_id_0_value="DE811234567",
    )
    first, second = (ada_browser.post("customers/new/", data) for _ in range(2))
    customer = Customer.objects.get(merchant=test_merchant)
    assert first.url == second.url == f"/dashboard/customers/{customer.public_id}/"
    assert customer.address == {
        "line1": "Speicherstr. 1",
        "line2": "c/o Dora",
        "city": "Hamburg",
        "state": "HH",
        "postal_code": "20457",
        "country": "DE",
    }
    assert customer.tax_ids == [{"type": "eu_vat", "value": "DE811234567"}]
    assert (customer.tax_exempt, customer.currency, customer.language) == ("reverse", "EUR", "de")
    page = text_of(ada_browser.get(first.url))
    assert "20457 Hamburg" in page and "DE811234567" in page


def test_opening_and_saving_a_customer_changes_nothing(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    tax_ids = [{"type": f"kind_{n}", "value": f"V{n}"} for n in range(10)]
    customer = factories.given_a_customer(
        test_merchant,
        address={"line1": "1 Way", "country": "US"},
        tax_ids=tax_ids,
        language="pt-br",
        metadata={"deep": {"x": [1, None]}},
    )
    assert ada_browser.submit(f"customers/{customer.public_id}/edit/").status_code == 302
    after = factories.again(customer)
    fields = ("name", "email", "address", "tax_ids", "language", "currency", "metadata")
    assert [getattr(after, name) for name in fields] == [getattr(customer, n) for n in fields]


def test_a_tax_id_is_taken_away_by_emptying_it(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    customer = factories.given_a_customer(
        test_merchant,
        tax_ids=[{"type": "eu_vat", "value": "DE1"}, {"type": "gb_vat", "value": "GB2"}],
    )
    ada_browser.submit(f"customers/{customer.public_id}/edit/", tax_id_0_value="")
    assert factories.again(customer).tax_ids == [{"type": "gb_vat", "value": "GB2"}]


def test_a_stale_edit_of_a_customer_is_refused(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    customer = factories.given_a_customer(test_merchant)
    path = f"customers/{customer.public_id}/edit/"
    data = ada_browser.form(path).data(name="Mine")
    theirs = read(CustomerChanges, {"name": "Theirs"})
    update_customer(test_merchant, customer.public_id, theirs)
    refused = ada_browser.post(path, data)
    assert refused.status_code == 422
    assert "Somebody else has changed this customer" in text_of(refused)
    assert ada_browser.post(path, form_of(refused).data()).status_code == 422
    assert factories.again(customer).name == "Theirs"
    assert ada_browser.submit(path, name="Mine").status_code == 302


WRONG_CUSTOMER = {
    "name": "",
    "email": "nobody",
    "phone": "x" * 41,
    "address_line1": "x" * 201,
    "address_line2": "x" * 201,
    "postal_code": "x" * 21,
    "address_city": "x" * 201,
    "address_state": "x" * 201,
    "address_country": "XX",
    "tax_exempt": "maybe",
    "currency": "ABC",
    "language": "english!",
    "tax_id_0_type": "Not a kind",
    "tax_id_0_value": "x" * 51,
}


def test_every_wrong_field_of_a_customer_is_named(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    response = ada_browser.submit("customers/new/", **WRONG_CUSTOMER)
    assert response.status_code == 422
    page = response.content.decode()
    for name in WRONG_CUSTOMER:
        assert f'href="#id_{name}"' in page, name
        assert f'id="id_{name}_error"' in page, name
    assert not Customer.objects.exists()


def test_customers_are_found_and_show_what_they_owe(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    cleo = factories.given_a_customer(test_merchant)
    factories.given_a_customer(test_merchant, name="Dora", email="dora@example.com")
    for currency in ("USD", "USD", "EUR"):
        factories.given_an_open_invoice(
            test_merchant, "10.00", customer_id=cleo.public_id, currency=currency
        )
    page = text_of(ada_browser.get("customers/?q=CLEO"))
    assert "Cleo Payer cleo@example.com" in page and "Dora" not in page
    assert "€10.00 , $20.00" in page
    page = text_of(ada_browser.get(f"customers/{cleo.public_id}/"))
    assert "Billed · USD $20.00 2 invoices Paid $0.00 Open $20.00" in page


def test_a_customer_who_was_never_billed_is_deleted(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    customer = factories.given_a_customer(test_merchant)
    path = f"customers/{customer.public_id}/delete/"
    assert "Nothing was ever billed here" in text_of(ada_browser.get(path))
    assert Customer.objects.filter(pk=customer.pk).exists()
    assert ada_browser.submit(path).url == "/dashboard/customers/"
    assert not Customer.objects.filter(pk=customer.pk).exists()


def test_a_customer_who_was_billed_is_archived_and_taken_back(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    customer = factories.given_a_customer(test_merchant)
    factories.given_an_open_invoice(test_merchant, customer_id=customer.public_id)
    path = f"customers/{customer.public_id}/"
    ada_browser.submit(f"{path}delete/")
    assert factories.again(customer).archived_at is not None
    text_of(ada_browser.get("customers/"))  # where it is said that she was archived
    assert "Cleo" not in text_of(ada_browser.get("customers/"))
    assert "Cleo" in text_of(ada_browser.get("customers/?archived=1"))
    assert customer.public_id not in ada_browser.get("invoices/new/").content.decode()
    ada_browser.submit(path, action="/restore/")
    assert factories.again(customer).archived_at is None


def test_an_invoice_begins_with_its_customer(ada_browser: Browser, test_merchant: Merchant) -> None:
    customer = factories.given_a_customer(test_merchant)
    form = ada_browser.form(f"invoices/new/?customer={customer.public_id}")
    assert form["customer_id"] == customer.public_id


# Opening an account

OPENING = {
    "name": "Fern & Hill",
    "country": "DE",
    "currency": "EUR",
    "timezone": "Europe/Berlin",
}


def test_a_new_person_opens_an_account_once(db: None) -> None:
    user = factories.given_a_user("New Person")
    browser = Browser(user)
    assert browser.get("").url == "/dashboard/welcome/"
    data = browser.form("welcome/").data(**OPENING)
    for _ in range(2):
        assert browser.post("welcome/", data).url == "/dashboard/"
    account = Account.objects.get(memberships__user=user)
    assert account.memberships.get().role == "owner"
    twins = {row.livemode: row for row in account.merchants.all()}
    for merchant in twins.values():
        assert (merchant.name, merchant.currency, merchant.timezone, merchant.paper) == (
            "Fern & Hill",
            "EUR",
            "Europe/Berlin",
            "A4",
        )
        assert merchant.address["country"] == "DE"
    assert NumberSeries.objects.filter(merchant__account=account).count() == 4
    page = text_of(browser.get(""))
    assert "Fern & Hill" in page and "Test mode" in page
    # The control: on purpose, a second one can be opened.
    assert browser.post("welcome/?another=1", {**data, "name": "Second"}).status_code == 302
    assert user.memberships.count() == 2
    assert "Second" in text_of(browser.get(""))


def test_another_account_is_opened_once(ada_browser: Browser, ada: User) -> None:
    # To begin with, Ada has one.
    data = ada_browser.form("welcome/?another=1").data(**{**OPENING, "name": "Second"})
    for name in ("Second", "Second", "Second, renamed"):
        response = ada_browser.post("welcome/?another=1", {**data, "name": name})
        assert response.url == "/dashboard/"
    assert [row.account.name for row in ada.memberships.order_by("pk")][1:] == ["Second"]
    # The control: another form opens another account.
    ada_browser.submit("welcome/?another=1", **{**OPENING, "name": "Third"})
    assert ada.memberships.count() == 3


def test_every_wrong_field_of_an_opening_is_named(db: None) -> None:
    browser = Browser(factories.given_a_user("New Person"))
    wrong = {"name": "", "country": "XX", "currency": "ABC", "timezone": "Mars/Olympus"}
    response = browser.submit("welcome/", **wrong)
    assert response.status_code == 422
    for name in wrong:
        assert f'id="id_{name}_error"' in response.content.decode(), name
    assert not Account.objects.exists()


# The team


@pytest.fixture(autouse=True)
def _mail_is_queued(settings: Any) -> None:
    """The mailer of real life, which the test runner had replaced."""
    settings.EMAIL_BACKEND = "invoicing.mail.QueueBackend"


def invitation_link(to: str) -> str:
    """The link in the mail."""
    found = re.search(r"/dashboard/team/join/\w+/", Message.objects.get(to=to).text)
    assert found
    return found[0]


def test_somebody_is_invited_and_joins(ada_browser: Browser, ada_account: Account) -> None:
    form = ada_browser.form("team/", action="/invite/")
    data = form.data(email="dora@example.com", role="accountant")
    for _ in range(2):
        assert ada_browser.post(form.action, data).url == "/dashboard/team/"
    assert "dora@example.com" in text_of(ada_browser.get("team/"))
    link = invitation_link("dora@example.com")
    assert Browser(None).get(link).url.startswith("/accounts/login/?next=")
    dora = Browser(User.objects.create_user("dora@example.com"))
    assert "You are invited to Ada's Engines" in text_of(dora.get("welcome/"))
    page = dora.get(link)
    assert "Ada Lovelace has invited you as Accountant" in text_of(page)
    assert not Membership.objects.filter(user=dora.user).exists()
    assert dora.post(link, form_of(page).data()).url == "/dashboard/"
    assert Membership.objects.get(user=dora.user).role == "accountant"
    assert "Ada's Engines" in text_of(dora.get(""))
    # The link is used up.
    assert dora.get(link).status_code == 404


def test_an_invitation_is_only_for_its_address_and_its_week(
    ada_browser: Browser, ada_account: Account, ben: User, clock: Any
) -> None:
    ada_browser.submit("team/", action="/invite/", email="dora@example.com", role="admin")
    link = invitation_link("dora@example.com")
    for response in (Browser(ben).get(link), Browser(ben).post(link)):
        assert response.status_code == 404
        assert "Ada" not in text_of(response)
    dora = Browser(User.objects.create_user("dora@example.com"))
    assert dora.get(link).status_code == 200
    clock.at += timedelta(days=8)
    for response in (dora.get(link), dora.post(link)):
        assert response.status_code == 404
    assert Membership.objects.count() == 1


def test_a_withdrawn_invitation_opens_nothing(ada_browser: Browser, ada_account: Account) -> None:
    ada_browser.submit("team/", action="/invite/", email="dora@example.com", role="admin")
    link = invitation_link("dora@example.com")
    ada_browser.submit("team/", action="/withdraw/")
    assert not Invitation.objects.exists()
    assert Browser(User.objects.create_user("dora@example.com")).get(link).status_code == 404


def test_who_is_in_the_team_is_not_invited_again(ada_browser: Browser, ada: User) -> None:
    response = ada_browser.submit("team/", action="/invite/", email=ada.email, role="viewer")
    assert response.status_code == 422
    assert "already in the team" in text_of(response)


def test_wrong_invitations_are_refused(ada_browser: Browser) -> None:
    response = ada_browser.submit("team/", action="/invite/", email="nobody", role="king")
    assert response.status_code == 422
    for name in ("email", "role"):
        assert f'id="id_{name}_error"' in response.content.decode()
    assert not Invitation.objects.exists()


def test_roles_change_and_people_leave(
    ada_browser: Browser, ada: User, ada_account: Account
) -> None:
    dora = factories.given_a_user("Dora")
    member = Membership.objects.create(
        account=ada_account, user=dora, role="viewer", created_at=ada_account.created_at
    )
    ada_browser.post(f"team/{member.pk}/role/", {"role": "admin"})
    assert factories.again(member).role == "admin"
    assert Browser(dora).get("settings/").status_code == 200
    ada_browser.post(f"team/{member.pk}/role/", {"role": "emperor"})
    assert factories.again(member).role == "admin"
    Browser(dora).post("team/leave/")
    assert not Membership.objects.filter(user=dora).exists()


def test_the_last_owner_stays(ada_browser: Browser, ada: User, ada_account: Account) -> None:
    member = Membership.objects.get(user=ada)
    for path, data in (
        (f"team/{member.pk}/role/", {"role": "viewer"}),
        (f"team/{member.pk}/remove/", {}),
        ("team/leave/", {}),
    ):
        response = ada_browser.post(path, data)
        assert "An account needs an owner" in text_of(ada_browser.get(response.url))
    assert factories.again(member).role == "owner"


def test_a_viewer_sees_and_is_offered_nothing_to_change(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    invoice = factories.given_a_draft(test_merchant)
    dora = factories.given_a_user("Dora")
    Membership.objects.create(
        account=test_merchant.account, user=dora, role="viewer", created_at=invoice.created_at
    )
    browser = Browser(dora, test_merchant)
    for path in (
        "",
        "invoices/",
        f"invoices/{invoice.public_id}/",
        "customers/",
        "team/",
        "api-keys/",
        "webhooks/",
        "wallets/",
    ):
        page = browser.get(path)
        assert page.status_code == 200
        main = page.content.decode().split("<main", 1)[1]
        assert (
            'method="post"'
            not in main.replace("/team/leave/", "").replace(
                '<form method="post" action="/dashboard">', ""
            )
            or path == "team/"
        ), path
        assert "/new/" not in main, path
    assert Invoice.objects.get(pk=invoice.pk).status == "draft"
