"""The mail server keeps what it takes, and refuses when it is told to."""

from email.message import EmailMessage

import aiosmtplib
import pytest

from monitor.simulator.mail import Mailbox, mail_server


def letter() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "Grüße"
    message.set_content("text")
    message.add_alternative("<p>html</p>", subtype="html")
    return message


async def test_a_message_is_taken_whole() -> None:
    mailbox = Mailbox()
    heard: list[str] = []
    mailbox.listeners.append(lambda mail: heard.append(mail.message["Subject"]))
    async with mail_server(mailbox) as port:
        await aiosmtplib.send(letter(), hostname="127.0.0.1", port=port, start_tls=False)

    (mail,) = mailbox.mails
    assert (mail.sender, mail.recipients) == ("a@example.com", ("b@example.com",))
    assert heard == ["Grüße"]
    assert [part.get_content_type() for part in mail.message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


async def test_a_refusal_is_answered_and_nothing_kept() -> None:
    mailbox = Mailbox(refuse=lambda stage, _: "451 later" if stage == "data" else None)
    async with mail_server(mailbox) as port:
        with pytest.raises(aiosmtplib.SMTPDataError, match="later"):
            await aiosmtplib.send(letter(), hostname="127.0.0.1", port=port, start_tls=False)

    assert mailbox.mails == []


async def test_an_answer_can_be_lost_after_the_message_was_taken() -> None:
    mailbox = Mailbox(lose_answer=True)
    async with mail_server(mailbox) as port:
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            await aiosmtplib.send(letter(), hostname="127.0.0.1", port=port, start_tls=False)

    assert len(mailbox.mails) == 1
