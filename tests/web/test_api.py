"""The API: what it tells, what it does, and what it refuses."""

import re
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from monitor.errors import StoreError
from monitor.web.api import ENDPOINTS
from monitor.web.bodies import MOST
from monitor.web.endpoints import BASE
from tests.builders import HOUR
from tests.desks import BLIND, CLOSED, DEAD, FIRING, REPORT, TOKEN, WARNING, Front

WISH = {
    "author": "ada",
    "comment": "known",
    "matchers": ["rule=error_spike"],
    "duration": "2h",
}


async def got(desk: Front, path: str, **query: str) -> Any:
    async with desk.browser() as client:
        answer = await client.get(f"{BASE}{path}", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


async def posted(desk: Front, path: str, body: Any, **headers: str) -> httpx.Response:
    async with desk.browser() as client:
        return await client.post(f"{BASE}{path}", json=body, headers=headers)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param({}, [BLIND, FIRING, WARNING], id="open, the heaviest first"),
        pytest.param({"state": "closed"}, [CLOSED, REPORT], id="closed"),
        pytest.param({"state": "info"}, [REPORT], id="one state"),
        pytest.param({"severity": "warning"}, [WARNING], id="severity"),
        pytest.param({"batch": "btc_1", "limit": "1"}, [FIRING], id="batch"),
        pytest.param({"rule": "provider_blind"}, [BLIND], id="rule"),
        pytest.param({"provider": "nobody", "state": "all"}, [], id="provider"),
    ],
)
async def test_alerts_are_listed_and_filtered(
    desk: Front, query: dict[str, str], found: list[Any]
) -> None:
    assert {each["key"] for each in await got(desk, "/alerts", **query)} == {
        each.key for each in found
    }


async def test_the_heaviest_alert_comes_first_with_who_holds_it_back(desk: Front) -> None:
    await posted(desk, f"/alerts/{WARNING.key}/ack", {"author": "bob"})
    await posted(desk, "/silences", WISH)

    listed = await got(desk, "/alerts")

    assert [each["severity"] for each in listed] == ["critical", "critical", "warning"]
    of = {each["key"]: each for each in listed}
    assert of[WARNING.key]["acknowledged"][0]["author"] == "bob"
    assert of[FIRING.key]["silenced"]["comment"] == "known"
    assert of[BLIND.key]["silenced"] is None
    assert of[FIRING.key]["labels"]["batch_name"] == "Renewals May"


async def test_one_alert_comes_with_its_life(desk: Front) -> None:
    await posted(desk, f"/alerts/{FIRING.key[:8]}/ack", {"author": "bob", "comment": "on it"})

    life = await got(desk, f"/alerts/{FIRING.key[:8]}")

    assert life["alert"]["key"] == FIRING.key
    assert [each["after"] for each in life["events"]] == ["firing"]
    assert [each["delivery_key"] for each in life["told"]] == [DEAD]
    assert [each["what"] for each in life["deeds"]] == ["ack.add"]


async def test_a_silence_is_made_listed_and_ended(desk: Front) -> None:
    made = (await posted(desk, "/silences", WISH)).json()
    assert (made["made"], made["holds_back"]) == (True, [FIRING.key])
    assert made["text"].startswith("holds back 1 alert now: Renewals May (error_spike)")
    (listed,) = await got(desk, "/silences")
    assert listed == made["silence"]
    assert (listed["matchers"], listed["source"]) == (["rule=error_spike"], "api")

    async with desk.served() as client:
        path = f"{BASE}/silences/{listed['id']}"
        ended = await client.delete(path, params={"author": "eve"})
        again = await client.delete(path, params={"author": "eve"})

    assert ended.json()["state"] == "ended"
    assert again.status_code == 409
    assert await got(desk, "/silences") == []
    assert len(await got(desk, "/silences", ended="true")) == 1
    assert [each["who"] for each in await got(desk, "/audit")] == ["eve", "ada"]
    assert [each["who"] for each in await got(desk, "/audit", target=listed["id"], limit="1")] == [
        "eve"
    ]
    of_alert = await got(desk, "/audit", alert=FIRING.key)
    assert [each["what"] for each in of_alert] == ["silence.end", "silence.add"]
    assert await got(desk, "/audit", alert=BLIND.key) == []
    assert desk.woken == ["judge", "judge"]


