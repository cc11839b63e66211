"""Every fault of a channel: what is made of it, who hears of it and when, and how it ends.

The real dispatcher and the real notifiers before a channel that fails in each of the ways
that are known, for as long as the test says, and then recovers.
"""

import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from monitor.clock import SystemClock
from monitor.dispatcher import Dispatcher, Failing, Timing
from monitor.http import HttpClient
from monitor.notifiers import Notifier
from monitor.notifiers.email import EmailSettings, Mailer
from monitor.notifiers.email.settings import parse_server
from monitor.notifiers.slack import SlackBot, SlackWebhook
from monitor.store.schema import deliveries, outbox
from monitor.store.writer import Priority, Store
from tests.builders import HOUR, MINUTE, SECOND
from tests.delivering import LeapingClock, make_alert, resolved, routing, tell_all
from tests.fake_slack import CHANNEL, HOOK, TOKEN, Answer, FakeSlack
from tests.faulty_mail import CUT, DRIP, HANG, Mails
from tests.loopback import talking

AT_ONCE, LAG, DOWN, MAIL_LAG = timedelta(0), 2 * MINUTE, 3 * MINUTE, 20 * MINUTE
NEVER = None
PATIENCE_S = 0.15
_TLS = ssl.create_default_context()


@dataclass(frozen=True)
class Row:
    """One fault at one receiver.

    ``fault`` is what is answered instead. ``first`` is the outcome of the first try,
    ``told`` how long after it somebody hears of it (never: None), ``critical`` how loudly.
    ``again`` is when the next try comes; None: there is none, it was given up or taken.
    ``copies`` is how many the channel holds in the end, ``marked`` how many of them say that
    they may be repeats.
    """

    receiver: str
    fault: Any
    first: str
    told: timedelta | None
    critical: bool = False
    again: timedelta | None = None
    copies: int = 1
    marked: int = 0


def said(word: str) -> Answer:
    """The bot's way to say no."""
    return Answer({"ok": False, "error": word})


def refused(receiver: str, fault: Any) -> Row:
    return Row(receiver, fault, "refused", AT_ONCE, critical=True, again=HOUR)


