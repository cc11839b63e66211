"""The status page: what it shows, what its forms do, and what nobody can make it do."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, delete, update
from starlette.routing import Route

from monitor.core.alert import AlertState, Reason, Transition
from monitor.errors import StoreError
from monitor.store import alerts, silences
from monitor.store.arrivals import note_poll
from monitor.store.schema import batches, metadata, providers
from monitor.web.access import OPEN, SESSION_FOR
from monitor.web.glance import MOST_ALERTS
from tests.builders import HOUR, NOON, SECOND
from tests.delivering import make_alert, resolved, tell_all
from tests.desks import BLIND, CLOSED, DEAD, FIRING, TOKEN, WARNING, Front, fill
from tests.lookbacks import take_batch

PAGES = ("/", f"/alerts/{FIRING.key}", "/silences/new", f"/silences/new?alert={FIRING.key}")
_STALE = "chip warning firing"


class Parsed(HTMLParser):
    """The elements of a page with their attributes, the text, and the fields of each form."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.forms: dict[str, dict[str, str]] = {}
        self._form: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.append((tag, found))
        if tag == "form":
            self._form = self.forms.setdefault(found["action"] or "", {})
        if tag == "input" and found.get("name") and (found.get("type") != "radio"):
            self._form[found["name"] or ""] = found.get("value") or ""

    def handle_data(self, data: str) -> None:
        self.text += data


async def shown(client: httpx.AsyncClient, path: str = "/") -> Parsed:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return Parsed(answer.text)


async def introduced(client: httpx.AsyncClient, name: str = "ada") -> None:
    """From now on the page knows who asks."""
    await sent(client, "/name", author=name)


