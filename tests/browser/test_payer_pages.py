"""What Cleo sees and does at the address of her invoice."""

import re

import pytest
from playwright.sync_api import Page, expect

from invoicing.models import Invoice, Merchant
from payments import flows
from tests import factories
from tests.browser import axe, scenes


@pytest.fixture
def invoice(studio: Merchant) -> Invoice:
    return scenes.given_an_open_invoice(studio)


def see(page: Page, invoice: Invoice) -> None:
    page.goto(f"/i/{invoice.slug}")


def use_card(page: Page, number: str) -> None:
    """Choose a test card, whose link fills in the form, and pay."""
    page.locator(f"a[href*='{number}']").click()
    page.get_by_role("button", name=re.compile("^Pay")).click()


@pytest.mark.parametrize("scene", scenes.SCENES)
def test_anyone_can_use_the_page_in_every_state(page: Page, studio: Merchant, scene: str) -> None:
    given, heading = scenes.SCENES[scene]
    see(page, given(studio))
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
    assert axe.complaints_everywhere(page) == []


def test_axe_sees_what_nobody_could_read(page: Page, invoice: Invoice) -> None:
    see(page, invoice)
    page.evaluate("document.querySelector('h1').style.color = '#eeeeee'")
    assert any("color-contrast" in line for line in axe.complaints(page))


def test_cleo_pays_by_card(page: Page, invoice: Invoice) -> None:
    see(page, invoice)
    page.get_by_role("button", name="Pay $1,412.64").click()
    use_card(page, factories.VISA)
    expect(page.get_by_role("heading", level=1)).to_have_text("Paid, thank you")
    expect(page).to_have_url(re.compile(f"/i/{invoice.slug}$"))
    expect(page.get_by_text("Visa ending in 4242")).to_be_visible()
    paid = factories.again(invoice)
    assert (paid.status, paid.amount_paid) == ("paid", 141264)


def test_cleo_pays_without_script(plain_page: Page, invoice: Invoice) -> None:
    see(plain_page, invoice)
    plain_page.get_by_role("button", name="Pay $1,412.64").click()
    use_card(plain_page, factories.VISA)
    expect(plain_page.get_by_role("heading", level=1)).to_have_text("Paid, thank you")
    assert factories.again(invoice).status == "paid"


def test_cleo_leaves_a_card_for_later(page: Page, studio: Merchant) -> None:
    cleo = factories.given_a_customer(studio)
    setup = flows.save_method(studio, cleo.public_id, "sandbox")
    page.goto(f"/sandbox/setup/{setup.provider_reference}")
    assert axe.complaints_everywhere(page) == []
    page.locator(f"a[href*='{factories.NO_FUNDS}']").click()
    page.get_by_role("button", name="Save this card").click()
    expect(page.get_by_role("alert")).to_contain_text("insufficient funds")
    page.locator(f"a[href*='{factories.LATER_LOST}']").click()
    page.get_by_role("button", name="Save this card").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your card is saved")
    assert axe.complaints_everywhere(page) == []
    assert flows.look_at_setup(setup.pk).status == "succeeded"
    assert factories.charge(cleo).failure_code == "lost_card"


def test_a_declined_card_says_why_and_another_card_pays(page: Page, invoice: Invoice) -> None:
    see(page, invoice)
    page.get_by_role("button", name="Pay $1,412.64").click()
    use_card(page, factories.NO_FUNDS)
    expect(page.get_by_role("alert")).to_contain_text("insufficient funds")
    assert axe.complaints_everywhere(page) == []
    use_card(page, factories.MASTERCARD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Paid, thank you")
    expect(page.get_by_text("Mastercard ending in 4444")).to_be_visible()
    assert [payment.status for payment in invoice.payments.all()] == ["succeeded"]


def test_the_cardholder_refuses_and_then_approves(page: Page, invoice: Invoice) -> None:
    see(page, invoice)
    page.get_by_role("button", name="Pay $1,412.64").click()
    use_card(page, factories.ASKS_APPROVAL)
    expect(page.get_by_role("heading", level=1)).to_have_text("Is this you?")
    assert axe.complaints_everywhere(page) == []
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_role("alert")).to_contain_text("did not approve")
    use_card(page, factories.ASKS_APPROVAL)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Paid, thank you")


