"""Handing mail over to a real SMTP server that refuses, hangs up and asks for TLS."""

import asyncio
import ssl
from typing import Any

import pytest
import trustme
from pydantic import SecretStr, ValidationError

from monitor.clock import SystemClock
from monitor.errors import DeliveryError, Sent
from monitor.notifiers.email import EmailSettings, Mailer
from monitor.simulator.mail import Mailbox, mail_server
from tests.loopback import talking
from tests.notifiers.test_slack_render import KEY, envelope, message

PASSWORD = "canary-password"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def served(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def make_mailer(port: int, *, scheme: str = "smtp+plain", **changes: Any) -> Mailer:
    tls, deadline = changes.pop("tls", None), changes.pop("deadline", 60.0)
    user = "user@" if "smtp_password" in changes else ""
    values: dict[str, Any] = {
        "kind": "email",
        "smtp_url": f"{scheme}://{user}localhost:{port}",
        "from": "offhook@example.com",
        "to": ("a@example.com", "b@example.com"),
    }
    return Mailer(
        "mail", EmailSettings(**values | changes), SystemClock(), tls=tls, deadline=deadline
    )


async def failure(mailer: Mailer) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await mailer.send(envelope(message()))
    assert "canary" not in f"{caught.value} {caught.value!r} {mailer!r} {vars(mailer)}"
    return caught.value


async def test_a_mail_is_taken_for_every_recipient() -> None:
    box = Mailbox()
    async with mail_server(box) as port:
        receipt = await make_mailer(port).send(envelope(message()))

    (taken,) = box.mails
    assert taken.recipients == ("a@example.com", "b@example.com")
    assert taken.message["X-Offhook-Key"] == message().key
    assert receipt.remark is None


async def test_starttls_and_a_login(served: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    box = Mailbox()
    async with mail_server(box, tls=served, login=("user", PASSWORD)) as port:
        mailer = make_mailer(port, scheme="smtp", smtp_password=PASSWORD, tls=trusting)
        await mailer.send(envelope(message()))
        assert "takes the login" in await mailer.check()

    assert len(box.mails) == 1


async def test_tls_from_the_start(served: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    box = Mailbox()
    async with mail_server(box, tls=served, implicit_tls=True) as port:
        await make_mailer(port, scheme="smtps", tls=trusting).send(envelope(message()))

    assert len(box.mails) == 1


# The server of the tests knows only STARTTLS as TLS, and so warns of a login without it.
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_tls_from_the_start_and_a_login(
    served: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    box = Mailbox()
    async with mail_server(box, tls=served, implicit_tls=True, login=("user", PASSWORD)) as port:
        mailer = make_mailer(port, scheme="smtps", smtp_password=PASSWORD, tls=trusting)
        await mailer.send(envelope(message()))
        wrong = make_mailer(port, scheme="smtps", smtp_password="canary", tls=trusting)
        assert (await failure(wrong)).word == "535"

    assert len(box.mails) == 1


async def test_a_server_that_cannot_do_tls_today_gets_no_mail_in_the_clear() -> None:
    heard: list[bytes] = []

    async def unwell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        while line := await reader.readline():
            heard.append(line[:4])
            offers = b"250-localhost\r\n250 STARTTLS\r\n"
            writer.write(offers if line[:4] == b"EHLO" else b"454 not now\r\n")

    async with talking(unwell) as port:
        error = await failure(make_mailer(port, scheme="smtp"))

    assert (error.certainty, error.word) == (Sent.RETRY, "454")
    assert not {b"MAIL", b"AUTH", b"DATA"} & set(heard)


async def test_mail_is_never_sent_in_the_clear_where_tls_is_asked_for() -> None:
    box = Mailbox()
    async with mail_server(box) as port:
        error = await failure(make_mailer(port, scheme="smtp"))

    assert (error.certainty, error.word, box.mails) == (Sent.NOT_SENT, "tls", [])


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(
    served: ssl.SSLContext,
) -> None:
    box = Mailbox()
    async with mail_server(box, tls=served) as port:
        error = await failure(make_mailer(port, scheme="smtp"))

    assert (error.certainty, error.word, box.mails) == (Sent.NOT_SENT, "tls", [])
    assert "not trusted" in error.text


async def test_a_login_that_is_not_accepted(
    served: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    async with mail_server(Mailbox(), tls=served, login=("user", "another")) as port:
        error = await failure(
            make_mailer(port, scheme="smtp", smtp_password=PASSWORD, tls=trusting)
        )

    assert (error.certainty, error.word) == (Sent.REFUSED, "535")


@pytest.mark.parametrize(
    ("stage", "reply", "certainty", "simpler"),
    [
        pytest.param("rcpt", "450 greylisted", Sent.RETRY, False, id="greylisted"),
        pytest.param("rcpt", "451 later", Sent.RETRY, False, id="all put off"),
        pytest.param("rcpt", "530 login first", Sent.REFUSED, False, id="a login is asked for"),
        pytest.param("data", "421 going away", Sent.RETRY, False, id="421 at the dot"),
        pytest.param("rcpt", "550 unknown", Sent.REFUSED, False, id="all refused"),
        pytest.param("data", "451 later", Sent.RETRY, False, id="451 at the dot"),
        pytest.param("data", "550 spam", Sent.REFUSED, False, id="550 at the dot"),
        pytest.param("data", "554 content", Sent.REFUSED, True, id="554 at the dot"),
        pytest.param("data", "552 too big", Sent.REFUSED, True, id="552 at the dot"),
    ],
)
async def test_what_the_server_answers(
    *, stage: str, reply: str, certainty: Sent, simpler: bool
) -> None:
    box = Mailbox(refuse=lambda at, _: reply if at == stage else None)
    async with mail_server(box) as port:
        error = await failure(make_mailer(port))

    assert (error.certainty, error.word, error.simpler) == (certainty, reply[:3], simpler)


async def test_one_refused_recipient_does_not_keep_it_from_the_other() -> None:
    box = Mailbox(refuse=lambda _, who: "550 gone" if who == ("a@example.com",) else None)
    async with mail_server(box) as port:
        receipt = await make_mailer(port).send(envelope(message()))

    assert [taken.recipients for taken in box.mails] == [("b@example.com",)]
    assert receipt.remark == "1 of 2 recipients refused (550)"


async def test_a_recipient_who_was_put_off_gets_it_later_and_the_other_not_again() -> None:
    box = Mailbox(refuse=lambda _, who: "451 wait" if who == ("a@example.com",) else None)
    async with mail_server(box) as port:
        error = await failure(make_mailer(port))
        again = envelope(message(), had=frozenset(error.had))
        with pytest.raises(DeliveryError) as caught:
            await make_mailer(port).send(again)
        assert caught.value.certainty is Sent.RETRY, "nobody new has it"
        box.refuse = None
        await make_mailer(port).send(again)

    assert (error.certainty, error.sure) == (Sent.AMBIGUOUS, True)
    assert "@" not in " ".join(error.had), "the log names nobody"
    assert [taken.recipients for taken in box.mails] == [("b@example.com",), ("a@example.com",)]
    assert box.mails[0].message["Message-ID"] == box.mails[1].message["Message-ID"]
    assert f"<{KEY}@example.com>" == box.mails[0].message["Message-ID"]


async def test_who_has_it_is_remembered_from_one_try_to_the_next() -> None:
    box = Mailbox(refuse=lambda _, who: "451 wait" if who != ("b@example.com",) else None)
    async with mail_server(box) as port:
        three = make_mailer(port, to=("a@example.com", "b@example.com", "c@example.com"))
        first = await failure(three)
        box.refuse = lambda _, who: "451 wait" if who == ("a@example.com",) else None
        with pytest.raises(DeliveryError) as second:
            await three.send(envelope(message(), had=frozenset(first.had), possible_repeat=True))
        box.refuse = None
        await three.send(envelope(message(), had=frozenset(second.value.had)))

    assert [taken.recipients[0][0] for taken in box.mails] == ["b", "c", "a"]
    assert not second.value.sure, "there was doubt before it"


async def test_a_connection_lost_after_the_dot_leaves_doubt() -> None:
    box = Mailbox(lose_answer=True)
    async with mail_server(box) as port:
        error = await failure(make_mailer(port))

    assert (error.certainty, len(box.mails)) == (Sent.AMBIGUOUS, 1)


async def speak(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, lost_at: bytes
) -> None:
    """A server that takes everything, until it hears the word at which it hangs up."""
    writer.write(b"220 ready\r\n")
    while line := await reader.readline():
        if line.upper().startswith(lost_at):
            return
        if line.upper().startswith(b"DATA"):
            writer.write(b"354 go on\r\n")
            await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 fine\r\n")
        await writer.drain()


@pytest.mark.parametrize(
    ("lost_at", "certainty"),
    [
        pytest.param(b"MAIL", Sent.NOT_SENT, id="before the sender"),
        pytest.param(b"RCPT", Sent.NOT_SENT, id="before the recipients"),
        pytest.param(b"DATA", Sent.AMBIGUOUS, id="once the content may be on its way"),
    ],
)
async def test_a_connection_lost_on_the_way(lost_at: bytes, certainty: Sent) -> None:
    async with talking(lambda r, w: speak(r, w, lost_at=lost_at)) as port:
        assert (await failure(make_mailer(port))).certainty is certainty


async def test_a_failing_goodbye_takes_nothing_back() -> None:
    async with talking(lambda r, w: speak(r, w, lost_at=b"QUIT")) as port:
        assert (await make_mailer(port).send(envelope(message()))).remark is None


@pytest.mark.parametrize(
    ("stuck_at", "certainty"),
    [
        pytest.param(b"MAIL", Sent.NOT_SENT, id="before the mail"),
        pytest.param(b"DATA", Sent.AMBIGUOUS, id="after the dot"),
        pytest.param(b"QUIT", None, id="in the goodbye"),
    ],
)
async def test_a_server_that_answers_a_byte_now_and_then_has_one_deadline(
    stuck_at: bytes, certainty: Sent | None
) -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        while line := await reader.readline():
            word = line[:4].upper()
            if word == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
            if word == stuck_at:
                writer.write(b"2")
                await reader.read()  # and never the rest
                return
            writer.write(b"250 fine\r\n")

    async with talking(trickle) as port:
        mailer = make_mailer(port, deadline=0.3)
        if certainty is None:
            assert (await mailer.send(envelope(message()))).remark is None, "it was taken before"
        else:
            assert (await failure(mailer)).certainty is certainty


async def test_nobody_there() -> None:
    error = await failure(make_mailer(9))

    assert (error.certainty, error.word) == (Sent.NOT_SENT, "unreachable")


async def test_a_server_that_says_nothing_is_left_in_time() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with talking(silent) as port:
        error = await failure(make_mailer(port, deadline=0.2))

    assert (error.certainty, error.word) == (Sent.NOT_SENT, "timeout")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({"smtp_url": "http://x"}, "starts with smtps://", id="scheme"),
        pytest.param({"smtp_url": "smtp+plain://mail.example.com"}, "this machine", id="clear"),
        pytest.param({"smtp_url": "smtp://u:canary@x"}, "smtp_password", id="password"),
        pytest.param({"smtp_url": "smtp://x:99999"}, "port", id="port"),
        pytest.param({"smtp_url": "smtp://x/inbox"}, "behind the host", id="path"),
        pytest.param({"smtp_url": "smtp://u@x"}, "a login takes both", id="no password"),
        pytest.param({"smtp_password": "canary"}, "a login takes both", id="no user"),
        pytest.param({"to": ()}, "at least 1", id="nobody"),
        pytest.param({"to": ("a@x, b@y",)}, "not an address", id="two in one"),
        pytest.param({"from": "a@x\r\nBcc: b@y"}, "not an address", id="a header"),
        pytest.param({"too": ("a@x",)}, "Extra inputs", id="misspelt"),
    ],
)
def test_settings_that_cannot_be_meant(changes: dict[str, Any], complaint: str) -> None:
    values: dict[str, Any] = {
        "kind": "email",
        "smtp_url": "smtps://mail.example.com",
        "from": "offhook@example.com",
        "to": ("a@example.com",),
    }
    with pytest.raises(ValidationError, match=complaint) as caught:
        EmailSettings(**values | changes)
    assert "canary" not in str(caught.value)


def test_the_settings_do_not_show_the_password() -> None:
    values: dict[str, Any] = {
        "kind": "email",
        "smtp_url": "smtps://user@mail.example.com",
        "smtp_password": PASSWORD,
        "from": "offhook@example.com",
        "to": ("a@example.com",),
    }
    settings = EmailSettings(**values)

    assert settings.smtp_password == SecretStr(PASSWORD)
    assert PASSWORD not in f"{settings} {settings!r}"
