"""Who may decide what a bot asks for, what it is about, and the links to decide from a mail."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.core import signing

from invoicing.models import Approval, Customer, Invoice, Membership, Merchant, User
from invoicing.permissions import ROLE_PERMISSIONS

PERMISSION: Final = "payments:write"
# As long as there is anything to decide.
_VALID_FOR: Final = timedelta(days=8)
_SALT: Final = "invoicing.approving"
_UNITS: Final = {"weekly": "week", "monthly": "month", "quarterly": "quarter", "yearly": "year"}
# Where a bot may say what something is for, the plainest first.
_WORDS: Final = ("description", "note", "memo")


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom and what a request is about, as far as they are on file."""

    customer: Customer | None = None
    invoice: Invoice | None = None

    @property
    def path(self) -> str:
        """Where the dashboard shows what it is about; "" where neither is on file."""
        if self.invoice is not None:
            return f"/dashboard/invoices/{self.invoice.public_id}/"
        return f"/dashboard/customers/{self.customer.public_id}/" if self.customer else ""

    @property
    def name(self) -> str:
        """Both in words; "" where neither is on file."""
        invoice = self.invoice
        who = self.customer.name if self.customer else ""
        if invoice is not None:
            who = who or invoice.recipient_name or invoice.recipient_email
        return ", ".join(filter(None, [who, str(invoice) if invoice else ""]))


def deciders(merchant: Merchant) -> list[User]:
    """Everybody of its team whose role lets them move money."""
    roles = [role for role, may in ROLE_PERMISSIONS.items() if PERMISSION in may]
    rows = Membership.objects.filter(account=merchant.account_id, role__in=roles)
    return [row.user for row in rows.select_related("user").order_by("pk")]


def token_for(approval: Approval, user: User) -> str:
    """What lets this person decide this one request without signing in."""
    return signing.dumps([approval.public_id, user.public_id], salt=_SALT, compress=True)


def without_links(text: str) -> str:
    """What a mail says to whoever it was not written to: they may not act as somebody else."""
    return re.sub(r"\S*/(approvals/mail|portal/\w+/open)/\S+", "…", text)


def read(token: str) -> tuple[Approval, User] | None:
    """Whom and what a link is about; None for one that is forged, too old, or of somebody who may
    not decide any more."""
    try:
        approval_id, user_id = signing.loads(token, salt=_SALT, max_age=_VALID_FOR)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    rows = Approval.objects.select_related("merchant", "bot", "intent", "decided_by")
    approval = rows.filter(public_id=approval_id).first()
    if approval is None:
        return None
    users = {user.public_id: user for user in deciders(approval.merchant)}
    user = users.get(user_id)
    return (approval, user) if user is not None and user.is_active else None


def subject_of(approval: Approval) -> Subject:
    """Whom and what one request is about."""
    merchant, payee = approval.merchant, approval.intent.payee
    wanted = request_of(approval)
    in_path = re.search(r"/invoices?/([^/]+)/", approval.path)
    reference = str(wanted.get("invoice_id") or (in_path and in_path[1]) or payee)
    return Subject(
        merchant.customers.filter(public_id=payee).first(),
        merchant.invoices.referred_to(reference).first(),
    )


def subjects_of(merchant: Merchant, approvals: Iterable[Approval]) -> dict[int, Subject]:
    """Whose money each of these would move, by their keys; asked for all at once."""
    payees = {row.pk: row.intent.payee for row in approvals}
    customers = merchant.customers.filter(public_id__in=payees.values())
    invoices = merchant.invoices.filter(public_id__in=payees.values())
    known = {row.public_id: Subject(customer=row) for row in customers}
    known |= {row.public_id: Subject(invoice=row) for row in invoices}
    return {pk: known.get(payee, Subject()) for pk, payee in payees.items()}


def request_of(approval: Approval) -> dict[str, Any]:
    """The body that the bot sent; figures are kept as they were written."""
    found = json.loads(approval.body, parse_float=str, parse_int=str)
    return found if isinstance(found, dict) else {}


def words_of(approval: Approval) -> str:
    """What the bot itself says that this is for; "" where it says nothing."""
    wanted = request_of(approval)
    said = (wanted.get(name) for name in _WORDS)
    purpose = approval.purpose.strip()
    return purpose or next((text for text in said if isinstance(text, str) and text.strip()), "")


def rhythm_of(approval: Approval) -> str:
    """How often it comes again, and from and until when; "" for what is done once."""
    wanted = request_of(approval)
    rhythm = wanted.get("recurring") or wanted
    unit = _UNITS.get(str(rhythm.get("interval")))
    if unit is None:
        return ""
    count = str(rhythm.get("interval_count", 1))
    said = f"every {unit}" if count == "1" else f"every {count} {unit}s"
    begins = rhythm.get("start_at") or rhythm.get("anchor")
    days = rhythm.get("trial_days")
    said += f", from {begins}" if begins else f", from {days} days on" if days else ", from now"
    ends = rhythm.get("end_at") or rhythm.get("endAt")
    return f"{said}, until {ends}" if ends else f"{said} until it is canceled"
