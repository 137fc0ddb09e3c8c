"""A believable business to look around in: Fernhill Studio, its customers and a year of invoices.

The history is made as it would have been, with the ordinary actions on a clock that is set to
each day in turn. What is there already is left alone.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from heapq import heapify, heappop, heappush
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
    stories = [
        (
            today - timedelta(days=days_ago, hours=random.randrange(6)),
            _ordinary(merchant, random.choice(people), random),
        )
        for days_ago in range(300, 45, -9)
    ]
    books, optik, cafe, sable, cleo, sakura = people
    days_ago = {
        44: [_overdue(merchant, sable, random), _given_up(merchant, cafe, random)],
        43: [_overdue(merchant, optik, random, tax=True)],
        30: [_mistaken(merchant, books, random), _paid_in_part(merchant, sable, random)],
        29: [_too_late(merchant, cleo, random)],
        10: [
            _looked_at(merchant, sakura, random, currency="JPY"),
            _bounced(merchant, cleo, random),
        ],
        6: [_looked_at(merchant, optik, random, tax=True)],
        4: [_just_paid(merchant, books, random), _looked_at(merchant, cafe, random)],
    }
    stories += [
        (today - timedelta(days=days), story)
        for days, started in days_ago.items()
        for story in started
    ]
    stories.append((clock.wall() - timedelta(minutes=2), _on_its_way(merchant, books, random)))
    _tell(stories)
    for customer in (cleo, sable):
        _draft(merchant, customer, random)


Story = Generator[timedelta, None, None]


def _tell(stories: list[tuple[datetime, Story]]) -> None:
    """Let every story happen, a step at a time, in the order of the days.

    A story yields how long it is until its next step.
    """
    waiting = [(day, place, story) for place, (day, story) in enumerate(stories)]
    heapify(waiting)
    while waiting:
        day, place, story = heappop(waiting)
        with _day(day):
            pause = next(story, None)
        if pause is not None:
            heappush(waiting, (day + pause, place, story))


def _ordinary(merchant: Merchant, customer: Customer, random: Random) -> Story:
    invoice = _sent(merchant, customer, random)
    yield timedelta(days=random.randrange(1, 18), minutes=random.randrange(600))
    _viewed(invoice)
    yield timedelta(minutes=random.randrange(2, 30))
    _pay_by_card(invoice, GOOD)
    yield timedelta(days=2, minutes=1)
    with acting(SYSTEM):
        payment_tasks.release_funds()


def _overdue(merchant: Merchant, customer: Customer, random: Random, **extra: Any) -> Story:
    invoice = _sent(merchant, customer, random, **extra)
    yield timedelta(days=4)
    _viewed(invoice)
    if "tax" not in extra:
        _pay_by_card(invoice, DECLINED)
    yield timedelta(days=17, hours=1)
    with acting(SYSTEM):
        invoices.mark_overdue(invoice.pk)


def _given_up(merchant: Merchant, customer: Customer, random: Random) -> Story:
    invoice = _sent(merchant, customer, random)
    yield timedelta(days=21, hours=1)
    with acting(SYSTEM):
        invoices.mark_overdue(invoice.pk)
    yield timedelta(days=13)
    invoices.write_off_invoice(merchant, invoice.public_id)


def _mistaken(merchant: Merchant, customer: Customer, random: Random) -> Story:
    invoice = _sent(merchant, customer, random)
    yield timedelta(hours=2)
    invoices.void_invoice(merchant, invoice.public_id)


def _paid_in_part(merchant: Merchant, customer: Customer, random: Random) -> Story:
    invoice = _sent(merchant, customer, random, allow_partial=True)
    yield timedelta(days=2)
    received = MarkPaidInput(
        amount=Decimal("150.00"), method="bank_transfer", reference="Sable 4471"
    )
    pay.mark_paid(merchant, invoice.public_id, received)
    yield timedelta(days=19, hours=1)
    with acting(SYSTEM):
        invoices.mark_overdue(invoice.pk)


def _too_late(merchant: Merchant, customer: Customer, random: Random) -> Story:
    closing = clock.wall() + timedelta(days=10)
    invoice = _sent(merchant, customer, random, expires_at=closing.isoformat())
    yield timedelta(days=10, minutes=1)
    with acting(SYSTEM):
        invoices.expire_invoice(invoice.pk)


def _looked_at(merchant: Merchant, customer: Customer, random: Random, **extra: Any) -> Story:
    invoice = _sent(merchant, customer, random, **extra)
    yield timedelta(days=1, hours=3)
    _viewed(invoice)


def _bounced(merchant: Merchant, customer: Customer, random: Random) -> Story:
    draft = _draft(merchant, customer, random)
    invoice = invoices.send_invoice(merchant, draft.public_id)
    for mail in invoice.messages.all():
        messages.record_refused(
            mail.pk, "The mail server answered 550: mailbox unavailable", permanent=True
        )
    yield from ()


def _just_paid(merchant: Merchant, customer: Customer, random: Random) -> Story:
    invoice = _sent(merchant, customer, random)
    yield timedelta(days=3)
    _viewed(invoice)
    _pay_by_card(invoice, GOOD)


def _on_its_way(merchant: Merchant, customer: Customer, random: Random) -> Story:
    invoice = _sent(merchant, customer, random)
    _pay_by_card(invoice, SILENT)
    yield from ()


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
