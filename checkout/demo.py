"""A believable business to look around in: Fernhill Studio, its customers and a year of invoices.

The history is made as it would have been, with the ordinary actions on a clock that is set to
each day in turn. What is there already is left alone.
"""

from datetime import timedelta
from random import Random
from typing import Any, Final

from allauth.account.models import EmailAddress

from checkout import demo_stories as stories
from checkout.actions.portal import set_portal
from checkout.inputs import PortalSettingsInput
from invoicing import clock, ids, inputs, permissions
from invoicing.actions import access, customers, merchants, reminders
from invoicing.actor import Actor, acting
from invoicing.models import Account, Customer, Invoice, Merchant, User
from invoicing.reminder_inputs import RemindersInput
from payments.actions import pay
from payments.inputs import MarkPaidInput

EMAIL: Final = "ada@fernhill.example"
QUESTION: Final = "Could the workshop be on an invoice of its own? Our grant only pays for that."
REMINDERS: Final[dict[str, Any]] = {
    "enabled": True,
    "rules": [{"days": -3}, {"days": 3}, {"days": 14, "late_fee": {"percent": "1.5"}}],
}

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
    with stories.on(today - timedelta(days=310)):
        set_portal(merchant, PortalSettingsInput(pause_recurring=True, cancel_recurring=True))
        reminders.set_reminders(merchant, inputs.read(RemindersInput, REMINDERS))
        reminders.apply_rules(merchant.pk)
        people = [
            customers.create_customer(merchant, inputs.read(inputs.CustomerInput, wanted))
            for wanted in CUSTOMERS
        ]
    told = [
        (
            today - timedelta(days=days_ago, hours=random.randrange(6)),
            stories.ordinary(merchant, random.choice(people), random),
        )
        for days_ago in range(300, 45, -9)
    ]
    told += [
        (today - timedelta(days=days), story)
        for days, started in _of_late(merchant, people, random).items()
        for story in started
    ]
    told += [
        (today - timedelta(days=days), story) for days, story in _again_and_again(merchant, people)
    ]
    told.append(
        (clock.wall() - timedelta(minutes=2), stories.on_its_way(merchant, people[0], random))
    )
    stories.tell(told)
    for customer in (people[4], people[3]):
        stories.draft(merchant, customer, random)


def _of_late(
    merchant: Merchant, people: list[Customer], random: Random
) -> dict[int, list[stories.Story]]:
    """What began so many days ago and is not over, or ended in another way than most."""
    books, optik, cafe, sable, cleo, sakura = people
    return {
        44: [stories.overdue(merchant, sable, random), stories.given_up(merchant, cafe, random)],
        43: [stories.promised(merchant, optik, random, tax=True)],
        30: [
            stories.mistaken(merchant, books, random),
            stories.paid_in_part(merchant, sable, random),
        ],
        29: [stories.too_late(merchant, cleo, random)],
        24: [stories.paid_in_usdc(merchant, sable, random)],
        10: [
            stories.looked_at(merchant, sakura, random, currency="JPY"),
            stories.bounced(merchant, cleo, random),
        ],
        9: [stories.paid_after_all(merchant, optik, random)],
        6: [stories.looked_at(merchant, optik, random, tax=True)],
        # Whoever tries the portal as this customer finds several to pay, and a card to pay with.
        5: [stories.looked_at(merchant, books, random) for _ in range(2)],
        4: [
            stories.just_paid(merchant, books, random),
            stories.looked_at(merchant, cafe, random, question=QUESTION),
        ],
    }


def _again_and_again(merchant: Merchant, people: list[Customer]) -> list[tuple[int, stories.Story]]:
    """What recurs, each from so many days ago: charged, sent, failing just now, and paused."""
    books, optik, _, sable, cleo, _ = people
    care: dict[str, Any] = {"description": "Website care", "amount": "180"}
    hosting: dict[str, Any] = {
        "description": "Hosting and domain",
        "amount": "240",
        "interval": "quarterly",
    }
    club: dict[str, Any] = {"description": "Letterpress club", "amount": "24"}
    retainer: dict[str, Any] = {"description": "Design retainer", "amount": "1450"}
    return [
        (280, stories.subscribed(merchant, books, stories.GOOD, **care)),
        (200, stories.billed(merchant, optik, **hosting)),
        (65, stories.subscribed(merchant, cleo, stories.GOOD, fails_at=3, **club)),
        (150, stories.subscribed(merchant, sable, stories.GOOD, paused_after=4, **retainer)),
    ]


def _quiet_start(merchant: Merchant) -> None:
    """The live side has just begun: one customer, one invoice paid by bank transfer."""
    customer = customers.create_customer(merchant, inputs.read(inputs.CustomerInput, CUSTOMERS[0]))
    invoice = stories.sent(merchant, customer, Random(3))  # noqa: S311
    pay.mark_paid(
        merchant, invoice.public_id, MarkPaidInput(method="bank_transfer", reference="HP 1001")
    )
    stories.as_if_delivered(merchant)
