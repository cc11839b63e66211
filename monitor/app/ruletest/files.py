"""Files of tests: TOML, as strictly read as a configuration, and with its sections if it likes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import Field

from monitor.app.ruletest.configured import VENDORS, defaults, own_config
from monitor.app.ruletest.deeds import Deed, deeds_of
from monitor.app.ruletest.described import BatchTable, Described, describe
from monitor.app.ruletest.expecting import Expected, expected_of
from monitor.app.ruletest.lines import Line, Origin, lines_of, moment
from monitor.config import Config
from monitor.config.document import Document, read_document
from monitor.config.hints import hint_for
from monitor.config.load import SECTIONS
from monitor.config.model import Zone
from monitor.config.problems import unknown_key
from monitor.config.reading import Reading
from monitor.errors import ConfigError, Problem
from monitor.settings import PositiveDuration, Strict

# A Wednesday without a holiday anywhere that matters, and no change of clocks near it.
DAY = "2026-06-10"
MORNING = f"{DAY} 09:00"
TICK = timedelta(seconds=10)  # as often as the daemon judges everything
LONGEST = timedelta(days=14)


class StoryTable(Strict):
    """``[[test]]``: one story and what is expected of it."""

    name: str = Field(min_length=1)
    timeline: str
    expect: str
    start: str | None = None
    timezone: Zone | None = None
    vendor: str | None = None
    rules: tuple[str, ...] | None = None
    poll: PositiveDuration = timedelta(seconds=30)
    tick: PositiveDuration = TICK
    batches: Mapping[str, BatchTable] = Field(default_factory=dict)


class FileTable(Strict):
    """What a file holds beside the sections of a configuration."""

    vendor: str | None = None
    test: tuple[StoryTable, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One test, read whole: nothing in it can be misspelt any more, but for who is left to call."""

    name: str
    line: int | None
    config: Config
    rules: tuple[str, ...]
    origin: Origin
    poll: timedelta
    tick: timedelta
    batches: tuple[Described, ...]
    deeds: tuple[Deed, ...]
    expected: tuple[Expected, ...]

    @property
    def until(self) -> datetime:
        """Until when it is played."""
        times = [each.at for each in self.deeds]
        times += [each.when.last for each in self.expected]
        return max(times, default=self.origin.start)


@dataclass(slots=True)
class _File:
    """One file under way."""

    document: Document
    given: Config | None  # instead of sections of its own
    reading: Reading
    table: FileTable
    configs: dict[str | None, Config] = field(default_factory=dict)

    @property
    def own(self) -> bool:
        """Whether it has sections of a configuration."""
        return not set(SECTIONS).isdisjoint(self.document.values)


def is_own(path: Path) -> bool:
    """Whether a file of tests brings its own rules, routes or providers, or names a vendor."""
    values = read_document(path).values
    tests = values.get("test", [])
    each = tests if isinstance(tests, list) else []
    named = any("vendor" in table for table in (values, *each) if isinstance(table, dict))
    return named or not set(SECTIONS).isdisjoint(values)


def read_tests(path: Path, given: Config | None) -> tuple[Story, ...]:
    """The tests of one file; ConfigError for whatever is wrong with it.

    ``given`` is the configuration for a file without sections of its own; None: the defaults.
    """
    document = read_document(path)
    reading = Reading(document, {})
    values = {key: each for key, each in document.values.items() if key not in SECTIONS}
    for key in values:
        if key not in FileTable.model_fields:
            known = (*FileTable.model_fields, *SECTIONS)
            reading.problems.append(unknown_key(document, (key,), known))
    known_values = {key: each for key, each in values.items() if key in FileTable.model_fields}
    table = None if reading.problems else reading.table((), known_values, FileTable)
    if table is None:
        raise ConfigError(tuple(reading.problems))
    if not table.test:
        raise ConfigError((document.problem((), "holds no [[test]]"),))
    file = _File(document, given, reading, table)
    problems: list[Problem] = []
    found: list[Story] = []
    for place in range(len(table.test)):
        try:
            found.append(_test(file, place))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(tuple(dict.fromkeys(problems)))
    return tuple(found)


