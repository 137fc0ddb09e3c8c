"""Everything a payer meets, in every language it is offered in: catalogues whole, pages too."""

import gettext
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import cache
from html import unescape
from io import BytesIO
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import translation

from checkout import portal, statement_documents, statements
from checkout.actions.portal import set_portal
from checkout.inputs import PortalSettingsInput
from config.env import BASE_DIR
from invoicing import clock, documents, languages, late_fees, mail, reminder_mails
from invoicing.actions.invoices import expire_invoice, void_invoice, write_off_invoice
from invoicing.actions.merchants import update_merchant
from invoicing.inputs import MerchantChanges, read
from invoicing.models import Invoice, Merchant, Reminder
from invoicing.models import Message as MailRow
from invoicing.reminder_rules import Moment, Rule
from payments import flows
from payments import tasks as payment_tasks
from payments.actions import claims, sending, transfers
from payments.actions.pay import mark_paid
from payments.attempts import MAX_ATTEMPTS
from payments.inputs import MarkPaidInput
from payments.models import ExchangeRate, Payment
from tests import factories
from tests.portal import at_portal, come_in

LANGUAGES = [code for code, _ in settings.LANGUAGES if code != "en"]
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"
PLACEHOLDER = re.compile(r"%\((\w+)\)s|<[^>]+>")
# What a reader sees, or hears from a screen reader, of a tag.
SPOKEN = re.compile(r'\b(?:alt|aria-label|content|data-label|placeholder|title)="([^"]*)"')
UNSEEN = re.compile(r"<(style|script)\b.*?</\1>", re.DOTALL)
# What no reader meets of a template: what is translated, code, and what is said to machines.
MARKED = re.compile(
    r"{% blocktranslate\b.*?{% endblocktranslate %}|{% comment %}.*?{% endcomment %}"
    r"|{% block \w*class %}[^{]*{% endblock %}|{{.*?}}|{%.*?%}|{#.*?#}"
    r'|<meta (?!name="description"|property="og:(?:title|description)")[^>]*>',
    re.DOTALL,
)
NAMES = {"Billhook", "Cleo", "Payer"}
# Words do not depend on where rows are kept.
pytestmark = pytest.mark.same_everywhere


def catalogue_of(language: str) -> Catalog:
    path = BASE_DIR / f"locale/{translation.to_locale(language)}/LC_MESSAGES/django.po"
    return read_po(BytesIO(path.read_bytes()), locale=translation.to_locale(language))


@pytest.fixture(scope="module")
def extracted() -> Catalog:
    """All that is marked for translation now."""
    program = [sys.executable, str(BASE_DIR / "scripts/messages"), "--print"]
    done = subprocess.run(program, capture_output=True, check=True, cwd="/")
    return read_po(BytesIO(done.stdout))


