"""USDC on the desk: what came, what goes back, what payers ask for, and rehearsing it."""

import pytest

from invoicing.actions.invoices import void_invoice
from invoicing.inputs import read
from invoicing.models import Invoice, Merchant
from payments import flows, rehearsed
from payments.actions.claims import claim
from payments.actions.receiving import request_usdc
from payments.inputs import RefundInput
from payments.models import (
    Deposit,
    Refund,
    Transfer,
    UsdcPayout,
    Wallet,
)
from payments.setting_aside import invoices_for
from payments.templatetags.usdc import usdc
from payments.usdc_inputs import ClaimInput
from tests import factories
from tests.factories import again, pay_usdc
from tests.fixtures_dashboard import Browser, given_a_colleague, text_of

pytestmark = pytest.mark.django_db(transaction=True)

PAYER = "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB"
OTHER_TOKEN = "0x5aFE0000000000000000000000000000000000ff"  # noqa: S105 - no secret


@pytest.fixture
def invoice(test_merchant: Merchant) -> Invoice:
    cleo = factories.given_a_customer(test_merchant)
    return factories.given_an_open_invoice(test_merchant, "25.00", customer_id=cleo.public_id)


@pytest.fixture
def deposit(test_merchant: Merchant, invoice: Invoice) -> Deposit:
    """Twenty-five USDC for an invoice that was voided."""
    asked = request_usdc(invoice.pk)
    void_invoice(test_merchant, invoice.public_id)
    rehearsed.send(asked.address, 25_000_000, confirmations=30)
    return Deposit.objects.get()


def test_a_payment_says_how_it_came(ada_browser: Browser, invoice: Invoice) -> None:
    transfer = pay_usdc(invoice, confirmations=1)
    page = text_of(ada_browser.get(f"invoices/{invoice.public_id}/"))
    assert transfer.address.address in page and "1 of 3 confirmations" in page
    assert (
        'hx-trigger="every 4s"'
        in ada_browser.get(f"invoices/{invoice.public_id}/").content.decode()
    )
    ada_browser.post(f"usdc/transfers/{transfer.public_id}/go-on/", {"next": "final"})
    payment = again(invoice).payments.get()
    page = text_of(ada_browser.get(f"payments/{payment.public_id}/"))
    for said in ("USDC · Sandbox", transfer.tx_hash, transfer.sender, "Final"):
        assert said in page
    # What is final is not asked for again.
    assert "hx-trigger" not in ada_browser.get(f"invoices/{invoice.public_id}/").content.decode()


def test_another_token_waits_until_it_is_dismissed(
    ada_browser: Browser, test_merchant: Merchant, invoice: Invoice
) -> None:
    token = pay_usdc(invoice, token=OTHER_TOKEN)
    told = "1 transfer of another token than USDC"
    assert told in text_of(ada_browser.get("")) and told in text_of(ada_browser.get("unmatched/"))
    assert ada_browser.get(f"unmatched/{token.public_id}/").url.endswith(
        f"/usdc/transfers/{token.public_id}/"
    )
    path = f"usdc/transfers/{token.public_id}/dismiss/"
    assert given_a_colleague(test_merchant, "viewer").post(path).status_code == 403
    ada_browser.post(path)
    assert again(token).dismissed_at
    assert told not in text_of(ada_browser.get("")) + text_of(ada_browser.get("unmatched/"))


def test_unmatched_usdc_is_offered_to_invoices_of_any_currency_with_a_rate(
    ada_browser: Browser,
    test_merchant: Merchant,
    deposit: Deposit,
    settings: pytest.FixtureRequest,
) -> None:
    settings.USDC_RATES = "EUR=1.25"  # type: ignore[attr-defined]
    in_yen = factories.given_an_open_invoice(test_merchant, "2500", currency="JPY")
    far = factories.given_an_open_invoice(test_merchant, "90.00")
    near = factories.given_an_open_invoice(test_merchant, "20.00", currency="EUR")
    assert invoices_for(deposit) == [near, far]
    assert in_yen not in invoices_for(deposit)
    page = text_of(ada_browser.get(f"unmatched/{deposit.public_id}/"))
    assert "this money: €20.00" in page
    assert "Its invoice had been voided" in page
    path = f"unmatched/{deposit.public_id}/match/"
    refused = ada_browser.submit(path, invoice_id=in_yen.public_id)
    assert refused.status_code == 422
    sent = ada_browser.submit(path, invoice_id=near.public_id)
    assert sent.status_code == 302
    assert again(near).status == "paid"


