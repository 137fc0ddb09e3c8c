"""What tests begin with: Ada's business, Cleo's invoices, and how Cleo pays them.

Everything is made by the real actions and the real tasks, so that a test stands on what a user
could have done.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from django.db.models import F
from django.utils.dateparse import parse_duration

from checkout.actions.checkout_pages import create_checkout_page
from checkout.inputs import CheckoutPageInput
from checkout.models import CheckoutPage
from invoicing import stepping, tasks
from invoicing.actions import clocks
from invoicing.actions.access import create_api_key, create_bot
from invoicing.actions.customers import create_customer
from invoicing.actions.invoices import create_invoice, finalize_invoice
from invoicing.actions.leashes import set_leash
from invoicing.actions.merchants import open_account
from invoicing.actions.webhooks import create_endpoint
from invoicing.api import inside
from invoicing.api.authentication import Caller
from invoicing.inputs import (
    ApiKeyInput,
    BotInput,
    CustomerInput,
    InvoiceInput,
    WebhookEndpointInput,
    read,
)
from invoicing.leashes import LeashInput
from invoicing.models import (
    Account,
    ApiKey,
    Approval,
    Customer,
    Event,
    Invoice,
    Merchant,
    User,
    WebhookEndpoint,
)
from invoicing.permissions import FOR_BOTS
from payments import flows, recurring_flow, rehearsed
from payments import tasks as payment_tasks
from payments.actions.receiving import request_usdc
from payments.chain.rehearsal import BLOCKS_TO_FINALITY, SANDBOX
from payments.inputs import ChargeInput
from payments.models import (
    DepositAddress,
    Payment,
    PaymentMethod,
    RecurringCharge,
    SandboxSession,
    Transfer,
    Wallet,
)
from payments.recurring_inputs import RecurringInput
from payments.sandbox import provider, saving

VISA = "4242424242424242"
MASTERCARD = "5555555555554444"
DECLINED = "4000000000000002"
NO_FUNDS = "4000000000009995"
ASKS_APPROVAL = "4000002500003155"
SILENT_THEN_PAID = "4000000000005126"
SILENT_THEN_NOTHING = "4000000000007726"
# Declined, or asking for approval, only when they are charged later.
LATER_DECLINED = "4000000000000341"
LATER_NO_FUNDS = "4000000000001018"
LATER_EXPIRED = "4000000000002016"
LATER_LOST = "4000000000003014"
FIRST_TWO_DECLINED = "4000000000004012"
LATER_ASKS_APPROVAL = "4000002760003184"

# Whose USDC comes in the sandbox.
SENDER = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
PASSWORD = "hedgerow-and-hazel"
_people = count(1)


def given_a_user(name: str = "Ada Lovelace") -> User:
    """Somebody with a confirmed address, who can sign in with PASSWORD."""
    first = name.split()[0].lower()
    user = User.objects.create_user(f"{first}{next(_people)}@example.com", PASSWORD, name=name)
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    return user


def given_an_account(user: User | None = None, name: str = "Ada's Engines", **how: Any) -> Account:
    """A business: a live merchant and its test twin, owned by the user."""
    return open_account(user or given_a_user(), name, email="billing@ada.example", **how)


def given_a_merchant(user: User | None = None, *, livemode: bool = False, **how: Any) -> Merchant:
    """The test twin of a new account, or its live merchant."""
    return given_an_account(user, **how).merchants.get(livemode=livemode)


def given_a_customer(merchant: Merchant, **fields: Any) -> Customer:
    """Cleo, as this merchant knows her."""
    wanted = {"name": "Cleo Payer", "email": "cleo@example.com", **fields}
    return create_customer(merchant, read(CustomerInput, wanted))


def given_a_draft(merchant: Merchant, amount: str = "100.00", **fields: Any) -> Invoice:
    """A draft of one line over this amount, or whatever the fields ask for; in USD, to Cleo."""
    wanted = {"currency": "USD", "line_items": [{"description": "Work", "unit_price": amount}]}
    if not {"customer_id", "recipient"} & fields.keys():
        wanted["recipient"] = {"name": "Cleo Payer", "email": "cleo@example.com"}
    return create_invoice(merchant, read(InvoiceInput, {**wanted, **fields}))


def given_an_open_invoice(merchant: Merchant, amount: str = "100.00", **fields: Any) -> Invoice:
    """An issued invoice that asks for this amount."""
    draft = given_a_draft(merchant, amount, **fields)
    return finalize_invoice(merchant, draft.public_id)


def given_a_checkout_page(merchant: Merchant, **fields: Any) -> CheckoutPage:
    """A page where a ticket for 49.00 USD is sold, unless the fields say otherwise."""
    wanted = {"title": "Workshop ticket", "currency": "USD", "amount": "49.00", **fields}
    return create_checkout_page(merchant, read(CheckoutPageInput, wanted))


def given_a_key(
    merchant: Merchant, permissions: Iterable[str] = FOR_BOTS, *, bot: str = "Ada's bot"
) -> str:
    """The text of an API key with these permissions; all that a bot can have when left out."""
    owner = create_bot(merchant, read(BotInput, {"name": bot}))
    wanted = read(ApiKeyInput, {"permissions": list(permissions)})
    _, text = create_api_key(merchant, owner.public_id, wanted)
    return text


def given_an_approval(merchant: Merchant, amount: str = "60.00", **body: Any) -> Approval:
    """A bot that may refund 50.00 by itself asks to refund more of what Cleo paid, and waits."""
    given_a_key(merchant, bot="Refund agent")
    key = ApiKey.objects.filter(bot__merchant=merchant).select_related("bot__merchant").latest("pk")
    limit = {"kind": "refund", "currency": "USD", "approval_above": "50"}
    set_leash(merchant, key.bot.public_id, read(LeashInput, {"limits": [limit]}))
    customer = given_a_customer(merchant)
    invoice = pay(given_an_open_invoice(merchant, customer_id=customer.public_id)).invoice
    path, wanted = f"/v1/invoices/{invoice.public_id}/refund", {"amount": amount, **body}
    answer = inside.ask(Caller(key.bot, key), "POST", path, wanted)
    assert answer.status == 202, answer.body
    rows = Approval.objects.select_related("merchant", "bot", "intent")
    return rows.get(public_id=answer.body["id"])


def given_an_endpoint(
    merchant: Merchant, url: str, event_types: Iterable[str] = ("*",)
) -> WebhookEndpoint:
    """A webhook endpoint at this URL."""
    wanted = {"url": url, "event_types": list(event_types)}
    return create_endpoint(merchant, read(WebhookEndpointInput, wanted))[0]


def start_paying(invoice: Invoice, amount: int | None = None) -> Payment:
    """Cleo presses "pay": an attempt by card, whose page is open now. Minor units."""
    return flows.start(invoice.pk, "sandbox", amount)


def use_card(payment: Payment, number: str = VISA) -> SandboxSession:
    """Cleo types a card on the page of this attempt; what it does is told by a notice."""
    return provider.submit_card(session_of(payment).public_id, number)


def given_a_saved_card(customer: Customer, number: str = VISA) -> PaymentMethod:
    """A test card that Cleo left on the sandbox's page."""
    setup = flows.save_method(customer.merchant, customer.public_id, "sandbox")
    saving.leave_card(setup.provider_reference, number)
    payment_tasks.apply_notices()
    return PaymentMethod.objects.filter(customer=customer).latest("pk")


