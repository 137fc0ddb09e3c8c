"""Payers ask for USDC back that was too much, too late or only a part: the merchant decides."""

from typing import Any

import pytest
from django.test import Client

from invoicing.actions.invoices import void_invoice
from invoicing.models import Customer, Event, Invoice, Merchant, Message, User
from payments.actions import sending
from payments.actions.receiving import request_usdc
from payments.models import Deposit, Refund, RefundClaim, UsdcPayout
from tests.factories import (
    again,
    given_a_customer,
    given_an_open_invoice,
    let_pass,
    pay,
    send_usdc,
    told,
)
from tests.fixtures import Api, WallClock

pytestmark = pytest.mark.django_db

HERS = "0x8ba1f109551bD432803012645Ac136ddd64DBA72"


@pytest.fixture
def customer(test_merchant: Merchant, clock: WallClock) -> Customer:
    return given_a_customer(test_merchant)


@pytest.fixture
def invoice(test_merchant: Merchant, customer: Customer) -> Invoice:
    return given_an_open_invoice(test_merchant, "25.00", customer_id=customer.public_id)


def overpay(invoice: Invoice, amount: str = "30") -> None:
    send_usdc(request_usdc(invoice.pk).address, amount, final=True)


def come_late(invoice: Invoice, amount: str = "25") -> None:
    address = request_usdc(invoice.pk).address
    void_invoice(invoice.merchant, invoice.public_id)
    send_usdc(address, amount, final=True)


def ask(api: Api, invoice: Invoice, **fields: Any) -> Any:
    return api.post(f"/v1/invoices/pay/{invoice.slug}/claim", {"address": HERS, **fields})


def decide(api: Api, how: str, **body: Any) -> Any:
    claim = RefundClaim.objects.latest("pk")
    return api.post(f"/v1/refund_claims/{claim.public_id}/{how}", body or None)


def payouts() -> list[tuple[str, int, str]]:
    rows = UsdcPayout.objects.order_by("pk")
    return list(rows.values_list("address", "units", "status"))


def test_a_claim_is_kept_told_of_and_mailed(
    api: Api, anonymous_api: Api, invoice: Invoice, ada: User
) -> None:
    overpay(invoice)
    answer = ask(anonymous_api, invoice, note="Twice by mistake.")
    assert answer.status_code == 201, answer.json()
    said = answer.json()
    assert (said["status"], said["wish"], said["address"]) == ("open", "refund", HERS)
    assert (said["chain"], said["note"]) == ("sandbox", "Twice by mistake.")
    event = Event.objects.get(type="invoice.refund_claimed")
    assert (event.actor_kind, event.object_id) == ("payer", said["id"])
    mail = Message.objects.get(kind="claim")
    assert mail.to == ada.email
    for words in (HERS, "Sandbox", "Twice by mistake.", invoice.public_id):
        assert words in mail.text
    assert api.get(f"/v1/refund_claims/{said['id']}").json() == said
    listed = api.get(f"/v1/refund_claims?status=open&invoice_id={invoice.public_id}").json()
    assert listed["data"] == [said]
    assert api.get("/v1/refund_claims?status=declined").json()["data"] == []
    assert not Refund.objects.exists()


def test_a_surplus_goes_back_once_the_merchant_agrees(api: Api, invoice: Invoice) -> None:
    overpay(invoice)
    ask(api, invoice)
    assert decide(api, "accept").json()["status"] == "accepted"
    assert payouts() == [(HERS, 5_000_000, "waiting")]
    refund = Refund.objects.get()
    assert (refund.source, refund.amount, refund.reason) == ("credit", 500, "overpayment")
    assert again(invoice).status == "paid"
    refused = decide(api, "accept")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "invalid_state")
    assert Refund.objects.count() == 1


def test_a_part_goes_back_whole(api: Api, invoice: Invoice) -> None:
    address = request_usdc(invoice.pk).address
    for amount in ("10", "5"):
        send_usdc(address, amount, final=True)
    ask(api, invoice)
    assert decide(api, "accept").status_code == 200
    assert sorted(payouts()) == [(HERS, 5_000_000, "waiting"), (HERS, 10_000_000, "waiting")]
    assert again(invoice).amount_refunded == 1500


