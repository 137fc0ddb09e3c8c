"""What a merchant says of itself, its logo, its numbers and its test clock, in the dashboard."""

import base64
import io
import struct
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, PngImagePlugin

from invoicing import clock as clocks
from invoicing.models import Invoice, Merchant, NumberSeries, User
from tests import factories
from tests.fixtures_dashboard import Browser, text_of

BUSINESS: dict[str, Any] = {
    "name": "Ada & Sons",
    "legal_name": "Ada & Sons Ltd",
    "email": "office@ada.example",
    "phone": "+44 20 1",
    "website": "https://ada.example",
    "address_line1": "1 Way",
    "address_city": "London",
    "postal_code": "N1",
    "address_country": "GB",
    "tax_id_0_type": "gb_vat",
    "tax_id_0_value": "GB123",
    "currency": "GBP",
    "due_days": "14",
    "timezone": "Europe/London",
    "language": "de",
}


def test_the_business_is_described(ada_browser: Browser, test_merchant: Merchant) -> None:
    assert ada_browser.submit("settings/", **BUSINESS).status_code == 302
    after = Merchant.objects.get(pk=test_merchant.pk)
    assert (after.name, after.legal_name, after.email) == (
        "Ada & Sons",
        "Ada & Sons Ltd",
        "office@ada.example",
    )
    assert (after.currency, after.due_days, after.timezone, after.language) == (
        "GBP",
        14,
        "Europe/London",
        "de",
    )
    assert after.tax_ids == [{"type": "gb_vat", "value": "GB123"}]
    # The live side keeps its own.
    assert Merchant.objects.get(account=after.account, livemode=True).name != "Ada & Sons"


def test_opening_and_saving_settings_changes_nothing(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    ada_browser.submit("settings/", **BUSINESS)
    before = Merchant.objects.filter(pk=test_merchant.pk).values().get()
    for page in ("settings/", "settings/branding/", "settings/numbering/"):
        assert ada_browser.submit(page).status_code == 302
    assert Merchant.objects.filter(pk=test_merchant.pk).values().get() == before


WRONG_BUSINESS = {
    "name": "",
    "legal_name": "x" * 201,
    "email": "nobody",
    "phone": "x" * 41,
    "website": "javascript:alert(1)",
    "address_line1": "x" * 201,
    "address_country": "XX",
    "currency": "ABC",
    "due_days": "366",
    "timezone": "Mars/Olympus",
    "language": "english!",
    "tax_id_0_value": "x" * 51,
}


def test_every_wrong_setting_is_named(ada_browser: Browser, test_merchant: Merchant) -> None:
    response = ada_browser.submit("settings/", **{**BUSINESS, **WRONG_BUSINESS})
    assert response.status_code == 422
    for name in WRONG_BUSINESS:
        assert f'id="id_{name}_error"' in response.content.decode(), name
    assert Merchant.objects.get(pk=test_merchant.pk).name == test_merchant.name


@pytest.mark.parametrize("days", ["-1", "1.5", "１２", "1e1", "", "many", "9" * 40])
def test_due_days_are_a_whole_number(days: str, ada_browser: Browser) -> None:
    response = ada_browser.submit("settings/", **{**BUSINESS, "due_days": days})
    assert response.status_code == 422
    assert 'id="id_due_days_error"' in response.content.decode()


# The logo


def picture(kind: str = "PNG", size: tuple[int, int] = (1200, 300), mode: str = "RGBA") -> bytes:
    """A picture of this kind."""
    out = io.BytesIO()
    options: dict[str, Any] = {}
    if kind == "PNG":
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Comment", "taken at home")
        options["pnginfo"] = notes
    Image.new(mode, size, "teal").save(out, kind, **options)
    return out.getvalue()


def logo_of(merchant: Merchant) -> str:
    """The logo that is shown now."""
    logo = Merchant.objects.get(pk=merchant.pk).logo
    return logo.data_uri if logo else ""


def upload(browser: Browser, content: bytes, name: str = "logo.png") -> Any:
    data = browser.form("settings/branding/").data(logo=SimpleUploadedFile(name, content))
    return browser.post("settings/branding/", data)


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGBA"), ("JPEG", "RGB"), ("GIF", "P"), ("WEBP", "RGBA")]
)
def test_a_logo_is_drawn_anew_as_a_small_png(
    kind: str, mode: str, ada_browser: Browser, test_merchant: Merchant
) -> None:
    assert upload(ada_browser, picture(kind, mode=mode)).status_code == 302
    logo = logo_of(test_merchant)
    head, _, content = logo.partition(",")
    assert head == "data:image/png;base64"
    kept = base64.b64decode(content)
    assert b"taken at home" not in kept
    with Image.open(io.BytesIO(kept)) as image:
        assert (image.format, image.size) == ("PNG", (640, 160))
    assert logo in ada_browser.get("settings/branding/").content.decode()


