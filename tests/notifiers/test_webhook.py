"""Signed webhooks over real HTTP: proven to whoever has the secret, and told what they did."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.clock import SystemClock
from monitor.core.message import Message
from monitor.errors import DeliveryError, Sent
from monitor.http import HttpClient
from monitor.notifiers.webhook import Webhook, WebhookSettings
from monitor.notifiers.webhook.payload import payload
from monitor.standard_webhooks import signed_headers
from tests.loopback import NOW, Asked, Reply, StillClock, hang_up, serving, talking
from tests.notifiers.test_slack_render import HOSTILE, KEY, envelope, message

# Published with the Standard Webhooks specification.
VECTOR_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECRET = "whsec_" + base64.b64encode(b"canary" * 5).decode()


@pytest_asyncio.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient(SystemClock())
    yield client
    await client.aclose()


def make_hook(url: str, http: HttpClient, *, deadline: float = 5.0, **changes: Any) -> Webhook:
    values: dict[str, Any] = {"kind": "webhook", "url": f"{url}/canary", "secret": SECRET}
    loaded = WebhookSettings(**values | changes)
    return Webhook("program", loaded, http, StillClock(), deadline=deadline)


def proves(asked: Asked, secret: str) -> bool:
    """As a receiver would check it, from the specification alone."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    stamp = asked.headers["webhook-timestamp"]
    signed = f"{asked.headers['webhook-id']}.{stamp}.".encode() + asked.body
    made = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    fresh = abs(int(stamp) - NOW.timestamp()) < 300
    return fresh and f"v1,{made}" in asked.headers["webhook-signature"].split(" ")


def test_the_published_vector_is_signed_as_published() -> None:
    headers = signed_headers(
        VECTOR_SECRET,
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        b'{"test": 2432232314}',
    )

    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_what_arrives_is_proven_and_says_everything(http: HttpClient) -> None:
    async with serving(lambda _: Reply(status=204)) as server:
        receipt = await make_hook(server.url, http).send(
            envelope(message(), message(key="f" * 24), total=7, group=12)
        )

    (asked,) = server.asked
    told = json.loads(asked.body)
    first = told["messages"][0]
    assert proves(asked, SECRET)
    assert not proves(asked, VECTOR_SECRET)
    assert asked.headers["webhook-id"] == told["delivery"] == KEY
    assert asked.headers["content-type"] == "application/json"
    assert (told["version"], told["total"], told["group"]) == (1, 7, 12)
    assert first["sentence"].startswith("Renewals May: 19 of 42 calls failed")
    assert first["state"] == "FIRING"
    assert {"label": "affected", "text": "19 of 42, 404 waiting"} in first["lines"]
    assert datetime.fromisoformat(first["at"]).tzinfo is not None
    assert receipt.remark is None


def test_every_field_of_a_message_is_told_but_what_only_a_channel_needs() -> None:
    told = json.loads(payload(envelope(message())))["messages"][0]

    kept_back = {"headline", "loud", "acts", "series"}
    assert set(Message.__dataclass_fields__) - set(told) == kept_back
    assert set(told) <= set(Message.__dataclass_fields__)


async def test_a_repeat_has_the_same_id_and_says_what_it_is(http: HttpClient) -> None:
    async with serving(lambda _: {}) as server:
        hook = make_hook(server.url, http)
        await hook.send(envelope(message()))
        await hook.send(envelope(message(), possible_repeat=True))

    once, twice = server.asked
    assert once.headers["webhook-id"] == twice.headers["webhook-id"]
    assert [json.loads(each.body)["possible_repeat"] for each in (once, twice)] == [False, True]


