"""Answering disputes by the API: what the first tests of it do not ask."""

import base64
from typing import Any

import pytest

from invoicing.models import Merchant
from payments import representations
from payments.models import DisputeFile, DisputeSubmission
from tests.factories import again
from tests.fixtures import Api
from tests.fixtures_stripe import Stripe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def path(stripe_account: Stripe, test_merchant: Merchant) -> str:
    payment = stripe_account.given_a_payment(test_merchant)
    return f"/v1/disputes/{stripe_account.given_a_dispute(payment).public_id}"


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def attach(api: Api, path: str, size: int) -> Any:
    content = base64.b64encode(b"%PDF-1.7".ljust(size)).decode()
    body = {"field": "receipt", "name": "r.pdf", "content_base64": content}
    return api.post(f"{path}/files", body)


def test_a_document_may_be_as_large_as_banks_take_it(api: Api, path: str) -> None:
    assert attach(api, path, 4_500_000).json()["files"] == ["receipt"]
    assert len(DisputeFile.objects.get().content) == 4_500_000
    for size in (4_500_001, 4_600_000, 6_000_000):
        answer = attach(api, path, size)
        assert (answer.status_code, answer.json()["error"]["details"]["fields"]) == (
            400,
            [
                {
                    "field": "content_base64",
                    "message": "must be a document of at most 4.5 MB "
                    "(4,500,000 bytes before it is encoded)",
                }
            ],
        )
    # The control: no other body may be that large.
    answer = api.patch(path, {"uncategorized_text": "x" * 1_000_000})
    assert error(answer) == (413, "too_large")


def test_what_is_not_base64_is_named(api: Api, path: str) -> None:
    for content in ("JVBERi0x!", "JVBÉRi0x"):
        body = {"field": "receipt", "name": "r.pdf", "content_base64": content}
        answer = api.post(f"{path}/files", body)
        fields = answer.json()["error"]["details"]["fields"]
        assert fields == [{"field": "content_base64", "message": "must be base64"}]
    assert not DisputeFile.objects.exists()


def test_a_repeat_with_the_same_key_answers_the_bank_once(api: Api, path: str) -> None:
    api.patch(path, {"product_description": "Ten hours of consulting."})
    first = api.post(f"{path}/submit", idempotency_key="k")
    assert (first.status_code, first.json()["status"]) == (200, "under_review")
    assert api.post(f"{path}/submit", idempotency_key="k").content == first.content
    assert error(api.post(f"{path}/submit")) == (409, "invalid_state")
    assert error(api.post(f"{path}/concede")) == (409, "invalid_state")
    assert error(api.patch(path, {"customer_name": "Cleo"})) == (409, "invalid_state")
    assert DisputeSubmission.objects.count() == 1


def test_a_dispute_is_not_conceded_while_it_is_being_answered(
    api: Api, path: str, stripe_account: Stripe
) -> None:
    api.patch(path, {"product_description": "Ten hours of consulting."})
    stripe_account.fake.control("faults", do="drop_before", method="POST", path="/v1/disputes")
    assert api.post(f"{path}/submit").json()["submitted_at"] is None
    submission = DisputeSubmission.objects.get()
    assert submission.status == "pending"
    assert error(api.post(f"{path}/concede")) == (409, "invalid_state")
    assert list(DisputeSubmission.objects.values_list("concede", flat=True)) == [False]
    # The control: the same answer is handed in again.
    assert api.post(f"{path}/submit").json()["status"] == "under_review"
    assert again(submission).status == "succeeded"


def test_a_lost_payment_has_cost_its_fees_all_the_same(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    payment = stripe_account.given_a_payment(test_merchant)
    invoice = f"/v1/invoices/{payment.invoice.public_id}"
    fees = api.get(invoice).json()["fees"]
    assert [fee["kind"] for fee in fees] == ["provider", "platform"]
    dispute = stripe_account.given_a_dispute(payment)
    done = api.post(f"/v1/disputes/{dispute.public_id}/concede").json()
    assert done["status"] == "lost"
    lost = api.get(invoice).json()
    assert (lost["status"], lost["amount_paid"], lost["fees"]) == ("open", "0.00", fees)
    assert representations.invoice_fees(again(payment.invoice)) == fees


def test_a_dispute_of_unmatched_money_is_answered_like_any_other(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    deposit = stripe_account.given_a_deposit(test_merchant)
    stripe_account.dispute(deposit.provider_reference)
    stripe_account.deliver()
    (dispute,) = api.get("/v1/disputes", {"deposit_id": deposit.public_id}).json()["data"]
    assert (dispute["deposit_id"], dispute["payment_id"], dispute["invoice_id"]) == (
        deposit.public_id,
        None,
        None,
    )
    assert (dispute["status"], dispute["withdrawn"]) == ("needs_response", "70.00")
    assert api.get("/v1/disputes", {"deposit_id": "dep_other"}).json()["data"] == []
    path = f"/v1/disputes/{dispute['id']}"
    assert api.get(path).json() == dispute
    said = {"uncategorized_text": "winning_evidence"}
    assert api.patch(path, said).json()["evidence"] == said
    assert attach(api, path, 100).json()["files"] == ["receipt"]
    won = api.post(f"{path}/submit").json()
    assert (won["status"], won["withdrawn"], won["fee"]) == ("won", "0.00", "15.00")
    left = api.get(f"/v1/deposits/{deposit.public_id}").json()
    assert (left["status"], left["amount_left"]) == ("unmatched", "70.00")


def test_unmatched_money_is_conceded(
    api: Api, stripe_account: Stripe, test_merchant: Merchant
) -> None:
    deposit = stripe_account.given_a_deposit(test_merchant)
    stripe_account.dispute(deposit.provider_reference)
    stripe_account.deliver()
    (dispute,) = api.get("/v1/disputes").json()["data"]
    assert api.post(f"/v1/disputes/{dispute['id']}/concede").json()["status"] == "lost"
    left = api.get(f"/v1/deposits/{deposit.public_id}").json()
    assert (left["status"], left["amount_left"]) == ("lost", "0.00")
