"""Where a payer goes on to after a checkout page: only where the merchant lets them."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from checkout.models import CheckoutPage
from checkout.origins import origin_of
from checkout.page_writing import origins_of


@dataclass(frozen=True, slots=True)
class Back:
    """An address that was registered, and the origin that a payer is told."""

    url: str
    origin: str

    @property
    def site(self) -> str:
        """The origin as people know sites: without its scheme."""
        return urlsplit(self.origin).netloc


def back_to(page: CheckoutPage, address: str) -> Back | None:
    """Where this address of a page leads; None where it is none, or not registered any more."""
    if not address:
        return None
    try:
        origin = origin_of(address, livemode=page.merchant.livemode)
    except ValueError:
        return None
    return Back(address, origin) if origin in origins_of(page.merchant) else None
