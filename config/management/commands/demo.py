"""`manage.py demo`: a believable business to look at, in one process and one folder."""

import json
import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from config import standin
from config.launch import add_demo_arguments
from config.management.commands.serve import claim, prepare, serve


class Command(BaseCommand):
    """Set up a demo merchant and serve it."""

    help = "Seed a demo merchant on SQLite and serve it with the worker in one process."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare where to listen, what to keep and how to say so."""
        add_demo_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, seed once, and serve; say where to go as soon as someone answers there."""
        claim(options)
        spare_others()
        prepare(options["verbosity"])
        account = {"url": settings.PUBLIC_URL, **keep_account()}
        if standin.wallet:
            account["demo_wallet"] = standin.wallet
        lines = json.dumps(account) if options["json"] else welcome(account)
        serve(options, announce=lambda: print(lines, flush=True))


def spare_others() -> None:
    """Refuse a folder in which somebody works: a demo's login is everybody's and opens all."""
    if (settings.DATA_DIR / "demo.json").exists():
        return
    from checkout.demo import EMAIL
    from invoicing.models import User

    known = User._meta.db_table in connection.introspection.table_names()
    if known and User.objects.exclude(email=EMAIL).exists():
        raise CommandError(
            f"{settings.DATA_DIR} holds an installation that is no demo; "
            "name another folder with --data or DATA_DIR."
        )


def keep_account() -> dict[str, str]:
    """Return the demo's keys and login, seeding the first time and reading them ever after."""
    path = settings.DATA_DIR / "demo.json"
    if path.exists():
        kept: dict[str, str] = json.loads(path.read_text())
        return kept
    from checkout import demo

    seeded = demo.seed()
    account = {name: seeded[name] for name in ("api_key", "live_api_key", "email", "password")}
    # Aside and renamed, so that a half-written file is never read.
    draft = path.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(account, file)
    draft.rename(path)
    return account


def welcome(account: dict[str, str]) -> str:
    """Say to a person where to go and how to get in."""
    return f"""
  Billhook's demo is running at {account["url"]}

    Log in     {account["url"]}/dashboard/
    Email      {account["email"]}
    Password   {account["password"]}
    Test key   {account["api_key"]}
    Live key   {account["live_api_key"]}

  API reference at {account["url"]}/docs. Stop with Ctrl-C.
{about_stripe()}{about_the_chain()}"""


def about_stripe() -> str:
    """What to type on the stand-in's pages, where there is one."""
    if not settings.STRIPE_API_BASE:
        return ""
    return f"""
  Test invoices can be paid by card (4242 4242 4242 4242, any later date and code) and by bank
  account (routing 110000000, account 000123456789) on a stand-in for Stripe. No money moves.
  It listens at {settings.STRIPE_API_BASE}; README.md says what it can be told there.
"""


def about_the_chain() -> str:
    """Where USDC is sent from, where there is a chain."""
    if not standin.wallet:
        return ""
    return f"""
  Test invoices can be paid in USDC on a chain of the demo's own, with money that is worth nothing:
  choose USDC on an invoice's page, and send what it asks for from the demo's wallet at
  {standin.wallet}
"""
