"""USDC on the desk: where it goes, how it is counted, and which chains are read."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from invoicing import clock as clocks
from invoicing.actions.merchants import set_numbering
from invoicing.inputs import NumberingInput, read
from invoicing.models import Invoice, Merchant, NumberSeries
from payments import exporting, flows
from payments.actions.claims import claim
from payments.actions.receiving import give_key, request_usdc
from payments.chain.rehearsal import TEST_XPUB
from payments.inputs import RefundInput
from payments.models import (
    ChainCursor,
    ReceivingKey,
    UsdcPolicy,
    Wallet,
)
from payments.templatetags.usdc import chain_name, explorer
from payments.usdc_inputs import ClaimInput, ReceivingKeyInput
from payments.wallets import default_wallet
from tests import factories
from tests.factories import again, pay_usdc
from tests.fixtures_dashboard import Browser, given_a_colleague, text_of

pytestmark = pytest.mark.django_db(transaction=True)

PAYER = "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB"
# secp256k1's generator, compressed: a public key that nobody can mistake.
POINT = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
MNEMONIC = "test test test test test test test test test test test junk"


@pytest.fixture
def wallet(test_merchant: Merchant) -> Wallet:
    with transaction.atomic():
        return default_wallet(test_merchant, "USD")


@pytest.fixture
def invoice(test_merchant: Merchant) -> Invoice:
    cleo = factories.given_a_customer(test_merchant)
    return factories.given_an_open_invoice(test_merchant, "25.00", customer_id=cleo.public_id)


def test_a_key_is_shown_before_it_is_used(ada_browser: Browser, wallet: Wallet) -> None:
    path = f"wallets/{wallet.public_id}/usdc/key/"
    shown = ada_browser.submit(path, kind="xpub", key=f" {TEST_XPUB} ")
    assert shown.status_code == 200
    assert "0x8C8d35429F74ec245F8Ef2f4Fd1e551cFF97d650" in text_of(shown)
    assert not ReceivingKey.objects.exists()
    used = ada_browser.post(path, {"kind": "xpub", "key": TEST_XPUB, "use": "1"})
    assert used.status_code == 302
    assert ReceivingKey.objects.get().text == TEST_XPUB
    page = text_of(ada_browser.get(f"wallets/{wallet.public_id}/usdc/"))
    assert "Extended public key (xpub)" in page and "This key is for rehearsing" in page


@pytest.mark.parametrize("kind", ["xpub", "stealth", "address"])
@pytest.mark.parametrize("secret", [MNEMONIC, "0x" + "17" * 32, "17" * 32, MNEMONIC[:-5]])
def test_what_can_spend_is_refused_and_never_shown_again(
    ada_browser: Browser, wallet: Wallet, kind: str, secret: str
) -> None:
    answer = ada_browser.submit(f"wallets/{wallet.public_id}/usdc/key/", kind=kind, key=secret)
    assert answer.status_code == 422
    assert secret not in answer.content.decode()
    assert not ReceivingKey.objects.exists()


def test_a_refusal_says_why(ada_browser: Browser, wallet: Wallet) -> None:
    path = f"wallets/{wallet.public_id}/usdc/key/"
    refused = ada_browser.submit(path, kind="xpub", key=MNEMONIC)
    assert "This is a recovery phrase: whoever has it can spend your money" in text_of(refused)
    # What only receives is kept, to be put right.
    refused = ada_browser.submit(path, kind="address", key=PAYER[:-1])
    assert "This is not a usable address" in text_of(refused)
    assert PAYER[:-1] in refused.content.decode()
    assert "Must not be empty." in text_of(ada_browser.submit(path, kind="xpub", key=""))
    assert "Must be one of the three." in text_of(ada_browser.submit(path, kind="x", key=PAYER))


def test_a_meta_address_is_compared_by_its_keys(ada_browser: Browser, wallet: Wallet) -> None:
    path = f"wallets/{wallet.public_id}/usdc/key/"
    shown = text_of(ada_browser.submit(path, kind="stealth", key=f"st:eth:0x{POINT}"))
    assert shown.count(f"0x{POINT}") == 2
    assert "if it is lost, the money is lost" in shown


def test_a_retired_key_stays_in_sight(
    ada_browser: Browser, test_merchant: Merchant, wallet: Wallet, invoice: Invoice
) -> None:
    give_key(test_merchant, wallet.public_id, ReceivingKeyInput(xpub=TEST_XPUB))
    request_usdc(invoice.pk)
    give_key(test_merchant, wallet.public_id, ReceivingKeyInput(address=PAYER))
    page = text_of(ada_browser.get(f"wallets/{wallet.public_id}/usdc/"))
    assert "One fixed address" in page
    used, before = page.split("Used before")
    assert "Extended public key" in before and "Extended public key" not in used


def test_an_accountant_sees_keys_and_gives_none(test_merchant: Merchant, wallet: Wallet) -> None:
    accountant = given_a_colleague(test_merchant, "accountant")
    page = accountant.get(f"wallets/{wallet.public_id}/usdc/")
    assert page.status_code == 200 and "Say where USDC goes" not in text_of(page)
    path = f"wallets/{wallet.public_id}/usdc/key/"
    sent = accountant.post(path, {"kind": "address", "key": PAYER, "use": "1"})
    assert sent.status_code == 403
    assert not ReceivingKey.objects.exists()
    # The control: an admin does.
    admin = given_a_colleague(test_merchant, "admin")
    assert admin.post(path, {"kind": "address", "key": PAYER, "use": "1"}).status_code == 302


def test_addresses_tell_what_came(
    ada_browser: Browser, test_merchant: Merchant, invoice: Invoice
) -> None:
    sent = pay_usdc(invoice, 12_500_000)
    page = text_of(ada_browser.get("usdc/addresses/"))
    assert f"{sent.address.address} {invoice} USD wallet 0 " in page
    assert "USDC 12.50" in page
    assert "None" not in page
    other = test_merchant.wallets.create(
        name="Other", currency="USD", created_at=test_merchant.created_at
    )
    empty = text_of(ada_browser.get(f"usdc/addresses/?wallet={other.public_id}"))
    assert "This wallet has given out none" in empty


def test_the_copy_holds_every_address_and_no_formula(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    numbering = read(NumberingInput, {"prefix": "-", "padding": 1})
    set_numbering(test_merchant, numbering, NumberSeries.Kind.INVOICE)
    sent = pay_usdc(factories.given_an_open_invoice(test_merchant, "25.00"))
    answer = ada_browser.get("usdc/addresses/export/?format=csv")
    assert answer["Content-Disposition"].startswith('attachment; filename="usdc-addresses-test-')
    (row,) = csv.DictReader(io.StringIO(answer.content.decode()))
    assert (row["number"], row["address"], row["received_units"]) == (
        "'-1",
        sent.address.address,
        "25000000",
    )
    answer = ada_browser.get("usdc/addresses/export/?format=json").json()
    assert answer["warning"] == exporting.WARNING
    assert [row["address"] for row in answer["addresses"]] == [sent.address.address]


def test_the_tolerance_is_a_percentage(ada_browser: Browser, test_merchant: Merchant) -> None:
    assert "None: what is missing stays due." in text_of(ada_browser.get("usdc/"))
    saved = ada_browser.submit("usdc/settings/", tolerance="0,5", rate_minutes="30")
    assert saved.status_code == 302
    policy = UsdcPolicy.objects.get(merchant=test_merchant)
    assert (policy.tolerance_basis_points, policy.rate_minutes) == (50, 30)
    assert "at most 0.5 % of its total" in text_of(ada_browser.get("usdc/"))
    for wrong in ("10.01", "-1", "half", "0.001", ""):
        refused = ada_browser.submit("usdc/settings/", tolerance=wrong)
        assert refused.status_code == 422, wrong
        assert "Must be a percentage from 0 to 10" in text_of(refused)
    assert again(policy).tolerance_basis_points == 50


def test_an_owner_sees_that_a_node_is_silent(
    ada_browser: Browser, test_merchant: Merchant, settings: pytest.FixtureRequest
) -> None:
    settings.USDC_CHAINS = "sepolia=https://node.example"  # type: ignore[attr-defined]
    assert "Not read yet" in text_of(ada_browser.get("usdc/"))
    cursor = ChainCursor.objects.create(
        network="eip155:11155111", block_number=90, head_number=97, read_at=clocks.wall()
    )
    assert "Being read block 90, 7 behind" in text_of(ada_browser.get("usdc/"))
    ChainCursor.objects.update(read_at=clocks.wall() - timedelta(minutes=6))
    assert "is the worker running?" in text_of(ada_browser.get("usdc/"))
    ChainCursor.objects.filter(pk=cursor.pk).update(
        failing_since=clocks.wall(), error="no endpoint answered"
    )
    assert "no endpoint answered" in text_of(ada_browser.get("usdc/"))
    # How the installation runs is for owners alone.
    assert "no endpoint answered" not in text_of(
        given_a_colleague(test_merchant, "admin").get("usdc/")
    )


def test_without_a_chain_the_live_side_says_so(
    ada_browser: Browser, live: Merchant, test_merchant: Merchant
) -> None:
    assert "everything can be rehearsed" in text_of(ada_browser.get("usdc/"))
    ada_browser.post("mode/", {"mode": "live"})
    assert "This installation reads no chain" in text_of(ada_browser.get("usdc/"))


def test_a_transaction_leads_to_its_chains_explorer() -> None:
    assert explorer("eip155:8453", "0x5c") == "https://basescan.org/tx/0x5c"
    assert (explorer("eip155:0", "0x5c"), chain_name("eip155:8453")) == ("", "Base")


def given_seen(merchant: Merchant) -> None:
    pay_usdc(factories.given_an_open_invoice(merchant, "5.00"), confirmations=30)


def given_to_sign(merchant: Merchant) -> None:
    invoice = factories.given_an_open_invoice(merchant, "5.00")
    pay_usdc(invoice, confirmations=30)
    flows.refund(merchant, invoice.public_id, RefundInput(address=PAYER))


def given_a_claim(merchant: Merchant) -> None:
    invoice = factories.given_an_open_invoice(merchant, "5.00")
    pay_usdc(invoice, 6_000_000, confirmations=30)
    claim(invoice.pk, read(ClaimInput, {"wish": "refund", "address": PAYER}))


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("usdc/addresses/", given_seen),
        ("usdc/transfers/", given_seen),
        ("refunds/to-sign/", given_to_sign),
        ("refunds/", given_to_sign),
        ("refund-claims/", given_a_claim),
    ],
)
def test_a_list_costs_the_same_however_long_it_is(
    ada_browser: Browser,
    test_merchant: Merchant,
    django_assert_num_queries: DjangoAssertNumQueries,
    path: str,
    given: Callable[[Merchant], None],
) -> None:
    for more, rows in ((1, 1), (4, 5)):
        for _ in range(more):
            given(test_merchant)
        with django_assert_num_queries(5):
            page = ada_browser.get(path).content.decode()
        assert page.count('<th scope="row"') == rows