BUSY = Answer("rate_limited", 429, {"retry-after": "30"})
BOT_WORDS = (
    "channel_not_found",
    "is_archived",
    "not_in_channel",
    "restricted_action",
    "ekm_access_denied",
    "token_revoked",
    "account_inactive",
    "invalid_auth",
    "missing_scope",
)
HOOK_WORDS = {
    "channel_not_found": 404,
    "channel_is_archived": 410,
    "action_prohibited": 403,
    "no_service": 404,
    "invalid_token": 403,
}
ROWS = {
    "hook: 429": Row("hook", BUSY, "retry", LAG, again=30 * SECOND),
    "bot: 429": Row(
        "bot",
        Answer(said("ratelimited").body, 429, {"retry-after": "30"}),
        "retry",
        LAG,
        again=30 * SECOND,
    ),
    "hook: 503": Row("hook", Answer("oops", 503), "ambiguous", DOWN, again=2 * SECOND, marked=1),
    "bot: 503": Row("bot", Answer("oops", 503), "ambiguous", DOWN, again=30 * SECOND),
    "bot: fatal_error": Row("bot", said("fatal_error"), "ambiguous", DOWN, again=30 * SECOND),
    "bot: internal_error": Row("bot", said("internal_error"), "ambiguous", DOWN, again=30 * SECOND),
    "hook: cut off": Row(
        "hook", Answer("", cut=True), "ambiguous", DOWN, again=2 * SECOND, marked=1
    ),
    "bot: cut off": Row("bot", Answer("", cut=True), "ambiguous", DOWN, again=30 * SECOND),
    "hook: nobody there": Row("hook", "nobody", "not_sent", DOWN, again=2 * SECOND),
    "bot: nobody there": Row("bot", "nobody", "not_sent", DOWN, again=2 * SECOND),
    "hook: a page with 200": Row(
        "hook", Answer("<html>ok</html>"), "ambiguous", DOWN, again=2 * SECOND, marked=1
    ),
    "bot: a page with 200": Row(
        "bot", Answer("<html>ok</html>"), "ambiguous", DOWN, again=30 * SECOND
    ),
    "bot: a word never seen": Row("bot", said("odd_new_word"), "retry", LAG, again=2 * SECOND),
    "hook: invalid_payload": Row("hook", Answer("invalid_payload", 400), "refused", AT_ONCE),
    "hook: no_text": Row("hook", Answer("no_text", 400), "refused", AT_ONCE),
    "bot: invalid_blocks": Row("bot", said("invalid_blocks"), "refused", AT_ONCE),
    "bot: msg_too_long": Row("bot", said("msg_too_long"), "refused", AT_ONCE),
    **{f"bot: {word}": refused("bot", said(word)) for word in BOT_WORDS},
    **{f"hook: {word}": refused("hook", Answer(word, n)) for word, n in HOOK_WORDS.items()},
    "mail: 421 at once": Row("mail", {"GREET": "421 later"}, "retry", MAIL_LAG, again=MINUTE),
    **{
        f"mail: {code} at RCPT": Row(
            "mail", {"RCPT": f"{code} later"}, "retry", MAIL_LAG, again=MINUTE
        )
        for code in (450, 451, 452)
    },
    "mail: 451 after the dot": Row("mail", {".": "451 later"}, "retry", MAIL_LAG, again=MINUTE),
    **{
        f"mail: {code} at RCPT": refused("mail", {"RCPT": f"{code} no"}) for code in (550, 551, 553)
    },
    "mail: 530 at MAIL": refused("mail", {"MAIL": "530 log in first"}),
    "mail: 535 at the login": refused("login", {"AUTH": "535 no"}),
    "mail: 554 at DATA": Row("mail", {"DATA": "554 no"}, "refused", AT_ONCE),
    "mail: 552 after the dot": Row("mail", {".": "552 too big"}, "refused", AT_ONCE),
    "mail: cut off after the dot": Row(
        "mail", {".": CUT}, "ambiguous", DOWN, again=MINUTE, copies=4, marked=3
    ),
    "mail: silent": Row("mail", {"GREET": HANG}, "not_sent", DOWN, again=MINUTE),
    "mail: drips": Row("mail", {"MAIL": DRIP}, "not_sent", DOWN, again=MINUTE),
    "mail: nobody there": Row("mail", "nobody", "not_sent", DOWN, again=MINUTE),
    "mail: no STARTTLS": Row("starttls", {}, "not_sent", AT_ONCE, again=MINUTE, copies=0),
    "mail: hangs in QUIT": Row("mail", {"QUIT": HANG}, "sent", NEVER),
}


# What is made of each word is tested where it is read; here one of a kind is enough.
ALIKE = {
    *(f"bot: {word}" for word in BOT_WORDS[3:]),
    "bot: internal_error",
    "hook: no_text",
    "hook: action_prohibited",
    "hook: invalid_token",
    "mail: 450 at RCPT",
    "mail: 452 at RCPT",
    "mail: 551 at RCPT",
    "mail: 553 at RCPT",
}