def test_late_money_goes_back_or_becomes_credit(
    api: Api, invoice: Invoice, customer: Customer
) -> None:
    other = given_an_open_invoice(invoice.merchant, "10.00", customer_id=customer.public_id)
    come_late(invoice)
    ask(api, invoice)
    assert decide(api, "accept").status_code == 200
    assert payouts() == [(HERS, 25_000_000, "waiting")]
    come_late(other, "10")
    assert ask(api, other, wish="credit", address="").status_code == 201
    assert decide(api, "accept").status_code == 200
    statuses = Deposit.objects.order_by("pk").values_list("status", flat=True)
    assert list(statuses) == ["refunded", "credited"]
    credit = api.get(f"/v1/customers/{customer.public_id}").json()["credit"]
    assert credit == [{"currency": "USD", "amount": "10.00"}]


def test_a_part_is_kept_as_credit(api: Api, invoice: Invoice, customer: Customer) -> None:
    send_usdc(request_usdc(invoice.pk).address, "10", final=True)
    ask(api, invoice, wish="credit", address="")
    assert decide(api, "accept").status_code == 200
    credit = api.get(f"/v1/customers/{customer.public_id}").json()["credit"]
    assert credit == [{"currency": "USD", "amount": "10.00"}]
    assert payouts() == []


def test_a_claim_may_be_declined_with_a_word(api: Api, invoice: Invoice) -> None:
    overpay(invoice)
    ask(api, invoice, note="Please.")
    said = decide(api, "decline", note="It was sent by bank.").json()
    assert (said["status"], said["note"]) == ("declined", "It was sent by bank.")
    assert said["answered_at"]
    assert payouts() == []
    assert decide(api, "decline").status_code == 409


def test_one_waits_at_a_time_and_three_come_a_day(api: Api, invoice: Invoice) -> None:
    overpay(invoice)
    for _ in range(3):
        assert ask(api, invoice).status_code == 201
        assert ask(api, invoice).json()["error"]["code"] == "conflict"
        decide(api, "decline")
    assert ask(api, invoice).status_code == 409
    let_pass(invoice.merchant, "P1DT1S")
    assert ask(api, invoice).status_code == 201
    assert told(RefundClaim.objects.latest("pk")) == ["invoice.refund_claimed"]


def test_only_what_is_left_over_can_be_asked_for(api: Api, invoice: Invoice) -> None:
    assert ask(api, invoice).json()["error"]["code"] == "invalid_state"
    pay(invoice)
    assert ask(api, invoice).status_code == 409
    assert not RefundClaim.objects.exists()


def test_what_was_used_meanwhile_cannot_be_given_back(
    api: Api, invoice: Invoice, customer: Customer
) -> None:
    overpay(invoice)
    ask(api, invoice)
    given_an_open_invoice(invoice.merchant, "25.00", customer_id=customer.public_id)
    refused = decide(api, "accept")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "invalid_state")
    assert RefundClaim.objects.get().status == "open"
    assert payouts() == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"address": ""}, "address"),
        ({"address": "0x123"}, "address"),
        ({"address": "vitalik.eth"}, "address"),
        ({"address": HERS.replace("8b", "8B", 1)}, "address"),
        ({"address": "0x000000000000000000000000000000000000dEaD"}, "address"),
        ({"address": "own"}, "address"),
        ({"chain": "solana"}, "chain"),
        ({"wish": "gift"}, "wish"),
        ({"wish": "credit"}, "address"),
        ({"note": "x" * 501}, "note"),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(
    api: Api, invoice: Invoice, fields: dict[str, str], field: str
) -> None:
    overpay(invoice)
    if fields.get("address") == "own":
        fields = {"address": invoice.deposit_addresses.get().address}
    refused = ask(api, invoice, **fields)
    assert refused.status_code == 400
    assert [row["field"] for row in refused.json()["error"]["details"]["fields"]] == [field]
    assert not RefundClaim.objects.exists()
    assert not Message.objects.filter(kind="claim").exists()


