"""The sandbox's page on which a payer leaves a card, and what is decided about one by hand."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from invoicing.models import Customer, Merchant
from payments import flows, tasks
from payments.models import MethodSetup, PaymentMethod, SandboxMethod
from payments.sandbox.cards import CARDS, SAVED_CARDS
from tests import factories
from tests.factories import DECLINED, VISA, again, charge, given_a_customer, given_a_saved_card
from tests.fixtures_dashboard import Browser, form_of, text_of

pytestmark = pytest.mark.django_db(transaction=True)

THANKS = "https://shop.example/thanks?for=17"
CONSENT = (
    "By saving this card you allow Ada's Engines to charge it for later payments, in accordance "
    "with their terms."
)


@pytest.fixture
def cleo(test_merchant: Merchant) -> Customer:
    return given_a_customer(test_merchant)


def opened(customer: Customer) -> MethodSetup:
    return flows.save_method(customer.merchant, customer.public_id, "sandbox", THANKS)


def page_of(setup: MethodSetup) -> str:
    return f"/sandbox/setup/{setup.provider_reference}"


def test_a_payer_leaves_a_card(client: Client, cleo: Customer) -> None:
    setup = opened(cleo)
    assert setup.url.endswith(page_of(setup))
    page = client.get(page_of(setup))
    assert page["Content-Language"] == "en"
    assert CONSENT in text_of(page)
    for card in (*CARDS, *SAVED_CARDS):
        assert card.spaced in text_of(page)
    sent = client.post(page_of(setup), {"number": "4242 4242 4242 4242"})
    assert (sent.status_code, sent["Location"]) == (302, page_of(setup))
    done = client.get(page_of(setup))
    assert "Your card is saved" in text_of(done)
    assert "the card ending in 4242" in text_of(done)
    assert f'href="{THANKS}"' in done.content.decode()
    tasks.apply_notices()
    assert again(setup).status == "succeeded"
    assert PaymentMethod.objects.get().customer_id == cleo.pk


def test_a_page_that_was_used_takes_no_other_card(client: Client, cleo: Customer) -> None:
    setup = opened(cleo)
    for number in (VISA, factories.MASTERCARD):
        client.post(page_of(setup), {"number": number})
    assert SandboxMethod.objects.get().card_last4 == "4242"


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (DECLINED, 402, "The card was declined. The card was not saved."),
        ("4111111111111111", 402, "This is not one of the sandbox's test cards."),
        ("4242424242424241", 422, "This card number is not right; check its digits."),
        ("", 422, "This card number is not right; check its digits."),
        ("４２４２424242424242", 422, "This card number is not right; check its digits."),
    ],
)
def test_a_card_that_is_not_saved_says_why(
    client: Client, cleo: Customer, number: str, status: int, said: str
) -> None:
    setup = opened(cleo)
    refused = client.post(page_of(setup), {"number": number})
    assert (refused.status_code, said in text_of(refused)) == (status, True)
    assert not SandboxMethod.objects.exists()
    # What was wrong is said of what was sent, and not to whoever comes back later.
    assert said not in text_of(client.get(page_of(setup)))


def test_a_page_closes_after_a_day(client: Client, cleo: Customer) -> None:
    setup = opened(cleo)
    factories.let_pass(cleo.merchant, "PT24H")
    assert "This page has closed" in text_of(client.get(page_of(setup)))
    assert "This page has closed" in text_of(client.post(page_of(setup), {"number": VISA}))
    assert not SandboxMethod.objects.exists()


def test_the_page_speaks_the_customers_language(client: Client, test_merchant: Merchant) -> None:
    setup = opened(given_a_customer(test_merchant, language="de"))
    page = client.get(page_of(setup), headers={"Accept-Language": "fr"})
    assert page["Content-Language"] == "de"
    assert "Karte für Ada's Engines speichern" in text_of(page)
    refused = client.post(page_of(setup), {"number": DECLINED})
    assert "Die Karte wurde nicht gespeichert." in text_of(refused)


def test_there_is_no_page_of_another_name(client: Client, cleo: Customer) -> None:
    opened(cleo)
    assert client.get("/sandbox/setup/sbs_000000000000000000000000").status_code == 404


def plan_of(method: PaymentMethod) -> str:
    customer = method.customer.public_id
    return f"customers/{customer}/methods/plan/?method={method.public_id}"


def test_next_charges_are_decided_by_hand(ada_browser: Browser, cleo: Customer) -> None:
    method = given_a_saved_card(cleo)
    detail = ada_browser.get(f"customers/{cleo.public_id}/").content.decode()
    assert f"/dashboard/{plan_of(method)}" in detail
    page = ada_browser.get(plan_of(method))
    assert "Nothing is decided. Whenever it is charged: Succeeds." in text_of(page)
    for step in ("insufficient_funds", "silence_nothing", "authenticate"):
        data = form_of(ada_browser.get(plan_of(method))).data(next=step)
        for _ in range(2):  # a double click decides once
            sent = ada_browser.post(plan_of(method), data)
            assert sent.url == f"/dashboard/{plan_of(method)}"
    assert SandboxMethod.objects.get().next == [
        {"outcome": "decline", "code": "insufficient_funds"},
        {"outcome": "silence", "then": "nothing"},
        {"outcome": "authenticate"},
    ]
    assert charge(cleo).failure_code == "insufficient_funds"
    page = ada_browser.get(plan_of(method))
    assert "in order: Gets no answer, and nothing was taken Asks for approval" in text_of(page)
    ada_browser.post(plan_of(method), form_of(page).data(next="clear"))
    assert SandboxMethod.objects.get().next == []


def test_what_an_api_key_decided_is_shown_too(ada_browser: Browser, cleo: Customer) -> None:
    method = given_a_saved_card(cleo)
    card = SandboxMethod.objects.get()
    card.next = [{"outcome": "decline", "code": "stolen_card"}]
    card.save()
    assert "Is declined: stolen_card" in text_of(ada_browser.get(plan_of(method)))


@pytest.mark.parametrize("step", ["", "explode"])
def test_what_is_no_choice_decides_nothing(ada_browser: Browser, cleo: Customer, step: str) -> None:
    method = given_a_saved_card(cleo)
    answer = ada_browser.post(plan_of(method), {"next": step})
    assert "Choose what its next charge comes to." in text_of(answer)
    assert SandboxMethod.objects.get().next == []


def test_a_real_providers_card_has_no_such_page(
    ada_browser: Browser, cleo: Customer, stripe_account: Any
) -> None:
    method = stripe_account.given_a_method(cleo)
    assert "Next charges" not in text_of(ada_browser.get(f"customers/{cleo.public_id}/"))
    sent = ada_browser.get(plan_of(method))
    assert (sent.status_code, sent.url) == (302, f"/dashboard/customers/{cleo.public_id}/")


def test_a_customer_costs_the_same_however_many_cards_there_are(
    ada_browser: Browser,
    cleo: Customer,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    given_a_saved_card(cleo)
    path = f"customers/{cleo.public_id}/"
    ada_browser.get(path)
    with CaptureQueriesContext(connection) as first:
        ada_browser.get(path)
    for _ in range(3):
        given_a_saved_card(cleo)
    with django_assert_num_queries(len(first)):
        page = ada_browser.get(path).content.decode()
    assert page.count("methods/plan/") == 4
