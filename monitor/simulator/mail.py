"""A real SMTP server on loopback that keeps what it is given.

It needs aiosmtpd, which only the demo and the tests install.
"""

import asyncio
import contextlib
import email.policy
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from typing import Any

from monitor.clock import Clock, SystemClock
from monitor.errors import OffhookError


class MailServerError(OffhookError):
    """The mail server cannot be started; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One message that was taken, with its envelope; ``at`` is in seconds since 1970."""

    at: float
    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage


# Gets a stage ("rcpt" or "data") and the recipients so far; a reply such as "451 later"
# refuses, None goes on.
Refusal = Callable[[str, tuple[str, ...]], str | None]


@dataclass
class Mailbox:
    """What the server took, in order; ``listeners`` hear of each message."""

    clock: Clock = field(default_factory=SystemClock)
    mails: list[Mail] = field(default_factory=list)
    listeners: list[Callable[[Mail], None]] = field(default_factory=list)
    refuse: Refusal | None = None
    lose_answer: bool = False  # take a message, then break off before saying so
    port: int = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it by this name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """A recipient is named."""
        del server, session
        reply = self.refuse("rcpt", (address,)) if self.refuse else None
        if reply:
            return reply
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it by this name
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        """The message itself has arrived."""
        del session
        recipients = tuple(envelope.rcpt_tos)
        reply = self.refuse("data", recipients) if self.refuse else None
        if reply:
            return reply
        message = message_from_bytes(envelope.content, policy=email.policy.default)
        mail = Mail(self.clock.now().timestamp(), envelope.mail_from, recipients, message)
        self.mails.append(mail)
        for listener in self.listeners:
            listener(mail)
        if self.lose_answer:
            server.transport.abort()
        return "250 Message accepted"


@contextlib.asynccontextmanager
async def mail_server(
    mailbox: Mailbox,
    *,
    tls: ssl.SSLContext | None = None,
    implicit_tls: bool = False,
    login: tuple[str, str] | None = None,
) -> AsyncIterator[int]:
    """Serve a mailbox in the running event loop; the port on 127.0.0.1.

    ``tls`` demands STARTTLS, or speaks TLS at once with ``implicit_tls``; ``login`` demands
    this user and password.
    """
    try:
        from aiosmtpd.smtp import SMTP, AuthResult  # noqa: PLC0415 - an extra of the demo
    except ImportError as error:
        msg = "the demo's mail server needs aiosmtpd; install it with: pip install 'offhook[demo]'"
        raise MailServerError(msg) from error

    def admit(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        del server, session, envelope, mechanism
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == login, handled=False)

    options: dict[str, Any] = {"hostname": "localhost", "enable_SMTPUTF8": True}
    if tls is not None and not implicit_tls:
        options |= {"tls_context": tls, "require_starttls": True}
    if login is not None:
        options |= {"auth_required": True, "authenticator": admit}
        options |= {"auth_require_tls": tls is not None and not implicit_tls}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(mailbox, loop=loop, **options),
        "127.0.0.1",
        0,
        ssl=tls if implicit_tls else None,
    )
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox.port
    finally:
        server.close()
        await server.wait_closed()
