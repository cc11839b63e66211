"""Services behind apprise: really sent by the library to a server on loopback."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.core.message import Message
from monitor.core.text import one_line
from monitor.errors import DeliveryError, Sent
from monitor.notifiers.apprise import Apprise, AppriseSettings
from monitor.notifiers.apprise.notifier import BODY, body
from monitor.notifiers.wording import subject
from tests.loopback import Asked, Reply, serving
from tests.notifiers.test_slack_render import HOSTILE, envelope, message


@pytest.fixture
def made() -> Iterator[list[Apprise]]:
    """Notifiers, let go of at the end."""
    found: list[Apprise] = []
    yield found
    for each in found:
        each._thread.shutdown(wait=True)


def load(url: str) -> AppriseSettings:
    return AppriseSettings.model_validate({"kind": "apprise", "url": url})


def make_apprise(made: list[Apprise], url: str, *, deadline: float = 10.0) -> Apprise:
    made.append(
        Apprise("phone", load(f"{url.replace('http:', 'json:')}/canary"), deadline=deadline)
    )
    return made[-1]


async def test_a_message_arrives(made: list[Apprise]) -> None:
    told: list[Asked] = []

    def answer(asked: Asked) -> Reply:
        told.append(asked)
        return Reply(status=200)

    async with serving(answer) as server:
        phone = make_apprise(made, server.url)
        assert (await phone.send(envelope(message()))).remark is None
        assert "notify test" in await phone.check()

    (asked,) = told
    text = asked.body.decode()
    assert asked.path == "/canary"
    assert subject(envelope(message())) in text
    assert "19 of 42 calls failed" in text
    assert message().key in text


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_a_no_is_no_certainty_at_all(made: list[Apprise], status: int) -> None:
    """apprise answers the same for a refusal and for an answer that was lost."""
    async with serving(lambda _: Reply(status=status)) as server:
        error = await failure(make_apprise(made, server.url))

    assert (error.certainty, error.word) == (Sent.AMBIGUOUS, "failed")


async def failure(phone: Apprise) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await phone.send(envelope(message()))
    assert "canary" not in f"{caught.value} {caught.value!r} {phone!r} {vars(phone)}"
    return caught.value


async def test_one_that_hangs_is_left_and_the_next_is_not_begun(
    made: list[Apprise], monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    phone = make_apprise(made, "http://127.0.0.1:9", deadline=0.1)
    monkeypatch.setattr(phone, "_notify", lambda *_: go_on.wait(10))

    first = await failure(phone)
    second = await failure(phone)
    go_on.set()

    assert (first.certainty, first.word) == (Sent.AMBIGUOUS, "timeout")
    assert (second.certainty, second.word) == (Sent.NOT_SENT, "busy")


async def test_a_service_that_breaks_inside_the_library_tells_no_secret(
    made: list[Apprise], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: str) -> bool:
        raise RuntimeError("no route to https://hooks.example.com/canary")

    phone = make_apprise(made, "http://127.0.0.1:9")
    monkeypatch.setattr(phone, "_notify", breaks)
    error = await failure(phone)

    assert (error.certainty, error.word) == (Sent.AMBIGUOUS, "RuntimeError")
    assert error.__cause__ is None


def test_the_text_is_short_and_keeps_the_key() -> None:
    long = message(sentence="x" * 500, lines=tuple((f"l{n}", "y" * 300) for n in range(24)))
    text = body(envelope(long, possible_repeat=True))

    assert text.startswith("Possible repeat")
    assert len(text) <= BODY
    assert text.endswith(f"key {long.key}")


@pytest.mark.parametrize(
    ("most", "parts"), [pytest.param(1024, 1, id="pushover"), pytest.param(160, 4, id="SMS")]
)
async def test_a_service_of_few_characters_gets_no_more_than_it_takes(
    made: list[Apprise], monkeypatch: pytest.MonkeyPatch, most: int, parts: int
) -> None:
    monkeypatch.setattr("apprise.plugins.custom_json.NotifyJSON.body_maxlen", most)
    told: list[str] = []

    def answer(asked: Asked) -> Reply:
        told.append(json.loads(asked.body)["message"])
        return Reply(status=200)

    long = message(lines=tuple((f"l{n}", "y" * 200) for n in range(24)))
    async with serving(answer) as server:
        await make_apprise(made, server.url).send(envelope(long))

    assert all(len(text) <= most for text in told)
    assert 1 <= len(told) <= parts
    assert "19 of 42 calls failed" in told[0]
    assert long.key in "".join(told).replace("\n", "")


@pytest.mark.parametrize("n", [1, 20])
def test_however_little_fits_it_begins_with_the_sentence(n: int) -> None:
    long = [message(key=f"{each:024x}", sentence="x" * 500) for each in range(n)]
    text = body(envelope(*long, total=400, group=9), 400)

    assert "xxx" in text
    assert len(text) <= 400
    assert text.endswith("--group 9 lists all" if n > 1 else f"key {long[0].key}")


def test_what_is_remarked_of_one_of_several_stands_with_it() -> None:
    first = message(key="a1", marks=("detected late",))

    text = body(envelope(first, message(key="b2")))

    assert "(detected late; key a1)" in text
    assert "(key b2)" in text


def test_a_group_over_its_cap_is_summed_up() -> None:
    many = [message(key=f"{n:024x}") for n in range(20)]
    text = body(envelope(*many, total=400, group=9))

    assert text.startswith("400 alerts, 20 of the 20 told here firing")
    assert "380 more alerts belong to this; offhook alerts --group 9 lists all" in text
    assert len(text) <= BODY


async def test_foreign_text_calls_nobody(made: list[Apprise]) -> None:
    """A title is as foreign as a sentence: services without titles put it in front of the text."""
    told: list[bytes] = []

    def answer(asked: Asked) -> Reply:
        told.append(asked.body)
        return Reply(status=200)

    calls = "@here <!channel> @everyone"
    async with serving(answer) as server:
        phone = make_apprise(made, server.url)
        await phone.send(envelope(message(sentence=calls, headline=calls, title=calls)))

    found = json.loads(told[0])
    for text in (found["title"], found["message"]):
        assert "everyone" in text
        assert not any(word in text for word in ("@here", "@everyone", "<!channel>"))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(messages=st.lists(HOSTILE, min_size=1, max_size=3))
def test_any_text_stays_in_its_lines(messages: list[Message]) -> None:
    text = body(envelope(*messages))

    assert 0 < len(text) <= BODY
    assert all(line == one_line(line) for line in text.replace("\u2060", "").split("\n"))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({"url": "canary"}, "none of apprise's", id="no address"),
        pytest.param({"url": "nowhere://canary"}, "none of apprise's", id="no service"),
        pytest.param({"urls": ["json://x"]}, "Extra inputs", id="misspelt"),
    ],
)
def test_settings_that_cannot_be_meant(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint) as caught:
        AppriseSettings(**{"kind": "apprise", "url": "json://x"} | changes)
    assert "canary" not in str(caught.value)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.notifiers.apprise.settings.find_spec", lambda _: None)

    with pytest.raises(ValidationError, match=r"pip install 'offhook\[apprise\]'"):
        load("json://x")
