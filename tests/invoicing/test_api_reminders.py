"""Reminders, questions and promises over the API."""

from typing import Any

import pytest

from invoicing import tasks
from invoicing.actions.inquiries import ask_question, make_promise
from invoicing.models import Invoice, Merchant, Message
from invoicing.reminder_inputs import PromiseInput, QuestionInput
from tests.factories import again, given_a_customer, given_an_open_invoice, told
from tests.fixtures import Api, WallClock

DUE = "2026-03-12"


def rule(days: int, **fields: Any) -> dict[str, Any]:
    """A rule as it is answered."""
    empty = {
        "late_fee": None,
        "fee_repeats": False,
        "repeat_every_days": None,
        "repeat_at_most": None,
    }
    return {"days": days, **empty, **fields}


def test_off_with_rules_on_offer_until_somebody_has_chosen(api: Api) -> None:
    assert api.get("/v1/reminders").json() == {
        "object": "reminders",
        "enabled": False,
        "hour": 9,
        "timezone": "UTC",
        "rules": [rule(-3), rule(0), rule(7), rule(14)],
    }


def test_rules_are_replaced_as_a_whole_and_sorted(api: Api, test_merchant: Merchant) -> None:
    wanted = {
        "enabled": True,
        "hour": 17,
        "rules": [
            {"days": 14, "late_fee": {"amount": "5"}, "repeat_every_days": 7},
            {"days": -1},
            {"days": 7, "late_fee": {"percent": "2.50"}},
        ],
    }
    answer = api.send("PUT", "/v1/reminders", wanted)
    assert answer.status_code == 200
    chosen = answer.json()
    fee = {"amount": "5.00", "currency": "USD"}
    assert chosen["rules"] == [
        rule(-1),
        rule(7, late_fee={"percent": "2.5"}),
        rule(14, late_fee=fee, repeat_every_days=7, repeat_at_most=3),
    ]
    assert (chosen["enabled"], chosen["hour"]) == (True, 17)
    assert api.get("/v1/reminders").json() == chosen


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"rules": []}, "enabled", "is required"),
        ({"enabled": True}, "rules", "is required"),
        ({"enabled": 1, "rules": []}, "enabled", "must be true or false"),
        ({"enabled": True, "hour": 24, "rules": []}, "hour", "must be at most 23"),
        ({"enabled": True, "rules": [{}]}, "rules[0].days", "is required"),
        ({"enabled": True, "rules": [{"days": -61}]}, "rules[0].days", "must be at least -60"),
        ({"enabled": True, "rules": [{"days": "7"}]}, "rules[0].days", "must be a whole number"),
        (
            {"enabled": True, "rules": [{"days": 7}, {"days": 7}]},
            "rules",
            "must not have two reminders for the same day (7)",
        ),
        (
            {"enabled": True, "rules": [{"days": 1, "repeat_every_days": 7}, {"days": 9}]},
            "rules",
            "must not repeat a rule that is not the last one",
        ),
        (
            {"enabled": True, "rules": [{"days": 1, "repeat_at_most": 7}]},
            "rules[0].repeat_at_most",
            'takes "repeat_every_days" as well',
        ),
        (
            {"enabled": True, "rules": [{"days": 1, "fee_repeats": True}]},
            "rules[0].fee_repeats",
            'takes a "late_fee" and "repeat_every_days" as well',
        ),
        (
            {"enabled": True, "rules": [{"days": 0, "late_fee": {"percent": "1"}}]},
            "rules[0].late_fee",
            "can only be charged after the due date",
        ),
        (
            {"enabled": True, "rules": [{"days": 1, "late_fee": {}}]},
            "rules[0].late_fee",
            'takes either "percent" or "amount"',
        ),
        (
            {"enabled": True, "rules": [{"days": 1, "late_fee": {"percent": "0"}}]},
            "rules[0].late_fee.percent",
            "must be more than 0",
        ),
        (
            {"enabled": True, "rules": [{"days": 1, "late_fee": {"amount": "5.001"}}]},
            "rules[0].late_fee.amount",
            "must have at most 2 decimal places",
        ),
        (
            {"enabled": True, "rules": [{"days": day} for day in range(11)]},
            "rules",
            "must have at most 10 items",
        ),
    ],
)
def test_rules_that_make_no_sense_are_refused_by_name(
    api: Api, test_merchant: Merchant, body: Any, field: str, message: str
) -> None:
    answer = api.send("PUT", "/v1/reminders", body)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["fields"] == [{"field": field, "message": message}]
    assert again(test_merchant).reminders == {}