async def test_a_silence_may_end_with_its_batch_or_at_a_time(desk: Front) -> None:
    until = {"author": "ada", "comment": "known", "batch": "btc_1", "provider": "renewals"}
    made = (await posted(desk, "/silences", until)).json()["silence"]
    assert made["until_end_of"] == {"provider": "renewals", "batch": "btc_1", "run": 1}

    begin, end = desk.clock.at + HOUR, desk.clock.at + 2 * HOUR
    timed = {**WISH, "duration": None, "starts_at": begin.isoformat(), "ends_at": end.isoformat()}
    made = (await posted(desk, "/silences", timed)).json()["silence"]
    assert (made["state"], made["ends_at"]) == ("pending", "2026-06-10T14:10:00Z")


async def test_a_dry_run_makes_nothing(desk: Front) -> None:
    made = (await posted(desk, "/silences", {**WISH, "dry_run": True})).json()

    assert (made["made"], made["holds_back"]) == (False, [FIRING.key])
    assert await got(desk, "/silences") == []
    assert desk.woken == []


async def test_batches_and_providers_are_told_as_they_stand(desk: Front) -> None:
    first, second = await got(desk, "/batches")
    (provider,) = await got(desk, "/providers")

    assert (first["batch_id"], second["batch_id"]) == ("btc_1", "btc_2")
    assert first["counts"]["failed"] == 19
    assert (provider["name"], provider["failure_kind"]) == ("renewals", "auth")


async def test_what_was_given_up_is_listed_and_sent_again(desk: Front) -> None:
    assert [each["delivery_key"] for each in await got(desk, "/deliveries")] == [DEAD]

    done = await posted(desk, f"/deliveries/{DEAD}/replay", {"author": "ada"})
    again = await posted(desk, f"/deliveries/{DEAD}/replay", {"author": "ada"})

    assert done.json() == {"delivery_key": DEAD, "parts": 1}
    assert again.status_code == 409
    assert await got(desk, "/deliveries") == []
    assert (await got(desk, "/deliveries", state="pending"))[0]["state"] == "pending"
    assert await desk.deeds() == [("ada", "api", "delivery.replay")]
    assert "dispatcher" in desk.woken


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        pytest.param({"author": ""}, 422, "say who you are", id="nobody"),
        pytest.param({"comment": " "}, 422, "say why", id="no reason"),
        pytest.param({"duration": "8d"}, 422, "at most 7 days", id="too long"),
        pytest.param({"duration": "soon"}, 422, "not a duration", id="no duration"),
        pytest.param({"matchers": ["rule=~.*"]}, 422, "silence everything", id="everything"),
        pytest.param({"matchers": ["ruel=x"]}, 422, "no label", id="label"),
        pytest.param({"matchers": ["x"]}, 422, "not a matcher", id="matcher"),
        pytest.param({"batch": "nope"}, 404, "no batch", id="batch"),
        pytest.param({"ends": "2h"}, 400, "unknown field `ends`", id="unknown"),
        pytest.param({"provider": "renewals"}, 422, "no batch is given", id="a provider alone"),
        pytest.param({"ends_at": "2026-06-10T14:00:00"}, 400, "timezone", id="no zone"),
        pytest.param({"matchers": "rule=x"}, 400, "Expected `array`", id="type"),
        pytest.param({"matchers": ["rule=~" + "(" * 20_000]}, 422, "longer than", id="nested"),
    ],
)
async def test_what_cannot_be_done_is_said_with_what_to_write(
    desk: Front, change: dict[str, Any], status: int, says: str
) -> None:
    answer = await posted(desk, "/silences", WISH | change)

    assert answer.status_code == status
    assert says in answer.json()["error"]
    assert await desk.deeds() == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/alerts/nothing", 404, id="alert"),
        pytest.param("GET", "/nothing", 404, id="path"),
        pytest.param("PUT", "/silences", 405, id="method"),
        pytest.param("GET", "/alerts?limit=0", 400, id="limit"),
        pytest.param("GET", "/alerts?state=odd", 400, id="state"),
        pytest.param("GET", "/alerts?nothing=1", 400, id="query"),
        pytest.param("DELETE", "/silences/nothing?author=a", 404, id="silence"),
        pytest.param("DELETE", "/silences/nothing", 400, id="nobody"),
    ],
)
async def test_errors_are_json(desk: Front, method: str, path: str, status: int) -> None:
    async with desk.browser() as client:
        answer = await client.request(method, f"{BASE}{path}")

    assert answer.status_code == status
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        pytest.param(b"{}", {}, 415, id="no kind"),
        pytest.param(b"a=b", {"content-type": "application/x-www-form-urlencoded"}, 415, id="form"),
        pytest.param(b"{}", {"content-type": "text/plain"}, 415, id="text"),
        pytest.param(b"{", {"content-type": "application/json"}, 400, id="broken"),
        pytest.param(b"\xff", {"content-type": "application/json"}, 400, id="no text"),
        pytest.param(b" " * (MOST + 1), {"content-type": "application/json"}, 413, id="long"),
        pytest.param(
            b"{}",
            {"content-type": "application/json", "content-encoding": "gzip"},
            415,
            id="packed",
        ),
        pytest.param(
            b"{}", {"content-type": "application/json", "origin": "null"}, 403, id="hidden origin"
        ),
        pytest.param(
            b"{}",
            {"content-type": "application/json", "origin": "https://evil.example"},
            403,
            id="another site",
        ),
        pytest.param(
            b"{}",
            {"content-type": "application/json", "origin": "app://localhost"},
            403,
            id="another scheme",
        ),
        pytest.param(
            b"{}",
            {"content-type": "application/json", "sec-fetch-site": "same-site"},
            403,
            id="a neighbour",
        ),
        pytest.param(
            b"{}", {"content-type": "application/json", "host": "evil.example"}, 403, id="rebound"
        ),
    ],
)
async def test_bodies_of_another_kind_or_from_elsewhere_are_refused(
    desk: Front, content: bytes, headers: dict[str, str], status: int
) -> None:
    async with desk.browser() as client:
        answer = await client.post(f"{BASE}/silences", content=content, headers=headers)

    assert (answer.status_code, await desk.deeds()) == (status, [])


