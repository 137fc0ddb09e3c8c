"""Who calls: a bot by its API key."""

from dataclasses import dataclass
from datetime import timedelta

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from invoicing import clock, keys
from invoicing.models import ApiKey, Bot, Merchant

# "Last used" is for people's eyes: a write a minute is enough.
_NOTE_USE_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Caller:
    """A bot that has shown a good key."""

    bot: Bot
    key: ApiKey

    is_authenticated = True

    @property
    def merchant(self) -> Merchant:
        return self.bot.merchant

    def may(self, permission: str) -> bool:
        """Whether the key carries this permission."""
        return permission in self.key.permissions


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer bh_…`. Every refusal reads alike: it tells nothing about the key."""

    def authenticate(self, request: Request) -> tuple[Caller, ApiKey] | None:
        # A Python object that `inside.ask` sets; nothing that comes over a wire becomes one.
        inside: Caller | None = getattr(request._request, "caller_inside", None)
        if inside is not None:
            if not inside.key.usable(clock.wall()):
                raise AuthenticationFailed(_REFUSED)
            return inside, inside.key
        shown = self.shown(get_authorization_header(request).split())
        if shown is None:
            return None
        try:
            text = shown.decode("ascii")
        except UnicodeDecodeError:
            raise AuthenticationFailed(_REFUSED) from None
        caller = caller_with(text)
        return caller, caller.key

    def shown(self, parts: list[bytes]) -> bytes | None:
        """The key among the header's words, None without any. Raises AuthenticationFailed."""
        if not parts:
            return None
        if len(parts) != 2 or parts[0].lower() != b"bearer":
            raise AuthenticationFailed("Send the API key as: Authorization: Bearer bh_…")
        return parts[1]

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Billhook"'


def caller_with(text: str) -> Caller:
    """Whoever shows this API key. Raises AuthenticationFailed, which reads alike for every key."""
    if not text.isprintable():  # PostgreSQL would not even look for a NUL
        raise AuthenticationFailed(_REFUSED)
    key = _find(keys.prefix_of(text))
    at = clock.wall()
    # An unknown prefix is compared as well, so that both refusals take the same time.
    matches = keys.matches(text, key.secret_hash if key else "")
    if key is None or not matches or not key.usable(at):
        raise AuthenticationFailed(_REFUSED)
    if key.last_used_at is None or at - key.last_used_at > _NOTE_USE_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=at)
    return Caller(key.bot, key)


_REFUSED = "The API key is unknown, expired or revoked."


def _find(prefix: str) -> ApiKey | None:
    try:
        return ApiKey.objects.select_related("bot__merchant").get(prefix=prefix)
    except ApiKey.DoesNotExist:
        return None
