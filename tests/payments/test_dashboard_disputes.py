"""Answering the bank by hand: the deadline, the words, the documents, and the last word."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import DjangoAssertNumQueries

from invoicing.models import Merchant
from payments import flows
from payments.actions.credit_notes import issue_credit_note
from payments.evidence import MAX_FILE_BYTES
from payments.inputs import CreditNoteInput, RefundInput
from payments.models import Dispute, DisputeSubmission
from tests import factories
from tests.factories import again
from tests.fixtures import Api
from tests.fixtures_dashboard import Browser, text_of
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db(transaction=True)
PDF = b"%PDF-1.7 a receipt"


def disputed(stripe: Stripe, merchant: Merchant) -> Dispute:
    payment = flows.start(factories.given_an_open_invoice(merchant, "100.00").pk, "card")
    stripe.pay(payment)
    stripe.deliver()
    stripe.fake.control(
        "disputes/open", session=payment.provider_reference, reason="product_not_received"
    )
    stripe.deliver()
    return payment.disputes.get()


@pytest.fixture
def dispute(stripe_account: Stripe, test_merchant: Merchant) -> Dispute:
    return disputed(stripe_account, test_merchant)


def path_of(dispute: Dispute, rest: str = "") -> str:
    return f"disputes/{dispute.public_id}/{rest}"


def upload(browser: Browser, dispute: Dispute, content: bytes, **fields: Any) -> Any:
    file = SimpleUploadedFile("receipt.pdf", content)
    return browser.post(path_of(dispute, "files/"), {"field": "receipt", "file": file, **fields})


def test_the_merchant_sees_what_is_at_stake(ada_browser: Browser, dispute: Dispute) -> None:
    assert "1 dispute needs your answer by" in text_of(ada_browser.get(""))
    assert "Nothing was received" in text_of(ada_browser.get("disputes/"))
    said = text_of(ada_browser.get(path_of(dispute)))
    for words in ("$100.00", "$15.00", "Needs your answer", "after that the bank", "Held back"):
        assert words in said
    assert "Open the dispute" in text_of(ada_browser.get(f"payments/{dispute.payment}/"))
    assert dispute.invoice is not None
    invoice = ada_browser.get(f"invoices/{dispute.invoice.public_id}/")
    assert "Open the dispute" in text_of(invoice)


def test_the_invoice_tells_of_its_disputes_refunds_and_credit_notes(
    ada_browser: Browser,
    api: Api,
    stripe_account: Stripe,
    test_merchant: Merchant,
) -> None:
    invoice = stripe_account.given_a_payment(test_merchant).invoice
    flows.refund(test_merchant, invoice.public_id, RefundInput(amount="19"))
    issue_credit_note(test_merchant, invoice.public_id, CreditNoteInput(amount="6"))
    lost = stripe_account.given_a_dispute(invoice.payments.get(), amount=2500)
    stripe_account.fake.control("disputes/lose", dispute=lost.provider_reference)
    stripe_account.deliver()
    page = text_of(ada_browser.get(f"invoices/{invoice.public_id}/"))
    for words in (
        "Refund begun $19.00",
        "Refund gone back $19.00",
        "Refunded $19.00 given back so far",
        "Credit note issued",
        "Dispute opened $25.00, waiting for your answer",
        "Dispute closed $25.00, lost",
    ):
        assert words in page
    told = [
        event["type"]
        for event in api.get(f"/v1/invoices/{invoice.public_id}/events").json()["data"]
    ]
    assert told == [
        "dispute.closed",
        "invoice.reopened",
        "dispute.created",
        "credit_note.created",
        "invoice.refunded",
        "refund.succeeded",
        "refund.created",
        "invoice.paid",
        "invoice.finalized",
        "invoice.created",
    ]
    # What a bank was told is only for those who may see payments.
    key = factories.given_a_key(test_merchant, ["invoices:read"])
    blind = Api(key).get(f"/v1/invoices/{invoice.public_id}/events").json()["data"]
    assert {event["type"].split(".")[0] for event in blind} == {"invoice", "credit_note"}


def test_the_answer_is_written_sent_and_final(ada_browser: Browser, dispute: Dispute) -> None:
    assert "/submit/" not in ada_browser.get(path_of(dispute)).content.decode()
    ada_browser.submit(path_of(dispute, "evidence/"), product_description="A bicycle")
    assert again(dispute).evidence == {"product_description": "A bicycle"}
    upload(ada_browser, dispute, PDF)
    page = ada_browser.get(path_of(dispute))
    assert "A bicycle" in text_of(page) and "receipt.pdf" in text_of(page)
    assert "nothing can be added" in text_of(ada_browser.get(path_of(dispute, "submit/")))
    data = ada_browser.form(path_of(dispute, "submit/")).data()
    sent = ada_browser.post(path_of(dispute, "submit/"), data)
    said = text_of(ada_browser.get(sent.url))
    assert "The bank has your answer." in said
    assert again(dispute).submitted_at is not None
    assert ada_browser.post(path_of(dispute, "submit/"), data).url == sent.url
    assert DisputeSubmission.objects.count() == 1
    refused = ada_browser.submit(path_of(dispute, "evidence/"), product_description="Two")
    assert refused.status_code == 422
    assert again(dispute).evidence == {"product_description": "A bicycle"}


def test_an_emptied_answer_is_no_answer(ada_browser: Browser, dispute: Dispute) -> None:
    ada_browser.submit(path_of(dispute, "evidence/"), product_description="A bicycle")
    ada_browser.submit(path_of(dispute, "evidence/"), product_description="")
    assert again(dispute).evidence == {}
    sent = ada_browser.submit(path_of(dispute, "submit/"))
    assert "must say something" in text_of(ada_browser.get(sent.url))
    assert not DisputeSubmission.objects.exists()


@pytest.mark.parametrize(
    ("content", "fields", "said"),
    [
        (b"<svg/>", {}, "must be a PDF, a JPEG or a PNG"),
        (PDF + b"x" * MAX_FILE_BYTES, {}, "larger than 4.5 MB"),
        (PDF, {"field": "passport"}, "must be one of"),
        (PDF, {"file": ""}, "Choose a file first"),
    ],
)
def test_a_wrong_file_is_refused(
    ada_browser: Browser, dispute: Dispute, content: bytes, fields: dict[str, str], said: str
) -> None:
    sent = upload(ada_browser, dispute, content, **fields)
    assert said in text_of(ada_browser.get(sent.url))
    assert not dispute.files.exists()


def test_a_document_is_taken_out_again(ada_browser: Browser, dispute: Dispute) -> None:
    upload(ada_browser, dispute, PDF)
    assert dispute.files.get().content_type == "application/pdf"
    ada_browser.submit(path_of(dispute), action="/files/remove/")
    assert not dispute.files.exists()


def test_conceding_gives_the_money_up(
    ada_browser: Browser, dispute: Dispute, stripe_account: Stripe
) -> None:
    asked = text_of(ada_browser.get(path_of(dispute, "concede/")))
    assert f"$100.00 · {dispute.invoice}" in asked and "cannot be undone" in asked
    sent = ada_browser.submit(path_of(dispute, "concede/"))
    assert "The dispute is accepted." in text_of(ada_browser.get(sent.url))
    stripe_account.deliver()
    assert again(dispute).status == "lost"
    assert "Lost" in text_of(ada_browser.get(path_of(dispute)))


def test_what_the_provider_does_not_confirm_is_said_to_be_on_its_way(
    ada_browser: Browser, dispute: Dispute, stripe_account: Stripe
) -> None:
    ada_browser.submit(path_of(dispute, "evidence/"), product_description="A bicycle")
    stripe_account.fake.control("faults", do="drop_before", path="/v1/disputes", times=9)
    sent = ada_browser.submit(path_of(dispute, "submit/"))
    stripe_account.fake.control("faults", clear=True)
    said = text_of(ada_browser.get(sent.url))
    assert "handed in again by itself" in said and "on its way to the bank" in said


def test_a_dispute_of_unmatched_money_is_answered(
    ada_browser: Browser, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    deposit = stripe_account.given_a_deposit(test_merchant)
    stripe_account.dispute(deposit.provider_reference, reason="duplicate")
    stripe_account.deliver()
    dispute = deposit.disputes.get()
    assert "1 dispute needs your answer by" in text_of(ada_browser.get(""))
    listed = ada_browser.get("disputes/")
    assert "Unmatched money" in text_of(listed) and "Paid twice" in text_of(listed)
    assert f"/unmatched/{deposit.public_id}/" in listed.content.decode()
    page = ada_browser.get(path_of(dispute))
    for words in ("$70.00", "$15.00", "Needs your answer", "Held back", deposit.public_id):
        assert words in text_of(page)
    said = text_of(ada_browser.get(f"unmatched/{deposit.public_id}/"))
    assert "The payer's bank disputes this money." in said and "Open the dispute" in said
    asked = text_of(ada_browser.get(path_of(dispute, "concede/")))
    assert "$70.00 · Unmatched money" in asked and "The invoice asks" not in asked
    ada_browser.submit(path_of(dispute, "evidence/"), uncategorized_text="losing_evidence")
    upload(ada_browser, dispute, PDF)
    sent = ada_browser.submit(path_of(dispute, "submit/"))
    assert "The bank has your answer." in text_of(ada_browser.get(sent.url))
    stripe_account.deliver()
    assert again(dispute).status == "lost"
    assert "Lost" in text_of(ada_browser.get(path_of(dispute)))
    said = text_of(ada_browser.get(f"unmatched/{deposit.public_id}/"))
    assert "The payer's bank has taken this money back." in said


def test_the_list_is_empty_or_costs_the_same(
    ada_browser: Browser,
    test_merchant: Merchant,
    stripe_account: Stripe,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    assert "No disputes" in text_of(ada_browser.get("disputes/"))
    for _ in range(3):
        disputed(stripe_account, test_merchant)
        with django_assert_num_queries(5):
            ada_browser.get("disputes/")
    assert "No dispute matches" in text_of(ada_browser.get("disputes/?status=won"))
