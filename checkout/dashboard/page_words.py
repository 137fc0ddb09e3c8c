"""What to paste elsewhere for a checkout page: a button, a frame, the API call that makes it."""

import json
from typing import Any, Final

from django.conf import settings
from django.utils.html import escape
from django.utils.translation import gettext as _

from checkout.models import CheckoutPage
from checkout.page_representations import checkout_page
from invoicing import money
from invoicing.representations import public_url
from invoicing.templatetags.money import language

# What a page is made with, in this order; what is as it would be anyway is left out.
_ASKED: Final = (
    "title",
    "description",
    "currency",
    "amount",
    "payer_amount",
    "items",
    "item_description",
    "wallet_id",
    "max_uses",
    "expires_at",
    "custom_fields",
    "success_url",
    "cancel_url",
    "rails",
    "embed_origins",
)


def button_snippet(row: CheckoutPage) -> str:
    """A plain link that looks like a button, for any page."""
    label = row.title
    if row.amount is not None:
        amount = money.format_money(row.amount, row.currency, language())
        label = _("Pay %(amount)s") % {"amount": amount}
    sheet = public_url(f"/pay/{row.public_id}/button.css")
    link = public_url(f"/pay/{row.public_id}")
    return (
        f'<link rel="stylesheet" href="{escape(sheet)}">\n'
        f'<a class="billhook-button" href="{escape(link)}">{escape(label)}</a>'
    )


def frame_snippet(row: CheckoutPage) -> str:
    """The page in a frame, for the sites that it names; nothing where it names none."""
    if not row.embed_origins:
        return ""
    address = public_url(f"/pay/{row.public_id}/embed")
    return (
        f'<iframe src="{escape(address)}" title="{escape(row.title)}"\n'
        '  style="width:100%;max-width:44rem;height:48rem;border:0"></iframe>'
    )


def api_call(row: CheckoutPage) -> str:
    """The call that would make another page like this one."""
    told = checkout_page(row)
    body: dict[str, Any] = {name: told[name] for name in _ASKED if told[name]}
    body["items"] = [_filled(item) for item in told["items"]]
    body["custom_fields"] = [_filled(asked) for asked in told["custom_fields"]]
    body = {name: value for name, value in body.items() if value}
    # In a shell, what stands between single quotes is taken as it is.
    data = json.dumps(body, indent=2, ensure_ascii=False).replace("'", "'\\''")
    mode = "live" if row.merchant.livemode else "test"
    return (
        f"curl {settings.PUBLIC_URL}/v1/checkout_pages \\\n"
        f'  -H "Authorization: Bearer bh_{mode}_…" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{data}'"
    )


def _filled(row: dict[str, Any]) -> dict[str, Any]:
    usual: tuple[Any, ...] = (None, "", [], False)
    return {name: value for name, value in row.items() if name != "id" and value not in usual}
