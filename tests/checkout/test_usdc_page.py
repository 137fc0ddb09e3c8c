"""The page on which an invoice is paid in USDC: what it says, when, and what it costs."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from checkout.pages import usdc
from checkout.pages.usdc_view import usdc_text
from invoicing import clock as clocks
from invoicing.actions.invoices import void_invoice
from invoicing.models import Invoice, Merchant
from payments.actions import transfers
from payments.models import (
    DepositAddress,
    DerivationCounter,
    ExchangeRate,
    Payment,
    ReceivingKey,
    UsdcRequest,
)
from payments.offered import usdc_chains
from payments.wallets import default_wallet
from tests.factories import again, given_an_open_invoice, let_pass, pay, send_usdc, work
from tests.fixtures import WallClock

SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"
OTHER = "0x8ba1f109551bD432803012645Ac136ddd64DBA72"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cleo() -> Client:
    """The payer's browser."""
    return Client(headers={"User-Agent": SAFARI, "Accept-Language": "en"})


@pytest.fixture
def invoice(test_merchant: Merchant, clock: WallClock) -> Invoice:
    return given_an_open_invoice(test_merchant, "25.00")


def at(invoice: Invoice, rest: str = "/usdc") -> str:
    return f"/i/{invoice.slug}{rest}"


def see(cleo: Client, invoice: Invoice, rest: str = "/usdc") -> str:
    answer = cleo.get(at(invoice, rest))
    assert answer.status_code == 200, answer.get("Location")
    return answer.content.decode()


def poll(cleo: Client, invoice: Invoice, seen: str = "") -> Any:
    query = {"chain": "sandbox", "seen": seen}
    return cleo.get(at(invoice, "/usdc/status"), query, headers={"HX-Request": "true"})


def see_as_script(cleo: Client, invoice: Invoice) -> str:
    said: str = poll(cleo, invoice).content.decode()
    return said


def mark_in(page: str) -> str:
    found = re.search(r"seen=([^\"]+)\"", page)
    assert found
    return found[1]


def address_of(cleo: Client, invoice: Invoice) -> DepositAddress:
    see(cleo, invoice)
    return invoice.deposit_addresses.get()


def given_a_rate(rate: str = "1.10") -> None:
    row = {"rate": Decimal(rate), "source": "a test", "fetched_at": clocks.wall()}
    ExchangeRate.objects.update_or_create(currency="EUR", defaults=row)


@pytest.mark.parametrize(
    ("units", "text"),
    [(25_000_000, "25.00"), (12_510_000, "12.51"), (1, "0.000001"), (1_412_640_100, "1412.6401")],
)
def test_amounts_are_as_wallets_want_them_typed(units: int, text: str) -> None:
    assert usdc_text(units) == text


# Where it is offered


def test_it_stands_beside_the_other_ways_and_has_its_own_page(
    cleo: Client, invoice: Invoice
) -> None:
    page = see(cleo, invoice, "")
    assert page.index('value="sandbox"') < page.index('value="usdc"')
    answer = cleo.post(at(invoice, "/pay"), {"rail": "usdc"})
    assert (answer.status_code, answer["Location"]) == (303, at(invoice))
    assert not Payment.objects.exists()


def test_a_live_merchant_takes_it_where_chain_key_and_rate_are(
    live: Merchant, clock: WallClock, settings: Any
) -> None:
    invoice = given_an_open_invoice(live)
    assert usdc_chains(again(invoice)) == []
    settings.USDC_CHAINS = "base=https://one.example,base-sepolia=https://two.example"
    assert usdc_chains(again(invoice)) == []
    with transaction.atomic():
        key = ReceivingKey(merchant=live, wallet=default_wallet(live, "USD"), kind="address")
        key.text, key.created_at = OTHER, clocks.wall()
        key.save()
    assert [row.key for row in usdc_chains(again(invoice))] == ["base"]
    euros = given_an_open_invoice(live, currency="EUR", wallet_address="")
    assert usdc_chains(again(euros)) == []
    given_a_rate()
    # There is a rate now, but nowhere for a wallet of euros to receive.
    assert usdc_chains(again(euros)) == []
    euros = again(euros)
    euros.wallet_address = OTHER
    assert [row.key for row in usdc_chains(euros)] == ["base"]


