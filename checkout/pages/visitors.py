"""Who looks at a payer's page: the payer, a machine that draws link previews, or the seller."""

import re

from django.http import HttpRequest

from invoicing.models import Merchant

# Programs that open every link that passes through a chat or a mailbox. "CUBOT" is a telephone.
_MACHINES = re.compile(
    r"(?<!cu)bot(?![a-z])|crawler|spider|slurp|preview|scanner|externalhit|facebookcatalog"
    r"|whatsapp/|skypeuri|vkshare|embedly|iframely|pinterest/|mastodon|nextcloud|feedfetcher"
    r"|google-(read-aloud|pagerenderer|inspectiontool|safety)|googleimageproxy|apis-google"
    r"|yahoomailproxy|microsoft office|office365|barracuda|mimecast|proofpoint"
    r"|curl/|wget/|python-|go-http|okhttp|java/|libwww|node-fetch|axios/|httpclient|postman",
    re.IGNORECASE,
)


def is_machine(request: HttpRequest) -> bool:
    """Whether the request comes from a program that only looks at what a link leads to."""
    agent = request.headers.get("User-Agent", "")
    return not agent or bool(_MACHINES.search(agent))


def is_prefetch(request: HttpRequest) -> bool:
    """Whether a browser fetches the page before anybody has asked to see it."""
    purposes = (request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz"))
    return any("prefetch" in purpose or "prerender" in purpose for purpose in purposes)


def is_member(request: HttpRequest, merchant: Merchant) -> bool:
    """Whether somebody of the merchant's own team is signed in."""
    if not request.user.is_authenticated:
        return False
    return request.user.memberships.filter(account_id=merchant.account_id).exists()


def is_payer(request: HttpRequest, merchant: Merchant) -> bool:
    """Whether this is, as far as anyone can tell, the person who is billed, reading the page."""
    return (
        request.method == "GET"
        and not is_machine(request)
        and not is_prefetch(request)
        and not is_member(request, merchant)
    )
