"""What bots ask a person for: seen and decided in the dashboard, and by the link of a mail."""

import re

import pytest
from django.core import signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from invoicing import approving, tasks
from invoicing.actions.approvals import approve, decline
from invoicing.actions.leashes import set_leash
from invoicing.api import inside
from invoicing.api.authentication import Caller
from invoicing.inputs import read
from invoicing.leashes import LeashInput
from invoicing.models import ApiKey, Approval, Event, Membership, Merchant, Message, User
from payments.models import Refund
from tests.factories import (
    again,
    given_a_customer,
    given_a_key,
    given_a_saved_card,
    given_an_approval,
    given_an_open_invoice,
    let_pass,
)
from tests.fixtures_dashboard import Browser, form_of, given_a_colleague, text_of


@pytest.fixture
def waiting(test_merchant: Merchant) -> Approval:
    return given_an_approval(test_merchant, note="Box arrived <b>broken</b>.")


def given_a_held_bot(merchant: Merchant, kind: str) -> Caller:
    """A bot that lets every move of this kind wait for a person."""
    given_a_key(merchant, bot="Held")
    key = ApiKey.objects.select_related("bot__merchant").latest("pk")
    limit = {"kind": kind, "currency": "USD", "approval_above": "0"}
    set_leash(merchant, key.bot.public_id, read(LeashInput, {"limits": [limit]}))
    return Caller(key.bot, key)


def address(approval: Approval, verb: str = "") -> str:
    return f"approvals/{approval.public_id}/{verb}"


def state(approval: Approval) -> tuple[str, str]:
    row = Approval.objects.select_related("decided_by").get(pk=approval.pk)
    return row.status, str(row.decided_by or "")


# In the dashboard


def test_what_waits_is_on_the_home_page_and_first_in_the_list(
    ada_browser: Browser, waiting: Approval, test_merchant: Merchant, ada: User
) -> None:
    assert "1 request of a bot waits for your approval" in text_of(ada_browser.get(""))
    other = given_an_approval(test_merchant, "70.00")
    decline(test_merchant, other.public_id, ada)
    listed = text_of(ada_browser.get("approvals/"))
    assert "Send back $60.00" in listed and "Cleo Payer" in listed and "Refund agent" in listed
    assert "$70.00" not in listed
    declined = text_of(ada_browser.get("approvals/?status=declined"))
    assert "$70.00" in declined and "$60.00" not in declined
    every = text_of(ada_browser.get("approvals/?status=all"))
    assert "$70.00" in every and "$60.00" in every
    assert "Nothing matches" in text_of(ada_browser.get("approvals/?status=expired"))


