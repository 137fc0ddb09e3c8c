"""A real mail server on loopback that does as it is told: takes, defers, refuses, hangs, dies."""

import asyncio
import socket
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

ACCEPT, BUSY, REFUSE, HANG, DIE_AFTER_DATA = "accept", "busy", "refuse", "hang", "die"


class MailServer:
    """Mails it took are in `mails`. `behaves` says what it does with the next ones, in turn; the
    last thing in it goes on for ever."""

    def __init__(self) -> None:
        self.behaves = [ACCEPT]
        self.envelopes: list[Envelope] = []
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=_free_port(),
            enable_SMTPUTF8=False,
            decode_data=False,
        )

    @property
    def port(self) -> int:
        return int(self._controller.port)

    @property
    def transport(self) -> dict[str, Any]:
        """What MAIL_TRANSPORT must be to send mail here."""
        return {
            "kind": "smtp",
            "host": "127.0.0.1",
            "port": self.port,
            "user": "",
            "password": "",
            "tls": "none",
            "timeout": 5,
        }

    @property
    def mails(self) -> list[EmailMessage]:
        return [_parsed(envelope) for envelope in self.envelopes]

    def start(self) -> "MailServer":
        self._controller.start()
        return self

    def stop(self) -> None:
        """Hang up; a second time nothing is left to do."""
        if not self._controller.loop.is_closed():
            self._controller.stop(no_assert=True)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        now = self.behaves[0]
        if now in (BUSY, REFUSE):
            self._next()
            return {
                BUSY: "421 4.3.2 Come back later",
                REFUSE: "550 5.1.1 There is no such mailbox",
            }[now]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        now = self._next()
        if now == HANG:
            # As long as the client has patience: its hanging up cancels this.
            await asyncio.sleep(60)
        self.envelopes.append(envelope)
        if now == DIE_AFTER_DATA:
            assert server.transport is not None
            server.transport.abort()
        return "250 Taken"

    def _next(self) -> str:
        return self.behaves.pop(0) if len(self.behaves) > 1 else self.behaves[0]


def _parsed(envelope: Envelope) -> EmailMessage:
    assert isinstance(envelope.content, bytes)
    return message_from_bytes(envelope.content, policy=policy.default)  # type: ignore[return-value]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
