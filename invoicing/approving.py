"""Who may decide what a bot asks for, and the links by which they do so from a mail."""

from datetime import timedelta
from typing import Final

from django.core import signing

from invoicing.models import Approval, Membership, Merchant, User
from invoicing.permissions import ROLE_PERMISSIONS

PERMISSION: Final = "payments:write"
# As long as there is anything to decide.
_VALID_FOR: Final = timedelta(days=8)
_SALT: Final = "invoicing.approving"


def deciders(merchant: Merchant) -> list[User]:
    """Everybody of its team whose role lets them move money."""
    roles = [role for role, may in ROLE_PERMISSIONS.items() if PERMISSION in may]
    rows = Membership.objects.filter(account=merchant.account_id, role__in=roles)
    return [row.user for row in rows.select_related("user").order_by("pk")]


def token_for(approval: Approval, user: User) -> str:
    """What lets this person decide this one request without signing in."""
    return signing.dumps([approval.public_id, user.public_id], salt=_SALT, compress=True)


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