@dataclass
class World:
    """One receiver with its channel, and what is heard of it."""

    store: Store
    clock: LeapingClock
    notifier: Notifier
    slack: FakeSlack
    mails: Mails
    heard: list[tuple[timedelta, Failing | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        start = self.clock.now()

        async def hear(_: str, failing: Failing | None) -> None:
            self.heard.append((self.clock.now() - start, failing))

        self.name = self.notifier.receiver.name
        notifier: Any = self.notifier
        self.holder = notifier.api if self.name == "bot" else notifier
        self.place = {"hook": "_url", "bot": "url", "mail": "_server"}[self.name]
        self.true_place = getattr(self.holder, self.place)
        self.dispatcher = Dispatcher(
            self.store,
            {self.name: self.notifier},
            self.clock,
            timing=Timing(pace={}),
            on_trouble=hear,
            chance=lambda: 0.5,
        )

    def fail(self, fault: Any) -> None:
        """From now on; None ends it."""
        self.slack.script[:] = [fault] * 99 if isinstance(fault, Answer) else []
        self.mails.answers = fault if isinstance(fault, dict) else {}
        nowhere: Any = "http://127.0.0.1:9/x"
        if self.name == "hook":
            nowhere = SecretStr(nowhere)
        elif self.name == "mail":
            nowhere = parse_server("smtp+plain://localhost:9")
        setattr(self.holder, self.place, nowhere if fault == "nobody" else self.true_place)

    def held(self) -> list[str]:
        """What the channel holds, and whether that was told in plain words."""
        if self.name == "mail":
            return self.mails.taken
        posts = [post.newest for post in self.slack.posts]
        return [body["text"] for body in (*posts, *self.slack.hooked)]

    async def tell(self) -> None:
        to = routing(self.name, group_wait=timedelta(0))
        await self.store.write(
            Priority.EVALUATE,
            lambda conn: tell_all(conn, make_alert(), to=to, now=self.clock.now()),
        )

    async def drain(self, after: timedelta = timedelta(0)) -> None:
        self.clock.move(after)
        await self.dispatcher.drain_once(self.name)

    async def outcomes(self) -> list[str]:
        return await self.store.read(
            lambda conn: list(
                conn.execute(select(deliveries.c.outcome).order_by(deliveries.c.id)).scalars()
            )
        )

    async def state(self) -> str:
        found = await self.store.read(lambda conn: conn.execute(select(outbox.c.state)).scalars())
        (state,) = found
        return str(state)


@asynccontextmanager
async def world_of(kind: str, directory: Path, fault: Any = None) -> AsyncIterator[World]:
    store, clock = Store.open(directory / "offhook.db"), LeapingClock()
    # Its answers tell the true time. Mail needs none.
    http = HttpClient(SystemClock()) if kind in {"hook", "bot"} else None
    mails = Mails(offers=("AUTH PLAIN",) if kind == "login" else ())
    with FakeSlack() as slack:
        async with talking(mails.talk) as port:
            silent = isinstance(fault, dict) and {HANG, DRIP}.intersection(fault.values())
            patience = PATIENCE_S if silent else 30.0
            notifier = _notifier(kind, slack.url, port, http, clock, patience)
            yield World(store, clock, notifier, slack, mails)
            if http is not None:
                await http.aclose()
    store.close()


def _notifier(
    kind: str, url: str, port: int, http: HttpClient | None, clock: LeapingClock, patience: float
) -> Notifier:
    if http is not None and kind == "hook":
        return SlackWebhook("hook", SecretStr(url + HOOK), http)
    if http is not None:
        return SlackBot(
            "bot", token=SecretStr(TOKEN), channel=CHANNEL, api_url=f"{url}/api", http=http
        )
    scheme = "smtp" if kind == "starttls" else "smtp+plain"
    user = "user@" if kind == "login" else ""
    values: dict[str, Any] = {
        "kind": "email",
        "smtp_url": f"{scheme}://{user}localhost:{port}",
        "from": "offhook@example.com",
        "to": ("a@example.com",),
    }
    values |= {"smtp_password": "pw"} if user else {}
    return Mailer("mail", EmailSettings(**values), clock, tls=_TLS, deadline=patience)


@pytest.mark.parametrize("name", ROWS)
async def test_a_fault(name: str, tmp_path: Path, *, proof: bool) -> None:
    if name in ALIKE and not proof:
        pytest.skip("others like it are tried; this one with --proof")
    row = ROWS[name]
    async with world_of(row.receiver, tmp_path, row.fault) as world:
        world.fail(row.fault)
        await world.tell()
        await world.drain()
        assert (await world.outcomes())[0] == row.first
        await _is_tried_again_when_it_should_be(world, row)
        await _is_heard_of_once(world, row)
        await _ends_as_it_should(world, row)


async def _is_tried_again_when_it_should_be(world: World, row: Row) -> None:
    if row.again is None:
        return
    before = len(await world.outcomes())
    await world.drain(after=row.again - SECOND)
    assert len(await world.outcomes()) == before
    await world.drain(after=SECOND)
    assert len(await world.outcomes()) > before


async def _is_heard_of_once(world: World, row: Row) -> None:
    if row.told is None:
        assert [failing for _, failing in world.heard if failing] == []
        return
    passed = row.again or timedelta(0)
    if row.told > passed:
        await world.drain(after=row.told - passed - SECOND)
        assert world.heard == []
        await world.drain(after=SECOND)
    for _ in range(3):
        await world.drain(after=MINUTE)
    ((at, failing),) = world.heard
    assert failing is not None
    assert (at, failing.critical) == (row.told, row.critical)
    assert "canary" not in failing.text


async def _ends_as_it_should(world: World, row: Row) -> None:
    if await world.state() == "dead":
        return await _is_mentioned(world)
    world.fail(None)
    for _ in range(6):
        await world.drain(after=15 * MINUTE)
    held = world.held()
    assert len(held) == row.copies
    assert sum("possible repeat" in text.lower() for text in held) == row.marked
    if row.copies:
        assert await world.state() == "sent"
        assert [failing for _, failing in world.heard][-1] is None
        assert len(world.heard) == (1 if row.told is None else 2)
    return None


async def _is_mentioned(world: World) -> None:
    """Given up at once, after plain words; the next message says so, and that is the end of it."""
    assert (await world.outcomes()) == ["refused", "refused"]
    world.fail(None)
    to = routing(world.name, group_by=("rule",), group_wait=timedelta(0))
    await world.store.write(
        Priority.EVALUATE,
        lambda conn: tell_all(conn, make_alert("other"), to=to, now=world.clock.now()),
    )
    await world.drain()
    (text,) = world.held()
    assert "1 message could not be delivered" in re.sub(r"=?\s+", " ", text)
    await world.drain(after=MINUTE)
    assert [failing for _, failing in world.heard][-1] is None


async def test_one_recipient_of_two_is_refused_and_the_other_has_it(tmp_path: Path) -> None:
    async with world_of("mail", tmp_path) as world:
        world.notifier._to = ("a@example.com", "b@example.com")  # type: ignore[attr-defined]  # a Mailer
        refusals = iter(["550 no", "250 ok"])
        world.mails.answers = _Once("RCPT", refusals)
        await world.tell()
        await world.drain()

        assert await world.state() == "sent"
        ((at, failing),) = world.heard
        assert failing is not None
        assert at == AT_ONCE
        assert "1 of 2 recipients refused (550)" in failing.text


class _Once(dict[str, str]):
    """Answers to one command, one after the other."""

    def __init__(self, command: str, answers: Any) -> None:
        self.command, self.lines = command, answers

    def get(self, key: str, default: Any = None) -> Any:
        return next(self.lines, default) if key == self.command else default


async def test_a_message_that_somebody_deleted_is_posted_anew_and_says_so(tmp_path: Path) -> None:
    async with world_of("bot", tmp_path) as world:
        await world.tell()
        await world.drain()
        world.slack.posts.clear()
        to = routing("bot", group_wait=timedelta(0))
        await world.store.write(
            Priority.EVALUATE,
            lambda conn: tell_all(
                conn, resolved(make_alert()), to=to, now=world.clock.now() + MINUTE
            ),
        )
        await world.drain(after=MINUTE)

        (root,) = world.slack.roots
        assert "replaces a deleted message" in root.body["text"]
        assert "RESOLVED" in root.newest["text"]
        assert [failing for _, failing in world.heard if failing] == []
