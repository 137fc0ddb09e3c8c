"""What a bank wants to see of a disputed payment: the fields, in the words of the card networks.

The names are Stripe's, whose documentation says what each of them is for.
"""

from typing import Final

from django.utils.translation import gettext_lazy as _

MAX_FILE_BYTES: Final = 4_500_000
TOO_LARGE: Final = "must be a document of at most 4.5 MB (4,500,000 bytes before it is encoded)"
# What is written: name, label, and what helps.
TEXTS: Final = {
    "product_description": _("What was sold"),
    "customer_name": _("Customer's name"),
    "customer_email_address": _("Customer's email address"),
    "customer_purchase_ip": _("IP address the customer paid from"),
    "billing_address": _("Billing address"),
    "service_date": _("Date of the service"),
    "shipping_date": _("Date of shipping"),
    "shipping_carrier": _("Carrier"),
    "shipping_tracking_number": _("Tracking number"),
    "shipping_address": _("Shipping address"),
    "access_activity_log": _("Log of the customer's use"),
    "refund_policy_disclosure": _("How the refund policy was shown"),
    "refund_refusal_explanation": _("Why there was no refund"),
    "cancellation_policy_disclosure": _("How the cancellation policy was shown"),
    "cancellation_rebuttal": _("Why the subscription was not canceled"),
    "duplicate_charge_id": _("Id of the other charge"),
    "duplicate_charge_explanation": _("Why it is not a duplicate"),
    "uncategorized_text": _("Anything else"),
}
# What is attached: one document for each.
FILES: Final = {
    "receipt": _("Receipt or invoice"),
    "customer_communication": _("Correspondence with the customer"),
    "customer_signature": _("Customer's signature"),
    "service_documentation": _("Proof of the service"),
    "shipping_documentation": _("Proof of shipping"),
    "refund_policy": _("Refund policy"),
    "cancellation_policy": _("Cancellation policy"),
    "duplicate_charge_documentation": _("Proof that it is not a duplicate"),
    "uncategorized_file": _("Another document"),
}
_SIGNS: Final = {
    b"%PDF-": "application/pdf",
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
}


def sniffed_type(content: bytes) -> str | None:
    """The media type that a document's first bytes give away; None for one banks do not take."""
    return next((kind for sign, kind in _SIGNS.items() if content.startswith(sign)), None)
