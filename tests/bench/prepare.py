"""Make the measured database: tables, a key with every permission, an invoice of each kind."""

import json
import os

import django
import psycopg


def main() -> None:
    """Migrate and print as JSON what the measuring side must know."""
    url = os.environ.get("DATABASE_URL", "")
    if url.startswith("postgres"):
        server, _, name = url.rpartition("/")
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}"')  # type: ignore[arg-type]
            connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, run_syncdb=True)

    from invoicing import inputs, permissions
    from invoicing.actions import access, customers, invoices, merchants
    from invoicing.models import User
    from tests.bench.__main__ import KEY, LINES
    from tests.bench.bare.models import Invoice, Line, Token

    user = User.objects.create_user("ada@example.com")
    account = merchants.open_account(user, "Ada")
    merchant = account.merchants.get(livemode=False)
    bot = access.create_bot(merchant, inputs.BotInput(name="bench"))
    _, key = access.create_api_key(
        merchant, bot.public_id, inputs.ApiKeyInput(permissions=sorted(permissions.FOR_BOTS))
    )
    customer = customers.create_customer(
        merchant, inputs.read(inputs.CustomerInput, {"name": "Cleo", "email": "cleo@example.com"})
    )
    wanted = {"customer_id": customer.public_id, "line_items": LINES}
    invoice = invoices.create_invoice(merchant, inputs.read(inputs.InvoiceInput, wanted))
    invoices.finalize_invoice(merchant, invoice.public_id)
    Token.objects.create(key=KEY)
    bare = Invoice.objects.create(number="1", customer_name="Cleo", currency="USD", total=163150)
    Line.objects.bulk_create(Line(invoice=bare, **line, amount=118750) for line in LINES)
    print(
        json.dumps(
            {
                "key": key,
                "customer": customer.public_id,
                "invoice": invoice.public_id,
                "bare": bare.pk,
            }
        )
    )


if __name__ == "__main__":
    main()
