"""An account whose vendor is known by configuration alone, over real HTTP."""

import base64
import json
import os
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.core.model import Batch, BatchStatus, CallStatus, ContactStatus, Counts, Item
from monitor.errors import NotFoundError, ProviderError
from monitor.http import HttpClient
from monitor.providers import Known, LookFailed, Page
from monitor.providers.http_json import HttpJson, HttpJsonSettings
from tests.loopback import NOW, Asked, Loopback, Reply, StillClock, serving

KEY = "key_verysecret"
VENDOR = """
vendor = "http_json"
[list]
path = "/jobs"
rows = "data.jobs"
[batch]
path = "/jobs/{batch_id}"
row = "data"
[items]
path = "/jobs/{batch_id}/rows"
rows = "data.rows"
[fields.batch]
id = "id"
status = "state"
created_at = "made"
[fields.batch.counts]
total = "size"
[fields.contact]
id = "person"
status = "state"
phone = "to"
[fields.call]
id = "call"
status = "result"
[words.batch]
going = "running"
Over = "completed"
[words.contact]
"in call" = "in_call"
done = "completed"
[words.call]
ok = "completed"
bad = "failed"
"""


def table(*changes: tuple[str, Any], **more: Any) -> dict[str, Any]:
    """The vendor's table with values at dotted keys changed; None takes one away."""
    values = tomllib.loads(VENDOR) | more
    for where, value in changes:
        *outer, last = where.split(".")
        inner = values
        for key in outer:
            inner = inner.setdefault(key, {})
        if value is None:
            del inner[last]
        else:
            inner[last] = value
    return values


def settings(values: dict[str, Any], url: str = "https://api.example.com") -> HttpJsonSettings:
    given = {"base_url": url} | values
    return HttpJsonSettings.model_validate_json(json.dumps(given), strict=True)


Answers = Callable[[Asked], Any]


@asynccontextmanager
async def asking(
    answer: Answers, *changes: tuple[str, Any], under: str = "", **more: Any
) -> AsyncIterator[tuple[HttpJson, Loopback]]:
    http = HttpClient(StillClock())
    try:
        async with serving(answer) as server:
            made = settings(table(*changes, **more), server.url + under)
            yield HttpJson("jobs", made, http, b"k" * 32), server
    finally:
        await http.aclose()


def job(number: int = 1, **fields: Any) -> dict[str, Any]:
    made = (NOW - timedelta(hours=number)).isoformat()
    return {"id": f"j{number}", "state": "going", "made": made, "size": 2} | fields