# An invoice is given back its life by hand, as no verb does.
@pytest.mark.tampers
def test_the_invoice_of_the_address_stands_first(
    ada_browser: Browser, test_merchant: Merchant, invoice: Invoice
) -> None:
    asked = request_usdc(invoice.pk)
    void_invoice(test_merchant, invoice.public_id)
    rehearsed.send(asked.address, 25_000_000, confirmations=30)
    Invoice.objects.filter(pk=invoice.pk).update(status="expired", total=990_00)
    other = factories.given_an_open_invoice(test_merchant, "25.00")
    deposit = Deposit.objects.get()
    assert invoices_for(deposit) == [invoice, other]
    form = ada_browser.form(f"unmatched/{deposit.public_id}/match/")
    assert form["invoice_id"] == invoice.number


def test_unmatched_usdc_goes_back_to_an_address(ada_browser: Browser, deposit: Deposit) -> None:
    path = f"unmatched/{deposit.public_id}/return/"
    refused = ada_browser.submit(path, address="")
    assert refused.status_code == 422 and "Is needed: USDC goes back" in text_of(refused)
    assert again(deposit).status == "unmatched"
    sent = ada_browser.submit(path, address=PAYER.lower())
    assert sent.status_code == 302
    payout = UsdcPayout.objects.get()
    assert (payout.address, payout.units, payout.status) == (PAYER, 25_000_000, "waiting")


def test_a_refund_waits_to_be_signed(
    ada_browser: Browser, invoice: Invoice, settings: pytest.FixtureRequest
) -> None:
    settings.USDC_CHAINS = "sepolia=https://node.example"  # type: ignore[attr-defined]
    pay_usdc(invoice, confirmations=30)
    path = f"invoices/{invoice.public_id}/refund/"
    refused = ada_browser.submit(path, address="0x12")
    assert refused.status_code == 422 and not Refund.objects.exists()
    sent = ada_browser.submit(path, amount="5.50", address=PAYER, chain="sepolia")
    refund = Refund.objects.get()
    page = ada_browser.get(sent.url)
    assert "USDC 5.50 Chain Sepolia" in text_of(page)
    token = "0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238"  # noqa: S105 - Sepolia's USDC
    uri = f"ethereum:{token}@11155111/transfer?address={PAYER}&amp;uint256=5500000"
    assert f'href="{uri}"' in page.content.decode()
    assert "data:image/svg+xml" in page.content.decode()
    assert "1 refund in USDC waits for you to sign it" in text_of(ada_browser.get(""))
    assert "Sepolia" in text_of(ada_browser.get("refunds/to-sign/"))
    # Nobody can pretend that it was signed on a chain of others.
    ada_browser.post(f"refunds/{refund.public_id}/sign/")
    assert again(refund).status == "pending"


def test_a_refund_is_called_off_once(ada_browser: Browser, invoice: Invoice) -> None:
    pay_usdc(invoice, confirmations=30)
    merchant = invoice.merchant
    (refund,) = flows.refund(merchant, invoice.public_id, RefundInput(address=PAYER))
    path = f"refunds/{refund.public_id}/call-off/"
    assert given_a_colleague(merchant, "viewer").post(path).status_code == 403
    assert "Only if you have not signed it" in text_of(ada_browser.get(path))
    assert ada_browser.submit(path).status_code == 302
    assert again(refund).status == "failed"
    assert again(invoice).amount_refunded == 0
    late = ada_browser.post(path)
    assert "canceled already" in text_of(ada_browser.get(late.url))


def test_a_signature_is_rehearsed(ada_browser: Browser, invoice: Invoice) -> None:
    pay_usdc(invoice, confirmations=30)
    (refund,) = flows.refund(invoice.merchant, invoice.public_id, RefundInput(address=PAYER))
    sent = ada_browser.submit(
        f"refunds/{refund.public_id}/", f"/dashboard/refunds/{refund.public_id}/sign/"
    )
    assert again(refund).status == "succeeded"
    assert "Sent back" in text_of(ada_browser.get(sent.url))
    wallet = f"wallets/{Wallet.objects.get(merchant=invoice.merchant).public_id}/"
    assert "Refund · " in text_of(ada_browser.get(wallet))