def test_asking_whether_it_is_taken_costs_two_queries_at_most(
    live: Merchant, clock: WallClock, settings: Any, django_assert_max_num_queries: Any
) -> None:
    settings.USDC_CHAINS = "base=https://one.example"
    given_a_rate()
    invoice = given_an_open_invoice(live, currency="EUR")
    with django_assert_max_num_queries(2):
        usdc_chains(invoice)


@pytest.mark.parametrize("rest", ["/usdc", "/usdc/status"])
def test_where_it_is_not_taken_there_is_only_the_invoice(
    cleo: Client, live: Merchant, clock: WallClock, rest: str
) -> None:
    invoice = given_an_open_invoice(live)
    assert 'value="usdc"' not in see(cleo, invoice, "")
    answer = cleo.get(at(invoice, rest))
    assert answer.status_code == 303
    assert not UsdcRequest.objects.exists()


def test_programs_that_follow_links_use_up_no_address(invoice: Invoice) -> None:
    for headers in ({"User-Agent": "Googlebot"}, {"User-Agent": SAFARI, "Purpose": "prefetch"}):
        answer = Client(headers=headers).get(at(invoice))
        assert (answer.status_code, answer["Location"]) == (303, at(invoice, ""))
    assert not DerivationCounter.objects.exists()


# What it says


def test_it_says_what_to_send_and_where_and_keeps_to_it(cleo: Client, invoice: Invoice) -> None:
    page = see(cleo, invoice)
    address = invoice.deposit_addresses.get().address
    assert f'<span id="usdc-address" class="mono strong">{address}</span>' in page
    assert '<span id="usdc-amount" class="mono strong">25.00</span>' in page
    assert "0x5aFE000000000000000000000000000000000001" in page
    uri = f"/transfer?address={address}&amp;uint256=25000000"
    assert f'href="ethereum:0x5aFE000000000000000000000000000000000001@0{uri}"' in page
    assert 'src="data:image/svg+xml' in page
    assert "Send only USDC, and only on Sandbox" in page
    assert see(cleo, invoice) == page
    assert UsdcRequest.objects.count() == 1


def test_the_page_is_kept_to_the_payer(cleo: Client, invoice: Invoice) -> None:
    answer = cleo.get(at(invoice))
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert not answer.cookies
    assert "<script>" not in answer.content.decode()
    assert " style=" not in answer.content.decode()


def test_the_chain_is_chosen_in_the_address(cleo: Client, invoice: Invoice, settings: Any) -> None:
    settings.USDC_CHAINS = "base-sepolia=https://one.example"
    page = see(cleo, invoice, "/usdc?chain=sandbox")
    assert re.search(r'chain=sandbox" aria-current="true">Sandbox<', page)
    page = see(cleo, invoice, "/usdc?chain=nowhere")
    assert re.search(r'chain=base-sepolia" aria-current="true">Base Sepolia<', page)
    # The same address on every chain, and the same amount.
    assert UsdcRequest.objects.count() == 1


def test_a_rate_holds_for_a_while_and_then_another_is_asked_for(
    cleo: Client, test_merchant: Merchant, clock: WallClock
) -> None:
    given_a_rate("1.10")
    invoice = given_an_open_invoice(test_merchant, "100.00", currency="EUR")
    page = see(cleo, invoice)
    assert "1 EUR = 1.1 USDC" in page
    assert 'data-seconds="900"' in page
    mark = mark_in(page)
    assert poll(cleo, invoice, mark).status_code == 204
    clock.move(minutes=15)
    given_a_rate("1.20")
    over = poll(cleo, invoice, mark)
    said = over.content.decode()
    assert "The time for this amount is over." in said
    assert "110.00" not in said
    assert "€100.00" in said
    # Looking on asks for no other amount: only the payer does.
    assert UsdcRequest.objects.count() == 1
    assert "120.00 USDC" in see(cleo, invoice)


# What has come