async def sent(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    """The form of this address as the status page has it, filled in."""
    form = (await shown(client)).forms.get(path) or (await shown(client, "/silences/new")).forms[
        "/silences"
    ]
    return await client.post(path, data=form | fields)


async def test_it_shows_how_things_stand(desk: Front) -> None:
    desk.late = ("the evaluation makes no progress",)
    async with desk.browser() as client:
        page = await shown(client)

    text = " ".join(page.text.split())
    for words in (
        "2 critical, 1 warning firing; cannot read renewals; 1 message given up.",
        "the evaluation makes no progress",
        "19 of 42 calls failed in 10 min",
        "cannot be read since 14:00 CEST: auth",
        "cannot see retries, cost",
        "208 of 412",
        "ops was not told of Renewals May",
        "Nobody has done anything yet.",
    ):
        assert words in text
    assert text.index("provider_blind") < text.index("batch_stalled")
    assert CLOSED.key not in str(page.elements)
    stale = [attrs for _, attrs in page.elements if attrs.get("class") == _STALE]
    assert stale
    times = [attrs for tag, attrs in page.elements if tag == "time"]
    assert times[0]["title"] == "2026-06-10 14:00:00 CEST"
    assert [attrs["content"] for tag, attrs in page.elements if "http-equiv" in attrs] == [
        "30;url=/"
    ]


async def test_it_says_of_webhooks_what_is_known_of_them(desk: Front) -> None:
    """A hint names nothing that ended: that polls alone saw it is no miss."""
    ended = NOON - HOUR
    await desk.write(lambda conn: note_poll(conn, "renewals", [("c1", NOON, ended)]))

    async def told() -> str:
        async with desk.browser() as client:
            return " ".join((await shown(client)).text.split())

    page = await told()
    assert "webhooks: last 10 min ago" in page
    assert "missed" not in page

    refused = update(providers).values(refused_at=NOON + SECOND)
    await desk.write(lambda conn: conn.execute(refused))
    assert "webhooks: last 10 min ago, refused since" in await told()
    await desk.write(lambda conn: conn.execute(update(providers).values(webhook_at=None)))
    assert "webhooks: no good one ever came, refused since" in await told()

    never = update(providers).values(webhook_at=None, refused_at=None)
    await desk.write(lambda conn: conn.execute(never))
    assert "webhooks: none ever came" in await told()


async def test_what_ended_long_ago_may_be_looked_at_seldom(desk: Front) -> None:
    async def marked() -> int:
        async with desk.browser() as client:
            page = await shown(client)
        chips = [attrs for _, attrs in page.elements if attrs.get("class") == _STALE]
        return len(chips)

    before = await marked()
    ended = update(batches).where(batches.c.batch_id == "btc_2")
    await desk.write(lambda conn: conn.execute(ended.values(terminal_at=NOON - 2 * HOUR)))
    lately = await marked()
    await desk.write(lambda conn: conn.execute(ended.values(terminal_at=NOON - 8 * HOUR)))

    assert before == lately == await marked() + 1


async def test_it_says_when_there_is_nothing_to_say(desk: Front) -> None:
    def empty(conn: Connection) -> None:
        for table in reversed(metadata.sorted_tables):
            conn.execute(delete(table))

    await desk.write(empty)
    async with desk.browser() as client:
        page = await shown(client)

    text = " ".join(page.text.split())
    for words in ("Nothing fires.", "No alert is open.", "not read yet", "No batch is watched"):
        assert words in text
    assert "/name" not in page.forms


async def test_what_is_too_much_for_a_page_is_counted(desk: Front) -> None:
    many = [make_alert(f"rule_{n}") for n in range(MOST_ALERTS)]
    await desk.write(lambda conn: alerts.save(conn, many))
    async with desk.browser() as client:
        page = await shown(client)

    text = " ".join(page.text.split())
    assert f"{MOST_ALERTS + 2} critical, 1 warning firing" in text
    assert "and 3 more: offhook alerts" in text


async def test_an_alert_has_a_page_that_messages_link_to(desk: Front) -> None:
    async with desk.browser() as client:
        page = await shown(client, f"/alerts/{FIRING.key}")
        missing = await client.get("/alerts/nothing")

    text = " ".join(page.text.split())
    for words in ("404 people wait", "carrier block", "Pause the batch", "call_1", "held long"):
        assert words in text
    assert missing.status_code == 404


async def test_a_closed_alert_tells_how_it_began_and_nothing_of_now(desk: Front) -> None:
    alert = make_alert("over", unknown="the batch has ended")
    fading = replace(alert, finding=replace(alert.finding, value=25.7))
    move = Transition(
        alert=alert,
        before=AlertState.PENDING,
        after=AlertState.FIRING,
        reason=Reason.HELD_LONG_ENOUGH,
        at=NOON,
    )

    def live(conn: Connection) -> None:
        tell_all(conn, alert)
        alerts.record(conn, [move])
        alerts.save(conn, [resolved(fading)])

    await desk.write(live)
    async with desk.browser() as client:
        text = " ".join((await shown(client, f"/alerts/{alert.key}")).text.split())

    assert "45.2 % when it fired, 5 % at the end" in text
    assert "Cannot be judged now" not in text
    assert "that it fires pending" in text
    assert "Nobody has acknowledged or silenced it." in text


async def test_a_batch_has_a_page_with_its_report(desk: Front) -> None:
    await desk.write(take_batch)
    async with desk.browser() as client:
        start = await shown(client)
        page = await shown(client, "/batches/renewals/btc_9")
        missing = await client.get("/batches/renewals/nothing")
        stranger = await client.get("/batches/nobody/btc_9")

    text = " ".join(page.text.split())
    for words in ("Renewals June", "5 (50 %)", "retry 2", "carrier block", "5 of 5"):
        assert words in text
    assert any(tag == "rect" and attrs["class"] == "failed" for tag, attrs in page.elements)
    assert "/batches/renewals/btc_1" in [attrs.get("href") for _, attrs in start.elements]
    assert (missing.status_code, stranger.status_code) == (404, 404)


async def test_an_alert_is_acknowledged_with_one_button_once_the_name_is_known(
    desk: Front,
) -> None:
    path = f"/alerts/{WARNING.key}/ack"
    async with desk.browser() as client:
        assert path not in (await shown(client)).forms
        await introduced(client, "Ada Ö")
        first = await sent(client, path)
        page = await shown(client, first.headers["location"])
        second = await sent(client, f"/alerts/{FIRING.key}/ack")

    assert (first.status_code, second.status_code) == (303, 303)
    assert "Renewals May: acknowledged by Ada Ö; no repeats until it closes." in page.text
    assert path not in page.forms
    assert await desk.deeds() == [("Ada Ö", "page", "ack.add")] * 2
    assert desk.woken == ["judge", "judge"]


async def test_a_silence_is_previewed_made_and_ended(desk: Front) -> None:
    async with desk.browser() as client:
        form = (await shown(client, f"/silences/new?alert={FIRING.key}")).forms["/silences"]
        matchers = "rule=error_spike\r\nprovider=renewals\r\nbatch=btc_1"
        filled = {**form, "matchers": matchers, "comment": "known", "author": "ada", "end": "for"}
        preview = await client.post("/silences", data=filled | {"do": "preview"})
        assert await desk.deeds() == []
        made = await client.post("/silences", data=filled | {"do": "silence"})
        page = await shown(client, made.headers["location"])
        (kept,) = await desk.read(silences.load)
        await sent(client, f"/silences/{kept.id}/end")
        after = await shown(client)

    assert "As it stands, it holds back 1 alert now" in preview.text
    assert Parsed(preview.text).forms["/silences"]["comment"] == "known"
    assert "Silenced; it holds back 1 alert now" in page.text
    assert "Silenced by ada until 16:10 CEST: known" in " ".join(page.text.split())
    assert len(kept.matchers) == 3
    assert "None stands." in after.text
    assert await desk.deeds() == [("ada", "page", "silence.end"), ("ada", "page", "silence.add")]


async def test_a_silence_stands_on_the_page_of_the_alert_that_it_holds_back(desk: Front) -> None:
    wish = {"matchers": "provider=renewals\nrule=error_spike", "end": "for", "lasts": "2h"}
    wish |= {"comment": "carrier at work", "author": "eve", "do": "silence", "alert": FIRING.key}
    async with desk.browser() as client:
        made = await sent(client, "/silences", **wish)
        (kept,) = await desk.read(silences.load)
        page = await shown(client, made.headers["location"])
        other = await shown(client, f"/alerts/{BLIND.key}")
        await sent(client, f"/silences/{kept.id}/end", author="bob", back=f"/alerts/{FIRING.key}")
        after = await shown(client, f"/alerts/{FIRING.key}")

    assert made.headers["location"].startswith(f"/alerts/{FIRING.key}?note=")
    text, end = " ".join(page.text.split()), f"/silences/{kept.id}/end"
    assert "Silenced; it holds back 1 alert now" in text
    assert "until 16:10 CEST · eve (page): carrier at work" in text
    assert f"offhook silence expire {kept.id}" in text
    assert "eve (page) silenced" in text
    assert end in page.forms
    assert end not in other.forms | after.forms
    assert "bob (page) ended the silence:" in " ".join(after.text.split())


async def test_the_form_is_filled_in_from_an_alert(desk: Front) -> None:
    async with desk.browser() as client:
        answer = await client.get(f"/silences/new?alert={FIRING.key}")
        of_provider = await client.get(f"/silences/new?alert={BLIND.key}")

    assert "rule=error_spike&#10;provider=renewals&#10;batch=btc_1</textarea>" in answer.text
    assert Parsed(answer.text).forms["/silences"]["batch"] == "renewals/btc_1"
    assert "rule=provider_blind&#10;provider=renewals</textarea>" in of_provider.text


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        pytest.param({"end": "until", "until": "18:00"}, "16:00:00", id="until a time"),
        pytest.param({"end": "batch", "batch": "btc_1"}, None, id="until the batch ends"),
    ],
)
async def test_a_silence_may_end_otherwise(
    desk: Front, fields: dict[str, str], kept: str | None
) -> None:
    wish = {"matchers": "rule=x", "comment": "known", "author": "ada", "do": "silence"}
    async with desk.browser() as client:
        assert (await sent(client, "/silences", **wish, **fields)).status_code == 303

    (made,) = await desk.read(silences.load)
    assert (made.ends_at and f"{made.ends_at:%H:%M:%S}") == kept
    assert (made.until_end_of is None) is (kept is not None)


