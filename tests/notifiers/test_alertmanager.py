"""Alertmanager, the real one where it is installed and one made from its documentation always."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
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
from monitor.notifiers.alertmanager import Alertmanager, AlertmanagerSettings
from monitor.notifiers.alertmanager.alerts import labels_of, pushed
from monitor.simulator.alertmanager import Peer
from tests.builders import NOON
from tests.loopback import Asked, Reply, StillClock, serving
from tests.notifiers.test_slack_render import HOSTILE, envelope, message

BINARY = shutil.which("prometheus-alertmanager")
ROUTE = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


@pytest_asyncio.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient(SystemClock())
    yield client
    await client.aclose()


def behind(peer: Peer) -> Callable[[Asked], Reply]:
    def answer(asked: Asked) -> Reply:
        status, content = peer.answer(asked.method, asked.path, asked.body)
        return Reply(content, status)

    return answer


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Debian's Alertmanager on a port of its own choice."""
    if BINARY is None:
        pytest.skip("prometheus-alertmanager is not installed")
    home = tmp_path_factory.mktemp("alertmanager")
    Path(home, "alertmanager.yml").write_text(ROUTE)
    command = [
        BINARY,
        f"--config.file={home}/alertmanager.yml",
        f"--storage.path={home}/data",
        "--web.listen-address=127.0.0.1:0",
        "--cluster.listen-address=",
    ]
    with ExitStack() as stack:
        running = stack.enter_context(
            subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        )
        stack.callback(running.kill)
        assert running.stderr is not None
        for line in running.stderr:
            if found := re.search(r"address=(127\.0\.0\.1:\d+)", line):
                break
        else:
            pytest.fail("the Alertmanager did not start")
        yield f"http://{found.group(1)}"


@pytest_asyncio.fixture(params=["simulated", "real"])
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    if request.param == "real":
        yield request.getfixturevalue("real")
        return
    async with serving(behind(Peer())) as server:
        yield server.url


def make_push(*urls: str, http: HttpClient, **changes: Any) -> Alertmanager:
    clock = changes.pop("clock", SystemClock())
    deadline = changes.pop("deadline", 10.0)
    loaded = AlertmanagerSettings.model_validate(
        {"kind": "alertmanager", "urls": list(urls)} | changes
    )
    return Alertmanager("prometheus", loaded, http, clock, deadline=deadline)


def now_message(key: str, **changes: Any) -> Message:
    """One that fires since a minute ago."""
    now = SystemClock().now()
    return message(key=key, at=now, fired_at=now - timedelta(minutes=1), **changes)


async def standing(http: HttpClient, url: str, key: str) -> list[dict[str, Any]]:
    """The active alerts with this key."""
    answer = await http.request("GET", f"{url}/api/v2/alerts")
    found: list[dict[str, Any]] = json.loads(answer.body)
    return [alert for alert in found if alert["labels"].get("offhook_key") == key]


async def test_an_alert_stands_there_until_it_is_resolved(url: str, http: HttpClient) -> None:
    push = make_push(url, http=http)
    firing = now_message("a1", labels={"team-name": "renewals", "9": "x", "batch_name": "May"})
    await push.send(envelope(firing))

    (alert,) = await standing(http, url, "a1")
    labels = alert["labels"]
    assert labels["alertname"] == labels["rule"] == "error_spike"
    assert (labels["severity"], labels["batch"]) == ("critical", "btc_1")
    assert (labels["team_name"], labels["label_9"]) == ("renewals", "x")
    assert alert["annotations"]["summary"].startswith("Renewals May: 19 of 42 calls failed")
    assert firing.fired_at is not None
    assert abs(datetime.fromisoformat(alert["startsAt"]) - firing.fired_at) < timedelta(seconds=1)
    assert datetime.fromisoformat(alert["endsAt"]) > SystemClock().now() + timedelta(minutes=2)

    await push.send(envelope(now_message("a1", state="RESOLVED", labels=firing.labels)))
    assert await standing(http, url, "a1") == []


