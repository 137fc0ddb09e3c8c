"""The front door, the look of it, and the pages for when something is wrong."""

import pytest
from django.template.loader import render_to_string
from django.test import Client

from invoicing.models import User

pytestmark = pytest.mark.django_db


def test_a_stranger_finds_the_door_and_a_merchant_goes_in(client: Client, ada: User) -> None:
    assert "/accounts/login/" in client.get("/").content.decode()
    client.force_login(ada)
    assert client.get("/")["Location"] == "/dashboard/"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_look_is_remembered(client: Client, theme: str) -> None:
    response = client.post("/theme", {"theme": theme, "next": "/accounts/login/"})
    assert response["Location"] == "/accounts/login/"
    assert f'data-theme="{theme}"' in client.get("/").content.decode()
    client.post("/theme", {"theme": "auto"})
    assert "data-theme" not in client.get("/").content.decode()


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "javascript:x()", ""])
def test_the_look_leads_to_no_other_site(client: Client, back: str) -> None:
    assert client.post("/theme", {"theme": "dark", "next": back})["Location"] == "/"


def test_a_strange_look_is_not_printed(client: Client) -> None:
    client.cookies["theme"] = '"><script>'
    assert "<script>" not in client.get("/").content.decode()


def test_a_page_that_is_not_there_says_so(client: Client) -> None:
    response = client.get("/nothing")
    assert response.status_code == 404
    assert "Nothing here" in response.content.decode()


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500"])
def test_error_pages_need_no_context(name: str) -> None:
    page = render_to_string(f"{name}.html")
    assert page.count("<h1>") == 1
    assert "</html>" in page
