"""Who may see which page: every address of the dashboard, for every role and for strangers."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from checkout.dashboard.urls import urlpatterns
from invoicing.actions.access import create_api_key, create_bot, invite
from invoicing.actions.inquiries import ask_question
from invoicing.actions.webhooks import fan_out
from invoicing.dashboard.access import AT_WORK
from invoicing.inputs import ApiKeyInput, BotInput, InvitationInput, read
from invoicing.mail import queue_for_invoice
from invoicing.models import Event, Membership, Merchant, User
from invoicing.permissions import ROLE_PERMISSIONS
from invoicing.reminder_inputs import QuestionInput
from payments import flows, recurring_flow
from payments.actions.claims import claim
from payments.actions.deposits import record_unknown
from payments.credit_flow import credit
from payments.inputs import CreditNoteInput, RefundInput
from payments.models import MerchantPayout, Wallet
from payments.rails.rail import Outcome, State
from payments.recurring_inputs import RecurringInput
from payments.usdc_inputs import ClaimInput
from tests import factories
from tests.fixtures_dashboard import Browser, text_of
from tests.fixtures_stripe import Stripe

# Pages for whoever is signed in, in a team or not.
OPEN = {"welcome", "team_join"}
ROLES = list(ROLE_PERMISSIONS)
# What the link of a mail opens, for whoever has it: see test_dashboard_approvals.py.
BY_LINK = {"approval_by_mail"}
PATTERNS = [
    pattern
    for pattern in urlpatterns
    if isinstance(pattern, URLPattern) and pattern.name not in BY_LINK
]
NAMES = [str(pattern.name) for pattern in PATTERNS]
Each = Callable[[str], AbstractContextManager[None]]
VIEWS: dict[str, Any] = {str(pattern.name): pattern.callback for pattern in PATTERNS}


@pytest.fixture
def things(
    test_merchant: Merchant, ada: User, settings: Any, stripe_account: Stripe
) -> dict[str, str]:
    """One of everything that Ada has, by the name of the argument that its address takes."""
    settings.WEBHOOK_ALLOW_PRIVATE = True
    invoice = factories.given_an_open_invoice(test_merchant, "100.00")
    payment = factories.start_paying(invoice)
    endpoint = factories.given_an_endpoint(test_merchant, "http://127.0.0.1:9/hook")
    other = factories.given_a_draft(test_merchant)
    fan_out()
    bot = create_bot(test_merchant, read(BotInput, {"name": "Bot"}))
    key, _text = create_api_key(
        test_merchant, bot.public_id, read(ApiKeyInput, {"permissions": ["invoices:read"]})
    )
    invitation = invite(
        test_merchant.account,
        ada,
        read(InvitationInput, {"email": "x@x.example", "role": "viewer"}),
    )
    refund = flows.refund(
        test_merchant,
        factories.pay(factories.given_an_open_invoice(test_merchant, "10.00")).invoice.public_id,
        RefundInput(),
    )[0]
    # What is not disputed is there to be paid out.
    kept = flows.start(factories.given_an_open_invoice(test_merchant, "90.00").pk, "card")
    stripe_account.pay(kept)
    by_card = flows.start(factories.given_an_open_invoice(test_merchant, "10.00").pk, "card")
    stripe_account.pay(by_card)
    stripe_account.deliver()
    stripe_account.fake.control("disputes/open", session=by_card.provider_reference)
    stripe_account.deliver()
    dispute = by_card.disputes.get()
    stripe_account.let_pass(days=7)
    stripe_account.fake.control("payouts/create", status="paid")
    stripe_account.deliver()
    line = test_merchant.payout_lines.select_related("payout")[0]
    aside = Outcome(State.SUCCEEDED, 700, "USD", money_reference="pi_nobody")
    deposit = record_unknown(test_merchant, "card", aside)
    paid = factories.pay(factories.given_an_open_invoice(test_merchant, "10.00"))
    note = credit(test_merchant, paid.invoice.public_id, CreditNoteInput())
    saver = factories.given_a_customer(test_merchant)
    factories.given_a_saved_card(saver)
    weekly = {"amount": "5.00", "description": "Box", "interval": "weekly"}
    recurring = recurring_flow.start(
        test_merchant, read(RecurringInput, {"customer_id": saver.public_id, **weekly})
    )
    onchain = factories.given_an_open_invoice(test_merchant, "10.00")
    transfer = factories.pay_usdc(onchain, confirmations=1)
    overpaid = factories.given_an_open_invoice(test_merchant, "10.00")
    factories.pay_usdc(overpaid, 12_000_000)
    wish = read(ClaimInput, {"wish": "refund", "address": "0x" + "ab" * 20})
    claim_id = claim(overpaid.pk, wish).public_id
    delivery = endpoint.deliveries.first()
    assert delivery is not None
    waiting = factories.given_an_approval(test_merchant)
    return {
        "invoice": invoice.public_id,
        "draft": other.public_id,
        "checkout": factories.given_a_checkout_page(test_merchant).public_id,
        "customer": factories.given_a_customer(test_merchant).public_id,
        "mail": queue_for_invoice(invoice, "invoice").public_id,
        "question": ask_question(invoice.pk, QuestionInput(text="Why?")).public_id,
        "event": Event.objects.filter(merchant=test_merchant)[0].public_id,
        "payment": payment.public_id,
        "recurring": recurring.public_id,
        "refund": refund.public_id,
        "dispute": dispute.public_id,
        "deposit": deposit.public_id,
        "credit": note.public_id,
        "payout": MerchantPayout(line.payout, test_merchant).public_id,
        "transfer": transfer.public_id,
        "claim": claim_id,
        "wallet": Wallet.objects.get(merchant=test_merchant).public_id,
        "webhook": endpoint.public_id,
        "delivery": delivery.public_id,
        "approval": waiting.public_id,
        "bot": bot.public_id,
        "key": key.public_id,
        "invitation": str(invitation.pk),
        "membership": str(Membership.objects.get(user=ada).pk),
    }


def address(name: str, things: dict[str, str]) -> str:
    """Where a view of this name is, for Ada's things."""
    route = str(next(p.pattern for p in PATTERNS if p.name == name))
    arguments: dict[str, str] = {}
    if "<str:reference>" in route:
        draft = name in {"invoice_edit", "invoice_finalize", "invoice_delete"}
        arguments["reference"] = things["draft" if draft else "invoice"]
    if "<str:public_id>" in route:
        kind = name.split("_")[0]
        kind = {"redeliver": "webhook", "delivery": "webhook", "key": "key"}.get(kind, kind)
        arguments["public_id"] = things["bot" if name == "key_new" else kind]
    if "<str:delivery_id>" in route:
        arguments["delivery_id"] = things["delivery"]
    if "<int:invitation_pk>" in route:
        arguments["invitation_pk"] = things["invitation"]
    if "<int:membership_pk>" in route:
        arguments["membership_pk"] = things["membership"]
    if "<str:token>" in route:
        arguments["token"] = "nobody-knows-it"
    return reverse(f"dashboard:{name}", kwargs=arguments)