def row(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {"person": f"p{number}", "state": "done", "call": f"c{number}", "result": "ok"} | fields


class Vendor:
    """A vendor with lists that may be cut in any style."""

    def __init__(self, jobs: int = 1, rows: int = 2) -> None:
        self.jobs = [job(number) for number in range(1, jobs + 1)]
        self.rows = [row(number) for number in range(rows)]
        self.cut: Callable[[Asked, list[Any]], dict[str, Any] | Reply] = lambda _, rows: {
            "rows": rows
        }
        self.most = 10_000

    def __call__(self, asked: Asked) -> Any:
        match asked.path.strip("/").split("/"):
            case ["jobs"]:
                return self._cut(asked, self.jobs, "jobs")
            case ["jobs", _, "rows"]:
                return self._cut(asked, self.rows, "rows")
            case ["jobs", job_id]:
                found = [each for each in self.jobs if each["id"] == job_id]
                return {"data": found[0]} if found else Reply({}, 404)
        return Reply({}, 404)

    def _cut(self, asked: Asked, rows: list[Any], name: str) -> Any:
        said = self.cut(asked, rows)
        if isinstance(said, Reply):
            return said
        return {"data": {name: said.pop("rows")}} | said


def by_offset(asked: Asked, rows: list[Any]) -> dict[str, Any]:
    skip, limit = int(asked.params.get("skip", 0)), int(asked.params.get("limit", 2))
    return {"rows": rows[skip : skip + limit], "count": len(rows)}


def by_page(asked: Asked, rows: list[Any]) -> dict[str, Any]:
    number, size = int(asked.params.get("p", 1)), int(asked.params.get("n", 2))
    part = rows[(number - 1) * size : number * size]
    return {"rows": part, "more": number * size < len(rows)}


def by_cursor(asked: Asked, rows: list[Any]) -> dict[str, Any]:
    start = int(asked.params.get("after", 0))
    following = str(start + 2) if start + 2 < len(rows) else None
    return {"rows": rows[start : start + 2], "following": following}


OFFSET = {"style": "offset", "param": "skip", "size_param": "limit", "size": 2}
PAGE = {"style": "page", "param": "p", "size_param": "n", "size": 2}
CURSOR = {"style": "cursor", "param": "after", "next": "following"}
STYLES = [
    pytest.param(OFFSET, by_offset, id="offset"),
    pytest.param({**OFFSET, "total": "count"}, by_offset, id="offset with a total"),
    pytest.param(PAGE, by_page, id="page"),
    pytest.param({**PAGE, "more": "more"}, by_page, id="page that says when it is over"),
    pytest.param(CURSOR, by_cursor, id="cursor"),
]


async def look(provider: HttpJson, batch_id: str = "j1") -> Batch:
    (found,) = [each async for each in provider.looks([Known(batch_id=batch_id)])]
    if isinstance(found, LookFailed):
        raise found.error
    return found


def batch(batch_id: str = "j1", total: int | None = None) -> Batch:
    return Batch(
        provider="jobs",
        batch_id=batch_id,
        status=BatchStatus.RUNNING,
        seen_at=NOW,
        counts=Counts(total=total),
    )


async def pages(provider: HttpJson, first: tuple[int, ...] = ()) -> list[Page]:
    return [page async for page in provider.sweep(batch(), first)]


async def people(provider: HttpJson) -> list[str]:
    found = []
    for page in await pages(provider):
        raws = provider.split(page)
        found += [provider.decode(batch(), page, raw).contact.contact_id for raw in raws]
    return found


async def read(provider: HttpJson) -> list[Item]:
    (page,) = await pages(provider)
    return [provider.decode(batch(), page, raw) for raw in provider.split(page)]


# How the key is shown


@pytest.mark.parametrize(
    ("auth", "headers", "params"),
    [
        ({"header": "X-Api-Key"}, {"x-api-key": KEY}, {}),
        ({"header": "authorization", "prefix": "Token"}, {"authorization": f"Token {KEY}"}, {}),
        ({"bearer": True}, {"authorization": f"Bearer {KEY}"}, {}),
        (
            {"basic": "me"},
            {"authorization": "Basic " + base64.b64encode(f"me:{KEY}".encode()).decode()},
            {},
        ),
        ({"query": "key"}, {}, {"key": KEY}),
    ],
)
async def test_the_key_is_shown_as_the_vendor_wants_it(
    auth: dict[str, Any], headers: dict[str, str], params: dict[str, str]
) -> None:
    more: dict[str, Any] = {
        "api_key": KEY,
        "auth": auth,
        "headers": {"Vendor-Version": "2026-03-01"},
    }
    async with asking(Vendor(), **more) as (provider, server):
        await look(provider)
    (asked,) = server.asked
    assert asked.params == params
    assert headers.items() <= asked.headers.items()
    assert asked.headers["vendor-version"] == "2026-03-01"
    assert KEY not in repr(provider.__dict__) + repr(settings(table(**more)))


async def test_secrets_beside_the_key_are_sent_as_they_are() -> None:
    changes = [
        ("headers", {"X-Pass": {"env": "HOME"}, "X-Org": "acme"}),
        ("items.params", {"token": {"env": "HOME"}, "n": 1}),
        ("items.paging", {"style": "link", "next": "to"}),
    ]
    secret = os.environ["HOME"].strip()
    said = {"data": {"rows": [row()]}}

    def answer(asked: Asked) -> Any:
        return said | {"to": None if "p" in asked.params else "/jobs/j1/rows?p=2&token=no"}

    async with asking(answer, *changes) as (provider, server):
        assert len(await people(provider)) == 2
    assert [asked.headers["x-pass"] for asked in server.asked] == [secret] * 2
    assert [asked.params["token"] for asked in server.asked] == [secret] * 2
    assert secret not in repr(settings(table(*changes)))


async def test_addresses_begin_below_the_base_url_and_hold_any_id() -> None:
    odd = "a/b ?#é"
    changes = [
        ("items.params", {"of": "{batch_id}", "fixed": 1}),
        ("list", None),
        ("batch.path", "/jobs/{batch_id}/x"),
    ]

    def answer(asked: Asked) -> Any:
        if asked.path == "/v9/jobs/a/b ?#é/x":
            return {"data": job(id=odd)}
        assert asked.params == {"of": odd, "fixed": "1"}
        return {"data": {"rows": [row()]}}

    async with asking(answer, *changes, under="/v9", batches=[odd]) as (provider, _):
        assert (await look(provider, odd)).batch_id == odd
        assert [page.last async for page in provider.sweep(batch(odd))] == [True]


async def test_a_list_may_be_asked_for_by_post() -> None:
    changes = [
        ("items.method", "POST"),
        ("items.path", "/calls"),
        ("items.body", {"filter": [{"batch": "{batch_id}"}], "n": 3}),
        ("items.paging", CURSOR),
        ("items.rows", "rows"),
    ]
    bodies: list[Any] = []

    def answer(asked: Asked) -> Any:
        bodies.append(json.loads(asked.body))
        return {"rows": [row(len(bodies))], "following": "x" if len(bodies) == 1 else None}

    async with asking(answer, *changes) as (provider, server):
        assert await people(provider) == ["p1", "p2"]
    assert {asked.method for asked in server.asked} == {"POST"}
    assert bodies == [
        {"filter": [{"batch": "j1"}], "n": 3},
        {"filter": [{"batch": "j1"}], "n": 3, "after": "x"},
    ]


# Lists cut in pages


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(("paging", "cut"), STYLES)
async def test_every_row_is_read_in_every_style(
    paging: dict[str, Any], cut: Callable[[Asked, list[Any]], dict[str, Any]], count: int
) -> None:
    vendor = Vendor(rows=count)
    vendor.cut = cut
    async with asking(vendor, ("items.paging", paging)) as (provider, _):
        assert await people(provider) == [f"p{number}" for number in range(count)]
        assert [page.last for page in await pages(provider)][-1:] == [True]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
@pytest.mark.parametrize(("paging", "cut"), STYLES)
async def test_every_batch_is_found_in_every_style(
    paging: dict[str, Any], cut: Callable[[Asked, list[Any]], dict[str, Any]], count: int
) -> None:
    vendor = Vendor(jobs=count)
    vendor.cut = cut
    async with asking(vendor, ("list.paging", paging)) as (provider, _):
        found = await provider.discover(since=NOW - timedelta(days=7), known={}, memory={})
    assert [each.batch_id for each in found.sightings] == [f"j{n}" for n in range(1, count + 1)]
    assert found.complete
    assert {each.look for each in found.sightings} <= {None}


async def test_a_vendor_that_gives_smaller_pages_than_asked_loses_no_row() -> None:
    vendor = Vendor(jobs=5, rows=5)
    vendor.cut = lambda asked, rows: by_page(
        Asked(asked.method, asked.path, asked.params | {"n": "2"}, asked.headers), rows
    )
    paging = {**PAGE, "size": 100}
    changes = [("items.paging", paging), ("list.paging", paging)]
    async with asking(vendor, *changes) as (provider, _):
        assert await people(provider) == [f"p{number}" for number in range(5)]
        found = await provider.discover(since=NOW - timedelta(days=7), known={}, memory={})
    assert len(found.sightings) == 5


async def test_pages_on_which_something_moved_are_read_first() -> None:
    vendor = Vendor(rows=9)
    vendor.cut = by_offset
    async with asking(vendor, ("items.paging", OFFSET)) as (provider, _):
        look = batch(total=9)
        numbers = [page.number async for page in provider.sweep(look, (3,))]
    assert numbers == [3, 0, 1, 2, 4]


LINKED = {"style": "link"}


@pytest.mark.parametrize("in_body", [True, False], ids=["in the body", "in the header"])
@pytest.mark.parametrize("whole", [True, False], ids=["whole address", "relative"])
async def test_links_are_followed(*, in_body: bool, whole: bool) -> None:
    vendor = Vendor(rows=5)
    base: list[str] = []

    def cut(asked: Asked, rows: list[Any]) -> Any:
        start = int(asked.params.get("start", 0))
        link = f"{base[0] if whole else ''}/jobs/j1/rows?start={start + 2}&a=1&a=2"
        more = start + 2 < len(rows)
        part = {"rows": rows[start : start + 2]}
        if in_body:
            return {"data": part, "to": link if more else None}
        header = f'</jobs>; rel="first", <{link}>; rel="next"'
        return Reply({"data": part, "to": None}, headers={"link": header} if more else {})

    vendor.cut = lambda asked, rows: (
        said if isinstance(said := cut(asked, rows), Reply) else Reply(said)
    )
    paging = LINKED | ({"next": "to"} if in_body else {})
    auth: dict[str, Any] = {"api_key": KEY, "auth": {"query": "key"}}
    async with asking(vendor, ("items.paging", paging), **auth) as (provider, server):
        base.append(server.url)
        assert await people(provider) == [f"p{number}" for number in range(5)]
    assert all(asked.params["key"] == KEY for asked in server.asked)


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:9/jobs/j1/rows",
        "https://{host}/jobs/j1/rows",
        "//evil.example/x",
        "http://{host}@evil.example/x",
        "http://[::1/x",
    ],
)
async def test_a_link_to_another_host_is_refused(link: str) -> None:
    at: list[str] = []

    def answer(asked: Asked) -> Any:
        said = link.replace("{host}", asked.headers["host"])
        at.append(said)
        return {"data": {"rows": [row(len(at))]}, "to": said}

    changes = [("items.paging", {"style": "link", "next": "to"})]
    async with asking(answer, *changes) as (provider, _):
        with pytest.raises(ProviderError, match="another host: it is not followed") as caught:
            await pages(provider)
    assert caught.value.kind == "contract"
    assert len(at) == 1


