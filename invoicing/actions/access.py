"""The verbs of bots, keys and teams: create, give, revoke, invite, join, leave."""

from datetime import UTC, datetime, timedelta
from typing import Any

from invoicing import clock, drafts, ids, keys, mail
from invoicing.actions.action import action
from invoicing.errors import Conflict, InvalidState, NotFound, ValidationFailed
from invoicing.inputs import ApiKeyInput, BotChanges, BotInput, InvitationInput
from invoicing.models import Account, ApiKey, Bot, Invitation, Membership, Merchant, User
from invoicing.representations import public_url

INVITATION_DAYS = 7


@action
def create_bot(merchant: Merchant, wanted: BotInput) -> Bot:
    """Create a bot, which can do nothing until it is given a key."""
    wallet = drafts.wallet_of(merchant, wanted.wallet_id)
    return Bot.objects.create(
        merchant=merchant, name=wanted.name, wallet=wallet, created_at=clock.wall()
    )


@action
def update_bot(merchant: Merchant, bot_id: str, changes: BotChanges) -> Bot:
    """Rename a bot, or give it another wallet. Raises NotFound for another's bot or wallet."""
    bot = merchant.bots.select_for_update(of=("self",)).filter(public_id=bot_id).first()
    if bot is None:
        raise NotFound(f"There is no bot {bot_id}.")
    if "name" in changes.model_fields_set:
        bot.name = changes.name
    if "wallet_id" in changes.model_fields_set:
        bot.wallet = drafts.wallet_of(merchant, changes.wallet_id)
    bot.save()
    return bot


@action
def create_api_key(merchant: Merchant, bot_id: str, wanted: ApiKeyInput) -> tuple[ApiKey, str]:
    """Give a bot a key. The text is returned here and nowhere ever again."""
    bot = merchant.bots.filter(public_id=bot_id).first()
    if bot is None:
        raise NotFound(f"There is no bot {bot_id}.")
    at = clock.wall()
    expires_at = wanted.expires_at
    if expires_at is not None and not isinstance(expires_at, datetime):
        expires_at = datetime.combine(expires_at, datetime.max.time(), UTC)
    if expires_at is not None and expires_at <= at:
        raise ValidationFailed([("expires_at", "must be in the future")])
    text, prefix = keys.new_key(livemode=merchant.livemode)
    row = ApiKey.objects.create(
        bot=bot,
        name=wanted.name,
        prefix=prefix,
        secret_hash=keys.digest(text),
        permissions=wanted.permissions,
        created_at=at,
        expires_at=expires_at,
    )
    return row, text


@action
def revoke_api_key(merchant: Merchant, key_id: str) -> ApiKey:
    """Make a key open nothing any more, from the next call on."""
    row = (
        ApiKey.objects.select_related("bot")
        .select_for_update(of=("self",))
        .filter(bot__merchant=merchant, public_id=key_id)
        .first()
    )
    if row is None:
        raise NotFound(f"There is no API key {key_id}.")
    row.revoked_at = row.revoked_at or clock.wall()
    row.save(update_fields=["revoked_at"])
    return row


@action
def invite(account: Account, inviter: User, wanted: InvitationInput) -> Invitation:
    """Invite a person by mail; the link in it is good for a week and for once."""
    if account.memberships.filter(user__email__iexact=wanted.email).exists():
        raise Conflict(f"{wanted.email} is already in the team.")
    at = clock.wall()
    token = ids.secret_text(43)
    account.invitations.filter(email__iexact=wanted.email, accepted_at=None).delete()
    invitation = Invitation.objects.create(
        account=account,
        email=wanted.email.lower(),
        role=wanted.role,
        token_hash=keys.digest(token),
        invited_by=inviter,
        created_at=at,
        expires_at=at + timedelta(days=INVITATION_DAYS),
    )
    context: dict[str, Any] = {
        "account_name": account.name,
        "inviter_name": str(inviter),
        "role": invitation.get_role_display(),
        "url": public_url(f"/dashboard/team/join/{token}/"),
        "days": INVITATION_DAYS,
    }
    mail.queue("invitation", invitation.email, context)
    return invitation


@action
def withdraw_invitation(account: Account, invitation_pk: int) -> None:
    """Take an open invitation back."""
    account.invitations.filter(pk=invitation_pk, accepted_at=None).delete()


@action
def accept_invitation(token: str, user: User) -> Membership:
    """Join the account; the invitation is used up. Raises NotFound if it is stale or another's."""
    invitation = (
        Invitation.objects.select_for_update()
        .filter(token_hash=keys.digest(token), accepted_at=None)
        .first()
    )
    at = clock.wall()
    if (
        invitation is None
        or invitation.expires_at <= at
        or invitation.email.lower() != user.email.lower()
    ):
        raise NotFound("This invitation has expired, was used, or is for another email address.")
    invitation.accepted_at = at
    invitation.save(update_fields=["accepted_at"])
    membership, _ = Membership.objects.get_or_create(
        account_id=invitation.account_id,
        user=user,
        defaults={"role": invitation.role, "created_at": at},
    )
    return membership


@action
def change_role(account: Account, membership_pk: int, role: str) -> Membership:
    """Give a member another role. Raises InvalidState for the last owner."""
    membership = _locked_membership(account, membership_pk)
    if role not in Membership.Role.values:
        raise ValidationFailed([("role", f"must be one of {', '.join(Membership.Role.values)}")])
    if role != Membership.Role.OWNER:
        _keep_an_owner(account, membership)
    membership.role = role
    membership.save(update_fields=["role"])
    return membership


@action
def remove_member(account: Account, membership_pk: int) -> None:
    """Take a person out of the team. Raises InvalidState for the last owner."""
    membership = _locked_membership(account, membership_pk)
    _keep_an_owner(account, membership)
    membership.delete()


def _locked_membership(account: Account, pk: int) -> Membership:
    # All of the account's rows, so that two owners cannot leave at the same moment.
    members = {row.pk: row for row in account.memberships.select_for_update().order_by("pk")}
    if pk not in members:
        raise NotFound("There is no such member.")
    return members[pk]


def _keep_an_owner(account: Account, membership: Membership) -> None:
    owners = account.memberships.filter(role=Membership.Role.OWNER)
    if membership.role == Membership.Role.OWNER and owners.count() == 1:
        raise InvalidState("An account needs an owner; make somebody else an owner first.")