@pytest.fixture
def wish(invoice: Invoice) -> str:
    """Cleo has sent five dollars too much and asks for them back."""
    pay_usdc(invoice, 30_000_000, confirmations=30)
    return claim(invoice.pk, read(ClaimInput, {"wish": "refund", "address": PAYER})).public_id


def test_a_claim_is_accepted(ada_browser: Browser, wish: str, test_merchant: Merchant) -> None:
    assert "1 payer asks for money back" in text_of(ada_browser.get(""))
    page = text_of(ada_browser.get(f"refund-claims/{wish}/"))
    assert "Paid beyond what was due $5.00" in page and PAYER in page
    path = f"refund-claims/{wish}/accept/"
    assert given_a_colleague(test_merchant, "viewer").post(path).status_code == 403
    sent = ada_browser.submit(path)
    assert sent.url.endswith("/refunds/to-sign/")
    assert UsdcPayout.objects.get().units == 5_000_000
    assert "Accepted" in text_of(ada_browser.get(f"refund-claims/{wish}/"))
    assert "decided before" in text_of(ada_browser.get(ada_browser.get(path).url))


def test_a_claim_is_declined_with_a_word(ada_browser: Browser, wish: str) -> None:
    ada_browser.submit(f"refund-claims/{wish}/decline/", note="It paid TEST-0007.")
    assert "Your answer It paid TEST-0007." in text_of(ada_browser.get(f"refund-claims/{wish}/"))
    assert not UsdcPayout.objects.exists()
    assert "1 payer asks for money back" not in text_of(ada_browser.get(""))


def test_a_transaction_proves_a_payment(
    ada_browser: Browser, test_merchant: Merchant, invoice: Invoice
) -> None:
    other = factories.given_an_open_invoice(test_merchant, "25.00")
    transfer = pay_usdc(invoice, 25_000_000)
    path = f"invoices/{other.public_id}/mark-paid/"
    for wrong, said in (
        ("0x12", "Must be 0x and 64 hexadecimal digits."),
        ("0x" + "00" * 32, "Is no transaction that was mined on sandbox."),
        (transfer.tx_hash, f"This transaction pays {invoice.number} already."),
    ):
        refused = ada_browser.submit(path, tx_hash=wrong)
        assert refused.status_code == 422
        assert said in text_of(refused)
        assert 'aria-invalid="true"' in refused.content.decode()
    assert again(other).status == "open"


def test_a_rehearsal_plays_the_payer(
    ada_browser: Browser, test_merchant: Merchant, invoice: Invoice
) -> None:
    path = f"invoices/{invoice.public_id}/rehearse-usdc/"
    assert given_a_colleague(test_merchant, "viewer").get(path).status_code == 403
    # Looking gives no address out.
    assert ada_browser.form(path)["amount"] == "25.000000"
    assert not invoice.deposit_addresses.exists()
    refused = ada_browser.submit(path, amount="1.0000001")
    assert refused.status_code == 422 and not Transfer.objects.exists()
    sent = ada_browser.submit(path, confirmations="3")
    assert again(invoice).status == "paid"
    transfer = Transfer.objects.get()
    assert sent.url.endswith(f"/{transfer.public_id}/")
    ada_browser.post(f"usdc/transfers/{transfer.public_id}/go-on/", {"next": "drop"})
    assert again(invoice).status == "open"
    page = text_of(ada_browser.get(f"invoices/{invoice.public_id}/"))
    assert "Due again: the payer's bank or the chain took money back" in page
    late = ada_browser.post(f"usdc/transfers/{transfer.public_id}/go-on/", {"next": "final"})
    assert "Nothing changes this transfer" in text_of(ada_browser.get(late.url))


def test_what_moved_is_told_in_words(ada_browser: Browser, invoice: Invoice) -> None:
    transfer = pay_usdc(invoice)
    ada_browser.post(f"usdc/transfers/{transfer.public_id}/go-on/", {"next": "drop"})
    wallet = Wallet.objects.get(merchant=invoice.merchant)
    page = text_of(ada_browser.get(f"wallets/{wallet.public_id}/"))
    assert "Payment that the chain took back · " in page


@pytest.mark.parametrize(
    ("units", "said"),
    [(25_000_000, "25.00"), (12_500_000, "12.50"), (1, "0.000001"), (1_234_500, "1.2345")],
)
def test_usdc_has_no_more_places_than_it_takes(units: int, said: str) -> None:
    assert usdc(units) == f"USDC\u00a0{said}"
