"""Invoices in the dashboard: finding them, and doing with them what their state allows."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from invoicing import tasks
from invoicing.actions.access import invite
from invoicing.actions.invoices import send_invoice, void_invoice, write_off_invoice
from invoicing.actions.messages import record_refused
from invoicing.actions.webhooks import fan_out
from invoicing.inputs import InvitationInput, read
from invoicing.models import Invoice, Membership, Merchant, Message
from payments.models import Payment
from tests import factories
from tests.fixtures_dashboard import Browser, form_of, text_of


def numbers_in(response: Any) -> list[str]:
    """What the rows of a list are called, from the top."""
    found = re.findall(r'class="row-link[^>]*>(.*?)</a>', response.content.decode(), re.DOTALL)
    return [" ".join(re.sub("<[^>]*>", "", text).split()) for text in found]


def again(invoice: Invoice) -> Invoice:
    return Invoice.objects.get(pk=invoice.pk)


# Finding them


def test_invoices_are_paged_by_key_both_ways(ada_browser: Browser, test_merchant: Merchant) -> None:
    for _ in range(60):
        factories.given_an_open_invoice(test_merchant)
    shown = [f"TEST-{n:04}" for n in range(60, 0, -1)]
    first = ada_browser.get("invoices/")
    assert numbers_in(first) == shown[:25]
    assert 'rel="prev"' not in first.content.decode()
    older = re.search(r'rel="next" href="([^"]*)"', first.content.decode())
    assert older
    # What arrives meanwhile moves nothing on the next page.
    factories.given_an_open_invoice(test_merchant)
    second = ada_browser.get(f"invoices/{older[1]}")
    assert numbers_in(second) == shown[25:50]
    links = dict(re.findall(r'rel="(\w+)" href="([^"]*)"', second.content.decode()))
    third = ada_browser.get(f"invoices/{links['next']}")
    assert numbers_in(third) == shown[50:]
    assert 'rel="next"' not in third.content.decode()
    assert numbers_in(ada_browser.get(f"invoices/{links['prev']}")) == shown[:25]


@pytest.mark.parametrize("query", ["?before=x", "?after=-1", "?before=99999999999999999999"])
def test_a_strange_page_is_the_first(
    query: str, ada_browser: Browser, test_merchant: Merchant
) -> None:
    factories.given_an_open_invoice(test_merchant)
    assert numbers_in(ada_browser.get(f"invoices/{query}")) == ["TEST-0001"]


def test_the_tabs_keep_what_they_say(
    ada_browser: Browser, test_merchant: Merchant, clock: Any
) -> None:
    factories.given_a_draft(test_merchant)
    factories.given_an_open_invoice(test_merchant, due_at="2030-01-01")
    late = factories.given_an_open_invoice(test_merchant, due_at="2026-03-05")
    paid = factories.given_an_open_invoice(test_merchant)
    factories.pay(paid)
    void = factories.given_an_open_invoice(test_merchant)
    void_invoice(test_merchant, void.public_id)
    lost = factories.given_an_open_invoice(test_merchant)
    write_off_invoice(test_merchant, lost.public_id)
    gone = factories.given_an_open_invoice(test_merchant, expires_at="2026-03-05")
    clock.move(days=10)
    tasks.watch_due_dates()
    assert again(late).is_overdue
    shown = {
        tab: numbers_in(ada_browser.get(f"invoices/?status={tab}"))
        for tab in ("draft", "open", "overdue", "paid", "void", "expired", "uncollectible", "odd")
    }
    assert shown == {
        "draft": ["Draft"],
        "open": ["TEST-0002", "TEST-0001"],
        "overdue": ["TEST-0002"],
        "paid": ["TEST-0003"],
        "void": ["TEST-0004"],
        "expired": [str(again(gone))],
        "uncollectible": ["TEST-0005"],
        "odd": [],
    }


@pytest.mark.parametrize(
    "text", ["TEST-0001", "test-0001", "cleo", "CLEO@EXAMPLE.COM", "her memo", "June", "PO-9"]
)
def test_an_invoice_is_found_by_what_stands_on_it(
    text: str, ada_browser: Browser, test_merchant: Merchant
) -> None:
    customer = factories.given_a_customer(test_merchant)
    factories.given_an_open_invoice(
        test_merchant,
        customer_id=customer.public_id,
        memo="her memo",
        title="June",
        purchase_order="PO-9",
    )
    factories.given_an_open_invoice(test_merchant, recipient={"name": "Dora"})
    assert numbers_in(ada_browser.get(f"invoices/?q={text}")) == ["TEST-0001"]


@pytest.mark.parametrize("text", ["%25", "_", "%00", "' OR 1=1 --", "<script>", "x" * 5000])
def test_a_search_is_only_text(text: str, ada_browser: Browser, test_merchant: Merchant) -> None:
    factories.given_an_open_invoice(test_merchant)
    response = ada_browser.get(f"invoices/?q={text}")
    assert response.status_code == 200
    assert "<script>" not in response.content.decode()
    if text != "%00":  # nothing is left of it, so everything matches
        assert numbers_in(response) == []


def test_invoices_are_found_by_customer_and_dates(
    ada_browser: Browser, test_merchant: Merchant, ben_merchant: Merchant, clock: Any
) -> None:
    cleo = factories.given_a_customer(test_merchant)
    factories.given_an_open_invoice(test_merchant, customer_id=cleo.public_id, due_at="2026-04-01")
    clock.move(days=1)
    factories.given_an_open_invoice(test_merchant, due_at="2026-05-01")
    found = {
        query: numbers_in(ada_browser.get(f"invoices/?{query}"))
        for query in (
            f"customer={cleo.public_id}",
            "created_from=2026-03-03",
            "created_to=2026-03-02",
            "created_from=2026-03-02&created_to=2026-03-03",
            "due_from=2026-04-01&due_to=2026-04-01",
            "due_from=2026-04-02",
            "due_from=nonsense",
        )
    }
    assert list(found.values()) == [
        ["TEST-0001"],
        ["TEST-0002"],
        ["TEST-0001"],
        ["TEST-0002", "TEST-0001"],
        ["TEST-0001"],
        ["TEST-0002"],
        ["TEST-0002", "TEST-0001"],
    ]
    ben = factories.given_a_customer(ben_merchant)
    assert ada_browser.get(f"invoices/?customer={ben.public_id}").status_code == 404


def test_the_filters_stay_in_the_tabs_and_pages(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    for _ in range(26):
        factories.given_an_open_invoice(test_merchant)
    page = ada_browser.get("invoices/?status=open&q=cleo&before=999999999").content.decode()
    assert 'href="?q=cleo&amp;status=paid"' in page
    assert re.search(r'rel="next" href="\?status=open&amp;q=cleo&amp;before=\d+"', page)


def test_empty_lists_say_what_to_do(ada_browser: Browser) -> None:
    assert "No invoices yet" in text_of(ada_browser.get("invoices/"))
    assert "No invoice matches" in text_of(ada_browser.get("invoices/?q=nothing"))


LISTS = [
    "",
    "invoices/",
    "customers/",
    "payments/",
    "wallets/",
    "mails/",
    "events/",
    "api-keys/",
    "webhooks/",
    "team/",
]


def given_a_busy_merchant(merchant: Merchant, count: int, ada: Any) -> None:
    """So many of everything that lists show."""
    for number in range(count):
        customer = factories.given_a_customer(merchant)
        invoice = factories.given_an_open_invoice(merchant, customer_id=customer.public_id)
        send_invoice(merchant, invoice.public_id)
        factories.pay(invoice)
        factories.given_an_open_invoice(merchant, customer_id=customer.public_id)
        factories.given_a_key(merchant)
        Membership.objects.create(
            account=merchant.account,
            user=factories.given_a_user("Somebody"),
            role="viewer",
            created_at=merchant.created_at,
        )
        email = f"{ada.pk}-{number}-{count}@example.com"
        invite(merchant.account, ada, read(InvitationInput, {"email": email, "role": "viewer"}))
        if number < 5:
            factories.given_an_endpoint(merchant, f"http://127.0.0.1:9/{count}/{number}")
    fan_out()


def test_a_list_asks_as_often_for_many_rows_as_for_few(
    subtests: pytest.Subtests,
    ada_browser: Browser,
    test_merchant: Merchant,
    ada: Any,
    settings: Any,
) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    counts: dict[str, list[int]] = {path: [] for path in LISTS}
    for more in (5, 20):
        given_a_busy_merchant(test_merchant, more, ada)
        for path in LISTS:
            with CaptureQueriesContext(connection) as queries:
                assert ada_browser.get(path).status_code == 200
            counts[path].append(len(queries))
    for path in LISTS:
        with subtests.test(path):
            assert counts[path][0] == counts[path][1]
            assert counts[path][0] <= 30


def test_an_invoice_asks_as_often_for_many_lines_as_for_few(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    counts = []
    for lines in (1, 40):
        items = [{"description": "x", "unit_price": "1"}] * lines
        draft = factories.given_a_draft(test_merchant, line_items=items)
        for path in ("", "edit/"):
            with CaptureQueriesContext(connection) as queries:
                ada_browser.get(f"invoices/{draft.public_id}/{path}")
            counts.append(len(queries))
    assert counts[:2] == counts[2:]


# One of them


def test_an_invoice_shows_its_payments_with_fees_and_net(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    invoice = factories.given_an_open_invoice(test_merchant, "100.00")
    factories.pay(invoice)
    page = text_of(ada_browser.get(f"invoices/{invoice.public_id}/"))
    # 2.9 % + 0.30 and 0.5 % of 100.00
    assert "Visa ···· 4242 Succeeded $100.00 $3.70 $96.30" in page
    assert "Paid −$100.00 Due $0.00" in page


def test_an_invoice_tells_its_history_with_who_did_it(
    ada_browser: Browser, ada: Any, test_merchant: Merchant
) -> None:
    ada_browser.submit(
        "invoices/new/",
        do="send",
        recipient_email="cleo@example.com",
        **{"line-0-description": "Work", "line-0-unit_price": "10"},
    )
    invoice = Invoice.objects.get(merchant=test_merchant)
    factories.pay(invoice)
    page = text_of(ada_browser.get(f"invoices/{invoice.public_id}/"))
    history = page[page.index("History") :]
    order = ["Paid", "Sent to cleo@example.com", "Issued", "Draft created"]
    places = [history.index(words) for words in order]
    assert places == sorted(places)
    assert history.count(f"· {ada}") >= 3


def test_the_payers_link_is_there_once_issued(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    draft = factories.given_a_draft(test_merchant)
    assert draft.slug not in ada_browser.get(f"invoices/{draft.public_id}/").content.decode()
    ada_browser.submit(f"invoices/{draft.public_id}/finalize/")
    assert f"/i/{draft.slug}" in ada_browser.get(f"invoices/{draft.public_id}/").content.decode()


def test_the_pdf_is_shown_and_downloaded(ada_browser: Browser, test_merchant: Merchant) -> None:
    invoice = factories.given_an_open_invoice(test_merchant)
    shown = ada_browser.get(f"invoices/{invoice.public_id}/pdf/")
    assert shown.content.startswith(b"%PDF-")
    assert shown["Content-Disposition"] == 'inline; filename="TEST-0001.pdf"'
    saved = ada_browser.get(f"invoices/{invoice.public_id}/pdf/?download")
    assert saved["Content-Disposition"].startswith("attachment")


def test_a_failed_mail_says_why_and_is_tried_again(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    invoice = factories.given_an_open_invoice(test_merchant)
    send_invoice(test_merchant, invoice.public_id)
    mail = Message.objects.get(invoice=invoice)
    record_refused(mail.pk, "No such mailbox", permanent=True)
    page = text_of(ada_browser.get(f"invoices/{invoice.public_id}/"))
    assert "Failed No such mailbox" in page
    assert "1 mail could not be delivered" in text_of(ada_browser.get(""))
    ada_browser.submit(f"mails/{mail.public_id}/", action="/retry/")
    assert Message.objects.get(pk=mail.pk).status == "queued"
    assert "could not be delivered" not in text_of(ada_browser.get(""))


# Its verbs


def test_an_invoice_is_sent_to_the_address_that_was_typed(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    draft = factories.given_a_draft(test_merchant)
    path = f"invoices/{draft.public_id}/"
    assert ada_browser.form(path, action="/send/")["to"] == "cleo@example.com"
    response = ada_browser.submit(path, action="/send/", to="office@example.com")
    assert response.url == f"/dashboard/{path}"
    assert Message.objects.get().to == "office@example.com"
    assert (again(draft).status, again(draft).number) == ("open", "TEST-0001")


@pytest.mark.parametrize("to", ["", "nonsense", "a@b.example\nBcc: x@x.example"])
def test_a_wrong_address_sends_nothing(
    to: str, ada_browser: Browser, test_merchant: Merchant
) -> None:
    draft = factories.given_a_draft(test_merchant)
    response = ada_browser.submit(f"invoices/{draft.public_id}/send/", to=to)
    assert response.status_code == 422
    assert 'id="id_to_error"' in response.content.decode()
    assert (again(draft).status, Message.objects.count()) == ("draft", 0)


VERBS = ["finalize", "void", "write-off", "delete", "send", "mark-paid"]


def given_in_state(merchant: Merchant, state: str) -> Invoice:
    """An invoice in this state."""
    if state == "draft":
        return factories.given_a_draft(merchant)
    invoice = factories.given_an_open_invoice(merchant)
    if state == "void":
        void_invoice(merchant, invoice.public_id)
    elif state == "uncollectible":
        write_off_invoice(merchant, invoice.public_id)
    elif state == "paid":
        factories.pay(invoice)
    elif state == "paying":
        factories.pay(invoice, factories.SILENT_THEN_PAID)
    return again(invoice)


@pytest.mark.parametrize("state", ["draft", "open", "paying", "paid", "void", "uncollectible"])
@pytest.mark.parametrize("verb", VERBS)
def test_what_the_page_offers_works_and_the_rest_is_refused(
    verb: str, state: str, ada_browser: Browser, test_merchant: Merchant
) -> None:
    invoice = given_in_state(test_merchant, state)
    assert invoice.status == state
    path = f"invoices/{invoice.public_id}/"
    offered = f"/{path}{verb}/" in ada_browser.get(path).content.decode()
    data = {"to": "cleo@example.com", "amount": "100.00", "method": "cash", "token": "t" * 32}
    response = ada_browser.post(f"{path}{verb}/", data)
    refused = response.status_code == 422
    if response.status_code == 302:
        refused = 'class="note bad"' in ada_browser.get(response.url).content.decode()
    assert refused is not offered
    if refused:
        assert again(invoice).status == state
        assert not Message.objects.filter(kind="invoice").exists()


def test_money_received_elsewhere_is_noted_once(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    invoice = factories.given_an_open_invoice(test_merchant, "100.00")
    path = f"invoices/{invoice.public_id}/mark-paid/"
    form = ada_browser.form(path)
    assert form["amount"] == "100.00"
    data = form.data(amount="40.00", method="bank_transfer", reference="ST-7", note="Thanks")
    for _ in range(2):
        assert ada_browser.post(path, data).status_code == 302
    payment = Payment.objects.get(invoice=invoice)
    assert (payment.received, payment.method["reference"], payment.note) == (4000, "ST-7", "Thanks")
    assert again(invoice).amount_paid == 4000
    page = text_of(ada_browser.get(f"invoices/{invoice.public_id}/"))
    assert "Bank transfer · ST-7" in page and "Due $60.00" in page
    ada_browser.submit(path)
    assert again(invoice).status == "paid"


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("-1", "more than 0"),
        ("0", "more than 0"),
        ("100.01", "at most what is due"),
        ("1.001", "2 decimal places"),
        ("1e2", "plain decimal"),
        ("１２", "plain decimal"),
    ],
)
def test_a_wrong_amount_is_refused(
    amount: str, said: str, ada_browser: Browser, test_merchant: Merchant
) -> None:
    invoice = factories.given_an_open_invoice(test_merchant, "100.00")
    response = ada_browser.submit(f"invoices/{invoice.public_id}/mark-paid/", amount=amount)
    assert response.status_code == 422
    assert said in text_of(response)
    assert not Payment.objects.exists()


def test_an_unknown_payment_is_looked_at_again(
    ada_browser: Browser, test_merchant: Merchant, clock: Any
) -> None:
    invoice = factories.given_an_open_invoice(test_merchant)
    payment = factories.pay(invoice, factories.SILENT_THEN_PAID)
    assert payment.status == "unknown"
    path = f"payments/{payment.public_id}/"
    assert "1 payment whose outcome is not known yet" in text_of(ada_browser.get(""))
    ada_browser.submit(path, action="/look/")
    assert "Nothing new" in text_of(ada_browser.get(path))
    clock.move(hours=2)
    ada_browser.submit(path, action="/look/")
    assert "This payment is now: Succeeded." in text_of(ada_browser.get(path))
    assert again(invoice).status == "paid"


def test_a_wallet_shows_gross_fees_and_net(ada_browser: Browser, test_merchant: Merchant) -> None:
    invoice = factories.given_an_open_invoice(test_merchant, "100.00", allow_partial=True)
    factories.pay(invoice, amount=6000)
    ada_browser.submit(f"invoices/{invoice.public_id}/mark-paid/", amount="40.00")
    wallet = test_merchant.wallets.get()
    page = text_of(ada_browser.get(f"wallets/{wallet.public_id}/"))
    # 2.9 % + 0.30 and 0.5 % of 60.00
    assert "Pending $57.66" in page and "Available $0.00" in page
    assert "Received outside $40.00" in page
    assert "Payment · TEST-0001 $40.00 $0.00 $40.00" in page
    assert "Payment · TEST-0001 $60.00 $2.34 $57.66" in page
    factories.let_pass(test_merchant, "P5D")
    factories.work()
    page = text_of(ada_browser.get(f"wallets/{wallet.public_id}/"))
    assert "Pending $0.00" in page and "Available $57.66" in page
    assert "Became available · TEST-0001" in page


def test_the_home_page_counts_by_currency(
    ada_browser: Browser, test_merchant: Merchant, clock: Any
) -> None:
    factories.given_an_open_invoice(test_merchant, "100.00", due_at="2026-03-05")
    factories.given_an_open_invoice(test_merchant, "50.00", currency="EUR", due_at="2026-06-01")
    paid = factories.given_an_open_invoice(test_merchant, "7.00")
    factories.pay(paid)
    factories.given_a_draft(test_merchant)
    clock.move(days=5)
    tasks.watch_due_dates()
    page = text_of(ada_browser.get(""))
    assert "Received in 30 days $7.00 1 payment" in page
    assert "Outstanding €50.00 1 invoice $100.00 1 invoice" in page
    assert "Overdue $100.00 1 invoice" in page
    assert "1 invoice is overdue" in page and "1 draft waits to be finished" in page
    clock.move(days=31)
    assert "Received in 30 days $0.00 No payments" in text_of(ada_browser.get(""))


def test_the_first_steps_lead_the_way(ada_browser: Browser, test_merchant: Merchant) -> None:
    assert "First steps 0 of 5 done" in text_of(ada_browser.get(""))
    ada_browser.submit("settings/", address_line1="1 Analytical Way", address_city="London")
    invoice = factories.given_a_draft(test_merchant)
    send_invoice(test_merchant, invoice.public_id)
    factories.pay(invoice)
    assert "First steps 4 of 5 done" in text_of(ada_browser.get(""))
    factories.given_a_key(test_merchant)
    assert "First steps" not in text_of(ada_browser.get(""))


def test_a_confirmation_page_asks_before_anything_happens(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    invoice = factories.given_an_open_invoice(test_merchant)
    page = ada_browser.get(f"invoices/{invoice.public_id}/void/")
    assert "this cannot be undone" in text_of(page)
    assert again(invoice).status == "open"
    ada_browser.post(f"invoices/{invoice.public_id}/void/", form_of(page).data())
    assert again(invoice).status == "void"