async def test_what_cannot_be_silenced_is_said_in_the_form_that_keeps_what_was_typed(
    desk: Front,
) -> None:
    wish = {"matchers": "rule=~.*", "comment": "<b>all", "author": "ada", "do": "silence"}
    async with desk.browser() as client:
        answer = await sent(client, "/silences", **wish)

    assert answer.status_code == 422
    assert "this would silence everything; name what" in answer.text
    assert Parsed(answer.text).forms["/silences"]["comment"] == "<b>all"
    assert await desk.deeds() == []


async def test_what_was_given_up_is_sent_again(desk: Front) -> None:
    async with desk.browser() as client:
        await introduced(client)
        await sent(client, f"/deliveries/{DEAD}/replay")
        page = await shown(client)

    assert "Messages given up" not in page.text
    assert await desk.deeds() == [("ada", "page", "delivery.replay")]
    assert "dispatcher" in desk.woken


async def test_what_fails_is_said_on_the_next_page(desk: Front) -> None:
    path = f"/alerts/{FIRING.key}/ack"
    async with desk.browser() as client:
        await introduced(client)
        nobody = await sent(client, path, author=" ")
        page = await shown(client, nobody.headers["location"])
        once = await shown(client, nobody.headers["location"])

    assert "say who you are" in page.text
    assert "say who you are" not in once.text
    assert await desk.deeds() == []


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</textarea></title><script>alert(1)</script>",
    "{{ 'q' * 5 }}{% raw %}",
    "\u202eesrever\u2066 \x00\x1b[31m \u2028\ud800"[:-1],
    "javascript:alert(1)",
    "x" * 10_000,
    "<" * 4_000,
    "&lt;script&gt;&amp;",
    "نص عربي 中文 🇩🇪👩‍👩‍👧",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_no_foreign_text_becomes_part_of_a_page(desk: Front, text: str) -> None:
    async with desk.browser() as client:
        before = [_shape(await shown(client, path)) for path in PAGES]
        await desk.write(lambda conn: fill(conn, text))
        pages = [await client.get(path) for path in PAGES]

    for page, shape in zip(pages, before, strict=True):
        parsed = Parsed(page.text)
        assert _shape(parsed) == shape
        assert "qqqqq" not in parsed.text
        assert not re.search("[\u202e\u2066\x00\x1b\u2028]", page.text)
        assert max(map(len, parsed.text.split("\n"))) < 4_000


