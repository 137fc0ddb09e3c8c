"""Make the measured database: tables, a key with every permission, an invoice of each kind."""

import json

from tests.bench.database import begin


def main() -> None:
    """Migrate and print as JSON what the measuring side must know."""
    begin()
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