def a_bomb() -> bytes:
    """A PNG of a few hundred bytes that unpacks to 40000 × 40000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", 40000, 40000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    "content",
    [SVG, b"not a picture", picture()[:200], a_bomb(), picture(size=(4000, 4000)), b"%PDF-1.7"],
    ids=["svg", "text", "cut off", "bomb", "too many pixels", "pdf"],
)
def test_what_is_no_sane_picture_is_refused(
    content: bytes, ada_browser: Browser, test_merchant: Merchant
) -> None:
    response = upload(ada_browser, content)
    assert response.status_code == 422
    assert 'id="id_logo_error"' in response.content.decode()
    assert logo_of(test_merchant) == ""


def test_a_picture_beyond_a_megabyte_is_refused(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    response = upload(ada_browser, picture() + b"\0" * 1024 * 1024)
    assert response.status_code == 422
    assert "larger than 1 MB" in text_of(response)


def test_a_logo_is_removed(ada_browser: Browser, test_merchant: Merchant) -> None:
    upload(ada_browser, picture())
    ada_browser.submit("settings/branding/", footer="kept")
    assert logo_of(test_merchant)
    ada_browser.submit("settings/branding/", remove_logo="on")
    assert logo_of(test_merchant) == ""
    assert Merchant.objects.get(pk=test_merchant.pk).footer == "kept"


def test_wrong_branding_is_refused(ada_browser: Browser, test_merchant: Merchant) -> None:
    wrong = {"brand_color": "red;}", "paper": "Napkin", "footer": "x" * 1001}
    response = ada_browser.submit("settings/branding/", **wrong)
    assert response.status_code == 422
    for name in wrong:
        assert f'id="id_{name}_error"' in response.content.decode(), name


# Numbers


def test_numbers_are_previewed_and_chosen(ada_browser: Browser, test_merchant: Merchant) -> None:
    factories.given_an_open_invoice(test_merchant)
    assert "The next invoice is TEST-0002" in text_of(ada_browser.get("settings/numbering/"))
    shown = ada_browser.submit(
        "settings/numbering/", do="preview", number_prefix="2026/", padding="6"
    )
    assert "The next invoice is 2026/000002" in text_of(shown)
    assert str(NumberSeries.objects.get(merchant=test_merchant, kind="invoice")) == "TEST-0001"
    ada_browser.submit("settings/numbering/", do="save", number_prefix="2026/", padding="6")
    assert str(factories.given_an_open_invoice(test_merchant)) == "2026/000002"


def test_credit_notes_have_numbers_of_their_own(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    page = ada_browser.get("settings/numbering/")
    first = "The next credit note is TEST-CN-0001"
    assert first in text_of(page)
    chosen = {"kind": "credit_note", "number_prefix": "GS-", "padding": "3"}
    shown = ada_browser.post("settings/numbering/", {**chosen, "do": "preview"})
    assert "The next credit note is GS-001" in text_of(shown)
    assert "The next invoice is TEST-0001" in text_of(shown)
    ada_browser.post("settings/numbering/", {**chosen, "do": "save"})
    kept = dict(test_merchant.number_series.values_list("kind", "prefix"))
    assert kept == {"invoice": "TEST-", "credit_note": "GS-"}
    # The control: a kind that is not there changes nothing.
    ada_browser.post("settings/numbering/", {**chosen, "kind": "receipt", "number_prefix": "X-"})
    assert dict(test_merchant.number_series.values_list("kind", "prefix")) == kept


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("number_prefix", "INV-1"),
        ("number_prefix", "inv-"),
        ("number_prefix", "TOO-LONG-PREFIX-"),
        ("padding", "0"),
        ("padding", "13"),
        ("padding", "four"),
    ],
)
def test_wrong_numbering_is_refused(
    name: str, value: str, ada_browser: Browser, test_merchant: Merchant
) -> None:
    before = NumberSeries.objects.filter(merchant=test_merchant, kind="invoice").values().get()
    response = ada_browser.submit("settings/numbering/", do="save", **{name: value})
    assert response.status_code == 422
    assert f'id="id_{name}_error"' in response.content.decode()
    assert (
        NumberSeries.objects.filter(merchant=test_merchant, kind="invoice").values().get() == before
    )


# The test clock


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ({"count": "5", "unit": "days"}, datetime(2026, 3, 7, 12, tzinfo=UTC)),
        ({"count": "36", "unit": "hours"}, datetime(2026, 3, 4, 0, tzinfo=UTC)),
        ({"count": "12", "unit": "months"}, datetime(2027, 3, 2, 12, tzinfo=UTC)),
        ({"to": "2026-05-01T09:30", "count": ""}, datetime(2026, 5, 1, 9, 30, tzinfo=UTC)),
    ],
)
def test_the_clock_is_moved_after_asking(
    asked: dict[str, str],
    target: datetime,
    ada_browser: Browser,
    test_merchant: Merchant,
    clock: Any,
) -> None:
    page = ada_browser.submit("clock/", **asked)
    assert "A clock only moves forward" in text_of(page)
    assert Merchant.objects.get(pk=test_merchant.pk).clock_offset == timedelta(0)
    ada_browser.post("clock/", {"target": target.isoformat()})
    assert clocks.now(Merchant.objects.get(pk=test_merchant.pk)) == target
    assert f'value="{target.isoformat()}"' in page.content.decode()


def test_what_happened_on_the_way_is_linked_and_stands_below_the_form(
    ada_browser: Browser, test_merchant: Merchant, clock: Any
) -> None:
    invoice = factories.given_an_open_invoice(test_merchant)
    ada_browser.post("clock/", {"target": "2026-06-01T00:00:00+00:00"})
    page = ada_browser.get("clock/").content.decode()
    assert f'<a href="/dashboard/invoices/{invoice.public_id}/">{invoice.public_id}</a>' in page
    assert page.index("Move it ahead") < page.index("What happened on the way")


def test_a_month_after_the_31st_is_the_months_last_day(
    ada_browser: Browser, test_merchant: Merchant, clock: Any
) -> None:
    clock.at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    page = ada_browser.submit("clock/", count="1", unit="months")
    assert 'value="2026-02-28T12:00:00+00:00"' in page.content.decode()


@pytest.mark.parametrize(
    "asked",
    [
        {"count": "", "to": ""},
        {"count": "5", "unit": "days", "to": "2027-01-01T00:00"},
        {"count": "0", "unit": "days"},
        {"count": "-5", "unit": "days"},
        {"count": "５", "unit": "days"},
        {"count": "5", "unit": "centuries"},
        {"to": "2026-03-02T11:59"},
        {"to": "yesterday"},
        {"to": "2026-02-30T00:00"},
    ],
)
def test_a_wrong_move_is_refused(
    asked: dict[str, str], ada_browser: Browser, test_merchant: Merchant, clock: Any
) -> None:
    assert ada_browser.submit("clock/", **asked).status_code == 422
    assert Merchant.objects.get(pk=test_merchant.pk).clock_offset == timedelta(0)


@pytest.mark.parametrize(
    "target", ["2026-03-02T11:00:00+00:00", "2099-01-01T00:00:00+00:00", "x", ""]
)
def test_a_forged_confirmation_moves_nothing(
    target: str, ada_browser: Browser, test_merchant: Merchant, clock: Any
) -> None:
    response = ada_browser.post("clock/", {"target": target})
    assert response.url == "/dashboard/clock/"
    assert 'class="note bad"' in ada_browser.get("clock/").content.decode()
    assert Merchant.objects.get(pk=test_merchant.pk).clock_offset == timedelta(0)


def test_the_live_clock_cannot_be_moved(ada: User, live: Merchant, clock: Any) -> None:
    browser = Browser(ada, live)
    assert browser.get("clock/").url == "/dashboard/"
    browser.post("clock/", {"target": "2026-03-10T00:00:00+00:00"})
    assert Merchant.objects.get(pk=live.pk).clock_offset == timedelta(0)
    assert "Test clock" not in text_of(browser.get(""))


def test_dates_are_shown_where_the_merchant_is(
    ada_browser: Browser, test_merchant: Merchant, clock: Any
) -> None:
    ada_browser.submit("settings/", **{**BUSINESS, "timezone": "Pacific/Auckland"})
    clock.at = datetime(2026, 6, 1, 23, 30, tzinfo=UTC)
    draft = factories.given_a_draft(test_merchant)
    page = text_of(ada_browser.get(f"invoices/{draft.public_id}/"))
    assert "Jun 2, 2026, 11:30" in page
    ada_browser.submit(f"invoices/{draft.public_id}/edit/", do="save", due_at="2026-06-10")
    due = Invoice.objects.get(pk=draft.pk).due_at
    assert due == datetime(2026, 6, 10, 11, 59, 59, tzinfo=UTC)
