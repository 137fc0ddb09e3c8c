"""A bot on a leash does what it may by itself, asks a person for more, and cannot free itself."""

from decimal import Decimal
from typing import Any

import pytest

from invoicing import approving, tasks
from invoicing.actions.access import create_api_key
from invoicing.actions.approvals import approve, decline
from invoicing.actions.invoices import void_invoice
from invoicing.actions.leashes import set_leash
from invoicing.api import inside, moving
from invoicing.api.authentication import Caller
from invoicing.errors import InvalidState
from invoicing.inputs import ApiKeyInput, read
from invoicing.leashes import LeashInput
from invoicing.models import Approval, Bot, Event, Intent, Merchant, Message, User
from payments import flows
from payments.inputs import MarkPaidInput
from payments.models import Payment, Refund
from tests.factories import (
    again,
    given_a_customer,
    given_a_draft,
    given_a_key,
    given_a_saved_card,
    given_an_open_invoice,
    pay,
    subscribe,
)
from tests.fixtures import Api

pytestmark = pytest.mark.django_db(transaction=True)


ADDRESS = "0x8ba1f109551bD432803012645Ac136ddd64DBA72"
YEN = {"kind": "refund", "currency": "JPY"}


@pytest.fixture
def held(test_merchant: Merchant) -> Api:
    """A bot that may refund 50.00 by itself, 80.00 at once, 200.00 a day, 150.00 for one payee."""
    limit = {
        "kind": "refund",
        "currency": "USD",
        "per_action": "80",
        "per_day": "200",
        "per_payee": "150",
        "approval_above": "50",
    }
    return leashed(test_merchant, {"limits": [limit]})


def leashed(merchant: Merchant, wanted: dict[str, Any]) -> Api:
    key = given_a_key(merchant)
    set_leash(merchant, Bot.objects.latest("pk").public_id, read(LeashInput, wanted))
    return Api(key)


def narrower(merchant: Merchant, permissions: list[str]) -> str:
    """Another key of the bot whose approval is the newest."""
    bot = Approval.objects.select_related("bot").latest("pk").bot
    wanted = read(ApiKeyInput, {"permissions": permissions})
    return create_api_key(merchant, bot.public_id, wanted)[1]


def given_paid(merchant: Merchant, **fields: Any) -> str:
    invoice = given_an_open_invoice(merchant, **fields)
    pay(invoice)
    return invoice.public_id


def refund(api: Api, invoice: str, amount: str, **how: Any) -> Any:
    return api.post(f"/v1/invoices/{invoice}/refund", {"amount": amount}, **how)


def refusal(answer: Any) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["details"].get("limit", "")


def test_what_is_within_the_limits_is_done_at_once(held: Api, test_merchant: Merchant) -> None:
    assert refund(held, given_paid(test_merchant), "50.00").status_code == 200


@pytest.mark.parametrize("amount", ["80.01", "100"])
def test_more_than_may_be_at_once_is_refused(
    held: Api, test_merchant: Merchant, amount: str
) -> None:
    answer = refund(held, given_paid(test_merchant), amount)
    assert refusal(answer) == (403, "off_limits", "per_action")
    assert answer.json()["error"]["details"]["most"] == "80.00"
    assert (Refund.objects.count(), Intent.objects.count()) == (0, 0)


def test_a_day_and_a_payee_have_limits_too(held: Api, test_merchant: Merchant) -> None:
    cleo = given_a_customer(test_merchant).public_id
    hers = [given_paid(test_merchant, customer_id=cleo) for _ in range(4)]
    for invoice in hers[:3]:
        assert refund(held, invoice, "50").status_code == 200
    assert refusal(refund(held, hers[3], "0.01")) == (403, "off_limits", "per_payee")
    another = given_paid(test_merchant)
    assert refund(held, another, "50").status_code == 200
    answer = refund(held, given_paid(test_merchant), "0.01")
    assert refusal(answer) == (403, "off_limits", "per_day")
    assert answer.json()["error"]["details"]["left"] == "0.00"
    held.post("/v1/sandbox/clock", {"advance": "P1D"})
    assert refund(held, given_paid(test_merchant), "50").status_code == 200


