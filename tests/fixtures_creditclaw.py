"""What CreditClaw's clients begin with: a wallet to sell into, a page, and the example."""

import pytest

from invoicing.models import Merchant
from payments.actions.wallets import create_wallet
from payments.inputs import WalletInput
from tests.factories import given_a_checkout_page
from tests.fixtures import WallClock


@pytest.fixture
def sales_wallet_id(test_merchant: Merchant, clock: WallClock) -> str:
    """The wallet that Ada's bots sell into."""
    return create_wallet(test_merchant, WalletInput(name="Sales", currency="USD")).public_id


@pytest.fixture
def checkout_page_id(test_merchant: Merchant) -> str:
    """A page without an amount, for invoices that say how much."""
    return given_a_checkout_page(test_merchant, amount=None).public_id


@pytest.fixture
def creditclaw_example(checkout_page_id: str) -> str:
    """The body of the documented request, as it stands there but for the page's id."""
    return """{
"checkout_page_id": "cp_xyz789",
"recipient_name": "Acme Corp",
"recipient_email": "billing@acme.com",
"line_items": [
{
"description": "API Integration Service",
"quantity": 2,
"unit_price_usd": 125
},
{
"description": "Setup Fee",
"quantity": 1,
"unit_price_usd": 50
}
],
"tax_usd": 30,
"notes": "Thank you for your business"
}""".replace("cp_xyz789", checkout_page_id)