def given_a_member(merchant: Merchant, role: str) -> User:
    """Somebody in Ada's team."""
    user = factories.given_a_user(f"{role.capitalize()} Person")
    Membership.objects.create(
        account=merchant.account, user=user, role=role, created_at=merchant.created_at
    )
    return user


def test_every_view_says_what_it_needs() -> None:
    assert len(NAMES) == len(set(NAMES)) > 50
    for name, view in VIEWS.items():
        assert hasattr(view, "permission"), f"{name} stands open"
        if name not in OPEN | {"home", "mode", "switch", "team", "team_leave"}:
            assert view.permission, name


@pytest.fixture
def each(subtests: pytest.Subtests, stripe_account: Stripe) -> Each:
    """`for name in names: with each(name):` leaves everything as it was for the next name."""

    @contextmanager
    def on_its_own(name: str) -> Iterator[None]:
        with subtests.test(name), stripe_account.tried_out():
            yield

    return on_its_own


def test_nobody_sees_anything_before_signing_in(each: Each, things: dict[str, str]) -> None:
    for name in NAMES:
        with each(name):
            browser, path = Browser(None), address(name, things)
            for response in (browser.get(path), browser.post(path)):
                assert response.status_code in (302, 405)
                if response.status_code == 302:
                    assert response.url.startswith("/accounts/login/?next=/dashboard/")


def test_a_stranger_is_asked_to_open_an_account(each: Each, things: dict[str, str]) -> None:
    for name in (name for name in NAMES if name not in OPEN):
        with each(name):
            browser, path = Browser(factories.given_a_user("Stranger")), address(name, things)
            for response in (browser.get(path), browser.post(path)):
                assert response.status_code in (302, 405)
                if response.status_code == 302:
                    assert response.url == "/dashboard/welcome/"


@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_what_its_permissions_say(
    each: Each, role: str, things: dict[str, str], test_merchant: Merchant
) -> None:
    for name in (name for name in NAMES if name not in OPEN):
        with each(name):
            browser = Browser(given_a_member(test_merchant, role), test_merchant)
            permission = VIEWS[name].permission
            response = browser.get(address(name, things))
            if response.status_code == 405:
                # A page that only takes forms: sent empty, it must be refused for the same reason.
                response = browser.post(address(name, things))
            if permission is None or permission in ROLE_PERMISSIONS[role]:
                assert response.status_code in (200, 302, 422), response.status_code
            else:
                assert response.status_code == 403
                assert permission in text_of(response)


