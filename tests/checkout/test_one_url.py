"""One address for people, bots, wallets and papers; and how a bot finds out what there is."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from invoicing.models import Invoice, Merchant
from tests.factories import given_a_draft, given_an_open_invoice, pay

pytestmark = pytest.mark.django_db(transaction=True)

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
AXIOS = "application/json, text/plain, */*"


@pytest.fixture
def invoice(test_merchant: Merchant) -> Invoice:
    return given_an_open_invoice(test_merchant)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (BROWSER, "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        ("image/png", "text/html; charset=utf-8"),
        ("application/json", "application/json"),
        (AXIOS, "application/json"),
        ("text/html;q=0.5, application/json", "application/json"),
        ("application/pdf", "application/pdf"),
        ("application/json;charset=utf-8", "application/json"),
        ("application/pdf; version=1.7, text/html; Q=0.5; level=1", "application/pdf"),
        ("application/json; charset=utf-8; q=0.5, text/html", "text/html; charset=utf-8"),
    ],
)
def test_each_gets_what_it_asks_for(
    client: Client, invoice: Invoice, accept: str, kind: str
) -> None:
    answer = client.get(f"/i/{invoice.slug}", headers={"accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    assert "Accept" in answer.headers["Vary"]
    assert "no-store" in answer.headers["Cache-Control"]
    assert not answer.cookies


def test_a_bot_reads_what_to_do_next_and_pays(client: Client, invoice: Invoice) -> None:
    where = {"path": f"/i/{invoice.slug}", "headers": {"accept": "application/json"}}
    told = client.get(**where).json()
    action = told["agent_protocol"]["next_action"]
    begun = client.post(action["path"], action["body_template"], content_type="application/json")
    assert begun.status_code in action["expect_status"]
    assert begun.json()["url"].startswith("http")
    pay(invoice)
    check = told["agent_protocol"]["completion_check"]
    assert client.get(check["path"]).json()[check["field"]] == check["success_value"]
    assert client.get(**where).json()["status"] == "paid"


@pytest.mark.parametrize("accept", ["text/html", "application/json", "application/pdf"])
def test_nothing_is_told_of_what_the_slug_does_not_grant(
    client: Client, test_merchant: Merchant, accept: str
) -> None:
    draft = given_a_draft(test_merchant)
    answers = [
        client.get(f"/i/{slug}", headers={"accept": accept})
        for slug in (draft.slug, "a" * len(draft.slug))
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    if accept == "application/json":
        assert [answer.json()["error"]["code"] for answer in answers] == ["not_found"] * 2


def test_a_wallet_that_asks_is_told_what_to_pay(client: Client, on_devnet: Any) -> None:
    from tests.factories import given_a_merchant

    row = given_an_open_invoice(given_a_merchant(), "25.00")
    asked = client.get(f"/i/{row.slug}", headers={"accept": "application/x402+json"})
    assert asked.status_code == 402
    assert asked.headers["PAYMENT-REQUIRED"]
    second = {"accept": "application/x402+json; version=2; q=1"}
    assert client.get(f"/i/{row.slug}", headers=second).status_code == 402
    broken = client.get(
        f"/i/{row.slug}", headers={"accept": BROWSER, "payment-signature": "no base64"}
    )
    assert (broken.status_code, broken.headers["Content-Type"]) == (400, "application/json")


def test_llms_txt_names_only_what_is_there(client: Client) -> None:
    answer = client.get("/llms.txt")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    text = answer.content.decode()
    assert text.startswith("# Billhook\n")
    linked = re.findall(r"\]\(http://[^/)]+(/[^)]*)\)", text)
    assert linked == ["/v1/openapi.json", "/docs", "/mcp", "/.well-known/api-catalog"]
    document = client.get("/v1/openapi.json").json()["paths"]
    for method, path in re.findall(r"`(GET|POST) (/v1/[a-z0-9_/{}<>]+)", text):
        documented = path.replace("{id}", "{reference}").replace("<slug>", "{slug}")
        assert method.lower() in document[documented], path


def test_the_catalog_leads_to_what_describes_the_api(client: Client) -> None:
    answer = client.get("/.well-known/api-catalog")
    assert answer.headers["Content-Type"].startswith("application/linkset+json")
    described = json.loads(answer.content)["linkset"][1]
    for relation in ("service-desc", "service-doc", "describedby"):
        path = re.sub(r"https?://[^/]+", "", described[relation][0]["href"])
        assert client.get(path).status_code == 200
    api = client.get("/v1/me")
    assert 'rel="service-desc"' in api.headers["Link"]
    # Who begins at the front page, or with a wrong guess, is led here too.
    links = re.findall(r'<([^>]+)>; rel="([^"]+)"', client.get("/").headers["Link"])
    assert links == [("/.well-known/api-catalog", "api-catalog"), ("/llms.txt", "describedby")]
    lost = client.get("/v1/").json()["error"]["message"]
    for path in re.findall(r"/[a-z0-9./]+[a-z]", lost):
        assert client.get(path).status_code == 200