def test_what_was_refused_is_not_counted(held: Api, test_merchant: Merchant) -> None:
    unpaid = given_an_open_invoice(test_merchant).public_id
    for _ in range(5):
        assert refund(held, unpaid, "50").json()["error"]["code"] == "invalid_state"
    assert refund(held, given_paid(test_merchant), "50").status_code == 200


def test_no_other_currency_is_a_way_around(held: Api, test_merchant: Merchant) -> None:
    euros = given_paid(test_merchant, currency="EUR")
    assert refusal(refund(held, euros, "1")) == (403, "off_limits", "currency")


def test_above_the_threshold_a_person_is_asked(
    held: Api, test_merchant: Merchant, ada: User
) -> None:
    invoice = given_paid(test_merchant)
    asked = refund(held, invoice, "60.00", idempotency_key="a")
    assert asked.status_code == 202
    told = asked.json()
    assert (told["status"], told["amount"], told["tool"], told["result"]) == (
        "pending_approval",
        "60.00",
        "refund_invoice",
        None,
    )
    # Asked again, under whatever key, it is the same request that waits.
    for key in ("a", "b"):
        assert refund(held, invoice, "60.00", idempotency_key=key).json() == told
    assert (Refund.objects.count(), Approval.objects.count()) == (0, 1)
    assert tasks.carry_out_approvals() == 0
    assert "asks you to approve $60.00" in Message.objects.get(kind="approval").subject

    approve(test_merchant, told["id"], ada)
    assert tasks.carry_out_approvals() == 1
    done = held.get(told["url"]).json()
    assert (done["status"], done["result"]["status"]) == ("done", 200)
    assert done["result"]["body"]["refunds"][0]["amount"] == "60.00"
    assert Refund.objects.get().amount == 6000
    assert tasks.carry_out_approvals() == 0
    assert refund(held, invoice, "60.00", idempotency_key="a").json() == done["result"]["body"]
    assert refusal(refund(held, invoice, "60.00"))[:2] == (409, "duplicate_intent")
    assert Refund.objects.count() == 1
    types = Event.objects.filter(object_id=told["id"]).order_by("pk")
    assert list(types.values_list("type", flat=True)) == [
        "approval.requested",
        "approval.approved",
        "approval.done",
    ]


def test_what_is_declined_is_not_done_nor_asked_again(
    held: Api, test_merchant: Merchant, ada: User
) -> None:
    invoice = given_paid(test_merchant)
    told = refund(held, invoice, "60").json()
    decline(test_merchant, told["id"], ada, "Talk to me first.")
    assert held.get(told["url"]).json()["note"] == "Talk to me first."
    answer = refund(held, invoice, "60")
    assert refusal(answer)[:2] == (403, "approval_declined")
    assert "Talk to me first." in answer.json()["error"]["message"]
    with pytest.raises(InvalidState):
        approve(test_merchant, told["id"], ada)
    tasks.carry_out_approvals()
    assert Refund.objects.count() == 0


def test_nobody_decides_for_a_week_and_it_lapses(
    held: Api, test_merchant: Merchant, ada: User
) -> None:
    invoice = given_paid(test_merchant)
    told = refund(held, invoice, "60").json()
    held.post("/v1/sandbox/clock", {"advance": "P7D"})
    assert held.get(told["url"]).json()["status"] == "expired"
    with pytest.raises(InvalidState):
        approve(test_merchant, told["id"], ada)
    assert refund(held, invoice, "60").status_code == 202


def test_what_waits_counts_for_the_day(held: Api, test_merchant: Merchant) -> None:
    for _ in range(2):
        assert refund(held, given_paid(test_merchant), "80").status_code == 202
    answer = refund(held, given_paid(test_merchant), "50")
    assert refusal(answer) == (403, "off_limits", "per_day")
    assert answer.json()["error"]["details"]["left"] == "40.00"


