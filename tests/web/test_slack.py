"""Presses by HTTP: only what Slack signed just now is heard, once, and answered at once."""

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from pydantic import SecretStr
from starlette.types import Message
from structlog.testing import capture_logs

from monitor.simulator.slack_presses import signed
from monitor.web.slack import MOST, PATIENCE, QUIET, BusyError, Signer, SlackDoor, signature
from tests.loopback import NOW, StillClock

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
PRESSED = {"type": "block_actions", "actions": []}


class Door:
    """The door, and what got through it."""

    def __init__(self, *others: Signer) -> None:
        self.taken: list[tuple[Any, frozenset[str]]] = []
        self.said: dict[str, Any] | None = None
        self.busy = False
        self.clock = StillClock(NOW)
        self.door = SlackDoor(self.clock)
        ours = Signer(SecretStr(SECRET), frozenset({"ops"}))
        self.door.serve([ours, *others], self._take)

    def _take(self, payload: Any, receivers: Collection[str]) -> dict[str, Any] | None:
        if self.busy:
            raise BusyError
        self.taken.append((payload, frozenset(receivers)))
        return self.said

    async def post(
        self, headers: dict[str, str], *pieces: bytes, method: str = "POST"
    ) -> tuple[int, bytes]:
        """Status and body of the answer."""
        sent: list[Message] = []
        coming = [
            {"type": "http.request", "body": piece, "more_body": n < len(pieces)}
            for n, piece in enumerate(pieces, start=1)
        ]

        async def receive() -> Message:
            return coming.pop(0) if coming else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "headers": raw}
        await self.door(scope, receive, send)
        return sent[0]["status"], sent[1]["body"]


@pytest.fixture
def door() -> Door:
    return Door()


def test_the_signature_that_slack_publishes_is_made() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
        b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
        b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
        b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )

    assert signature(SECRET, b"1531420618", body) == (
        b"v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    )


async def test_what_slack_signed_is_taken_and_answered_with_nothing(door: Door) -> None:
    headers, body = signed(SECRET, PRESSED, NOW)

    assert await door.post(headers, body[:10], body[10:]) == (200, b"")
    assert door.taken == [(PRESSED, frozenset({"ops"}))]


async def test_what_is_to_be_said_at_once_is_the_answer(door: Door) -> None:
    door.said = {"response_action": "errors"}

    assert await door.post(*signed(SECRET, PRESSED, NOW)) == (
        200,
        json.dumps(door.said).replace(": ", ":").encode(),
    )


async def test_what_is_not_heard_is_no_success(door: Door) -> None:
    door.busy = True
    status, said = await door.post(*signed(SECRET, PRESSED, NOW))

    assert (status, said) == (503, b"too much at once; try again\n")


async def test_the_same_request_is_heard_once(door: Door) -> None:
    request = signed(SECRET, PRESSED, NOW)
    await door.post(*request)

    assert (await door.post(*request))[0] == 401
    assert len(door.taken) == 1


FAR = PATIENCE + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("at", "status"),
    [(NOW - PATIENCE, 200), (NOW + PATIENCE, 200), (NOW - FAR, 401), (NOW + FAR, 401)],
    ids=["just in time", "a clock ahead", "too old", "from the future"],
)
async def test_the_time_of_sending_must_be_near(door: Door, at: datetime, status: int) -> None:
    assert (await door.post(*signed(SECRET, PRESSED, at)))[0] == status


def _forged() -> list[Any]:
    good, body = signed(SECRET, PRESSED, NOW)
    stamp, made = "x-slack-request-timestamp", "x-slack-signature"
    return [
        pytest.param(signed("another", PRESSED, NOW), id="another secret"),
        pytest.param((good, body + b" "), id="a changed body"),
        pytest.param((good | {stamp: str(int(NOW.timestamp()) + 1)}, body), id="a changed time"),
        pytest.param((good | {stamp: ""}, body), id="no time"),
        pytest.param((good | {stamp: "9" * 400}, body), id="an endless time"),
        pytest.param((good | {stamp: "-1"}, body), id="a time before all time"),
        pytest.param((good | {made: ""}, body), id="no signature"),
        pytest.param((good | {made: good[made].upper()}, body), id="in capitals"),
        pytest.param((good | {made: good[made].replace("v0", "v1")}, body), id="another version"),
        pytest.param((good | {made: "v0=\u00e9"}, body), id="no letters of ours"),
    ]