def entries(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def texts(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,)


# The catalogues


def complaints(catalogue: Catalog, wanted: Catalog) -> list[str]:
    """What keeps the catalogue from saying all that is wanted, and nothing else."""
    found = []
    for message in entries(wanted):
        name = texts(message.id)[0]
        have = catalogue.get(message.id, message.context)
        if have is None or have.fuzzy or not all(texts(have.string)):
            found.append(f"not translated: {name}")
        elif texts(have.id) != texts(message.id):
            found.append(f"another plural: {name}")
        else:
            found += [f"other placeholders: {name}" for _ in misfits(have, catalogue)]
    gone = {texts(message.id)[0] for message in entries(catalogue)}
    gone -= {texts(message.id)[0] for message in entries(wanted)}
    return found + [f"said nowhere: {name}" for name in sorted(gone)]


def misfits(message: Message, catalogue: Catalog) -> Iterator[str]:
    """Translations that do not say what is to be filled in.

    A plural form that stands for one number alone, such as a dual, may say it in words.
    """
    forms = texts(message.string)
    originals = texts(message.id)
    expected = sorted(match[0] for match in PLACEHOLDER.finditer(originals[-1]))
    form_of = gettext.c2py(catalogue.plural_expr)
    for number, form in enumerate(forms):
        said = sorted(match[0] for match in PLACEHOLDER.finditer(form))
        stands_for_one = len(originals) > 1 and sum(form_of(n) == number for n in range(200)) == 1
        in_words = [name for name in expected if name not in {"%(days)s", "%(count)s"}]
        if said != expected and not (stands_for_one and said == in_words):
            yield form


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_says_all_there_is_to_say(language: str, extracted: Catalog) -> None:
    catalogue = catalogue_of(language)
    assert len(list(entries(catalogue))) > 150
    assert complaints(catalogue, extracted) == []


def test_a_catalogue_that_lacks_something_is_caught(extracted: Catalog) -> None:
    def broken(**changes: Any) -> list[str]:
        catalogue = catalogue_of("de")
        message = catalogue["%(amount)s due %(date)s"]
        for name, value in changes.items():
            setattr(message, name, value)
        return complaints(catalogue, extracted)

    assert broken() == []
    assert broken(string="") == ["not translated: %(amount)s due %(date)s"]
    assert broken(flags={"fuzzy"}) == ["not translated: %(amount)s due %(date)s"]
    for wrong in [
        "%(amount)s",
        "%(amount)s %(datum)s",
        "%(amount)s %(date)s %(date)s",
        "% (date)s",
    ]:
        assert broken(string=wrong) == ["other placeholders: %(amount)s due %(date)s"]
    lacking, stale = catalogue_of("ar"), catalogue_of("ar")
    lacking.delete("From", "seller")
    assert complaints(lacking, extracted) == ["not translated: From"]
    days = "The link works for %(days)s day."
    lacking = catalogue_of("ar")
    lacking[days].string = tuple(form.replace("%(days)s", "٧") for form in lacking[days].string)
    assert complaints(lacking, extracted) == [f"other placeholders: {days}"] * 3
    stale.add("Farewell", "وداعًا")
    assert complaints(stale, extracted) == ["said nowhere: Farewell"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_longer_than_a_word_is_left_in_english(language: str) -> None:
    for message in entries(catalogue_of(language)):
        original = PLACEHOLDER.sub("", texts(message.id)[0])
        if len(re.findall(r"[A-Za-z]{3,}", original)) > 1:
            assert not set(texts(message.string)) & set(texts(message.id))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    folder = BASE_DIR / f"locale/{translation.to_locale(language)}/LC_MESSAGES"
    with (folder / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message in entries(catalogue_of(language)):
        singular = texts(message.id)[0]
        if message.pluralizable:
            said = compiled.ngettext(singular, texts(message.id)[1], 1)
        elif message.context:
            said = compiled.pgettext(message.context, singular)
        else:
            said = compiled.gettext(singular)
        assert said in texts(message.string), "run `make setup` to compile the catalogues"


# The pages


def seen(html: str) -> str:
    """What a reader meets on a page: its text, and what its tags say aloud."""
    html = UNSEEN.sub(" ", html)
    aloud = " \n".join(SPOKEN.findall(html))
    return " ".join(unescape(re.sub(r"<[^>]*>", " \n", html) + " \n" + aloud).split())


@cache
def english_labels(language: str) -> dict[str, re.Pattern[str]]:
    """Every English label that the language says otherwise, as a pattern that finds it.

    Words that the language uses as well, such as "Total", prove nothing.
    """
    catalogue = catalogue_of(language)
    own = "\n".join(text for message in entries(catalogue) for text in texts(message.string))
    labels = {}
    for message in entries(catalogue):
        for label in texts(message.id):
            parts = [re.escape(" ".join(part.split())) for part in literals(label)]
            pattern = re.compile(r"\b" + r"\b.{1,60}?\b".join(parts) + r"(?!\w)")
            if parts and not pattern.search(own):
                labels[label] = pattern
    return labels


def literals(label: str) -> list[str]:
    """The words of a label between what is filled in."""
    parts = re.split(PLACEHOLDER.pattern.replace(r"(\w+)", r"\w+"), label)
    return [part.strip(" .,:;") for part in parts if re.search("[A-Za-z]", part)]


def english_in(text: str, language: str) -> list[str]:
    return [label for label, pattern in english_labels(language).items() if pattern.search(text)]


def given_a_merchant(merchant: Merchant) -> Merchant:
    """Words that are no label in any language, so that none is found that nobody wrote."""
    named = {"name": "Qzx", "legal_name": "Qzx Wvk", "email": "a@qzx.example", "phone": "+49 30 1"}
    return update_merchant(merchant, read(MerchantChanges, named))


def given_an_invoice(merchant: Merchant, language: str, **changes: Any) -> Invoice:
    """A discount, taxes, an order number and notes, to a customer who reads this language."""
    customer = factories.given_a_customer(
        merchant,
        name="Zwv Kxq",
        language=language,
        tax_ids=[{"type": "eu_vat", "value": "DE811907980"}],
        address={"line1": "Zxq 14", "city": "Berlin", "postal_code": "10969", "country": "DE"},
    )
    line = {"description": "Zqw", "unit_price": "40", "discount": {"percent": "10"}}
    wanted = {
        "customer_id": customer.public_id,
        "purchase_order": "Q-77",
        "notes": "Qzx.",
        "line_items": [{**line, "quantity": "3"}, {"description": "Vxz", "unit_price": "9"}],
        "discount": {"percent": "10"},
        "taxes": [{"rate": "20"}],
        "due_at": clock.now(merchant) + timedelta(days=2),
        **changes,
    }
    return factories.given_an_open_invoice(merchant, **wanted)


def pages_of_a_life(merchant: Merchant, language: str) -> Iterator[str]:
    """Everything that may happen to an invoice, page by page as its payer sees it."""
    browser = Client(headers={"User-Agent": SAFARI, "Accept-Language": "en"})

    def page(invoice: Invoice, rest: str = "", **form: str) -> str:
        address = f"/i/{invoice.slug}{rest}"
        response = browser.post(address, form) if rest else browser.get(address)
        assert response["Content-Language"] == language
        return response.content.decode()

    bare = given_an_invoice(merchant, language, due_at=None, taxes=[], discount=None, notes="")
    yield page(bare)
    invoice = given_an_invoice(merchant, language, allow_partial=True)
    yield page(invoice)
    for wrong in ("1000000", "0", "x"):
        yield page(invoice, "/pay", amount=wrong)
    yield page(bare, "/pay", amount="1")
    yield page(bare, "/pay", rail="manual")
    factories.pay(invoice, factories.DECLINED)
    yield page(invoice)
    yield from card_pages(browser, factories.start_paying(invoice, 1000))
    payment_tasks.apply_notices()
    paid_in_cash = MarkPaidInput(amount=Decimal("20"), method="cash")
    mark_paid(merchant, invoice.public_id, paid_in_cash)
    late = factories.let_pass(merchant, "P5D")
    yield page(invoice)
    mark_paid(late, invoice.public_id, MarkPaidInput(method="bank_transfer"))
    yield page(invoice)
    yield page(void_invoice(late, given_an_invoice(late, language).public_id))
    yield page(write_off_invoice(late, given_an_invoice(late, language).public_id))
    flying = given_an_invoice(late, language)
    factories.pay(flying, factories.SILENT_THEN_PAID)
    yield page(flying)
    lost = given_an_invoice(late, language)
    payment = factories.pay(lost, factories.SILENT_THEN_NOTHING)
    late = factories.let_pass(late, "PT11M")
    flows.check(payment.pk)
    yield page(lost)
    ends = clock.now(late) + timedelta(days=1)
    window = given_an_invoice(late, language, expires_at=ends)
    later = factories.let_pass(late, "P2D")
    yield page(window)
    expire_invoice(window.pk)
    yield page(window)
    tried = given_an_invoice(later, language)
    Payment.objects.bulk_create(
        Payment(
            merchant=later,
            invoice=tried,
            wallet=flying.payments.get().wallet,
            rail="sandbox",
            currency="USD",
            amount=1,
            status="canceled",
            created_at=ends,
            updated_at=ends,
        )
        for _ in range(MAX_ATTEMPTS)
    )
    yield page(tried, "/pay")
    yield from usdc_pages(browser, later, language)


def usdc_pages(browser: Client, merchant: Merchant, language: str) -> Iterator[str]:
    """What is to be sent, what has come of it and what has not, and asking for it back."""
    invoice = given_an_invoice(merchant, language, currency="EUR", allow_partial=True)
    rate = {"currency": "EUR", "rate": Decimal("1.5"), "source": "Qzx"}
    ExchangeRate.objects.create(**rate, fetched_at=clock.wall())
    address = f"/i/{invoice.slug}"
    yield browser.get(f"{address}/usdc").content.decode()
    given = invoice.deposit_addresses.get()
    gone = factories.send_usdc(given, "10", confirmations=1)
    transfers.orphan(gone.pk)
    factories.send_usdc(given, "20")
    factories.send_usdc(given, "5", token="0x8ba1f109551bD432803012645Ac136ddd64DBA72")
    factories.send_usdc(given, "10", confirmations=1)
    yield browser.get(f"{address}/usdc").content.decode()
    later = factories.let_pass(merchant, "PT1H")
    as_script = {"HX-Request": "true"}
    yield browser.get(f"{address}/usdc/status", headers=as_script).content.decode()
    factories.send_usdc(given, "5000", confirmations=1)
    yield browser.get(f"{address}/usdc").content.decode()
    yield browser.get(address).content.decode()
    other = given_an_invoice(later, language)
    browser.get(f"/i/{other.slug}/usdc")
    factories.send_usdc(other.deposit_addresses.get(), "5000", final=True)
    address = f"/i/{other.slug}"
    yield browser.post(f"{address}/claim", {"wish": "x", "note": "x" * 501}).content.decode()
    wanted = {"wish": "refund", "address": "0x123", "chain": "sandbox"}
    yield browser.post(f"{address}/claim", wanted).content.decode()
    wanted["address"] = "0x8ba1f109551bD432803012645Ac136ddd64DBA72"
    yield browser.post(f"{address}/claim", wanted, follow=True).content.decode()
    yield browser.post(f"{address}/claim", wanted, follow=True).content.decode()
    claims.decline_claim(later, other.refund_claims.get().public_id, "Qzx.")
    browser.post(f"{address}/claim", wanted)
    asked = other.refund_claims.latest("pk")
    claims.accept_claim(later, asked.public_id)
    yield browser.get(address).content.decode()
    refund = other.refunds.latest("pk")
    sending.cancel_payout(later, refund.public_id)
    yield browser.get(address).content.decode()


def card_pages(browser: Client, payment: Payment) -> Iterator[str]:
    """The sandbox's pages, on which a card is refused, another asks for approval, and pays."""
    address = f"/sandbox/checkout/{factories.session_of(payment).public_id}"
    yield browser.get(address).content.decode()
    for number in ("4242424242424241", factories.NO_FUNDS):
        yield browser.post(address, {"number": number}).content.decode()
    browser.post(address, {"number": factories.ASKS_APPROVAL})
    yield browser.get(f"{address}/authenticate").content.decode()
    browser.post(f"{address}/answer", {"answer": "approve"})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_says_a_word_of_english(language: str, test_merchant: Merchant) -> None:
    found = [
        (number, english_in(seen(page), language))
        for number, page in enumerate(pages_of_a_life(given_a_merchant(test_merchant), language))
    ]
    assert len(found) == 32
    assert [(number, labels) for number, labels in found if labels] == []


@pytest.mark.django_db(transaction=True)
def test_english_on_a_page_is_found(test_merchant: Merchant) -> None:
    pages = [seen(page) for page in pages_of_a_life(given_a_merchant(test_merchant), "en")]
    for language in LANGUAGES:
        assert all(len(english_in(page, language)) > 5 for page in pages)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_mail_and_no_document_says_a_word_of_english(
    language: str, test_merchant: Merchant
) -> None:
    merchant = given_a_merchant(test_merchant)
    invoice = given_an_invoice(merchant, language)
    factories.pay(invoice)
    invoice = factories.again(invoice)
    today = invoice.created_at.date()
    period = {"description": "Qzx", "first": today, "last": today}
    for kind in ("invoice", "receipt"):
        message = mail.queue_for_invoice(invoice, kind, {"period": period})
        assert message.language == language
        for said in (message.subject, message.text, seen(message.html)):
            assert english_in(said, language) == []
    for said in (*given_every_reminder(merchant, language), *given_every_failure(invoice)):
        assert said.language == language
        for text in (said.subject, said.text, seen(said.html)):
            assert english_in(text, language) == []
    document = documents.document_of(invoice)
    included = tuple(replace(tax, inclusive=True) for tax in document.taxes)
    untaxed = tuple(
        replace(document.taxes[0], category=code) for code in ("AE", "E", "G", "K", "O")
    )
    for shown in (
        document,
        replace(document, amount_paid=100, taxes=included, due_on=None),
        replace(document, status="draft", taxes=untaxed),
        replace(document, status="void"),
    ):
        html = documents.render_html(shown)
        assert f'<html lang="{language}"' in html
        assert english_in(seen(html), language) == []
        english = seen(documents.render_html(replace(shown, language="en")))
        assert len(english_in(english, language)) > 10


def given_every_reminder(merchant: Merchant, language: str) -> Iterator[MailRow]:
    """Before, on and after the due day, with a late fee, and the answer to a question."""
    there = clock.now(merchant)
    for days in (2, 0, -5):
        due = given_an_invoice(merchant, language, due_at=there + timedelta(days=days))
        if days < 0:
            with transaction.atomic():
                moment = Moment(there, Rule(1, {"percent": "2"}))
                fee = late_fees.charge(due, moment, there)
            assert fee is not None
            assert english_in(fee.lines.get().description, language) == []
            message = reminder_mails.queue_reminder(due, there)
            of_fee = Reminder(invoice=due, days=1, late_fee=fee, message=message, created_at=there)
            of_fee.save()
            Invoice.objects.filter(pk=due.pk).update(reminders_sent=1)
            yield message
        else:
            yield reminder_mails.queue_reminder(due, there)
    yield mail.queue_for_invoice(due, "answer", {"question": "Qzx?", "answer": "Wvk."})


def given_every_failure(invoice: Invoice) -> Iterator[MailRow]:
    """Why a charge fails, what comes next, and what becomes of the invoice and the schedule."""
    method = {"type": "card", "last4": "4242"}
    more = {"description": "Qzx", "method": method, "retry_on": None, "needs_payer": True}
    for why in ("missing", "approval", "expired", "returned", "declined"):
        yield mail.queue_for_invoice(invoice, "charge_failed", {**more, "why": why})
    again = {"why": "declined", "needs_payer": False, "retry_on": invoice.created_at.date()}
    yield mail.queue_for_invoice(invoice, "charge_failed", {**more, **again})
    for schedule, can_be_paid in (("ended", False), ("paused", True), ("past_due", True)):
        end = {"why": "declined", "schedule": schedule, "can_be_paid": can_be_paid}
        yield mail.queue_for_invoice(invoice, "charge_given_up", {**more, **end})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_that_answers_a_payer_is_english(language: str, test_merchant: Merchant) -> None:
    merchant = given_a_merchant(test_merchant)
    invoice = given_an_invoice(merchant, language, recipient={"name": "Zwv Kxq"})
    browser = Client(headers={"User-Agent": SAFARI, "Accept-Language": "en"})
    address = f"/i/{invoice.slug}"
    day = clock.now(merchant).date()
    pages = [
        browser.post(f"{address}/ask", {"text": "", "reply_to": "x"}),
        browser.post(f"{address}/promise", {"on": "x"}),
        *(browser.post(f"{address}/ask", {"text": "Qzx"}, follow=True) for _ in range(4)),
        *(browser.post(f"{address}/promise", {"on": day}, follow=True) for _ in range(4)),
    ]
    stop = "/" + reminder_mails.stop_url(invoice).split("/", 3)[3]
    pages += [browser.get(stop), browser.post(stop)]
    for number, page in enumerate(pages):
        assert page["Content-Language"] == language, number
        assert english_in(seen(page.content.decode()), language) == [], number


# A word that is not marked is English in every language, and the catalogues are whole.
@pytest.mark.django_db
@pytest.mark.parametrize("language", ["de", "ar"])
def test_nothing_in_the_portal_is_english(language: str, test_merchant: Merchant) -> None:
    merchant = given_a_merchant(test_merchant)
    set_portal(merchant, PortalSettingsInput(pause_recurring=True, cancel_recurring=True))
    rows = [given_an_invoice(merchant, language) for _ in range(2)]
    # One address, two customers: the second has no card.
    customer, other = (row.customer for row in rows)
    assert customer
    assert other
    card = factories.given_a_saved_card(customer, factories.LATER_NO_FUNDS)
    schedule = factories.subscribe(customer, description="Qzx", interval_count=2)
    void_invoice(merchant, given_an_invoice(merchant, language).public_id)
    cleo = come_in(merchant, "cleo@example.com")
    chosen = {"invoice": [row.public_id for row in rows]}
    form = cleo.form("summary/", "pay/", **chosen)
    report = cleo.client.post(form.action, form.data())["Location"]
    one = f"recurring/{schedule.public_id}/"
    days = {"from": "2020-01-01", "to": "2029-01-01"}
    pages = [
        *(cleo.get(path) for path in ("", "methods/", "recurring/", "details/", one)),
        *(cleo.get(path) for path in (f"methods/{card.public_id}/remove/", f"{one}cancel/")),
        cleo.get("", q="Zwv", state="paid"),
        cleo.get("summary/", **chosen),
        cleo.client.post(form.action, form.data(token="x", seen="y")),
        cleo.client.get(report),
        cleo.get("statement/", **days),
        cleo.get("statement/", to="x"),
        cleo.post("details/", {"name": "", "customer": customer.public_id}),
        cleo.post(f"{one}resume/"),
    ]
    cleo.post("statement/mail/", days)
    cleo.client.cookies.clear()
    said_by = {"HTTP_ACCEPT_LANGUAGE": language}
    pages += [
        cleo.client.get(at_portal(merchant, path), **said_by) for path in ("", "sent/", "open/x/")
    ]
    pages += [
        cleo.client.post(at_portal(merchant, path), {"email": "x"}, **said_by)
        for path in ("ask/", "open/x/")
    ]
    for number, page in enumerate(pages):
        assert page["Content-Language"] == language, number
        assert english_in(seen(page.content.decode()), language) == [], number
    mails = list(MailRow.objects.filter(kind__in=["portal_link", "statement"]))
    assert len(mails) == 2
    for said in mails:
        assert said.language == language
        for text in (said.subject, said.text, seen(said.html)):
            assert english_in(text, language) == []
    with translation.override(language):
        payer = portal.Payer(merchant, "cleo@example.com")
        statement = statements.statement_of(payer, statements.periods(payer)["this_year"])
        assert english_in(seen(statement_documents.html_of(statement)), language) == []


# What is not for payers, and what was not marked


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/accounts/login/", "/docs", "/mailbox/", "/v1/me"])
def test_merchants_and_bots_are_spoken_to_in_english_alone(address: str) -> None:
    client = Client(headers={"User-Agent": SAFARI, "Accept-Language": "de"})
    assert client.get(address)["Content-Language"] == "en"
    assert client.get("/")["Content-Language"] == "de"
    missing = client.get("/i/nothing")
    assert missing["Content-Language"] == "de"
    assert english_in(seen(missing.content.decode()), "de") == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("de", "de"),
        ("de-at", "de-at"),
        ("pt-br", "pt-br"),
        ("zh-cn", "zh-hans"),
        ("zh-tw", "zh-hans"),
        ("zh", "zh-hans"),
        ("en-gb", "en-gb"),
        ("he", "he"),
        ("xx", "xx"),
    ],
)
def test_a_document_finds_the_words_of_its_language(wanted: str, found: str) -> None:
    assert languages.nearest(wanted) == found


def test_a_regional_form_finds_its_languages_words() -> None:
    for code, said in [("de-at", "Rechnung"), ("pt-br", "Fatura"), ("fr-ca", "Facture")]:
        with translation.override(languages.nearest(code)):
            assert translation.gettext("Invoice") == said


@pytest.mark.parametrize(
    "written", ['{% translate "Paid" %}', "<p>{{ name }} · Billhook</p>", "{# Why. #}<br>"]
)
def test_marked_text_is_no_complaint(written: str) -> None:
    assert unmarked(written) == []


@pytest.mark.parametrize(
    "written", ["<p>Paid</p>", '<img alt="A logo">', "{% if paid %}Paid on{% endif %}"]
)
def test_unmarked_text_is_found(written: str) -> None:
    assert unmarked(written) != []


def test_every_word_of_a_payers_templates_is_marked_for_translation(extracted: Catalog) -> None:
    files = {
        place
        for message in entries(extracted)
        for place, _ in message.locations
        if place.startswith("templates/")
    }
    assert len(files) > 20
    assert {
        path: unmarked((BASE_DIR / path).read_text()) for path in sorted(files)
    } == dict.fromkeys(sorted(files), [])


def unmarked(template: str) -> list[str]:
    """Words of a template that a reader meets and no translator does."""
    said = seen(MARKED.sub(" ", template))
    return [word for word in re.findall(r"[^\W\d_]{2,}", said) if word not in NAMES]