@pytest.mark.parametrize(
    "following",
    [
        pytest.param(lambda n: "same", id="to itself"),
        pytest.param(lambda n: str(n % 3), id="in a circle"),
    ],
)
async def test_a_list_that_goes_in_circles_is_a_failure(following: Callable[[int], str]) -> None:
    asked_for: list[str] = []

    def answer(asked: Asked) -> Any:
        asked_for.append(asked.path)
        rows = [row(len(asked_for))]
        return {"data": {"rows": rows}, "following": following(len(asked_for))}

    async with asking(answer, ("items.paging", CURSOR)) as (provider, _):
        with pytest.raises(ProviderError, match="circles"):
            await pages(provider)
    assert len(asked_for) < 6


async def test_empty_pages_without_end_are_a_failure() -> None:
    numbers = iter(range(100))

    def answer(asked: Asked) -> Any:
        del asked
        return {"data": {"rows": []}, "following": str(next(numbers))}

    async with asking(answer, ("items.paging", CURSOR)) as (provider, _):
        with pytest.raises(ProviderError, match="does not end"):
            await pages(provider)
    assert next(numbers) < 5


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(Reply(b"<html>"), id="a web page"),
        pytest.param(Reply(b'{"data": {"ro'), id="broken off"),
        pytest.param({"error": "no such thing"}, id="an error with 200"),
        pytest.param({"data": {"rows": None}}, id="null"),
        pytest.param({"data": {"rows": {}}}, id="a table"),
        pytest.param({"data": []}, id="a list outside"),
        pytest.param(Reply(b"[" * 10_000), id="nested without end"),
    ],
)
@pytest.mark.parametrize("rows", ["data.rows", "data.rows[*]", "data.rows | [?person]"])
async def test_an_answer_without_the_list_is_a_failed_read(said: Any, rows: str) -> None:
    async with asking(lambda _: said, ("items.rows", rows)) as (provider, _):
        with pytest.raises(ProviderError) as caught:
            await pages(provider)
    assert caught.value.kind == "garbage"


