"""Other currencies in USDC: a recorded rate, for as long as it holds, and never by guess."""

import json
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from invoicing.models import Invoice, Merchant
from payments import fetching, rates
from payments import tasks as payment_tasks
from payments.models import ExchangeRate, Transfer
from tests.factories import again, given_an_open_invoice, let_pass, pay_usdc
from tests.fixtures import Api, WallClock

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice(test_merchant: Merchant, clock: WallClock, settings: Any) -> Invoice:
    settings.USDC_RATES = "EUR=1.0837,JPY=0.0064321"
    return given_an_open_invoice(test_merchant, "10.00", currency="EUR")


def ask(api: Api, invoice: Invoice) -> Any:
    return api.post(f"/v1/invoices/pay/{invoice.slug}/usdc", {})


def test_what_is_asked_for_pays_exactly(api: Api, invoice: Invoice) -> None:
    said = ask(api, invoice).json()
    assert (said["units"], said["rate"], said["rate_source"]) == (
        "10837000",
        "1.0837",
        "set by the operator",
    )
    assert said["expires_at"] == "2026-03-02T12:15:00.000Z"
    pay_usdc(invoice)
    assert (again(invoice).status, again(invoice).amount_paid) == ("paid", 1000)


@pytest.mark.parametrize("amount", [1, 3, 7, 99, 101, 333, 1999, 123457])
def test_no_rounding_leaves_a_cent_due(test_merchant: Merchant, settings: Any, amount: int) -> None:
    settings.USDC_RATES = "EUR=1.0837,JPY=0.0064321"
    for currency, text in (("EUR", f"{amount // 100}.{amount % 100:02}"), ("JPY", str(amount))):
        invoice = given_an_open_invoice(test_merchant, text, currency=currency)
        pay_usdc(invoice)
        assert again(invoice).status == "paid"
    # The control: a unit less leaves something due.
    short = given_an_open_invoice(test_merchant, "10.00", currency="EUR")
    pay_usdc(short, 10836999)
    assert again(short).amount_due == 1


def test_another_rate_holds_after_it_expires(api: Api, invoice: Invoice, settings: Any) -> None:
    ask(api, invoice)
    settings.USDC_RATES = "EUR=1.2"
    assert ask(api, invoice).json()["units"] == "10837000"
    let_pass(invoice.merchant, "PT16M")
    assert ask(api, invoice).json()["units"] == "12000000"
    # Who pays by the old one pays a part.
    pay_usdc(invoice, 10837000)
    assert (again(invoice).status, again(invoice).amount_paid) == ("open", 903)
    assert Transfer.objects.get().request.rate == Decimal("1.2")


def test_without_a_rate_there_is_no_usdc(api: Api, invoice: Invoice, settings: Any) -> None:
    settings.USDC_RATES = ""
    refused = ask(api, invoice)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "not_configured")


class Source:
    """A source of rates on loopback."""

    def __init__(self) -> None:
        outer = self
        self.said: Any = {}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(outer.said).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/latest"


@pytest.fixture
def source(settings: Any) -> Any:
    found = Source()
    settings.USDC_RATES = found.url
    yield found
    found.server.shutdown()
    found.server.server_close()


def test_a_source_is_asked_by_the_worker(
    api: Api, test_merchant: Merchant, clock: WallClock, source: Source
) -> None:
    invoice = given_an_open_invoice(test_merchant, "10.00", currency="EUR")
    assert ask(api, invoice).status_code == 400
    source.said = {"base": "USD", "rates": {"EUR": 0.8, "XXX": 1, "USD": 1}}
    assert payment_tasks.fetch_rates() == 1
    said = ask(api, invoice).json()
    assert (said["units"], said["rate"], said["rate_source"]) == ("12500000", "1.25", "127.0.0.1")
    clock.move(hours=3)
    other = given_an_open_invoice(test_merchant, "10.00", currency="EUR")
    assert ask(api, other).status_code == 400


@pytest.mark.parametrize(
    "said",
    [
        [],
        "x",
        {"EUR": "much"},
        {"EUR": 0},
        {"EUR": -1},
        {"base": "EUR", "rates": {}},
        {"EUR": None},
    ],
)
def test_what_makes_no_sense_is_not_kept(db: None, source: Source, said: Any) -> None:
    source.said = {"EUR": "1.1"}
    fetching.fetch_rates()
    source.said = said
    with pytest.raises(rates.BadRates):
        fetching.fetch_rates()
    assert ExchangeRate.objects.get().rate == Decimal("1.1")