async def test_what_is_not_said_again_ends_by_itself(url: str, http: HttpClient) -> None:
    firing = now_message("b1")
    long_ago = SystemClock().now() - timedelta(minutes=4)
    await make_push(url, http=http, clock=StillClock(long_ago)).send(
        envelope(message(key="b1", fired_at=long_ago, at=long_ago))
    )
    assert await standing(http, url, "b1") == []

    async def read() -> Sequence[Message]:
        return [firing]

    await make_push(url, http=http).restate(read)
    assert len(await standing(http, url, "b1")) == 1


async def test_a_higher_severity_takes_the_place_of_the_lower(url: str, http: HttpClient) -> None:
    push = make_push(url, http=http)
    await push.send(envelope(now_message("c1", severity="warning")))
    await push.send(envelope(now_message("c1", severity="critical")))

    found = await standing(http, url, "c1")
    assert [alert["labels"]["severity"] for alert in found] == ["critical"]


async def test_the_end_of_one_episode_is_not_the_end_of_the_next(
    url: str, http: HttpClient
) -> None:
    push = make_push(url, http=http)
    await push.send(envelope(now_message("d1")))
    await push.send(envelope(now_message("d2", episode=2)))
    await push.send(envelope(now_message("d1", state="RESOLVED")))

    assert [len(await standing(http, url, key)) for key in ("d1", "d2")] == [0, 1]


async def test_a_report_stands_for_an_hour_and_says_what_it_is(url: str, http: HttpClient) -> None:
    push = make_push(url, http=http)
    await push.send(envelope(now_message("e1", state="INFO", severity="info", reason="settled")))

    (alert,) = await standing(http, url, "e1")
    stands = datetime.fromisoformat(alert["endsAt"]) - SystemClock().now()
    assert alert["labels"]["report"] == "yes"
    assert timedelta(minutes=59) < stands < timedelta(minutes=61)


async def test_the_version_is_asked_for(url: str, http: HttpClient) -> None:
    assert "1 of 1 answer: version 0." in await make_push(url, http=http).check()


@pytest.mark.parametrize("kind", ["simulated", "real"])
async def test_it_takes_whatever_we_make_of_whatever_text(
    kind: str, request: pytest.FixtureRequest, http: HttpClient
) -> None:
    """All the texts of the hostile corpus go as one push, which either takes in full or not."""
    now = SystemClock().now()
    made: list[Any] = []

    @settings(max_examples=30, deadline=None, derandomize=True, database=None)
    @given(one=HOSTILE, plain=st.booleans())
    def collect(one: Message, *, plain: bool) -> None:
        made.extend(pushed([one], now=now, lasts=timedelta(minutes=3), plain=plain))

    await asyncio.to_thread(collect)
    content = json.dumps(made).encode()
    if kind == "simulated":
        assert Peer().answer("POST", "/api/v2/alerts", content) == (200, "")
        return
    real_url = request.getfixturevalue("real")
    answer = await http.request(
        "POST",
        f"{real_url}/api/v2/alerts",
        content=content,
        headers={"content-type": "application/json"},
    )
    assert (answer.status, answer.body) == (200, b"")


async def test_every_one_of_a_cluster_is_told_and_one_is_enough(http: HttpClient) -> None:
    one, two = Peer(), Peer()
    async with serving(behind(one)) as first, serving(behind(two)) as second:
        push = make_push(first.url, second.url, http=http)
        assert (await push.send(envelope(now_message("f1")))).remark is None
        assert len(one.active()) == len(two.active()) == 1

        two.down = True
        receipt = await push.send(envelope(now_message("f2")))
        assert receipt.remark == "1 of 2 did not take it: Alertmanager answered 503"

        one.down = True
        with pytest.raises(DeliveryError) as caught:
            await push.send(envelope(now_message("f3")))
    assert caught.value.certainty is Sent.RETRY, "what is said twice is one, so it is said again"


