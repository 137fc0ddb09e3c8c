"""A believable business to look around in: Fernhill Studio, its customers and a year of invoices.

The history is made as it would have been, with the ordinary actions on a clock that is set to
each day in turn. What is there already is left alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

from allauth.account.models import EmailAddress

from invoicing import clock, ids, inputs, permissions
from invoicing.actions import access, customers, invoices, merchants, messages
from invoicing.actor import SYSTEM, Actor, acting
from invoicing.models import Account, Customer, Invoice, Merchant, Message, User
from payments import flows
from payments import tasks as payment_tasks
from payments.actions import pay
from payments.inputs import MarkPaidInput
from payments.sandbox import provider

EMAIL: Final = "ada@fernhill.example"
GOOD, DECLINED, SILENT = "4242424242424242", "4000000000009995", "4000000000005126"
PAYER: Final = Actor("payer", name="Payer")

CUSTOMERS: Final[list[dict[str, Any]]] = [
    {
        "name": "Harbour & Pine Books",
        "email": "accounts@harbourandpine.example",
        "address": {
            "line1": "214 Commercial Street",
            "city": "Portland",
            "state": "ME",
            "postal_code": "04101",
            "country": "US",
        },
    },
    {
        "name": "Nordlicht Optik GmbH",
        "email": "buchhaltung@nordlicht.example",
        "language": "de",
        "address": {
            "line1": "Speicherstraße 12",
            "city": "Hamburg",
            "postal_code": "20457",
            "country": "DE",
        },
        "tax_ids": [{"type": "eu_vat", "value": "DE811234567"}],
    },
    {
        "name": "Café Lumière",
        "email": "bonjour@cafelumiere.example",
        "language": "fr",
        "address": {
            "line1": "8 rue des Martyrs",
            "city": "Paris",
            "postal_code": "75009",
            "country": "FR",
        },
    },
    {
        "name": "Sable Analytics",
        "email": "ap@sable.example",
        "address": {
            "line1": "77 King William Street",
            "city": "London",
            "postal_code": "EC4N 7AR",
            "country": "GB",
        },
    },
    {
        "name": "Cleo Marsh",
        "email": "cleo@marsh.example",
        "address": {
            "line1": "31 Alder Lane",
            "city": "Eugene",
            "state": "OR",
            "postal_code": "97401",
            "country": "US",
        },
    },
    {
        "name": "株式会社さくら文具",
        "email": "keiri@sakura.example",
        "language": "ja",
        "address": {
            "line1": "神田神保町1-7",
            "city": "千代田区",
            "state": "東京都",
            "postal_code": "101-0051",
            "country": "JP",
        },
    },
]
WORK: Final = [
    ("Brand identity, phase two", "1", "2400"),
    ("Website care, monthly", "1", "180"),
    ("Illustration for the spring catalogue", "3", "320"),
    ("Design hours", "12.5", "95"),
    ("Photography, half a day", "1", "650"),
    ("Print supervision", "4", "85"),
    ("Icon set", "24", "18.50"),
    ("Workshop: writing for the web", "1", "900"),
]


def seed() -> dict[str, str]:
    """Make the demo's owner, keys and history; return how to get in.

    The password and the keys are new each time; the history is only made once.
    """
    password = "-".join(ids.secret_text(4) for _ in range(4))
    user, account = _owner(password)
    live = account.merchants.get(livemode=True)
    test = account.merchants.get(livemode=False)
    with acting(Actor("user", user.public_id, str(user))):
        keys = {merchant.livemode: _key(merchant) for merchant in (live, test)}
        if not Invoice.objects.filter(merchant=test).exists():
            _history(test, Random(7))  # noqa: S311 - believable, not secret
        if not Invoice.objects.filter(merchant=live).exists():
            _quiet_start(live)
    return {
        "email": user.email,
        "password": password,
        "api_key": keys[False],
        "live_api_key": keys[True],
    }


def _owner(password: str) -> tuple[User, Account]:
    user = User.objects.filter(email=EMAIL).first()
    if user is None:
        user = User.objects.create_user(EMAIL, name="Ada Fernhill")
    user.set_password(password)
    user.is_staff = user.is_superuser = True
    user.save()
    EmailAddress.objects.get_or_create(
        user=user, email=EMAIL, defaults={"verified": True, "primary": True}
    )
    account = Account.objects.filter(memberships__user=user).first()
    if account is None:
        account = merchants.open_account(user, "Fernhill Studio")
        for merchant in account.merchants.all():
            merchants.update_merchant(
                merchant,
                inputs.read(
                    inputs.MerchantChanges,
                    {
                        "legal_name": "Fernhill Studio LLC",
                        "email": "hello@fernhill.example",
                        "website": "https://fernhill.example",
                        "address": {
                            "line1": "5 Orchard Row",
                            "city": "Burlington",
                            "state": "VT",
                            "postal_code": "05401",
                            "country": "US",
                        },
                        "tax_ids": [{"type": "us_ein", "value": "12-3456789"}],
                        "footer": "Thank you for working with a small studio.",
                        "due_days": 21,
                    },
                ),
            )
    return user, account


def _key(merchant: Merchant) -> str:
    bot = merchant.bots.filter(name="Demo bot").first()
    if bot is None:
        bot = access.create_bot(merchant, inputs.BotInput(name="Demo bot"))
    _, text = access.create_api_key(
        merchant,
        bot.public_id,
        inputs.ApiKeyInput(name="All permissions", permissions=sorted(permissions.FOR_BOTS)),
    )
    return text


def _history(merchant: Merchant, random: Random) -> None:
    """Ten months of ordinary business, then the present with one of everything in it."""
    today = clock.wall().replace(hour=10, minute=0, second=0, microsecond=0)
    with _day(today - timedelta(days=310)):
        people = [
            customers.create_customer(merchant, inputs.read(inputs.CustomerInput, wanted))
            for wanted in CUSTOMERS
        ]
    for days_ago in range(300, 45, -9):
        day = today - timedelta(days=days_ago, hours=random.randrange(6))
        customer = random.choice(people)
        with _day(day):
            invoice = _sent(merchant, customer, random)
        with _day(day + timedelta(days=random.randrange(1, 18))):
            _viewed(invoice)
            _pay_by_card(invoice, GOOD)
    _present(merchant, people, today, random)
    payment_tasks.release_funds()


def _present(merchant: Merchant, people: list[Customer], today: datetime, random: Random) -> None:
    books, optik, cafe, sable, cleo, sakura = people

    def ago(days: int) -> datetime:
        return today - timedelta(days=days)

    with _day(ago(44)):
        forgotten = _sent(merchant, sable, random)
        written_off = _sent(merchant, cafe, random)
        overdue = _sent(merchant, optik, random, tax=True)
    with _day(ago(40)):
        _viewed(overdue)
        _viewed(forgotten)
        _pay_by_card(forgotten, DECLINED)
    with _day(ago(30)):
        mistaken = _sent(merchant, books, random)
        window = _sent(merchant, cleo, random, expires_at=(ago(20)).isoformat())
        part = _sent(merchant, sable, random, allow_partial=True)
    with _day(ago(28)):
        invoices.void_invoice(merchant, mistaken.public_id)
        pay.mark_paid(
            merchant,
            part.public_id,
            MarkPaidInput(amount=Decimal("150.00"), method="bank_transfer", reference="Sable 4471"),
        )
    with _day(ago(19)), acting(SYSTEM):
        invoices.expire_invoice(window.pk)
    with _day(ago(10)):
        invoices.write_off_invoice(merchant, written_off.public_id)
        yen = _sent(merchant, sakura, random, currency="JPY")
        bounced = _sent(merchant, cleo, random)
    with _day(ago(6)):
        _viewed(yen)
        _sent(merchant, optik, random, tax=True)
        for mail in bounced.messages.all():
            messages.record_refused(
                mail.pk, "The mail server answered 550: mailbox unavailable", permanent=True
            )
    with _day(ago(4)):
        recent = _sent(merchant, books, random)
        _sent(merchant, cafe, random)
    with _day(ago(1)):
        _viewed(recent)
        _pay_by_card(recent, GOOD)
    for pk in Invoice.objects.filter(status="open", due_at__lte=today).values_list("pk", flat=True):
        with acting(SYSTEM):
            invoices.mark_overdue(pk)
    with _day(today - timedelta(minutes=2)):
        on_its_way = _sent(merchant, books, random)
        _pay_by_card(on_its_way, SILENT)
        _draft(merchant, cleo, random)
        _draft(merchant, sable, random)


def _quiet_start(merchant: Merchant) -> None:
    """The live side has just begun: one customer, one invoice paid by bank transfer."""
    customer = customers.create_customer(merchant, inputs.read(inputs.CustomerInput, CUSTOMERS[0]))
    invoice = _sent(merchant, customer, Random(3))  # noqa: S311
    pay.mark_paid(
        merchant, invoice.public_id, MarkPaidInput(method="bank_transfer", reference="HP 1001")
    )
    _as_if_delivered(invoice)


def _draft(merchant: Merchant, customer: Customer, random: Random, **extra: Any) -> Invoice:
    tax = extra.pop("tax", False)
    yen = extra.get("currency") == "JPY"
    lines = [
        {
            "description": description,
            "quantity": quantity,
            "unit_price": str(int(Decimal(price) * 150)) if yen else price,
        }
        for description, quantity, price in random.sample(WORK, random.choice([1, 2, 2, 3]))
    ]
    wanted: dict[str, Any] = {"customer_id": customer.public_id, "line_items": lines, **extra}
    if tax:
        wanted["taxes"] = [{"name": "VAT", "rate": "19"}]
    if random.random() < 0.2:
        wanted["discount"] = {"percent": "5"}
    return invoices.create_invoice(merchant, inputs.read(inputs.InvoiceInput, wanted))


def _sent(merchant: Merchant, customer: Customer, random: Random, **extra: Any) -> Invoice:
    draft = _draft(merchant, customer, random, **extra)
    invoice = invoices.send_invoice(merchant, draft.public_id)
    _as_if_delivered(invoice)
    return invoice


def _viewed(invoice: Invoice) -> None:
    with acting(PAYER):
        invoices.record_view(invoice.pk)


def _pay_by_card(invoice: Invoice, number: str) -> None:
    with acting(PAYER):
        payment = flows.start(invoice.pk, "sandbox")
        provider.submit_card(payment.provider_reference, number)
        payment_tasks.apply_notices()
    _as_if_delivered(invoice)


def _as_if_delivered(invoice: Invoice) -> None:
    """Mails of the past have long arrived; nobody real is to get one now."""
    for mail in Message.objects.filter(invoice=invoice, status="queued"):
        messages.record_sent(mail.pk)


@contextmanager
def _day(instant: datetime) -> Iterator[None]:
    """Let everything inside happen at this instant."""
    before = clock.read_wall
    clock.read_wall = lambda: instant
    try:
        yield
    finally:
        clock.read_wall = before
