"""``rules backtest``: what the rules of a file would have told of what has happened."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from monitor.app.backtest import Asked, Backtested, backtest
from monitor.app.context import context_to_read
from monitor.cli.bar import bar
from monitor.cli.output import FOUND, GOOD, WRONG, complain, print_json, print_lines, print_table
from monitor.cli.places import config_path, load_to_read, opened
from monitor.cli.since import note_what_is_kept, read_since
from monitor.clock import SystemClock
from monitor.config import Config
from monitor.core.backtest import NOISE, Entry, Fired
from monitor.core.suggesting import Suggestion
from monitor.core.wording import counted, money, percent, span
from monitor.errors import ConfigError

_COLUMNS = (
    "rule",
    "fires",
    "batches",
    "noise",
    "before the end",
    "firing in all",
    "spent after it",
    "as told",
    "new",
    "gone",
)
_SHOWN = 20  # differences of one kind, for people
_NOTES = (
    NOISE,
    "Before the end: the median time from an alert to the end of its batch. Spent after it: by",
    "batches after their first alert of the rule. As told, new, gone: beside what was told.",
    "Looks that saw nothing move are not kept, so an alert may lie a poll from where it was; and",
    "what a vendor told of a call long after its end (a reason, its start) counts from its end.",
    "Lists are taken to have been read whenever it was looked at and they could be, and this",
    "machine's clock to have been right; a report of a day leaves out messages that were given up.",
    "Providers are judged since Offhook began to note how they stood, but not while it was down;",
    "their calls count from their ends.",
)


def run(given: Path | None, since: str, *, suggest: bool, as_json: bool) -> int:
    """FOUND when the rules of the file tell otherwise than was told."""
    length = read_since(since)
    if length is None:
        return WRONG
    config = load_to_read(given)
    database = _database(config)
    opened(database, read_only=True).dispose()
    now = SystemClock().now()
    note_what_is_kept(length, config)
    asked = Asked(
        database=database,
        context=context_to_read(config, now),
        since=now - length,
        until=now,
        every={name: each.poll_every for name, each in config.providers.items()},
        suggest=suggest,
    )
    try:
        with bar() as progress:
            done = backtest(asked, progress)
    except KeyboardInterrupt:
        complain("stopped")
        return FOUND
    if as_json:
        print_json(_data(done))
    else:
        _print(done, config.monitor.timezone)
    return FOUND if done.differences.new or done.differences.gone else GOOD


def _database(config: Config) -> Path:
    """The file's own; of a candidate elsewhere that has none, that of the usual configuration."""
    own = config.monitor.database
    if own.exists():
        return own
    try:
        usual = load_to_read(config_path(None)).monitor.database
    except ConfigError:
        return own
    if not usual.exists():
        return own
    complain(f"note: there is no database at {own}; what happened is read from {usual}")
    return usual


# For people


def _print(done: Backtested, zone: str) -> None:
    print_lines(_what(done, zone))
    fired = [each for each in done.entries if each.fires or each.gone]
    print_table(_COLUMNS, map(_row, fired), "no rule would have fired")
    silent = [each.instance for each in done.entries if not (each.fires or each.gone)]
    if silent:
        print_lines((f"would not have fired: {', '.join(silent)}",))
    told = done.differences
    print_lines(_listed("would be new", told.new, zone))
    print_lines(_listed("would no longer be told", told.gone, zone))
    print_lines(f"suggested for {line}" for each in done.suggestions for line in _suggested(each))
    print_lines(_untold(done))
    if fired:
        print_lines(("", *_NOTES))


def _untold(done: Backtested) -> Iterator[str]:
    """The rules that history cannot tell, those of one reason together."""
    for why in dict.fromkeys(done.untold.values()):
        names = [name for name, each in done.untold.items() if each == why]
        yield f"history cannot tell {', '.join(names)}: {why}"


