"""The desk's pages about USDC, looked at in a browser and rehearsed by clicking."""

import pytest
from playwright.sync_api import Page, expect

from invoicing import clock
from invoicing.actions.invoices import void_invoice
from invoicing.inputs import read
from invoicing.models import Invoice, Merchant
from payments import flows, rehearsed
from payments.actions.claims import claim
from payments.actions.receiving import give_key, request_usdc
from payments.chain.rehearsal import TEST_XPUB
from payments.inputs import RefundInput
from payments.models import ChainCursor, ReceivingKey, Wallet
from payments.usdc_inputs import ClaimInput, ReceivingKeyInput
from payments.wallets import default_wallet
from tests import factories
from tests.browser import axe
from tests.browser.looks import LOOKS

# What a browser shows does not depend on where rows are kept.
pytestmark = pytest.mark.same_everywhere

PAYER = "0x" + "ab" * 20
OTHER_TOKEN = "0x5aFE0000000000000000000000000000000000ff"  # noqa: S105 - no secret
# A node that is read, one that fails, and one that nobody reads.
CHAINS = "sepolia=https://a.example,base-sepolia=https://b.example,polygon-amoy=https://c.example"


def given_usdc(shop: Merchant) -> dict[str, str]:
    """Rows for every page, with the ids that addresses need."""
    lines = [{"description": "Photographs, licensed for five years", "unit_price": "25"}]
    cleo = factories.given_a_customer(shop)
    wallet = default_wallet(shop, "USD")
    give_key(shop, wallet.public_id, ReceivingKeyInput(address=PAYER))
    give_key(shop, wallet.public_id, ReceivingKeyInput(xpub=TEST_XPUB))

    def billed() -> Invoice:
        return factories.given_an_open_invoice(shop, line_items=lines, customer_id=cleo.public_id)

    paid, seen, late = billed(), billed(), billed()
    factories.pay_usdc(paid, confirmations=30)
    token = factories.pay_usdc(seen, token=OTHER_TOKEN)
    under_way = factories.pay_usdc(seen, confirmations=1)
    asked = request_usdc(late.pk)
    void_invoice(shop, late.public_id)
    deposit = rehearsed.send(asked.address, 25_000_000, confirmations=30)
    assert deposit is not None
    (refund,) = flows.refund(
        shop, paid.public_id, RefundInput(amount="15.50", address=PAYER, chain="sepolia")
    )
    (to_rehearse,) = flows.refund(shop, paid.public_id, RefundInput(amount="1", address=PAYER))
    overpaid = billed()
    factories.pay_usdc(overpaid, 30_000_000, confirmations=30)
    wish = {"wish": "refund", "address": PAYER, "chain": "sepolia", "note": "Sent twice, sorry."}
    claimed = claim(overpaid.pk, read(ClaimInput, wish))
    again = factories.again
    now = clock.wall()
    ChainCursor.objects.create(
        network="eip155:11155111", block_number=7_300_120, head_number=7_300_123, read_at=now
    )
    ChainCursor.objects.create(
        network="eip155:84532",
        block_number=9_000_001,
        head_number=9_000_950,
        read_at=now,
        failing_since=now,
        error="no endpoint answered",
    )
    return {
        "wallet": wallet.public_id,
        "paid": paid.public_id,
        "seen": seen.public_id,
        "open": billed().public_id,
        "payment": again(paid).payments.get().public_id,
        "under_way": under_way.public_id,
        "token": token.public_id,
        "claim": claimed.public_id,
        "deposit": deposit.public_id,
        "refund": refund.public_id,
        "rehearsed": to_rehearse.public_id,
    }


