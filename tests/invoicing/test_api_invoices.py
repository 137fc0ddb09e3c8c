"""Invoices over the API: drafted, listed, found, changed, issued, sent, voided, copied."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from invoicing import clock as clocks
from invoicing import representations, tasks
from invoicing.actions import invoices as actions
from invoicing.actions.customers import delete_customer
from invoicing.actions.merchants import set_numbering
from invoicing.inputs import NumberingInput
from invoicing.models import Event, Invoice, LineItem, Merchant, Message
from payments.actions.pay import mark_paid
from payments.actions.wallets import create_wallet
from payments.inputs import MarkPaidInput, WalletInput
from tests.factories import (
    again,
    given_a_customer,
    given_a_draft,
    given_an_open_invoice,
    let_pass,
    pay,
    told,
)
from tests.fixtures import Api, WallClock

BILL = {
    "recipient": {"name": "Cleo Payer", "email": "cleo@example.com"},
    "currency": "USD",
    "line_items": [
        {"description": "Hours", "quantity": "2.5", "unit_price": "40"},
        {
            "description": "Icons",
            "quantity": 24,
            "unit_price": "18.50",
            "discount": {"percent": "10"},
            "tax_rate": "7",
        },
    ],
    "tax_rate": "19",
    "discount": {"amount": "20.00"},
    "due_at": "2027-04-01",
    "metadata": {"order": "A-17", "deep": {"list": [1, 2.5, None, True]}},
}


def ids(answer: Any) -> list[str]:
    return [row["id"] for row in answer.json()["data"]]


def test_a_draft_is_worked_out_and_saved(api: Api, test_merchant: Merchant) -> None:
    answer = api.post("/v1/invoices", BILL)
    assert answer.status_code == 201
    made = answer.json()
    assert made["status"] == "draft"
    assert (made["number"], made["slug"], made["payment_url"]) == (None, None, None)
    assert [line["amount"] for line in made["line_items"]] == ["100.00", "399.60"]
    assert (made["subtotal"], made["discount"]) == ("499.60", "20.00")
    # 4.00 of the discount fall on the hours, 16.00 on the icons.
    assert made["taxes"] == [
        {
            "name": "Tax",
            "rate": "19",
            "category": "S",
            "inclusive": False,
            "base": "96.00",
            "amount": "18.24",
        },
        {
            "name": "Tax",
            "rate": "7",
            "category": "S",
            "inclusive": False,
            "base": "383.60",
            "amount": "26.85",
        },
    ]
    assert (made["tax"], made["total"], made["amount_due"]) == ("45.09", "524.69", "524.69")
    assert made["due_at"] == "2027-04-01T23:59:59.000Z"
    assert made["metadata"] == BILL["metadata"]
    assert made["merchant_id"] == test_merchant.public_id
    assert api.get(f"/v1/invoices/{made['id']}").json() == made


def test_a_preview_says_what_creating_would_and_saves_nothing(api: Api) -> None:
    before = (Invoice.objects.count(), LineItem.objects.count(), Event.objects.count())
    answer = api.post("/v1/invoices/preview", BILL)
    assert answer.status_code == 200
    assert (Invoice.objects.count(), LineItem.objects.count(), Event.objects.count()) == before
    preview = answer.json()
    made = api.post("/v1/invoices", BILL).json()
    for unsaved in ("id", "uuid", "pdf_url", "created_at", "updated_at", "agent_protocol"):
        assert preview.pop(unsaved) is None
        assert made.pop(unsaved) is not None
    for one, other in zip(preview["line_items"], made["line_items"], strict=True):
        assert one.pop("id") is None
        assert other.pop("id") is not None
    assert preview == made


def test_an_invoice_is_found_by_id_uuid_and_number(api: Api, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    for reference in (invoice.public_id, str(invoice.uuid), invoice.uuid.hex, "TEST-0001"):
        assert api.get(f"/v1/invoices/{reference}").json()["id"] == invoice.public_id
    for nobody in ("inv_" + "0" * 24, "TEST-0002", "TEST-1", invoice.slug, str(invoice.pk), "x%00"):
        answer = api.get(f"/v1/invoices/{nobody}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_number_with_slashes_is_found_as_it_is_and_escaped(
    api: Api, test_merchant: Merchant
) -> None:
    set_numbering(test_merchant, NumberingInput(prefix="2026/A/", padding=3))
    invoice = given_an_open_invoice(test_merchant)
    assert invoice.number == "2026/A/001"
    for reference in (invoice.number, quote(invoice.number, safe="")):
        assert api.get(f"/v1/invoices/{reference}").json()["id"] == invoice.public_id
        assert api.get(f"/v1/invoices/{reference}/payments").json()["data"] == []
    assert api.post("/v1/invoices/2026/A/001/void").json()["status"] == "void"


def test_only_what_is_named_changes(api: Api, test_merchant: Merchant) -> None:
    made = api.post("/v1/invoices", BILL).json()
    answer = api.patch(f"/v1/invoices/{made['id']}", {"memo": "Thank you", "due_at": None})
    assert answer.status_code == 200
    changed = answer.json()
    differing = {name for name in made if made[name] != changed[name]}
    assert differing == {"memo", "due_at", "updated_at", "line_items"}
    for one, other in zip(made["line_items"], changed["line_items"], strict=True):
        assert {**one, "id": None} == {**other, "id": None}
    lines = [{"description": "One", "unit_price": "5"}]
    fewer = api.patch(f"/v1/invoices/{made['id']}", {"line_items": lines, "discount": None}).json()
    assert (len(fewer["line_items"]), fewer["total"]) == (1, "5.00")
    assert fewer["line_items"][0]["tax_rate"] == "0"


def test_an_issued_invoice_neither_changes_nor_goes(api: Api, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    before = api.get(f"/v1/invoices/{invoice.public_id}").json()
    for answer in (
        api.patch(f"/v1/invoices/{invoice.public_id}", {"memo": "late"}),
        api.delete(f"/v1/invoices/{invoice.public_id}"),
        api.post(f"/v1/invoices/{invoice.public_id}/finalize"),
    ):
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (409, "invalid_state")
        assert error["details"] == {"status": "open"}
        assert "open" in error["message"]
    assert api.get(f"/v1/invoices/{invoice.public_id}").json() == before


def test_a_draft_is_deleted_for_good(api: Api, test_merchant: Merchant) -> None:
    draft = given_a_draft(test_merchant)
    answer = api.delete(f"/v1/invoices/{draft.public_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not Invoice.objects.exists()
    assert api.get(f"/v1/invoices/{draft.public_id}").status_code == 404


def test_finalizing_gives_number_slug_and_due_date(api: Api, test_merchant: Merchant) -> None:
    draft = given_a_draft(test_merchant)
    issued = api.post(f"/v1/invoices/{draft.public_id}/finalize").json()
    assert (issued["status"], issued["number"]) == ("open", "TEST-0001")
    assert issued["payment_url"].endswith(f"/i/{issued['slug']}")
    assert issued["due_at"] is not None
    assert issued["finalized_at"] is not None


def test_sending_issues_a_draft_and_queues_one_mail(
    api: Api, test_merchant: Merchant, clock: WallClock
) -> None:
    draft = given_a_draft(test_merchant)
    sent = api.post(f"/v1/invoices/{draft.public_id}/send", {"to": "books@example.com"}).json()
    assert (sent["status"], sent["number"]) == ("open", "TEST-0001")
    assert sent["sent_at"] is not None
    assert sent["email"] == {
        "to": "books@example.com",
        "status": "queued",
        "reason": None,
        "sent_at": None,
    }
    # A worker takes the mail along: it is not out yet, and the answer does not pretend so.
    assert (sent["email_sent"], sent["email_reason"]) == (False, "queued")
    tasks.send_mails()
    email = api.get(f"/v1/invoices/{draft.public_id}").json()["email"]
    assert email["status"] == "sent"
    assert email["sent_at"] is not None
    # Sending again at once is the same mail; later it is another, to where the first one went.
    told = api.post(f"/v1/invoices/{draft.public_id}/send").json()
    assert (told["email_sent"], told["email"]) == (True, email)
    clock.move(seconds=60)
    api.post(f"/v1/invoices/{draft.public_id}/send")
    assert list(Message.objects.order_by("id").values_list("to", "repeat")) == [
        ("books@example.com", 0),
        ("books@example.com", 1),
    ]


def test_an_invoice_without_an_address_still_counts_as_sent(
    api: Api, test_merchant: Merchant
) -> None:
    draft = given_a_draft(test_merchant, recipient={"name": "Cleo"})
    sent = api.post(f"/v1/invoices/{draft.public_id}/send").json()
    assert sent["email"] is None
    assert sent["sent_at"] is not None
    assert (sent["email_sent"], sent["email_reason"]) == (False, "no_recipient_email")
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("status", "told"), [("sent", (True, None)), ("failed", (False, "email_error"))]
)
def test_a_mail_that_is_out_or_lost_already_is_told_so(
    test_merchant: Merchant, status: str, told: tuple[bool, str | None]
) -> None:
    sent = actions.send_invoice(test_merchant, given_a_draft(test_merchant).public_id)
    mail = Message.objects.get()
    mail.status = status
    mail.save()
    answer = representations.sent_invoice(again(sent))
    assert (answer["email_sent"], answer["email_reason"]) == told
    assert "email_sent" not in representations.invoice(again(sent))


def test_void_and_write_off_name_the_state_that_forbids_them(
    api: Api, test_merchant: Merchant
) -> None:
    paid = given_an_open_invoice(test_merchant)
    pay(paid)
    draft = given_a_draft(test_merchant)
    for invoice, state in ((paid, "paid"), (draft, "draft")):
        for verb in ("void", "mark_uncollectible"):
            answer = api.post(f"/v1/invoices/{invoice.public_id}/{verb}")
            assert answer.status_code == 409
            assert answer.json()["error"]["details"] == {"status": state}
    opened = given_an_open_invoice(test_merchant)
    written_off = api.post(f"/v1/invoices/{opened.public_id}/mark_uncollectible").json()
    assert written_off["status"] == "uncollectible"
    void = api.post(f"/v1/invoices/{opened.public_id}/void").json()
    assert (void["status"], void["number"], void["amount_due"]) == ("void", opened.number, "0.00")
    assert void["voided_at"] is not None


def test_a_copy_asks_for_the_same_without_the_dates(api: Api, test_merchant: Merchant) -> None:
    customer = given_a_customer(test_merchant)
    first = api.post("/v1/invoices", {**BILL, "customer_id": customer.public_id}).json()
    api.post(f"/v1/invoices/{first['id']}/finalize")
    answer = api.post(f"/v1/invoices/{first['id']}/duplicate")
    assert answer.status_code == 201
    copy = answer.json()
    assert copy["id"] != first["id"]
    assert (copy["status"], copy["number"], copy["due_at"]) == ("draft", None, None)
    for name in ("total", "taxes", "recipient", "metadata", "customer_id", "document_discount"):
        assert copy[name] == first[name]
    delete_customer(test_merchant, customer.public_id)
    assert api.post(f"/v1/invoices/{first['id']}/duplicate").json()["customer_id"] is None


def test_the_pdf_is_one(api: Api, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    answer = api.get(f"/v1/invoices/{invoice.public_id}/pdf", Accept="application/pdf")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == 'inline; filename="TEST-0001.pdf"'
    assert answer.content.startswith(b"%PDF-")


def test_the_history_is_newest_first_and_says_who(api: Api, test_merchant: Merchant) -> None:
    made = api.post("/v1/invoices", BILL).json()
    other = api.post("/v1/invoices", BILL).json()
    api.post(f"/v1/invoices/{made['id']}/send")
    events = api.get(f"/v1/invoices/{made['id']}/events").json()["data"]
    assert [event["type"] for event in events] == [
        "invoice.sent",
        "invoice.finalized",
        "invoice.created",
    ]
    assert {event["actor"]["kind"] for event in events} == {"bot"}
    assert {event["actor"]["name"] for event in events} == {"Ada's bot"}
    assert {event["data"]["id"] for event in events} == {made["id"]}
    assert other["id"] not in str(events)


def test_the_list_is_newest_first_and_pages_without_gaps(api: Api, test_merchant: Merchant) -> None:
    made = [given_a_draft(test_merchant).public_id for _ in range(7)]
    seen, cursor = [], ""
    while True:
        page = api.get("/v1/invoices", {"limit": 3, **({"cursor": cursor} if cursor else {})})
        seen += ids(page)
        # A row added meanwhile is newer than the first page and disturbs no other.
        if not cursor:
            given_a_draft(test_merchant)
        cursor = page.json()["next_cursor"]
        assert page.json()["has_more"] is (cursor is not None)
        if cursor is None:
            break
    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ({"limit": "0"}, "limit", "must be a whole number from 1 to 100"),
        ({"limit": "101"}, "limit", "must be a whole number from 1 to 100"),
        ({"limit": "１０"}, "limit", "must be a whole number from 1 to 100"),
        ({"limit": "1e1"}, "limit", "must be a whole number from 1 to 100"),
        ({"limit": ""}, "limit", "must be a whole number from 1 to 100"),
        ({"cursor": "bm9uZQ"}, "cursor", "is not one that a list has given"),
        ({"cursor": "ｋ"}, "cursor", "is not one that a list has given"),
        ({"cursor": "k1"}, "cursor", "is not one that a list has given"),
        ({"cursor": "x" * 65}, "cursor", "must have at most 64 characters"),
        ({"colour": "red"}, "colour", "is not a field here"),
        ({"status": "open,lost"}, "status", "must be one or more of"),
        ({"status": ""}, "status", "must be one or more of"),
        ({"currency": "XXZ"}, "currency", "is not a currency Billhook knows"),
        ({"due_after": "soon"}, "due_after", "must be an ISO 8601 date or time"),
        ({"due_after": "2026-02-30"}, "due_after", "must be an ISO 8601 date or time"),
        ({"created_before": "2026-01-01T00:00:00"}, "created_before", "must say its time zone"),
        ({"q": "a" * 101}, "q", "must have at most 100 characters"),
        ({"q": "a\x00"}, "q", "must be one line without control characters"),
    ],
)
def test_a_list_refuses_what_it_does_not_understand(
    api: Api, query: dict[str, str], field: str, message: str
) -> None:
    answer = api.get("/v1/invoices", query)
    assert answer.status_code == 400
    problems = answer.json()["error"]["details"]["fields"]
    assert [problem["field"] for problem in problems] == [field]
    assert message in problems[0]["message"]


def test_a_parameter_given_twice_is_refused(api: Api) -> None:
    answer = api.get("/v1/invoices?status=open&status=paid")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "status: is given twice"


def test_parameters_are_refused_where_there_are_none(api: Api, test_merchant: Merchant) -> None:
    draft = given_a_draft(test_merchant)
    for method, path in (
        ("GET", f"/v1/invoices/{draft.public_id}?expand=lines"),
        ("POST", "/v1/invoices?dry_run=1"),
        ("DELETE", f"/v1/invoices/{draft.public_id}?really=1"),
    ):
        answer = api.send(method, path, BILL if method == "POST" else None)
        assert answer.status_code == 400
        assert "is not a parameter here" in answer.json()["error"]["message"]
    assert Invoice.objects.count() == 1


@pytest.fixture
def several(test_merchant: Merchant, clock: Any) -> dict[str, Invoice]:
    """One of each kind, made on successive days from noon of 2 March 2026."""
    euros = create_wallet(test_merchant, WalletInput(name="Euros", currency="EUR"))
    cleo = given_a_customer(test_merchant, name="Cleo Marsh", email="cleo@marsh.example")
    made: dict[str, Invoice] = {}
    made["draft"] = given_a_draft(test_merchant, memo="Spring campaign")
    clock.move(days=1)
    made["open"] = given_an_open_invoice(test_merchant, customer_id=cleo.public_id)
    clock.move(days=1)
    made["late"] = given_an_open_invoice(
        test_merchant, due_at="2026-03-05", purchase_order="PO 100%"
    )
    clock.move(days=1)
    made["paid"] = given_an_open_invoice(
        test_merchant, currency="EUR", wallet_id=euros.public_id, recipient={"name": "Dora_Novak"}
    )
    mark_paid(test_merchant, made["paid"].public_id, MarkPaidInput())
    made["void"] = given_an_open_invoice(test_merchant)
    actions.void_invoice(test_merchant, made["void"].public_id)
    clock.move(days=1)
    tasks.watch_due_dates()
    return made


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "draft"}, {"draft"}),
        ({"status": "open"}, {"open", "late"}),
        ({"status": "overdue"}, {"late"}),
        ({"status": "paid, overdue"}, {"paid", "late"}),
        ({"status": "void,draft,paid"}, {"void", "draft", "paid"}),
        ({"number": "TEST-0002"}, {"late"}),
        ({"number": "TEST-0"}, set()),
        ({"currency": "eur"}, {"paid"}),
        ({"created_after": "2026-03-04"}, {"late", "paid", "void"}),
        ({"created_before": "2026-03-03"}, {"draft"}),
        ({"created_after": "2026-03-03T12:00:00Z"}, {"open", "late", "paid", "void"}),
        ({"created_after": "2026-03-03T14:00:00+02:00"}, {"open", "late", "paid", "void"}),
        ({"created_after": "2026-03-03T12:00:00.001Z"}, {"late", "paid", "void"}),
        ({"created_after": "2026-03-03", "created_before": "2026-03-05"}, {"open", "late"}),
        ({"due_before": "2026-03-06"}, {"late"}),
        ({"due_after": "2026-03-06", "status": "open"}, {"open"}),
        ({"q": "test-0004"}, {"void"}),
        ({"q": "marsh.example"}, {"open"}),
        ({"q": "CLEO MARSH"}, {"open"}),
        ({"q": "spring"}, {"draft"}),
        ({"q": "po 100%"}, {"late"}),
        ({"q": "%"}, {"late"}),
        ({"q": "_"}, {"paid"}),
        ({"q": "cleo", "status": "open"}, {"open", "late"}),
        ({"q": "nobody"}, set()),
        ({"customer": "cus_unknown"}, set()),
    ],
)
def test_filters_find_what_they_say(
    api: Api, several: dict[str, Invoice], query: dict[str, str], expected: set[str]
) -> None:
    found = set(ids(api.get("/v1/invoices", query)))
    assert found == {several[name].public_id for name in expected}


def test_filters_by_customer_and_wallet(api: Api, several: dict[str, Invoice]) -> None:
    customer, wallet = several["open"].customer, several["paid"].wallet
    assert customer and wallet
    assert ids(api.get("/v1/invoices", {"customer": customer.public_id})) == [
        several["open"].public_id
    ]
    assert ids(api.get("/v1/invoices", {"wallet_id": wallet.public_id})) == [
        several["paid"].public_id
    ]


def test_a_customers_name_is_found_though_the_invoice_says_another(
    api: Api, test_merchant: Merchant
) -> None:
    customer = given_a_customer(test_merchant, name="Holding GmbH")
    invoice = given_a_draft(
        test_merchant, customer_id=customer.public_id, recipient={"name": "Somebody"}
    )
    assert ids(api.get("/v1/invoices", {"q": "holding"})) == [invoice.public_id]


def test_a_plus_sign_that_was_not_escaped_is_still_understood(
    api: Api, several: dict[str, Invoice]
) -> None:
    answer = api.get("/v1/invoices?created_after=2026-03-03T14:00:00+02:00")
    assert len(ids(answer)) == 4


def _queries(api: Api, path: str, **query: Any) -> int:
    api.get("/v1/me")  # the key's last use is noted once a minute
    with CaptureQueriesContext(connection) as queries:
        assert api.get(path, query).status_code == 200
    return len(queries)


def test_reading_takes_the_same_few_queries_however_much_there_is(
    api: Api, test_merchant: Merchant
) -> None:
    def grow(count: int) -> None:
        for _ in range(count):
            customer = given_a_customer(test_merchant)
            invoice = given_an_open_invoice(
                test_merchant,
                customer_id=customer.public_id,
                allow_partial=True,
                line_items=[{"description": "x", "unit_price": "10"}] * 3,
            )
            actions.send_invoice(test_merchant, invoice.public_id)
            pay(invoice, amount=100)

    unsent = given_an_open_invoice(test_merchant)
    # The key with bot and merchant; the invoice; its lines and payments. No mail was sent.
    assert _queries(api, f"/v1/invoices/{unsent.public_id}") == 4
    grow(5)
    first = Invoice.objects.latest("pk")
    # The key with bot and merchant; then the invoices; their lines, mails, reminders and payments.
    few = _queries(api, "/v1/invoices", limit=25)
    assert few == 6
    assert _queries(api, f"/v1/invoices/{first.public_id}") == 5
    grow(20)
    assert _queries(api, "/v1/invoices", limit=25) == few
    assert _queries(api, f"/v1/invoices/{first.public_id}") == 5
    assert _queries(api, f"/v1/invoices/{first.public_id}/events") == 4
    assert _queries(api, "/v1/customers", limit=25) == 3
    assert _queries(api, "/v1/events", limit=25) == 2


def test_creating_takes_the_same_few_queries_however_many_lines(
    api: Api, test_merchant: Merchant
) -> None:
    customer = given_a_customer(test_merchant)
    api.get("/v1/me")
    counts = []
    for lines in (1, 50):
        body = {
            "customer_id": customer.public_id,
            "line_items": [{"description": "x", "unit_price": "1"}] * lines,
        }
        with CaptureQueriesContext(connection) as queries:
            assert api.post("/v1/invoices", body).status_code == 201
        counts.append([query["sql"].split()[0] for query in queries])
    # Key, customer, then in one transaction the invoice, its lines and the event.
    assert [sql for sql in counts[0] if sql in ("SELECT", "INSERT", "UPDATE")] == [
        "SELECT",
        "SELECT",
        "INSERT",
        "INSERT",
        "INSERT",
    ]
    assert counts[0] == counts[1]


def test_a_test_merchants_clock_decides_what_is_overdue(api: Api, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    assert api.get(f"/v1/invoices/{invoice.public_id}").json()["overdue"] is False
    let_pass(test_merchant, "P31D")
    tasks.watch_due_dates()
    assert api.get(f"/v1/invoices/{invoice.public_id}").json()["overdue"] is True
    assert told(invoice)[-1] == "invoice.overdue"


def test_events_carry_the_invoice_exactly_as_the_api_answered_it(api: Api) -> None:
    made = api.post("/v1/invoices", BILL).json()
    issued = api.post(f"/v1/invoices/{made['id']}/finalize").json()
    finalized, created = api.get(f"/v1/invoices/{made['id']}/events").json()["data"]
    assert created["data"] == made
    assert finalized["data"] == issued


def test_a_live_key_and_its_test_twin_see_nothing_of_each_other(
    api: Api, live: Merchant, test_merchant: Merchant
) -> None:
    invoice = given_an_open_invoice(live)
    assert invoice.number == "INV-0001"
    for reference in (invoice.public_id, str(invoice.uuid), "INV-0001"):
        assert api.get(f"/v1/invoices/{reference}").status_code == 404
    assert ids(api.get("/v1/invoices")) == []
    assert again(invoice).created_at - clocks.wall() < timedelta(minutes=1)