async def test_no_foreign_text_of_a_person_does_either(desk: Front) -> None:
    async with desk.browser() as client:
        for text in HOSTILE:
            wish = {"matchers": f"batch={text[:99]}", "comment": text[:300], "do": "silence"}
            await sent(client, "/silences", **wish, author=text[:80])
            await introduced(client, text[:80])
            form = (await shown(client, PAGES[1])).forms[f"{PAGES[1]}/ack"]
            await client.post(f"{PAGES[1]}/ack", data=form | {"comment": text[:300]})
        pages = [await client.get(path) for path in PAGES]

    assert len(await desk.deeds()) > len(HOSTILE)
    for page in pages:
        names = {tag for tag, _ in Parsed(page.text).elements}
        assert not names & {"script", "img", "svg"}
        assert not [a for _, attrs in Parsed(page.text).elements for a in attrs if a[:2] == "on"]


def _shape(page: Parsed) -> list[tuple[str, tuple[str, ...]]]:
    """The elements and the names of their attributes, which no text may change."""
    return [(tag, tuple(sorted(attrs))) for tag, attrs in page.elements]


async def test_nothing_may_be_loaded_and_nothing_is_kept(desk: Front) -> None:
    async with desk.served() as client:
        answers = [await client.get(path) for path in (*PAGES, "/style.css")]

    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; ")
        assert "form-action 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
    page = Parsed(answers[0].text)
    assert not [tag for tag, attrs in page.elements if tag == "script" or "style" in attrs]
    assert {attrs["href"] for tag, attrs in page.elements if tag == "link"} == {
        "data:,",
        "/style.css",
    }