def _what(done: Backtested, zone: str) -> Iterator[str]:
    local = ZoneInfo(zone)
    since, until = (f"{at.astimezone(local):%Y-%m-%d %H:%M}" for at in (done.since, done.until))
    some = counted(done.batches, "batch", "batches")
    calls = counted(done.calls, "call")
    yield f"{since} to {until}: {some}, {calls}, {done.changes:,} changes"
    if done.by_calls:
        some = counted(done.by_calls, "batch was", "batches were")
        yield f"  {some} not watched: only what goes by calls is asked there"
    if done.untimed:
        some = counted(done.untimed, "call")
        yield f"  {some} ended at an unknown time and count in no window"
    if done.unread:
        some = counted(done.unread, "batch", "batches")
        yield f"  {some} left out, because their calls are not or no longer known"


def _row(entry: Entry) -> tuple[Any, ...]:
    return (
        entry.instance,
        entry.fires,
        entry.batches or "",
        "" if entry.noise is None else percent(entry.noise),
        "" if entry.lead is None else span(entry.lead),
        span(entry.firing) if entry.firing else "",
        ", ".join(money(micros, name) for name, micros in sorted(entry.spent.items()) if micros),
        entry.same,
        entry.new,
        entry.gone,
    )


def _listed(what: str, some: Sequence[Fired], zone: str) -> Iterator[str]:
    if not some:
        return
    yield f"{what}: {counted(len(some), 'alert')}"
    for each in some[:_SHOWN]:
        at = f"{each.episode.fired_at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
        name = each.title if each.title == each.batch else f"{each.title} ({each.batch})"
        yield f"  {each.instance}: {name}, {at}"
    if len(some) > _SHOWN:
        yield f"  and {len(some) - _SHOWN:,} more; --json lists all"


def _suggested(each: Suggestion) -> Iterator[str]:
    if each.why_not:
        yield f"{each.instance}: nothing, {each.why_not}"
        return
    now = (
        f"{each.parameter} = {each.now} is reached by {each.reached:,} of {each.batches:,} batches"
    )
    if not each.choices:
        yield f"{each.instance}: nothing else; {now}"
        return
    yield f"{each.instance}: {now}"
    for choice in each.choices:
        change = choice.batches - each.reached
        more = f"{abs(change):,} {'more' if change > 0 else 'fewer'}" if change else "as many"
        yield f"{each.instance}:   {each.parameter} = {choice.text} by {choice.batches:,} ({more})"


# For programs


def _data(done: Backtested) -> dict[str, Any]:
    return {
        "since": done.since,
        "until": done.until,
        "batches": done.batches,
        "by_calls_alone": done.by_calls,
        "unread_batches": done.unread,
        "changes": done.changes,
        "calls": done.calls,
        "untimed_calls": done.untimed,
        "noise_means": NOISE,
        "rules": [_entry(each) for each in done.entries],
        "same": [_fired(replayed) for _, replayed in done.differences.same],
        "new": [_fired(each) for each in done.differences.new],
        "gone": [_fired(each) for each in done.differences.gone],
        "suggestions": done.suggestions,
        "not_told": done.untold,
    }


def _entry(each: Entry) -> dict[str, Any]:
    return {
        "rule": each.instance,
        "fires": each.fires,
        "batches": each.batches,
        "noise": each.noise,
        "noisy": each.noisy,
        "brief": each.brief,
        "flapped": each.flapped,
        "silenced": each.silenced,
        "before_end_s": each.lead,
        "firing_s": each.firing,
        "spent_after_micros": each.spent,
        "same": each.same,
        "new": each.new,
        "gone": each.gone,
    }


def _fired(each: Fired) -> dict[str, Any]:
    return {
        "rule": each.instance,
        "provider": each.provider,
        "batch": each.batch,
        "batch_name": each.title,
        "severity": each.severity,
        "reason": each.reason,
        "key": each.episode.key,
        "since": each.episode.since,
        "fired_at": each.episode.fired_at,
        "closed_at": each.episode.closed_at,
        "spent_after_micros": each.spent,
    }