@pytest.mark.parametrize("request_", _forged())
async def test_what_is_not_proven_is_not_heard(
    door: Door, request_: tuple[dict[str, str], bytes]
) -> None:
    assert await door.post(*request_) == (401, b"not accepted\n")
    assert door.taken == []


async def test_strangers_cannot_fill_the_log(door: Door) -> None:
    forged = signed("another", PRESSED, NOW)
    with capture_logs() as logs:
        for _ in range(50):
            await door.post(*forged)
        door.clock.at += QUIET
        await door.post(*forged)

    assert [(each["event"], each["others"]) for each in logs] == [
        ("press_refused", 0),
        ("press_refused", 49),
    ]
    assert "signing_secret" in logs[0]["why"]


async def test_a_clock_that_is_wrong_is_told_of(door: Door) -> None:
    with capture_logs() as logs:
        await door.post(*signed(SECRET, PRESSED, NOW - FAR))

    assert ["clock" in each["why"] for each in logs] == [True]


async def test_without_receivers_nobody_is_heard() -> None:
    door = Door()
    door.door.serve([], door._take)

    with capture_logs() as logs:
        assert (await door.post(*signed(SECRET, PRESSED, NOW)))[0] == 401
    assert logs == []


async def test_each_secret_speaks_for_its_own_receivers() -> None:
    door = Door(
        Signer(SecretStr("second"), frozenset({"floor"})),
        Signer(SecretStr("second"), frozenset({"night"})),
    )
    await door.post(*signed("second", PRESSED, NOW))

    assert [receivers for _, receivers in door.taken] == [frozenset({"floor", "night"})]


def sealed(body: bytes) -> tuple[dict[str, str], bytes]:
    """A body as whoever has the secret may send it."""
    stamp = str(int(NOW.timestamp())).encode()
    made = signature(SECRET, stamp, body).decode()
    return {"x-slack-request-timestamp": stamp.decode(), "x-slack-signature": made}, body


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"payload=", id="an empty one"),
        pytest.param(b"payload=%7B", id="half of one"),
        pytest.param(b"payload=%5B%5D", id="a list"),
        pytest.param(b"other=%7B%7D", id="another field"),
        pytest.param(b"payload=%7B%7D&payload=%7B%7D", id="two"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"a=1&" * 50 + b"payload=%7B%7D", id="many fields"),
        pytest.param(urlencode({"payload": "[" * 9_000}).encode(), id="deep"),
    ],
)
async def test_what_is_no_payload_is_refused(door: Door, body: bytes) -> None:
    assert (await door.post(*sealed(body)))[0] == 400
    assert door.taken == []


async def test_what_is_too_long_is_not_read_to_its_end(door: Door) -> None:
    headers, _ = sealed(b"")

    assert (await door.post(headers, *[b"x" * 1_024] * (MOST // 1_024 + 2)))[0] == 413
    assert (await door.post(headers | {"content-length": str(MOST + 1)}, b""))[0] == 413
    assert (await door.post(headers | {"content-length": "many"}, b""))[0] == 413


async def test_what_is_broken_off_is_not_heard(door: Door) -> None:
    assert (await door.post(sealed(b"")[0]))[0] == 413


async def test_only_posts_are_answered(door: Door) -> None:
    assert (await door.post(*signed(SECRET, PRESSED, NOW), method="GET"))[0] == 405


def test_its_text_holds_no_secret() -> None:
    assert SECRET not in repr(Signer(SecretStr(SECRET), frozenset()))
