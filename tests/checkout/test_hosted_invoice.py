"""The hosted invoice over HTTP: who may see it, what it gives away, and what counts as a view."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from checkout.pages.hosted import amount_in
from invoicing import archive
from invoicing.errors import ValidationFailed
from invoicing.models import Event, Invoice, Merchant, User
from invoicing.pdf import PdfFailed
from payments import flows
from payments.inputs import RefundInput
from payments.models import Payment
from payments.rails.rail import RailError
from tests import factories
from tests.fixtures_dashboard import text_of
from tests.fixtures_stripe import Stripe

SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def invoice(test_merchant: Merchant) -> Invoice:
    return factories.given_an_open_invoice(test_merchant, "100.00")


@pytest.fixture
def cleo() -> Client:
    """The payer's browser."""
    return Client(headers={"User-Agent": SAFARI, "Accept-Language": "en"})


def address(invoice: Invoice, rest: str = "") -> str:
    return f"/i/{invoice.slug}{rest}"


def test_the_slug_opens_the_invoice(cleo: Client, invoice: Invoice) -> None:
    page = cleo.get(address(invoice)).content.decode()
    assert "$100.00" in page
    assert f"Invoice {invoice.number} from" in page


@pytest.mark.parametrize("rest", ["", "/status", "/pdf", "/return", "/brand.css"])
def test_a_draft_is_not_public(cleo: Client, test_merchant: Merchant, rest: str) -> None:
    draft = factories.given_a_draft(test_merchant)
    assert cleo.get(address(draft, rest)).status_code == 404
    assert cleo.post(address(draft, "/pay")).status_code == 404
    assert not Payment.objects.exists()


@pytest.mark.parametrize("name", ["public_id", "uuid", "number", "pk"])
def test_only_the_slug_opens_it(cleo: Client, invoice: Invoice, name: str) -> None:
    assert cleo.get(f"/i/{getattr(invoice, name)}").status_code == 404


def test_nothing_keeps_it_and_nobody_hears_of_it(cleo: Client, invoice: Invoice) -> None:
    response = cleo.get(address(invoice))
    assert response["Cache-Control"] == "private, no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert "noindex" in response["X-Robots-Tag"]
    assert "script-src" not in response["Content-Security-Policy"]
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert not response.cookies


def test_a_link_preview_learns_neither_whom_nor_how_much(
    cleo: Client, test_merchant: Merchant
) -> None:
    invoice = factories.given_an_open_invoice(test_merchant, "314.15", title="Divorce papers")
    head = cleo.get(address(invoice)).content.decode().partition("</head>")[0]
    assert "Invoice from" in head
    for private in ("314", "Cleo", "cleo@example.com", "Divorce"):
        assert private not in head


def test_text_that_looks_like_markup_stays_text(cleo: Client, test_merchant: Merchant) -> None:
    evil = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
    invoice = factories.given_an_open_invoice(
        test_merchant,
        title=evil,
        message=evil,
        memo=evil,
        notes=evil,
        recipient={"name": evil, "email": "cleo@example.com"},
        line_items=[
            {"description": evil, "unit_price": "1", "taxes": [{"rate": "5", "name": evil[:25]}]}
        ],
    )
    page = cleo.get(address(invoice)).content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_the_first_view_counts_once(cleo: Client, invoice: Invoice) -> None:
    cleo.get(address(invoice))
    seen = factories.again(invoice).viewed_at
    cleo.get(address(invoice))
    assert seen is not None
    assert factories.again(invoice).viewed_at == seen
    assert factories.told(invoice).count("invoice.viewed") == 1
    assert Event.objects.get(type="invoice.viewed").actor_kind == "payer"


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
        {"User-Agent": "WhatsApp/2.23.20.0"},
        {"User-Agent": "TelegramBot (like TwitterBot)"},
        {"User-Agent": "facebookexternalhit/1.1"},
        {"User-Agent": "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)"},
        {"User-Agent": "LinkedInBot/1.0 (compatible; Mozilla/5.0)"},
        {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"},
        {"User-Agent": "Mozilla/5.0 Windows SkypeUriPreview Preview/0.5"},
        {"User-Agent": "BingPreview/1.0b"},
        {"User-Agent": "curl/8.5.0"},
        {"User-Agent": "python-requests/2.32"},
        {"User-Agent": ""},
        {"User-Agent": SAFARI, "Sec-Purpose": "prefetch;prerender"},
        {"User-Agent": SAFARI, "Purpose": "prefetch"},
        {"User-Agent": SAFARI, "X-Moz": "prefetch"},
    ],
    ids=lambda headers: "; ".join(headers.values())[:40] or "no user agent",
)
def test_a_program_that_looks_is_no_view(invoice: Invoice, headers: dict[str, str]) -> None:
    assert Client(headers=headers).get(address(invoice)).status_code == 200
    assert factories.again(invoice).viewed_at is None