def _test(file: _File, place: int) -> Story:
    table = file.table.test[place]
    config = _config(file, place)
    zone = ZoneInfo(table.timezone or config.monitor.timezone)
    story = _lines(file, place, "timeline", table.timeline)
    origin = _origin(file, place, table, zone, story)
    batches = _batches(file, place, table, config, origin)
    rules = _rules(file, place, table, config)
    deeds = [deed for line in story for deed in deeds_of(line, origin)]
    expected = [
        expected_of(line, origin, rules, tuple(config.receivers))
        for line in _lines(file, place, "expect", table.expect)
    ]
    _not_too_long(deeds, expected, origin)
    return Story(
        name=table.name,
        line=_line(file, place, "name").number,
        config=config,
        rules=rules,
        origin=origin,
        poll=max(table.poll, table.tick),
        tick=table.tick,
        batches=batches,
        deeds=tuple(deeds),
        expected=tuple(expected),
    )


def _not_too_long(deeds: Sequence[Deed], expected: Sequence[Expected], origin: Origin) -> None:
    for deed in deeds:
        if deed.at > origin.start + LONGEST:
            deed.line.refuse("is more than 14 days after the start")
    for each in expected:
        if each.when.last > origin.start + LONGEST:
            each.line.refuse("is more than 14 days after the start")


def _line(file: _File, place: int, *path: str) -> Line:
    """The line of a key, for what is wrong with it."""
    problem = file.document.problem(("test", place, *path), "")
    return Line(problem.file, problem.line, f"{problem.key}")


def _top_line(file: _File, key: str) -> Line:
    problem = file.document.problem((key,), "")
    return Line(problem.file, problem.line, key)


def _lines(file: _File, place: int, key: str, text: str) -> list[Line]:
    """The lines of a text of several; the first stands on the key's own, or on the next."""
    first = file.document.lines.get(("test", place, key))
    if first is not None and text.count("\n") and _opens_below(file, first):
        first += 1
    found = list(lines_of(text, file.document.file, first))
    if not found:
        _line(file, place, key).refuse("is empty")
    return found


def _opens_below(file: _File, number: int) -> bool:
    """Whether the text begins on the line after its quotes, which TOML leaves out."""
    written = Path(file.document.file).read_text().splitlines()[number - 1]
    return written.rstrip().endswith(('"""', "'''"))


def _origin(
    file: _File, place: int, table: StoryTable, zone: ZoneInfo, story: Sequence[Line]
) -> Origin:
    if table.start is not None:
        line = _line(file, place, "start")
        return Origin(moment(table.start, zone, line).astimezone(UTC), zone)
    midnight = datetime.fromisoformat(DAY).replace(tzinfo=zone).astimezone(UTC)
    first = story[0].text.split()[0].partition("..")[0]
    if first.startswith("+"):
        return Origin(moment(MORNING, zone, story[0]).astimezone(UTC), zone)
    return Origin(Origin(midnight, zone).instant(first, story[0]), zone)


def _batches(
    file: _File, place: int, table: StoryTable, config: Config, origin: Origin
) -> tuple[Described, ...]:
    default = next(iter(config.providers))
    if not table.batches:
        rates = config.providers[default].rates
        whole = Described(name="", provider=default, batch_id="batch", title="Batch", rates=rates)
        return (whole,)
    return tuple(
        describe(
            name,
            each,
            config.providers,
            origin,
            partial(_line, file, place, "batches", name),
        )
        for name, each in table.batches.items()
    )


def _rules(file: _File, place: int, table: StoryTable, config: Config) -> tuple[str, ...]:
    """The rule instances that run: those named, else all but those about Offhook itself."""
    known = [each.name for each in config.rules]
    if table.rules is None:
        return tuple(
            each.name for each in config.rules if not each.settings.rule.id.startswith("self_")
        )
    for name in table.rules:
        if name not in known:
            line = _line(file, place, "rules")
            line.refuse(f"no rule {name!r} runs here", hint_for(name, known))
    return table.rules


def _config(file: _File, place: int) -> Config:
    """The configuration that a test runs on, read once a vendor."""
    if file.given is not None:
        return file.given
    vendor = file.table.test[place].vendor or file.table.vendor
    if vendor is not None and vendor not in VENDORS:
        own = file.table.test[place].vendor is not None
        line = _line(file, place, "vendor") if own else _top_line(file, "vendor")
        todo = hint_for(vendor, VENDORS) or "give it a [providers.…] table in this file"
        line.refuse(f"{vendor!r} cannot be taken on its defaults", todo)
    if not file.own:
        return defaults(vendor)
    if vendor not in file.configs:
        file.configs[vendor] = own_config(file.document, vendor)
    return file.configs[vendor]
