"""Who may act: bots with their keys, people with their roles."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from invoicing import keys, permissions
from invoicing.actions import access
from invoicing.errors import Conflict, InvalidState, NotFound, ValidationFailed
from invoicing.inputs import ApiKeyInput, BotInput, InvitationInput, read
from invoicing.models import Account, ApiKey, Invitation, Membership, Merchant, Message, User
from tests.factories import again, given_a_key, given_a_user, given_an_account

ALL = list(permissions.FOR_BOTS)


def given_a_bot(merchant: Merchant) -> str:
    return access.create_bot(merchant, read(BotInput, {"name": "Bot"})).public_id


def create_key(merchant: Merchant, **wanted: Any) -> tuple[ApiKey, str]:
    wanted.setdefault("permissions", ["invoices:read"])
    return access.create_api_key(merchant, given_a_bot(merchant), read(ApiKeyInput, wanted))


# Opening an account


def test_an_account_has_a_live_merchant_its_test_twin_and_an_owner(
    ada: User, ada_account: Account
) -> None:
    merchants = ada_account.merchants.order_by("-livemode")
    assert [(row.livemode, row.number_series.get(kind="invoice").prefix) for row in merchants] == [
        (True, "INV-"),
        (False, "TEST-"),
    ]
    membership = ada_account.memberships.get()
    assert (membership.user, membership.role) == (ada, "owner")
    assert membership.permissions == permissions.ALL


# Keys


@pytest.mark.parametrize(("livemode", "start"), [(True, "bh_live_"), (False, "bh_test_")])
def test_a_key_says_its_mode_and_is_kept_only_as_prefix_and_hmac(
    livemode: bool, start: str, ada_account: Account
) -> None:
    row, text = create_key(ada_account.merchants.get(livemode=livemode))
    assert re.fullmatch(start + "[0-9A-Za-z]{51}", text)
    assert text.startswith(row.prefix)
    assert keys.prefix_of(text) == row.prefix
    assert keys.matches(text, row.secret_hash)
    assert not keys.matches(text[:-1] + ("a" if text[-1] != "a" else "b"), row.secret_hash)
    secret = text.removeprefix(row.prefix)
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            assert secret not in str(cursor.fetchall()), table


def test_the_pepper_is_not_in_the_database(ada_account: Account, settings: Any) -> None:
    row, text = create_key(ada_account.merchants.get(livemode=False))
    settings.KEY_PEPPER = "another pepper"
    assert not keys.matches(text, row.secret_hash)


def test_ten_thousand_keys_are_all_different(db: None) -> None:
    made = {keys.new_key(livemode=True)[0] for _ in range(10_000)}
    assert len(made) == 10_000


def test_a_key_opens_until_it_expires_or_is_revoked(test_merchant: Merchant, clock: Any) -> None:
    ends = clock.at + timedelta(days=1)
    row, _ = create_key(test_merchant, expires_at=ends.isoformat())
    assert row.usable(ends - timedelta(microseconds=1))
    assert not row.usable(ends)
    other, _ = create_key(test_merchant)
    assert other.usable(clock.at + timedelta(days=36500))
    first = access.revoke_api_key(test_merchant, other.public_id).revoked_at
    clock.move(days=1)
    assert access.revoke_api_key(test_merchant, other.public_id).revoked_at == first
    assert not again(other).usable(clock.at)


def test_a_bare_date_lets_a_key_live_to_the_end_of_that_day(
    test_merchant: Merchant, clock: Any
) -> None:
    row, _ = create_key(test_merchant, expires_at="2026-03-02")
    assert row.expires_at is not None
    assert row.expires_at.isoformat() == "2026-03-02T23:59:59.999999+00:00"
    with pytest.raises(ValidationFailed, match="expires_at: must be in the future"):
        create_key(test_merchant, expires_at="2026-03-01")


def test_another_merchants_bots_and_keys_are_not_found(
    test_merchant: Merchant, live: Merchant, ben_merchant: Merchant
) -> None:
    row, _ = create_key(test_merchant)
    for stranger in (ben_merchant, live):
        with pytest.raises(NotFound):
            access.revoke_api_key(stranger, row.public_id)
        with pytest.raises(NotFound):
            wanted = read(ApiKeyInput, {"permissions": ALL})
            access.create_api_key(stranger, row.bot.public_id, wanted)
    assert again(row).revoked_at is None


def test_no_bot_is_given_what_belongs_to_people(test_merchant: Merchant) -> None:
    assert not {"team:write", "settings:write"} & permissions.FOR_BOTS
    for name in ("team:write", "settings:write", "everything", "invoices:*"):
        with pytest.raises(ValidationFailed, match=re.escape(repr(name))):
            given_a_key(test_merchant, [name])


# Roles


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("owner", ["team:write", "settle", "bots:write"], []),
        ("admin", ["team:write", "settle", "settings:write"], []),
        (
            "accountant",
            ["invoices:write", "settle", "payments:write", "bots:read"],
            ["team:write", "bots:write", "webhooks:write", "settings:write"],
        ),
        ("viewer", ["invoices:read", "wallets:read"], ["invoices:write", "settle"]),
    ],
)
def test_a_role_allows_this_and_not_that(role: str, may: list[str], may_not: list[str]) -> None:
    allowed = permissions.ROLE_PERMISSIONS[role]
    assert set(may) <= allowed
    assert not set(may_not) & allowed
    assert allowed <= permissions.ALL


# The team


def invite(account: Account, email: str = "ben@example.com", role: str = "viewer") -> Invitation:
    inviter = account.memberships.get(role="owner").user
    return access.invite(account, inviter, read(InvitationInput, {"email": email, "role": role}))


def token_in(mail: Message) -> str:
    found = re.search(r"/dashboard/team/join/(\w+)/", mail.text)
    assert found, mail.text
    return found[1]


def test_an_invitation_is_mailed_and_lets_the_invited_join_once(ada_account: Account) -> None:
    ben = given_a_user("Ben Rival")
    invite(ada_account, ben.email.upper(), "accountant")
    mail = Message.objects.get(kind="invitation")
    assert (mail.to, mail.status) == (ben.email, "queued")
    token = token_in(mail)
    assert not Invitation.objects.filter(token_hash=token).exists()
    joined = access.accept_invitation(token, ben)
    assert (joined.account, joined.role) == (ada_account, "accountant")
    with pytest.raises(NotFound):
        access.accept_invitation(token, ben)


def test_an_invitation_is_for_its_address_and_for_a_week(ada_account: Account, clock: Any) -> None:
    ben, dora = given_a_user("Ben Rival"), given_a_user("Dora")
    invite(ada_account, ben.email)
    token = token_in(Message.objects.get())
    for stranger, stolen in ((dora, token), (ben, token + "x"), (ben, "")):
        with pytest.raises(NotFound):
            access.accept_invitation(stolen, stranger)
    clock.move(days=7)
    with pytest.raises(NotFound):
        access.accept_invitation(token, ben)
    assert ada_account.memberships.count() == 1


def test_a_new_invitation_replaces_the_old_one_and_a_withdrawn_one_is_void(
    ada_account: Account,
) -> None:
    ben = given_a_user("Ben Rival")
    invite(ada_account, ben.email)
    second = invite(ada_account, ben.email, "admin")
    first_token, second_token = map(token_in, Message.objects.order_by("id"))
    with pytest.raises(NotFound):
        access.accept_invitation(first_token, ben)
    access.withdraw_invitation(given_an_account(dora := given_a_user("Dora")), second.pk)
    assert Invitation.objects.filter(pk=second.pk).exists()
    access.withdraw_invitation(ada_account, second.pk)
    with pytest.raises(NotFound):
        access.accept_invitation(second_token, ben)
    assert dora.memberships.count() == 1


def test_a_member_is_not_invited_again(ada: User, ada_account: Account) -> None:
    with pytest.raises(Conflict, match="already in the team"):
        invite(ada_account, ada.email.upper())
    assert not Message.objects.exists()


def test_the_last_owner_neither_leaves_nor_steps_down(ada: User, ada_account: Account) -> None:
    mine = ada_account.memberships.get()
    for verb in (
        lambda: access.remove_member(ada_account, mine.pk),
        lambda: access.change_role(ada_account, mine.pk, "admin"),
    ):
        with pytest.raises(InvalidState, match="needs an owner"):
            verb()
    other = Membership.objects.create(
        account=ada_account, user=given_a_user("Dora"), role="admin", created_at=mine.created_at
    )
    access.change_role(ada_account, other.pk, "owner")
    access.change_role(ada_account, mine.pk, "viewer")
    access.remove_member(ada_account, mine.pk)
    assert [row.user for row in ada_account.memberships.all()] == [other.user]


def test_another_accounts_members_are_not_found(ada_account: Account, ben: User) -> None:
    theirs = given_an_account(ben, "Ben & Sons").memberships.get()
    for verb in (
        lambda: access.remove_member(ada_account, theirs.pk),
        lambda: access.change_role(ada_account, theirs.pk, "viewer"),
    ):
        with pytest.raises(NotFound):
            verb()
    assert again(theirs).role == "owner"


def test_there_are_no_other_roles(ada_account: Account) -> None:
    mine = ada_account.memberships.get()
    with pytest.raises(ValidationFailed, match="must be one of owner, admin"):
        access.change_role(ada_account, mine.pk, "god")


def test_people_are_found_by_email_in_any_case(ada: User) -> None:
    assert User.objects.get_by_natural_key(ada.email.upper()) == ada