def test_long_labels_keep_to_one_line(page: Page, studio: Merchant) -> None:
    invoice = scenes.given_an_open_invoice(studio, customer_language="fr")
    factories.pay(invoice)
    see(page, invoice)
    for width in (320, 1000, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        heights = page.locator(".pay-links > .button").evaluate_all(
            "buttons => buttons.map(button => [button.offsetHeight, button.scrollWidth"
            " - button.clientWidth])"
        )
        assert [over for _, over in heights] == [0, 0, 0]
        assert {height for height, _ in heights} == {heights[0][0]}
        assert heights[0][0] < 46


def test_a_double_click_begins_one_payment(page: Page, invoice: Invoice) -> None:
    see(page, invoice)
    page.get_by_role("button", name="Pay $1,412.64").dblclick()
    expect(page).to_have_url(re.compile("/sandbox/checkout/"))
    assert invoice.payments.count() == 1


def test_the_back_button_leads_to_the_same_payment(page: Page, invoice: Invoice) -> None:
    see(page, invoice)
    page.get_by_role("button", name="Pay $1,412.64").click()
    page.wait_for_url("**/sandbox/checkout/**")
    first = page.url
    page.go_back()
    page.get_by_role("button", name="Pay $1,412.64").click()
    page.wait_for_url("**/sandbox/checkout/**")
    assert page.url == first
    assert invoice.payments.count() == 1


def test_the_back_button_after_paying_shows_the_receipt(page: Page, invoice: Invoice) -> None:
    see(page, invoice)
    page.get_by_role("button", name="Pay $1,412.64").click()
    page.wait_for_url("**/sandbox/checkout/**")
    card_page = page.url
    use_card(page, factories.VISA)
    expect(page.get_by_role("heading", level=1)).to_have_text("Paid, thank you")
    page.goto(card_page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Paid, thank you")
    assert factories.again(invoice).amount_paid == 141264


def test_the_page_shows_the_result_by_itself(page: Page, studio: Merchant) -> None:
    invoice = scenes.given_an_invoice_being_paid(studio)
    see(page, invoice)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your payment is on its way")
    factories.let_pass(studio, "PT11M")
    flows.check(invoice.payments.get().pk)
    expect(page.get_by_role("heading", level=1)).to_have_text("Paid, thank you")


def test_without_script_the_result_is_one_click_away(plain_page: Page, studio: Merchant) -> None:
    invoice = scenes.given_an_invoice_being_paid(studio)
    see(plain_page, invoice)
    factories.let_pass(studio, "PT11M")
    plain_page.get_by_role("link", name="Look again now").click()
    expect(plain_page.get_by_role("heading", level=1)).to_have_text("Paid, thank you")


def test_a_part_is_paid_when_parts_are_allowed(page: Page, studio: Merchant) -> None:
    invoice = scenes.given_an_open_invoice(studio, allow_partial=True)
    see(page, invoice)
    page.get_by_label("Amount to pay").fill("1000000")
    page.get_by_role("button", name="Pay").click()
    expect(page.get_by_role("alert")).to_contain_text("at most what is due")
    expect(page.get_by_label("Amount to pay")).to_have_value("1000000")
    assert axe.complaints_everywhere(page) == []
    page.get_by_label("Amount to pay").fill("12.64")
    page.get_by_role("button", name="Pay").click()
    use_card(page, factories.VISA)
    expect(page.get_by_role("heading", level=1)).to_contain_text("$1,400.00")
    expect(page.get_by_text("$12.64 of $1,412.64 is paid")).to_be_visible()


def test_a_decimal_comma_is_read_where_people_write_one(page: Page, studio: Merchant) -> None:
    invoice = scenes.given_an_open_invoice(studio, allow_partial=True, customer_language="de")
    see(page, invoice)
    assert page.locator("html").get_attribute("lang") == "de"
    expect(page.locator("#amount")).to_have_value("1412,64")
    page.locator("#amount").fill("12,64")
    page.locator(".pay-side button.primary").click()
    page.wait_for_url("**/sandbox/checkout/**")
    assert invoice.payments.get().amount == 1264


def test_the_brand_colour_dresses_the_page(page: Page, studio: Merchant) -> None:
    see(page, scenes.given_an_open_invoice(scenes.given_a_studio(brand_color="#ffd500")))
    button = page.get_by_role("button", name="Pay $1,412.64")
    # Yellow alone would vanish on white, and white would vanish on yellow.
    expect(button).to_have_css("color", "rgb(0, 0, 0)")
    assert button.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(175, 146, 0)"
    assert axe.complaints_everywhere(page) == []


def test_the_seller_is_told_that_their_visit_does_not_count(
    page: Page, invoice: Invoice, studio: Merchant, sign_in
) -> None:
    sign_in(studio.account.memberships.get().user)
    see(page, invoice)
    expect(page.get_by_text("This is what your customer sees")).to_be_visible()
    assert axe.complaints(page) == []
    assert factories.again(invoice).viewed_at is None
