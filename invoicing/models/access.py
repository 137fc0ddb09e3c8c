"""Who may act: people, their memberships, and bots with their API keys."""

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models

from invoicing import clock, ids
from invoicing.models.merchant import Account, Merchant
from invoicing.permissions import ROLE_PERMISSIONS


def _user_id() -> str:
    return ids.public_id("usr")


def _bot_id() -> str:
    return ids.public_id("bot")


def _key_id() -> str:
    return ids.public_id("key")


class UserManager(BaseUserManager["User"]):
    """Creates people by email address, which is compared without regard to case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username or "")


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in by email."""

    public_id = models.CharField(max_length=40, unique=True, default=_user_id)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=150, blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=clock.wall)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()

    def __str__(self) -> str:
        return self.name or self.email


class Membership(models.Model):
    """One person's role in one account; it holds for the live merchant and the test twin."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        ADMIN = "admin", "Admin"
        ACCOUNTANT = "accountant", "Accountant"
        VIEWER = "viewer", "Viewer"

    account = models.ForeignKey(Account, models.PROTECT, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="one_membership_per_person")
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role}"

    @property
    def permissions(self) -> frozenset[str]:
        return ROLE_PERMISSIONS[self.role]


class Invitation(models.Model):
    """An open invitation to join an account; its token is mailed and only its HMAC is kept."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=12, choices=Membership.Role)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.email} as {self.role}"


class Bot(models.Model):
    """A named machine actor of a merchant: an agent, a script, an integration."""

    public_id = models.CharField(max_length=40, unique=True, default=_bot_id)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="bots")
    name = models.CharField(max_length=100)
    # Its own; where it has none, what it sells is received by the merchant's default one.
    wallet = models.ForeignKey("payments.Wallet", models.PROTECT, null=True, related_name="bots")
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["merchant", "-id"], name="bot_newest_first")]

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """A bot's credential: shown once, kept as a prefix to find it and an HMAC to check it."""

    public_id = models.CharField(max_length=40, unique=True, default=_key_id)
    bot = models.ForeignKey(Bot, models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=100, blank=True)
    prefix = models.CharField(max_length=24, unique=True)
    secret_hash = models.CharField(max_length=64)
    permissions = models.JSONField(default=list)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["bot", "-id"], name="key_newest_first")]

    def __str__(self) -> str:
        return f"{self.prefix}…"

    def usable(self, at: datetime) -> bool:
        """Whether the key opens anything at this moment."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)