def test_a_key_that_was_revoked_meanwhile_does_nothing(
    held: Api, test_merchant: Merchant, ada: User
) -> None:
    told = refund(held, given_paid(test_merchant), "60").json()
    approve(test_merchant, told["id"], ada)
    key = Approval.objects.get().api_key
    key.revoked_at = key.created_at
    key.save()
    tasks.carry_out_approvals()
    row = Approval.objects.select_related("intent").get()
    assert (row.status, row.intent.answer_status, row.intent.status) == ("done", 401, "dropped")
    assert Refund.objects.count() == 0


def test_only_its_tools_and_its_customers(api: Api, test_merchant: Merchant) -> None:
    cleo, ben = given_a_customer(test_merchant), given_a_customer(test_merchant, name="Ben")
    given_a_saved_card(cleo)
    given_a_saved_card(ben)
    bot = leashed(
        test_merchant,
        {"tools": ["charge_customer", "create_invoice"], "customers": [cleo.public_id]},
    )
    body = {"amount": "5", "description": "Tea"}
    charge = "/v1/invoices/charge"
    assert bot.post(charge, {**body, "customer_id": cleo.public_id}).status_code == 201
    other = bot.post(charge, {**body, "customer_id": ben.public_id})
    assert refusal(other) == (403, "off_limits", "customers")
    lines = {"line_items": [{"description": "x", "unit_price": "1"}]}
    assert bot.post("/v1/invoices", {**lines, "customer_id": cleo.public_id}).status_code == 201
    for nobody in ({}, {"recipient": {"name": "Eve"}}, {"customer_id": ben.public_id}):
        answer = bot.post("/v1/invoices", {**lines, **nobody})
        assert refusal(answer) == (403, "off_limits", "customers")
    assert refusal(bot.get("/v1/invoices")) == (403, "off_limits", "tools")
    assert bot.get("/v1/me").status_code == 200
    assert Payment.objects.count() == 1


def test_another_customers_invoice_is_out_of_reach(test_merchant: Merchant) -> None:
    cleo, ben = given_a_customer(test_merchant), given_a_customer(test_merchant, name="Ben")
    bot = leashed(test_merchant, {"customers": [cleo.public_id]})
    hers, his, nobodys = (
        given_an_open_invoice(test_merchant, **who).public_id
        for who in ({"customer_id": cleo.public_id}, {"customer_id": ben.public_id}, {})
    )
    assert bot.post(f"/v1/invoices/{hers}/send").status_code == 200
    for invoice in (his, nobodys, "INV-9999"):
        for verb in ("send", "void", "mark_paid"):
            answer = bot.post(f"/v1/invoices/{invoice}/{verb}")
            assert refusal(answer) == (403, "off_limits", "customers")
    note = bot.post("/v1/credit_notes", {"invoice_id": his})
    assert refusal(note) == (403, "off_limits", "customers")
    assert bot.delete(f"/v1/customers/{ben.public_id}").status_code == 403
    assert refusal(bot.post("/v1/wallets", {"name": "Mine", "currency": "USD"}))[2] == "customers"
    assert bot.get(f"/v1/invoices/{his}").status_code == 200


def test_a_bot_cannot_free_itself(held: Api, test_merchant: Merchant) -> None:
    own = held.get("/v1/me").json()["bot"]["id"]
    for answer in (
        held.send("PUT", f"/v1/bots/{own}/leash", {}),
        held.post("/v1/bots", {"name": "Another"}),
        held.post(f"/v1/bots/{own}/api_keys", {"permissions": ["payments:write"]}),
    ):
        assert refusal(answer)[:2] == (403, "missing_permission")