def test_a_customers_own_rules(api: Api) -> None:
    made = api.post("/v1/customers", {"name": "Cleo"}).json()
    assert made["reminders"] == {"mode": "inherit", "rules": [], "stopped_at": None}
    address = f"/v1/customers/{made['id']}"
    own = {"mode": "own", "rules": [{"days": 3}]}
    changed = api.patch(address, {"reminders": own}).json()
    assert changed["reminders"] == {"mode": "own", "rules": [rule(3)], "stopped_at": None}
    # What is not named stays.
    assert api.patch(address, {"phone": "1"}).json()["reminders"] == changed["reminders"]
    for wrong, field in (
        ({"mode": "own"}, "reminders.rules"),
        ({"mode": "off", "rules": [{"days": 1}]}, "reminders.rules"),
        ({"mode": "never"}, "reminders.mode"),
    ):
        refused = api.patch(address, {"reminders": wrong})
        assert refused.status_code == 400
        assert refused.json()["error"]["details"]["fields"][0]["field"] == field


def given_a_late_invoice(api: Api, merchant: Merchant, clock: WallClock) -> dict[str, Any]:
    rules = [{"days": 7, "late_fee": {"percent": "2"}}, {"days": 14}]
    api.send("PUT", "/v1/reminders", {"enabled": True, "rules": rules})
    invoice = given_an_open_invoice(merchant, due_at=DUE)
    clock.move(days=17)
    tasks.send_reminders()
    found: dict[str, Any] = api.get(f"/v1/invoices/{invoice.public_id}").json()
    return found


def test_an_invoice_says_what_was_sent_and_what_comes(
    api: Api, test_merchant: Merchant, clock: WallClock
) -> None:
    invoice = given_a_late_invoice(api, test_merchant, clock)
    fee = Invoice.objects.get(late_fee_of__public_id=invoice["id"])
    assert invoice["reminders"] == {
        "next_at": "2026-03-26T09:00:00.000Z",
        "paused": False,
        "paused_until": None,
        "sent": [
            {
                "at": "2026-03-19T12:00:00.000Z",
                "days": 7,
                "to": "cleo@example.com",
                "status": "queued",
                "late_fee_id": fee.public_id,
            }
        ],
    }
    assert api.get(f"/v1/invoices/{fee.public_id}").json()["late_fee_of"] == invoice["id"]
    listed = {row["id"]: row for row in api.get("/v1/invoices").json()["data"]}
    assert listed[invoice["id"]]["reminders"] == invoice["reminders"]
    (event,) = api.get("/v1/events", {"type": "invoice.reminder_sent"}).json()["data"]
    assert event["data"]["reminders"] == invoice["reminders"]


def test_reminders_are_paused_resumed_and_sent_by_hand(
    api: Api, test_merchant: Merchant, clock: WallClock
) -> None:
    address = f"/v1/invoices/{given_a_late_invoice(api, test_merchant, clock)['id']}/reminders"
    paused = api.post(f"{address}/pause", {"until": "2026-03-31"}).json()["reminders"]
    assert (paused["paused"], paused["paused_until"]) == (True, "2026-03-31T23:59:59.000Z")
    assert paused["next_at"] == "2026-04-01T09:00:00.000Z"
    for_good = api.post(f"{address}/pause").json()["reminders"]
    assert (for_good["paused"], for_good["paused_until"], for_good["next_at"]) == (
        True,
        None,
        None,
    )
    resumed = api.post(f"{address}/resume").json()["reminders"]
    assert (resumed["paused"], resumed["next_at"]) == (False, "2026-03-26T09:00:00.000Z")
    sent = api.post(f"{address}/send", idempotency_key="once").json()["reminders"]["sent"]
    assert [row["days"] for row in sent] == [7, None]
    api.post(f"{address}/send", idempotency_key="once")
    assert Message.objects.filter(kind="reminder").count() == 2


