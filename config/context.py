"""What every page may say about this installation."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def installation(request: HttpRequest) -> dict[str, Any]:
    """Give templates `demo` (a demo instance), `signup_open` and `public_url`."""
    return {
        "demo": settings.DEMO,
        "signup_open": settings.SIGNUP_OPEN,
        "public_url": settings.PUBLIC_URL,
    }