async def test_rows_of_any_expression_are_written_anew_always_alike() -> None:
    first = {"data": {"rows": [row(1) | {"keep": True}, row(2)]}}
    again = {"data": {"rows": [row(2), dict(reversed((row(1) | {"keep": True}).items()))]}}
    answers = iter([first, again])
    changes = [("items.rows", "data.rows[?keep]")]
    async with asking(lambda _: next(answers), *changes) as (provider, _):
        (one,), (other,) = await pages(provider), await pages(provider)
    assert one.body == other.body
    assert [json.loads(bytes(raw)) for raw in provider.split(one)] == [row(1) | {"keep": True}]


# Batches


async def test_a_look_is_one_answer() -> None:
    async with asking(Vendor()) as (provider, server):
        found = await look(provider)
    assert found == Batch(
        provider="jobs",
        batch_id="j1",
        status=BatchStatus.RUNNING,
        seen_at=NOW,
        counts=Counts(total=2),
        created_at=NOW - timedelta(hours=1),
    )
    assert server.paths() == ["/jobs/j1"]


@pytest.mark.parametrize(
    ("state", "status", "raw"),
    [
        ("going", BatchStatus.RUNNING, None),
        ("OVER", BatchStatus.COMPLETED, None),
        ("sold 123456", BatchStatus.UNKNOWN, "sold #"),
        (None, BatchStatus.UNKNOWN, None),
        (True, BatchStatus.UNKNOWN, "true"),
        ({"a": 1}, BatchStatus.UNKNOWN, None),
    ],
)
async def test_a_word_that_is_not_listed_stays_unknown(
    state: Any, status: BatchStatus, raw: str | None
) -> None:
    vendor = Vendor()
    vendor.jobs = [job(state=state)]
    async with asking(vendor) as (provider, _):
        found = await look(provider)
    assert (found.status, found.raw_status) == (status, raw)


