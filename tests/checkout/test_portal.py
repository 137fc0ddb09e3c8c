"""Getting into a merchant's portal: links that open once, stays that end, and nothing told."""

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from checkout import portal, tasks
from checkout.models import PortalLink, PortalSession
from invoicing import keys
from invoicing.actions.customers import delete_customer, update_customer
from invoicing.actions.invoices import send_invoice
from invoicing.inputs import CustomerChanges, read
from invoicing.models import Merchant, Message
from tests import factories
from tests.fixtures import WallClock
from tests.fixtures_dashboard import form_of, text_of
from tests.portal import Payer, at_portal, come_in, link_for

KNOWN, UNKNOWN = "cleo@example.com", "nobody@example.com"
SENT = "mail with a link is on its way"


@pytest.fixture
def cleo(test_merchant: Merchant) -> Payer:
    """Cleo, who is on file and has come in."""
    factories.given_a_customer(test_merchant)
    return come_in(test_merchant, KNOWN)


def answer(merchant: Merchant, email: str) -> tuple[int, dict[str, str], bytes, int]:
    """All that a stranger can see of asking: status, headers, bytes, and the work it takes."""
    client = Client()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        first = client.post(at_portal(merchant, "ask/"), {"email": email})
    then = client.get(first["Location"])
    headers = {
        name: value
        for response in (first, then)
        for name, value in response.headers.items()
        if name != "X-Request-Id"
    }
    return first.status_code, headers, first.content + then.content, len(asked)


def test_asking_says_the_same_whether_an_address_is_known(test_merchant: Merchant) -> None:
    factories.given_a_customer(test_merchant)
    known, unknown = answer(test_merchant, KNOWN), answer(test_merchant, UNKNOWN)
    assert known == unknown
    assert known[0] == 303
    assert SENT in known[2].decode()
    assert tasks.send_portal_links() == 1
    assert list(Message.objects.values_list("kind", "to")) == [("portal_link", KNOWN)]
    # Of strangers' addresses nothing is kept.
    assert list(PortalLink.objects.values_list("email", flat=True)) == [KNOWN]


def test_a_wrong_address_is_said_to_be_one(test_merchant: Merchant) -> None:
    response = Client().post(at_portal(test_merchant, "ask/"), {"email": "cleo"})
    assert response.status_code == 422
    assert "name@example.com" in text_of(response)
    assert not PortalLink.objects.exists()


def test_one_address_and_one_client_are_held_back(
    test_merchant: Merchant, clock: WallClock
) -> None:
    factories.given_a_customer(test_merchant)
    client = Client()
    path = at_portal(test_merchant, "ask/")
    codes = [client.post(path, {"email": KNOWN}).status_code for _ in range(21)]
    assert codes == [303] * 20 + [429]
    assert client.post(path, {"email": KNOWN})["Retry-After"]
    tasks.send_portal_links()
    assert Message.objects.filter(kind="portal_link").count() == portal.LINKS_AT_ONCE
    clock.move(minutes=31)
    cache.clear()
    client.post(path, {"email": KNOWN.upper()})
    assert tasks.send_portal_links() == 1


def test_a_link_opens_once_and_only_by_its_button(test_merchant: Merchant) -> None:
    factories.given_a_customer(test_merchant)
    path = link_for(test_merchant, KNOWN)
    scanner, client = Client(), Client()
    for _ in range(3):
        assert scanner.get(path).status_code == 200
    assert PortalSession.objects.count() == 0
    opened = client.post(path)
    assert (opened.status_code, opened["Location"]) == (303, at_portal(test_merchant))
    assert "cleo@example.com" in text_of(client.get(opened["Location"]))
    again = Client().post(path)
    assert again.status_code == 410
    assert "used already, or is too old" in text_of(again)
    assert PortalSession.objects.count() == 1


def test_what_opens_is_kept_as_hashes_and_forgotten(
    test_merchant: Merchant, clock: WallClock, browser_of: Any, ada: Any
) -> None:
    factories.given_a_customer(test_merchant)
    path = link_for(test_merchant, KNOWN)
    secret = path.rstrip("/").rsplit("/", 1)[1]
    link, mail = PortalLink.objects.get(), Message.objects.get()
    assert link.digest == keys.digest(secret)
    shown = text_of(browser_of(ada).get(f"mails/{mail.public_id}/"))
    assert "within 30 minutes" in shown
    assert secret not in shown
    factories.work()
    clock.move(minutes=31)
    tasks.forget_portal_links()
    mail = factories.again(mail)
    assert secret not in mail.text + mail.html
    assert mail.raw is None
    clock.move(days=3)
    assert tasks.forget_portal_links() == 1
    assert not PortalLink.objects.exists()


def test_a_link_that_is_too_old_forged_or_anothers_opens_nothing(
    test_merchant: Merchant, ben_merchant: Merchant, clock: WallClock
) -> None:
    factories.given_a_customer(test_merchant)
    factories.given_a_customer(ben_merchant)
    path = link_for(test_merchant, KNOWN)
    secret = path.rstrip("/").rsplit("/", 1)[1]
    assert Client().post(at_portal(ben_merchant, f"open/{secret}/")).status_code == 410
    assert Client().post(at_portal(test_merchant, f"open/{secret[:-1]}-/")).status_code == 410
    clock.move(minutes=29, seconds=59)
    late = link_for(test_merchant, KNOWN)
    clock.move(seconds=1)
    assert Client().post(path).status_code == 410
    assert Client().post(late).status_code == 303


def test_forms_need_their_token(test_merchant: Merchant) -> None:
    factories.given_a_customer(test_merchant)
    path = link_for(test_merchant, KNOWN)
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(path).status_code == 403
    assert strict.post(at_portal(test_merchant, "ask/"), {"email": KNOWN}).status_code == 403
    token = form_of(strict.get(path))["csrfmiddlewaretoken"]
    assert strict.post(path, {"csrfmiddlewaretoken": token}).status_code == 303


