"""Wraith's clients: its document's examples word for word, on both mounts."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from checkout.dialects.wraith import OFFER
from invoicing.actions.invoices import void_invoice
from invoicing.models import Event, Invoice, Merchant
from invoicing.representations import public_url
from payments.actions.receiving import request_usdc
from payments.models import Payment
from tests.crew import Crew, Job
from tests.factories import (
    again,
    given_a_customer,
    given_a_draft,
    given_a_key,
    given_a_merchant,
    given_an_open_invoice,
    pay,
    pay_usdc,
)
from tests.fixtures import Api, WallClock
from tests.fixtures_api import everything
from tests.races.running import results

if TYPE_CHECKING:
    from tests.fakes.chain.devnet import Devnet

pytestmark = pytest.mark.same_everywhere
COMPAT = "/compat/wraith"
FIELDS = [
    "id",
    "agentName",
    "amount",
    "asset",
    "memo",
    "status",
    "txHash",
    "paymentLink",
    "createdAt",
]


def chat(api: Api, message: str, **more: Any) -> Any:
    return api.post(f"{COMPAT}/agent/Ada's bot/chat", {"message": message, **more})


def paid_events(invoice: Invoice) -> int:
    return Event.objects.filter(object_id=invoice.public_id, type="invoice.paid").count()


@pytest.mark.parametrize(("mount", "host"), [(COMPAT, "testserver"), ("", "wraith.localhost")])
def test_from_creation_to_paid_by_the_document_alone(
    ada_key: str, test_merchant: Merchant, clock: WallClock, mount: str, host: str
) -> None:
    api = Api(ada_key)
    said = api.post(
        f"{mount}/agent/Ada's bot/chat", {"message": "Create an invoice for $50"}, host=host
    ).json()
    assert said.keys() == {"response", "toolCalls", "conversationId"}
    [call] = said["toolCalls"]
    assert (call["name"], call["status"]) == ("create_invoice", "success")
    made = json.loads(call["detail"])
    assert said["response"] == f"Invoice created — [Pay 50.00 USD]({made['paymentLink']})"
    address = f"{mount}/invoice/{made['id']}"
    shown = api.get(address, host=host).json()
    row = Invoice.objects.get(uuid=made["id"])
    assert list(shown) == FIELDS
    assert (
        shown
        == made
        == {
            "id": str(row.uuid),
            "agentName": "Ada's bot",
            "amount": "50.00",
            "asset": "USD",
            "memo": "Amount due",
            "status": "pending",
            "txHash": None,
            "paymentLink": public_url(f"/i/{row.slug}"),
            "createdAt": "2026-03-02T12:00:00.000Z",
        }
    )
    # The link works at once.
    assert api.client.get(f"/i/{row.slug}").status_code == 200
    for _ in range(3):
        # As the document's curl does: no body, and no Content-Type.
        answer = api.client.generic(
            "POST",
            f"{address}/paid",
            headers={"Authorization": f"Bearer {ada_key}", "host": host},
        )
        assert (answer.status_code, answer.content) == (200, b"")
    # As its SDK does: a Content-Type and no body.
    assert api.send("POST", f"{address}/paid", None, host=host).status_code == 200
    assert api.get(address, host=host).json() == {**shown, "status": "paid"}
    assert paid_events(row) == 1
    assert Payment.objects.get(invoice=row).rail == "manual"


@pytest.mark.parametrize("name", ["id", "public_id", "number"])
def test_an_invoice_is_found_by_any_of_its_names(
    api: Api, test_merchant: Merchant, name: str
) -> None:
    row = given_an_open_invoice(test_merchant, memo="Coffee", currency="USDC", amount="2.5")
    known = {"id": str(row.uuid), "public_id": row.public_id, "number": row.number}[name]
    shown = api.get(f"{COMPAT}/invoice/{known}").json()
    assert (shown["id"], shown["memo"], shown["amount"]) == (str(row.uuid), "Coffee", "2.50")


def test_the_documents_words_for_an_invoice_of_the_chain(api: Api) -> None:
    said = chat(api, "create an invoice for 1.5 USDC with memo consulting fee").json()
    made = json.loads(said["toolCalls"][0]["detail"])
    assert (made["amount"], made["asset"], made["memo"]) == ("1.50", "USDC", "consulting fee")


def test_what_is_not_understood_surely_makes_nothing(api: Api, test_merchant: Merchant) -> None:
    for letter in "ab":
        given_a_customer(test_merchant, name="Initech", email=f"{letter}@initech.example")
    before = everything()
    asked = chat(api, "Invoice Initech $50 for tea", conversationId="c-1").json()
    assert asked["conversationId"] == "c-1"
    assert asked["response"] == "Which customer is “Initech”? None was chosen."
    assert [call["status"] for call in asked["toolCalls"]] == ["error"]
    unread = chat(api, "Create an invoice for 1.234 USD").json()
    assert unread["toolCalls"] == []
    assert unread["response"] == (
        "I have made no invoice: the message has 1.234, which can be read in more than one way; "
        "write 1,234.50 or 1234.50."
    )
    assert chat(api, "what's my balance?").json()["response"] == OFFER
    assert everything() == before


def test_whoever_paid_first_stays(api: Api, test_merchant: Merchant) -> None:
    row = given_an_open_invoice(test_merchant)
    pay(row)
    before = everything()
    wanted = {"txHash": "0x" + "ab" * 32}
    assert api.post(f"{COMPAT}/invoice/{row.uuid}/paid", wanted).status_code == 200
    assert everything() == before


def test_usdc_tells_its_transaction(api: Api, test_merchant: Merchant) -> None:
    row = given_an_open_invoice(test_merchant)
    transfer = pay_usdc(row)
    shown = api.get(f"{COMPAT}/invoice/{row.uuid}").json()
    assert (shown["status"], shown["txHash"]) == ("paid", transfer.tx_hash)


def test_refusals_are_told_as_its_document_does(
    api: Api, ben_api: Api, anonymous_api: Api, test_merchant: Merchant
) -> None:
    row, draft = given_an_open_invoice(test_merchant), given_a_draft(test_merchant)
    void_invoice(test_merchant, given_an_open_invoice(test_merchant).public_id)
    void = Invoice.objects.get(status="void")
    before = everything()

    def refused(who: Api, path: str, body: Any = None) -> tuple[int, str]:
        answer = who.post(COMPAT + path, body)
        said = answer.json()
        assert said.keys() == {"message", "statusCode"}
        assert said["statusCode"] == answer.status_code
        return answer.status_code, said["message"]

    missing = refused(api, "/invoice/inv_none/paid")
    assert missing == (404, "There is no invoice inv_none.")
    theirs = refused(ben_api, f"/invoice/{row.uuid}/paid")
    assert theirs == (404, f"There is no invoice {row.uuid}.")
    for stuck in (void, draft):
        path = f"/invoice/{stuck.uuid}/paid"
        why = f"This invoice is {stuck.status}, so it cannot be marked paid."
        assert refused(api, path) == (409, why)
    assert refused(anonymous_api, f"/invoice/{row.uuid}/paid")[0] == 401
    writer = Api(given_a_key(test_merchant, ["invoices:read", "invoices:write"]))
    no_settle = refused(writer, f"/invoice/{row.uuid}/paid")
    assert no_settle == (403, "This needs the permission settle.")
    reader = Api(given_a_key(test_merchant, ["invoices:read"]))
    agent = {"message": "Create an invoice for $5"}
    assert refused(reader, "/agent/Ada's bot/chat", agent)[0] == 403
    assert refused(ben_api, "/agent/Ada's bot/chat", agent)[0] == 404
    assert refused(api, f"/invoice/{row.uuid}/paid", {"txHash": "0x12"})[0] == 400
    assert refused(api, f"/invoice/{row.uuid}/paid", {"tx": 1})[0] == 400
    assert ben_api.get(f"{COMPAT}/invoice/{row.uuid}").status_code == 404
    after = everything()
    assert [after[name] for name in ("Invoice", "Payment", "Event")] == [
        before[name] for name in ("Invoice", "Payment", "Event")
    ]


def test_a_transaction_that_is_named_is_verified(
    api: Api, test_merchant: Merchant, devnet: "Devnet", watch: Callable[[], int]
) -> None:
    row = given_an_open_invoice(test_merchant, "50.00", currency="USDC")
    asked = request_usdc(row.pk)
    path = f"{COMPAT}/invoice/{row.uuid}/paid"
    elsewhere = devnet.pay(devnet.payer.address, asked.units)
    devnet.mine(20)
    wrong = api.post(path, {"txHash": elsewhere})
    assert (wrong.status_code, again(row).status) == (400, "open")
    right = devnet.pay(asked.address.address, asked.units)
    devnet.mine(20)
    for _ in range(2):
        assert api.post(path, {"txHash": right}).status_code == 200
    shown = api.get(f"{COMPAT}/invoice/{row.uuid}").json()
    assert (shown["status"], shown["txHash"]) == ("paid", right)
    assert paid_events(row) == 1


def test_many_who_mark_it_at_once_pay_it_once(crew: Crew) -> None:
    row = given_an_open_invoice(given_a_merchant())
    job = Job("tests.races.opening:settle", {"invoice_pk": row.pk})
    assert results(crew.together([job] * 4)) == ["paid"] * 4
    assert (Payment.objects.filter(invoice=row).count(), paid_events(row)) == (1, 1)
