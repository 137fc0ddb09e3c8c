"""What payers do at the same moment: open one link, or send one form twice."""

from checkout import bundles
from checkout.actions import portal
from checkout.models import Bundle
from invoicing import doorbell
from invoicing.errors import NotFound
from invoicing.models import Merchant
from payments import flows
from tests.races.moves import _racing

doorbell._send = lambda task: None


def open_link(merchant_pk: int, secret: str, guarded: bool = True) -> str:
    """Press the button behind a link; whether it let somebody in."""
    merchant = Merchant.objects.get(pk=merchant_pk)
    # Between the look at the link and using it up.
    with _racing(guarded, portal.portal, "Payer"):
        try:
            portal.begin_session(merchant, secret)
        except NotFound:
            return "shut"
        return "in"


def pay(bundle_pk: int) -> None:
    """Charge what a bundle agrees to, as each sending of its form does; both meet on the way."""
    with _racing(True, flows, "carry_out"):
        bundles.pay(Bundle.objects.get(pk=bundle_pk))


def pay_and_die(bundle_pk: int) -> None:
    """The same, in a process that is killed where the job says so."""
    bundles.pay(Bundle.objects.get(pk=bundle_pk))