def subscribe(customer: Customer, **fields: Any) -> RecurringCharge:
    """Cleo's membership: 99.00 a month, from now on, unless the fields say otherwise."""
    wanted = {
        "customer_id": customer.public_id,
        "interval": "monthly",
        "amount": "99.00",
        "description": "Membership",
        **fields,
    }
    if "line_items" in wanted:
        del wanted["amount"]
    return recurring_flow.start(again(customer.merchant), read(RecurringInput, wanted))


def live(merchant: Merchant, until: datetime) -> Merchant:
    """Let time pass step by step: everything happens when it is due, and not before."""
    moved = stepping.move(lambda: clocks.move_clock(again(merchant), until))
    assert moved.finished_at, "the clock is still on its way"
    return again(merchant)


def charge(customer: Customer, amount: str = "100.00", **fields: Any) -> Payment:
    """An amount charged to Cleo's saved card while she is away."""
    wanted = {"customer_id": customer.public_id, "amount": amount, "description": "Hosting"}
    _, payment = flows.charge(customer.merchant, read(ChargeInput, {**wanted, **fields}))
    assert payment is not None
    return again(payment)


def session_of(payment: Payment) -> SandboxSession:
    """The visit to the sandbox's card page that belongs to this attempt."""
    return SandboxSession.objects.get(key=payment.public_id)


def pay(invoice: Invoice, number: str = VISA, amount: int | None = None) -> Payment:
    """Cleo pays by card and the worker hears of it."""
    payment = start_paying(invoice, amount)
    use_card(payment, number)
    payment_tasks.apply_notices()
    return again(payment)


def pay_usdc(invoice: Invoice, units: int | None = None, **how: Any) -> Transfer:
    """What came at an invoice's address on the sandbox's chain: what is due, unless said."""
    asked = request_usdc(invoice.pk)
    transfer = rehearsed.send(asked.address, asked.units if units is None else units, **how)
    assert transfer
    return transfer


def send_usdc(address: DepositAddress, amount: str, **how: Any) -> Transfer:
    """Somebody sends USDC to this address in the sandbox, and enough blocks follow to count it.

    How: `confirmations` for another number of blocks, `final`, another `token`, the `sender`.
    """
    final = BLOCKS_TO_FINALITY if how.pop("final", False) else SANDBOX.confirmations
    how = {"confirmations": final, "sender": SENDER, **how}
    transfer = rehearsed.send(address, int(Decimal(amount).scaleb(6)), **how)
    assert transfer is not None
    return transfer


def again(row: Any) -> Any:
    """The row as the database has it now (a state machine's field refuses a refresh)."""
    return type(row).objects.get(pk=row.pk)


def work() -> None:
    """One round of everything that the worker does by itself."""
    tasks.advance_clocks()
    payment_tasks.apply_notices()
    payment_tasks.look_at_payments()
    payment_tasks.move_rehearsed_transfers()
    payment_tasks.release_funds()
    payment_tasks.cancel_payments_of_closed_invoices()
    tasks.watch_due_dates()
    tasks.send_reminders()
    tasks.fan_out_events()
    tasks.deliver_webhooks()
    tasks.send_mails()


def let_pass(merchant: Merchant, duration: str) -> Merchant:
    """Let "P2D", "PT10M" and the like pass for a test merchant, while the worker does nothing."""
    ahead = parse_duration(duration)
    assert isinstance(ahead, timedelta)
    Merchant.objects.filter(pk=merchant.pk).update(clock_offset=F("clock_offset") + ahead)
    return again(merchant)


def told(subject: Any) -> list[str]:
    """The types of all that was told of an object, the oldest first."""
    events = Event.objects.filter(object_id=subject.public_id).order_by("id")
    return list(events.values_list("type", flat=True))


def balances(wallet: Wallet) -> dict[str, int]:
    """What stands in each part of a wallet, in minor units; empty parts are left out."""
    return {account.kind: account.balance for account in wallet.accounts.all() if account.balance}