def test_the_cookie_is_for_this_portal_alone(cleo: Payer) -> None:
    cookie = cleo.client.cookies["billhook-portal"]
    assert cookie["path"] == at_portal(cleo.merchant)
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 43200)
    # It says nothing to the dashboard, and another one's secret nothing here.
    assert cleo.client.get("/dashboard/").status_code == 302
    value = cookie.value
    cleo.client.cookies["billhook-portal"] = value[:-1] + ("a" if value[-1] != "a" else "b")
    assert "Mail me a link" in text_of(cleo.get())
    cleo.client.cookies["billhook-portal"] = value
    assert "Sign out" in text_of(cleo.get())


def test_a_stay_ends_by_leaving_by_time_and_for_good(
    test_merchant: Merchant, clock: WallClock
) -> None:
    factories.given_a_customer(test_merchant)
    cleo = come_in(test_merchant, KNOWN)
    kept = cleo.client.cookies["billhook-portal"].value
    assert "You are signed out." in text_of(cleo.post("leave/", follow=True))
    cleo.client.cookies["billhook-portal"] = kept
    assert "Mail me a link" in text_of(cleo.get())
    other = come_in(test_merchant, KNOWN)
    clock.move(hours=11, minutes=59)
    assert "Sign out" in text_of(other.get())
    clock.move(minutes=1)
    assert "Mail me a link" in text_of(other.get())
    assert other.get("methods/")["Location"] == at_portal(test_merchant)


def test_other_changes_end_nothing(cleo: Payer) -> None:
    customer = cleo.merchant.customers.get()
    for changes in ({"name": "Cleo Marsh"}, {"email": KNOWN.upper()}):
        update_customer(cleo.merchant, customer.public_id, read(CustomerChanges, changes))
        assert "Sign out" in text_of(cleo.get())


@pytest.mark.parametrize("how", ["another address", "archived", "deleted"])
def test_a_stay_ends_with_its_address(cleo: Payer, how: str) -> None:
    # Something bare is still known under the address; the stay ends all the same.
    factories.given_an_open_invoice(cleo.merchant)
    customer = cleo.merchant.customers.get()
    elsewhere = come_in(cleo.merchant, KNOWN)
    if how == "another address":
        changes = read(CustomerChanges, {"email": "cleo@marsh.example"})
        update_customer(cleo.merchant, customer.public_id, changes)
    else:
        if how == "archived":
            factories.given_an_open_invoice(cleo.merchant, customer_id=customer.public_id)
        delete_customer(cleo.merchant, customer.public_id)
    assert not PortalSession.objects.filter(ended_at=None).exists()
    # Also where a customer went without anybody being told.
    PortalSession.objects.update(ended_at=None)
    assert "Mail me a link" in text_of(cleo.get())
    assert "Mail me a link" in text_of(elsewhere.get())
    assert not PortalSession.objects.filter(ended_at=None).exists()


def test_a_stay_here_is_none_elsewhere(cleo: Payer, ben_merchant: Merchant) -> None:
    factories.given_a_customer(ben_merchant)
    factories.given_an_open_invoice(ben_merchant, title="Ben's own")
    assert "Mail me a link" in text_of(cleo.client.get(at_portal(ben_merchant)))
    assert cleo.client.get(at_portal(ben_merchant, "methods/")).status_code == 303


def test_no_page_is_kept_or_leads_anybody_here(cleo: Payer, test_merchant: Merchant) -> None:
    door = [Client().get(at_portal(test_merchant, path)) for path in ("", "sent/", "open/x/")]
    inside = [cleo.get(path) for path in ("", "methods/", "recurring/", "statement/", "details/")]
    for response in (*door, *inside, Client().get(at_portal(test_merchant, "methods/"))):
        assert response["Cache-Control"] == "private, no-store"
        assert response["Referrer-Policy"] == "same-origin"
        assert "noindex" in response["X-Robots-Tag"]
    for response in inside:
        assert response.status_code == 200
        assert re.search('name="referrer" content="same-origin"', response.content.decode())
    assert Client().get("/portal/mer_none/").status_code == 404


def test_whose_language_is_spoken(test_merchant: Merchant) -> None:
    factories.given_a_customer(test_merchant, language="de")
    cleo = come_in(test_merchant, KNOWN)
    assert cleo.get()["Content-Language"] == "de"
    assert Message.objects.get().language == "de"
    french = Client(headers={"Accept-Language": "fr"})
    assert french.get(at_portal(test_merchant))["Content-Language"] == "fr"
    assert Client().get(at_portal(test_merchant))["Content-Language"] == "en"


def test_invoices_and_their_mails_lead_there(test_merchant: Merchant) -> None:
    invoice = factories.given_an_open_invoice(test_merchant)
    send_invoice(test_merchant, invoice.public_id)
    page = Client().get(f"/i/{invoice.slug}").content.decode()
    assert f'href="{at_portal(test_merchant)}"' in page
    mail = Message.objects.get(kind="invoice")
    for said in (mail.text, mail.html):
        assert portal.address_of(test_merchant) in said


def test_what_nobody_wrote_by_hand_is_not_found(cleo: Payer) -> None:
    for path in ("open/%00/", "methods/%00/remove/", "recurring/%00/", "together/%00/"):
        assert cleo.get(path).status_code == 404
    assert cleo.post("methods/default/", {"method": "\x00"}).status_code == 404
    assert cleo.get("summary/", invoice="\x00")["Location"] == at_portal(cleo.merchant)
    assert cleo.post("pay/", {"token": "\x00"})["Location"] == at_portal(cleo.merchant)