@pytest.mark.parametrize(
    ("status", "certainty", "simpler"),
    [
        pytest.param(400, Sent.REFUSED, True, id="refused"),
        pytest.param(404, Sent.RETRY, False, id="no such API"),
        pytest.param(302, Sent.RETRY, False, id="not followed"),
        pytest.param(500, Sent.RETRY, False, id="failed"),
    ],
)
async def test_what_it_answers(
    http: HttpClient, status: int, *, certainty: Sent, simpler: bool
) -> None:
    async with serving(lambda _: Reply(b"", status)) as server:
        with pytest.raises(DeliveryError) as caught:
            await make_push(server.url, http=http).send(envelope(message()))

    assert (caught.value.certainty, caught.value.simpler) == (certainty, simpler)


async def test_nobody_there(http: HttpClient) -> None:
    with pytest.raises(DeliveryError) as caught:
        await make_push("http://127.0.0.1:9", http=http).send(envelope(message()))

    assert caught.value.certainty is Sent.NOT_SENT


async def test_what_was_read_before_an_end_is_never_said_after_it(http: HttpClient) -> None:
    peer, reading, go_on = Peer(), asyncio.Event(), asyncio.Event()

    async def read() -> Sequence[Message]:
        reading.set()
        await go_on.wait()
        return [now_message("g1")]

    async with serving(behind(peer)) as server:
        push = make_push(server.url, http=http)
        again = asyncio.create_task(push.restate(read))
        await reading.wait()
        ended = asyncio.create_task(push.send(envelope(now_message("g1", state="RESOLVED"))))
        go_on.set()
        await asyncio.gather(again, ended)

    assert peer.active() == []


async def test_what_is_refused_keeps_nothing_else_from_being_said_again(
    http: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.notifiers.alertmanager.notifier._AT_ONCE", 1)
    peer = Peer()

    def answer(asked: Asked) -> Reply:
        return Reply(b"", 400) if b'"i1"' in asked.body else behind(peer)(asked)

    async def read() -> Sequence[Message]:
        return [now_message("i1"), now_message("i2")]

    async with serving(answer) as server:
        with pytest.raises(DeliveryError, match="refused"):
            await make_push(server.url, http=http).restate(read)

    assert [alert["labels"]["offhook_key"] for alert in peer.active()] == ["i2"]


async def test_saying_it_all_again_has_one_deadline(http: HttpClient) -> None:
    push = make_push("http://127.0.0.1:9", http=http, deadline=0.1)

    async def read() -> Sequence[Message]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(DeliveryError, match="too long"):
        await push.restate(read)


async def test_labels_are_remembered_only_of_what_fires(http: HttpClient) -> None:
    async with serving(behind(Peer())) as server:
        push = make_push(server.url, http=http, send_resolved=False)
        await push.send(envelope(now_message("h1"), now_message("h2")))

        async def read() -> Sequence[Message]:
            return [now_message("h2")]

        await push.restate(read)
    assert list(push._standing) == ["h2"]


async def test_something_else_that_answers_is_told_apart(http: HttpClient) -> None:
    async with serving(lambda _: {"hello": "there"}) as server:
        with pytest.raises(DeliveryError, match="no Alertmanager"):
            await make_push(server.url, http=http).check()


def test_labels_do_not_change_while_an_alert_only_goes_on() -> None:
    first = message(labels={"team": "a", "batch_name": "May"})
    later = message(
        labels={"team": "a", "batch_name": "May, renamed"},
        sentence="still",
        repeat=2,
        acknowledged="by Ana",
        title="May, renamed",
        at=NOON + timedelta(hours=4),
    )

    assert labels_of(first) == labels_of(later)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({"urls": []}, "at least 1", id="nowhere"),
        pytest.param({"urls": ["x"]}, "not an address", id="no address"),
        pytest.param({"urls": ["http://am.example.com"]}, "your own network", id="in the clear"),
        pytest.param({"urls": ["http://am/api/v2/alerts"]}, "own address", id="its API"),
        pytest.param({"resend": "0s"}, "longer than nothing", id="at every moment"),
        pytest.param({"url": "x"}, "Extra inputs", id="misspelt"),
    ],
)
def test_settings_that_cannot_be_meant(changes: dict[str, Any], complaint: str) -> None:
    values: dict[str, Any] = {"kind": "alertmanager", "urls": ["http://127.0.0.1:9093"]}
    with pytest.raises(ValidationError, match=complaint):
        AlertmanagerSettings(**values | changes)
