"""PagerDuty against a service made from its documentation: incidents by key, limits, answers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.clock import SystemClock
from monitor.core.compose import UNTOLD
from monitor.core.message import Message
from monitor.errors import DeliveryError, Sent
from monitor.http import HttpClient
from monitor.notifiers.pagerduty import PagerDuty, PagerDutySettings
from monitor.notifiers.pagerduty.events import events
from monitor.simulator.pagerduty import ROUTING_KEY, Service
from tests.loopback import Asked, Reply, serving
from tests.notifiers.test_slack_render import HOSTILE, envelope, message


@pytest_asyncio.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient(SystemClock())
    yield client
    await client.aclose()


def make_pager(url: str, http: HttpClient, **changes: Any) -> PagerDuty:
    deadline = changes.pop("deadline", 5.0)
    values: dict[str, Any] = {"kind": "pagerduty", "routing_key": ROUTING_KEY, "api_url": url}
    return PagerDuty("pager", PagerDutySettings(**values | changes), http, deadline=deadline)


def answered(service: Service) -> Any:
    """The service behind the small server of the tests."""

    def answer(asked: Asked) -> Reply:
        status, content, headers = service.answer(asked.path, asked.body)
        return Reply(content, status, headers)

    return answer


async def test_an_episode_is_one_incident_from_trigger_to_resolve(http: HttpClient) -> None:
    service = Service()
    async with serving(answered(service)) as server:
        pager = make_pager(server.url, http)
        await pager.send(envelope(message()))
        await pager.send(envelope(message(repeat=1, sentence="Renewals May: still")))
        (incident,) = service.incidents.values()
        assert (incident.status, incident.severity) == ("triggered", "critical")
        assert incident.summary == "Renewals May: still"

        await pager.send(envelope(message(acknowledged="by Ana at 12:04")))
        assert incident.status == "acknowledged"
        await pager.send(envelope(message(state="RESOLVED", reason="batch ended")))

    assert incident.status == "resolved"
    assert list(service.incidents) == [message().key]
    assert pager.receiver.stateful, "a quiet end has to be told, or the incident stays open"


async def test_a_group_is_several_incidents(http: HttpClient) -> None:
    service = Service()
    keys = [f"{n:024x}" for n in range(3)]
    async with serving(answered(service)) as server:
        group = envelope(*(message(key=key) for key in keys), total=9, group=4)
        await make_pager(server.url, http).send(group)

    assert list(service.incidents) == keys
    details = next(iter(service.incidents.values())).details
    assert details["more"] == "6 more alerts belong to this; offhook alerts --group 4 lists all"


async def test_a_good_report_opens_no_incident(http: HttpClient) -> None:
    service = Service()
    async with serving(answered(service)) as server:
        done = message(state="INFO", severity="info", sentence="Renewals May: completed")
        await make_pager(server.url, http).send(envelope(done, possible_repeat=True))

    assert service.incidents == {}
    assert service.changes == ["possible repeat: Renewals May: completed"]


async def test_what_was_over_before_it_could_be_told_calls_nobody(http: HttpClient) -> None:
    service = Service()
    over = message(state="RESOLVED", reason="recovered", marks=(UNTOLD,))
    async with serving(answered(service)) as server:
        await make_pager(server.url, http).send(envelope(over))

    assert service.incidents == {}
    assert service.changes == [over.sentence]


async def test_a_report_of_something_bad_opens_one(http: HttpClient) -> None:
    service = Service()
    async with serving(answered(service)) as server:
        failed = message(state="FIRING", severity="warning", reason="reported")
        await make_pager(server.url, http).send(envelope(failed))

    assert [each.severity for each in service.incidents.values()] == ["warning"]


async def failure(pager: PagerDuty, *sent: Message) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await pager.send(envelope(*(sent or (message(),))))
    assert ROUTING_KEY not in f"{caught.value} {caught.value!r} {pager!r} {vars(pager)}"
    return caught.value


REPORT = message(state="INFO", severity="info", reason="settled")


@pytest.mark.parametrize(
    ("reply", "certainty", "simpler", "wait"),
    [
        pytest.param(
            Reply({"errors": ["'payload.summary' is too long"]}, 400),
            Sent.REFUSED,
            True,
            None,
            id="what it does not like",
        ),
        pytest.param(
            Reply(
                {"errors": ["Length of 'routing_key' is incorrect (should be 32 characters)"]}, 400
            ),
            Sent.REFUSED,
            False,
            None,
            id="the key",
        ),
        pytest.param(Reply(b"<html>", 404), Sent.REFUSED, False, None, id="nobody's key"),
        pytest.param(
            Reply(b"", 429, {"retry-after": "30"}), Sent.RETRY, False, 30.0, id="too many"
        ),
        pytest.param(Reply(b"", 500), Sent.RETRY, False, None, id="failed: a repeat is harmless"),
        pytest.param(Reply(b"ok", 200), Sent.RETRY, False, None, id="somebody else answered"),
    ],
)
async def test_what_it_answers(
    http: HttpClient, reply: Reply, *, certainty: Sent, simpler: bool, wait: float | None
) -> None:
    async with serving(lambda _: reply) as server:
        error = await failure(make_pager(server.url, http))

    assert (error.certainty, error.simpler, error.retry_after) == (certainty, simpler, wait)


async def test_a_change_event_that_may_be_there_is_not_simply_repeated(http: HttpClient) -> None:
    async with serving(lambda _: Reply(b"", 500)) as server:
        assert (await failure(make_pager(server.url, http), REPORT)).certainty is Sent.AMBIGUOUS


async def test_nobody_there(http: HttpClient) -> None:
    assert (await failure(make_pager("http://127.0.0.1:9", http))).certainty is Sent.NOT_SENT


async def test_all_events_together_have_one_deadline(http: HttpClient) -> None:
    service = Service()
    async with serving(answered(service)) as server:
        error = await failure(make_pager(server.url, http, deadline=0.0))

    assert (error.certainty, error.word) == (Sent.RETRY, "timeout")


async def test_one_event_that_is_refused_does_not_keep_the_others_back(http: HttpClient) -> None:
    service = Service(refuse=frozenset({"bad"}))
    async with serving(answered(service)) as server:
        pager = make_pager(server.url, http)
        error = await failure(pager, message(key="bad"), message(key="good"))
        assert error.simpler, "a plainer rendering is tried first"
        receipt = await pager.send(envelope(message(key="bad"), message(key="good"), plain=True))

    assert list(service.incidents) == ["good"]
    assert receipt.remark == "PagerDuty refused 1 of 2 events (400)"


async def test_trying_it_opens_nothing(http: HttpClient) -> None:
    service = Service()
    async with serving(answered(service)) as server:
        assert "takes events" in await make_pager(server.url, http).check()
        with pytest.raises(DeliveryError, match="routing_key"):
            await make_pager(server.url, http, routing_key="0" * 32).check()

    assert service.incidents == {}


@settings(max_examples=30, deadline=None, derandomize=True)
@given(messages=st.lists(HOSTILE, min_size=1, max_size=3), plain=st.booleans())
def test_the_service_takes_whatever_we_make_of_whatever_text(
    messages: list[Message], *, plain: bool
) -> None:
    service = Service()
    for event in events(envelope(*messages, plain=plain), ROUTING_KEY):
        assert service.take(event.path, event.body) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({"routing_key": "canary"}, "32 characters", id="key"),
        pytest.param({"api_url": "http://x.example"}, "loopback", id="in the clear"),
        pytest.param({"key": "x"}, "Extra inputs", id="misspelt"),
    ],
)
def test_settings_that_cannot_be_meant(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint) as caught:
        PagerDutySettings(**{"kind": "pagerduty", "routing_key": ROUTING_KEY} | changes)
    assert "canary" not in str(caught.value)
