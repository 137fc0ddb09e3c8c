"""Headers as they cross the wire: plain where machines read, folded only where that is legal."""

import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import getaddresses
from typing import Any

import pytest

from invoicing import tasks
from invoicing.actions import invoices
from invoicing.models import Merchant, Message
from tests.factories import again, given_a_draft
from tests.fakes.smtp import MailServer

LINK = "https://bills.example.com/reminders/stop/inv_0123456789abcdefghijklmn:" + "aB-_9" * 20
ENCODED_WORD = re.compile(rb"=\?[^?]+\?[bqBQ]\?[^?]*\?=")


def given_a_mail(merchant: Merchant, **fields: Any) -> Message:
    draft = given_a_draft(merchant)
    message = invoices.send_invoice(merchant, draft.public_id).messages.get()
    Message.objects.filter(pk=message.pk).update(**fields)
    return again(message)


@pytest.fixture(params=["smtp", "mailbox"])
def received(request: Any, mail_server: MailServer, settings: Any) -> Any:
    """The header lines of a mail that a server took, or that the mailbox page keeps."""
    if request.param == "mailbox":
        settings.MAIL_TRANSPORT = {"kind": "mailbox"}

    def lines(message: Message) -> list[bytes]:
        assert tasks.send_mails() == 1
        sent = again(message)
        assert sent.status == "sent", sent.reason
        content = mail_server.envelopes[0].content if request.param == "smtp" else bytes(sent.raw)
        assert isinstance(content, bytes)
        head = content.partition(b"\r\n\r\n")[0]
        assert head.isascii() and b"\n" not in head.replace(b"\r\n", b"")
        return head.split(b"\r\n")

    return lines


def unfolded(lines: list[bytes], name: str) -> bytes:
    """A header's value as RFC 5322 §2.2.3 unfolds it; there must be one."""
    whole = re.sub(rb"\r\n(?=[ \t])", b"", b"\r\n".join(lines)).split(b"\r\n")
    (value,) = [line for line in whole if line.lower().startswith(f"{name}: ".lower().encode())]
    return value[len(name) + 2 :]


def test_the_way_to_unsubscribe_is_an_address_that_machines_read(
    received: Any, test_merchant: Merchant
) -> None:
    lines = received(given_a_mail(test_merchant, unsubscribe_url=LINK))
    assert f"List-Unsubscribe: <{LINK}>".encode() in lines
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines
    # As a parser of before RFC 2047 reads it, and as today's does.
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    assert BytesHeaderParser(policy=compat32).parsebytes(head)["List-Unsubscribe"] == f"<{LINK}>"
    assert len(LINK) > 150


def test_a_mail_is_known_by_its_id_however_long_the_host_is(
    received: Any, test_merchant: Merchant, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://" + "bills." * 30 + "example.com"
    message = given_a_mail(test_merchant)
    lines = received(message)
    expected = f"Message-ID: <{message.public_id}@{'bills.' * 30}example.com>"
    assert expected.encode() in lines


@pytest.mark.parametrize(
    "name",
    [
        "Ada's Engines",
        "Engines, Analytical",
        'The "Engine" (Works)',
        "a\\b",
        "N" * 200,
        ("Engines, Looms & Co. " * 9).strip(),
        # Were the quotes lost, this would be a mail of somebody else's.
        ("Ada <ada@evil.example>, " * 8).strip(),
        "Bücher Müller",
        ("Bücher, Müller & Söhne Gesellschaft mit beschränkter Haftung " * 3).strip(),
        "東京" * 100,
        "=?utf-8?q?Ada?=",
        "e\N{COMBINING ACUTE ACCENT}" * 80,
    ],
)
def test_a_name_arrives_as_it_is_and_with_one_address(
    name: str, received: Any, test_merchant: Merchant
) -> None:
    lines = received(given_a_mail(test_merchant, from_name=name))
    ((shown, address),) = getaddresses([unfolded(lines, "From").decode()])
    assert (str(make_header(decode_header(shown))), address) == (name, "billhook@example.com")
    parsed = message_from_bytes(b"\r\n".join(lines), policy=compat32)
    assert parsed["From"].count("<billhook@example.com>") == 1
    assert_short(lines, "From")


@pytest.mark.parametrize(
    "subject",
    [
        "Invoice TEST-0001 from Ada's Engines",
        ("Invoice TEST-0001, for engines, looms; and more " * 5).strip(),
        "T" * 250,
        ("Rechnung TEST-0001 von Straßen & Söhne " * 6).strip(),
        "請求書" * 80,
        "=?utf-8?q?Paid?= in full",
    ],
)
def test_a_subject_arrives_as_it_is(subject: str, received: Any, test_merchant: Merchant) -> None:
    lines = received(given_a_mail(test_merchant, subject=subject))
    assert str(make_header(decode_header(unfolded(lines, "Subject").decode()))) == subject
    assert_short(lines, "Subject")


def assert_short(lines: list[bytes], name: str) -> None:
    """No line and no encoded word is longer than RFC 2047 §2 allows."""
    start = next(n for n, line in enumerate(lines) if line.startswith(f"{name}: ".encode()))
    folded = [lines[start]]
    for line in lines[start + 1 :]:
        if not line.startswith((b" ", b"\t")):
            break
        folded.append(line)
    assert max(map(len, folded)) <= 76
    assert all(len(word) <= 75 for line in folded for word in ENCODED_WORD.findall(line))


def test_long_addresses_are_not_encoded(received: Any, test_merchant: Merchant) -> None:
    host = "b" * 60 + "." + "c" * 60 + ".example.com"
    address = f"{'a' * 64}@{host}"
    lines = received(given_a_mail(test_merchant, to=address, reply_to=address))
    for name in ("To", "Reply-To"):
        assert unfolded(lines, name) == address.encode()
