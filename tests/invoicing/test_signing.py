"""What we sign, the standard's own client verifies; what was tampered with, it refuses."""

import base64
import random
import time
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from invoicing import ids
from invoicing.signing import RETRY_DELAYS_SECONDS, headers, new_secret, next_delay, sign

BODY = '{"id": "evt_1", "type": "invoice.paid", "name": "Zoë"}'.encode()


class Least:
    def random(self) -> float:
        return 0.0


class Most:
    def random(self) -> float:
        return 0.9999999999999999


def now() -> int:
    return int(time.time())


def signed(*secrets: str, seconds_ago: int = 0) -> dict[str, str]:
    return headers(secrets, "evt_1", now() - seconds_ago, BODY)


def verify(secret: str, sent: dict[str, str], body: bytes = BODY) -> Any:
    return Webhook(secret).verify(body, sent)


# --- Secrets -------------------------------------------------------------------------------------


def test_a_new_secret_holds_thirty_two_random_bytes() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    for secret in secrets:
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32


def test_a_new_secret_comes_from_the_one_source_of_randomness(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ids, "random_bytes", bytes)
    assert new_secret() == "whsec_" + "A" * 43 + "="


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        ("", "whsec_"),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_"),
        ("whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_"),
        ("whsec_", "24 to 64 bytes"),
        ("whsec_" + base64.b64encode(bytes(23)).decode(), "24 to 64 bytes"),
        ("whsec_" + base64.b64encode(bytes(65)).decode(), "24 to 64 bytes"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "base64"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!", "base64"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa\nSw", "base64"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSä", "base64"),
    ],
)
def test_a_malformed_secret_signs_nothing_and_is_not_repeated(secret: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as failure:
        sign([secret], "evt_1", 1614265330, BODY)
    assert "MfKQ9r8" not in str(failure.value)


@pytest.mark.parametrize("length", [24, 64])
def test_a_secret_of_any_length_the_standard_allows_signs(length: int) -> None:
    secret = "whsec_" + base64.b64encode(bytes(range(length))).decode()
    assert verify(secret, signed(secret))["id"] == "evt_1"


# --- Signatures ----------------------------------------------------------------------------------


def test_the_published_vector_comes_out_byte_for_byte() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    message_id = "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert sign([secret], message_id, 1614265330, body) == signature
    assert headers([secret], message_id, 1614265330, body) == {
        "webhook-id": message_id,
        "webhook-timestamp": "1614265330",
        "webhook-signature": signature,
    }


def test_the_official_client_accepts_what_we_sign() -> None:
    secret = new_secret()
    assert verify(secret, signed(secret)) == {"id": "evt_1", "type": "invoice.paid", "name": "Zoë"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("body", BODY + b" "),
        ("body", BODY.replace(b"paid", b"void")),
        ("webhook-id", "evt_2"),
        ("webhook-signature", "v1," + base64.b64encode(bytes(32)).decode()),
        ("webhook-signature", "v1,"),
    ],
)
def test_the_official_client_refuses_what_was_tampered_with(name: str, value: Any) -> None:
    secret = new_secret()
    sent = signed(secret)
    verify(secret, sent)  # control: before the change it is accepted
    with pytest.raises(WebhookVerificationError):
        if name == "body":
            verify(secret, sent, value)
        else:
            verify(secret, sent | {name: value})


@pytest.mark.parametrize("seconds", [1, -1, 60])
def test_the_official_client_refuses_another_time_than_was_signed(seconds: int) -> None:
    secret = new_secret()
    sent = signed(secret)
    moved = str(int(sent["webhook-timestamp"]) + seconds)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        verify(secret, sent | {"webhook-timestamp": moved})


def test_the_official_client_refuses_another_endpoints_secret() -> None:
    with pytest.raises(WebhookVerificationError):
        verify(new_secret(), signed(new_secret()))


@pytest.mark.parametrize("seconds_ago", [301, -301])
def test_a_replay_outside_five_minutes_is_refused(seconds_ago: int) -> None:
    secret = new_secret()
    # The clock may tick between signing and verifying, which brings the future nearer.
    sent = signed(secret, seconds_ago=seconds_ago if seconds_ago > 0 else seconds_ago - 5)
    with pytest.raises(WebhookVerificationError, match=r"too (old|new)"):
        verify(secret, sent)


