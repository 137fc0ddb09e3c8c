"""How signing up and in behaves here, told to django-allauth."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Closes sign-up where the operator says so."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Whether strangers may open an account (SIGNUP_OPEN)."""
        return bool(settings.SIGNUP_OPEN)
