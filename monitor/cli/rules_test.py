"""``rules test``: stories in TOML, played through the real rules and routes."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from monitor.app.ruletest.files import Story, is_own, read_tests
from monitor.app.ruletest.run import Event, Result, runner
from monitor.cli.output import FOUND, GOOD, WRONG, complain, print_json, print_lines
from monitor.cli.places import is_there, load_to_read
from monitor.config import Config
from monitor.core.wording import counted
from monitor.errors import ConfigError, Problem


def run(
    files: Sequence[Path],
    given: Path | None,
    only: str | None,
    *,
    verbose: bool,
    as_json: bool,
) -> int:
    """FOUND when a test does not hold; all files are read before the first test is played."""
    tests = _read(files, given)
    chosen = [(file, each) for file, each in tests if only is None or only in each.name]
    if not chosen:
        complain(f"no test has {only!r} in its name")
        return WRONG
    results: list[tuple[Path, Result]] = []
    with runner() as played:
        for file, test in chosen:
            results.append((file, played.run(test)))
            if not as_json:
                print_lines(_told(file, results[-1][1], verbose=verbose))
    failed = sum(not each.ok for _, each in results)
    if as_json:
        print_json({"ok": not failed, "tests": [_as_data(*each) for each in results]})
    else:
        sum_ = counted(len(results), "test")
        print_lines([f"{sum_}, all as expected" if not failed else f"{sum_}, {failed} failed"])
    return FOUND if failed else GOOD


def _read(files: Sequence[Path], given: Path | None) -> list[tuple[Path, Story]]:
    """The tests of all files; ConfigError with all that is wrong in any of them."""
    config: Config | None = None
    problems: list[Problem] = []
    found: list[tuple[Path, Story]] = []
    for file in files:
        if _is_missing(file):
            problems.append(Problem(str(file), None, "", "does not exist"))
            continue
        try:
            if is_own(file):
                found += [(file, each) for each in read_tests(file, None)]
                continue
            config = config or _config(given)
            found += [(file, each) for each in read_tests(file, config)]
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(tuple(problems))
    return found


def _is_missing(file: Path) -> bool:
    try:
        file.stat()
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False  # who reads it says what is wrong
    return False


def _config(given: Path | None) -> Config | None:
    """The user's; None, which stands for the defaults, where there is none anywhere."""
    if given is None and not is_there():
        return None
    return load_to_read(given)


def _told(file: Path, result: Result, *, verbose: bool) -> Iterator[str]:
    """For people: what was expected and what came, then all that happened."""
    mark = "ok  " if result.ok else "FAIL"
    yield f"{mark} {file}:{result.line}: {result.name}"
    for miss in result.misses:
        where = f"line {miss.line}: " if miss.line is not None else ""
        yield f"       {where}expected: {miss.expected}"
        yield f"       {' ' * len(where)}but: {miss.got}"
    if result.ok and not verbose:
        return
    yield "       what happened:" if result.events else "       nothing happened"
    yield from _course(result.events, ZoneInfo(result.zone))


def _course(events: Iterable[Event], zone: ZoneInfo) -> Iterator[str]:
    before: datetime | None = None
    for each in events:
        local = each.at.astimezone(zone)
        if before is not None and local.date() != before.date():
            yield f"         {local:%a %Y-%m-%d}"
        before = local
        yield f"         {local:%H:%M:%S} {each.rule} {each.what} on {each.subject} {each.text}"


def _as_data(file: Path, result: Result) -> dict[str, Any]:
    return {
        "file": str(file),
        "line": result.line,
        "name": result.name,
        "ok": result.ok,
        "misses": result.misses,
        "events": result.events,
    }
