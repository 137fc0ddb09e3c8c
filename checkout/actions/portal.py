"""The verbs of a merchant's portal: ask for a link, mail it, come in, leave, choose what may be.

Links and stays are on the wall clock: a rehearsed year is no reason to be signed out.
"""

from datetime import timedelta

from checkout import portal
from checkout.inputs import PortalSettingsInput
from checkout.models import PortalLink, PortalSession, PortalSettings
from checkout.statements import Statement
from invoicing import approving, clock, ids, keys, mail
from invoicing.actions.action import action
from invoicing.doorbell import ring
from invoicing.errors import Conflict, NotFound
from invoicing.models import Merchant, Message
from invoicing.representations import public_url

SECRET_LETTERS = 43  # 256 bits
KEPT_FOR = timedelta(days=2)
MAILS_AT_ONCE = 1000
STATEMENTS_AN_HOUR = 5


@action
def ask_for_link(merchant: Merchant, email: str, language: str) -> PortalLink:
    """Write down that somebody wants to get in. Whether they are known is the worker's to find."""
    link = PortalLink.objects.create(
        merchant=merchant,
        email=portal.folded(email),
        language=language,
        created_at=clock.wall(),
    )
    ring("checkout.tasks.send_portal_links")
    return link


@action
def send_link(link_pk: int) -> bool:
    """Mail the link to whoever is known under the address; whether there was anybody to mail to.

    What came to nothing is forgotten: here is no list of addresses that strangers have typed.
    """
    link = (
        PortalLink.objects.select_related("merchant")
        .select_for_update(of=("self",))
        .filter(pk=link_pk, digest="")
        .first()
    )
    if link is None:
        return False
    merchant, at = link.merchant, clock.wall()
    payer = portal.Payer(merchant, link.email)
    valid = PortalLink.objects.filter(merchant=merchant, email=link.email, expires_at__gt=at)
    if not payer.is_known or valid.count() >= portal.LINKS_AT_ONCE:
        link.delete()
        return False
    secret = ids.secret_text(SECRET_LETTERS)
    link.digest, link.expires_at = keys.digest(secret), at + portal.LINK_LIFE
    link.save()
    told = {
        "merchant_name": merchant.name,
        "brand_color": merchant.brand_color,
        "minutes": int(portal.LINK_LIFE.total_seconds() // 60),
        "url": public_url(f"/portal/{merchant.public_id}/open/{secret}/"),
    }
    language = payer.language or link.language or merchant.language
    mail.queue(
        "portal_link",
        link.email,
        told,
        merchant=merchant,
        language=language,
        reply_to=merchant.email,
        from_name=merchant.name,
    )
    return True


@action
def begin_session(merchant: Merchant, link_secret: str) -> tuple[PortalSession, str]:
    """Use a link up, and begin a stay; what opens it is told once, for the cookie.

    Raises NotFound for a link that is used, too old or another merchant's, and for an address
    that is not known any more. Locks the link.
    """
    at = clock.wall()
    link = (
        PortalLink.objects.select_for_update()
        .filter(merchant=merchant, digest=keys.digest(link_secret), used_at=None)
        .filter(expires_at__gt=at)
        .first()
    )
    payer = portal.Payer(merchant, link.email) if link else None
    if link is None or payer is None or not payer.is_known:
        raise NotFound("This link opens nothing any more.")
    link.used_at = at
    link.save()
    secret = ids.secret_text(SECRET_LETTERS)
    session = PortalSession.objects.create(
        merchant=merchant,
        email=link.email,
        link=link,
        digest=keys.digest(secret),
        customers=[row.public_id for row in payer.customers],
        began_at=at,
        expires_at=at + portal.SESSION_LIFE,
    )
    return session, secret


@action
def end_session(session_pk: int) -> None:
    """Let the cookie of this stay open nothing any more."""
    PortalSession.objects.filter(pk=session_pk, ended_at=None).update(ended_at=clock.wall())


@action
def end_sessions(merchant: Merchant, email: str) -> int:
    """End every stay under an address, in all browsers; how many there were."""
    rows = PortalSession.objects.filter(merchant=merchant, email=email, ended_at=None)
    return rows.update(ended_at=clock.wall())


@action
def forget_links() -> int:
    """Take links that open nothing any more out of the mails that brought them, and tidy up."""
    now = clock.wall()
    over = Message.objects.filter(kind="portal_link", created_at__lt=now - portal.LINK_LIFE)
    for message in over.exclude(html="").exclude(status=Message.Status.QUEUED)[:MAILS_AT_ONCE]:
        message.text, message.html, message.raw = approving.without_links(message.text), "", None
        message.save(update_fields=["text", "html", "raw"])
    PortalSession.objects.filter(expires_at__lt=now - KEPT_FOR).delete()
    gone, _ = PortalLink.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    return gone


@action
def set_portal(merchant: Merchant, wanted: PortalSettingsInput) -> PortalSettings:
    """Choose what payers may do by themselves with what recurs."""
    row, _ = PortalSettings.objects.select_for_update().get_or_create(
        merchant=merchant, defaults={"updated_at": clock.now(merchant)}
    )
    row.pause_recurring = wanted.pause_recurring
    row.cancel_recurring = wanted.cancel_recurring
    row.updated_at = clock.now(merchant)
    row.save()
    return row


@action
def mail_statement(statement: Statement, language: str, path: str) -> Message:
    """Mail a payer the figures of their statement. Raises Conflict for too many within an hour."""
    payer = statement.payer
    merchant, at = payer.merchant, clock.wall()
    of_late = merchant.messages.filter(kind="statement", to=payer.email)
    if of_late.filter(created_at__gt=at - timedelta(hours=1)).count() >= STATEMENTS_AN_HOUR:
        raise Conflict("This address was mailed enough statements within the hour.")
    told = {
        "merchant_name": merchant.name,
        "brand_color": merchant.brand_color,
        "statement": statement,
        "url": public_url(path),
    }
    return mail.queue(
        "statement",
        payer.email,
        told,
        merchant=merchant,
        language=language,
        reply_to=merchant.email,
        from_name=merchant.name,
    )
