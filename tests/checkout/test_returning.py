"""Where a page may lead and who may frame it: exact origins, and nothing that looks like one."""

import pytest
from django.test import Client

from checkout.actions.checkout_pages import update_checkout_settings
from checkout.inputs import CheckoutSettingsChanges
from checkout.origins import exact_origin, origin_of
from invoicing.inputs import read
from invoicing.models import Invoice, Merchant
from tests.factories import VISA, given_a_checkout_page
from tests.fixtures import Api

CLEO = {"name": "Cleo Payer", "email": "cleo@example.com"}
SHOP = "https://shop.example.com"
# What has been taken for an address of SHOP, in one program or another.
HOSTS = (
    "shop.example.com.evil.example",
    "shop.example.com@evil.example",
    "evil.example/shop.example.com",
    "evil.example?shop.example.com",
    "evil.example#shop.example.com",
    "evil.example\\shop.example.com",
    "evil.example\\@shop.example.com",
    "evil.example%2f@shop.example.com",
    "shop.example.com:443@evil.example",
    "user:pass@shop.example.com",
    "evilshop.example.com",
    "shop-example.com",
    "shop.example.com.",
    "shop.example.com%2eevil.example",
    "shop.example.com%00.evil.example",
    "shop。example。com",
    "ѕhop.example.com",
    "shop.example.com\u2024evil.example",
    "SHOP.example.com\u212a",
    "shop.example.com\t.evil.example",
    "shop.example.com\n.evil.example",
    " shop.example.com",
    "*.example.com",
    "[::ffff:1.2.3.4]",
    "shop.example.com:0",
    "shop.example.com:99999",
    "shop.example.com:44 3",
    "shop.example.com:8443",
    "-shop.example.com",
    "shop..example.com",
)
STARTS = ("https://", "http://", "//", "https:/", "https:", "\\\\", "/\\", "javascript://")
VECTORS = [
    *(start + host for start in STARTS for host in HOSTS),
    "javascript:alert(1)",
    "data:text/html,x",
    "https://",
    "",
    "/",
    "https://shop.example.com/\u202e",
    "https://shop.example.com/a b",
    "https://shop.example.com/\r\nSet-Cookie: a=b",
    'https://shop.example.com/"><script>',
    "HTTPS://shop.example.com/",
    "http://localhost.evil.example/",
    "http://127.0.0.1@evil.example/",
    "http://127.0.0.1.evil.example/",
]


def leads_to_the_shop(address: str) -> bool:
    try:
        return origin_of(address, livemode=False) == SHOP
    except ValueError:
        return False


@pytest.mark.same_everywhere
def test_nothing_but_the_very_origin_is_the_origin() -> None:
    assert len(VECTORS) >= 200
    assert [address for address in VECTORS if leads_to_the_shop(address)] == []
    # The control: what is right is taken, in every form of it.
    for right in ("", "/", ":443/", "/a/b?c=d#e", "?x=1", "/%C3%A9", "/https://evil.example"):
        assert leads_to_the_shop(SHOP + right), right


@pytest.mark.same_everywhere
def test_plain_http_is_for_this_machine_in_test_mode() -> None:
    for address in ("http://localhost:8080/a", "http://127.0.0.1/", "http://[::1]:3000"):
        assert origin_of(address, livemode=False)
        with pytest.raises(ValueError, match="https"):
            origin_of(address, livemode=True)
    with pytest.raises(ValueError, match="this machine"):
        origin_of("https://localhost/", livemode=True)
    assert exact_origin(f"{SHOP}/", livemode=True) == SHOP
    for more in ("/a", "?a", "#a", "/*"):
        with pytest.raises(ValueError, match="without path"):
            exact_origin(SHOP + more, livemode=True)


def register(merchant: Merchant, *origins: str) -> None:
    changes = read(CheckoutSettingsChanges, {"return_origins": list(origins)})
    update_checkout_settings(merchant, changes)


def test_a_payer_is_led_back_once_it_is_paid(
    client: Client, api: Api, test_merchant: Merchant
) -> None:
    register(test_merchant, SHOP)
    page = given_a_checkout_page(
        test_merchant, success_url=f"{SHOP}/thanks?a=1&b=2", cancel_url=f"{SHOP}/cart"
    )
    assert f'href="{SHOP}/cart"' in client.get(f"/pay/{page.public_id}").content.decode()
    client.post(f"/pay/{page.public_id}", CLEO)
    invoice = Invoice.objects.get()
    hosted = f"/i/{invoice.slug}"
    text = client.get(hosted).content.decode()
    assert f'href="{SHOP}/cart"' in text
    assert "/thanks" not in text
    assert client.get(f"{hosted}/return")["Location"] == hosted
    card = client.post(f"{hosted}/pay", {"rail": "sandbox"})["Location"]
    back = client.post(card, {"number": VISA})["Location"]
    led = client.get(back)
    assert led.status_code == 200
    assert f'content="0; url={SHOP}/thanks?a=1&amp;b=2"' in led.content.decode()
    paid = client.get(hosted).content.decode()
    assert f'href="{SHOP}/thanks?a=1&amp;b=2"' in paid
    assert "Back to shop.example.com" in paid
    # An origin that is taken off is obeyed at once.
    register(test_merchant)
    assert SHOP not in client.get(hosted).content.decode()
    assert client.get(f"{hosted}/return")["Location"] == hosted
    refused = api.patch(f"/v1/checkout_pages/{page.public_id}", {"cancel_url": f"{SHOP}/x"})
    assert refused.json()["error"]["details"]["fields"][0]["field"] == "cancel_url"


@pytest.mark.same_everywhere
def test_only_the_sites_it_names_may_frame_it_and_only_there(
    client: Client, test_merchant: Merchant
) -> None:
    other = "https://other.example:8443"
    page = given_a_checkout_page(test_merchant, embed_origins=[SHOP, other])
    framed = client.get(f"/pay/{page.public_id}/embed")
    assert f"frame-ancestors {SHOP} {other};" in framed["Content-Security-Policy"] + ";"
    assert "X-Frame-Options" not in framed
    assert 'target="_blank"' in framed.content.decode()
    whole = client.get(f"/pay/{page.public_id}")
    assert "frame-ancestors 'none'" in whole["Content-Security-Policy"]
    assert whole["X-Frame-Options"] == "DENY"
    plain = given_a_checkout_page(test_merchant)
    assert client.get(f"/pay/{plain.public_id}/embed").status_code == 404
    assert client.post(f"/pay/{page.public_id}/embed", CLEO).status_code == 405