PAGES = [
    "usdc/",
    "usdc/settings/",
    "usdc/addresses/",
    "usdc/transfers/",
    "usdc/transfers/{under_way}/",
    "usdc/transfers/{token}/",
    "wallets/{wallet}/",
    "wallets/{wallet}/usdc/",
    "wallets/{wallet}/usdc/key/",
    "invoices/{paid}/",
    "invoices/{seen}/",
    "invoices/{open}/mark-paid/",
    "invoices/{open}/rehearse-usdc/",
    "invoices/{paid}/refund/",
    "payments/{payment}/",
    "unmatched/",
    "unmatched/{deposit}/",
    "unmatched/{deposit}/match/",
    "unmatched/{deposit}/return/",
    "refunds/",
    "refunds/to-sign/",
    "refunds/{refund}/",
    "refunds/{rehearsed}/",
    "refunds/{refund}/call-off/",
    "refund-claims/",
    "refund-claims/{claim}/",
    "refund-claims/{claim}/accept/",
    "refund-claims/{claim}/decline/",
    "",
]


@pytest.fixture
def things(shop: Merchant, settings: pytest.FixtureRequest) -> dict[str, str]:
    """Ada's USDC on three chains of test networks and the sandbox's."""
    settings.USDC_CHAINS = CHAINS  # type: ignore[attr-defined]
    return given_usdc(shop)


def test_everybody_can_use_every_page_about_usdc(at_work: Page, things: dict[str, str]) -> None:
    page, found = at_work, []
    for path in PAGES:
        answer = page.goto("/dashboard/" + path.format(**things))
        assert answer is not None and answer.status == 200, path
        page.evaluate("document.querySelectorAll('main details.more').forEach(d => d.open = true)")
        for width, theme in LOOKS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            found += [f"{path} {width} {theme} {line}" for line in axe.complaints(page)]
    assert "\n".join(found) == ""


def test_a_key_is_compared_before_it_is_used(at_work: Page, shop: Merchant) -> None:
    page, wallet = at_work, default_wallet(shop, "USD")
    page.goto(f"/dashboard/wallets/{wallet.public_id}/usdc/")
    page.get_by_role("link", name="Say where USDC goes").click()
    page.get_by_label("The key or address").fill("0x" + "17" * 32)
    page.get_by_role("button", name="Compare first").click()
    expect(page.locator("#id_key_error")).to_contain_text("This is a private key")
    expect(page.get_by_label("The key or address")).to_have_value("")
    page.get_by_label("The key or address").fill(TEST_XPUB)
    page.get_by_role("button", name="Compare first").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Is this yours?")
    # As eth-account derives it: index 0 of the test mnemonic's second account.
    expect(page.get_by_text("0x8C8d35429F74ec245F8Ef2f4Fd1e551cFF97d650")).to_be_visible()
    assert axe.complaints(page) == []
    assert not ReceivingKey.objects.exists()
    page.get_by_role("button", name="It is mine, use it").click()
    expect(page.get_by_text("USDC for this wallet goes there from now on.")).to_be_visible()
    assert ReceivingKey.objects.get().text == TEST_XPUB


def test_a_payment_is_rehearsed_by_clicking(at_work: Page, shop: Merchant) -> None:
    page = at_work
    invoice = factories.given_an_open_invoice(shop, "25.00")
    page.goto(f"/dashboard/invoices/{invoice.public_id}/")
    page.get_by_label("More", exact=True).click()
    page.get_by_role("link", name="Rehearse a payment in USDC").click()
    expect(page.get_by_label("Amount")).to_have_value("25.000000")
    page.get_by_label("How far it is").select_option("1")
    page.get_by_role("button", name="Let it arrive").click()
    expect(page.get_by_text("1 of 3 confirmations")).to_be_visible()
    page.get_by_role("button", name="Confirm it").click()
    expect(page.get_by_text("It counts as money now.")).to_be_visible()
    assert factories.again(invoice).status == "paid"
    page.get_by_role("button", name="Drop it").click()
    expect(page.locator("main")).to_contain_text("The chain has replaced the block")
    assert factories.again(invoice).status == "open"
    assert Wallet.objects.count() == 1