@pytest.mark.parametrize(
    ("reply", "certainty", "simpler", "wait"),
    [
        pytest.param(Reply(status=400), Sent.REFUSED, True, None, id="this body"),
        pytest.param(Reply(status=413), Sent.REFUSED, True, None, id="too big"),
        pytest.param(Reply(status=410), Sent.REFUSED, False, None, id="gone for good"),
        pytest.param(Reply(status=401), Sent.RETRY, False, None, id="a secret to be mended"),
        pytest.param(Reply(status=404), Sent.RETRY, False, None, id="away for a moment"),
        pytest.param(
            Reply(status=301, headers={"location": "https://x.example"}),
            Sent.RETRY,
            False,
            None,
            id="moved",
        ),
        pytest.param(
            Reply(status=429, headers={"retry-after": "7"}), Sent.RETRY, False, 7.0, id="patience"
        ),
        pytest.param(Reply(status=500), Sent.AMBIGUOUS, False, None, id="failed"),
        pytest.param(
            Reply(status=503, headers={"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}),
            Sent.AMBIGUOUS,
            False,
            0.0,
            id="a date that is over",
        ),
        pytest.param(
            Reply(status=503, headers={"retry-after": "soon"}),
            Sent.AMBIGUOUS,
            False,
            None,
            id="no time at all",
        ),
    ],
)
async def test_what_the_server_answers(
    http: HttpClient, reply: Reply, *, certainty: Sent, simpler: bool, wait: float | None
) -> None:
    async with serving(lambda _: reply) as server:
        error = await failure(make_hook(server.url, http))

    assert (error.certainty, error.simpler, error.retry_after) == (certainty, simpler, wait)
    assert len(server.asked) == 1, "a redirect is not followed"


async def failure(hook: Webhook) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await hook.send(envelope(message()))
    shown = f"{caught.value} {caught.value!r} {caught.value.__cause__!r} {hook!r} {vars(hook)}"
    assert "canary" not in shown
    return caught.value


async def test_nobody_there(http: HttpClient) -> None:
    assert (await failure(make_hook("http://127.0.0.1:9", http))).certainty is Sent.NOT_SENT


async def test_a_connection_lost_before_the_answer_leaves_doubt(http: HttpClient) -> None:
    async with talking(lambda _, writer: hang_up(writer)) as port:
        error = await failure(make_hook(f"http://127.0.0.1:{port}", http))

    assert error.certainty is Sent.AMBIGUOUS


async def test_a_server_that_says_nothing_is_left_in_time(http: HttpClient) -> None:
    async def silent(reader: Any, _: Any) -> None:
        await reader.read()

    async with talking(silent) as port:
        error = await failure(make_hook(f"http://127.0.0.1:{port}", http, deadline=0.2))

    assert (error.certainty, error.word) == (Sent.AMBIGUOUS, "timeout")


async def test_the_plain_body_is_small_and_still_finds_the_alert() -> None:
    told = json.loads(payload(envelope(message(), plain=True)))["messages"][0]

    assert told["key"] == message().key
    assert told["sentence"] == message().sentence
    assert not {"lines", "body", "todo", "labels"} & set(told)


async def test_trying_it_sends_no_message(http: HttpClient) -> None:
    async with serving(lambda _: Reply(status=405)) as server:
        assert "notify test" in await make_hook(server.url, http).check()

    assert [asked.method for asked in server.asked] == ["OPTIONS"]


@settings(max_examples=30, deadline=None, derandomize=True)
@given(messages=st.lists(HOSTILE, min_size=1, max_size=3))
def test_any_text_is_json_that_says_the_same(messages: list[Message]) -> None:
    told = json.loads(payload(envelope(*messages)))

    assert [each["sentence"] for each in told["messages"]] == [m.sentence for m in messages]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({"url": "ftp://canary"}, "not an address", id="scheme"),
        pytest.param({"url": "http://canary.example.com/x"}, "your own network", id="clear"),
        pytest.param({"url": "https://u:canary@x.example"}, "no user", id="a user"),
        pytest.param({"url": "https://x.example:99999/canary"}, "not an address", id="port"),
        pytest.param({"secret": "whsec_Y2FuYXJ5"}, "24 to 64 bytes", id="short"),
        pytest.param({"secret": "canary!"}, "base64", id="no base64"),
        pytest.param({"secret": None}, "a secret is", id="unsigned"),
        pytest.param({"urll": "x"}, "Extra inputs", id="misspelt"),
    ],
)
def test_settings_that_cannot_be_meant(changes: dict[str, Any], complaint: str) -> None:
    values: dict[str, Any] = {"kind": "webhook", "url": "https://x.example", "secret": SECRET}
    with pytest.raises(ValidationError, match=complaint) as caught:
        WebhookSettings(**values | changes)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://10.1.2.3/x", "http://[fd00::1]:8080/", "http://alerts:9000", "http://a.b.internal/x"],
)
def test_ones_own_network_may_be_asked_in_the_clear(url: str) -> None:
    table = {"kind": "webhook", "url": url, "secret": SECRET}

    assert WebhookSettings.model_validate(table).url.get_secret_value() == url


def test_the_newest_moment_is_the_time_of_the_whole() -> None:
    later = message(at=message().at + timedelta(minutes=3))
    told: dict[str, Callable[..., Any] | str] = json.loads(payload(envelope(message(), later)))

    assert told["timestamp"] == later.at.isoformat()