@pytest.mark.parametrize("said", [{"data": None}, {"data": job(2)}, {"data": [job()]}, {}])
async def test_an_answer_about_something_else_is_a_failed_read(said: Any) -> None:
    async with asking(lambda _: said) as (provider, _):
        with pytest.raises(ProviderError) as caught:
            await look(provider)
    assert caught.value.kind == "garbage"


async def test_one_list_answers_for_many_batches() -> None:
    vendor = Vendor(jobs=7)
    async with asking(vendor, looks="list") as (provider, server):
        known = [Known(batch_id=f"j{number}") for number in range(1, 6)]
        found = [each async for each in provider.looks(known)]
    assert [each.batch_id for each in found] == [each.batch_id for each in known]
    assert server.paths() == ["/jobs"]


async def test_what_the_first_pages_do_not_show_is_asked_for_by_itself() -> None:
    vendor = Vendor(jobs=9)
    vendor.cut = by_cursor
    async with asking(vendor, ("list.paging", CURSOR), looks="list") as (provider, server):
        known = [Known(batch_id="j2"), Known(batch_id="j9")]
        found = [each async for each in provider.looks(known)]
    assert [each.batch_id for each in found] == ["j2", "j9"]
    assert server.paths() == ["/jobs", "/jobs", "/jobs/j9"]