@pytest.mark.parametrize(
    ("fields", "headers", "status"),
    [
        pytest.param({"form_token": ""}, {}, 403, id="no form token"),
        pytest.param({"form_token": "a" * 64}, {}, 403, id="a wrong one"),
        pytest.param(
            {"form_token": "\ud800".encode("utf-8", "replace").decode()}, {}, 403, id="odd"
        ),
        pytest.param({}, {"origin": "https://evil.example"}, 403, id="another site"),
        pytest.param({}, {"origin": "null"}, 403, id="a hidden site"),
        pytest.param({}, {"sec-fetch-site": "cross-site"}, 403, id="as the browser says"),
        pytest.param({}, {"host": "evil.example"}, 403, id="a name that points here"),
        pytest.param({}, {"content-type": "text/plain"}, 415, id="another kind"),
        pytest.param(
            {}, {"origin": "http://localhost", "sec-fetch-site": "same-origin"}, 303, id="own"
        ),
    ],
)
async def test_a_form_must_come_from_this_page(
    desk: Front, fields: dict[str, str], headers: dict[str, str], status: int
) -> None:
    path = f"/alerts/{FIRING.key}/ack"
    async with desk.browser() as client:
        form = (await shown(client, path[:-4])).forms[path] | {"author": "eve"} | fields
        answer = await client.post(path, data=form, headers=headers)

    assert answer.status_code == status
    assert bool(await desk.deeds()) is (status == 303)


async def test_a_form_may_come_by_the_public_address(desk: Front) -> None:
    """A proxy may ask by another name than the browser did."""
    path = f"/alerts/{FIRING.key}/ack"
    async with desk.browser(TOKEN, "https://offhook.example.com") as client:
        await logged_in(client)
        form = (await shown(client, path[:-4])).forms[path] | {"author": "ada"}
        given = {"host": "127.0.0.1:8420", "origin": "https://offhook.example.com"}
        for origin, status in ((given["origin"], 303), ("https://example.com", 403)):
            answer = await client.post(path, data=form, headers={**given, "origin": origin})
            assert answer.status_code == status


async def test_a_get_changes_nothing(desk: Front) -> None:
    async with desk.browser() as client:
        for route in desk.app().routes:
            assert isinstance(route, Route)
            if route.path != "/metrics":
                await client.get(re.sub(r"{\w+}", FIRING.key, route.path))

    assert (await desk.deeds(), desk.woken) == ([], [])


async def test_every_route_needs_the_token_unless_it_is_open_by_nature(desk: Front) -> None:
    """Also one that nobody has thought of yet: what is not known is refused before it is found."""
    app = desk.app(TOKEN)
    paths = [route.path for route in app.routes if isinstance(route, Route)]
    async with desk.browser(TOKEN) as client:
        for path in [*paths, "/a/route/of/tomorrow", "/api/v2/x"]:
            for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
                answer = await client.request(method, path)
                open_ = path in {*OPEN, "/login", "/style.css"}
                assert (answer.status_code == 401) is (not open_), (method, path)


async def logged_in(client: httpx.AsyncClient, **fields: str) -> httpx.Response:
    return await client.post("/login", data={"token": TOKEN, "back": "/", **fields})