def test_what_asks_for_nothing_is_not_reminded(api: Api, test_merchant: Merchant) -> None:
    invoice = given_an_open_invoice(test_merchant)
    api.post(f"/v1/invoices/{invoice.public_id}/void")
    for verb in ("pause", "resume", "send"):
        answer = api.post(f"/v1/invoices/{invoice.public_id}/reminders/{verb}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "invalid_state")
        assert answer.json()["error"]["details"] == {"status": "void"}


def test_a_question_is_listed_and_answered_once(
    api: Api, test_merchant: Merchant, clock: WallClock
) -> None:
    invoice = given_an_open_invoice(test_merchant, due_at=DUE)
    asked = ask_question(invoice.pk, QuestionInput(text="Which hours?"))
    make_promise(invoice.pk, PromiseInput(on=clock.at.date()))
    rows = api.get("/v1/inquiries", {"kind": "question", "status": "open"}).json()["data"]
    assert rows == [
        {
            "id": asked.public_id,
            "object": "inquiry",
            "kind": "question",
            "status": "open",
            "invoice_id": invoice.public_id,
            "invoice_number": "TEST-0001",
            "text": "Which hours?",
            "reply_to": "cleo@example.com",
            "answer": None,
            "promised_on": None,
            "created_at": "2026-03-02T12:00:00.000Z",
            "closed_at": None,
        }
    ]
    of_it = api.get(f"/v1/invoices/{invoice.number}/inquiries").json()["data"]
    assert [row["kind"] for row in of_it] == ["promise", "question"]
    assert of_it[0]["promised_on"] == "2026-03-02"
    address = f"/v1/inquiries/{asked.public_id}"
    assert api.get(address).json() == rows[0]
    assert api.post(f"{address}/answer", {"text": ""}).status_code == 400
    answered = api.post(f"{address}/answer", {"text": "Those of March."}).json()
    assert (answered["status"], answered["answer"]) == ("answered", "Those of March.")
    mail = Message.objects.get(kind="answer")
    assert (mail.to, "Those of March." in mail.text) == ("cleo@example.com", True)
    refused = api.post(f"{address}/close")
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        409,
        "This question is answered; only a question that waits can be answered.",
    )
    assert told(invoice)[-3:] == [
        "invoice.question_asked",
        "invoice.promise_made",
        "invoice.question_answered",
    ]
    (event,) = api.get("/v1/events", {"type": "invoice.question_answered"}).json()["data"]
    assert event["data"]["inquiry"] == answered
    assert event["data"]["id"] == invoice.public_id


def test_settled_without_an_answer_nobody_is_mailed(api: Api, test_merchant: Merchant) -> None:
    asked = ask_question(given_an_open_invoice(test_merchant).pk, QuestionInput(text="Why?"))
    assert api.post(f"/v1/inquiries/{asked.public_id}/close").json()["status"] == "done"
    assert not Message.objects.filter(kind="answer").exists()


def test_a_list_takes_the_same_few_queries_however_many_there_are(
    api: Api, test_merchant: Merchant, clock: WallClock, django_assert_max_num_queries: Any
) -> None:
    customer = given_a_customer(test_merchant)
    for _ in range(3):
        invoice = given_an_open_invoice(test_merchant, customer_id=customer.public_id)
        ask_question(invoice.pk, QuestionInput(text="Why?"))
        api.post(f"/v1/invoices/{invoice.public_id}/reminders/send")
    with django_assert_max_num_queries(4):
        assert len(api.get("/v1/inquiries").json()["data"]) == 3
    with django_assert_max_num_queries(7):
        rows = api.get("/v1/invoices").json()["data"]
    assert [len(row["reminders"]["sent"]) for row in rows] == [1, 1, 1]