@pytest.mark.parametrize(
    "agent",
    [
        SAFARI,
        "Mozilla/5.0 (Linux; Android 14; CUBOT KINGKONG 9) AppleWebKit/537.36 Chrome/131.0",
        "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 [FBAN/FBIOS;FBAV/480.0]",
        "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 [LinkedInApp]/9.30",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ],
)
def test_a_browser_inside_an_app_is_a_view(invoice: Invoice, agent: str) -> None:
    Client(headers={"User-Agent": agent}).get(address(invoice))
    assert factories.again(invoice).viewed_at is not None


def test_asking_only_for_the_head_is_no_view(cleo: Client, invoice: Invoice) -> None:
    assert cleo.head(address(invoice)).status_code == 200
    assert factories.again(invoice).viewed_at is None


def test_asking_for_the_status_or_the_pdf_is_no_view(cleo: Client, invoice: Invoice) -> None:
    cleo.get(address(invoice, "/status"))
    cleo.get(address(invoice, "/brand.css"))
    assert factories.again(invoice).viewed_at is None


def test_the_sellers_own_visit_is_no_view_but_a_rivals_is(
    cleo: Client, invoice: Invoice, ada: User, ben: User
) -> None:
    cleo.force_login(ada)
    cleo.get(address(invoice))
    assert factories.again(invoice).viewed_at is None
    cleo.force_login(ben)
    cleo.get(address(invoice))
    assert factories.again(invoice).viewed_at is not None


def test_paying_leads_to_the_card_page_on_this_host(cleo: Client, invoice: Invoice) -> None:
    response = cleo.post(address(invoice, "/pay"), {"rail": "sandbox"})
    assert response.status_code == 303
    assert response["Location"].startswith("/sandbox/checkout/sbx_")
    assert invoice.payments.get().amount == 10000


def test_paying_needs_no_cookie_and_no_token(invoice: Invoice) -> None:
    strict = Client(enforce_csrf_checks=True, headers={"User-Agent": SAFARI, "Origin": "null"})
    assert strict.post(address(invoice, "/pay")).status_code == 303


def test_paying_is_never_done_by_following_a_link(cleo: Client, invoice: Invoice) -> None:
    assert cleo.get(address(invoice, "/pay")).status_code == 405
    assert not invoice.payments.exists()


def test_paying_what_is_paid_shows_the_receipt(cleo: Client, invoice: Invoice) -> None:
    factories.pay(invoice)
    response = cleo.post(address(invoice, "/pay"), follow=True)
    assert response.redirect_chain == [(address(invoice), 303)]
    assert "Paid, thank you" in response.content.decode()
    assert invoice.payments.count() == 1


@pytest.mark.parametrize(
    ("amount", "problem"),
    [
        ("100.01", "at most what is due"),
        ("99.99", "all that is due"),
        ("0", "more than nothing"),
        ("-5", "more than nothing"),
        ("1.005", "a number, such as 25.00"),
        ("1e2", "a number, such as 25.00"),
        ("١٠٠", "a number, such as 25.00"),
        ("NaN", "a number, such as 25.00"),
        ("9" * 400, "a number, such as 25.00"),
    ],
)
def test_a_wrong_amount_is_explained_and_nothing_begins(
    cleo: Client, invoice: Invoice, amount: str, problem: str
) -> None:
    response = cleo.post(address(invoice, "/pay"), {"amount": amount})
    assert response.status_code == 422
    assert problem in response.content.decode()
    assert not invoice.payments.exists()


def test_a_way_to_pay_that_is_not_offered_is_refused(cleo: Client, invoice: Invoice) -> None:
    response = cleo.post(address(invoice, "/pay"), {"rail": "manual"})
    assert response.status_code == 409
    assert not invoice.payments.exists()


