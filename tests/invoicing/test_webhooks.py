"""Webhooks: delivered to a real receiver, verified by the official client, tried again for days."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from invoicing import failpoints, signing, tasks
from invoicing.actions import webhooks
from invoicing.errors import InvalidState, NotFound, ValidationFailed
from invoicing.inputs import WebhookEndpointChanges, WebhookEndpointInput, read
from invoicing.models import (
    Delivery,
    DeliveryAttempt,
    Event,
    Membership,
    Merchant,
    Message,
    WebhookEndpoint,
)
from tests.factories import (
    again,
    given_a_customer,
    given_a_draft,
    given_a_user,
    given_an_endpoint,
    given_an_open_invoice,
)
from tests.fakes.receiver import Heard, Receiver


def deliver() -> int:
    tasks.fan_out_events()
    return tasks.deliver_webhooks()


def given_a_delivery(merchant: Merchant, receiver: Receiver, path: str = "/hook") -> Delivery:
    """One customer.created on its way to an endpoint of its own."""
    endpoint = given_an_endpoint(merchant, receiver.url(path), ["customer.created"])
    given_a_customer(merchant)
    tasks.fan_out_events()
    return Delivery.objects.get(endpoint=endpoint)


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """No jitter, so that the schedule can be compared to the second."""

    class NoChance:
        def random(self) -> float:
            return 0.0

    monkeypatch.setattr(webhooks, "_jitter", NoChance())


# Delivered


def test_an_event_arrives_signed_and_the_official_client_accepts_it(
    test_merchant: Merchant, receiver: Receiver
) -> None:
    endpoint = given_an_endpoint(test_merchant, receiver.url())
    invoice = given_an_open_invoice(test_merchant, title="Ünïcode ✓")
    assert deliver() == 2
    first, second = receiver.heard
    assert [first.event["type"], second.event["type"]] == ["invoice.created", "invoice.finalized"]
    for heard, event in zip(receiver.heard, Event.objects.order_by("id"), strict=True):
        assert heard.verified(endpoint.secret)["data"]["id"] == invoice.public_id
        assert heard.body.decode() == event.body
        assert heard.id == event.public_id
        assert heard.headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        first.verified(signing.new_secret())
    forged = Heard(first.path, first.headers, first.body.replace(b"10000", b"10001") + b" ")
    with pytest.raises(WebhookVerificationError):
        forged.verified(endpoint.secret)
    assert set(Delivery.objects.values_list("status", "attempts_made", "last_status_code")) == {
        ("succeeded", 1, 204)
    }
    assert deliver() == 0


def test_two_endpoints_hear_the_same_event_each_with_its_own_signature(
    test_merchant: Merchant, receiver: Receiver
) -> None:
    one = given_an_endpoint(test_merchant, receiver.url("/one"))
    two = given_an_endpoint(test_merchant, receiver.url("/two"))
    given_a_customer(test_merchant)
    deliver()
    heard = {request.path: request for request in receiver.heard}
    assert heard["/one"].body == heard["/two"].body
    assert heard["/one"].id == heard["/two"].id
    assert heard["/one"].verified(one.secret) == heard["/two"].verified(two.secret)
    with pytest.raises(WebhookVerificationError):
        heard["/one"].verified(two.secret)


def test_one_endpoint_hears_events_in_the_order_they_happened(
    test_merchant: Merchant, receiver: Receiver
) -> None:
    given_an_endpoint(test_merchant, receiver.url())
    for number in range(25):
        given_a_customer(test_merchant, name=f"Customer {number}")
    assert deliver() == 25
    names = [heard.event["data"]["name"] for heard in receiver.heard]
    assert names == [f"Customer {number}" for number in range(25)]


# Tried again


def test_a_failing_delivery_is_tried_ten_times_over_three_days(
    test_merchant: Merchant, receiver: Receiver, clock: Any, exact: None
) -> None:
    receiver.answers = [500]
    delivery = given_a_delivery(test_merchant, receiver)
    began, at = clock.at, list[timedelta]()
    while again(delivery).status == "pending":
        due: datetime = again(delivery).next_attempt_at
        clock.at = max(clock.at, due - timedelta(microseconds=1))
        if due > clock.at:
            assert deliver() == 0
        clock.at = due
        at.append(clock.at - began)
        assert deliver() == 1
    assert [(b - a).total_seconds() for a, b in zip([timedelta(0), *at], at, strict=False)] == list(
        signing.RETRY_DELAYS_SECONDS
    )
    failed = again(delivery)
    assert (failed.status, failed.attempts_made, failed.next_attempt_at) == ("failed", 10, None)
    assert failed.last_error == "The endpoint answered 500"
    assert len({heard.id for heard in receiver.heard}) == 1
    assert len({heard.headers["webhook-timestamp"] for heard in receiver.heard}) == 10
    assert DeliveryAttempt.objects.filter(delivery=delivery, status_code=500).count() == 10
    clock.move(days=10)
    assert deliver() == 0


def test_each_attempt_is_signed_for_its_own_time(
    test_merchant: Merchant, receiver: Receiver, clock: Any
) -> None:
    receiver.answers = [503, 200]
    delivery = given_a_delivery(test_merchant, receiver)
    deliver()
    clock.at = again(delivery).next_attempt_at
    deliver()
    first, second = receiver.heard
    assert second.headers["webhook-timestamp"] == str(int(clock.at.timestamp()))
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert again(delivery).status == "succeeded"
    assert again(delivery.endpoint).failing_since is None


def test_the_wait_is_spread_by_up_to_a_tenth(
    test_merchant: Merchant, receiver: Receiver, clock: Any
) -> None:
    receiver.answers = [500]
    delivery = given_a_delivery(test_merchant, receiver)
    deliver()
    clock.at = again(delivery).next_attempt_at
    deliver()
    wait = again(delivery).next_attempt_at - clock.at
    assert timedelta(minutes=5) <= wait <= timedelta(minutes=5, seconds=30)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("3", 5),
        ("999999999999", 86400),
        ("9" * 5000, 86400),
        ("Mon, 02 Mar 2026 13:00:00 GMT", 3600),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 5),
        ("soon", 5),
        ("-1", 5),
        ("١٢٠", 5),
    ],
)
def test_a_receiver_may_ask_for_more_time_but_not_for_less(
    header: str,
    seconds: int,
    test_merchant: Merchant,
    receiver: Receiver,
    clock: Any,
    exact: None,
) -> None:
    text = header.encode().decode("latin-1")
    receiver.answers = [(429, {"Retry-After": text})]
    delivery = given_a_delivery(test_merchant, receiver)
    deliver()
    assert again(delivery).next_attempt_at == clock.at + timedelta(seconds=seconds)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 418, 500])
def test_anything_but_a_2xx_is_a_failure_and_no_redirect_is_followed(
    status: int, test_merchant: Merchant, receiver: Receiver
) -> None:
    receiver.answers = [(status, {"Location": receiver.url("/elsewhere")})]
    delivery = given_a_delivery(test_merchant, receiver)
    deliver()
    assert [heard.path for heard in receiver.heard] == ["/hook"]
    assert (again(delivery).status, again(delivery).last_status_code) == ("pending", status)


def test_nobody_listening_is_said_and_tried_again(
    test_merchant: Merchant, receiver: Receiver
) -> None:
    delivery = given_a_delivery(test_merchant, receiver)
    receiver.stop()
    deliver()
    waiting = again(delivery)
    assert (waiting.status, waiting.last_status_code, waiting.attempts_made) == ("pending", None, 1)
    assert waiting.last_error != ""


def test_a_private_address_is_refused_at_once_and_at_delivery(
    test_merchant: Merchant, receiver: Receiver, settings: Any
) -> None:
    delivery = given_a_delivery(test_merchant, receiver)
    settings.WEBHOOK_ALLOW_PRIVATE = False
    deliver()
    assert receiver.heard == []
    assert again(delivery).status == "pending"
    with pytest.raises(ValidationFailed, match="url: "):
        given_an_endpoint(test_merchant, receiver.url())
    with pytest.raises(ValidationFailed, match="url: "):
        changes = read(WebhookEndpointChanges, {"url": "https://127.0.0.1/hook"})
        webhooks.update_endpoint(test_merchant, delivery.endpoint.public_id, changes)


# Switched off


def test_410_switches_an_endpoint_off_and_its_owners_are_told(
    test_merchant: Merchant, receiver: Receiver, clock: Any
) -> None:
    for role in ("admin", "viewer"):
        Membership.objects.create(
            account=test_merchant.account, user=given_a_user(role), role=role, created_at=clock.at
        )
    receiver.answers = [410]
    delivery = given_a_delivery(test_merchant, receiver)
    deliver()
    off = again(delivery.endpoint)
    assert (off.enabled, off.disabled_reason) == (False, "The endpoint answered 410 Gone")
    assert off.disabled_at == clock.at
    told = Message.objects.filter(kind="webhook_disabled")
    assert told.count() == 2
    assert not told.filter(to__startswith="viewer").exists()
    assert all(receiver.url() in mail.text for mail in told)
    given_a_customer(test_merchant)
    clock.move(days=1)
    deliver()
    assert len(receiver.heard) == 1


def test_five_days_of_failure_switch_it_off_and_a_success_in_between_does_not(
    test_merchant: Merchant, receiver: Receiver, clock: Any
) -> None:
    endpoint = given_an_endpoint(test_merchant, receiver.url())
    receiver.answers = [500]

    def one_more() -> WebhookEndpoint:
        given_a_customer(test_merchant)
        deliver()
        return again(endpoint)

    one_more()
    clock.move(days=4, hours=23)
    assert one_more().enabled
    receiver.answers = [204]
    assert one_more().failing_since is None
    receiver.answers = [500]
    assert one_more().failing_since == clock.at
    clock.move(days=4, hours=23, minutes=59)
    assert one_more().enabled
    clock.move(minutes=1)
    off = one_more()
    assert (off.enabled, off.disabled_reason) == (False, "Every delivery failed for 5 days")
    assert Message.objects.filter(kind="webhook_disabled").count() == 1


def test_enabling_it_again_wakes_what_was_waiting(
    test_merchant: Merchant, receiver: Receiver, clock: Any
) -> None:
    receiver.answers = [410, 204]
    delivery = given_a_delivery(test_merchant, receiver)
    deliver()
    clock.move(hours=1)
    assert deliver() == 0
    on = read(WebhookEndpointChanges, {"enabled": True})
    enabled = webhooks.update_endpoint(test_merchant, delivery.endpoint.public_id, on)
    assert (enabled.enabled, enabled.disabled_at, enabled.disabled_reason) == (True, None, "")
    assert deliver() == 1
    assert again(delivery).status == "succeeded"


def test_even_the_longest_url_can_be_switched_off(
    test_merchant: Merchant, receiver: Receiver
) -> None:
    receiver.answers = [410]
    room = 2000 - len(receiver.url("/"))
    delivery = given_a_delivery(test_merchant, receiver, "/" + "x" * room)
    deliver()
    assert again(delivery.endpoint).enabled is False
    assert len(Message.objects.get(kind="webhook_disabled").subject) <= 300


# Endpoints


def test_while_a_secret_is_rotated_both_sign_and_a_day_later_only_the_new(
    test_merchant: Merchant, receiver: Receiver, clock: Any
) -> None:
    # The official client compares with its own clock, so this test keeps near it.
    clock.at = datetime.now(clock.at.tzinfo)
    endpoint = given_an_endpoint(test_merchant, receiver.url())
    old = endpoint.secret
    _, new = webhooks.rotate_secret(test_merchant, endpoint.public_id)
    given_a_customer(test_merchant)
    deliver()
    for secret in (old, new):
        assert receiver.heard[0].verified(secret)
    WebhookEndpoint.objects.update(previous_secret_expires_at=clock.at)
    given_a_customer(test_merchant)
    deliver()
    assert receiver.heard[1].verified(new)
    with pytest.raises(WebhookVerificationError):
        receiver.heard[1].verified(old)


def test_a_rotated_secret_signs_for_24_hours(test_merchant: Merchant, clock: Any) -> None:
    endpoint = given_an_endpoint(test_merchant, "https://ada.example/hook")
    rotated, new = webhooks.rotate_secret(test_merchant, endpoint.public_id)
    assert rotated.previous_secret == endpoint.secret != new
    assert rotated.previous_secret_expires_at == clock.at + timedelta(hours=24)


@pytest.mark.parametrize("answer", [204, 500])
def test_an_event_can_be_delivered_again_by_hand(
    answer: int, test_merchant: Merchant, receiver: Receiver, clock: Any
) -> None:
    receiver.answers = [answer]
    delivery = given_a_delivery(test_merchant, receiver)
    deliver()
    receiver.answers = [204]
    webhooks.redeliver(test_merchant, delivery.endpoint.public_id, delivery.public_id)
    assert deliver() == 1
    first, second = receiver.heard
    assert (first.id, first.body) == (second.id, second.body)
    assert again(delivery).status == "succeeded"
    assert delivery.attempts.count() == 2


def test_what_is_not_there_cannot_be_delivered_again(
    test_merchant: Merchant, ben_merchant: Merchant, receiver: Receiver
) -> None:
    delivery = given_a_delivery(test_merchant, receiver)
    endpoint = delivery.endpoint
    other = given_an_endpoint(test_merchant, receiver.url("/other"))
    for merchant, at, what in (
        (ben_merchant, endpoint.public_id, delivery.public_id),
        (test_merchant, other.public_id, delivery.public_id),
        (test_merchant, endpoint.public_id, "del_none"),
    ):
        with pytest.raises(NotFound):
            webhooks.redeliver(merchant, at, what)
    off = read(WebhookEndpointChanges, {"enabled": False})
    webhooks.update_endpoint(test_merchant, endpoint.public_id, off)
    with pytest.raises(InvalidState, match="disabled"):
        webhooks.redeliver(test_merchant, endpoint.public_id, delivery.public_id)


def test_a_deleted_endpoint_hears_nothing_more_and_keeps_its_log(
    test_merchant: Merchant, receiver: Receiver, clock: Any
) -> None:
    receiver.answers = [500]
    delivery = given_a_delivery(test_merchant, receiver)
    deliver()
    webhooks.delete_endpoint(test_merchant, delivery.endpoint.public_id)
    given_a_customer(test_merchant)
    clock.move(days=1)
    deliver()
    assert len(receiver.heard) == 1
    assert again(delivery).last_error == "The endpoint was deleted"
    assert delivery.attempts.count() == 1
    with pytest.raises(NotFound):
        webhooks.rotate_secret(test_merchant, delivery.endpoint.public_id)


def test_an_endpoint_deleted_while_it_answers_is_not_asked_again(
    test_merchant: Merchant, receiver: Receiver, clock: Any
) -> None:
    delivery = given_a_delivery(test_merchant, receiver)
    (claimed,) = webhooks.claim_deliveries(10, tasks.DELIVERY_LEASE)
    webhooks.delete_endpoint(test_merchant, delivery.endpoint.public_id)
    webhooks.record_attempt(claimed.pk, webhooks.Attempt(status_code=500, error="x"))
    clock.move(days=1)
    assert deliver() == 0


def test_there_are_at_most_twenty_endpoints(test_merchant: Merchant) -> None:
    for number in range(20):
        endpoint = given_an_endpoint(test_merchant, f"https://ada.example/{number}")
    wanted = read(WebhookEndpointInput, {"url": "https://ada.example/one-more"})
    with pytest.raises(InvalidState, match="20 endpoints"):
        webhooks.create_endpoint(test_merchant, wanted)
    webhooks.delete_endpoint(test_merchant, endpoint.public_id)
    webhooks.create_endpoint(test_merchant, wanted)


def test_another_merchants_endpoints_are_not_found(
    test_merchant: Merchant, live: Merchant, ben_merchant: Merchant
) -> None:
    endpoint = given_an_endpoint(test_merchant, "https://ada.example/hook")
    verbs: list[Callable[[Merchant, str], object]] = [
        lambda m, i: webhooks.update_endpoint(m, i, read(WebhookEndpointChanges, {})),
        webhooks.rotate_secret,
        webhooks.delete_endpoint,
    ]
    for stranger in (live, ben_merchant):
        for verb in verbs:
            with pytest.raises(NotFound):
                verb(stranger, endpoint.public_id)
    assert again(endpoint).secret == endpoint.secret


# Workers


def test_two_workers_never_hold_the_same_delivery(
    test_merchant: Merchant, receiver: Receiver, clock: Any
) -> None:
    given_an_endpoint(test_merchant, receiver.url())
    for _ in range(3):
        given_a_customer(test_merchant)
    tasks.fan_out_events()
    first = webhooks.claim_deliveries(2, tasks.DELIVERY_LEASE)
    second = webhooks.claim_deliveries(2, tasks.DELIVERY_LEASE)
    assert (len(first), len(second)) == (2, 1)
    assert not {row.pk for row in first} & {row.pk for row in second}
    assert webhooks.claim_deliveries(2, tasks.DELIVERY_LEASE) == []
    clock.at += tasks.DELIVERY_LEASE
    assert len(webhooks.claim_deliveries(10, tasks.DELIVERY_LEASE)) == 3


def test_a_second_worker_finds_nothing_while_the_first_waits_for_an_answer(
    test_merchant: Merchant, receiver: Receiver
) -> None:
    given_a_delivery(test_merchant, receiver)
    claimed = webhooks.claim_deliveries(10, tasks.DELIVERY_LEASE)
    assert len(claimed) == 1
    assert deliver() == 0
    assert receiver.heard == []


def test_a_killed_workers_deliveries_are_taken_up_when_the_lease_ends(
    test_merchant: Merchant, receiver: Receiver, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die() -> None:
        raise Killed

    delivery = given_a_delivery(test_merchant, receiver)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setitem(failpoints.hooks, "deliver_webhooks:answered", die)
        deliver()
    assert deliver() == 0
    clock.at += tasks.DELIVERY_LEASE
    assert deliver() == 1
    assert again(delivery).status == "succeeded"
    # At least once; the id says that both are one.
    assert [heard.id for heard in receiver.heard] == [delivery.event.public_id] * 2


def test_a_slow_endpoints_deliveries_go_back_before_the_lease_runs_out(
    test_merchant: Merchant, receiver: Receiver, clock: Any
) -> None:
    """Ten answers of 14 seconds each would outlast the lease, and a second worker would begin."""
    given_an_endpoint(test_merchant, receiver.url())
    for _ in range(10):
        given_a_customer(test_merchant)
    tasks.fan_out_events()
    began = clock.at
    receiver.during = lambda heard: clock.move(seconds=14)
    assert tasks.deliver_webhooks() == 10
    assert len(receiver.heard) == 3
    assert clock.at - began < tasks.DELIVERY_LEASE
    receiver.during = lambda heard: None
    assert deliver() == 0
    clock.at += webhooks.HELD_BACK
    assert deliver() == 7
    assert len({heard.id for heard in receiver.heard}) == len(receiver.heard) == 10


def test_an_endpoint_without_an_answer_holds_up_no_other_and_is_asked_once(
    test_merchant: Merchant, ben_merchant: Merchant, receiver: Receiver
) -> None:
    silent = Receiver().start()
    given_an_endpoint(test_merchant, silent.url())
    silent.stop()
    given_an_endpoint(ben_merchant, receiver.url())
    for merchant in (test_merchant, ben_merchant) * 3:
        given_a_customer(merchant)
    deliver()
    assert len(receiver.heard) == 3
    mine = Delivery.objects.filter(event__merchant=test_merchant)
    assert sorted(mine.values_list("attempts_made", flat=True)) == [0, 0, 1]


def test_a_delivery_that_cannot_be_made_holds_up_no_other(
    test_merchant: Merchant, ben_merchant: Merchant, receiver: Receiver
) -> None:
    poison = given_a_delivery(test_merchant, receiver, "/poison")
    WebhookEndpoint.objects.filter(pk=poison.endpoint_id).update(secret="no secret at all")
    good = given_a_delivery(ben_merchant, receiver)
    deliver()
    assert again(good).status == "succeeded"
    assert (again(poison).status, again(poison).attempts_made) == ("pending", 1)
    assert again(poison).last_error.startswith("The delivery could not be made: ")
    assert "no secret at all" not in again(poison).last_error


def test_a_failure_heard_late_does_not_undo_a_delivery(
    test_merchant: Merchant, receiver: Receiver
) -> None:
    delivery = given_a_delivery(test_merchant, receiver)
    deliver()
    webhooks.record_attempt(delivery.pk, webhooks.Attempt(status_code=500, error="late"))
    done = again(delivery)
    assert (done.status, done.next_attempt_at) == ("succeeded", None)


def test_a_draft_that_is_gone_is_still_told_of(test_merchant: Merchant, receiver: Receiver) -> None:
    from invoicing.actions.invoices import delete_invoice

    given_an_endpoint(test_merchant, receiver.url())
    draft = given_a_draft(test_merchant)
    delete_invoice(test_merchant, draft.public_id)
    deliver()
    assert [heard.event["type"] for heard in receiver.heard] == [
        "invoice.created",
        "invoice.deleted",
    ]
    assert receiver.heard[1].event["data"]["id"] == draft.public_id