def test_a_leash_is_set_and_read_by_the_api(api: Api, test_merchant: Merchant) -> None:
    held_by = given_a_key(test_merchant)
    address = f"/v1/bots/{Bot.objects.latest('pk').public_id}/leash"
    free = {"object": "leash", "tools": [], "customers": [], "limits": []}
    assert free.items() <= api.get(address).json().items()
    limit = {"kind": "refund", "currency": "JPY", "per_day": "5000", "approval_above": "0"}
    set_to = api.send("PUT", address, {"limits": [limit]})
    assert set_to.status_code == 200, set_to.content
    assert set_to.json()["limits"] == [
        {**limit, "per_action": None, "per_payee": None, "used_today": "0"}
    ]
    invoice = given_paid(test_merchant, currency="JPY")
    asked = refund(Api(held_by), invoice, "1")
    assert (asked.status_code, asked.json()["amount"]) == (202, "1")
    assert api.get(address).json()["limits"][0]["used_today"] == "1"
    assert [row["id"] for row in Api(held_by).get("/v1/approvals").json()["data"]] == [
        asked.json()["id"]
    ]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"limits": [{"kind": "gift", "currency": "USD"}]}, "limits[0].kind"),
        (
            {"limits": [{"kind": "refund", "currency": "JPY", "per_day": "0.5"}]},
            "limits[0].per_day",
        ),
        ({"limits": [{"kind": "refund", "currency": "USD", "per_day": "0"}]}, "limits[0].per_day"),
        ({"limits": [{"kind": "refund", "currency": "USD"}] * 2}, "limits[1]"),
        ({"customers": ["cus_000000000000000000000000"]}, "customers[0]"),
        ({"tools": ["x" * 61]}, "tools[0]"),
        ({"more": 1}, "more"),
    ],
)
def test_a_wrong_leash_is_refused_by_name(
    api: Api, test_merchant: Merchant, wanted: dict[str, Any], field: str
) -> None:
    address = f"/v1/bots/{Bot.objects.latest('pk').public_id}/leash"
    answer = api.send("PUT", address, wanted)
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]["details"]["fields"][0]["field"] == field


def test_a_link_is_for_one_person_and_one_request(
    held: Api, test_merchant: Merchant, ada: User, ben: User
) -> None:
    refund(held, given_paid(test_merchant), "60")
    row = Approval.objects.select_related("intent").get()
    token = approving.token_for(row, ada)
    found = approving.read(token)
    assert found is not None
    assert (found[0].pk, found[1].pk) == (row.pk, ada.pk)
    assert approving.read(token[:-1] + ("A" if token[-1] != "A" else "B")) is None
    assert approving.read(approving.token_for(row, ben)) is None
    assert Decimal(again(row.intent).amount) == 6000


def test_what_no_limit_can_measure_is_left_to_people(held: Api, test_merchant: Merchant) -> None:
    for path in ("/v1/refund_claims/clm_x/accept", "/v1/disputes/dis_x/concede"):
        assert refusal(held.post(path)) == (403, "off_limits", "unmeasured")
    limit = {"kind": "charge", "currency": "USD", "per_action": "10"}
    charger = leashed(test_merchant, {"limits": [limit]})
    dearer = charger.patch("/v1/recurring_charges/rec_x", {"amount": "1000"})
    assert refusal(dearer) == (403, "off_limits", "unmeasured")
    assert charger.post("/v1/refund_claims/clm_x/accept").status_code == 404
    invoice = given_an_open_invoice(test_merchant)
    native, uuid = f"/v1/invoices/{invoice.public_id}", invoice.uuid
    ways = (f"{native}/void", f"{native}/mark_uncollectible")
    settler = leashed(test_merchant, {"limits": [{**limit, "kind": "settle"}]})
    for path in ways:
        assert refusal(settler.post(path)) == (403, "off_limits", "unmeasured")
    for path in (
        f"/compat/wallgent/v1/invoices/{invoice.public_id}/void",
        f"/compat/gwop/v1/invoices/{uuid}/cancel",
    ):
        assert settler.post(path).status_code == 403, path
    assert again(invoice).status == "open"
    for path in reversed(ways):  # the control
        assert charger.post(path).status_code == 200


