"""One of everything of Ada's, and nobody is held up."""

from typing import Any

import pytest

from invoicing.models import Merchant
from tests.fixtures_stripe import Stripe
from tests.matrix.world import world


@pytest.fixture(autouse=True)
def _without_limits(settings: Any) -> None:
    settings.RATE_LIMITS = {}


@pytest.fixture
def adas(test_merchant: Merchant, stripe_account: Stripe) -> dict[str, str]:
    return world(test_merchant, stripe_account)
