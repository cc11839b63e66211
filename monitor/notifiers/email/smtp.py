"""Handing mail over: TLS or nothing, one transaction, and an honest word about how it ended.

Once the final dot is on its way only an answer tells whether the mail was taken; without
one it may have been. Every failure before the dot certainly sent nothing.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from hashlib import blake2b

import aiosmtplib
from pydantic import SecretStr

from monitor.clock import Clock
from monitor.core.route import Receiver
from monitor.errors import DeliveryError, Sent
from monitor.notifiers import Envelope, Receipt
from monitor.notifiers.email.mail import mail
from monitor.notifiers.email.settings import EmailSettings, Server, parse_server
from monitor.notifiers.unreadable import Unreadable

DEADLINE_S = 60.0


class Mailer(Unreadable):
    """One server and its recipients."""

    def __init__(
        self,
        name: str,
        settings: EmailSettings,
        clock: Clock,
        *,
        tls: ssl.SSLContext | None = None,
        deadline: float = DEADLINE_S,
    ) -> None:
        self.receiver = Receiver(
            name=name, kind="email", settled_only=True, send_resolved=settings.send_resolved
        )
        self._server = parse_server(settings.smtp_url)
        self._password = settings.smtp_password
        self._sender = settings.sender
        self._to = settings.to
        self._clock = clock
        self._deadline = deadline
        self._tls = tls or ssl.create_default_context()

    async def send(self, envelope: Envelope) -> Receipt:
        """Hand it over for every recipient that the server takes, and that has it not yet."""
        attempt = _Attempt(
            recipients=tuple(to for to in self._to if _mark(to) not in envelope.had),
            everybody=len(self._to),
        )
        if not attempt.recipients:
            return Receipt()
        message = mail(
            envelope,
            name=self.receiver.name,
            sender=self._sender,
            to=self._to,
            now=self._clock.now(),
        )
        async with self._within_deadline(attempt), self._connected() as client:
            await attempt.transact(client, self._sender, message.as_bytes())
        if attempt.put_off:
            raise attempt.partly(envelope)
        return Receipt(remark=attempt.remark())

    async def check(self) -> str:
        """Connect and log in, and send nothing."""
        async with self._within_deadline(_Attempt(recipients=(), everybody=0)), self._connected():
            pass
        login = "and takes the login" if self._server.user else "without a login"
        return f"{self._server.host}:{self._server.port} answers {login}"

    async def close(self) -> None:
        """Nothing is kept open."""

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiosmtplib.SMTP]:
        client = _client(self._server, self._tls, self._sender)
        try:
            await client.connect()
            if self._server.user and self._password:
                await _log_in(client, self._server.user, self._password)
            yield client
            # What was taken is taken, however the goodbye goes.
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=5)
        finally:
            client.close()

    @asynccontextmanager
    async def _within_deadline(self, attempt: "_Attempt") -> AsyncIterator[None]:
        """Errors of the transport, and silence, as what they mean for the mail."""
        try:
            async with asyncio.timeout(self._deadline):
                yield
        except (TimeoutError, aiosmtplib.SMTPException, OSError) as error:
            if attempt.over:
                return
            raise _meaning(error, self._server, dotted=attempt.dotted) from None


class _Attempt:
    """One transaction: who is to have it, who was refused, and how far it went."""

    def __init__(self, *, recipients: Sequence[str], everybody: int) -> None:
        self.recipients = recipients
        self.everybody = everybody
        self.taken: list[str] = []
        self.put_off: list[int] = []  # the codes
        self.refused: list[int] = []
        self.dotted = False
        self.over = False

    async def transact(self, client: aiosmtplib.SMTP, sender: str, content: bytes) -> None:
        """Sender, recipients, content; those who are refused do not hold up the others."""
        await client.mail(sender, options=_size(client, content))
        for recipient in self.recipients:
            try:
                await client.rcpt(recipient)
            except aiosmtplib.SMTPRecipientRefused as error:
                (self.put_off if error.code < 500 else self.refused).append(error.code)
            else:
                self.taken.append(recipient)
        if self.recipients and not self.taken:
            raise self._nobody()
        self.dotted = True
        await client.data(content)
        self.over = True

    def _nobody(self) -> DeliveryError:
        if self.put_off:
            code = self.put_off[0]
            return DeliveryError(Sent.RETRY, str(code), f"every recipient was put off ({code})")
        code = self.refused[0]
        return DeliveryError(Sent.REFUSED, str(code), f"every recipient was refused ({code})")

    def partly(self, envelope: Envelope) -> DeliveryError:
        """Some have it: they are not to have it again, and nothing else is to be put into it.

        Those who put it off certainly have it not, unless that was in doubt before.
        """
        n = len(self.put_off)
        text = f"{n} of {self.everybody} recipients were put off ({self.put_off[0]})"
        return DeliveryError(
            Sent.AMBIGUOUS,
            str(self.put_off[0]),
            text,
            had=tuple(sorted(envelope.had.union(map(_mark, self.taken)))),
            sure=not envelope.possible_repeat,
        )

    def remark(self) -> str | None:
        """Who will never have it."""
        if not self.refused:
            return None
        return f"{len(self.refused)} of {self.everybody} recipients refused ({self.refused[0]})"


def _mark(recipient: str) -> str:
    """Stands for a recipient in the log of deliveries, which names nobody."""
    return blake2b(recipient.encode(), digest_size=6).hexdigest()


def _client(server: Server, tls: ssl.SSLContext, sender: str) -> aiosmtplib.SMTP:
    encrypted = server.scheme != "smtp+plain"
    return aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.scheme == "smtps",
        # Required where it is asked for: without it the library raises and sends nothing.
        start_tls=server.scheme == "smtp",
        tls_context=tls if encrypted else None,
        timeout=DEADLINE_S,
        local_hostname=sender.rpartition("@")[2],
    )


async def _log_in(client: aiosmtplib.SMTP, user: str, password: SecretStr) -> None:
    await client.login(user, password.get_secret_value())


def _size(client: aiosmtplib.SMTP, content: bytes) -> list[str]:
    return [f"size={len(content)}"] if client.supports_extension("size") else []


def _meaning(error: Exception, server: Server, *, dotted: bool) -> DeliveryError:
    """Answers of the server are quoted by their number only: its text may name people."""
    place = f"{server.host}:{server.port}"
    if isinstance(error, aiosmtplib.SMTPResponseException) and 400 <= error.code < 600:
        login = isinstance(error, aiosmtplib.SMTPAuthenticationError)
        says = f"does not accept the login ({error.code})" if login else f"answered {error.code}"
        return DeliveryError(
            Sent.RETRY if error.code < 500 else Sent.REFUSED,
            str(error.code),
            f"{place} {says}",
            simpler=dotted and error.code in {552, 554},
        )
    if dotted:
        text = f"{place} broke off before it confirmed the mail"
        return DeliveryError(Sent.AMBIGUOUS, "no_answer", text)
    word, text = _unreached(error)
    return DeliveryError(Sent.NOT_SENT, word, f"{place} {text}")


def _unreached(error: BaseException) -> tuple[str, str]:
    """Why no mail could even be begun; the cause lies at the bottom of a chain of errors."""
    cause: BaseException | None = error
    while cause is not None:
        match cause:
            case ssl.SSLCertVerificationError():
                return "tls", f"shows a certificate that is not trusted: {cause.verify_message}"
            case ssl.SSLError():
                return "tls", "speaks no TLS"
            case aiosmtplib.SMTPNotSupported():
                return "tls", "does not offer what is required (STARTTLS or a login)"
            case TimeoutError():
                return "timeout", "did not answer in time"
            case _:
                cause = cause.__cause__ or cause.__context__
    # The library says it without a class of its own.
    if "STARTTLS" in str(error):
        return "tls", "does not offer STARTTLS, and mail is not sent in the clear"
    return "unreachable", "cannot be reached"
