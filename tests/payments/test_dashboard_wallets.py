"""What wallets and payments say of money that is owed, and of fees that are not final yet."""

from decimal import Decimal

import pytest

from invoicing.models import Merchant
from payments import flows
from payments.inputs import RefundInput
from tests import factories
from tests.factories import again, balances
from tests.fixtures import Api
from tests.fixtures_dashboard import Browser, text_of
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_wallet_says_what_it_owes_until_it_is_paid_off(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    payment = factories.pay(factories.given_an_open_invoice(test_merchant, "100.00"))
    path = f"wallets/{payment.wallet.public_id}/"
    # The control: before the refund nothing is owed.
    assert "This wallet owes" not in text_of(ada_browser.get(path))
    # What came in is not available yet, so the refund is owed.
    flows.refund(test_merchant, payment.invoice.public_id, RefundInput(amount="40"))
    assert balances(payment.wallet) == {"pending": 9630, "debt": -4000}
    assert "This wallet owes $40.00:" in text_of(ada_browser.get(path))
    factories.let_pass(test_merchant, "P3D")
    factories.work()
    assert balances(payment.wallet) == {"available": 5630}
    assert "This wallet owes" not in text_of(ada_browser.get(path))


def test_a_dispute_says_what_is_held_back_and_what_its_fee_is(
    ada_browser: Browser, api: Api, test_merchant: Merchant, stripe_account: Stripe
) -> None:
    payment = stripe_account.given_a_payment(test_merchant)
    dispute = stripe_account.given_a_dispute(payment)
    page = text_of(ada_browser.get(f"wallets/{payment.wallet.public_id}/"))
    assert "Dispute · TEST-0001 -$100.00 $15.00 -$115.00" in page
    (entry, _) = api.get(f"/v1/wallets/{payment.wallet.public_id}/entries").json()["data"]
    assert [entry[name] for name in ("kind", "gross", "provider_fee", "net")] == [
        "dispute",
        "-100.00",
        "15.00",
        "-115.00",
    ]
    stripe_account.fake.control("disputes/win", dispute=dispute.provider_reference)
    stripe_account.deliver()
    # What comes back when it is won; whether its fee does is the bank's to say.
    (won, *_) = api.get(f"/v1/wallets/{payment.wallet.public_id}/entries").json()["data"]
    gross, fee, net = (Decimal(won[name]) for name in ("gross", "provider_fee", "net"))
    assert (won["kind"], gross, gross - fee) == ("dispute_won", 100, net)


def test_a_payment_says_whether_its_fee_is_final(
    ada_browser: Browser, test_merchant: Merchant, stripe_account: Stripe
) -> None:
    stripe_account.fake.control("null_balance_transaction")
    payment = stripe_account.given_a_payment(test_merchant)
    path = f"payments/{payment.public_id}/"
    said = text_of(ada_browser.get(path))
    assert "Provider's fee (estimated) −$3.20" in said and "(final)" not in said
    stripe_account.let_pass(seconds=120)
    stripe_account.deliver()
    assert again(payment).fee_is_final
    said = text_of(ada_browser.get(path))
    assert "Provider's fee (final) −$3.20" in said and "(estimated)" not in said


def test_a_payment_without_a_providers_fee_says_nothing_of_it(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    invoice = factories.given_an_open_invoice(test_merchant, "100.00")
    ada_browser.submit(f"invoices/{invoice.public_id}/mark-paid/", method="cash")
    payment = invoice.payments.get()
    said = text_of(ada_browser.get(f"payments/{payment.public_id}/"))
    assert "Provider's fee" in said
    assert "(estimated)" not in said and "(final)" not in said
