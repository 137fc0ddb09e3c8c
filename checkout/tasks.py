"""The checkout room's worker: mails links into portals, and forgets them.

Every task takes no arguments, finds its work in rows and is safe to run twice or to die in.
"""

import logging

from celery import shared_task

from checkout.actions import portal
from checkout.models import PortalLink

_log = logging.getLogger(__name__)

LINKS_AT_ONCE = 50


@shared_task
def send_portal_links() -> int:
    """Mail links to those who asked for one and are known; how many were."""
    waiting = PortalLink.objects.filter(digest="").order_by("pk").values_list("pk", flat=True)
    sent = 0
    for pk in waiting[:LINKS_AT_ONCE]:
        try:
            sent += portal.send_link(pk)
        except Exception:  # whatever it is, those behind this one must not wait
            _log.exception("a link into a portal could not be made", extra={"link": pk})
    return sent


@shared_task
def forget_portal_links() -> int:
    """Forget links and stays that are over."""
    return portal.forget_links()