def test_what_is_adas_is_not_there_for_ben(
    each: Each, things: dict[str, str], ben_browser: Browser
) -> None:
    for pattern in PATTERNS:
        if "<" not in str(pattern.pattern) or pattern.name == "team_join":
            continue
        with each(str(pattern.name)):
            path = address(str(pattern.name), things)
            answers = ben_browser.get(path), ben_browser.post(path, {"role": "viewer"})
            for answer in answers:
                not_there_for_ben(answer, things, ben_browser)


def not_there_for_ben(answer: Any, things: dict[str, str], ben_browser: Browser) -> None:
    """It is answered with a 404, or by a refusal on another page, which is never Ada's thing's."""
    if answer.status_code != 302:
        assert answer.status_code in (404, 405)
        return
    follow = ben_browser.get(answer.url)
    assert follow.status_code in (200, 404)
    assert not any(thing in follow.content.decode() for thing in things.values() if "_" in thing)


def test_the_live_side_does_not_show_the_test_sides_things(
    things: dict[str, str], ada: User, live: Merchant, ada_browser: Browser
) -> None:
    assert ada_browser.get(address("invoice", things)).status_code == 200
    assert Browser(ada, live).get(address("invoice", things)).status_code == 404


def test_forms_from_elsewhere_are_refused(
    each: Each, things: dict[str, str], ada: User, test_merchant: Merchant
) -> None:
    for name in NAMES:
        with each(name):
            client = Client(enforce_csrf_checks=True)
            client.force_login(ada)
            response = client.post(address(name, things), {"token": "a" * 32, "do": "save"})
            assert response.status_code in (403, 405)
            assert response.status_code == 403 or "POST" not in response["Allow"]


def test_a_new_account_begins_on_the_test_side_and_the_choice_is_remembered(
    ada: User, ada_account: Any
) -> None:
    browser = Browser(ada)
    assert "Test mode" in text_of(browser.get(""))
    assert browser.post("mode/", {"mode": "live"}).status_code == 302
    assert "Test mode" not in text_of(browser.get(""))
    assert "Test mode" not in text_of(browser.get("invoices/"))
    browser.post("mode/", {"mode": "test"})
    assert "Test mode" in text_of(browser.get(""))


def test_a_session_cannot_name_somebody_elses_merchant(
    ada_browser: Browser, ben_merchant: Merchant, test_merchant: Merchant
) -> None:
    session = ada_browser.client.session
    session[AT_WORK] = ben_merchant.public_id
    session.save()
    factories.given_a_draft(ben_merchant, memo="Ben's secret")
    page = text_of(ada_browser.get(""))
    assert test_merchant.name in page and "Ben" not in page


def test_an_account_is_chosen_among_several(
    ada: User, ada_browser: Browser, ben_merchant: Merchant
) -> None:
    other = factories.given_an_account(ada, "Second Business")
    assert "Second Business" in text_of(ada_browser.get(""))
    ada_browser.post("switch/", {"account": other.public_id})
    assert "<h1>Second Business" in " ".join(ada_browser.get("").content.decode().split())
    # The control: an account she is not in.
    ada_browser.post("switch/", {"account": ben_merchant.account.public_id})
    assert "<h1>Second Business" in " ".join(ada_browser.get("").content.decode().split())


def test_whoever_is_removed_is_out_at_once(
    ada_browser: Browser, test_merchant: Merchant, browser_of: Callable[[User], Browser]
) -> None:
    user = given_a_member(test_merchant, "admin")
    browser = browser_of(user)
    assert browser.get("invoices/").status_code == 200
    member = Membership.objects.get(user=user)
    ada_browser.submit(f"team/{member.pk}/remove/")
    assert browser.get("invoices/").url == "/dashboard/welcome/"


def test_htmx_goes_to_the_login_as_a_whole_page(db: None) -> None:
    response = Browser(None).post("invoices/new/", {"do": "totals"}, HX_Request="true")
    assert response["HX-Redirect"] == "/accounts/login/"


def test_pages_are_not_kept_by_shared_caches(ada_browser: Browser) -> None:
    assert ada_browser.get("invoices/")["Cache-Control"] == "private, no-cache"
    assert "no-store" in ada_browser.get("webhooks/new/")["Cache-Control"]


def test_events_are_laid_to_whoever_did_it(
    ada: User, ada_browser: Browser, test_merchant: Merchant
) -> None:
    ada_browser.submit("customers/new/", name="Cleo Payer")
    event = Event.objects.get(merchant=test_merchant, type="customer.created")
    assert (event.actor_kind, event.actor_id, event.actor_name) == (
        "user",
        ada.public_id,
        str(ada),
    )
    assert event.request_id
