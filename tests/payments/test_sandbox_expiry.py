"""The last month of a test card: kept as it was typed, and over on the merchant's clock."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from invoicing.models import Customer, Merchant
from payments import flows, tasks
from payments.models import Payment, PaymentMethod, SandboxMethod
from payments.sandbox import saving
from tests.factories import (
    ASKS_APPROVAL,
    LATER_NO_FUNDS,
    MASTERCARD,
    SILENT_THEN_PAID,
    VISA,
    again,
    charge,
    given_a_customer,
    given_a_saved_card,
    let_pass,
    live,
    start_paying,
    subscribe,
)
from tests.fixtures import WallClock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cleo(clock: WallClock, test_merchant: Merchant) -> Customer:
    clock.at = datetime(2030, 1, 31, 9, tzinfo=UTC)
    return given_a_customer(test_merchant)


def given_a_card(customer: Customer, month: int, year: int) -> PaymentMethod:
    setup = flows.save_method(customer.merchant, customer.public_id, "sandbox")
    saving.leave_card(setup.provider_reference, VISA, (month, year))
    tasks.apply_notices()
    return PaymentMethod.objects.get()


def expiry_of(method: PaymentMethod | None) -> tuple[int, int]:
    assert method is not None
    return method.details["exp_month"], method.details["exp_year"]


# Charged while its owner is away


@pytest.mark.parametrize(
    ("zone", "last", "over"),
    [
        ("UTC", datetime(2030, 2, 28, 23, 59, tzinfo=UTC), datetime(2030, 3, 1, tzinfo=UTC)),
        (
            "Pacific/Auckland",
            datetime(2030, 2, 28, 10, 59, tzinfo=UTC),
            datetime(2030, 2, 28, 11, tzinfo=UTC),
        ),
    ],
)
def test_a_card_is_good_until_its_month_ends_where_the_merchant_is(
    cleo: Customer, zone: str, last: datetime, over: datetime
) -> None:
    Merchant.objects.filter(pk=cleo.merchant_id).update(timezone=zone)
    given_a_card(again(cleo), 2, 2030)
    live(cleo.merchant, last)
    assert charge(again(cleo)).status == "succeeded"
    live(cleo.merchant, over)
    declined = charge(again(cleo))
    assert (declined.status, declined.failure_code) == ("failed", "expired_card")
    assert declined.failure_message == "The card has expired."


def test_an_expired_card_uses_up_nothing_that_was_decided(cleo: Customer) -> None:
    given_a_card(cleo, 2, 2030)
    steps = [{"outcome": "succeed"}]
    SandboxMethod.objects.update(next=steps)
    live(cleo.merchant, datetime(2030, 3, 1, tzinfo=UTC))
    assert charge(again(cleo)).failure_code == "expired_card"
    assert SandboxMethod.objects.get().next == steps


def test_what_recurs_waits_for_another_card(cleo: Customer) -> None:
    given_a_card(cleo, 2, 2030)
    row = subscribe(cleo)
    live(cleo.merchant, datetime(2030, 3, 10, 9, tzinfo=UTC))
    # 28 February was charged in time; it is the period of March that finds the card expired.
    assert [one.status for one in Payment.objects.order_by("pk")] == ["succeeded", "succeeded"]
    live(cleo.merchant, datetime(2030, 4, 3, 9, tzinfo=UTC))
    period = row.periods.get(number=3)
    assert (period.failure_code, period.failure_advice) == ("expired_card", "customer")
    assert Payment.objects.count() == 3
    given_a_saved_card(again(cleo), MASTERCARD)
    tasks.charge_recurring()
    assert (again(row).status, again(period).status) == ("active", "paid")


# As it was typed


def page_of(payment: Payment) -> str:
    return f"/sandbox/checkout/{payment.provider_reference}"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("12/34", (12, 2034)),
        ("12 / 34", (12, 2034)),
        ("0231", (2, 2031)),
        ("3/2031", (3, 2031)),
        ("01/30", (1, 2030)),
        ("", (12, 2034)),
    ],
)
def test_the_card_that_pays_is_kept_with_its_expiry(
    client: Client, cleo: Customer, typed: str, kept: tuple[int, int]
) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    row = subscribe(cleo)
    payment = start_paying(row.periods.get().invoice)
    sent = client.post(page_of(payment), {"number": MASTERCARD, "expiry": typed})
    assert sent.status_code == 302
    tasks.apply_notices()
    assert again(payment).status == "succeeded"
    assert expiry_of(again(row).payment_method) == kept


@pytest.mark.parametrize("number", [ASKS_APPROVAL, SILENT_THEN_PAID])
def test_what_pays_later_is_kept_then_with_its_expiry(
    client: Client, cleo: Customer, number: str
) -> None:
    given_a_saved_card(cleo, LATER_NO_FUNDS)
    row = subscribe(cleo)
    payment = start_paying(row.periods.get().invoice)
    page = page_of(payment)
    client.post(page, {"number": ASKS_APPROVAL, "expiry": "05/33"})
    client.post(f"{page}/answer", {"answer": "refuse"})
    tasks.apply_notices()
    assert PaymentMethod.objects.count() == 1
    client.post(page, {"number": number, "expiry": "06/33"})
    tasks.apply_notices()
    assert PaymentMethod.objects.count() == 1
    client.post(f"{page}/answer", {"answer": "approve"})
    let_pass(cleo.merchant, "PT11M")
    tasks.apply_notices()
    flows.check(payment.pk)
    assert again(payment).status == "succeeded"
    assert expiry_of(again(row).payment_method) == (6, 2033)


@pytest.mark.parametrize("page", ["checkout", "setup"])
@pytest.mark.parametrize(
    ("typed", "status", "said"),
    [
        ("12/29", 402, "The card has expired."),
        ("13/34", 422, "This expiry date is not right; write month and year."),
        ("soon", 422, "This expiry date is not right; write month and year."),
        ("1２/34", 422, "This expiry date is not right; write month and year."),
    ],
)
def test_a_wrong_expiry_is_told_and_another_card_may_be_tried(
    client: Client, cleo: Customer, page: str, typed: str, status: int, said: str
) -> None:
    setup: Any = None
    if page == "setup":
        setup = flows.save_method(cleo.merchant, cleo.public_id, "sandbox")
        path = f"/sandbox/setup/{setup.provider_reference}"
    else:
        given_a_saved_card(cleo, LATER_NO_FUNDS)
        path = page_of(start_paying(subscribe(cleo).periods.get().invoice))
    refused = client.post(path, {"number": VISA, "expiry": typed})
    assert refused.status_code == status
    assert said in refused.content.decode()
    assert client.post(path, {"number": VISA, "expiry": "07/32"}).status_code == 302
    tasks.apply_notices()
    assert expiry_of(PaymentMethod.objects.latest("pk")) == (7, 2032)


def test_a_chosen_card_is_filled_in_as_a_new_one(client: Client, cleo: Customer) -> None:
    setup = flows.save_method(cleo.merchant, cleo.public_id, "sandbox")
    path = f"/sandbox/setup/{setup.provider_reference}?card={VISA}"
    assert 'value="12 / 34"' in client.get(path).content.decode()
    live(cleo.merchant, datetime(2035, 2, 1, tzinfo=UTC))
    late = flows.save_method(again(cleo.merchant), cleo.public_id, "sandbox")
    path = f"/sandbox/setup/{late.provider_reference}?card={VISA}"
    assert 'value="12 / 39"' in client.get(path).content.decode()
