"""Writing invoices in the dashboard: the form, its buttons, its refusals, and saving once."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest

from invoicing import clock, drafts, money
from invoicing.actions import invoices as actions
from invoicing.actions.invoices import update_invoice
from invoicing.inputs import InvoiceChanges, read
from invoicing.models import Invoice, Merchant, Message
from payments.models import Wallet
from tests import factories
from tests.fixtures_dashboard import Browser, form_of, text_of

LINE: dict[str, Any] = {
    "recipient_name": "Cleo Payer",
    "recipient_email": "cleo@example.com",
    "line-0-description": "Consulting",
    "line-0-quantity": "2",
    "line-0-unit_price": "120.00",
}


def the_invoice(merchant: Merchant) -> Invoice:
    return Invoice.objects.get(merchant=merchant)


def totals_in(response: Any) -> dict[str, str]:
    """The totals that a page or fragment shows, by their names."""
    pairs = re.findall(
        r"<dt[^>]*>\s*(.*?)\s*</dt><dd[^>]*>\s*(.*?)\s*</dd>", response.content.decode(), re.DOTALL
    )
    plain = [[" ".join(re.sub("<[^>]*>", "", text).split()) for text in pair] for pair in pairs]
    return {name: html.unescape(amount) for name, amount in plain}


def test_a_draft_is_saved(ada_browser: Browser, test_merchant: Merchant) -> None:
    response = ada_browser.submit("invoices/new/", do="save", **LINE)
    invoice = the_invoice(test_merchant)
    assert response.url == f"/dashboard/invoices/{invoice.public_id}/"
    assert (invoice.status, invoice.total, invoice.recipient_email) == (
        "draft",
        24000,
        "cleo@example.com",
    )
    assert "Draft saved." in text_of(ada_browser.get(response.url))


def test_a_draft_is_finalized_from_the_editor(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    ada_browser.submit("invoices/new/", do="finalize", **LINE)
    invoice = the_invoice(test_merchant)
    assert (invoice.status, invoice.number, invoice.sent_at) == ("open", "TEST-0001", None)
    assert not Message.objects.exists()


def test_a_draft_is_finalized_and_sent_from_the_editor(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    response = ada_browser.submit("invoices/new/", do="send", **LINE)
    invoice = the_invoice(test_merchant)
    assert invoice.sent_at is not None
    assert Message.objects.get().to == "cleo@example.com"
    assert "TEST-0001 is on its way to cleo@example.com." in text_of(ada_browser.get(response.url))


def test_sending_without_an_address_says_so(ada_browser: Browser, test_merchant: Merchant) -> None:
    response = ada_browser.submit("invoices/new/", do="send", **{**LINE, "recipient_email": ""})
    assert "There is no email address, so share its link yourself." in text_of(
        ada_browser.get(response.url)
    )
    assert not Message.objects.exists()


def test_every_field_reaches_the_invoice(ada_browser: Browser, test_merchant: Merchant) -> None:
    customer = factories.given_a_customer(test_merchant, currency="EUR")
    wallet = Wallet.objects.create(
        merchant=test_merchant, name="Euros", currency="EUR", created_at=clock.wall()
    )
    form = ada_browser.form("invoices/new/").data(do="add_line")
    form = form_of(ada_browser.post("invoices/new/", form)).data(
        do="save",
        customer_id=customer.public_id,
        currency="",
        wallet_id=wallet.public_id,
        title="June",
        message="Thank you",
        notes="By transfer",
        memo="Her second",
        purchase_order="PO-7",
        language="de",
        due_at="2030-06-30",
        expires_at="2030-12-31",
        allow_partial="on",
        metadata_public="on",
        tax_behavior="inclusive",
        discount_value="10",
        discount_kind="percent",
        **{
            "line-0-description": "Design",
            "line-0-quantity": "1.5",
            "line-0-unit_price": "80.125",
            "line-0-discount_value": "5.00",
            "line-0-discount_kind": "amount",
            "line-0-tax_0_rate": "19",
            "line-0-tax_0_name": "USt",
            "line-0-tax_1_rate": "2",
            "line-0-tax_1_name": "City",
            "line-0-tax_1_category": "L",
            "line-1-description": "Print",
            "line-1-unit_price": "10",
            "line-1-tax_behavior": "exclusive",
            "metadata-0-key": "order",
            "metadata-0-value": "1001",
        },
    )
    assert ada_browser.post("invoices/new/", form).status_code == 302
    invoice = Invoice.objects.whole().get(merchant=test_merchant)
    wanted = drafts.as_input(invoice)
    assert wanted.customer_id == customer.public_id
    assert (invoice.recipient_name, invoice.currency, invoice.wallet) == (
        "Cleo Payer",
        "EUR",
        wallet,
    )
    assert (wanted.title, wanted.message, wanted.notes, wanted.memo, wanted.purchase_order) == (
        "June",
        "Thank you",
        "By transfer",
        "Her second",
        "PO-7",
    )
    assert (wanted.language, wanted.allow_partial, wanted.metadata_public) == ("de", True, True)
    assert wanted.metadata == {"order": "1001"}
    assert str(invoice.due_at) == "2030-06-30 23:59:59+00:00"
    assert str(invoice.expires_at) == "2030-12-31 23:59:59+00:00"
    assert money.plain(invoice.discount_percent or 0) == "10"
    first, second = invoice.lines.all()
    assert (first.taxes, first.tax_inclusive, first.discount) == (
        [
            {"name": "USt", "rate": "19", "category": "S"},
            {"name": "City", "rate": "2", "category": "L"},
        ],
        True,
        500,
    )
    assert (second.taxes, second.tax_inclusive, money.plain(second.quantity)) == ([], False, "1")


LOSSLESS: dict[str, Any] = {
    "line_items": [
        {
            "description": "Two\nlines",
            "quantity": "0.333333",
            "unit_price": "0.000000000001",
            "taxes": [
                {"rate": "19", "name": "USt", "category": "S"},
                {"rate": "0", "name": "None", "category": "Z"},
                {"rate": "2.5", "name": "City", "category": "L"},
            ],
            "tax_behavior": "inclusive",
        },
        {
            "description": "Plain",
            "unit_price": "100",
            "discount": {"amount": "12.34"},
            "tax_rate": "7",
        },
        {"description": "Free", "unit_price": "0", "discount": {"percent": "12.5"}},
    ],
    "discount": {"amount": "1.00"},
    "due_at": "2030-06-30T09:15:30Z",
    "expires_at": "2031-06-30T09:15:30Z",
    "metadata": {"text": "a", "number": 5, "deep": {"list": [1, {"x": None}]}, "yes": True},
    "recipient": {"name": "R2", "email": "r2@example.com", "type": "agent"},
    "currency": "EUR",
    "memo": "<b>&amp;\n\nx",
}


def test_opening_and_saving_a_draft_changes_nothing(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    draft = factories.given_a_draft(test_merchant, **LOSSLESS)
    before = drafts.as_input(Invoice.objects.whole().get(pk=draft.pk))
    response = ada_browser.submit(f"invoices/{draft.public_id}/edit/", do="save")
    assert response.status_code == 302, text_of(response)
    after = Invoice.objects.whole().get(pk=draft.pk)
    assert drafts.as_input(after).model_dump() == before.model_dump()
    assert after.total == draft.total
    assert after.updated_at > draft.updated_at


def test_a_fixed_tax_stays_until_the_lines_have_taxes_of_their_own(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    draft = factories.given_a_draft(test_merchant, "300", tax_amount="30")
    path = f"invoices/{draft.public_id}/edit/"
    ada_browser.submit(path, do="save", memo="x")
    assert (the_invoice(test_merchant).tax, the_invoice(test_merchant).total) == (3000, 33000)
    ada_browser.submit(path, do="save", **{"line-0-tax_0_rate": "20"})
    assert (the_invoice(test_merchant).tax, the_invoice(test_merchant).total) == (6000, 36000)


def test_what_is_offered_no_more_is_not_changed_unseen(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    wallet = Wallet.objects.create(
        merchant=test_merchant, name="Old", currency="USD", created_at=clock.wall()
    )
    draft = factories.given_a_draft(test_merchant, wallet_id=wallet.public_id, language="pt-br")
    Wallet.objects.update(archived_at=clock.wall())
    path = f"invoices/{draft.public_id}/edit/"
    assert ada_browser.form(path)["wallet_id"] == wallet.public_id
    refused = ada_browser.submit(path, do="save", memo="x")
    assert 'id="id_wallet_id_error"' in refused.content.decode()
    assert ada_browser.submit(path, do="save", memo="x", wallet_id="").status_code == 302
    saved = the_invoice(test_merchant)
    assert (saved.wallet, saved.language) == (None, "pt-br")


def test_another_customer_brings_another_recipient(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    cleo = factories.given_a_customer(test_merchant)
    dora = factories.given_a_customer(test_merchant, name="Dora", email="dora@example.com")
    draft = factories.given_a_draft(test_merchant, customer_id=cleo.public_id)
    form = ada_browser.form(f"invoices/{draft.public_id}/edit/")
    assert (form["recipient_name"], form["recipient_email"]) == ("", "")
    ada_browser.post(
        f"invoices/{draft.public_id}/edit/", form.data(do="save", customer_id=dora.public_id)
    )
    saved = the_invoice(test_merchant)
    assert (saved.customer, saved.recipient_name, saved.recipient_email) == (
        dora,
        "Dora",
        "dora@example.com",
    )


# Once


def test_a_form_sent_twice_makes_one_invoice(ada_browser: Browser, test_merchant: Merchant) -> None:
    form = ada_browser.form("invoices/new/").data(do="send", **LINE)
    first = ada_browser.post("invoices/new/", form)
    second = ada_browser.post("invoices/new/", form)
    assert first.url == second.url
    assert Invoice.objects.filter(merchant=test_merchant).count() == 1
    assert Message.objects.count() == 1
    # The control: the same words from another opening of the page are another invoice.
    ada_browser.submit("invoices/new/", do="save", **LINE)
    assert Invoice.objects.filter(merchant=test_merchant).count() == 2


def test_a_form_sent_again_with_other_contents_says_so_and_keeps_them(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    form = ada_browser.form("invoices/new/").data(do="save", **LINE)
    ada_browser.post("invoices/new/", form)
    again = ada_browser.post("invoices/new/", {**form, "line-0-unit_price": "999"})
    assert again.status_code == 422
    assert "This form was sent before with other contents" in text_of(again)
    assert form_of(again)["line-0-unit_price"] == "999"
    assert the_invoice(test_merchant).total == 24000
    # Sent from this page, whose token is a new one, it counts.
    assert ada_browser.post("invoices/new/", form_of(again).data(do="save")).status_code == 302
    assert Invoice.objects.filter(merchant=test_merchant).count() == 2


def test_a_stale_edit_is_refused_and_nothing_is_lost(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    draft = factories.given_a_draft(test_merchant, memo="first")
    path = f"invoices/{draft.public_id}/edit/"
    mine = ada_browser.form(path).data(do="save", memo="mine")
    theirs = read(InvoiceChanges, {"memo": "theirs"})
    update_invoice(test_merchant, draft.public_id, theirs)
    refused = ada_browser.post(path, mine)
    assert refused.status_code == 422
    assert "Somebody else has changed this draft since you opened it" in text_of(refused)
    assert form_of(refused)["memo"] == "mine"
    assert the_invoice(test_merchant).memo == "theirs"
    # Pressing the button again on the same page must not get past it.
    assert ada_browser.post(path, form_of(refused).data(do="save")).status_code == 422
    assert the_invoice(test_merchant).memo == "theirs"
    # Opened afresh, the change goes through.
    assert ada_browser.submit(path, do="save", memo="mine").status_code == 302
    assert the_invoice(test_merchant).memo == "mine"


def test_an_edit_sent_twice_counts_once(ada_browser: Browser, test_merchant: Merchant) -> None:
    draft = factories.given_a_draft(test_merchant)
    path = f"invoices/{draft.public_id}/edit/"
    form = ada_browser.form(path).data(do="save", memo="mine")
    first, reload = ada_browser.post(path, form), ada_browser.post(path, form)
    assert (first.status_code, reload.status_code) == (302, 302)
    assert first.url == reload.url
    shown = text_of(ada_browser.get(reload.url))
    assert "These changes had been saved already" in shown
    assert "Somebody else" not in shown
    assert factories.told(draft) == ["invoice.created", "invoice.updated"]


@pytest.mark.parametrize("do", ["send", "finalize"])
def test_what_changes_between_saving_and_issuing_is_not_issued_unseen(
    ada_browser: Browser, test_merchant: Merchant, monkeypatch: pytest.MonkeyPatch, do: str
) -> None:
    draft = factories.given_a_draft(test_merchant)
    path = f"invoices/{draft.public_id}/edit/"
    form = ada_browser.form(path).data(do=do, memo="mine")
    theirs = read(InvoiceChanges, {"memo": "theirs"})

    def meanwhile(*args: Any, **how: Any) -> Invoice:
        saved = update_invoice(*args, **how)
        update_invoice(test_merchant, draft.public_id, theirs)
        return saved

    monkeypatch.setattr(actions, "update_invoice", meanwhile)
    response = ada_browser.post(path, form)
    shown = text_of(ada_browser.get(response.url))
    assert "The draft is saved, but: Somebody else has changed this draft" in shown
    assert the_invoice(test_merchant).status == "draft"
    assert not Message.objects.exists()


@pytest.mark.parametrize("shown", ["", "send/", "finalize/"])
def test_a_draft_is_not_issued_by_a_page_that_showed_another(
    ada_browser: Browser, test_merchant: Merchant, shown: str
) -> None:
    draft = factories.given_a_draft(test_merchant)
    path = f"invoices/{draft.public_id}/"
    form = ada_browser.form(f"{path}{shown}", None if shown else "/send/")
    update_invoice(test_merchant, draft.public_id, read(InvoiceChanges, {"memo": "theirs"}))
    goal = f"{path}{shown or 'send/'}"
    refused = ada_browser.post(goal, form.data())
    if refused.status_code == 422:
        # Pressing the button again on the same page must not get past it.
        refused = ada_browser.post(goal, form_of(refused, "/send/").data())
        assert "Somebody else has changed this draft" in text_of(refused)
    else:
        assert "Somebody else has changed this draft" in text_of(ada_browser.get(refused.url))
    assert the_invoice(test_merchant).status == "draft"
    # Opened afresh, it goes out.
    assert ada_browser.submit(goal, None if shown == "finalize/" else "/send/").status_code == 302
    assert the_invoice(test_merchant).status == "open"


@pytest.mark.parametrize("seen", ["2026-13-45T00:00:00Z", "yesterday", "2026-03-02T12:00:00"])
def test_a_state_that_never_was_is_no_error_of_ours(
    ada_browser: Browser, test_merchant: Merchant, seen: str
) -> None:
    draft = factories.given_a_draft(test_merchant)
    path = f"invoices/{draft.public_id}/edit/"
    assert ada_browser.submit(path, do="save", seen=seen).status_code in (302, 422)
    customer = factories.given_a_customer(test_merchant)
    path = f"customers/{customer.public_id}/edit/"
    assert ada_browser.submit(path, seen=seen).status_code in (302, 422)


def test_an_issued_invoice_cannot_be_edited(ada_browser: Browser, test_merchant: Merchant) -> None:
    draft = factories.given_a_draft(test_merchant)
    path = f"invoices/{draft.public_id}/edit/"
    form = ada_browser.form(path).data(do="save", memo="late")
    ada_browser.submit(f"invoices/{draft.public_id}/finalize/")
    for response in (ada_browser.get(path), ada_browser.post(path, form)):
        assert response.url == f"/dashboard/invoices/{draft.public_id}/"
    assert "can no longer be changed" in text_of(ada_browser.get(response.url))
    assert the_invoice(test_merchant).memo == ""


def test_what_cannot_be_finalized_stays_a_draft(
    ada_browser: Browser, test_merchant: Merchant, clock: Any
) -> None:
    draft = factories.given_a_draft(test_merchant, expires_at="2026-03-03T00:00:00Z")
    form = ada_browser.form(f"invoices/{draft.public_id}/edit/")
    clock.move(days=2)
    response = ada_browser.post(
        f"invoices/{draft.public_id}/edit/", form.data(do="finalize", memo="x")
    )
    assert response.status_code == 422
    assert "Can be paid until : Must be in the future." in text_of(response)
    assert the_invoice(test_merchant).status == "draft"


# Wrong input

WRONG = {
    "recipient_name": "x" * 201,
    "recipient_email": "not an address",
    "recipient_type": "ghost",
    "currency": "XYZ",
    "tax_behavior": "sideways",
    "discount_value": "-1",
    "due_at": "2030-02-30",
    "expires_at": "soon",
    "purchase_order": "x" * 101,
    "title": "a\u0007b",
    "message": "x" * 2001,
    "notes": "x" * 2001,
    "memo": "x" * 2001,
    "language": "english!",
    "line-0-description": "x" * 501,
    "line-0-quantity": "１２",
    "line-0-unit_price": "1e3",
    "line-0-discount_value": "1_000",
    "line-0-tax_0_rate": "101",
    "line-0-tax_0_name": "x" * 51,
    "line-0-tax_behavior": "maybe",
    "metadata-0-key": "",
    "metadata-0-value": "nameless",
}


def test_every_wrong_field_is_named_and_nothing_is_saved(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    response = ada_browser.submit("invoices/new/", do="save", **WRONG)
    assert response.status_code == 422
    page = response.content.decode()
    summary = page[page.index("form-problems") : page.index("<form", page.index("form-problems"))]
    for name in WRONG:
        if name in {"metadata-0-value"}:
            continue
        assert f'href="#id_{name}"' in summary, name
        assert f'id="id_{name}_error"' in page, name
    assert "autofocus" in page[: page.index("form-problems") + 200]
    assert not Invoice.objects.exists()


@pytest.mark.parametrize("name", [name for name in WRONG if not name.startswith("metadata")])
def test_each_wrong_field_is_refused_alone(
    name: str, ada_browser: Browser, test_merchant: Merchant
) -> None:
    rate = {"line-0-tax_0_rate": "19"}  # a name without a rate is no tax
    response = ada_browser.submit("invoices/new/", do="save", **{**LINE, **rate, name: WRONG[name]})
    assert response.status_code == 422
    assert f'id="id_{name}_error"' in response.content.decode()
    assert not Invoice.objects.exists()


@pytest.mark.parametrize(
    ("kind", "value"), [("json", "NaN"), ("json", "{"), ("json", "1e999"), ("json", "[" * 9000)]
)
def test_metadata_that_is_no_json_is_refused(
    kind: str, value: str, ada_browser: Browser, test_merchant: Merchant
) -> None:
    response = ada_browser.submit(
        "invoices/new/",
        do="save",
        **LINE,
        **{"metadata-0-key": "k", "metadata-0-value": value, "metadata-0-kind": kind},
    )
    assert response.status_code == 422
    assert not Invoice.objects.exists()


def test_an_invoice_without_lines_is_refused(ada_browser: Browser, test_merchant: Merchant) -> None:
    blank = {"line-0-description": "", "line-0-unit_price": ""}
    response = ada_browser.submit("invoices/new/", do="save", **blank)
    assert response.status_code == 422
    assert 'id="id_line-0-description_error"' in response.content.decode()
    without = {name: None for name in ada_browser.form("invoices/new/").data() if "line-" in name}
    assert ada_browser.submit("invoices/new/", do="save", **without).status_code == 422
    assert not Invoice.objects.exists()


def test_somebody_elses_customer_and_wallet_are_not_found(
    ada_browser: Browser, test_merchant: Merchant, ben_merchant: Merchant
) -> None:
    customer = factories.given_a_customer(ben_merchant, name="Ben's own")
    wallet = Wallet.objects.create(
        merchant=ben_merchant, name="Ben's", currency="USD", created_at=clock.wall()
    )
    for field, row in (("customer_id", customer), ("wallet_id", wallet)):
        response = ada_browser.submit("invoices/new/", do="save", **{**LINE, field: row.public_id})
        assert response.status_code == 422
        assert f'id="id_{field}_error"' in response.content.decode()
        assert "Ben" not in text_of(response)
    assert not Invoice.objects.exists()


def test_what_is_typed_stays_text(ada_browser: Browser, test_merchant: Merchant) -> None:
    evil = "<script>alert('x')</script>"
    names = ["recipient_name", "title", "message", "notes", "memo", "line-0-description"]
    draft = ada_browser.submit(
        "invoices/new/",
        do="save",
        **{**LINE, **dict.fromkeys(names, evil), "metadata-0-key": evil, "metadata-0-value": evil},
    )
    assert draft.status_code == 302
    for path in (draft.url, f"{draft.url}edit/", "invoices/", "", "events/", f"{draft.url}send/"):
        page = ada_browser.get(path).content.decode()
        assert evil not in page, path
    assert html.escape(evil) in ada_browser.get(draft.url).content.decode()


# The form's own buttons, without script


def test_lines_come_and_go_without_script(ada_browser: Browser, test_merchant: Merchant) -> None:
    page = ada_browser.submit(
        "invoices/new/",
        do="add_line",
        **{**LINE, "line-0-tax_0_rate": "19", "line-0-tax_0_name": "USt"},
    )
    assert page.status_code == 200
    form = form_of(page)
    assert (form["line-0-description"], form["line-1-description"]) == ("Consulting", "")
    # A new line bears the taxes of the one before it.
    assert (form["line-1-tax_0_rate"], form["line-1-tax_0_name"]) == ("19", "USt")
    assert "form-problems" not in page.content.decode()
    page = ada_browser.post(
        "invoices/new/",
        form.data(do="add_line", **{"line-1-description": "Two", "line-1-unit_price": "1"}),
    )
    page = ada_browser.post("invoices/new/", form_of(page).data(do="remove-0"))
    names = [name for name, _ in form_of(page).values if name.endswith("-description")]
    assert names == ["line-1-description", "line-2-description"]
    response = ada_browser.post("invoices/new/", form_of(page).data(do="save"))
    assert response.status_code == 302
    # The line that was left blank is none.
    assert [line.description for line in the_invoice(test_merchant).lines.all()] == ["Two"]


def test_the_last_line_removed_leaves_an_empty_one(ada_browser: Browser) -> None:
    page = ada_browser.submit("invoices/new/", do="remove-0", **LINE)
    assert form_of(page)["line-0-description"] == ""


def test_data_rows_are_added_without_script(ada_browser: Browser) -> None:
    page = ada_browser.submit("invoices/new/", do="add_metadata", **LINE)
    assert form_of(page)["metadata-1-key"] == ""


def test_customers_are_found_without_script(ada_browser: Browser, test_merchant: Merchant) -> None:
    for number in range(60):
        factories.given_a_customer(test_merchant, name=f"Customer {number:02}", email="")
    page = ada_browser.submit("invoices/new/", do="find", customer_search="customer 03", **LINE)
    options = re.findall(r'<option value="cus_[^"]*"[^>]*>([^<]*)', page.content.decode())
    assert options == ["Customer 03"]
    # The control: without a search, the newest are offered.
    assert page.status_code == 200
    page = ada_browser.get("invoices/new/")
    assert len(re.findall(r'<option value="cus_', page.content.decode())) == 50


# Live totals


def test_the_preview_says_what_a_save_would(ada_browser: Browser, test_merchant: Merchant) -> None:
    form = ada_browser.form("invoices/new/").data(
        do="totals",
        **LINE,
        discount_value="10",
        **{"line-0-tax_0_rate": "19", "line-0-tax_0_name": "USt"},
    )
    shown = ada_browser.post("invoices/new/", form, HX_Request="true")
    assert totals_in(shown) == {
        "Subtotal": "$240.00",
        "Discount": "−$24.00",
        "USt 19%": "$41.04",
        "Total": "$257.04",
    }
    assert 'id="line-0-amount" hx-swap-oob="true">$240.00' in " ".join(
        shown.content.decode().split()
    )
    assert not Invoice.objects.exists()
    ada_browser.post("invoices/new/", {**form, "do": "save"})
    assert the_invoice(test_merchant).total == 25704


def test_the_preview_leaves_out_what_is_half_written(ada_browser: Browser) -> None:
    half = {"line-1-description": "Half", "line-1-unit_price": "12."}
    form = ada_browser.form("invoices/new/").data(do="totals", **LINE, **half)
    shown = ada_browser.post("invoices/new/", form, HX_Request="true")
    assert totals_in(shown)["Total"] == "$240.00"
    assert "1 line is not complete and is left out." in text_of(shown)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"line-0-quantity": "10000", "line-0-unit_price": "1000000000000"},
            "Line 1: makes the line larger than Billhook can bill",
        ),
        ({"discount_value": "500", "discount_kind": "amount"}, "Must not be more than"),
        ({"currency": "nonsense"}, ""),
        ({"customer_id": "cus_000000000000000000000000"}, "There is no customer"),
        ({"line-0-quantity": "x"}, "left out"),
    ],
)
def test_the_preview_never_fails(changes: dict[str, str], said: str, ada_browser: Browser) -> None:
    form = ada_browser.form("invoices/new/").data(do="totals", **{**LINE, **changes})
    shown = ada_browser.post("invoices/new/", form, HX_Request="true")
    assert shown.status_code == 200
    assert said in text_of(shown)


def test_the_preview_follows_the_customers_currency(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    customer = factories.given_a_customer(test_merchant, currency="JPY")
    form = ada_browser.form("invoices/new/").data(
        do="totals", **{**LINE, "customer_id": customer.public_id}
    )
    shown = ada_browser.post("invoices/new/", form, HX_Request="true")
    assert totals_in(shown)["Total"] == "¥240"


def test_a_line_added_by_script_is_only_the_line(ada_browser: Browser) -> None:
    form = ada_browser.form("invoices/new/").data(do="add_line", **LINE)
    shown = ada_browser.post("invoices/new/", form, HX_Request="true").content.decode()
    assert "<html" not in shown
    assert 'name="line-1-description"' in shown and 'name="line-0-description"' not in shown


def folds_in(response: Any) -> list[bool]:
    """Whether "Discount, tax" stands open, line for line."""
    folds = re.findall(r'<details class="more line-more"( open)?>', response.content.decode())
    return [bool(fold) for fold in folds]


def test_a_line_shows_every_tax_that_it_takes_over(ada_browser: Browser) -> None:
    def added(**taxes: str) -> Any:
        form = ada_browser.form("invoices/new/").data(do="add_line", **LINE, **taxes)
        return ada_browser.post("invoices/new/", form, HX_Request="true")

    assert folds_in(added(**{"line-0-tax_0_rate": "19", "line-0-tax_1_rate": "5"})) == [True]
    assert folds_in(added(**{"line-0-tax_0_rate": "19", "line-0-tax_2_rate": "5"})) == [True]
    # The control: what stands in the line itself needs no fold.
    assert folds_in(added(**{"line-0-tax_0_rate": "19"})) == [False]


def test_a_further_tax_is_never_folded_away(ada_browser: Browser) -> None:
    page = ada_browser.submit("invoices/new/", do="totals", **LINE, **{"line-0-tax_2_rate": "5"})
    assert folds_in(page) == [True]


def test_customer_options_are_those_that_match(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    cleo = factories.given_a_customer(test_merchant)
    factories.given_a_customer(test_merchant, name="Dora", email="dora@example.com")
    shown = ada_browser.get("invoices/customer-options/?customer_search=cleo").content.decode()
    assert f'value="{cleo.public_id}" selected' in shown
    assert "Dora" not in shown


def test_a_copy_is_a_new_draft_without_its_dates(
    ada_browser: Browser, test_merchant: Merchant
) -> None:
    invoice = factories.given_an_open_invoice(test_merchant, "50.00", **LOSSLESS)
    path = f"invoices/{invoice.public_id}/"
    form = ada_browser.form(path, action="/duplicate/").data()
    response = ada_browser.post(f"{path}duplicate/", form)
    assert ada_browser.post(f"{path}duplicate/", form).url == response.url
    copy = Invoice.objects.get(merchant=test_merchant, status="draft")
    assert response.url == f"/dashboard/invoices/{copy.public_id}/edit/"
    assert (copy.total, copy.due_at, copy.expires_at) == (invoice.total, None, None)
    assert copy.memo == invoice.memo
    assert copy.created_at - invoice.created_at < timedelta(minutes=1)


def test_the_longest_invoice_can_be_edited(ada_browser: Browser, test_merchant: Merchant) -> None:
    lines = [{"description": f"Line {n}", "unit_price": "1"} for n in range(500)]
    draft = factories.given_a_draft(test_merchant, line_items=lines)
    response = ada_browser.submit(f"invoices/{draft.public_id}/edit/", do="save", memo="long")
    assert response.status_code == 302
    saved = the_invoice(test_merchant)
    assert (saved.memo, saved.total, saved.lines.count()) == ("long", 50000, 500)