async def test_without_an_endpoint_for_one_the_whole_list_is_searched() -> None:
    vendor = Vendor(jobs=9)
    vendor.cut = by_cursor
    changes = [("list.paging", CURSOR), ("batch", None)]
    async with asking(vendor, *changes) as (provider, server):
        assert (await look(provider, "j9")).batch_id == "j9"
        with pytest.raises(NotFoundError):
            await look(provider, "none")
    assert len(server.asked) == 10


async def test_what_an_unreadable_list_does_not_show_has_not_vanished() -> None:
    vendor = Vendor(jobs=2)
    vendor.jobs.append({"id": None})
    async with asking(vendor, ("batch", None)) as (provider, _):
        with pytest.raises(ProviderError) as caught:
            await look(provider, "j9")
        found = await provider.discover(since=NOW - timedelta(days=1), known={}, memory={})
    assert not isinstance(caught.value, NotFoundError)
    assert not found.complete
    assert [each.look.batch_id for each in found.sightings if each.look] == ["j1", "j2"]


@pytest.mark.parametrize("alone", [True, False])
async def test_a_list_that_makes_no_sense_says_nothing_of_its_batches(*, alone: bool) -> None:
    vendor = Vendor()
    vendor.cut = lambda _, __: Reply(b"<html>")
    changes = [("batch", None)] if alone else [("looks", "list")]
    async with asking(vendor, *changes) as (provider, _):
        if not alone:
            assert (await look(provider)).status is BatchStatus.RUNNING
            return
        with pytest.raises(ProviderError) as caught:
            await look(provider)
    assert (caught.value.kind, isinstance(caught.value, NotFoundError)) == ("garbage", False)


async def test_discovery_ends_where_the_list_is_older_than_asked_for() -> None:
    vendor = Vendor(jobs=60)
    vendor.cut = by_cursor
    async with asking(vendor, ("list.paging", CURSOR)) as (provider, server):
        found = await provider.discover(since=NOW - timedelta(hours=11), known={}, memory={})
    assert len(found.sightings) == 11
    assert found.complete
    assert len(server.asked) == 6


@pytest.mark.parametrize(
    ("times", "zone", "written"),
    [
        ("iso", None, "2026-05-10T12:00:00Z"),
        ("epoch_s", None, "1778414400"),
        ("epoch_ms", None, "1778414400000"),
        ("%d/%m/%Y %H:%M", "Asia/Kolkata", "10/05/2026 17:30"),
    ],
)
async def test_the_list_can_be_asked_for_what_is_new(
    times: str, zone: str | None, written: str
) -> None:
    units = {"times": times} | ({"zone": zone} if zone else {})
    changes = [("list.params", {"from": "{since}"}), ("units", units)]
    async with asking(Vendor(), *changes) as (provider, server):
        await provider.discover(since=NOW, known={}, memory={})
    assert server.asked[0].params == {"from": written}


async def test_without_a_list_only_the_named_batches_are_there() -> None:
    async with asking(Vendor(), ("list", None), batches=["j1"]) as (provider, server):
        found = await provider.discover(since=NOW, known={}, memory={})
        assert (found.sightings, found.complete, server.asked) == ((), True, [])
        assert "j1 is running" in await provider.check()
        assert await provider.state() is None
        await provider.close()


async def test_a_check_asks_for_the_first_page_of_the_list() -> None:
    async with asking(Vendor(jobs=3)) as (provider, server):
        assert "first page of its list: 3" in await provider.check()
    assert server.paths() == ["/jobs"]


# People and calls


async def only(*changes: tuple[str, Any], **fields: Any) -> Item:
    vendor = Vendor()
    vendor.rows = [row(**fields)]
    async with asking(vendor, *changes) as (provider, _):
        (found,) = await read(provider)
    return found