def test_unmatched_money_is_for_its_own_customers_only(test_merchant: Merchant) -> None:
    cleo, ben = given_a_customer(test_merchant), given_a_customer(test_merchant, name="Ben")
    hers, his = (
        given_an_open_invoice(test_merchant, customer_id=who.public_id) for who in (cleo, ben)
    )
    bot = leashed(test_merchant, {"customers": [cleo.public_id]})
    for path in ("/v1/deposits/dep_x", "/v1/usdc_deposits/udp_x"):
        for verb, other, own in (
            ("credit", {"customer_id": ben.public_id}, {"customer_id": cleo.public_id}),
            ("match", {"invoice_id": his.number}, {"invoice_id": hers.number}),
        ):
            answer = bot.post(f"{path}/{verb}", other)
            assert refusal(answer) == (403, "off_limits", "customers")
            assert bot.post(f"{path}/{verb}", own).status_code == 404


def test_no_dialect_is_a_way_around(test_merchant: Merchant) -> None:
    limits = [
        {"kind": kind, "currency": "USD", "per_action": "10"} for kind in ("settle", "refund")
    ]
    bot = leashed(test_merchant, {"limits": limits})
    invoice = given_an_open_invoice(test_merchant)
    for path in (f"/compat/wraith/invoice/{invoice.uuid}/paid", "/compat/wallgent/v1/invoices/"):
        if "wallgent" in path:
            path += f"{given_paid(test_merchant)}/refund"
        answer = bot.send("POST", path, None)
        assert answer.status_code == 403, answer.content
    assert (again(invoice).status, Refund.objects.count()) == ("open", 0)


def test_a_tool_is_allowed_or_not_in_every_systems_words(test_merchant: Merchant) -> None:
    fee = {"amount": 25, "fiat_currency": "USD"}
    drafting = leashed(test_merchant, {"tools": ["create_invoice"]})
    bill = {"currency": "USD", "line_items": [{"description": "x", "unit_price": "1"}]}
    assert drafting.post("/v1/invoices", bill).status_code == 201
    # Wayout and Gwop issue what they make, and a message to an agent does as well.
    for path, body, tool in (
        ("wayout/api/invoice", fee, "finalize_invoice"),
        ("gwop/v1/invoices", {"amount_usdc": 1_000_000}, "finalize_invoice"),
        ("wraith/agent/Ada's bot/chat", {"message": "Create an invoice for $50"}, "quick_invoice"),
    ):
        answer = drafting.post(f"/compat/{path}", body)
        assert (answer.status_code, tool in answer.content.decode()) == (403, True)
    assert not test_merchant.invoices.exclude(status="draft").exists()
    issuing = leashed(test_merchant, {"tools": ["create_invoice", "finalize_invoice"]})
    assert issuing.post("/compat/wayout/api/invoice", fee).status_code == 200
    draft = given_a_draft(test_merchant)
    path = f"/compat/wallgent/v1/invoices/{draft.public_id}"
    assert issuing.post(f"{path}/finalize").status_code == 200
    assert issuing.post(f"{path}/void").status_code == 403


@pytest.mark.parametrize("verb", ["refund", "credit note"])
def test_what_a_person_agreed_to_does_not_grow(
    test_merchant: Merchant, ada: User, verb: str
) -> None:
    invoice = given_an_open_invoice(test_merchant, "1000.00")
    flows.mark_paid(test_merchant, invoice.public_id, MarkPaidInput(amount=Decimal(20)))
    limit = {"kind": "refund", "currency": "USD", "approval_above": "10", "per_action": "60"}
    bot = leashed(test_merchant, {"limits": [limit]})
    path = f"/v1/invoices/{invoice.public_id}/refund"
    asked = (
        bot.post(path)
        if verb == "refund"
        else bot.post("/v1/credit_notes", {"invoice_id": invoice.public_id})
    )
    assert (asked.status_code, asked.json()["amount"]) == (202, "20.00")
    pay(again(invoice))
    approve(test_merchant, asked.json()["id"], ada)
    tasks.carry_out_approvals()
    told = bot.get(asked.json()["url"]).json()
    assert (told["status"], told["result"]["status"]) == ("done", 409)
    assert "would move" in told["result"]["body"]["error"]["message"]
    assert not Refund.objects.exists()
    # The control: what it is now may be asked for, and is too much for this bot.
    assert refusal(bot.post(path)) == (403, "off_limits", "per_action")