async def test_with_a_token_a_session_alone_changes_nothing_by_the_api(desk: Front) -> None:
    """A page may send the cookie along, but not the header."""
    async with desk.browser(TOKEN) as client:
        await client.post("/login", data={"token": TOKEN})
        seen = await client.get(f"{BASE}/alerts")
        alone = await client.post(f"{BASE}/silences", json=WISH)
        proven = await client.post(
            f"{BASE}/silences", json=WISH, headers={"authorization": f"Bearer {TOKEN}"}
        )

    assert (seen.status_code, alone.status_code, proven.status_code) == (200, 401, 200)


async def test_a_database_in_trouble_is_503(desk: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object, **__: object) -> None:
        raise StoreError("the database is locked")

    monkeypatch.setattr("monitor.store.silences.load", locked)
    async with desk.browser() as client:
        answer = await client.get(f"{BASE}/silences")
    assert (answer.status_code, answer.json()["hint"]) == (503, "try again")


async def test_every_route_is_described_by_its_own_types(desk: Front) -> None:
    described = await got(desk, "/openapi.json")

    assert described["openapi"] == "3.1.0"
    routes = {(f"{BASE}{each.path}", each.method.lower()) for each in ENDPOINTS}
    told = {(path, method) for path, ways in described["paths"].items() for method in ways}
    assert told == routes
    of_app = {
        (route.path, method.lower())
        for route in desk.app().routes
        if isinstance(route, Route) and route.path.startswith(f"{BASE}/")
        for method in (route.methods or set()) - {"HEAD"}
        if not route.path.endswith("/openapi.json")
    }
    assert of_app == routes
    refs = set(re.findall(r'"#/components/schemas/([^"]+)"', str(described).replace("'", '"')))
    assert refs <= set(described["components"]["schemas"])
    wish = described["components"]["schemas"]["SilenceRequest"]
    assert wish["required"] == ["author", "comment"]