async def test_a_row_is_a_person_with_a_call() -> None:
    found = await only(to="+12125550123", transcript="Hello, Mr. Made Up")
    assert found.contact.contact_id == "p1"
    assert found.contact.status is ContactStatus.COMPLETED
    assert (found.contact.phone, found.contact.country) == ("••0123", "US")
    (call,) = found.calls
    assert (call.call_id, call.contact_id, call.status) == ("c1", "p1", CallStatus.COMPLETED)
    assert "Made Up" not in repr(found)
    assert "5550123" not in repr(found)


async def test_a_row_without_a_call_is_a_person_who_was_not_called() -> None:
    found = await only(call=None, state="in call")
    assert (found.contact.status, found.calls) == (ContactStatus.IN_CALL, ())


async def test_a_row_may_hold_several_calls() -> None:
    calls = [{"call": "a", "result": "bad"}, {"call": 7, "result": "ok"}, {"result": "ok"}]
    changes = [("items.calls", "tries"), ("fields.contact.status", None)]
    found = await only(*changes, tries=calls)
    assert [(call.call_id, call.contact_id) for call in found.calls] == [("a", "p1"), ("7", "p1")]
    assert found.contact.status is ContactStatus.COMPLETED


@pytest.mark.parametrize(
    ("result", "status", "raw"),
    [
        ("ok", ContactStatus.COMPLETED, None),
        ("bad", ContactStatus.FAILED, None),
        ("odd", ContactStatus.UNKNOWN, "odd"),
    ],
)
async def test_a_row_may_be_a_call_by_itself(
    result: str, status: ContactStatus, raw: str | None
) -> None:
    found = await only(("fields.contact", {}), result=result)
    assert (found.contact.contact_id, found.calls[0].contact_id) == ("c1", "c1")
    assert (found.contact.status, found.contact.raw_status) == (status, raw)


@pytest.mark.parametrize("fields", [{"person": None}, {"person": []}, {"call": {"id": 1}}])
async def test_a_row_without_an_id_is_unread(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="id is missing"):
        await only(**fields)


async def test_a_row_that_is_no_table_is_unread() -> None:
    vendor = Vendor()
    vendor.rows = [["+12125550123"]]  # type: ignore[list-item]  # that is the point
    async with asking(vendor) as (provider, _):
        with pytest.raises(ValueError, match="no table") as caught:
            await read(provider)
    assert "2125550123" not in str(caught.value)


@pytest.mark.parametrize("spelt", ["+12125550123", "+1 (212) 555-0123"])
async def test_a_phone_number_that_serves_as_the_id_is_kept_as_a_hash(spelt: str) -> None:
    found = await only(person=spelt, to=spelt, call=spelt)
    assert found.contact.phone_hash is not None
    assert found.contact.contact_id == f"phone-{found.contact.phone_hash.hex()}"
    assert found.calls[0].call_id == found.calls[0].contact_id == found.contact.contact_id


async def test_a_phone_number_without_a_country_is_hashed_where_it_is_told_to_be_one() -> None:
    found = await only(("calling_code", "1"), person="2125550123", to="2125550123")
    other = await only(person="+12125550123")
    assert found.contact.contact_id == other.contact.contact_id
    assert found.contact.contact_id.startswith("phone-")


DETAILED = [
    ("fields.call.started_at", "from_"),
    ("fields.call.ended_at", "until"),
    ("fields.call.duration", "long"),
    ("fields.call.cost", "price"),
    ("fields.call.error", "why"),
    ("fields.call.from_number", "caller"),
    ("fields.call.hangup_class", "hangup"),
    ("fields.call.answered_by", "machine"),
    ("words.answered_by", {"true": "voicemail", "false": "human"}),
    ("units.currency", "USD"),
]


@pytest.mark.parametrize(
    ("value", "transferred"),
    [
        pytest.param(True, True, id="true"),
        pytest.param(False, False, id="false"),
        pytest.param("failed", False, id="failed"),
        pytest.param("+12125550123", True, id="to whom"),
        pytest.param("none", None, id="nobody tried"),
        pytest.param(None, None, id="null"),
    ],
)
async def test_what_came_of_a_call_and_whether_it_was_handed_over(
    value: Any, *, transferred: bool | None
) -> None:
    paths = [("fields.call.disposition", "label"), ("fields.call.transferred", "handed")]
    found = await only(*paths, label="Not Interested", handed=value)

    (call,) = found.calls
    assert (call.disposition, call.transferred) == ("not interested", transferred)
    assert call.detail_at == NOW