async def test_with_a_token_people_log_in_and_out(desk: Front) -> None:
    async with desk.browser(TOKEN) as client:
        page = await client.get(f"/alerts/{FIRING.key}")
        assert page.status_code == 401
        back = Parsed(page.text).forms["/login"]["back"]
        assert "19 of 42" not in page.text

        wrong = await client.post("/login", data={"token": "wrong", "back": back})
        assert (wrong.status_code, "not the token" in wrong.text) == (401, True)
        right = await logged_in(client, back=back, author="ada")
        assert right.headers["location"] == f"/alerts/{FIRING.key}"
        assert "19 of 42" in (await shown(client)).text

        await sent(client, f"/alerts/{FIRING.key}/ack")
        form = (await shown(client)).forms["/logout"]
        await client.post("/logout", data=form)
        assert (await client.get("/")).status_code == 401

    assert await desk.deeds() == [("ada", "page", "ack.add")]


@pytest.mark.parametrize(
    ("public_url", "cookie"),
    [
        pytest.param(None, "offhook_session", id="plain"),
        pytest.param("https://offhook.example.com", "__Host-offhook_session", id="by TLS"),
    ],
)
async def test_the_session_is_kept_from_scripts_and_other_sites(
    desk: Front, public_url: str | None, cookie: str
) -> None:
    async with desk.browser(TOKEN, public_url) as client:
        kept = (await logged_in(client)).headers["set-cookie"]

    assert kept.startswith(f"{cookie}=")
    assert "HttpOnly" in kept
    assert "SameSite=strict" in kept
    assert ("Secure" in kept) is (public_url is not None)
    assert TOKEN not in kept


async def test_a_session_ends_by_itself(desk: Front) -> None:
    async with desk.browser(TOKEN) as client:
        await logged_in(client)
        desk.clock.at += SESSION_FOR - SECOND
        assert (await client.get("/")).status_code == 200
        desk.clock.at += SECOND
        assert (await client.get("/")).status_code == 401


async def test_a_form_of_one_session_is_none_of_another(desk: Front) -> None:
    path = f"/alerts/{FIRING.key}/ack"
    async with desk.browser(TOKEN) as client:
        await logged_in(client)
        form = (await shown(client, path[:-4])).forms[path] | {"author": "eve"}
        await logged_in(client)
        assert (await client.post(path, data=form)).status_code == 403


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "/\\evil.example", "/x"]
)
async def test_nobody_is_sent_to_another_site(desk: Front, back: str) -> None:
    async with desk.browser(TOKEN) as client:
        assert (await logged_in(client, back=back)).headers["location"] == "/"


async def test_a_link_from_elsewhere_is_followed_once_more_with_the_cookie(desk: Front) -> None:
    async with desk.browser(TOKEN) as client:
        linked = await client.get("/", headers={"sec-fetch-site": "cross-site"})
        again = await client.get("/", headers={"sec-fetch-site": "same-origin"})

    def refreshes(answer: httpx.Response) -> list[Any]:
        return [attrs for _, attrs in Parsed(answer.text).elements if "http-equiv" in attrs]

    assert [each["content"] for each in refreshes(linked)] == ["0"]
    assert (again.status_code, refreshes(again)) == (401, [])


@pytest.mark.parametrize(
    "path", ["/", f"/alerts/{FIRING.key}", f"/silences/new?alert={FIRING.key}"]
)
async def test_a_database_in_trouble_is_said(
    desk: Front, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    async def locked(*_: object) -> None:
        raise StoreError("the database is locked")

    monkeypatch.setattr(desk.desk.store, "read", locked)
    async with desk.browser() as client:
        answer = await client.get(path)
    assert (answer.status_code, "the database is locked" in answer.text) == (503, True)


async def test_a_form_that_meets_a_database_in_trouble_keeps_what_was_typed(
    desk: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def locked(*_: object) -> None:
        raise StoreError("the database is locked")

    monkeypatch.setattr(desk.desk.store, "write", locked)
    async with desk.browser() as client:
        answer = await sent(
            client, "/silences", matchers="rule=x", author="ada", comment="known", do="silence"
        )
    assert (answer.status_code, "the database is locked" in answer.text) == (503, True)
    assert Parsed(answer.text).forms["/silences"]["comment"] == "known"