def test_nothing_moves_beyond_what_was_measured(
    held: Api, test_merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The payer pays in the moment between the look at the limits and the refund."""
    invoice = given_an_open_invoice(test_merchant)
    flows.mark_paid(test_merchant, invoice.public_id, MarkPaidInput(amount=Decimal(20)))
    begin = moving.intents.begin_intent

    def slowly(*args: Any) -> Any:
        wish = begin(*args)
        pay(again(invoice))
        return wish

    monkeypatch.setattr(moving.intents, "begin_intent", slowly)
    answer = held.post(f"/v1/invoices/{invoice.public_id}/refund")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert (Refund.objects.count(), Intent.objects.count()) == (0, 0)


def test_no_bot_on_a_leash_says_where_usdc_goes(test_merchant: Merchant) -> None:
    bill = {"currency": "USD", "line_items": [{"description": "x", "unit_price": "1"}]}
    named = {**bill, "wallet_address": ADDRESS}
    fee = {"amount": 25, "fiat_currency": "USD", "coin_symbol": "USDC", "wallet_address": ADDRESS}
    draft = given_a_draft(test_merchant)

    def answers(api: Api) -> list[Any]:
        return [
            api.post("/v1/invoices", named),
            api.post("/v1/invoices/preview", named),
            api.patch(f"/v1/invoices/{draft.public_id}", {"wallet_address": ADDRESS}),
            api.post("/compat/wayout/api/invoice", fee),
        ]

    billing = Api(given_a_key(test_merchant, ["invoices:write"]))
    for *native, wayout in (answers(billing), answers(leashed(test_merchant, {}))):
        code = native[0].json()["error"]["code"]
        assert [refusal(one)[:2] for one in native] == [(403, code)] * 3
        assert (wayout.status_code, "wallet_address" in wayout.json()["error"]) == (403, True)
    assert code == "off_limits"
    assert billing.post("/v1/invoices", bill).status_code == 201
    assert not test_merchant.invoices.exclude(wallet_address="").exists()
    free = Api(given_a_key(test_merchant, ["invoices:write", "wallets:write"]))
    assert [one.status_code for one in answers(free)] == [201, 200, 200, 200]
    # What is like it keeps the address that was named before.
    copy = billing.post(f"/v1/invoices/{draft.public_id}/duplicate")
    assert copy.json()["wallet_address"] == ADDRESS


def test_among_customers_nobody_else_is_named_or_mailed(test_merchant: Merchant) -> None:
    cleo = given_a_customer(test_merchant)
    bot = leashed(test_merchant, {"customers": [cleo.public_id]})
    eve, own = {"email": "eve@example.com"}, {"name": cleo.name, "email": cleo.email.upper()}
    bill = {
        "customer_id": cleo.public_id,
        "line_items": [{"description": "x", "unit_price": "1"}],
    }
    draft = bot.post("/v1/invoices", {**bill, "recipient": own})
    assert (draft.status_code, cleo.email != "") == (201, True)
    here = f"/v1/invoices/{draft.json()['id']}"
    for answer in (
        bot.post("/v1/invoices", {**bill, "recipient": eve}),
        bot.post("/v1/invoices", {**bill, "recipient": {"name": "Eve"}}),
        bot.patch(here, {"recipient": eve}),
        bot.patch(here, {"customer_id": None}),
        bot.patch(here, {"customer_id": None, "recipient": own}),
        bot.post(f"{here}/send", {"to": eve["email"]}),
        bot.patch(f"/v1/customers/{cleo.public_id}", eve),
        bot.patch(f"/v1/customers/{cleo.public_id}", {"name": "Eve"}),
    ):
        assert refusal(answer) == (403, "off_limits", "customers")
    assert again(cleo).email == cleo.email
    assert bot.patch(f"/v1/customers/{cleo.public_id}", {"phone": "1"}).status_code == 200
    assert bot.patch(here, {"memo": "Hi", "recipient": None}).status_code == 200
    assert bot.post(f"{here}/send", {"to": cleo.email}).status_code == 200
    assert {row.to.lower() for row in Message.objects.filter(kind="invoice")} == {cleo.email}
    # The control: a leash that names no customers lets a bot write to whom it wants.
    free = leashed(test_merchant, {"tools": ["send_invoice"]})
    assert free.post(f"{here}/send", {"to": eve["email"]}).status_code == 200


def test_what_has_an_empty_answer_is_done_too(test_merchant: Merchant, ada: User) -> None:
    limit = {"kind": "settle", "currency": "USD", "approval_above": "0"}
    bot = leashed(test_merchant, {"limits": [limit]})
    first, void = (given_an_open_invoice(test_merchant) for _ in range(2))
    for invoice in (first, void):
        asked = bot.send("POST", f"/compat/wraith/invoice/{invoice.uuid}/paid", None)
        assert asked.status_code == 202
        approve(test_merchant, asked.json()["id"], ada)
    void_invoice(test_merchant, void.public_id)
    assert tasks.carry_out_approvals() == 2
    done = {row["payee"]: row["result"] for row in bot.get("/v1/approvals").json()["data"]}
    assert done[first.public_id] == {"status": 200, "body": None}
    # The control: a refusal has a body, in Wraith's words.
    assert done[void.public_id]["status"] == done[void.public_id]["body"]["statusCode"] == 409
    assert again(first).status == "paid"


def test_an_empty_answer_is_kept_under_its_key(api: Api, test_merchant: Merchant) -> None:
    path = f"/compat/wraith/invoice/{given_an_open_invoice(test_merchant).uuid}/paid"
    for _ in range(2):
        answer = api.send("POST", path, None, idempotency_key="k")
        assert (answer.status_code, answer.content) == (200, b"")
    assert Intent.objects.get().status == "done"


def test_one_that_breaks_stops_no_other_and_ends(
    held: Api, test_merchant: Merchant, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [refund(held, given_paid(test_merchant), "60").json() for _ in range(2)]
    for row in told:
        approve(test_merchant, row["id"], ada)
    broken, ask = Approval.objects.order_by("pk")[0], inside.ask

    def breaks(caller: Caller, method: str, path: str, *rest: Any, **how: Any) -> inside.Answer:
        if path == broken.path:
            raise LookupError("a defect")
        return ask(caller, method, path, *rest, **how)

    def results() -> list[tuple[str, int | None]]:
        rows = Approval.objects.select_related("intent").order_by("pk")
        return [(row.status, row.intent.answer_status) for row in rows]

    with monkeypatch.context() as patched:
        patched.setattr(inside, "ask", breaks)
        assert tasks.carry_out_approvals() == 2
        assert results() == [("approved", None), ("done", 200)]
        held.post("/v1/sandbox/clock", {"advance": "PT24H"})
        Approval.objects.update(leased_until=None)  # the minute is over
        assert tasks.carry_out_approvals() == 1
    assert results() == [("done", 500), ("done", 200)]
    # Nobody knows that nothing was done, so it is no free wish again.
    assert Intent.objects.get(approval=broken).status == "done"
    assert Refund.objects.count() == 1


def test_a_schedule_and_a_sentence_are_a_customers_as_well(test_merchant: Merchant) -> None:
    cleo, ben = given_a_customer(test_merchant), given_a_customer(test_merchant, name="Ben Stone")
    hers, his = (subscribe(who, collection="send").public_id for who in (cleo, ben))
    bot = leashed(test_merchant, {"customers": [cleo.public_id]})
    for verb, body in (("", {"description": "Tea"}), ("pause", {}), ("resume", {}), ("cancel", {})):
        way = "PATCH" if not verb else "POST"
        answers = [
            bot.send(way, f"/v1/recurring_charges/{row}/{verb}".rstrip("/"), body)
            for row in (hers, his, "rec_x")
        ]
        assert answers[0].status_code == 200, answers[0].content
        assert [refusal(one)[2] for one in answers[1:]] == ["customers"] * 2
    for who, status in ((cleo.name, 201), ("Ben Stone", 403), ("Nobody Known", 403)):
        said = bot.post("/v1/quick_invoices", {"message": f"Invoice {who} $5 for tea"})
        assert said.status_code == status, said.content
    chat = {"message": "Create an invoice for $50 with memo coffee"}
    assert bot.post("/compat/wraith/agent/Ada's bot/chat", chat).status_code == 403
    assert {row.customer for row in test_merchant.invoices.filter(status="draft")} == {cleo}


def test_a_bot_is_told_how_it_is_held(held: Api, api: Api, test_merchant: Merchant) -> None:
    assert refund(held, given_paid(test_merchant), "20").status_code == 200
    told = held.get("/v1/me").json()
    assert told["leash"] == {
        "object": "leash",
        "bot_id": told["bot"]["id"],
        "tools": [],
        "customers": [],
        "limits": [
            {
                "kind": "refund",
                "currency": "USD",
                "per_action": "80.00",
                "per_day": "200.00",
                "per_payee": "150.00",
                "approval_above": "50.00",
                "used_today": "20.00",
            }
        ],
    }
    assert api.get("/v1/me").json()["leash"] is None


def test_a_bot_sees_what_it_has_asked_for_itself(
    held: Api, api: Api, test_merchant: Merchant
) -> None:
    told = refund(held, given_paid(test_merchant), "60").json()
    other = Api(given_a_key(test_merchant, ["payments:read"]))
    own = Api(narrower(test_merchant, ["payments:read"]))
    for reader, sees in ((other, False), (own, True), (api, True)):
        rows = reader.get("/v1/approvals").json()["data"]
        assert [row["id"] for row in rows] == [told["id"]] * sees
        assert reader.get(told["url"]).status_code == (200 if sees else 404)


def test_what_is_due_is_not_forgiven_by_a_bot_that_may_not_settle(test_merchant: Merchant) -> None:
    settling = {"kind": "settle", "currency": "USD", "per_action": "1"}
    bot = leashed(test_merchant, {"limits": [settling]})
    free = leashed(test_merchant, {"limits": [{**settling, "kind": "charge"}]})
    invoice = given_an_open_invoice(test_merchant)
    note = {"invoice_id": invoice.public_id, "amount": "40"}
    assert refusal(bot.post("/v1/credit_notes", note)) == (403, "off_limits", "unmeasured")
    assert again(invoice).amount_due == 10000
    # The control: no limit of the kind holds the other, and money back is no settlement.
    assert free.post("/v1/credit_notes", note).status_code == 201
    paid = {"invoice_id": given_paid(test_merchant), "amount": "40"}
    assert bot.post("/v1/credit_notes", paid).status_code == 201


def test_a_note_that_was_to_forgive_gives_nothing_back(
    test_merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The payer pays in the moment between the look at the limits and the note."""
    bot = leashed(test_merchant, {"limits": [{"kind": "refund", "currency": "USD"}]})
    invoice = given_an_open_invoice(test_merchant)
    begin = moving.intents.begin_intent

    def slowly(*args: Any) -> Any:
        wish = begin(*args)
        pay(again(invoice))
        return wish

    monkeypatch.setattr(moving.intents, "begin_intent", slowly)
    answer = bot.post("/v1/credit_notes", {"invoice_id": invoice.public_id})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert (Refund.objects.count(), invoice.credit_notes.count()) == (0, 0)
