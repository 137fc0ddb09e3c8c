"""Wraith: the whole wire format.

An agent is a bot of Billhook, and only the one whose key it is. An invoice is made by a chat
message, which is understood by the rules of quick invoices and issued at once: Wraith knows no
drafts. What cannot be understood surely is answered with a question, and nothing is made.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, path
from pydantic import AfterValidator, Field
from rest_framework.request import Request
from rest_framework.response import Response

from checkout.bots.quick_invoice import LONGEST, Reading, understand
from checkout.dialects.dialect import Dialect, DialectNothing, DialectView, Refusal
from invoicing import ids, money
from invoicing.actions.invoices import issue_invoice, send_new_invoice
from invoicing.api.endpoint import Endpoint
from invoicing.api.invoices import find, load
from invoicing.errors import NotFound, ValidationFailed
from invoicing.fields import COMPOSED, Input, Line, many_lines
from invoicing.models import Bot, Invoice
from invoicing.representations import instant, public_url
from payments.declaring import settle
from payments.inputs import MarkPaidInput
from payments.models import TransferStatus
from payments.moves import settling

# The chain's asset has more places than people write.
PLACES_SHOWN: Final = 2
OFFER: Final = "I can make an invoice. Say it like “Create an invoice for $50 with memo coffee”."


class ChatInput(Input):
    """A message to the agent."""

    message: Annotated[
        str, Field(min_length=1, max_length=LONGEST), COMPOSED, AfterValidator(many_lines)
    ]
    conversationId: Annotated[Line, Field(max_length=100)] | None = None  # noqa: N815


class PaidInput(Input):
    """The transaction that was detected, if the caller names it: it is verified then."""

    txHash: Annotated[Line, Field(max_length=66)] | None = None  # noqa: N815


def invoice(row: Invoice) -> dict[str, Any]:
    """Its type Invoice."""
    return {
        "id": str(row.uuid),
        "agentName": _agent_name(row),
        "amount": _amount(row),
        "asset": row.currency,
        "memo": row.memo or row.title or ", ".join(line.description for line in row.lines.all()),
        "status": "paid" if row.status == "paid" else "pending",
        "txHash": _tx_hash(row),
        "paymentLink": public_url(f"/i/{row.slug}"),
        "createdAt": instant(row.created_at),
    }


def _agent_name(row: Invoice) -> str:
    """The bot that made it, else whoever did."""
    made = row.merchant.events.filter(object_id=row.public_id, type="invoice.created").first()
    if made is None:
        return row.merchant.name
    bot = Bot.objects.filter(public_id=made.actor_id, merchant=row.merchant_id).first()
    return bot.name if bot else made.actor_name


def _amount(row: Invoice) -> str:
    """All its places, but of a finer asset than money no zeros beyond the second."""
    whole, _, places = money.to_text(row.total, row.currency).partition(".")
    if len(places) > PLACES_SHOWN:
        places = places[:PLACES_SHOWN] + places[PLACES_SHOWN:].rstrip("0")
    return f"{whole}.{places}" if places else whole


def _tx_hash(row: Invoice) -> str | None:
    if row.status != "paid":
        return None
    seen = row.merchant.transfers.filter(payment__invoice=row)
    last = seen.exclude(status=TransferStatus.ORPHANED).order_by("-pk").first()
    return last.tx_hash if last else None


class Wraith(Dialect):
    """How Wraith refuses."""

    system = "wraith"

    def refused(self, refusal: Refusal) -> tuple[int, Mapping[str, Any]]:
        """A message, and the status again."""
        return refusal.status, {"message": refusal.message, "statusCode": refusal.status}


class ShowInvoice(Wraith, DialectView):
    """GET /invoice/:id"""

    @Endpoint("Fetch a single invoice by ID", needs="invoices:read", stands_for=("get_invoice",))
    def get(self, request: Request, reference: str) -> Response:
        """Its id, its uuid or its number."""
        return Response(invoice(load(self.merchant, reference)))


class MarkPaid(Wraith, DialectView):
    """POST /invoice/:id/paid"""

    @Endpoint("Mark an invoice as paid", needs="settle", body=PaidInput, stands_for=("mark_paid",))
    def post(self, request: Request, reference: str) -> HttpResponseBase:
        """200 and no body, however often; what is paid already stays as it is."""
        wanted = MarkPaidInput(tx_hash=self.read(PaidInput).txHash or "")
        row = find(self.merchant, reference)
        done = self.run(
            lambda: settle(self.merchant, reference, wanted),
            lambda row: {},  # only what is kept: the answer has no body
            steps=True,
            # Saying it twice is no second wish, so only the bot's limits are asked.
            moves=None if row.status == "paid" else lambda: settling(row, wanted, again=True),
        )
        if done.status_code == 202:  # a person is asked first
            return done
        replayed = done.headers.get("Idempotent-Replayed")
        return HttpResponse(headers={"Idempotent-Replayed": replayed} if replayed else None)


class Chat(Wraith, DialectView):
    """POST /agent/:id/chat"""

    @Endpoint(
        "Send a message to the agent",
        needs="invoices:write",
        body=ChatInput,
        stands_for=("quick_invoice", "finalize_invoice"),
    )
    def post(self, request: Request, agent: str) -> HttpResponseBase:
        """Makes the invoice that the message asks for, or asks what it means."""
        self._is_mine(agent)
        wanted = self.read(ChatInput)
        conversation = wanted.conversationId or str(ids.new_uuid())
        try:
            reading = understand(
                self.merchant, wanted.message, sees_customers=self.caller.may("customers:read")
            )
        except ValidationFailed as refusal:
            [(_, why)] = refusal.fields
            said = f"I have made no invoice: the message {why}."
            if "invoice" not in wanted.message.lower() and "bill" not in wanted.message.lower():
                said = OFFER
            return Response(_answer(said, conversation))
        if asked := [one.question for one in reading.questions if one.holds_back]:
            return Response(_answer(" ".join(asked), conversation, status="error"))
        make = send_new_invoice if reading.may_be_sent else issue_invoice
        return self.run(
            lambda: make(self.merchant, reading.wanted),
            lambda row: _made(row, reading, conversation),
        )

    def _is_mine(self, agent: str) -> None:
        """Raises NotFound unless the key is this agent's."""
        bot = self.caller.bot
        if agent not in {bot.public_id, bot.name, f"{bot.name}.wraith"}:
            raise NotFound(f"There is no agent {agent}, or this key is not its own.")


def _made(row: Invoice, reading: Reading, conversation: str) -> dict[str, Any]:
    told = invoice(row)
    price = f"{told['amount']} {told['asset']}"
    said = f"Invoice created — [Pay {price}]({told['paymentLink']})"
    if reading.may_be_sent:
        said += f" It is on its way to {row.recipient_email}."
    return _answer(said, conversation, status="success", detail=json.dumps(told))


def _answer(
    said: str, conversation: str, *, status: str = "", detail: str | None = None
) -> dict[str, Any]:
    """Its type ChatResponse."""
    calls = []
    if status:
        detail = detail or json.dumps({"error": said}, ensure_ascii=False)
        calls.append({"name": "create_invoice", "status": status, "detail": detail})
    return {"response": said, "toolCalls": calls, "conversationId": conversation}


class Nothing(Wraith, DialectNothing):
    """What this system does not have."""


urlpatterns: list[URLPattern | URLResolver] = [
    path("invoice/<str:reference>", ShowInvoice.as_view()),
    path("invoice/<str:reference>/paid", MarkPaid.as_view()),
    path("agent/<str:agent>/chat", Chat.as_view()),
    path("", Nothing.as_view()),
    path("<path:unknown>", Nothing.as_view()),
]
