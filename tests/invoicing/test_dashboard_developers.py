"""Bots and keys, webhooks, events and mails in the dashboard."""

import html
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.template.loader import render_to_string
from django.urls import reverse

from invoicing import keys, tasks
from invoicing.actions.invoices import delete_invoice
from invoicing.actions.webhooks import Attempt, fan_out, record_attempt
from invoicing.dashboard.objects import PAGES, address_of_object
from invoicing.models import (
    ApiKey,
    Bot,
    Delivery,
    Event,
    Membership,
    Merchant,
    Message,
    WebhookEndpoint,
)
from invoicing.permissions import FOR_BOTS, READ
from tests import factories
from tests.fixtures_dashboard import Browser, text_of


@pytest.fixture(autouse=True)
def _private_addresses_may_be_told(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True


def secret_in(response: Any) -> str:
    """The secret that a page shows."""
    found = re.search(r'id="secret" type="text" value="([^"]*)"', response.content.decode())
    assert found
    return html.unescape(found[1])


# Bots and keys


def test_a_bot_and_its_key_are_made_by_clicking(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    made = ada_browser.submit("api-keys/bots/new/", name="Billing agent")
    bot = Bot.objects.get(merchant=test_merchant)
    assert made.url == f"/dashboard/api-keys/bots/{bot.public_id}/new/"
    # Nothing but looking is chosen for whoever chooses nothing.
    form = ada_browser.get(made.url).content.decode()
    choices = re.findall(r'<input type="radio" name="preset" value="(\w+)"[^>]*?( checked)?>', form)
    assert choices == [("full", ""), ("invoicing", ""), ("read", " checked"), ("custom", "")]
    shown = ada_browser.submit(made.url, name="Server", preset="full", expires_at="2099-01-31")
    assert shown.status_code == 200
    key = ApiKey.objects.get(bot=bot)
    assert (key.name, set(key.permissions)) == ("Server", set(FOR_BOTS))
    assert str(key.expires_at) == "2099-01-31 23:59:59.999999+00:00"
    assert keys.matches(secret_in(shown), key.secret_hash)


def test_a_key_is_shown_once_and_kept_nowhere(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    ada_browser.submit("api-keys/bots/new/", name="Bot")
    path = f"api-keys/bots/{Bot.objects.get().public_id}/new/"
    data = ada_browser.form(path).data()
    shown = ada_browser.post(path, data)
    secret = secret_in(shown)
    assert "no-store" in shown["Cache-Control"]
    # Sent again (a reload of the page), it makes no second key and cannot show the first.
    again = ada_browser.post(path, data)
    assert again.url == "/dashboard/api-keys/"
    page = ada_browser.get(again.url)
    assert "cannot be shown again" in text_of(page)
    assert ApiKey.objects.count() == 1
    assert secret not in page.content.decode()
    assert secret not in str([row.get_decoded() for row in Session.objects.all()])


@pytest.mark.parametrize(
    ("preset", "wanted"),
    [
        ("full", FOR_BOTS),
        ("read", READ & FOR_BOTS),
        ("invoicing", {"invoices:read", "invoices:write", "customers:read", "customers:write"}),
        ("custom", {"settle", "events:read"}),
    ],
)
def test_presets_and_boxes_choose_permissions(
    preset: str, wanted: set[str], ada_browser: Browser, test_merchant: Merchant
) -> None:
    ada_browser.submit("api-keys/bots/new/", name="Bot")
    path = f"api-keys/bots/{Bot.objects.get().public_id}/new/"
    ada_browser.submit(path, preset=preset, permissions=["settle", "events:read"])
    assert set(ApiKey.objects.get().permissions) == set(wanted)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"preset": "custom", "permissions": []}, "permissions"),
        ({"preset": "custom", "permissions": ["team:write"]}, "permissions"),
        ({"preset": "custom", "permissions": ["nonsense"]}, "permissions"),
        ({"preset": "everything"}, "preset"),
        ({"name": "x" * 101}, "name"),
        ({"expires_at": "2001-01-01"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
    ],
)
def test_wrong_keys_are_refused(
    wrong: dict[str, Any], field: str, ada_browser: Browser, test_merchant: Merchant
) -> None:
    ada_browser.submit("api-keys/bots/new/", name="Bot")
    path = f"api-keys/bots/{Bot.objects.get().public_id}/new/"
    response = ada_browser.submit(path, **wrong)
    assert response.status_code == 422
    assert f'href="#id_{field}' in response.content.decode()
    assert not ApiKey.objects.exists()


def test_a_nameless_bot_is_refused(ada_browser: Browser, test_merchant: Merchant) -> None:
    response = ada_browser.submit("api-keys/bots/new/", name=" ")
    assert response.status_code == 422
    assert not Bot.objects.exists()


def test_a_key_is_revoked_after_asking(ada_browser: Browser, ada_key: str) -> None:
    key = ApiKey.objects.get()
    path = f"api-keys/{key.public_id}/revoke/"
    assert "refused from the next call on" in text_of(ada_browser.get(path))
    assert factories.again(key).revoked_at is None
    ada_browser.submit(path)
    assert factories.again(key).revoked_at is not None
    assert "Revoked" in text_of(ada_browser.get("api-keys/"))


def test_the_list_says_when_a_key_was_used(
    ada_browser: Browser, api: Any, test_merchant: Merchant
) -> None:
    assert "Never" in text_of(ada_browser.get("api-keys/"))
    assert api.get("/v1/invoices").status_code == 200
    assert "Never" not in text_of(ada_browser.get("api-keys/"))


# Webhooks


def given_an_endpoint(ada_browser: Browser) -> tuple[WebhookEndpoint, str]:
    """An endpoint made by clicking, and its secret."""
    shown = ada_browser.submit("webhooks/new/", url="http://127.0.0.1:9/hook", scope="all")
    return WebhookEndpoint.objects.latest("pk"), secret_in(shown)


def test_an_endpoint_is_made_and_its_secret_shown_once(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    data = ada_browser.form("webhooks/new/").data(
        url="http://127.0.0.1:9/hook",
        description="Shop",
        scope="chosen",
        chosen=["invoice.paid", "customer.*"],
    )
    shown = ada_browser.post("webhooks/new/", data)
    endpoint = WebhookEndpoint.objects.get()
    assert secret_in(shown) == endpoint.secret
    assert endpoint.event_types == ["customer.*", "invoice.paid"]
    assert ada_browser.post("webhooks/new/", data).url == (
        f"/dashboard/webhooks/{endpoint.public_id}/"
    )
    page = ada_browser.get(f"webhooks/{endpoint.public_id}/").content.decode()
    assert endpoint.secret not in page
    assert (
        endpoint.secret
        not in ada_browser.get(f"webhooks/{endpoint.public_id}/edit/").content.decode()
    )


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"url": ""}, "url"),
        ({"url": "ftp://example.com"}, "url"),
        ({"url": "http://127.0.0.1:9/", "description": "x" * 201}, "description"),
        ({"url": "http://127.0.0.1:9/", "scope": "chosen", "chosen": []}, "chosen"),
        ({"url": "http://127.0.0.1:9/", "scope": "chosen", "chosen": ["x.y"]}, "chosen"),
    ],
)
def test_wrong_endpoints_are_refused(
    wrong: dict[str, Any], field: str, ada_browser: Browser, test_merchant: Merchant
) -> None:
    response = ada_browser.submit("webhooks/new/", **wrong)
    assert response.status_code == 422
    assert f'href="#id_{field}' in response.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_a_private_address_is_refused_beside_its_field(
    ada_browser: Browser, test_merchant: Merchant, settings: Any
) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = False
    response = ada_browser.submit("webhooks/new/", url="http://169.254.169.254/", scope="all")
    assert response.status_code == 422
    assert 'id="id_url_error"' in response.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_an_endpoint_is_changed_switched_renewed_and_deleted(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    endpoint, secret = given_an_endpoint(ada_browser)
    path = f"webhooks/{endpoint.public_id}/"
    ada_browser.submit(f"{path}edit/", url="http://127.0.0.1:9/other", scope="all")
    assert factories.again(endpoint).url == "http://127.0.0.1:9/other"
    ada_browser.submit(path, action="/enable/", enabled="0")
    assert factories.again(endpoint).enabled is False
    assert "could" not in text_of(ada_browser.get(""))
    ada_browser.submit(path, action="/enable/", enabled="1")
    assert factories.again(endpoint).enabled is True
    data = ada_browser.form(f"{path}rotate/").data()
    renewed = secret_in(ada_browser.post(f"{path}rotate/", data))
    assert renewed == factories.again(endpoint).secret != secret
    assert factories.again(endpoint).previous_secret == secret
    # A reload rotates nothing.
    assert ada_browser.post(f"{path}rotate/", data).status_code == 302
    assert factories.again(endpoint).secret == renewed
    ada_browser.submit(f"{path}delete/")
    assert ada_browser.get(path).status_code == 404
    assert "No endpoints yet" in text_of(ada_browser.get("webhooks/"))


def test_the_log_shows_each_try_and_delivers_again(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    endpoint, _secret = given_an_endpoint(ada_browser)
    factories.given_a_customer(test_merchant)
    fan_out()
    delivery = Delivery.objects.get()
    evil = "<img src=x onerror=alert(1)>"
    record_attempt(delivery.pk, Attempt(500, duration_ms=12, response_body=evil, error="500"))
    page = text_of(ada_browser.get(f"webhooks/{endpoint.public_id}/"))
    assert "customer.created Trying again 1 500" in page
    assert "1 webhook endpoint is failing" in text_of(ada_browser.get(""))
    path = f"webhooks/{endpoint.public_id}/{delivery.public_id}/"
    shown = ada_browser.get(path)
    assert evil not in shown.content.decode() and html.escape(evil) in shown.content.decode()
    assert "12 ms" in text_of(shown)
    record_attempt(delivery.pk, Attempt(status_code=200))
    assert factories.again(delivery).status == "succeeded"
    ada_browser.submit(path, action="/redeliver/")
    assert factories.again(delivery).status == "pending"


def test_the_home_page_says_that_an_endpoint_was_switched_off(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    endpoint, _secret = given_an_endpoint(ada_browser)
    factories.given_a_customer(test_merchant)
    fan_out()
    record_attempt(Delivery.objects.get().pk, Attempt(status_code=410))
    assert factories.again(endpoint).enabled is False
    assert "1 webhook endpoint was switched off after failing" in text_of(ada_browser.get(""))
    page = text_of(ada_browser.get(f"webhooks/{endpoint.public_id}/"))
    assert "The endpoint answered 410 Gone" in page


# Events and mails


def test_events_are_shown_with_their_json(ada_browser: Browser, test_merchant: Merchant) -> None:
    invoice = factories.given_an_open_invoice(test_merchant)
    factories.given_a_customer(test_merchant)
    everything = text_of(ada_browser.get("events/"))
    assert "invoice.finalized" in everything and "customer.created" in everything
    page = ada_browser.get("events/?type=invoice.finalized").content.decode()
    assert re.findall(r'line-note">([^<]*)', page) == ["invoice.finalized"]
    page = ada_browser.get(f"events/?object={invoice.public_id}").content.decode()
    assert re.findall(r'line-note">([^<]*)', page) == [
        "invoice.finalized",
        "invoice.created",
    ]
    event = Event.objects.get(type="invoice.finalized")
    shown = text_of(ada_browser.get(f"events/{event.public_id}/"))
    assert f'"id": "{event.public_id}"' in shown and '"number": "TEST-0001"' in shown


def test_mails_are_listed_with_their_state(ada_browser: Browser, test_merchant: Merchant) -> None:
    draft = factories.given_a_draft(test_merchant)
    ada_browser.submit(f"invoices/{draft.public_id}/send/")
    assert "cleo@example.com" in text_of(ada_browser.get("mails/?status=queued"))
    assert "No mail is in this state" in text_of(ada_browser.get("mails/?status=failed"))
    tasks.send_mails()
    mail = Message.objects.get()
    page = text_of(ada_browser.get(f"mails/{mail.public_id}/"))
    assert "Sent" in page and "with the PDF" in page and mail.text.split("\n")[0] in page


def test_a_sent_mail_is_not_sent_again_by_trying(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    draft = factories.given_a_draft(test_merchant)
    ada_browser.submit(f"invoices/{draft.public_id}/send/")
    tasks.send_mails()
    mail = Message.objects.get()
    response = ada_browser.post(f"mails/{mail.public_id}/retry/")
    assert "This mail was sent already." in text_of(ada_browser.get(response.url))
    assert factories.again(mail).status == "sent"
    assert Membership.objects.count() == 1


def test_every_kind_of_mail_has_a_name() -> None:
    folders = (Path(settings.BASE_DIR) / "templates" / "mails").iterdir()
    kinds = [folder.name for folder in folders if folder.is_dir()]
    words = {
        kind: render_to_string("dashboard/mails/_kind.html", {"mail": Message(kind=kind)}).strip()
        for kind in [*kinds, "account"]
    }
    assert (words["charge_failed"], words["invoice"]) == ("A charge failed", "Invoice")
    assert [kind for kind, said in words.items() if said == "Another mail"] == []
    assert len(set(words.values())) == len(words)


def test_an_event_leads_to_what_it_is_about(ada_browser: Browser, test_merchant: Merchant) -> None:
    draft = factories.given_a_draft(test_merchant)
    event = Event.objects.get(object_id=draft.public_id)
    link = f'href="/dashboard/invoices/{draft.public_id}/"'
    assert link in ada_browser.get("events/").content.decode()
    assert link in ada_browser.get(f"events/{event.public_id}/").content.decode()
    delete_invoice(test_merchant, draft.public_id)
    gone = Event.objects.get(type="invoice.deleted")
    assert link not in ada_browser.get(f"events/{gone.public_id}/").content.decode()


def test_every_object_that_events_are_about_has_a_page() -> None:
    for kind, page in PAGES.items():
        event = Event(type="invoice.created", object_id=f"{kind}_0")
        assert reverse(f"dashboard:{page}", args=[f"{kind}_0"]) == address_of_object(event)
    assert address_of_object(Event(type="customer.created", object_id="pm_0")) == ""
