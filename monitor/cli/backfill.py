"""``backfill``: batches of the past, and how many messages they would have made."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.text import Text

from monitor import log
from monitor.app.backfill import Backfilled, backfill
from monitor.app.history import Finished
from monitor.cli.output import FOUND, GOOD, WRONG, complain, print_json, print_lines, printable
from monitor.cli.places import load_to_run
from monitor.cli.since import note_what_is_kept, read_since
from monitor.config.secrets import secrets_of
from monitor.core.wording import counted, people_text, span
from monitor.evaluation.replay import Replayed
from monitor.evaluation.watching import by_rule, period


def read_back(given: Path | None, since: str, provider: str | None, *, as_json: bool) -> int:
    """Read history; FOUND when not all of it could be."""
    length = read_since(since)
    if length is None:
        return WRONG
    config = load_to_run(given)
    if provider is not None and provider not in config.providers:
        complain(f"there is no provider {provider!r}; known: {', '.join(config.providers)}")
        return WRONG
    note_what_is_kept(length, config)
    log.configure(config.monitor.log)
    log.hide(secrets_of(config))
    names = (provider,) if provider else tuple(config.providers)
    try:
        with _shown() as progress:
            done = backfill(config, length, names, progress)
    except KeyboardInterrupt:
        complain("stopped; what was read is kept, and the same command goes on from there")
        return FOUND
    if as_json:
        print_json(_data(done))
    else:
        print_lines(_lines(done))
    for each in done.providers:
        for text in each.failures:
            complain(f"{each.provider}: {text}")
    return GOOD if done.well else FOUND


# Progress


class _Progress:
    """Bars for a person; without a terminal a line only where something is waited for."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def found(self, provider: str, batches: int) -> None:
        """See History."""
        self._bars.update(self._task(provider), total=batches, what="")

    def reading(self, provider: str, title: str, people: int) -> None:
        """See History."""
        what = f"{people_text(people)}; {title}" if people else title
        self._bars.update(self._task(provider), what=_plain(what))

    def read(self, provider: str) -> None:
        """See History."""
        self._bars.update(self._task(provider), advance=1, what="")

    def waits(self, provider: str, seconds: float, why: str) -> None:
        """See History."""
        text = f"waits for {span(timedelta(seconds=seconds))}: {why}"
        self._bars.update(self._task(provider), what=_plain(text))
        if self._bars.disable:
            complain(f"{provider} {text}")

    def _task(self, provider: str) -> TaskID:
        if provider not in self._tasks:
            self._tasks[provider] = self._bars.add_task(provider, total=None, what="")
        return self._tasks[provider]


def _plain(text: str) -> Text:
    """A vendor's text as it stands, never as markup."""
    return Text(printable(text)[:80])


@contextmanager
def _shown() -> Iterator[_Progress]:
    console = Console(stderr=True)
    bars = Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[what]}", markup=False),
        console=console,
        disable=not console.is_terminal,
    )
    with bars:
        yield _Progress(bars)


# What came of it


def _lines(done: Backfilled) -> Iterator[str]:
    for each in done.providers:
        yield f"{each.provider} ({each.vendor}): {_counts(each)}"
        yield from (f"  {note}" for note in each.notes)
    yield from _estimate(done.replayed, done.until - done.since)


def _counts(each: Finished) -> str:
    parts = [f"{counted(each.read, 'batch', 'batches')} read, {people_text(each.people)}"]
    for n, text in (
        (each.already, "known already"),
        (each.open, "not ended or still watched"),
        (each.news, "left to the daemon, which will tell of them"),
    ):
        if n:
            parts.append(f"{n:,} {text}")
    return "; ".join(parts)


def _estimate(replayed: Replayed, length: timedelta) -> Iterator[str]:
    """How many messages it would have been, and what of that is not known."""
    told = counted(replayed.total, "message") if replayed.total else "no message"
    rules = by_rule(replayed.messages)
    ended = counted(replayed.batches, "ended batch", "ended batches")
    yield f"the {period(length)} would have made {told}{': ' + rules if rules else ''}"
    yield f"  from {ended} with {counted(replayed.calls, 'call')}"
    for provider, n in sorted(replayed.untimed.items()):
        calls = counted(n, "call")
        yield f"  {calls} at {provider} ended at an unknown time: no spike of theirs is counted"
    if replayed.unread:
        unread = counted(replayed.unread, "batch", "batches")
        yield f"  {unread} not counted, because their calls are not known"
    if replayed.untold:
        yield f"  not counted, because history does not tell: {', '.join(replayed.untold)}"


def _data(done: Backfilled) -> dict[str, Any]:
    replayed = done.replayed
    return {
        "since": done.since,
        "until": done.until,
        "providers": {each.provider: each for each in done.providers},
        "would_have_told": {
            "total": replayed.total,
            "messages": replayed.messages,
            "batches": replayed.batches,
            "calls": replayed.calls,
            "untimed_calls": replayed.untimed,
            "unread_batches": replayed.unread,
            "not_counted": list(replayed.untold),
        },
    }