def test_a_provider_that_fails_is_apologised_for(
    cleo: Client, invoice: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RailError("no", permanent=False)

    monkeypatch.setattr(flows, "start", fail)
    response = cleo.post(address(invoice, "/pay"))
    assert response.status_code == 502
    assert "nothing was taken" in response.content.decode()


def test_a_live_invoice_without_a_rail_says_so(cleo: Client, live: Merchant) -> None:
    page = cleo.get(address(factories.given_an_open_invoice(live))).content.decode()
    assert "does not take payments online yet" in page
    assert '/pay"' not in page
    assert "Test mode" not in page


def test_the_status_says_only_whether_anything_is_new(
    cleo: Client, test_merchant: Merchant, invoice: Invoice
) -> None:
    factories.pay(invoice, factories.SILENT_THEN_PAID)
    seen = "paying.0.0.1"
    assert f"seen={seen}" in cleo.get(address(invoice)).content.decode()
    htmx = {"HX-Request": "true"}
    same = cleo.get(address(invoice, "/status"), {"seen": seen}, headers=htmx)
    assert (same.status_code, same.content) == (204, b"")
    factories.let_pass(test_merchant, "PT11M")
    factories.work()
    flows.check(invoice.payments.get().pk)
    changed = cleo.get(address(invoice, "/status"), {"seen": seen}, headers=htmx)
    assert changed["HX-Refresh"] == "true"
    assert changed["Cache-Control"] == "private, no-store"


def test_the_status_without_htmx_is_the_page(cleo: Client, invoice: Invoice) -> None:
    assert cleo.get(address(invoice, "/status"))["Location"] == address(invoice)


def test_the_page_speaks_the_customers_language_before_the_browsers(
    cleo: Client, test_merchant: Merchant
) -> None:
    customer = factories.given_a_customer(test_merchant, language="de")
    invoice = factories.given_an_open_invoice(
        test_merchant, "1234.50", customer_id=customer.public_id
    )
    response = cleo.get(address(invoice), headers={"Accept-Language": "fr"})
    assert response["Content-Language"] == "de"
    assert "1.234,50" in response.content.decode()


def test_the_page_speaks_the_browsers_language_where_nobody_said(
    cleo: Client, invoice: Invoice
) -> None:
    french = cleo.get(address(invoice), headers={"Accept-Language": "fr-CA, en;q=0.5"})
    assert french["Content-Language"] == "fr"
    assert '<html lang="fr" dir="ltr"' in french.content.decode()


def test_a_language_these_pages_are_not_written_in_is_not_claimed(
    cleo: Client, test_merchant: Merchant
) -> None:
    customer = factories.given_a_customer(test_merchant, language="he")
    invoice = factories.given_an_open_invoice(test_merchant, customer_id=customer.public_id)
    assert '<html lang="en" dir="ltr"' in cleo.get(address(invoice)).content.decode()


def test_the_colour_is_kept_by_the_browser_under_an_address_of_its_own(
    cleo: Client, invoice: Invoice
) -> None:
    response = cleo.get(address(invoice, "/brand.css"))
    assert response["Content-Type"] == "text/css; charset=utf-8"
    assert "immutable" in response["Cache-Control"]
    assert response.content.decode().startswith(":root{--brand:#2f5d50;--on-brand:#ffffff")
    assert f"{address(invoice)}/brand.css?v=2f5d50" in cleo.get(address(invoice)).content.decode()


def test_the_pdf_opens_in_the_browser(
    cleo: Client, invoice: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "pdf_of", lambda _: b"%PDF-1.7")
    response = cleo.get(address(invoice, "/pdf"))
    assert (response["Content-Type"], response.content) == ("application/pdf", b"%PDF-1.7")
    assert response["Content-Disposition"] == f'inline; filename="{invoice.number}.pdf"'
    assert response["Cache-Control"] == "private, no-store"


def test_a_pdf_that_cannot_be_made_is_apologised_for(
    cleo: Client, invoice: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Invoice) -> bytes:
        raise PdfFailed("it hangs")

    monkeypatch.setattr(archive, "pdf_of", fail)
    response = cleo.get(address(invoice, "/pdf"))
    assert response.status_code == 503
    assert "could not be made just now" in response.content.decode()


def test_the_page_costs_the_same_however_long_the_invoice(
    cleo: Client, test_merchant: Merchant, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    lines = [{"description": f"Thing {n}", "unit_price": "1"} for n in range(80)]
    short = factories.given_an_open_invoice(test_merchant)
    long = factories.given_an_open_invoice(test_merchant, line_items=lines)
    for invoice in (short, long):
        cleo.get(address(invoice))
        with django_assert_max_num_queries(7):
            cleo.get(address(invoice))


def test_a_decimal_comma_is_read_only_where_people_write_one() -> None:
    from django.utils import translation

    with translation.override("de"):
        assert amount_in("12,50", "EUR") == 1250
        assert amount_in("12.50", "EUR") == 1250
        with pytest.raises(ValidationFailed):
            amount_in("1.234,50", "EUR")
    with translation.override("en"), pytest.raises(ValidationFailed):
        amount_in("12,50", "EUR")


def policy_of(response: Any, directive: str) -> list[str]:
    """What the page's policy allows for this directive."""
    parts = (part.split() for part in response["Content-Security-Policy"].split(";"))
    return next(rest for name, *rest in parts if name == directive)


def test_the_form_may_lead_to_the_providers_page_and_nowhere_else(
    cleo: Client, invoice: Invoice, settings: Any
) -> None:
    assert policy_of(cleo.get(address(invoice)), "form-action") == ["'self'"]
    settings.STRIPE_SECRET_KEY = "sk_test_none"
    there = cleo.get(address(invoice))
    assert policy_of(there, "form-action") == ["'self'", "https://checkout.stripe.com"]
    settings.STRIPE_API_BASE = "http://127.0.0.1:9/v1"
    there = cleo.get(address(invoice))
    assert policy_of(there, "form-action") == ["'self'", "http://127.0.0.1:9"]


def test_each_way_to_pay_says_what_it_is(
    cleo: Client, test_merchant: Merchant, invoice: Invoice, settings: Any
) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_none"
    said = text_of(cleo.get(address(invoice)))
    assert "Test card" in said and "Card Confirmed at once" in said
    assert "US bank account (ACH) Arrives in about 4 business days" in said
    euros = factories.given_an_open_invoice(test_merchant, "100.00", currency="EUR")
    assert "ACH" not in text_of(cleo.get(address(euros)))


def test_a_bank_debit_says_how_long_it_takes(
    cleo: Client, invoice: Invoice, stripe_account: Stripe
) -> None:
    sent = cleo.post(address(invoice, "/pay"), {"rail": "ach"})
    payment = invoice.payments.get()
    assert sent.status_code == 303 and sent.url == payment.url
    stripe_account.pay_by_bank(payment)
    stripe_account.deliver()
    said = text_of(cleo.get(address(invoice)))
    assert "Your payment is on its way" in said and "about 4 business days" in said
    stripe_account.let_pass(days=7)
    stripe_account.deliver()
    said = text_of(cleo.get(address(invoice)))
    assert "Paid, thank you" in said and "ending in 6789" in said


def test_money_that_the_bank_took_back_is_due_again(
    cleo: Client, invoice: Invoice, stripe_account: Stripe
) -> None:
    payment = flows.start(invoice.pk, "card")
    stripe_account.pay(payment)
    stripe_account.deliver()
    assert "took the payment back" not in text_of(cleo.get(address(invoice)))
    stripe_account.fake.control("disputes/open", session=payment.provider_reference)
    stripe_account.deliver()
    dispute = payment.disputes.get()
    stripe_account.fake.control("disputes/lose", dispute=dispute.provider_reference)
    stripe_account.deliver()
    said = text_of(cleo.get(address(invoice)))
    assert "Your bank took the payment back. $100.00 of what had been paid is due again." in said
    assert "Pay $100.00" in said


def test_the_receipt_says_when_how_much_went_back(
    cleo: Client, invoice: Invoice, test_merchant: Merchant
) -> None:
    factories.pay(invoice)
    assert "Refunded" not in text_of(cleo.get(address(invoice)))
    flows.refund(test_merchant, invoice.public_id, RefundInput(amount="40", payment_id=""))
    said = text_of(cleo.get(address(invoice)))
    assert "$40.00 has been refunded" in said
    assert "Refunded $40.00 · " in said
