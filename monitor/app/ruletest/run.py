"""Running files of tests: each test on a database of its own, of which nothing is kept."""

import asyncio
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Engine

from monitor.app.context import context_to_read
from monitor.app.ruletest.comparing import Miss, misses
from monitor.app.ruletest.files import Story
from monitor.app.ruletest.play import Played, play
from monitor.clock import Clock, SystemClock
from monitor.config import Config
from monitor.core.alert import AlertState, Reason
from monitor.core.route import Receiver
from monitor.evaluation.context import Context
from monitor.http import HttpClient
from monitor.notifiers.build import build
from monitor.store.engine import open_engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened in a story, as people are shown it."""

    at: datetime
    what: str  # fires, resolves, reports, tells
    rule: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one test. ``events`` are all that happened, for who has to find out why."""

    name: str
    line: int | None
    zone: str
    misses: tuple[Miss, ...]
    events: tuple[Event, ...]

    @property
    def ok(self) -> bool:
        """Whether all was as expected."""
        return not self.misses


class Runner:
    """Plays tests one after the other."""

    def __init__(self, engine: Engine, http: HttpClient, clock: Clock) -> None:
        self._engine = engine
        self._http = http  # which nothing is asked through
        self._clock = clock
        self._contexts: dict[int, tuple[Config, Context]] = {}

    def play(self, test: Story) -> Played:
        """The whole course of a test. Its transaction is rolled back at the end."""
        wanted = [at for each in test.expected for at in (each.when.start, each.when.last)]
        with self._engine.connect() as conn:
            return play(conn, self._context(test), test, wanted)

    def run(self, test: Story) -> Result:
        """Play it, and hold what came against what was expected."""
        played = self.play(test)
        zone = test.origin.zone
        return Result(
            name=test.name,
            line=test.line,
            zone=zone.key,
            misses=tuple(misses(test.expected, played, zone)),
            events=tuple(sorted(_events(played), key=lambda each: each.at)),
        )

    def _context(self, test: Story) -> Context:
        """Made once for each configuration; the clock of each story is its own."""
        key = id(test.config)
        if key not in self._contexts:
            known = context_to_read(test.config, self._clock.now())
            receivers = asyncio.run(_receivers(test.config, self._http, self._clock))
            routing = replace(known.routing, receivers=receivers)
            self._contexts[key] = test.config, replace(known, routing=routing)
        _, context = self._contexts[key]
        return replace(
            context,
            instances=tuple(each for each in context.instances if each.name in test.rules),
            started_at=test.origin.start,
            **_forgotten(),
        )


@contextmanager
def runner() -> Iterator[Runner]:
    """One with a database in a directory that is removed."""
    with tempfile.TemporaryDirectory(prefix="offhook-") as directory:
        engine, clock = open_engine(Path(directory, "stories.db"), create=True), SystemClock()
        http = HttpClient(clock)
        try:
            with _unlogged():
                yield Runner(engine, http, clock)
        finally:
            asyncio.run(http.aclose())
            engine.dispose()


@contextmanager
def _unlogged() -> Iterator[None]:
    """What the pipeline logs on its way is of the story; its results tell that."""
    known, before = structlog.is_configured(), structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield
    finally:
        if known:
            structlog.configure(**before)
        else:
            structlog.reset_defaults()


def _forgotten() -> dict[str, Any]:
    """What only a process remembers, and what no comparison goes by: empty for each story."""
    return {
        each.name: each.default_factory()
        for each in fields(Context)
        if each.init and not each.compare and each.default_factory is not MISSING
    }


async def _receivers(config: Config, http: HttpClient, clock: Clock) -> dict[str, Receiver]:
    """What the notifiers say of themselves; nothing is asked of any channel."""
    made = [build(name, each, http, clock) for name, each in config.receivers.items()]
    found = {each.receiver.name: each.receiver for each in made}
    for each in made:
        await each.close()
    return found


_VERBS = {
    AlertState.FIRING: "fires",
    AlertState.RESOLVED: "resolves",
    AlertState.INFO: "reports",
    AlertState.PENDING: "pends",
}


def _events(played: Played) -> Iterator[Event]:
    for each in played.transitions:
        alert = each.alert
        finding = alert.closing or alert.finding
        why = f"{alert.severity}, {each.reason.words}"
        settles = each.reason is Reason.SETTLED
        yield Event(
            at=each.at,
            what="settles" if settles else _VERBS[each.after],
            rule=alert.instance,
            subject=alert.subject.title,
            text=f"({why}): {finding.summary}",
        )
    for heard in played.heard:
        yield Event(
            at=heard.at,
            what="tells",
            rule=heard.message.rule,
            subject=heard.message.title or heard.message.batch,
            text=f"{heard.receiver}: {heard.message.state}",
        )


def failed(results: Sequence[Result]) -> int:
    """How many did not hold."""
    return sum(not each.ok for each in results)