@pytest.mark.parametrize("seconds_ago", [0, 290, -290])
def test_control_within_five_minutes_it_is_accepted(seconds_ago: int) -> None:
    secret = new_secret()
    verify(secret, signed(secret, seconds_ago=seconds_ago))


def test_during_a_rotation_either_secret_verifies() -> None:
    new, old = new_secret(), new_secret()
    sent = signed(new, old)
    assert [part[:3] for part in sent["webhook-signature"].split(" ")] == ["v1,", "v1,"]
    verify(new, sent)
    verify(old, sent)
    with pytest.raises(WebhookVerificationError):
        verify(new_secret(), sent)


def test_after_a_rotation_the_old_secret_verifies_no_more() -> None:
    new, old = new_secret(), new_secret()
    with pytest.raises(WebhookVerificationError):
        verify(old, signed(new))


def test_bytes_that_are_no_text_are_signed_as_they_are() -> None:
    secret = new_secret()
    first, second = (sign([secret], "evt_1", 1, body) for body in (b"\xff\x00", b"\xfe\x00"))
    assert first != second


@pytest.mark.parametrize("message_id", ["", "evt.1", "evt_1.1614265330"])
def test_an_id_that_blurs_the_signed_text_is_refused(message_id: str) -> None:
    with pytest.raises(ValueError, match="message id"):
        sign([new_secret()], message_id, 1614265330, BODY)


def test_nothing_is_sent_unsigned() -> None:
    with pytest.raises(ValueError, match="at least one secret"):
        headers([], "evt_1", 1614265330, BODY)


# --- Retries -------------------------------------------------------------------------------------


def test_the_schedule_is_the_standards() -> None:
    assert RETRY_DELAYS_SECONDS == (
        0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400,
    )  # fmt: skip
    # The standard's last attempt is made 75:35:05 after the first.
    assert sum(RETRY_DELAYS_SECONDS) == 75 * 3600 + 35 * 60 + 5


def test_each_attempt_waits_as_the_schedule_says() -> None:
    waits = [next_delay(made, jitter=Least(), retry_after=None) for made in range(12)]
    assert waits == [*RETRY_DELAYS_SECONDS, None, None]


def test_jitter_adds_up_to_a_tenth() -> None:
    most = [next_delay(made, jitter=Most(), retry_after=None) for made in range(10)]
    assert most == [0, 5, 329, 1979, 7919, 19799, 39599, 55439, 79199, 95039]
    chance = random.Random(7)
    waits = {next_delay(2, jitter=chance, retry_after=None) for _ in range(1000)}
    assert waits == set(range(300, 330))


def test_retry_after_lengthens_a_wait_and_never_shortens_it() -> None:
    assert next_delay(1, jitter=Least(), retry_after=120) == 120
    assert next_delay(4, jitter=Least(), retry_after=120) == 7200
    assert next_delay(4, jitter=Least(), retry_after=7201) == 7201
    assert next_delay(1, jitter=Least(), retry_after=0) == 5
    assert next_delay(1, jitter=Least(), retry_after=-60) == 5


def test_retry_after_counts_up_to_a_day() -> None:
    assert next_delay(1, jitter=Least(), retry_after=86_400) == 86_400
    assert next_delay(1, jitter=Least(), retry_after=86_401) == 86_400
    assert next_delay(1, jitter=Least(), retry_after=10**12) == 86_400
    assert next_delay(1, jitter=Most(), retry_after=10**12) == 95_039


def test_retry_after_does_not_revive_an_exhausted_message() -> None:
    assert next_delay(10, jitter=Least(), retry_after=60) is None


def test_the_random_module_itself_may_be_the_jitter() -> None:
    wait = next_delay(9, jitter=random, retry_after=None)
    assert wait is not None
    assert 86_400 <= wait < 95_040


def test_a_negative_count_of_attempts_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="never negative"):
        next_delay(-1, jitter=Least(), retry_after=None)