async def test_the_details_of_a_call_are_in_our_units() -> None:
    changes = [*DETAILED, ("units.money", "cents"), ("units.duration", "min")]
    found = await only(
        *changes,
        from_="2026-05-10T11:00:00+02:00",
        until="2026-05-10T09:05:00Z",
        long=1.5,
        price="12.25",
        why="Call to +12125550123 failed",
        caller="+1 747 342 3273",
        hangup="Normal Hangup",
        machine=True,
    )
    (call,) = found.calls
    assert call.started_at == datetime(2026, 5, 10, 9, 0, tzinfo=UTC)
    assert call.ended_at == datetime(2026, 5, 10, 9, 5, tzinfo=UTC)
    assert (call.ended_by, call.duration_s) == ("vendor", 90.0)
    assert (call.cost_micros, call.currency, call.cost_estimated) == (122_500, "USD", False)
    assert call.error_class == "Call to +# failed"
    assert (call.from_number, call.hangup_class) == ("••3273", "Normal Hangup")
    assert call.answered_by == "voicemail"
    assert call.detail_at == NOW


@pytest.mark.parametrize(
    ("fields", "ended_at", "ended_by"),
    [
        pytest.param({}, None, None, id="no time"),
        pytest.param({"from_": "2026-05-10T11:00:00Z"}, None, None, id="only the start"),
        pytest.param(
            {"from_": "2026-05-10T11:00:00Z", "long": 60},
            datetime(2026, 5, 10, 11, 1, tzinfo=UTC),
            "derived",
            id="start and duration",
        ),
        pytest.param(
            {"from_": "2026-05-10T11:59:30Z", "long": 60}, NOW, "derived", id="never later than now"
        ),
        pytest.param({"until": "2026-05-10T13:00:00Z"}, NOW, "vendor", id="told of the future"),
        pytest.param(
            {"from_": "2026-05-10T11:00:00Z", "until": "2026-05-10T10:00:00Z", "long": 60},
            datetime(2026, 5, 10, 11, 1, tzinfo=UTC),
            "derived",
            id="ended before it began",
        ),
        pytest.param({"until": "2026-05-10T11:00:00"}, None, None, id="naive"),
        pytest.param({"until": "1970-01-01T00:00:00Z"}, None, None, id="absurd"),
        pytest.param(
            {"until": "2026-05-10T11:00:00Z", "result": "running"}, None, None, id="not over"
        ),
    ],
)
async def test_when_a_call_ended_has_its_provenance(
    fields: dict[str, Any], ended_at: datetime | None, ended_by: str | None
) -> None:
    found = await only(*DETAILED, **fields)
    assert (found.calls[0].ended_at, found.calls[0].ended_by) == (ended_at, ended_by)


async def test_rates_estimate_what_no_path_tells() -> None:
    changes = [("rates", {"minute": "0.60 USD"}), *DETAILED[:3]]
    found = await only(*changes, from_="2026-05-10T11:00:00Z", long=30)
    assert (found.calls[0].cost_micros, found.calls[0].cost_estimated) == (300_000, True)


async def test_one_answer_tells_of_a_batch_and_its_people_once() -> None:
    whole = {"data": job() | {"rows": [row(1), row(2)]}}
    changes = [("items.path", "/jobs/{batch_id}")]
    async with asking(lambda _: whole, *changes) as (provider, server):
        seen = await look(provider)
        assert len([page async for page in provider.sweep(seen)]) == 1
        assert len(server.asked) == 1
        (page,) = [page async for page in provider.sweep(seen)]
        assert len(provider.split(page)) == 2
        assert len(server.asked) == 2