def test_the_list_asks_as_often_for_many_as_for_one(
    ada_browser: Browser, waiting: Approval, test_merchant: Merchant
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert ada_browser.get("approvals/").status_code == 200
        return len(seen)

    one = queries()
    given_an_approval(test_merchant)
    given_an_approval(test_merchant)
    assert queries() == one


def test_one_request_says_all_that_a_decision_takes(
    ada_browser: Browser, waiting: Approval
) -> None:
    page = ada_browser.get(address(waiting))
    said = text_of(page)
    for words in ("$60.00", "Send back $60.00 (refund invoice)", "Refund agent", "Decide by"):
        assert words in said
    html = page.content.decode()
    assert '<p class="quote plain-text">Box arrived &lt;b&gt;broken&lt;/b&gt;.</p>' in html
    customer = again(waiting.merchant).customers.get(public_id=waiting.intent.payee)
    assert f'href="/dashboard/customers/{customer.public_id}/"' in html
    assert f'href="/dashboard/invoices/{customer.invoices.get().public_id}/"' in html
    assert waiting.path in said


def test_it_is_approved_once_however_often_the_form_is_sent(
    ada_browser: Browser, waiting: Approval, ada: User
) -> None:
    path = address(waiting, "approve/")
    assert "Send back $60.00?" in text_of(ada_browser.get(path))
    assert state(waiting) == ("pending_approval", "")
    data = ada_browser.form(path).data()
    for _ in range(2):
        assert ada_browser.post(path, data).url == f"/dashboard/{address(waiting)}"
    assert state(waiting) == ("approved", str(ada))
    assert "being carried out" in text_of(ada_browser.get(address(waiting)))
    event = Event.objects.get(type="approval.approved")
    assert (event.actor_kind, event.actor_id) == ("user", ada.public_id)
    assert tasks.carry_out_approvals() == 1
    done = ada_browser.get(address(waiting))
    assert "Approved and carried out." in text_of(done)
    refund = Refund.objects.get()
    assert refund.amount == 6000
    assert f'href="/dashboard/refunds/{refund.public_id}/"' in done.content.decode()
    late = ada_browser.get(path)
    assert late.url == f"/dashboard/{address(waiting)}"


def test_it_is_declined_with_a_note(ada_browser: Browser, waiting: Approval, ada: User) -> None:
    path = address(waiting, "decline/")
    assert ada_browser.submit(path, note="x" * 501).status_code == 422
    assert ada_browser.submit(path, note="Talk to me first.").status_code == 302
    assert state(waiting) == ("declined", str(ada))
    said = text_of(ada_browser.get(address(waiting)))
    assert "Declined. Nothing was done" in said and "Talk to me first." in said
    assert tasks.carry_out_approvals() == 0


def test_whoever_is_late_is_told_and_changes_nothing(
    ada_browser: Browser, waiting: Approval, ada: User, test_merchant: Merchant
) -> None:
    path = address(waiting, "decline/")
    data = ada_browser.form(path).data(note="No.")
    approve(test_merchant, waiting.public_id, ada)
    answer = ada_browser.post(path, data)
    assert "It is approved already." in text_of(ada_browser.get(answer.url))
    assert state(waiting) == ("approved", str(ada))


def test_what_has_lapsed_cannot_be_approved(ada_browser: Browser, waiting: Approval) -> None:
    let_pass(waiting.merchant, "P8D")
    assert "Nobody has decided in time" in text_of(ada_browser.get(address(waiting)))
    answer = ada_browser.post(address(waiting, "approve/"))
    assert "not decided in time" in text_of(ada_browser.get(answer.url))
    assert state(waiting) == ("pending_approval", "")


def test_what_could_not_be_done_says_why(
    ada_browser: Browser, waiting: Approval, test_merchant: Merchant, ada: User
) -> None:
    approve(test_merchant, waiting.public_id, ada)
    key = waiting.api_key
    key.revoked_at = key.created_at
    key.save()
    tasks.carry_out_approvals()
    assert "could not be done" in text_of(ada_browser.get(address(waiting)))
    assert "Not possible" in text_of(ada_browser.get("approvals/?status=done"))


@pytest.mark.parametrize("role", ["viewer", "accountant"])
def test_a_viewer_looks_and_whoever_moves_money_decides(
    role: str, waiting: Approval, test_merchant: Merchant
) -> None:
    browser = given_a_colleague(test_merchant, role)
    page = browser.get(address(waiting)).content.decode()
    may = role == "accountant"
    assert (f"{waiting.public_id}/approve/" in page) is may
    answer = browser.submit(address(waiting, "approve/")) if may else None
    if not may:
        answer = browser.post(address(waiting, "approve/"))
    assert answer is not None and answer.status_code == (302 if may else 403)
    assert state(waiting)[0] == ("approved" if may else "pending_approval")


# By mail


def link_in(message: Message) -> str:
    """The path of the link that a mail has, the same in its text and its HTML."""
    found = re.search(r"http://[^/\s]+(/dashboard/approvals/mail/[^/\s]+/)", message.text)
    assert found
    assert found[1] in message.html
    return found[1]


def test_the_mail_says_what_it_is_about(waiting: Approval, ada: User) -> None:
    message = Message.objects.get(kind="approval")
    assert message.to == ada.email
    assert message.subject == "Refund agent asks you to approve $60.00: refund invoice"
    for text in (message.text, message.html):
        assert "Cleo Payer, TEST-0001" in text
        assert "Box arrived" in text
        invoice = again(waiting.merchant).invoices.get(number="TEST-0001").public_id
        assert f"/dashboard/invoices/{invoice}/" in text


def test_what_comes_again_says_how_often(test_merchant: Merchant) -> None:
    caller = given_a_held_bot(test_merchant, "charge")
    cleo = given_a_customer(test_merchant)
    given_a_saved_card(cleo)
    wanted = {"customer_id": cleo.public_id, "amount": "20", "description": "Tea"}
    path, weekly = "/v1/invoices/charge", {"interval": "weekly", "start_at": "2027-02-01"}
    asked = inside.ask(caller, "POST", path, {**wanted, "recurring": weekly})
    assert asked.status == 202, asked.body
    message = Message.objects.get(kind="approval")
    assert message.subject.endswith(
        "$20.00: charge customer, every week, from 2027-02-01 until it is canceled"
    )
    assert f"/dashboard/customers/{cleo.public_id}/" in message.text
    said = text_of(Browser(None).get(link_in(message)))
    assert "Charge $20.00 every week, from 2027-02-01 until it is canceled" in said
    assert f"POST {path}" in said and '"start_at": "2027-02-01"' in said
    # The control: what is done once says nothing of the kind.
    assert inside.ask(caller, "POST", path, wanted).status == 202
    assert "every" not in Message.objects.latest("pk").subject


def test_where_the_bot_says_nothing_nothing_is_quoted(test_merchant: Merchant) -> None:
    caller = given_a_held_bot(test_merchant, "settle")
    invoice = given_an_open_invoice(test_merchant)
    assert inside.ask(caller, "POST", f"/compat/wraith/invoice/{invoice.uuid}/paid").status == 202
    message = Message.objects.get(kind="approval")
    page = Browser(None).get(link_in(message))
    for text in (message.text, message.html, page.content.decode()):
        assert "says what it is for" not in text and "own words" not in text
        assert str(invoice) in text


def test_by_the_link_it_is_seen_and_then_approved(waiting: Approval, ada: User) -> None:
    link, stranger = link_in(Message.objects.get(kind="approval")), Browser(None)
    for _ in range(2):  # scanners open every link, some of them twice
        page = stranger.get(link)
        stranger.client.head(link)
        assert state(waiting) == ("pending_approval", "")
    said = text_of(page)
    assert "Send back $60.00" in said and "Box arrived <b>broken</b>." in said
    assert f"You decide as {ada}" in said and "Test mode" in said
    assert page["Cache-Control"] == "private, no-store"
    assert page["Referrer-Policy"] == "same-origin"
    assert page["X-Robots-Tag"] == "noindex, nofollow, noarchive"
    for _ in range(2):
        answer = stranger.post(link, {"do": "approve"})
        assert (answer.status_code, answer.url) == (302, link)
    assert state(waiting) == ("approved", str(ada))
    assert "It is being carried out" in text_of(stranger.get(link))
    event = Event.objects.get(type="approval.approved")
    assert (event.actor_kind, event.actor_id) == ("user", ada.public_id)
    tasks.carry_out_approvals()
    done = text_of(stranger.get(link))
    assert "Approved and carried out." in done and str(ada) in done
    assert "sessionid" not in stranger.client.cookies and "billhook" not in stranger.client.cookies


def test_by_the_link_it_is_declined_with_a_note(waiting: Approval, ada: User) -> None:
    link, stranger = link_in(Message.objects.get(kind="approval")), Browser(None)
    assert stranger.post(link, {"do": "decline", "note": "x" * 501}).status_code == 422
    assert stranger.post(link, {"do": "else"}).status_code == 302
    assert state(waiting)[0] == "pending_approval"
    stranger.post(link, {"do": "decline", "note": "Ask Cleo first."})
    row = Approval.objects.get()
    assert (row.status, row.note, row.decided_by) == ("declined", "Ask Cleo first.", ada)
    stranger.post(link, {"do": "approve"})
    assert state(waiting)[0] == "declined"
    assert "Ask Cleo first." in text_of(stranger.get(link))


def test_who_has_decided_is_told_by_everybodys_link(
    waiting: Approval, test_merchant: Merchant, ada: User
) -> None:
    other = given_a_colleague(test_merchant, "accountant").user
    assert other is not None
    approve(test_merchant, waiting.public_id, ada)
    link = f"/dashboard/approvals/mail/{approving.token_for(waiting, other)}/"
    stranger = Browser(None)
    assert stranger.post(link, {"do": "decline"}).status_code == 302
    said = text_of(stranger.get(link))
    assert str(ada) in said and "Decline" not in said
    assert state(waiting) == ("approved", str(ada))


def test_a_form_from_elsewhere_decides_nothing(waiting: Approval) -> None:
    link = link_in(Message.objects.get(kind="approval"))
    client = Client(enforce_csrf_checks=True)
    assert client.post(link, {"do": "approve"}).status_code == 403
    page = client.get(link)
    assert state(waiting)[0] == "pending_approval"
    # The control: the page's own form does.
    data = form_of(page).data(do="approve", note=None)
    assert client.post(link, data).status_code == 302
    assert state(waiting)[0] == "approved"


def test_a_link_that_is_no_good_says_what_to_do(
    waiting: Approval, ada: User, ben: User, test_merchant: Merchant
) -> None:
    viewer = given_a_colleague(test_merchant, "viewer").user
    assert viewer is not None
    good = approving.token_for(waiting, ada)
    bad = [
        "nonsense",
        good[:-2] + ("AA" if good[-2:] != "AA" else "BB"),
        approving.token_for(waiting, ben),
        approving.token_for(waiting, viewer),
        signing.dumps([waiting.public_id, ada.public_id], salt="another purpose"),
    ]
    for token in bad:
        for answer in (
            Browser(None).get(f"/dashboard/approvals/mail/{token}/"),
            Browser(None).post(f"/dashboard/approvals/mail/{token}/", {"do": "approve"}),
        ):
            assert answer.status_code == 404
            assert "This link does not work any more" in text_of(answer)
            assert "$60.00" not in text_of(answer)
            assert answer["Cache-Control"] == "private, no-store"
    assert state(waiting)[0] == "pending_approval"


def test_colleagues_who_read_the_mail_do_not_get_its_link(
    waiting: Approval, test_merchant: Merchant
) -> None:
    message = Message.objects.get(kind="approval")
    token = link_in(message).split("/")[-2]
    page = given_a_colleague(test_merchant, "viewer").get(f"mails/{message.public_id}/")
    assert "asks you to approve $60.00" in text_of(page)
    assert token not in page.content.decode()


def test_an_old_link_does_not_work(waiting: Approval, monkeypatch: pytest.MonkeyPatch) -> None:
    link = link_in(Message.objects.get(kind="approval"))
    assert Browser(None).get(link).status_code == 200
    real = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: real + 9 * 86400)
    assert Browser(None).get(link).status_code == 404


def test_whoever_may_not_decide_any_more_is_refused(waiting: Approval, ada: User) -> None:
    link = link_in(Message.objects.get(kind="approval"))
    member = Membership.objects.get(user=ada)
    member.role = "viewer"
    member.save()
    assert Browser(None).post(link, {"do": "approve"}).status_code == 404
    assert state(waiting)[0] == "pending_approval"


def test_by_the_link_of_what_has_lapsed_nothing_is_approved(waiting: Approval) -> None:
    link, stranger = link_in(Message.objects.get(kind="approval")), Browser(None)
    let_pass(waiting.merchant, "P8D")
    assert stranger.post(link, {"do": "approve"}).status_code == 302
    page = stranger.get(link)
    assert "Nobody has decided in time" in text_of(page)
    assert 'value="approve"' not in page.content.decode()
    assert state(waiting)[0] == "pending_approval"