def test_only_a_customer_can_have_credit(
    api: Api, test_merchant: Merchant, clock: WallClock
) -> None:
    invoice = given_an_open_invoice(test_merchant, "25.00")
    overpay(invoice)
    refused = ask(api, invoice, wish="credit", address="")
    assert refused.json()["error"]["details"]["fields"][0]["field"] == "wish"
    page = Client(headers={"User-Agent": "Firefox"}).get(f"/i/{invoice.slug}").content.decode()
    assert 'value="credit"' not in page


def test_a_refund_that_nobody_signed_is_called_off(api: Api, invoice: Invoice) -> None:
    overpay(invoice)
    ask(api, invoice)
    decide(api, "accept")
    refund = Refund.objects.get()
    said = api.post(f"/v1/refunds/{refund.public_id}/cancel")
    assert (said.status_code, said.json()["status"]) == (200, "failed")
    assert payouts() == [(HERS, 5_000_000, "canceled")]
    assert api.post(f"/v1/refunds/{refund.public_id}/cancel").status_code == 409
    assert ask(api, invoice).status_code == 201
    assert decide(api, "accept").status_code == 200


# The page


@pytest.fixture
def cleo() -> Client:
    """The payer's browser, which is sent no cookies and asked for no token."""
    headers = {"User-Agent": "Firefox", "Accept-Language": "en"}
    return Client(enforce_csrf_checks=True, headers=headers)


def page(cleo: Client, invoice: Invoice) -> str:
    return cleo.get(f"/i/{invoice.slug}").content.decode()


def test_the_page_follows_a_claim_to_its_transaction(
    api: Api, cleo: Client, invoice: Invoice
) -> None:
    overpay(invoice)
    assert "$5.00 more than was due has come." in page(cleo, invoice)
    form = {"wish": "refund", "chain": "sandbox", "address": f" {HERS} ", "note": ""}
    answer = cleo.post(f"/i/{invoice.slug}/claim", form)
    assert (answer.status_code, answer["Location"]) == (303, f"/i/{invoice.slug}#claims")
    shown = page(cleo, invoice)
    assert "Ada&#x27;s Engines will decide." in shown
    assert "Ask for money back" not in shown
    decide(api, "decline", note="Not <b>yet</b>.")
    shown = page(cleo, invoice)
    assert "Not &lt;b&gt;yet&lt;/b&gt;." in shown
    assert "Ask for money back" in shown
    cleo.post(f"/i/{invoice.slug}/claim", form)
    decide(api, "accept")
    assert f"5.00 USDC will be sent to {HERS} on Sandbox." in page(cleo, invoice)
    UsdcPayout.objects.update(status="seen", tx_hash="0x" + "ab" * 32, block_number=1, log_index=0)
    sending.arrive(UsdcPayout.objects.get().pk)
    shown = page(cleo, invoice)
    assert f"5.00 USDC was sent to {HERS} on Sandbox." in shown
    assert "0xabab…abab" in shown


def test_what_was_typed_wrong_is_said_at_its_field_and_kept(cleo: Client, invoice: Invoice) -> None:
    overpay(invoice)
    answer = cleo.post(f"/i/{invoice.slug}/claim", {"wish": "refund", "address": "0x12<b>"})
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert "Give the address of your own wallet" in shown
    assert 'value="0x12&lt;b&gt;"' in shown
    assert not RefundClaim.objects.exists()
    wrong = {"wish": "", "address": HERS}
    assert "Please choose what" in cleo.post(f"/i/{invoice.slug}/claim", wrong).content.decode()


def test_the_chain_by_which_it_came_is_chosen_first(
    cleo: Client, invoice: Invoice, settings: Any
) -> None:
    settings.USDC_CHAINS = "base-sepolia=https://one.example"
    overpay(invoice)
    shown = page(cleo, invoice)
    assert '<option value="base-sepolia">Base Sepolia</option>' in shown
    assert '<option value="sandbox" selected>Sandbox</option>' in shown


def test_where_nothing_is_left_over_nothing_is_offered(cleo: Client, invoice: Invoice) -> None:
    assert "Ask for money back" not in page(cleo, invoice)
    answer = cleo.post(f"/i/{invoice.slug}/claim", {"wish": "refund", "address": HERS})
    assert answer.status_code == 303
    assert not RefundClaim.objects.exists()
    assert cleo.get(f"/i/{invoice.slug}/claim").status_code == 405