def test_what_comes_is_shown_as_it_is_counted(cleo: Client, invoice: Invoice) -> None:
    address = address_of(cleo, invoice)
    mark = mark_in(see(cleo, invoice))
    assert poll(cleo, invoice, mark).status_code == 204
    send_usdc(address, "25", confirmations=1)
    said = poll(cleo, invoice, mark).content.decode()
    assert "Confirmations: 1 of 3" in said
    assert "Your payment is on its way" in said
    assert '<p id="announce" hx-swap-oob="innerHTML">25.00 USDC Confirmations: 1 of 3</p>' in said
    assert "usdc-address" not in said
    assert "See how far it is" in see(cleo, invoice, "")
    let_pass(invoice.merchant, "PT1M")
    work()
    assert poll(cleo, invoice, mark)["HX-Redirect"] == at(invoice, "")
    assert cleo.get(at(invoice))["Location"] == at(invoice, "")
    receipt = see(cleo, invoice, "")
    assert "Paid, thank you" in receipt
    assert "USDC on Sandbox, from 0x3C44…93BC" in receipt


def test_a_part_leaves_the_rest_to_send(cleo: Client, invoice: Invoice) -> None:
    address = address_of(cleo, invoice)
    mark = mark_in(see(cleo, invoice))
    send_usdc(address, "10.5")
    said = poll(cleo, invoice, mark).content.decode()
    assert "$10.50 of $25.00 is paid" in said
    assert '<span id="usdc-amount" class="mono strong">14.50</span>' in said
    assert "uint256=14500000" in said
    assert "Still to send for invoice" in said
    assert "14.50 USDC" in see(cleo, invoice)
    send_usdc(address, "14.5")
    assert again(invoice).status == "paid"


def test_looking_again_locks_nothing_while_nothing_is_new(
    cleo: Client, invoice: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    see(cleo, invoice)
    asked: list[int] = []
    monkeypatch.setattr(usdc, "request_usdc", asked.append)
    assert poll(cleo, invoice, mark_in(see_as_script(cleo, invoice))).status_code == 204
    assert asked == []


def test_another_token_and_a_lost_transfer_are_told_of(cleo: Client, invoice: Invoice) -> None:
    address = address_of(cleo, invoice)
    send_usdc(address, "9", token=OTHER)
    transfers.orphan(send_usdc(address, "5", confirmations=1).pk)
    page = see(cleo, invoice)
    assert "Another token came, not USDC." in page
    assert "5.00 USDC is no longer on the network" in page
    assert '<span id="usdc-amount" class="mono strong">25.00</span>' in page


def test_closed_invoices_ask_for_nothing_but_say_what_came_late(
    cleo: Client, invoice: Invoice, test_merchant: Merchant
) -> None:
    address = address_of(cleo, invoice)
    void_invoice(test_merchant, invoice.public_id)
    assert poll(cleo, invoice)["HX-Redirect"] == at(invoice, "")
    assert cleo.get(at(invoice)).status_code == 303
    assert "came when nothing was due" not in see(cleo, invoice, "")
    send_usdc(address, "25", final=True)
    assert "25.00 USDC came when nothing was due." in see(cleo, invoice, "")


def test_when_the_time_to_pay_is_over_nothing_is_asked_for(
    cleo: Client, test_merchant: Merchant, clock: WallClock
) -> None:
    ends = clocks.now(test_merchant) + timedelta(hours=1)
    invoice = given_an_open_invoice(test_merchant, expires_at=ends)
    assert "100.00 USDC" in see(cleo, invoice)
    clock.move(hours=2)
    assert cleo.get(at(invoice))["Location"] == at(invoice, "")
    assert 'value="usdc"' not in see(cleo, invoice, "")


def test_the_script_asks_and_a_person_is_shown_the_page(cleo: Client, invoice: Invoice) -> None:
    answer = cleo.get(at(invoice, "/usdc/status?chain=sandbox"))
    assert (answer.status_code, answer["Location"]) == (303, f"{at(invoice)}?chain=sandbox")


def test_pages_cost_the_same_however_much_has_come(cleo: Client, invoice: Invoice) -> None:
    address = address_of(cleo, invoice)
    counts = []
    for number in range(1, 4):
        send_usdc(address, f"0.0{number}", sender=OTHER)
        see(cleo, invoice)
        see(cleo, invoice, "")
        for rest in ("/usdc", ""):
            with CaptureQueriesContext(connection) as queries:
                see(cleo, invoice, rest)
            counts.append(len(queries))
    assert counts == counts[:2] * 3
    assert counts[:2] == [15, 8]


def test_a_card_payment_is_still_a_card_payment(cleo: Client, invoice: Invoice) -> None:
    pay(invoice)
    page = see(cleo, invoice, "")
    assert "Visa ending in 4242" in page
    assert "USDC" not in page
